"""Keeping a credential without charging it: a zero-amount act at one gateway account, settled however its answer went.

The method's row is there before the gateway is asked, with all that the request is made of: what has no answer is
looked for among what the gateway keeps, and asked again in the same words while the gateway knows the key.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import structs

from currency.money import Money
from orchestrator import clock_port, outbox
from orchestrator.access.store import bind_idempotency
from orchestrator.customers import gateway_customers, kept_methods, method_store
from orchestrator.customers import service as customers
from orchestrator.customers.kept_methods import DETACH, SETTLE, Consent, MethodStatus
from orchestrator.customers.method_store import MethodRow
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField
from orchestrator.gateways import accounts, connections
from orchestrator.gateways.answers import outcome_of
from orchestrator.gateways.capabilities import Missing, Verb
from orchestrator.gateways.credentials import Agreement, Shopper, StoredUse
from orchestrator.gateways.facets import Answer, CompleteSave, SavedMethod, SavedMethods, SaveOrder
from orchestrator.gateways.registry import KINDS
from orchestrator.gateways.store import GatewayAccountRow
from orchestrator.ids import new_id
from orchestrator.outbox import Later
from orchestrator.payments import card_tries, kept, routes
from orchestrator.payments.instruments import (
    Instrument,
    KeptMethod,
    NetworkToken,
    PayPalWallet,
    Saving,
    Usage,
    credential_for,
    instrument_fingerprint,
)
from orchestrator.payments.lifecycle import NETWORK_LIMIT
from orchestrator.payments.outcomes import is_proof
from routing.outcomes import OutcomeKind

PAUSES_S = (2, 15, 60, 300, 1800)
# PayPal's vault forgets a key first, after 3 hours (paypal-server-sdk, vault_controller.py)
KEY_KEPT = timedelta(hours=2, minutes=30)
WATCH_S = 60  # whoever asks a gateway has come home by then, or died

_OPEN = (MethodStatus.PROCESSING, MethodStatus.REQUIRES_ACTION)
_NO_LONGER_WANTED = (MethodStatus.DETACHING, MethodStatus.DETACHED)


class Setup(msgspec.Struct, frozen=True):
    """How a method is being kept: what the request is made of, and how far it is. Forgotten once it is decided."""

    accounts: list[str]  # the one that is asked now, then those that are left
    instrument: Instrument
    currency: str
    return_url: str
    shopper: Shopper
    gateway_customer: str = ""
    setup_id: str = ""
    next_action: dict[str, Any] | None = None
    sent_at: datetime | None = None
    looks: int = 0
    returns: int = 0
    challenge: bool = False  # the defence against card testing wants to see the cardholder

    @property
    def account_id(self) -> str:
        return self.accounts[0]


class NewMethod(msgspec.Struct, frozen=True):
    """What is to be kept, for whom, and on whose word. Without `account_id` the merchant's routing chooses."""

    merchant_id: str
    customer_id: str
    instrument: Instrument
    agreement: Agreement
    consent: Consent
    account_id: str | None = None
    currency: str = "EUR"
    return_url: str = ""
    shopper: Shopper = Shopper()
    suspected: bool = False  # the defence against card testing wants to see the cardholder


async def begin(new: NewMethod, idempotency_id: str | None = None) -> MethodRow:
    """Have it kept. The row is active, failed, processing, or requires the customer's action. It has failed, and nobody
    was asked, where the card has reached a ceiling of its network.

    Raises NotFound; InvalidField where consent is missing or no account can keep it.
    """
    await _require_keepable(new)
    shown, now = kept.shown_of(new.instrument), clock_port.now()
    setup = Setup(await _accounts_for(new, now), new.instrument, new.currency, new.return_url, new.shopper)
    setup = structs.replace(setup, challenge=new.suspected)
    beginning = await card_tries.begin(new.merchant_id, new.instrument, now)
    method = MethodRow(
        id=new_id("pm"),
        merchant_id=new.merchant_id,
        customer_id=new.customer_id,
        method=shown.method.value,
        brand=shown.brand[:20],
        last4=shown.last4[-4:],
        expiry_month=shown.expiry_month,
        expiry_year=shown.expiry_year,
        agreement=new.agreement.value,
        network_transaction_id="",
        consent=msgspec.to_builtins(new.consent),
        status=MethodStatus.PROCESSING.value,
        created_at=now,
        setup=_stored(setup),
        fingerprint=instrument_fingerprint(new.instrument),
        bin=shown.bin,
        issuer_country=shown.issuer_country,
        funding=shown.funding,
    )
    async with transaction():
        nothing = Money(0, new.currency)
        if await card_tries.ceiling_for(new.merchant_id, new.instrument, nothing, beginning, now, method.id):
            refused = {"status": MethodStatus.FAILED.value, "setup": None, "failure_reason": NETWORK_LIMIT}
            method = structs.replace(method, **refused)
        await method_store.insert_method(method)
        if idempotency_id:
            await bind_idempotency(idempotency_id, method.id)
        if method.status == MethodStatus.PROCESSING:
            await outbox.enqueue(SETTLE, method.id, now + timedelta(seconds=WATCH_S))
    return await _ask(method, setup) if method.status == MethodStatus.PROCESSING else method


async def complete(
    merchant_id: str, method_id: str, action_result: dict[str, str], idempotency_id: str | None = None
) -> MethodRow:
    """The customer is back from the bank's or the gateway's page, with what it gave.

    Raises NotFound; Conflict where no action is open.
    """
    await kept_methods.get(merchant_id, method_id)
    async with transaction():
        method = await method_store.lock_method(method_id)
        assert method is not None
        if method.status != MethodStatus.REQUIRES_ACTION:
            if method.status == MethodStatus.ACTIVE:
                return method
            raise Conflict(f"The payment method is {method.status}: it waits for no action of the customer.")
        before = setup_of(method)
        setup = structs.replace(before, returns=before.returns + 1)
        await method_store.change_method(method_id, _OPEN, setup=_stored(setup))
        if idempotency_id:
            await bind_idempotency(idempotency_id, method_id)
    connection = await connections.connect(setup.account_id)
    facet = connection.gateway.facets.methods
    assert facet is not None
    order = CompleteSave(f"{method.id}_{setup.returns}", setup.setup_id, setup.gateway_customer, action_result)
    answer = await connection.ask(lambda _: facet.complete_save(order))
    if answer.kind is OutcomeKind.NOT_REACHED:  # nothing was told to the gateway: the customer's action is open still
        return method
    return await _apply(method, setup, answer)


async def settle(method_id: str) -> Later | None:
    """The job: what is being kept and has no answer is looked for, then asked again, in the end given up."""
    method, now = await method_store.method(method_id), clock_port.now()
    if method is None or method.status != MethodStatus.PROCESSING:
        return None
    setup = setup_of(method)
    if setup.sent_at is None:
        method = await _ask(method, setup)
    else:
        found = await kept.found_at(setup.account_id, setup.gateway_customer, kept.shown_of(setup.instrument))
        if found is not None:
            method = await _apply(method, setup, Answer(OutcomeKind.APPROVED, found))
        elif now - setup.sent_at < KEY_KEPT:
            method = await _ask(method, structs.replace(setup, looks=setup.looks + 1))
        else:
            await _failed(method, "unknown_outcome")
            return None
    if method.status != MethodStatus.PROCESSING:
        return None
    pause_s = PAUSES_S[min(setup_of(method).looks, len(PAUSES_S) - 1)]
    return Later(clock_port.now() + timedelta(seconds=pause_s))


def setup_of(method: MethodRow) -> Setup:
    """How the method is being kept. Raises LookupError where that is decided."""
    if method.setup is None:
        raise LookupError(f"{method.id} is not being kept any more")
    return msgspec.convert(method.setup, Setup)


async def _require_keepable(new: NewMethod) -> None:
    kept_methods.require_consent(new.consent)
    if new.agreement is Agreement.NONE:
        raise InvalidField("agreement", "must say what it is kept for")
    if isinstance(new.instrument, NetworkToken | KeptMethod):
        raise InvalidField("payment_method.type", "is kept already: by its vault, or by us")
    if isinstance(new.instrument, PayPalWallet) and not new.return_url:
        raise InvalidField("return_url", "is required: PayPal sends the customer back there")
    person = await customers.get(new.merchant_id, new.customer_id)
    if person.deleted_at is not None:
        raise InvalidField("customer_id", "is a customer who was deleted")
    saving = Usage(saving=Saving(new.agreement, new.consent), shopper=new.shopper)
    kept.require_shown(new.instrument, saving)


async def _accounts_for(new: NewMethod, now: datetime) -> list[str]:
    """The chosen account, or those that routing names and that can keep it. Raises InvalidField, NotFound."""
    if new.account_id is not None:
        row = await accounts.get(new.merchant_id, new.account_id)
        why = "the account is switched off" if not row.enabled else _obstacle(row, new.instrument)
        if why:
            raise InvalidField("gateway_account_id", why)
        return [row.id]
    plan = await routes.plan_for(new.merchant_id, Money(0, new.currency), new.instrument, None, {}, now)
    rows = [await accounts.get(new.merchant_id, step.account_id) for step in plan.steps]
    able = [row.id for row in rows if not _obstacle(row, new.instrument)]
    if not able:
        said = [reason.why for reason in plan.reasons if not reason.kept]
        said += [_obstacle(row, new.instrument) for row in rows]
        raise InvalidField("payment_method", f"no gateway account can keep it: {'; '.join(said) or 'there is none'}")
    return able


def _obstacle(row: GatewayAccountRow, instrument: Instrument) -> str:
    verb = KINDS[row.gateway].capabilities.verbs[Verb.SAVE_METHOD]
    if isinstance(verb, Missing):
        return f"{row.gateway} keeps nothing without a payment: {verb.reason}"
    return routes.obstacle_of(row, instrument, Usage())


async def _ask(method: MethodRow, setup: Setup) -> MethodRow:
    """Ask the account, and the next ones while nothing was sent. What is asked is written down before."""
    while True:
        customer = setup.gateway_customer or await gateway_customers.ensure(method.customer_id, setup.account_id)
        if customer:
            setup = structs.replace(setup, gateway_customer=customer, sent_at=setup.sent_at or clock_port.now())
            if not await method_store.change_method(method.id, [MethodStatus.PROCESSING], setup=_stored(setup)):
                return await _again(method)  # detached, or somebody else's answer was quicker
            answer = await _asked(method, setup)
        else:
            answer = Answer(OutcomeKind.NOT_REACHED, detail="the gateway gave no customer")
        again = setup.looks > 0  # an earlier request may have got through: this door being closed says nothing of it
        if answer.kind is not OutcomeKind.NOT_REACHED or again or len(setup.accounts) == 1:
            break
        setup = structs.replace(setup, accounts=setup.accounts[1:], gateway_customer="", sent_at=None)
    if again and not is_proof(outcome_of(answer)):
        answer = Answer(OutcomeKind.UNKNOWN, detail=answer.detail)
    return await _apply(method, setup, answer)


async def _asked(method: MethodRow, setup: Setup) -> Answer[SavedMethod]:
    try:
        connection = await connections.connect(setup.account_id)
    except Exception as error:  # credentials that cannot be opened or built with: nothing was sent
        return Answer(OutcomeKind.NOT_REACHED, detail=f"the account cannot be used: {type(error).__name__}")
    facet: SavedMethods | None = connection.gateway.facets.methods
    if facet is None:
        return Answer(OutcomeKind.NOT_REACHED, detail="the gateway keeps nothing")
    order = SaveOrder(
        idempotency_key=method.id,
        method_id=method.id,
        credential=credential_for(setup.instrument, setup.account_id),
        gateway_customer=setup.gateway_customer,
        use=StoredUse(agreement=Agreement(method.agreement)),
        return_url=setup.return_url,
        currency=setup.currency,
        shopper=setup.shopper,
        challenge=setup.challenge,
    )
    return await connection.ask(lambda _: facet.save(order))


async def _apply(method: MethodRow, setup: Setup, answer: Answer[SavedMethod]) -> MethodRow:
    match answer.kind:
        case OutcomeKind.APPROVED if answer.value is not None and answer.value.gateway_token:
            await _kept(method, setup, answer.value)
        case OutcomeKind.ACTION_REQUIRED if answer.next_action is not None:
            setup_id = answer.value.setup_id if answer.value else setup.setup_id
            open_yet = structs.replace(setup, setup_id=setup_id, next_action=asdict(answer.next_action))
            status = MethodStatus.REQUIRES_ACTION.value
            await method_store.change_method(method.id, _OPEN, status=status, setup=_stored(open_yet))
        case OutcomeKind.ACTION_REQUIRED:  # a return that proved nothing: the action is open as it was
            pass
        case OutcomeKind.DECLINED:
            await _failed(method, answer.decline.reason if answer.decline else "declined")
        case OutcomeKind.NOT_REACHED:
            await _failed(method, "gateway_unavailable")
        case OutcomeKind.APPROVED | OutcomeKind.PENDING | OutcomeKind.UNKNOWN:
            await _unsettled(method, setup, answer)
    return await _again(method)


async def _kept(method: MethodRow, setup: Setup, saved: SavedMethod) -> None:
    """Once, whoever hears of it. What the customer let go of meanwhile is forgotten at the gateway too."""
    now, shown = clock_port.now(), kept.shown_of(setup.instrument)
    saved = replace(saved, gateway_customer=saved.gateway_customer or setup.gateway_customer)
    known = {
        "method": saved.method.value,
        "brand": (saved.brand or shown.brand)[:20],
        "last4": (saved.last4 or shown.last4)[-4:],
        "expiry_month": saved.expiry_month or shown.expiry_month,
        "expiry_year": saved.expiry_year or shown.expiry_year,
        "network_transaction_id": saved.network_transaction_id[:120],
    }
    async with transaction():
        await gateway_customers.learn(method.customer_id, setup.account_id, saved.gateway_customer, now)
        status = MethodStatus.ACTIVE.value
        if await method_store.change_method(method.id, _OPEN, status=status, setup=None, **known):
            await kept_methods.activated(structs.replace(method, **known), setup.account_id, saved, now)
            return
        found = await method_store.lock_method(method.id)
        if found is not None and found.status in _NO_LONGER_WANTED:
            await method_store.insert_token(kept_methods.first_token(method.id, setup.account_id, saved, now))
            await method_store.set_method_status(method.id, MethodStatus.DETACHED, MethodStatus.DETACHING)
            await outbox.enqueue(DETACH, method.id, now)


async def _unsettled(method: MethodRow, setup: Setup, answer: Answer[SavedMethod]) -> None:
    setup_id = answer.value.setup_id if answer.value and answer.value.setup_id else setup.setup_id
    waiting = structs.replace(setup, setup_id=setup_id, next_action=None)
    async with transaction():
        status = MethodStatus.PROCESSING.value
        if await method_store.change_method(method.id, _OPEN, status=status, setup=_stored(waiting)):
            await outbox.enqueue(SETTLE, method.id, clock_port.now() + timedelta(seconds=PAUSES_S[0]))


async def _failed(method: MethodRow, reason: str) -> None:
    status = MethodStatus.FAILED.value
    await method_store.change_method(method.id, _OPEN, status=status, setup=None, failure_reason=reason[:60])


async def _again(method: MethodRow) -> MethodRow:
    return await method_store.method(method.id) or method


def _stored(setup: Setup) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(setup)
    return plain | {"account_id": setup.account_id}
