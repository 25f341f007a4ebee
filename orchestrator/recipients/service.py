"""The verbs of recipients: create, change, ask the gateways whether they can be paid, and see what they are owed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from msgspec import structs

from currency.money import Money
from orchestrator import clock_port
from orchestrator.access.store import bind_idempotency
from orchestrator.db import transaction
from orchestrator.errors import InvalidField, NotFound
from orchestrator.gateways import connections, registry
from orchestrator.gateways import store as gateway_store
from orchestrator.gateways.base import Gateway
from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.facets import Answer
from orchestrator.gateways.facets import Recipient as GatewayRecipient
from orchestrator.gateways.store import GatewayAccountRow
from orchestrator.ids import new_id
from orchestrator.ledger import balances as ledger_balances
from orchestrator.recipients import store
from orchestrator.recipients.records import OnboardingState, RecipientAccountRow, RecipientRow
from routing.outcomes import OutcomeKind

SPLITS_MAX = 20  # recipients of one payment
ACCOUNTS_MAX = 20  # gateway accounts of one recipient


@dataclass(frozen=True, slots=True)
class NewRecipient:
    """What a recipient is made of. `accounts`: its id at the gateway, by our gateway account's id."""

    merchant_id: str
    name: str
    reference: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecipientView:
    """A recipient with its accounts, and what we owe it by currency (negative: it owes us)."""

    recipient: RecipientRow
    accounts: list[RecipientAccountRow]
    balances: list[Money]


async def create(new: NewRecipient, idempotency_id: str | None = None) -> RecipientView:
    """Raises InvalidField for a gateway account that is not the merchant's. Gateways are asked how it stands there."""
    now = clock_port.now()
    row = RecipientRow(new_id("rcp"), new.merchant_id, new.name, new.reference, dict(new.metadata), now, now)
    accounts = await _asked(row, new.accounts, {})
    async with transaction():
        await store.insert(row)
        for account in accounts:
            await store.put_account(account)
        if idempotency_id:
            await bind_idempotency(idempotency_id, row.id)
    return await get(new.merchant_id, row.id)


async def update(
    merchant_id: str,
    recipient_id: str,
    *,
    name: str | None = None,
    reference: str | None = None,
    metadata: dict[str, str] | None = None,
    accounts: Mapping[str, str] | None = None,
) -> RecipientView:
    """Change what is given; `accounts` are added or changed. What was sent before keeps the id it was sent to.

    Raises NotFound, InvalidField.
    """
    row = await _found(merchant_id, recipient_id)
    row = structs.replace(
        row,
        name=row.name if name is None else name,
        reference=row.reference if reference is None else reference,
        metadata=row.metadata if metadata is None else metadata,
        updated_at=clock_port.now(),
    )
    asked = await _asked(row, accounts or {}, {a.gateway_account_id: a for a in await store.accounts_of([row.id])})
    async with transaction():
        await store.update(row)
        for account in asked:
            await store.put_account(account)
    return await get(merchant_id, recipient_id)


async def refresh(merchant_id: str, recipient_id: str) -> RecipientView:
    """Ask every gateway again whether the recipient can be paid there. Raises NotFound."""
    row = await _found(merchant_id, recipient_id)
    known = {account.gateway_account_id: account for account in await store.accounts_of([row.id])}
    asked = await _asked(row, {name: account.gateway_recipient_id for name, account in known.items()}, known)
    async with transaction():
        for account in asked:
            await store.put_account(account)
    return await get(merchant_id, recipient_id)


async def get(merchant_id: str, recipient_id: str) -> RecipientView:
    """Raises NotFound, also for another merchant's."""
    row = await _found(merchant_id, recipient_id)
    owed = [Money(-found.balance_minor, found.currency) for found in await ledger_balances.of_recipient(row.id)]
    return RecipientView(row, await store.accounts_of([row.id]), owed)


async def require(merchant_id: str, recipient_ids: Sequence[str]) -> None:
    """Raises InvalidField naming the split whose recipient is not the merchant's."""
    if not recipient_ids:
        return
    known = await store.known(merchant_id, recipient_ids)
    for number, recipient_id in enumerate(recipient_ids):
        if recipient_id not in known:
            raise InvalidField(f"splits[{number}].recipient_id", "is no recipient of yours: POST /v1/recipients first")


async def gateway_ids(recipient_ids: Sequence[str], gateway_account_id: str) -> dict[str, str]:
    """Each recipient's id at the gateway account; those that have none there are left out."""
    rows = await store.accounts_of(recipient_ids)
    return {row.recipient_id: row.gateway_recipient_id for row in rows if row.gateway_account_id == gateway_account_id}


async def obstacles(recipient_ids: Sequence[str], accounts: Sequence[GatewayAccountRow]) -> dict[str, str]:
    """By gateway account id, why these recipients cannot be paid through it; accounts where they can are left out."""
    held = {(row.recipient_id, row.gateway_account_id): row for row in await store.accounts_of(recipient_ids)}
    found = {account.id: _obstacle(recipient_ids, account, held) for account in accounts}
    return {account_id: why for account_id, why in found.items() if why}


def _obstacle(
    recipient_ids: Sequence[str],
    account: GatewayAccountRow,
    held: Mapping[tuple[str, str], RecipientAccountRow],
) -> str:
    kind = registry.kind_of(account.gateway)
    if not kind.capabilities.can(Verb.SPLIT):
        return f"{account.gateway} cannot split a payment"
    if kind.split_recipients_max is not None and len(recipient_ids) > kind.split_recipients_max:
        return f"{account.gateway} pays {kind.split_recipients_max} recipient of a payment, not {len(recipient_ids)}"
    for recipient_id in recipient_ids:
        row = held.get((recipient_id, account.id))
        if row is None:
            return f"recipient {recipient_id} has no account at {account.gateway}"
        if not row.payable:
            return f"recipient {recipient_id} cannot be paid at {account.gateway}: {row.missing}"
    return ""


async def _found(merchant_id: str, recipient_id: str) -> RecipientRow:
    row = await store.recipient(recipient_id)
    if row is None or row.merchant_id != merchant_id:
        raise NotFound("recipient", recipient_id)
    return row


async def _asked(
    row: RecipientRow, ids: Mapping[str, str], known: Mapping[str, RecipientAccountRow]
) -> list[RecipientAccountRow]:
    """The accounts as their gateways tell them now."""
    own = {account.id: account for account in await gateway_store.accounts_of(row.merchant_id)}
    found = []
    for account_id, gateway_recipient_id in ids.items():
        if account_id not in own:
            raise InvalidField("accounts", f"{account_id} is no gateway account of yours")
        before = known.get(account_id)
        state, missing = await _standing(account_id, gateway_recipient_id)
        found.append(
            RecipientAccountRow(
                id=before.id if before else new_id("rca"),
                recipient_id=row.id,
                gateway_account_id=account_id,
                gateway_recipient_id=gateway_recipient_id,
                state=state,
                missing=missing,
                checked_at=clock_port.now(),
            )
        )
    return found


async def _standing(account_id: str, gateway_recipient_id: str) -> tuple[OnboardingState, str]:
    connection = await connections.connect(account_id)
    gateway = connection.gateway
    kind = registry.kind_of(connection.account.gateway)
    if gateway.facets.transfers is None or not kind.capabilities.can(Verb.RECIPIENT_STATUS):
        return OnboardingState.UNVERIFIED, "the gateway does not tell how its recipients stand"
    answer = await connection.ask(lambda asked: _ask(asked, gateway_recipient_id))
    match answer.kind:
        case OutcomeKind.APPROVED if answer.value is not None:
            ready = answer.value.ready
            return (OnboardingState.READY if ready else OnboardingState.INCOMPLETE), answer.value.missing[:500]
        case OutcomeKind.DECLINED:
            told = answer.decline.gateway_message if answer.decline else answer.detail
            return OnboardingState.INCOMPLETE, told[:500] or "the gateway refused to tell"
        case (
            OutcomeKind.APPROVED
            | OutcomeKind.ACTION_REQUIRED
            | OutcomeKind.PENDING
            | OutcomeKind.UNKNOWN
            | OutcomeKind.NOT_REACHED
        ):
            return OnboardingState.INCOMPLETE, "the gateway could not be asked: refresh the recipient later"
        case _:
            assert_never(answer.kind)


def _ask(gateway: Gateway, gateway_recipient_id: str) -> Answer[GatewayRecipient]:
    assert gateway.facets.transfers is not None
    return gateway.facets.transfers.recipient(gateway_recipient_id)
