"""Token mirroring: a card that one gateway keeps is kept at another too, forwarded by the first one.

From then on a charge of it can fail over. It stores a credential at another company: the customer's consent must cover
that, each step is recorded with the token, and detaching the method undoes it.
"""

from __future__ import annotations

from datetime import timedelta

from orchestrator import clock_port, outbox
from orchestrator.customers import kept_methods
from orchestrator.customers import method_store as store
from orchestrator.customers import store as customer_store
from orchestrator.customers.kept_methods import MethodStatus, TokenState
from orchestrator.db import transaction
from orchestrator.errors import InvalidField
from orchestrator.gateways import accounts, connections
from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.connections import Connection
from orchestrator.gateways.credentials import Agreement, Method, SavedCredential, Shopper, StoredUse
from orchestrator.gateways.facets import Answer, CustomerOrder, ForwardReply, SavedMethod, SaveOrder
from orchestrator.ids import new_id
from orchestrator.outbox import Later
from routing.outcomes import OutcomeKind

MIRROR = "payment_method.mirror"
PAUSES_S = (5, 30, 300, 1800, 7200)
TRIES_MAX = 12


async def mirror(merchant_id: str, method_id: str, to_account_id: str) -> store.TokenRow:
    """Have the method kept at another of the merchant's gateway accounts too. Repeating it does nothing new.

    Raises NotFound; InvalidField where the consent does not cover it, or one of the two gateways cannot.
    """
    method = await kept_methods.get(merchant_id, method_id)
    if method.status != MethodStatus.ACTIVE:
        raise InvalidField("payment_method", "is detached")
    if not method.consent.get("other_gateways"):
        raise InvalidField(
            "consent.other_gateways", "the customer's consent does not cover other gateways: ask for one that does"
        )
    await accounts.get(merchant_id, to_account_id)
    if (await connections.connect(to_account_id)).gateway.facets.mirror is None:
        raise InvalidField("gateway_account", "keeps no cards that another gateway forwards")
    tokens = await store.tokens_of(method_id)
    live = next((t for t in tokens if t.gateway_account_id == to_account_id and _is_live(t)), None)
    if live is not None:
        return live
    now = clock_port.now()
    token = store.TokenRow(
        id=new_id("pmt"),
        payment_method_id=method_id,
        gateway_account_id=to_account_id,
        gateway_token="",
        gateway_customer="",
        mirrored_from=(await _source_of(tokens)).id,
        state=TokenState.REQUESTED.value,
        tries=0,
        detail="",
        created_at=now,
        changed_at=now,
    )
    async with transaction():
        if await store.insert_token(token):
            await outbox.enqueue(MIRROR, token.id, now)
            return token
    return await mirror(merchant_id, method_id, to_account_id)  # somebody else was quicker: theirs is there now


async def mirror_token(token_id: str) -> Later | None:
    """The job: one try to have the token kept. What has no answer to believe is looked for, then tried again."""
    token = await store.token(token_id)
    if token is None or token.state not in (TokenState.REQUESTED, TokenState.SENT):
        return None
    method = await store.method(token.payment_method_id)
    source = await store.token(token.mirrored_from or "")
    if method is None or source is None:
        raise LookupError(f"token {token_id} belongs to nothing")
    there = await connections.connect(token.gateway_account_id)
    if token.state == TokenState.REQUESTED and method.status != MethodStatus.ACTIVE:
        await store.set_token_state(token_id, TokenState.FAILED, detail="detached before it was sent")
        return None
    customer = token.gateway_customer or await _customer_there(there, token, method)
    if customer is None:
        return await _again(token, "the other gateway gave no customer")
    order = _order(token, method, customer)
    if token.state == TokenState.SENT and (found := await _found_there(there, token, method, customer)) is not None:
        return await _settle(token, Answer(OutcomeKind.APPROVED, found), customer)
    if method.status != MethodStatus.ACTIVE:
        return await _again(token, "detached meanwhile; looking whether it got through before")
    await store.set_token_state(token_id, TokenState.SENT, gateway_customer=customer)
    return await _settle(token, await _forward(source, there, order), customer)


async def _forward(source: store.TokenRow, there: Connection, order: SaveOrder) -> Answer[SavedMethod]:
    here = await connections.connect(source.gateway_account_id)
    forwarding, mirror_side = here.gateway.facets.forwarding, there.gateway.facets.mirror
    if forwarding is None or mirror_side is None:
        return Answer(OutcomeKind.NOT_REACHED, detail="one of the two gateways cannot mirror any more")
    try:
        request = await there.threads.run(mirror_side.save_request, order)
    except Exception as error:  # a token that PayPal did not give, an account that is busy: nothing was sent
        return Answer(OutcomeKind.NOT_REACHED, detail=f"{type(error).__name__}: {error}")
    answer: Answer[ForwardReply] = await here.ask(
        lambda _: forwarding.forward(source.gateway_token, source.gateway_customer, request, order.idempotency_key)
    )
    if answer.kind is not OutcomeKind.APPROVED or answer.value is None:
        return Answer(answer.kind, None, answer.decline, detail=answer.detail)
    reply = answer.value
    return await there.ask(lambda _: mirror_side.read_saved(order, reply))


async def _settle(token: store.TokenRow, answer: Answer[SavedMethod], customer: str) -> Later | None:
    saved = answer.value
    if answer.kind is OutcomeKind.APPROVED and saved is not None and saved.gateway_token:
        await store.set_token_state(
            token.id,
            TokenState.KEPT,
            gateway_token=saved.gateway_token,
            gateway_customer=saved.gateway_customer or customer,
        )
        return None
    if answer.kind in (OutcomeKind.DECLINED, OutcomeKind.ACTION_REQUIRED):
        detail = answer.detail or answer.kind.value
        await store.set_token_state(token.id, TokenState.FAILED, detail=detail, gateway_customer=customer)
        return None
    return await _again(token, answer.detail)


async def _again(token: store.TokenRow, detail: str) -> Later | None:
    tries = token.tries + 1
    given_up = tries >= TRIES_MAX
    await store.set_token_state(
        token.id, TokenState.FAILED if given_up else None, tried=True, detail=f"after {tries} tries: {detail}"
    )
    pause_s = PAUSES_S[min(tries, len(PAUSES_S)) - 1]
    return None if given_up else Later(clock_port.now() + timedelta(seconds=pause_s))


async def _customer_there(there: Connection, token: store.TokenRow, method: store.MethodRow) -> str | None:
    methods = there.gateway.facets.methods
    customer = await customer_store.customer(method.customer_id)
    if methods is None or customer is None:
        return method.customer_id
    shopper = Shopper(email=customer.email, name=customer.name, country=customer.country or "", locale=customer.locale)
    order = CustomerOrder(f"{token.id}_customer", customer.id, shopper)
    answer = await there.ask(lambda _: methods.save_customer(order))
    return answer.value if answer.kind is OutcomeKind.APPROVED else None


async def _found_there(
    there: Connection, token: store.TokenRow, method: store.MethodRow, customer: str
) -> SavedMethod | None:
    """The card among what the other gateway keeps for the customer, where an earlier try got through after all."""
    methods = there.gateway.facets.methods
    if methods is None:
        return None
    answer = await there.ask(lambda _: methods.saved(customer))
    known = {t.gateway_token for t in await store.tokens_of(method.id)}
    shown = (method.last4, method.expiry_month, method.expiry_year)
    return next(
        (
            saved
            for saved in answer.value or ()
            if (saved.last4, saved.expiry_month, saved.expiry_year) == shown and saved.gateway_token not in known
        ),
        None,
    )


async def _source_of(tokens: list[store.TokenRow]) -> store.TokenRow:
    for token in tokens:
        if token.state != TokenState.KEPT:
            continue
        if (await connections.connect(token.gateway_account_id)).gateway.capabilities.can(Verb.FORWARD):
            return token
    raise InvalidField("payment_method", "none of the gateways that keep it can forward it to another")


def _order(token: store.TokenRow, method: store.MethodRow, customer: str) -> SaveOrder:
    return SaveOrder(
        idempotency_key=token.id,
        method_id=method.id,
        credential=SavedCredential("", customer, Method(method.method), method.brand, method.last4),
        gateway_customer=customer,
        use=StoredUse(agreement=Agreement(method.agreement), network_transaction_id=method.network_transaction_id),
    )


def _is_live(token: store.TokenRow) -> bool:
    return token.state not in (TokenState.FAILED, TokenState.FORGOTTEN)
