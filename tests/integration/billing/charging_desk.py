"""What tests of automatic charges share: a customer with a kept card, an invoice that is due, and the bell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from kept_shop import customer, method_of, only, pay_and_save
from payment_shop import VISA, Shop

from invoicing import service as invoicing
from invoicing.documents import DraftInvoice, Line, Party
from invoicing.store import InvoiceRecord
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import NetDays, Terms
from orchestrator import clock_port
from orchestrator.billing import applying
from orchestrator.billing import service as billing
from orchestrator.billing.automatic_charge import service as automatic_charge
from orchestrator.billing.automatic_charge import store as automatic_charge_store
from orchestrator.billing.automatic_charge import work as automatic_charge_work
from orchestrator.billing.automatic_charge.store import ChargeRow
from orchestrator.billing.automatic_charge.tables import InvoiceAutomaticCharge
from orchestrator.customers.method_store import MethodRow
from orchestrator.gateways.credentials import Agreement
from orchestrator.ledger import verification
from orchestrator.ledger.checks import CHECKS
from orchestrator.notifications import store as events
from orchestrator.outbox import Later
from orchestrator.payments import store as payment_store
from orchestrator.payments.records import PaymentRow

NET_30 = NetDays(30)
_BOOKS = ("receivable", "customer_credit", "settled", "journals", "operations")


@dataclass(frozen=True)
class Payer:
    """A customer whose invoices are charged to a kept card."""

    shop: Shop
    customer_id: str
    method: MethodRow

    async def invoice(self, *, due: bool = True, terms: Terms = NET_30, **buyer: Any) -> InvoiceRecord:
        """119 euros, issued thirty days ago; or today, where it is not due."""
        draft = await billing.create_draft(self.shop.merchant_id, self.customer_id, draft_of(terms, **buyer))
        today = clock_port.now().date()
        on = today - timedelta(days=30) if due else today
        return await billing.finalize(self.shop.merchant_id, draft.id, issue_date=on, send_mail=False)


def draft_of(terms: Terms, **buyer: Any) -> DraftInvoice:
    party = {"name": "Ada Example", "country": "DE", "email": "ada@example.com", **buyer}
    line = Line("Work", Decimal(1), Decimal(100), TaxTreatment(TaxKind.VAT, 1900))
    seller = Party(name="Nordlicht GmbH", country="DE")
    return DraftInvoice(seller=seller, buyer=Party(**party), currency="EUR", lines=(line,), terms=terms)


async def payer(
    shop: Shop, number: str = VISA, *, gateway: str = "stripe", agreement: Agreement = Agreement.UNSCHEDULED, **how: Any
) -> Payer:
    """They kept a card of the number at the gateway, and have agreed to be charged."""
    await only(shop, gateway)
    person = await customer(shop)
    paid = await pay_and_save(shop, await shop.card(number), person.id, agreement=agreement, **how)
    method = await method_of(paid)
    await automatic_charge.switch_on(shop.merchant_id, person.id, method.id)
    return Payer(shop, person.id, method)


async def ring(invoice: InvoiceRecord) -> Later | None:
    """The bell, and what captured money sets off."""
    answer = await automatic_charge_work.look(invoice.id)
    for payment in await payments_of(invoice):
        if payment.amount_captured_minor:
            await applying.apply_payment(payment.id)
    return answer


async def ring_until_paid(invoice: InvoiceRecord) -> Later | None:
    await ring(invoice)
    return await ring(invoice)


async def make_due(invoice: InvoiceRecord) -> None:
    """As if the time had come."""
    earlier = clock_port.now() - timedelta(seconds=1)
    await InvoiceAutomaticCharge.update({InvoiceAutomaticCharge.due_at: earlier}).where(
        InvoiceAutomaticCharge.invoice_id == invoice.id
    )


async def charge_of(invoice: InvoiceRecord) -> ChargeRow:
    found = await automatic_charge_store.find(invoice.id)
    assert found is not None, "nothing was scheduled"
    return found


async def now(invoice: InvoiceRecord) -> InvoiceRecord:
    return await invoicing.get(invoice.merchant_id, invoice.id)


async def payments_of(invoice: InvoiceRecord) -> list[PaymentRow]:
    """Of the invoice, oldest first."""
    found = await payment_store.payments_of(invoice.merchant_id, limit=100)
    return [row for row in reversed(found) if row.source and row.source.startswith(f"{invoice.id}/")]


async def kept_charges(shop: Shop, invoice: InvoiceRecord) -> list[int]:
    """What the gateways have captured of the invoice and neither voided nor given back, in minor units."""
    found: Sequence[PaymentRow] = await payments_of(invoice)
    charges = [charge for payment in found for charge in await shop.kept(payment)]
    return [int(charge["captured_minor"]) for charge in charges if not charge["refunded_minor"]]


async def told(invoice: InvoiceRecord, kind: str) -> list[dict[str, Any]]:
    """What the events of a kind said of the invoice, newest first."""
    found = await events.events_of(invoice.merchant_id, limit=50, object_id=invoice.id)
    return [event.data for event in found if event.type == kind]


async def findings() -> list[str]:
    found = await verification.run([], checks=[check for check in CHECKS if check.name in _BOOKS])
    return [f"{one.check}: {one.detail}: {one.expected} / {one.actual}" for one in found.findings]
