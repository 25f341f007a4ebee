"""Kept payment methods: recorded with the customer's consent, detached at every gateway that keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
import structlog

from orchestrator import clock_port, outbox
from orchestrator.access.store import bind_idempotency
from orchestrator.customers import method_store as store
from orchestrator.customers import service as customers
from orchestrator.customers import store as customer_store
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.events import EventType
from orchestrator.gateways import accounts, connections
from orchestrator.gateways.credentials import Agreement, Method, StoredUse
from orchestrator.gateways.facets import Answer, SavedMethod
from orchestrator.ids import new_id
from orchestrator.notifications.service import record
from orchestrator.outbox import Later
from routing.outcomes import OutcomeKind

log = structlog.get_logger()

DETACH = "payment_method.detach"
SETTLE = "payment_method.settle"  # one that is being kept without a payment, and has no answer
SPREAD = "payment_method.spread"  # to every other gateway that the consent covers
PAUSES_S = (5, 60, 600, 3600, 6 * 3600)  # between tries to be rid of a token; the last one for good


class MethodStatus(StrEnum):
    PROCESSING = "processing"  # a gateway was asked to keep it; no answer that can be believed so far
    REQUIRES_ACTION = "requires_action"  # the customer's bank wants to see the customer first
    ACTIVE = "active"
    FAILED = "failed"  # was never kept
    DETACHING = "detaching"  # not to be charged any more; gateways are still being told
    DETACHED = "detached"


class TokenState(StrEnum):
    """A token's way: requested, on its way to the other gateway, kept there, and forgotten again."""

    REQUESTED = "requested"
    SENT = "sent"  # the forwarding gateway was asked; no answer that can be believed so far
    KEPT = "kept"
    FAILED = "failed"
    FORGETTING = "forgetting"
    FORGOTTEN = "forgotten"


CHARGEABLE_OR_OPEN = (MethodStatus.ACTIVE, MethodStatus.PROCESSING, MethodStatus.REQUIRES_ACTION)
_HELD = (TokenState.KEPT, TokenState.FORGETTING)


class Consent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the customer agreed to, as it can be shown later. `other_gateways`: its text covers keeping it elsewhere."""

    text: str
    accepted_at: datetime
    other_gateways: bool = False
    ip: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Keeping:
    """A credential that a gateway keeps, and on whose word. `payment_id`: the payment that it was kept with."""

    merchant_id: str
    customer_id: str
    account_id: str
    saved: SavedMethod
    consent: Consent
    agreement: Agreement
    payment_id: str | None = None
    fingerprint: str = ""


async def keep(
    merchant_id: str, customer_id: str, account_id: str, saved: SavedMethod, consent: Consent, use: StoredUse
) -> store.MethodRow:
    """Record a credential that a gateway keeps for us. Raises NotFound, InvalidField without token or consent."""
    if not saved.gateway_token:
        raise InvalidField("payment_method", "the gateway has not kept it yet: complete the customer's action first")
    require_consent(consent)
    await customers.get(merchant_id, customer_id)
    await accounts.get(merchant_id, account_id)
    async with transaction():
        keeping = Keeping(merchant_id, customer_id, account_id, saved, consent, use.agreement)
        return await record_kept(keeping, clock_port.now())


def require_consent(consent: Consent, field: str = "consent") -> None:
    """Raises InvalidField for a consent that shows nothing."""
    if not consent.text.strip():
        raise InvalidField(f"{field}.text", "is required: what the customer agreed to, in the words that were shown")


async def record_kept(keeping: Keeping, now: datetime) -> store.MethodRow:
    """Record it in the caller's transaction, and have it mirrored where the consent covers that.

    Of one payment there is one method, whoever tells of it; a second gateway that kept it too adds its token.
    """
    saved = keeping.saved
    method = store.MethodRow(
        id=new_id("pm"),
        merchant_id=keeping.merchant_id,
        customer_id=keeping.customer_id,
        method=saved.method.value,
        brand=saved.brand[:20],
        last4=saved.last4[-4:],
        expiry_month=saved.expiry_month,
        expiry_year=saved.expiry_year,
        agreement=keeping.agreement.value,
        network_transaction_id=saved.network_transaction_id[:120],
        consent=msgspec.to_builtins(keeping.consent),
        status=MethodStatus.ACTIVE.value,
        created_at=now,
        payment_id=keeping.payment_id,
        fingerprint=keeping.fingerprint,
        bin=saved.bin,
        issuer_country=saved.issuer_country,
        funding=saved.funding,
    )
    if not await store.insert_method(method):
        known = await store.method_of_payment(keeping.payment_id or "")
        assert known is not None
        if known.status == MethodStatus.ACTIVE:
            await store.insert_token(first_token(known.id, keeping.account_id, saved, now))
        return known
    await activated(method, keeping.account_id, saved, now)
    return method


async def activated(method: store.MethodRow, account_id: str, saved: SavedMethod, now: datetime) -> None:
    """A method is kept now: its token, the news of it, and its way to other gateways. In the caller's transaction."""
    await store.insert_token(first_token(method.id, account_id, saved, now))
    await tell(EventType.PAYMENT_METHOD_SAVED, method, now)
    if method.consent.get("other_gateways") and method.method == Method.CARD:
        await outbox.enqueue(SPREAD, method.id, now)


async def tell(event: EventType, method: store.MethodRow, now: datetime, **more: str) -> None:
    """An event about a method, with what may be shown of it. In the caller's transaction."""
    data = {"customer_id": method.customer_id, "method": method.method, "last4": method.last4, **more}
    await record(event, method.merchant_id, method.id, data, now)


async def get(merchant_id: str, method_id: str) -> store.MethodRow:
    """Raises NotFound, also for another merchant's."""
    row = await store.method(method_id)
    if row is None or row.merchant_id != merchant_id:
        raise NotFound("payment method", method_id)
    return row


async def make_default(merchant_id: str, method_id: str, idempotency_id: str | None = None) -> store.MethodRow:
    """The one that its customer's charges use where none is named. Raises NotFound, Conflict where it is not active."""
    await get(merchant_id, method_id)
    async with transaction():
        method = await store.lock_method(method_id)
        assert method is not None
        if method.status != MethodStatus.ACTIVE:
            raise Conflict(f"The payment method is {method.status}: it cannot be charged.")
        await customer_store.change(method.customer_id, default_payment_method_id=method_id)
        if idempotency_id:
            await bind_idempotency(idempotency_id, method_id)
    return method


async def detach(merchant_id: str, method_id: str) -> store.MethodRow:
    """Charge it no more, and have every gateway that keeps it forget it, mirrored tokens too. Raises NotFound."""
    await get(merchant_id, method_id)
    async with transaction():
        await begin_detaching(method_id, clock_port.now())
    return await get(merchant_id, method_id)


async def begin_detaching(method_id: str, now: datetime) -> None:
    """In the caller's transaction. What is still on its way to be kept is seen off by whoever hears of it."""
    if await store.change_method(method_id, CHARGEABLE_OR_OPEN, status=MethodStatus.DETACHING.value):
        await customer_store.clear_default(method_id)
        await outbox.enqueue(DETACH, method_id, now)


async def forget_tokens(method_id: str) -> Later | None:
    """The job behind `detach`: tell each gateway, again until each has said yes."""
    now = clock_port.now()
    waiting: list[datetime] = []
    for token in await store.tokens_of(method_id):
        if token.state in (TokenState.FORGOTTEN, TokenState.FAILED):
            continue
        # the mirroring that is under way sees the method's status and ends; until then nobody knows what to forget
        under_way = token.state == TokenState.SENT or not token.gateway_token
        if under_way or not await _forget(token):
            waiting.append(now + timedelta(seconds=PAUSES_S[min(token.tries, len(PAUSES_S) - 1)]))
    if waiting:
        return Later(min(waiting))
    async with transaction():
        await detached(method_id, MethodStatus.DETACHING, clock_port.now())
    return None


async def detached(method_id: str, before: MethodStatus, now: datetime) -> None:
    """No gateway keeps it any more: said once. In the caller's transaction."""
    if await store.set_method_status(method_id, before, MethodStatus.DETACHED):
        await customer_store.clear_default(method_id)
        method = await store.method(method_id)
        assert method is not None
        await tell(EventType.PAYMENT_METHOD_DETACHED, method, now)


def first_token(method_id: str, account_id: str, saved: SavedMethod, now: datetime) -> store.TokenRow:
    """The token of the gateway that took the credential itself."""
    return store.TokenRow(
        id=new_id("pmt"),
        payment_method_id=method_id,
        gateway_account_id=account_id,
        gateway_token=saved.gateway_token,
        gateway_customer=saved.gateway_customer,
        mirrored_from=None,
        state=TokenState.KEPT.value,
        tries=0,
        detail="",
        created_at=now,
        changed_at=now,
    )


async def _forget(token: store.TokenRow) -> bool:
    """Whether the gateway has forgotten it, or keeps it for another method whose owner did not ask for that."""
    if not await store.set_token_state(token.id, _HELD, TokenState.FORGETTING, tried=True):
        return False  # another worker's word came between
    if await store.is_kept_otherwise(token.id, token.gateway_account_id, token.gateway_token):
        answer: Answer[None] = Answer(OutcomeKind.APPROVED, detail="another payment method is the same credential")
    else:
        answer = await _told_to_forget(token)
    done = answer.kind is OutcomeKind.APPROVED
    await store.set_token_state(token.id, _HELD, TokenState.FORGOTTEN if done else None, detail=answer.detail)
    return done


async def _told_to_forget(token: store.TokenRow) -> Answer[None]:
    try:
        connection = await connections.connect(token.gateway_account_id)
    except Exception as error:  # one account that cannot be opened does not keep the others from forgetting
        log.exception("payment_method.not_forgotten", token=token.id, account=token.gateway_account_id)
        return Answer(OutcomeKind.NOT_REACHED, detail=f"the account cannot be used: {type(error).__name__}")
    facet = connection.gateway.facets.methods
    if facet is None:  # a gateway that keeps nothing has nothing to forget
        return Answer(OutcomeKind.APPROVED)
    # a key for each try: a stored error would be given again for the same one
    key = f"{token.id}_detach_{token.tries}"
    return await connection.ask(lambda _: facet.detach(token.gateway_token, token.gateway_customer, key))
