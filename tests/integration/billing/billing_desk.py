"""A merchant's accounts desk: drafts, issues, receives, and looks at the books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from currency.money import Money
from invoicing.documents import DraftInvoice, Line, Party
from invoicing.store import InvoiceRecord
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import AgreedTerms, DiscountStep, EarlyPayment, NetDays, Terms
from orchestrator import clock_port
from orchestrator.billing import receipts, service
from orchestrator.billing.receipts import NewReceipt, ReceiptView
from orchestrator.ledger import service as ledger
from orchestrator.ledger import verification
from orchestrator.ledger.checks import CHECKS
from orchestrator.notifications import store as events

VAT = TaxTreatment(TaxKind.VAT, 1900)
REDUCED = TaxTreatment(TaxKind.VAT, 700)
NET_30 = NetDays(30)
SKONTO = AgreedTerms(due=NetDays(30), early_payment=EarlyPayment(steps=(DiscountStep(10, 200),)))
_BOOKS = ("receivable", "customer_credit", "settled", "journals", "projection")


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def draft_of(*prices: str, currency: str = "EUR", terms: Terms = NET_30) -> DraftInvoice:
    """Lines of one piece each, the second and later ones at the reduced rate."""
    party = Party(name="P", country="DE", email="p@p.example")
    lines = tuple(
        Line(f"Work {place}", Decimal(1), Decimal(price), VAT if place == 0 else REDUCED)
        for place, price in enumerate(prices)
    )
    return DraftInvoice(seller=party, buyer=party, currency=currency, lines=lines, terms=terms)


@dataclass(frozen=True)
class Desk:
    merchant_id: str
    customer_id: str

    async def draft(self, *prices: str, currency: str = "EUR", terms: Terms = NET_30) -> InvoiceRecord:
        wanted = draft_of(*(prices or ("100",)), currency=currency, terms=terms)
        return await service.create_draft(self.merchant_id, self.customer_id, wanted)

    async def issue(
        self, *prices: str, currency: str = "EUR", terms: Terms = NET_30, on: date | None = None
    ) -> InvoiceRecord:
        made = await self.draft(*prices, currency=currency, terms=terms)
        return await service.finalize(self.merchant_id, made.id, issue_date=on, send_mail=False)

    async def receive(self, minor: int, reference: str = "r1", currency: str = "EUR", **more: object) -> ReceiptView:
        today = clock_port.now().date()
        given = {"source": "bank", "reference": reference, "received_on": today, **more}
        new = NewReceipt(customer_id=self.customer_id, amount=Money(minor, currency), **given)  # type: ignore[arg-type]
        return await receipts.apply_receipt(self.merchant_id, new)

    async def now(self, invoice: InvoiceRecord) -> InvoiceRecord:
        from invoicing import service as invoicing

        return await invoicing.get(self.merchant_id, invoice.id)

    async def balances(self, currency: str = "EUR") -> dict[str, int]:
        """By kind of account, where it is anything."""
        found: dict[str, int] = {}
        for row in await ledger.balances(self.merchant_id):
            if row.currency == currency and row.balance_minor:
                found[row.kind] = found.get(row.kind, 0) + row.balance_minor
        return found

    async def told(self, object_id: str) -> list[str]:
        return [event.type for event in await events.events_of(self.merchant_id, limit=50, object_id=object_id)]


async def findings() -> list[str]:
    """What the ledger's own checks find in the books of invoices."""
    found = await verification.run([], checks=[check for check in CHECKS if check.name in _BOOKS])
    return [f"{one.check} {one.subject}: {one.detail}: {one.expected} / {one.actual}" for one in found.findings]
