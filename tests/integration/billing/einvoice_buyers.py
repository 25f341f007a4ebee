"""Customers who get e-invoices each in their way, drafts for them, and the directory that a program empties."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from billing_desk import Desk

from invoicing.documents import DraftInvoice
from invoicing.store import InvoiceRecord
from orchestrator.access import store as access
from orchestrator.billing import service
from orchestrator.billing.transmissions import store
from orchestrator.billing.transmissions.store import TransmissionRow
from orchestrator.customers import service as customers
from tests.unit.invoicing.einvoice_samples import GERMAN, draft, without

LEITWEG_ID = "991-01484-64"
FILE_DROP = {"format": "xrechnung_ubl", "channel": "file_drop", "buyer_reference": LEITWEG_ID}
PEPPOL = {
    "format": "peppol_bis_3",
    "channel": "peppol",
    "address": {"scheme": "0204", "identifier": LEITWEG_ID},
    "buyer_reference": "PO-1",
}
# As most customers are on record: nothing that an e-invoice would need beyond what a PDF prints.
PLAIN_BUYER = without(GERMAN, electronic_address="", electronic_address_scheme="")


def plain_draft(**given: Any) -> DraftInvoice:
    return draft(**{"buyer": PLAIN_BUYER, "buyer_reference": "", **given})


async def customer_with(desk: Desk, e_invoice: dict[str, Any] | None) -> str:
    profile = {"e_invoice": e_invoice}
    made = await customers.create(
        desk.merchant_id, "Beta", "ap@beta.example", country="DE", locale="de", profile=profile
    )
    return made.id


async def drafted(desk: Desk, e_invoice: dict[str, Any] | None, **given: Any) -> InvoiceRecord:
    customer_id = await customer_with(desk, e_invoice)
    return await service.create_draft(desk.merchant_id, customer_id, plain_draft(**given))


async def sent_out(desk: Desk, e_invoice: dict[str, Any], **given: Any) -> TransmissionRow:
    """An invoice that is issued, and on its way."""
    made = await drafted(desk, e_invoice, **given)
    issued = await service.finalize(desk.merchant_id, made.id)
    (row,) = await store.of_merchant(desk.merchant_id, document_id=issued.id, limit=2)
    return row


async def now(row: TransmissionRow) -> TransmissionRow:
    found = await store.find(row.id)
    assert found is not None
    return found


async def set_profile(merchant_id: str, **fields: Any) -> None:
    for name, value in fields.items():
        await access.put_in_profile(merchant_id, name, value)


class DropBox:
    """What the merchant's program sees of one channel."""

    def __init__(self, directory: Path) -> None:
        self.outbox = directory / "outbox"
        self.answers = directory / "answers"

    def files(self) -> list[str]:
        return sorted(path.name for path in self.outbox.glob("*")) if self.outbox.exists() else []

    def label(self, message_id: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.outbox / f"{message_id}.json").read_bytes())
        return found

    def answer(self, message_id: str, state: str, reference: str = "", *reasons: str) -> None:
        content = {"state": state, "reference": reference, "reasons": list(reasons)}
        (self.answers / f"{message_id}.json").write_bytes(msgspec.json.encode(content))
