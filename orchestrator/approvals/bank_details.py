"""Where a merchant's invoices ask to be paid: changed by two people and after a time in which it can be stopped."""

from __future__ import annotations

import msgspec
from stdnum import iban

from orchestrator import clock_port
from orchestrator.access import service as access
from orchestrator.access.store import MerchantRow
from orchestrator.approvals import service, store
from orchestrator.approvals.states import ApprovalKind
from orchestrator.approvals.store import ApprovalRow
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField


class BankDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """An account as invoices print it."""

    holder: str
    iban: str
    bic: str = ""


def present(merchant: MerchantRow) -> BankDetails | None:
    bank = merchant.profile.get("bank")
    return msgspec.convert(bank, BankDetails) if bank else None


async def ask_to_change(merchant_id: str, asked: BankDetails) -> ApprovalRow:
    """Ask for other bank details. The same request again is the one that is open.

    Raises InvalidField for an IBAN whose check digits are wrong, Conflict while another change is open.
    """
    if not iban.is_valid(asked.iban):
        raise InvalidField("iban", "is no valid IBAN: compare its digits")
    new = msgspec.structs.replace(asked, iban=iban.compact(asked.iban))
    previous = (await access.get_merchant(merchant_id)).profile.get("bank")
    payload = {"new": msgspec.to_builtins(new), "previous": previous}
    told = {"iban_ends": new.iban[-4:], "previous_iban_ends": str((previous or {}).get("iban", ""))[-4:]}
    async with transaction():
        waiting = await store.open_one(merchant_id, ApprovalKind.BANK_DETAILS, merchant_id)
        if waiting is not None and waiting.payload["new"] == payload["new"]:
            return waiting
        return await service.ask(ApprovalKind.BANK_DETAILS, merchant_id, merchant_id, payload, told)


async def change(row: ApprovalRow) -> None:
    """Do what was approved. Raises Conflict when the details are not those any more that the approver saw replaced."""
    async with transaction():
        if not await store.put_bank_details(row.merchant_id, row.payload["new"], row.payload["previous"]):
            raise Conflict("The bank details have been changed otherwise since this was asked for.")
        await service.executed(row.id, row.merchant_id, clock_port.now())
