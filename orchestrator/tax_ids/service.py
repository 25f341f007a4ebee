"""The verbs of VAT ids: follow those of customers, have a register asked, and say how they stand.

What is asked about is an id of a merchant, not a customer: an answer that comes late says something of the id that it
was asked about, whoever has it by then.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from invoicing.vat_ids import (
    Register,
    VatIdState,
    compact_vat_id,
    country_of_vat_id,
    is_check_due,
    is_vat_id,
    register_of,
)
from orchestrator import outbox
from orchestrator.errors import ClearwayError
from orchestrator.ids import new_id
from orchestrator.settings import get_settings
from orchestrator.tax_ids import store
from orchestrator.tax_ids.store import VatIdRow

TOPIC = "vat_id.ask"  # the subject is a prefix: the ids of one country are asked about one after the other
CHARS_MAX = 20
AGAIN_AFTER = timedelta(minutes=1)  # however often it is called for
ADD_TRIES = 5
NOT_WELL_FORMED = "The id is not well formed: check it for a mistyped digit."
OFF = "Online checks are off: set CLEARWAY_VAT__VIES_URL."
NOT_ASKED = "Not asked yet."
NO_REGISTER = "Ids of {} are not checked online; only VIES (the EU and Northern Ireland) is asked."


class VatIdNotCheckable(ClearwayError):
    """Nobody can be asked about the id."""

    status = 409
    code = "vat_id_not_checkable"


def is_followed(vat_id: str) -> bool:
    """Whether the text is, by its prefix, a VAT id of a scheme that we know."""
    return bool(country_of_vat_id(vat_id)) and len(compact_vat_id(vat_id)) <= CHARS_MAX


async def follow(merchant_id: str, customer_id: str, vat_id: str, now: datetime) -> None:
    """The customer has this id from now on, which is asked about if it is new; none where the text is no VAT id.

    Part of the transaction that changes the customer.
    """
    before = (await store.of_customers([customer_id])).get(customer_id)
    if not is_followed(vat_id):
        await unfollow(customer_id)
        return
    row = await known(merchant_id, vat_id, now)
    await store.hold(customer_id, row.id, now)
    if before is not None and before.id != row.id:
        await store.forget(before.id)


async def unfollow(customer_id: str) -> None:
    """The customer has no VAT id any more. What a register said of it goes, unless a document rests on it."""
    row_id = await store.let_go(customer_id)
    if row_id is not None:
        await store.forget(row_id)


async def known(merchant_id: str, vat_id: str, now: datetime) -> VatIdRow:
    """The merchant's row of an id that `is_followed`, made where there is none. Part of the caller's transaction."""
    return (await _known(merchant_id, [compact_vat_id(vat_id)], now, ask=False))[compact_vat_id(vat_id)]


async def all_known(merchant_id: str, vat_ids: Iterable[str], now: datetime) -> dict[str, VatIdRow]:
    """The same of those of these texts that are followed, by the text. They are used on documents: what has no answer,
    or an old one, is asked about. Once in a transaction, see `_known`."""
    compact = {vat_id: compact_vat_id(vat_id) for vat_id in vat_ids if is_followed(vat_id)}
    found = await _known(merchant_id, compact.values(), now, ask=True)
    return {vat_id: found[one] for vat_id, one in compact.items()}


async def _known(merchant_id: str, compact: Iterable[str], now: datetime, *, ask: bool) -> dict[str, VatIdRow]:
    """Locks are taken in one order, so that no two transactions wait for each other crosswise: ids that are added, by
    the id; those that are to be asked about again, by their rows; then the bells of their countries."""
    wanted, rung = sorted(set(compact)), list[VatIdRow]()
    for _ in range(ADD_TRIES):
        found = await store.find(merchant_id, wanted)
        missing = [_new(merchant_id, one, now) for one in wanted if one not in found]
        if not missing:
            again = [row for row in found.values() if ask and _is_due_anew(row, now)]
            await store.make_due([row.id for row in again], now)
            await _ring([*rung, *again], now)
            return found
        rung += [row for row in missing if await store.add(row) and row.due_at is not None]
    raise RuntimeError(f"VAT ids of {merchant_id} are taken out as fast as they are added")


def _is_due_anew(row: VatIdRow, now: datetime) -> bool:
    """Whether it should be asked about and is not waiting for that already: then its bell has been rung."""
    is_waiting = row.due_at is not None and row.due_at <= now
    return not is_waiting and _is_askable(row.vat_id) and is_check_due(row.as_check(), now)


async def ask_now(merchant_id: str, customer_id: str, vat_id: str, now: datetime) -> VatIdRow:
    """Have the register asked about the customer's id, before others of its country that wait for longer; a minute
    after the last time at the soonest. Raises VatIdNotCheckable. Part of the caller's transaction."""
    if not vat_id:
        raise VatIdNotCheckable("The customer has no VAT id. Set one: PATCH /v1/customers/{id} with `vat_id`.")
    if not is_followed(vat_id):
        raise VatIdNotCheckable("The VAT id begins with no prefix of the EU, GB, XI, CH or NO, such as DE.")
    await follow(merchant_id, customer_id, vat_id, now)
    row = await known(merchant_id, vat_id, now)
    if not _is_askable(row.vat_id) or not get_settings().vat.vies_url:
        raise VatIdNotCheckable(why(row, row.vat_id) or OFF)
    await ask_at(row, now if row.asked_at is None else max(now, row.asked_at + AGAIN_AFTER))
    return await known(merchant_id, vat_id, now)


async def ask_at(row: VatIdRow, due_at: datetime) -> None:
    await store.make_due([row.id], due_at)
    await _ring([row], due_at)


def why(row: VatIdRow | None, vat_id: str) -> str:
    """In words, why there is no answer; empty where there is one."""
    if row is not None and row.state is not VatIdState.PENDING:
        return row.detail
    if not is_vat_id(vat_id):
        return NOT_WELL_FORMED
    if not _is_askable(vat_id):
        return NO_REGISTER.format(country_of_vat_id(vat_id))
    return NOT_ASKED if get_settings().vat.vies_url else OFF


def _new(merchant_id: str, compact: str, now: datetime) -> VatIdRow:
    well_formed = is_vat_id(compact)
    return VatIdRow(
        id=new_id("vat"),
        merchant_id=merchant_id,
        vat_id=compact,
        prefix=compact[:2],
        state=VatIdState.PENDING if well_formed else VatIdState.INVALID,
        detail="" if well_formed else NOT_WELL_FORMED,
        tries=0,
        asked_at=None,
        due_at=now if _is_askable(compact) else None,
        created_at=now,
    )


def _is_askable(compact: str) -> bool:
    return is_vat_id(compact) and register_of(compact) is Register.VIES


async def _ring(rows: Iterable[VatIdRow], at: datetime) -> None:
    """Where checks are off they wait, until those are on and somebody looks (`asking.look_around`)."""
    if get_settings().vat.vies_url:
        for prefix in sorted({row.prefix for row in rows}):
            await outbox.enqueue(TOPIC, prefix, at)
