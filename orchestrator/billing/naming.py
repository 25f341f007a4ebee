"""Which invoices the text of a bank transfer names."""

from __future__ import annotations

from invoicing import store
from invoicing.errors import PaymentMismatch
from invoicing.remittance import mentions_in, named_by
from invoicing.store import InvoiceRecord

REMITTANCE_MAX = 500


async def named_invoices(merchant_id: str, remittance: str) -> list[InvoiceRecord]:
    """The issued invoices whose creditor reference or number is in the text, in the order of the text.

    Raises PaymentMismatch where a number may be that of more than one."""
    mentions = mentions_in(remittance[:REMITTANCE_MAX])
    found = await store.invoices_by_bare_number(merchant_id, sorted({mention.number for mention in mentions}))
    named: list[InvoiceRecord] = []
    for ids in named_by(mentions, {one: invoice.number or "" for one, invoice in found.items()}):
        if len(ids) > 1:
            numbers = ", ".join(sorted(found[one].number or "" for one in ids))
            raise PaymentMismatch("remittance", f"may name each of {numbers}; say in parts which it is")
        named += [found[one] for one in ids]
    return named
