"""A merchant that follows its customers' VAT ids: asks, looks, and issues untaxed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from invoicing.documents import DraftInvoice, Line, Party
from invoicing.store import InvoiceRecord
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import NetDays
from orchestrator.billing import service as billing
from orchestrator.customers import service as customers
from orchestrator.db import fetch
from orchestrator.notifications import store as events
from orchestrator.outbox import Later
from orchestrator.tax_ids import asking, store
from orchestrator.tax_ids.store import VatIdRow

OWN, AUSTRIAN, ITALIAN, OTHER_AUSTRIAN = "DE136695976", "ATU13585627", "IT00743110157", "ATU33864707"
REVERSE_CHARGE, VAT = TaxTreatment(TaxKind.REVERSE_CHARGE), TaxTreatment(TaxKind.VAT, 1900)


class Day:
    """The time it is."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 2, 9, tzinfo=UTC)

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass(frozen=True)
class Desk:
    merchant_id: str
    day: Day

    async def customer(self, vat_id: str = AUSTRIAN) -> str:
        made = await customers.create(
            self.merchant_id, "Alpenklang", "a@a.example", country="AT", locale="de", profile={"vat_id": vat_id}
        )
        return made.id

    async def change(self, customer_id: str, vat_id: str) -> None:
        await customers.change(self.merchant_id, customer_id, {"profile": {"vat_id": vat_id}})

    async def standing(self, customer_id: str) -> VatIdRow:
        return (await store.of_customers([customer_id]))[customer_id]

    async def state(self, customer_id: str) -> str:
        return (await self.standing(customer_id)).as_check().state.value

    async def told(self, customer_id: str) -> list[dict[str, Any]]:
        found = await events.events_of(self.merchant_id, limit=50, object_id=customer_id)
        return [event.data for event in reversed(found) if event.type == "customer.vat_id_checked"]

    async def draft(self, vat_id: str = AUSTRIAN, tax: TaxTreatment = REVERSE_CHARGE) -> InvoiceRecord:
        seller = Party(name="Acme", country="DE", vat_id=OWN)
        buyer = Party(name="Alpenklang", country="AT", vat_id=vat_id, email="a@a.example")
        lines = (Line("Work", Decimal(1), Decimal("100.00"), tax),)
        content = DraftInvoice(seller=seller, buyer=buyer, currency="EUR", lines=lines, terms=NetDays(30))
        return await billing.create_draft(self.merchant_id, "cus_1", content)

    async def issue(self, vat_id: str = AUSTRIAN, tax: TaxTreatment = REVERSE_CHARGE) -> InvoiceRecord:
        made = await self.draft(vat_id, tax)
        on: date = self.day.now.date()
        return await billing.finalize(self.merchant_id, made.id, issue_date=on, send_mail=False)


async def rung() -> list[str]:
    """The countries whose bells are waiting."""
    rows = await fetch("SELECT subject FROM outbox WHERE topic = 'vat_id.ask' ORDER BY subject")
    return [row["subject"] for row in rows]


async def ask(prefix: str = "AT") -> Later | None:
    """What a worker does when the bell rings."""
    return await asking.look(prefix)
