"""Recipients' parts that are sent by transfers after the capture, and taken back after a refund.

A transfer is a row committed before it is sent; its id is the idempotency key. One whose answer was lost is sent again
with that key while the gateway remembers it, and left to a person after that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, assert_never

from msgspec import structs

from orchestrator import clock_port, outbox
from orchestrator.db import transaction
from orchestrator.events import EventType
from orchestrator.gateways import connections
from orchestrator.gateways.base import Gateway, OperationKind
from orchestrator.gateways.connections import Connection
from orchestrator.gateways.facets import Answer, TransferOrder
from orchestrator.ids import new_id
from orchestrator.installation import service as installation
from orchestrator.ledger import rules
from orchestrator.ledger.service import JournalKind, References, balance_minor, post
from orchestrator.notifications.service import record
from orchestrator.outbox import Later
from orchestrator.payments.outcomes import is_proof
from orchestrator.payments.records import AttemptRow, OperationRow, Story
from orchestrator.recipients import store
from orchestrator.recipients.records import SplitTransferRow, TransferKind, TransferState
from orchestrator.settings import get_settings
from routing.outcomes import Outcome, OutcomeKind

TOPIC = "split.transfer"
PAUSES_S = (2, 10, 60, 600, 3600)  # between tries; then the last again
CLAIM_MARGIN_S = 5
GIVE_UP_AFTER_S = 48 * 3600  # of not reaching the gateway
_OPEN = (TransferState.PLANNED, TransferState.SENT, TransferState.UNKNOWN)


async def plan(
    story: Story,
    attempt: AttemptRow,
    operation: OperationRow,
    outcome: Outcome,
    now: datetime,
    *,
    taken_back: bool,
) -> None:
    """Write down what is to be sent or taken back because of an operation, in the caller's transaction.

    A capture sends the parts, and one that was taken back takes them back; a refund takes its parts back, and one that
    was taken back sends them again.
    """
    sends = (operation.kind is OperationKind.REFUND) == taken_back
    charge = outcome.gateway_operation_id or operation.gateway_operation_id
    source = operation
    if operation.kind is OperationKind.REFUND:
        source = story.operation(operation.target_operation_id or "")
        charge = source.gateway_operation_id
    earlier = await store.transfers_of_payment(story.payment.id)
    for part in operation.splits or ():
        row = SplitTransferRow(
            id=new_id("spt"),
            merchant_id=story.payment.merchant_id,
            payment_id=story.payment.id,
            operation_id=operation.id,
            kind=TransferKind.TRANSFER,
            reverses_id=None,
            recipient_id=part.recipient_id,
            gateway_account_id=attempt.gateway_account_id,
            gateway_recipient_id=part.gateway_recipient_id,
            gateway_operation_id=charge,
            amount_minor=part.amount_minor,
            currency=operation.currency,
            state=TransferState.PLANNED,
            outcome=None,
            gateway_transfer_id="",
            decline=None,
            detail="",
            exchange=None,
            tries=0,
            created_at=now,
            sent_at=None,
            expires_at=None,
            settled_at=None,
        )
        rows = [row] if sends else reversals(row, source.id, charge, earlier)
        for planned in rows:
            if await store.insert_transfer(planned):
                await outbox.enqueue(TOPIC, planned.id, now)
        if not sends:
            await _tell_if_negative(row, now, unless_planned=bool(rows))


def reversals(
    wanted: SplitTransferRow, capture_id: str, charge: str, earlier: Sequence[SplitTransferRow]
) -> list[SplitTransferRow]:
    """How an amount is taken back from the transfers of one capture to a recipient, oldest first.

    What was never sent, or is already taken back, is not taken back: less than wanted where there is no more.
    """
    sent = [
        row
        for row in earlier
        if row.kind is TransferKind.TRANSFER
        and row.recipient_id == wanted.recipient_id
        and (row.operation_id == capture_id or row.gateway_operation_id == charge)
        and not row.failed
    ]
    rows: list[SplitTransferRow] = []
    left_minor = wanted.amount_minor
    for transfer in sent:
        back = [row for row in earlier if row.reverses_id == transfer.id and not row.failed]
        minor = min(left_minor, transfer.amount_minor - sum(row.amount_minor for row in back))
        if minor > 0:
            row_id = wanted.id if not rows else new_id("spt")
            kind = TransferKind.REVERSAL
            rows.append(structs.replace(wanted, id=row_id, kind=kind, reverses_id=transfer.id, amount_minor=minor))
            left_minor -= minor
    return rows


async def settle(transfer_id: str) -> Later | None:
    """Send the transfer, or find out what became of it. Run by the outbox, also twice at once."""
    if await installation.why_frozen():
        return Later(clock_port.now() + timedelta(seconds=installation.LOOK_AGAIN_FROZEN_S))
    claimed = await _claim(transfer_id)
    if not isinstance(claimed, SplitTransferRow):
        return claimed
    try:
        connection = await connections.connect(claimed.gateway_account_id)
    except Exception as error:  # credentials that cannot be opened or built with: nothing was sent
        answer: Answer[str] = Answer(OutcomeKind.NOT_REACHED, detail=f"the account cannot be used: {error}")
        return await _apply(claimed, answer)
    target = await store.transfer(claimed.reverses_id) if claimed.reverses_id else None
    if why := _too_late(claimed, connection, clock_port.now()):
        await _leave_to_a_person(claimed, why)
        return None
    answer = await connection.ask(lambda gateway: _send(gateway, claimed, target))
    return await _apply(claimed, answer)


async def _claim(transfer_id: str) -> SplitTransferRow | Later | None:
    """The row with its claim written down, else when to look again (None: never)."""
    now = clock_port.now()
    async with transaction():
        row = await store.transfer(transfer_id, lock=True)
        if row is None or row.state not in _OPEN:
            return None
        if row.state is TransferState.SENT and row.expires_at is not None and row.expires_at > now:
            return Later(row.expires_at)  # another worker waits for its answer
        target = await store.transfer(row.reverses_id) if row.reverses_id else None
        if target is not None and target.failed:  # it was never sent, so there is nothing to take back
            await _write(row, {"detail": "the transfer that it takes back failed"}, OutcomeKind.NOT_REACHED, now)
            return None
        if target is not None and not target.done:
            return Later(now + timedelta(seconds=PAUSES_S[0]))
        known = {TransferState.PLANNED: TransferState.SENT}.get(row.state, TransferState.UNKNOWN)
        values: dict[str, Any] = {
            "state": TransferState.SENT.value,
            "sent_at": row.sent_at or now,
            "expires_at": now + timedelta(seconds=_patience_s()),
            "tries": row.tries + 1,
        }
        await store.update_transfer(row.id, row.state, values)
        # what was out before may have happened, so the caller has to look at the gateway's window
        return structs.replace(row, state=known, sent_at=row.sent_at or now, tries=row.tries + 1)


def _patience_s() -> int:
    limits = get_settings().limits
    return limits.gateway_connect_timeout_s + limits.gateway_read_timeout_s + CLAIM_MARGIN_S


def _too_late(row: SplitTransferRow, connection: Connection, now: datetime) -> str:
    """Why nothing may be sent any more; `` where it may."""
    assert row.sent_at is not None
    if row.state is TransferState.UNKNOWN:
        lost_s = (now - row.sent_at).total_seconds()
        return "its answer was lost, and the time to ask again is over" if lost_s > connection.resend_window_s else ""
    waited_s = (now - row.created_at).total_seconds()
    return "the gateway could not be reached" if row.tries > 1 and waited_s > GIVE_UP_AFTER_S else ""


def _send(gateway: Gateway, row: SplitTransferRow, target: SplitTransferRow | None) -> Answer[str]:
    transfers = gateway.facets.transfers
    if transfers is None:
        return Answer(OutcomeKind.NOT_REACHED, detail="the gateway has no transfers")
    if target is not None:
        return transfers.reverse(target.gateway_transfer_id, row.amount, row.id)
    order = TransferOrder(
        idempotency_key=row.id,
        recipient=row.gateway_recipient_id,
        amount=row.amount,
        gateway_operation_id=row.gateway_operation_id,
        group=row.payment_id,
        reference=row.id,
    )
    return transfers.transfer(order)


async def _apply(claimed: SplitTransferRow, answer: Answer[str]) -> Later | None:
    """Write down what the gateway said, and post what moved. `claimed` is UNKNOWN where an earlier copy was out."""
    now = clock_port.now()
    async with transaction():
        row = await store.transfer(claimed.id, lock=True)
        if row is None or row.state is TransferState.SETTLED:
            return None  # another worker heard first
        if answer.kind is not OutcomeKind.APPROVED and (row.state, row.tries) != (TransferState.SENT, claimed.tries):
            return None  # a later copy is out, and only what moved money counts besides it
        values: dict[str, Any] = {"detail": answer.detail[:500], "exchange": dict(answer.exchange) or None}
        match answer.kind:
            case OutcomeKind.APPROVED:
                values["gateway_transfer_id"] = answer.value or row.gateway_transfer_id
                await _post(row, answer.value or "", now)
                await _write(row, values, OutcomeKind.APPROVED, now)
                return None
            case OutcomeKind.DECLINED | OutcomeKind.ACTION_REQUIRED if not _says_nothing(claimed, answer):
                values["decline"] = asdict(answer.decline) if answer.decline else None
                await _write(row, values, OutcomeKind.DECLINED, now)
                await _tell(EventType.SPLIT_TRANSFER_FAILED, row, now)
                if row.kind is TransferKind.REVERSAL:
                    await _tell_if_negative(row, now)
                return None
            case OutcomeKind.NOT_REACHED if claimed.state is TransferState.SENT:
                values["state"] = TransferState.PLANNED.value  # this first copy never left: it is as if not sent
                values["sent_at"] = None
            case (
                OutcomeKind.NOT_REACHED
                | OutcomeKind.UNKNOWN
                | OutcomeKind.PENDING
                | OutcomeKind.DECLINED
                | OutcomeKind.ACTION_REQUIRED
            ):
                values["state"] = TransferState.UNKNOWN.value
                values["gateway_transfer_id"] = answer.value or row.gateway_transfer_id
            case _:
                assert_never(answer.kind)
        await store.update_transfer(row.id, row.state, values)
    return Later(now + timedelta(seconds=PAUSES_S[min(row.tries, len(PAUSES_S)) - 1]))


def _says_nothing(claimed: SplitTransferRow, answer: Answer[str]) -> bool:
    """A second copy that was turned away at the door (our key, our rate) says nothing of the first one."""
    return claimed.state is TransferState.UNKNOWN and not is_proof(Outcome(answer.kind, decline=answer.decline))


async def _leave_to_a_person(claimed: SplitTransferRow, why: str) -> None:
    now = clock_port.now()
    async with transaction():
        values = {"state": TransferState.NEEDS_REVIEW.value, "detail": why}
        if await store.update_transfer(claimed.id, TransferState.SENT, values):
            await _tell(EventType.SPLIT_TRANSFER_NEEDS_REVIEW, claimed, now)


async def _write(row: SplitTransferRow, values: dict[str, Any], outcome: OutcomeKind, now: datetime) -> None:
    settled = {"state": TransferState.SETTLED.value, "outcome": outcome.value, "settled_at": now}
    await store.update_transfer(row.id, row.state, {**values, **settled})


async def _post(row: SplitTransferRow, gateway_transfer_id: str, now: datetime) -> None:
    entries = rules.handed_over(row.gateway_account_id, {row.recipient_id: row.amount})
    if row.kind is TransferKind.REVERSAL:
        entries = rules.taken_back(entries)
    await post(
        f"split_transfer:{row.id}",
        entries,
        merchant_id=row.merchant_id,
        kind=JournalKind.SPLIT_TRANSFER,
        at=now,
        memo=f"part {'sent to' if row.kind is TransferKind.TRANSFER else 'taken back from'} {row.gateway_recipient_id}",
        references=References(
            gateway_account_id=row.gateway_account_id,
            payment_id=row.payment_id,
            operation_id=row.operation_id,
            gateway_operation_id=gateway_transfer_id,
        ),
    )


async def _tell(event: EventType, row: SplitTransferRow, now: datetime) -> None:
    data = {
        "split_transfer": row.id,
        "kind": row.kind.value,
        "recipient_id": row.recipient_id,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
    }
    await record(event, row.merchant_id, row.payment_id, data, now)


async def _tell_if_negative(row: SplitTransferRow, now: datetime, *, unless_planned: bool = False) -> None:
    """A recipient that owes us, where no transfer that would mend it is on its way."""
    if unless_planned:
        return
    await store.lock([row.recipient_id])  # two at once would each see a balance without the other's
    owed_minor = -await balance_minor(row.merchant_id, rules.payable(row.recipient_id), row.currency)
    if owed_minor < 0:
        data = {"balance_minor": owed_minor, "currency": row.currency, "payment_id": row.payment_id}
        await record(EventType.RECIPIENT_BALANCE_NEGATIVE, row.merchant_id, row.recipient_id, data, now)
