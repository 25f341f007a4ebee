"""Kept payment methods: recorded with the customer's consent, detached at every gateway that keeps them."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
import structlog

from orchestrator import clock_port, outbox
from orchestrator.customers import method_store as store
from orchestrator.customers import service as customers
from orchestrator.db import transaction
from orchestrator.errors import InvalidField, NotFound
from orchestrator.gateways import accounts, connections
from orchestrator.gateways.credentials import StoredUse
from orchestrator.gateways.facets import Answer, SavedMethod
from orchestrator.ids import new_id
from orchestrator.outbox import Later
from routing.outcomes import OutcomeKind

log = structlog.get_logger()

DETACH = "payment_method.detach"
PAUSES_S = (5, 60, 600, 3600, 6 * 3600)  # between tries to be rid of a token; the last one for good


class MethodStatus(StrEnum):
    ACTIVE = "active"
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


_HELD = (TokenState.KEPT, TokenState.FORGETTING)


class Consent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the customer agreed to, as it can be shown later. `other_gateways`: its text covers keeping it elsewhere."""

    text: str
    accepted_at: datetime
    other_gateways: bool = False
    ip: str = ""
    user_agent: str = ""


async def keep(
    merchant_id: str, customer_id: str, account_id: str, saved: SavedMethod, consent: Consent, use: StoredUse
) -> store.MethodRow:
    """Record a credential that a gateway keeps for us. Raises NotFound, InvalidField without token or consent."""
    if not saved.gateway_token:
        raise InvalidField("payment_method", "the gateway has not kept it yet: complete the customer's action first")
    if not consent.text.strip():
        raise InvalidField("consent.text", "is required: what the customer agreed to, in the words that were shown")
    await customers.get(merchant_id, customer_id)
    await accounts.get(merchant_id, account_id)
    method = store.MethodRow(
        id=new_id("pm"),
        merchant_id=merchant_id,
        customer_id=customer_id,
        method=saved.method.value,
        brand=saved.brand,
        last4=saved.last4,
        expiry_month=saved.expiry_month,
        expiry_year=saved.expiry_year,
        agreement=use.agreement.value,
        network_transaction_id=saved.network_transaction_id,
        consent=msgspec.to_builtins(consent),
        status=MethodStatus.ACTIVE.value,
        created_at=clock_port.now(),
    )
    async with transaction():
        await store.insert_method(method)
        await store.insert_token(_first_token(method, account_id, saved))
    return method


async def get(merchant_id: str, method_id: str) -> store.MethodRow:
    """Raises NotFound, also for another merchant's."""
    row = await store.method(method_id)
    if row is None or row.merchant_id != merchant_id:
        raise NotFound("payment method", method_id)
    return row


async def detach(merchant_id: str, method_id: str) -> store.MethodRow:
    """Charge it no more, and have every gateway that keeps it forget it, mirrored tokens too. Raises NotFound."""
    await get(merchant_id, method_id)
    now = clock_port.now()
    async with transaction():
        await store.set_method_status(method_id, MethodStatus.ACTIVE, MethodStatus.DETACHING)
        await outbox.enqueue(DETACH, method_id, now)
    return await get(merchant_id, method_id)


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
        await store.set_method_status(method_id, MethodStatus.DETACHING, MethodStatus.DETACHED)
    return None


def _first_token(method: store.MethodRow, account_id: str, saved: SavedMethod) -> store.TokenRow:
    return store.TokenRow(
        id=new_id("pmt"),
        payment_method_id=method.id,
        gateway_account_id=account_id,
        gateway_token=saved.gateway_token,
        gateway_customer=saved.gateway_customer,
        mirrored_from=None,
        state=TokenState.KEPT.value,
        tries=0,
        detail="",
        created_at=method.created_at,
        changed_at=method.created_at,
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
