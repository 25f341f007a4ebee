"""Token mirroring: a card that one gateway keeps is kept at another too, forwarded by the first one.

From then on a charge of it can fail over. It stores a credential at another company: the customer's consent must cover
that, each step is recorded with the token, and detaching the method undoes it.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from msgspec import structs

from orchestrator import clock_port, outbox
from orchestrator.customers import kept_methods
from orchestrator.customers import method_store as store
from orchestrator.customers import store as customer_store
from orchestrator.customers.kept_methods import MethodStatus, TokenState
from orchestrator.db import transaction
from orchestrator.errors import InvalidField
from orchestrator.events import EventType
from orchestrator.gateways import accounts, connections
from orchestrator.gateways import store as gateway_store
from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.connections import Connection
from orchestrator.gateways.credentials import Agreement, Method, SavedCredential, Shopper, StoredUse
from orchestrator.gateways.facets import Answer, CustomerOrder, ForwardReply, SavedMethod, SaveOrder
from orchestrator.gateways.registry import KINDS
from orchestrator.ids import new_id
from orchestrator.outbox import Later
from routing.outcomes import OutcomeKind

log = structlog.get_logger()

MIRROR = "payment_method.mirror"
PAUSES_S = (5, 30, 300, 1800, 7200)
TRIES_MAX = 12
# A second request makes no second credential while the receiving gateway knows its key. PayPal's vault forgets it
# first, after 3 hours (paypal-server-sdk, vault_controller.py)
KEY_KEPT = timedelta(hours=2, minutes=30)

_UNDER_WAY = (TokenState.REQUESTED, TokenState.SENT)


async def mirror(merchant_id: str, method_id: str, to_account_id: str) -> store.TokenRow:
    """Have the method kept at another of the merchant's gateway accounts too. Repeating it does nothing new.

    Raises NotFound; InvalidField where the consent does not cover it, or one of the two gateways cannot.
    """
    method = await kept_methods.get(merchant_id, method_id)
    if method.status != MethodStatus.ACTIVE:
        raise InvalidField("payment_method", "is detached")
    if method.method != Method.CARD:
        raise InvalidField("payment_method", "is no card: only cards are forwarded from one gateway to another")
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


async def spread(method_id: str) -> Later | None:
    """The job: have a method mirrored to every account of its merchant that can keep it, as the consent allows."""
    method = await store.method(method_id)
    if method is None or method.status != MethodStatus.ACTIVE:
        return None
    rows = {row.id: row for row in await gateway_store.accounts_of(method.merchant_id)}
    here = [rows[token.gateway_account_id] for token in await store.tokens_of(method_id) if _is_live(token)]
    modes = {row.mode for row in here}
    for row in rows.values():
        if row.enabled and row.mode in modes and row not in here and _can_keep(row.gateway):
            try:
                await mirror(method.merchant_id, method_id, row.id)
            except InvalidField as refusal:  # none of those that keep it can forward it: then it stays where it is
                log.info("payment_method.not_spread", method=method_id, account=row.id, why=refusal.detail)
    return None


def _can_keep(gateway: str) -> bool:
    return gateway in KINDS and KINDS[gateway].capabilities.can(Verb.MIRROR)


async def mirror_token(token_id: str) -> Later | None:
    """The job: one try to have the token kept. What has no answer to believe is looked for, then tried again.

    Once a request has left, no refusal of a later one says that nothing is kept there: only a look does.
    """
    token = await store.token(token_id)
    if token is None or token.state not in _UNDER_WAY:
        return None
    method = await store.method(token.payment_method_id)
    source = await store.token(token.mirrored_from or "")
    if method is None or source is None:
        raise LookupError(f"token {token_id} belongs to nothing")
    if not await store.set_token_state(token_id, [token.state], None, tries=token.tries, tried=True):
        return Later(clock_port.now() + timedelta(seconds=PAUSES_S[0]))  # another worker has this try
    token = structs.replace(token, tries=token.tries + 1)
    if token.state == TokenState.REQUESTED:
        return await _first_try(token, method, source)
    return await _another_try(token, method, source)


async def _first_try(token: store.TokenRow, method: store.MethodRow, source: store.TokenRow) -> Later | None:
    if method.status != MethodStatus.ACTIVE:
        await _failed(token, "detached before it was sent")
        return None
    there = await connections.connect(token.gateway_account_id)
    here = await connections.connect(source.gateway_account_id)
    customer = await _customer_there(there, token, method)
    if customer is None:
        return await _again(token, "the other gateway gave no customer", gives_up=True)
    if not await store.set_token_state(
        token.id, [token.state], TokenState.SENT, tries=token.tries, gateway_customer=customer
    ):
        return await _again(token, "another worker has tried since")
    answer = await _forward(token, source, here, there, _order(token, method, customer))
    match answer.kind:
        case OutcomeKind.DECLINED | OutcomeKind.ACTION_REQUIRED:
            await _failed(token, answer.detail or answer.kind.value)
            return None
        case OutcomeKind.NOT_REACHED:
            return await _again(token, answer.detail, TokenState.REQUESTED, gives_up=True)
        case _:
            return await _kept_or_again(token, answer, customer, gives_up=False)


async def _another_try(token: store.TokenRow, method: store.MethodRow, source: store.TokenRow) -> Later | None:
    there = await connections.connect(token.gateway_account_id)
    here = await connections.connect(source.gateway_account_id)
    customer = token.gateway_customer
    seen = await _seen_there(there, token, method, customer)
    if seen.value is not None:
        return await _kept_or_again(token, seen, customer, gives_up=False)
    absent = seen.kind is OutcomeKind.APPROVED
    if method.status != MethodStatus.ACTIVE:
        return await _again(token, "detached meanwhile; looking whether it got through before", gives_up=absent)
    if not absent and clock_port.now() - token.created_at >= KEY_KEPT:
        return await _again(token, "it may be kept there, and the gateway cannot be asked: look there by hand")
    answer = await _forward(token, source, here, there, _order(token, method, customer))
    return await _kept_or_again(token, answer, customer, gives_up=absent)


async def _forward(
    token: store.TokenRow, source: store.TokenRow, here: Connection, there: Connection, order: SaveOrder
) -> Answer[SavedMethod]:
    """The order's key makes it one credential at the receiving gateway. The forwarding one gets a key for each try:
    a stored error would be given again for the same one, and PayPal's access token in the request changes."""
    forwarding, mirror_side = here.gateway.facets.forwarding, there.gateway.facets.mirror
    if forwarding is None or mirror_side is None:
        return Answer(OutcomeKind.NOT_REACHED, detail="one of the two gateways cannot mirror any more")
    try:
        request = await there.threads.run(mirror_side.save_request, order)
    except Exception as error:  # a token that PayPal did not give, an account that is busy: nothing was sent
        return Answer(OutcomeKind.NOT_REACHED, detail=f"{type(error).__name__}: {error}")
    answer: Answer[ForwardReply] = await here.ask(
        lambda _: forwarding.forward(
            source.gateway_token, source.gateway_customer, request, f"{token.id}_{token.tries}"
        )
    )
    if answer.kind is not OutcomeKind.APPROVED or answer.value is None:
        return Answer(answer.kind, None, answer.decline, detail=answer.detail)
    try:  # no call, so it waits for nobody: what came back is read however busy the account is
        return mirror_side.read_saved(order, answer.value)
    except Exception as error:  # a mistake in an adapter: the card may be kept
        log.exception("mirroring.answer_not_read", token=token.id)
        return Answer(OutcomeKind.UNKNOWN, detail=f"{type(error).__name__}: {error}")


async def _kept_or_again(
    token: store.TokenRow, answer: Answer[SavedMethod], customer: str, *, gives_up: bool
) -> Later | None:
    saved = answer.value
    if answer.kind is not OutcomeKind.APPROVED or saved is None or not saved.gateway_token:
        return await _again(token, answer.detail, gives_up=gives_up)
    async with transaction():
        new = await store.set_token_state(
            token.id,
            _UNDER_WAY,
            TokenState.KEPT,
            gateway_token=saved.gateway_token,
            gateway_customer=saved.gateway_customer or customer,
        )
        method = await store.method(token.payment_method_id)
        if new and method is not None:
            now = clock_port.now()
            await kept_methods.tell(EventType.PAYMENT_METHOD_UPDATED, method, now, kept_at=token.gateway_account_id)
    return None


async def _failed(token: store.TokenRow, detail: str) -> None:
    await store.set_token_state(token.id, _UNDER_WAY, TokenState.FAILED, tries=token.tries, detail=detail)


async def _again(
    token: store.TokenRow, detail: str, state: TokenState | None = None, *, gives_up: bool = False
) -> Later | None:
    """Later, and in the end never, but only where it is known that nothing is kept there (`gives_up`)."""
    tries = token.tries
    given_up = gives_up and tries >= TRIES_MAX
    after = TokenState.FAILED if given_up else state
    await store.set_token_state(token.id, _UNDER_WAY, after, tries=tries, detail=f"after {tries} tries: {detail}")
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


async def _seen_there(
    there: Connection, token: store.TokenRow, method: store.MethodRow, customer: str
) -> Answer[SavedMethod]:
    """The card among what the other gateway keeps for the customer, where an earlier try got through after all.

    APPROVED without a value where it is not there; any other kind where the gateway cannot be asked.
    """
    methods = there.gateway.facets.methods
    if methods is None:
        return Answer(OutcomeKind.UNKNOWN, detail="the gateway has no list of what it keeps")
    listed = await there.ask(lambda _: methods.saved(customer))
    if listed.kind is not OutcomeKind.APPROVED:
        return Answer(OutcomeKind.UNKNOWN, detail=listed.detail)
    for saved in listed.value or ():
        if _is_same_card(saved, method) and not await store.is_kept_otherwise(
            token.id, token.gateway_account_id, saved.gateway_token
        ):
            return Answer(OutcomeKind.APPROVED, saved)
    return Answer(OutcomeKind.APPROVED)


def _is_same_card(saved: SavedMethod, method: store.MethodRow) -> bool:
    """As far as it can be told: not every gateway says when a card ends."""
    theirs, ours = (saved.expiry_year, saved.expiry_month), (method.expiry_year, method.expiry_month)
    return saved.last4 == method.last4 and (theirs == ours or not all((*theirs, *ours)))


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
