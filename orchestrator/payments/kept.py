"""Kept payment methods and payments: charging one that is kept, and keeping what a payment was made with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from msgspec import structs

from currency.money import Money
from orchestrator import clock_port, outbox
from orchestrator.customers import gateway_customers, kept_methods, method_store
from orchestrator.customers import service as customers
from orchestrator.customers.kept_methods import Keeping, MethodStatus, TokenState
from orchestrator.db import transaction
from orchestrator.errors import ClearwayError, InvalidField
from orchestrator.gateways import connections
from orchestrator.gateways.base import CaptureMode, OperationKind
from orchestrator.gateways.credentials import Agreement, Initiator, Method
from orchestrator.gateways.facets import SavedMethod
from orchestrator.outbox import Later
from orchestrator.payments import store
from orchestrator.payments.instruments import (
    Card,
    GatewayToken,
    Ideal,
    Instrument,
    KeptMethod,
    NetworkToken,
    PayPalWallet,
    SepaDebit,
    Usage,
    capture_mode,
    instrument_fingerprint,
    method_behind,
)
from orchestrator.payments.records import AttemptRow, AttemptStatus, OperationRow, Story
from orchestrator.payments.routes import is_unreferenced
from routing.decision import RoutePlan
from routing.outcomes import Outcome, OutcomeKind

if TYPE_CHECKING:
    from orchestrator.payments.service import NewPayment

KEEP = "payment.keep_method"
KEEP_PAUSES_S = (5, 60, 600, 3600)  # between looks at what the gateway keeps, where it tells later than it approves
KEEP_GIVE_UP = timedelta(days=2)

_AUTHORISING = (OperationKind.CONFIRM, OperationKind.COMPLETE)
FOR_MERCHANT = (Agreement.SUBSCRIPTION, Agreement.UNSCHEDULED)


class MethodNotActive(ClearwayError):
    """The payment method cannot be charged: it is detached, or was never kept."""

    status = 409
    code = "payment_method_not_active"


class AgreementMissing(ClearwayError):
    """The customer has not agreed to be charged like this."""

    status = 409
    code = "agreement_missing"


class NetworkTransactionMissing(ClearwayError):
    """Nothing tells the card network which payment the customer was there for."""

    status = 409
    code = "network_transaction_missing"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a payment is made with, how, and for whom."""

    instrument: Instrument | None
    usage: Usage
    customer_id: str | None


async def terms_of(new: NewPayment) -> Terms:
    """What is asked, checked. Raises InvalidField, NotFound, MethodNotActive, AgreementMissing,
    NetworkTransactionMissing."""
    if new.payment_method_id is not None:
        terms = await _of_kept(new, new.payment_method_id)
    else:
        if new.initiator is Initiator.MERCHANT:
            raise InvalidField("initiator", "merchant needs a kept payment method: give payment_method of type saved")
        usage = Usage(saving=new.saving, shopper=new.shopper)
        terms = Terms(new.instrument, usage, new.customer_id)
    if new.saving is not None:
        await _require_savable(new)
    if terms.instrument is not None:
        require_takeable(new.amount, new.capture_method, terms.instrument, terms.usage)
    return terms


def require_takeable(amount: Money, capture_method: str, instrument: Instrument, usage: Usage) -> None:
    """Raises InvalidField where the instrument cannot be charged so at any gateway."""
    if capture_mode(instrument) is CaptureMode.AUTOMATIC:
        method = method_behind(instrument).value
        if capture_method == "manual":
            raise InvalidField("capture_method", f"must be automatic: {method} cannot be authorised first")
        if amount.currency != "EUR":
            raise InvalidField("amount.currency", f"must be EUR: {method} moves euros only")
    if usage.saving is not None and isinstance(instrument, NetworkToken | KeptMethod):
        raise InvalidField("save_payment_method", "is for what is not kept yet: leave it out")
    require_shown(instrument, usage)


def require_shown(instrument: Instrument, usage: Usage) -> None:
    """Raises InvalidField where the consent to keep it could not be shown."""
    # how a wallet's or a bank account's consent is shown: https://docs.stripe.com/api/payment_intents/confirm
    shown = usage.shopper.ip and usage.shopper.browser
    if usage.saving is not None and isinstance(instrument, PayPalWallet | Ideal) and not shown:
        raise InvalidField("shopper", "ip and browser are required to keep it: where the customer consented")


async def _require_savable(new: NewPayment) -> None:
    assert new.saving is not None
    if not new.customer_id:
        raise InvalidField("customer_id", "is required with save_payment_method: whose it will be")
    if new.saving.agreement is Agreement.NONE:
        raise InvalidField("save_payment_method.agreement", "must say what it is kept for")
    if not new.saving.consent.text.strip():
        raise InvalidField("save_payment_method.consent.text", "is required: the words that the customer agreed to")
    if (await customers.get(new.merchant_id, new.customer_id)).deleted_at is not None:
        raise InvalidField("customer_id", "is a customer who was deleted")


async def _of_kept(new: NewPayment, method_id: str) -> Terms:
    method = await kept_methods.get(new.merchant_id, method_id)
    if new.customer_id not in (None, method.customer_id):
        raise InvalidField("customer_id", "is not the customer whose payment method this is: leave it out")
    if method.status != MethodStatus.ACTIVE:
        raise MethodNotActive(f"The payment method is {method.status}: it cannot be charged.")
    instrument = _charged(method, await method_store.tokens_of(method.id))
    usage = Usage(
        initiator=new.initiator,
        agreement=_agreement(new, Agreement(method.agreement)),
        network_transaction_id=method.network_transaction_id,
        saving=new.saving,
        shopper=new.shopper,
    )
    if instrument.tokens and all(is_unreferenced(instrument, account, usage) for account in instrument.tokens):
        raise NetworkTransactionMissing(
            "The network's id of this card's first payment is not known, and the gateway that took it keeps it no "
            "more. Have the customer pay with it once."
        )
    return Terms(instrument, usage, method.customer_id)


def _agreement(new: NewPayment, given: Agreement) -> Agreement:
    """Under which agreement this charge is. Raises AgreementMissing where the customer gave none that covers it."""
    if new.initiator is Initiator.CUSTOMER:
        return new.agreement if new.agreement is not Agreement.NONE else Agreement.CARD_ON_FILE
    if given not in FOR_MERCHANT:
        raise AgreementMissing(
            f"The customer agreed to {given.value}, which needs the customer to be there. Have the method saved for "
            "subscription or unscheduled charges."
        )
    if new.agreement not in (Agreement.NONE, given):
        raise AgreementMissing(f"The customer agreed to {given.value} charges, not to {new.agreement.value}.")
    return given


def _charged(method: method_store.MethodRow, tokens: list[method_store.TokenRow]) -> KeptMethod:
    return KeptMethod(
        payment_method_id=method.id,
        method=Method(method.method),
        brand=method.brand,
        last4=method.last4,
        expiry_month=method.expiry_month,
        expiry_year=method.expiry_year,
        bin=method.bin,
        issuer_country=method.issuer_country,
        funding=method.funding,
        fingerprint=method.fingerprint,
        tokens={
            token.gateway_account_id: GatewayToken(
                token.gateway_token, token.gateway_customer, first=token.mirrored_from is None
            )
            for token in tokens
            if token.state == TokenState.KEPT
        },
    )


async def with_customers(customer_id: str | None, usage: Usage, plan: RoutePlan) -> Usage:
    """The usage with who the customer is at each account of the plan, where the instrument is to be kept.

    An account that cannot say so takes the payment all the same: then nothing is kept there.
    """
    if usage.saving is None or customer_id is None:
        return usage
    accounts = [step.account_id for step in plan.steps]
    names = await asyncio.gather(*(gateway_customers.ensure(customer_id, account) for account in accounts))
    return structs.replace(usage, customers={a: name for a, name in zip(accounts, names, strict=True) if name})


# After an approval


async def note(story: Story, attempt: AttemptRow, operation: OperationRow, outcome: Outcome, now: datetime) -> None:
    """What an approval brings along for later charges, in the transaction that settles it. Safe to repeat."""
    if operation.kind not in _AUTHORISING or outcome.kind is not OutcomeKind.APPROVED:
        return
    payment, usage = story.payment, story.payment.usage
    if isinstance(payment.instrument, KeptMethod):
        if outcome.network_transaction_id and not usage.network_transaction_id and not usage.by_merchant:
            method_id = payment.instrument.payment_method_id
            await method_store.learn_network_transaction(method_id, outcome.network_transaction_id)
        return
    if usage.saving is None or attempt.gateway_account_id not in usage.customers:
        return
    if not outcome.gateway_token:  # the gateway tells later, or told somebody else
        await outbox.enqueue(KEEP, payment.id, now + timedelta(seconds=KEEP_PAUSES_S[0]))
        return
    customer = outcome.gateway_customer or usage.customers[attempt.gateway_account_id]
    await _keep(story, attempt, outcome.gateway_token, customer, outcome.network_transaction_id, now)


async def keep_late(payment_id: str) -> Later | None:
    """The job: an approved payment was to be kept, and no answer gave its token. Look among what the gateway keeps."""
    payment = await store.payment(payment_id)
    if payment is None or payment.usage.saving is None or await method_store.method_of_payment(payment_id):
        return None
    assert payment.instrument is not None
    story, now, shown = await store.story_of(payment), clock_port.now(), shown_of(payment.instrument)
    for attempt in story.attempts:
        customer = payment.usage.customers.get(attempt.gateway_account_id)
        if attempt.status not in (AttemptStatus.AUTHORISED, AttemptStatus.CAPTURED) or not customer:
            continue
        found = await found_at(attempt.gateway_account_id, customer, shown)
        if found is not None:
            async with transaction():
                await store.lock_payment(payment_id)
                ids = found.network_transaction_id
                await _keep(story, attempt, found.gateway_token, found.gateway_customer or customer, ids, now)
            return None
    age_s = (now - payment.created_at).total_seconds()
    if age_s >= KEEP_GIVE_UP.total_seconds():
        return None
    return Later(now + timedelta(seconds=next((s for s in KEEP_PAUSES_S if s > age_s), KEEP_PAUSES_S[-1])))


async def found_at(account_id: str, customer: str, shown: SavedMethod) -> SavedMethod | None:
    """It, among what is kept for the customer and is no other method of ours; None where it is not seen."""
    connection = await connections.connect(account_id)
    methods = connection.gateway.facets.methods
    if methods is None:
        return None
    listed = await connection.ask(lambda _: methods.saved(customer))
    for saved in reversed(listed.value or ()) if listed.kind is OutcomeKind.APPROVED else ():
        same = saved.last4 == shown.last4 or not (saved.last4 and shown.last4)
        if saved.method is shown.method and same and not await method_store.kept_at(account_id, saved.gateway_token):
            return saved
    return None


async def _keep(
    story: Story, attempt: AttemptRow, token: str, customer: str, network_transaction_id: str, now: datetime
) -> None:
    payment, saving = story.payment, story.payment.usage.saving
    assert saving is not None
    assert payment.customer_id is not None
    assert payment.instrument is not None
    shown = replace(
        shown_of(payment.instrument),
        gateway_token=token,
        gateway_customer=customer,
        network_transaction_id=network_transaction_id,
    )
    keeping = Keeping(
        merchant_id=payment.merchant_id,
        customer_id=payment.customer_id,
        account_id=attempt.gateway_account_id,
        saved=shown,
        consent=saving.consent,
        agreement=saving.agreement,
        payment_id=payment.id,
        fingerprint=instrument_fingerprint(payment.instrument),
    )
    await kept_methods.record_kept(keeping, now)


def shown_of(instrument: Instrument) -> SavedMethod:
    """What may be shown of what is kept, without a token. Of iDEAL the mandate is kept that it leaves:
    https://docs.stripe.com/payments/ideal/set-up-payment."""
    match instrument:
        case Card() | NetworkToken() | KeptMethod():
            shown = SavedMethod(
                "",
                "",
                method_behind(instrument),
                instrument.brand,
                instrument.last4,
                instrument.expiry_month,
                instrument.expiry_year,
            )
            if isinstance(instrument, NetworkToken):
                return shown
            issued = {name: getattr(instrument, name) for name in ("bin", "issuer_country", "funding")}
            return replace(shown, **issued)
        case PayPalWallet():
            return SavedMethod("", "", Method.PAYPAL)
        case Ideal():
            return SavedMethod("", "", Method.SEPA_DEBIT)
        case SepaDebit():
            return SavedMethod("", "", Method.SEPA_DEBIT, last4=instrument.iban_shown[-4:])
        case _:
            assert_never(instrument)
