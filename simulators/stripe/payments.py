"""How a PaymentIntent's money moves: an attempt, an authentication, an authorisation, captures, an end without money.

Lifecycle: docs.stripe.com/payments/paymentintents/lifecycle. Functions raise StripeError where the attempt is refused.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

from simulators.issuer import brand_of, country_of, region_of
from simulators.network_tokens import card_behind, spend_cryptogram
from simulators.stripe import cards
from simulators.stripe.amounts import to_world
from simulators.stripe.bank_accounts import course_of
from simulators.stripe.connect import pay_recipients
from simulators.stripe.declines import DeclineWords, decline_words
from simulators.stripe.errors import StripeError
from simulators.stripe.form import mapping, text
from simulators.stripe.method_shapes import show_method
from simulators.stripe.methods import keep_for_later, make_generated_debit, make_mandate
from simulators.stripe.objects import Intent, IntentStatus, PaymentMethod, StripeCharge, new_id, unix
from simulators.stripe.options import asked_for_3ds, options_of
from simulators.stripe.payment_shapes import may_be_captured_often, show_charge, show_intent
from simulators.stripe.state import state_of
from simulators.stripe.webhooks import tell
from simulators.world import Card, Charge, ChargeEvent, World

_VALID = timedelta(days=7)  # docs.stripe.com/payments/place-a-hold-on-a-payment-method
_VALID_VISA_OFF_SESSION = timedelta(days=4, hours=18)
_VALID_EXTENDED = timedelta(days=30)  # docs.stripe.com/payments/extended-authorization
_VALID_PAYPAL = timedelta(days=10)  # docs.stripe.com/payments/paypal
_NOT_AUTHENTICATED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)
_REDIRECT_FAILED = "The provided PaymentMethod has failed authentication. Provide a new PaymentMethod to try again."
_DEBIT_FAILED = "The payment failed."


def attempt(world: World, intent: Intent, method: PaymentMethod, forced: str | None, strict: bool = False) -> None:
    """Tries to pay by the method. `forced` is the decline that a scenario orders; `strict` is
    `error_on_requires_action`."""
    intent.payment_method, intent.last_payment_error, intent.next_action = method.id, None, None
    intent.awaiting = ""
    if forced is not None:
        raise declined(world, intent, method, decline_words(forced))
    match method.type:
        case "card":
            _attempt_card(world, intent, method, strict)
        case "sepa_debit":
            _attempt_debit(world, intent, method)
        case _:
            _send_away(world, intent, method, "redirect")


def finish_authentication(world: World, intent: Intent, passed: bool) -> bool:
    """What came of the page that the shopper was sent to. Returns whether the payment went through."""
    method = state_of(world).methods.get(intent.awaiting)
    if intent.status is not IntentStatus.REQUIRES_ACTION or method is None:
        return intent.good_charge is not None
    intent.awaiting, intent.next_action = "", None
    if method.type != "card":
        return _finish_redirect(world, intent, method, passed)
    assert method.card is not None
    number = method.card.number
    if not passed:
        fail(world, intent, method, "payment_intent_authentication_failure", _NOT_AUTHENTICATED)
        return False
    asked = _asked(intent, method)
    proof = cards.three_d_secure(number, "authenticated", "challenge")
    if words := _refusal(world, method.card, asked):
        declined(world, intent, method, words, proof)
        return False
    _authorise(world, intent, method, proof)
    return True


def capture(world: World, intent: Intent, charge: StripeCharge, amount: int, is_final: bool) -> None:
    """The caller has checked amount and state. What is not captured in the end goes back to the holder."""
    charge.amount_captured += amount
    charge.captures += 1
    world.capture(charge.ledger, to_world(amount, intent.currency.upper()), charge.id)
    pay_recipients(world, charge, amount)
    was_held, charge.capture_before = charge.capture_before is not None, None
    if was_held:
        tell(world, intent.account, "charge.captured", show_charge(charge))
    if not is_final and charge.amount_captured < charge.amount:
        charge.capture_before = _deadline(charge)
        tell(world, intent.account, "payment_intent.amount_capturable_updated", show_intent(intent))
        return
    intent.status = IntentStatus.SUCCEEDED
    tell(world, intent.account, "payment_intent.succeeded", show_intent(intent))
    _plan_dispute(world, charge)


def release(world: World, intent: Intent, reason: str) -> None:
    """Gives up the intent, and what was authorised and not captured."""
    charge = intent.good_charge
    if charge is not None and not charge.amount_captured:
        charge.released, charge.amount_refunded, charge.capture_before = True, charge.amount, None
        world.void(charge.ledger)
        is_late = reason == "automatic"
        tell(world, intent.account, "charge.expired" if is_late else "charge.refunded", show_charge(charge))
    intent.canceled_at = unix(world.clock.now())
    intent.cancellation_reason, intent.awaiting, intent.next_action = reason, "", None
    intent.status = IntentStatus.CANCELED
    tell(world, intent.account, "payment_intent.canceled", show_intent(intent))


def expire(world: World, intent: Intent) -> None:
    """The authorisation has run out: nothing captured ends the intent, a part captured completes it."""
    charge = intent.good_charge
    if intent.status is not IntentStatus.REQUIRES_CAPTURE or charge is None:
        return
    if not charge.amount_captured:
        release(world, intent, "automatic")
        return
    charge.capture_before, intent.status = None, IntentStatus.SUCCEEDED
    tell(world, intent.account, "payment_intent.succeeded", show_intent(intent))


def settle_debit(world: World, intent: Intent) -> None:
    """The bank's answer to a direct debit."""
    charge = intent.good_charge
    if intent.status is not IntentStatus.PROCESSING or charge is None:
        return
    course, method = course_of(charge.method.iban), state_of(world).methods[charge.method.id]
    if course.failure_code:
        charge.decline = DeclineWords(course.failure_code, "", _DEBIT_FAILED, "", "")
        charge.status, charge.ledger.declined = "failed", True
        now = world.clock.now()
        charge.ledger.events.append(ChargeEvent("declined", charge.ledger.amount_minor, now, charge.id))
        tell(world, intent.account, "charge.failed", show_charge(charge))
        fail(world, intent, method, course.failure_code, _DEBIT_FAILED, charge=charge.id)
        return
    charge.status = "succeeded"
    tell(world, intent.account, "charge.succeeded", show_charge(charge))
    capture(world, intent, charge, intent.amount, True)


def declined(
    world: World, intent: Intent, method: PaymentMethod, words: DeclineWords, proof: dict[str, Any] | None = None
) -> StripeError:
    """A failed charge, and the error that tells of it."""
    charge = _new_charge(world, intent, method, words)
    charge.three_d_secure = proof
    tell(world, intent.account, "charge.failed", show_charge(charge))
    details = {
        "advice_code": words.advice_code,
        "charge": charge.id,
        "decline_code": words.decline_code,
        "network_decline_code": words.network_decline_code,
        "param": words.param,
    }
    return fail(world, intent, method, words.code, words.message, type="card_error", **details)


def fail(
    world: World,
    intent: Intent,
    method: PaymentMethod,
    code: str,
    message: str,
    type: str = "invalid_request_error",
    **details: Any,
) -> StripeError:
    """The intent wants another payment method; its last error is this one."""
    said = StripeError(402, message, type=type, code=code, payment_method=show_method(method), **details)
    intent.status, intent.payment_method, intent.last_payment_error = (
        IntentStatus.REQUIRES_PAYMENT_METHOD, "", said.error,
    )  # fmt: skip
    tell(world, intent.account, "payment_intent.payment_failed", show_intent(intent))
    said.error = {**said.error, "payment_intent": show_intent(intent)}
    return said


# a card


def _attempt_card(world: World, intent: Intent, method: PaymentMethod, strict: bool) -> None:
    assert method.card is not None
    card = replace(method.card, number=card_behind(world, method.card.number))
    asked = _asked(intent, method)
    proof = _foreign_proof(intent, card)
    if method.is_network_token and not _may_use_token(world, intent, method.card):
        raise declined(world, intent, method, decline_words("code:invalid_account"))
    needs_holder = proof is None and not _is_exempt(intent) and cards.wants_holder(card.number, asked)
    if needs_holder and asked.off_session:
        raise declined(world, intent, method, decline_words("code:authentication_required"))
    if needs_holder and strict:
        raise declined(world, intent, method, decline_words("code:authentication_not_handled"))
    if needs_holder:
        _send_away(world, intent, method, "challenge")
        return
    if words := _refusal(world, card, asked):
        raise declined(world, intent, method, words, proof)
    _authorise(world, intent, method, proof or cards.proof_without_challenge(card.number, asked))


def _may_use_token(world: World, intent: Intent, card: Card) -> bool:
    """With a cryptogram of its own for this payment, or without the customer on the strength of an earlier one."""
    cryptogram = text(mapping(options_of(intent.options, "card"), "network_token"), "cryptogram")
    return spend_cryptogram(world, card.number, cryptogram) if cryptogram else _is_exempt(intent)


def _asked(intent: Intent, method: PaymentMethod) -> cards.Asked:
    return cards.Asked(
        off_session=intent.off_session,
        is_set_up=method.is_set_up,
        on_request=asked_for_3ds(intent.options) in ("any", "challenge"),
        is_attached=bool(method.customer),
    )


def _refusal(world: World, card: Card, asked: cards.Asked) -> DeclineWords | None:
    today = world.clock.now()
    if (card.expiry_year, card.expiry_month) < (today.year, today.month):
        return decline_words("expired_card")
    return cards.refusal(card, asked)


def _is_exempt(intent: Intent) -> bool:
    """Charged without the holder on the strength of an earlier payment elsewhere, or by mail and telephone."""
    card = options_of(intent.options, "card")
    named = text(mapping(card, "mit_exemption"), "network_transaction_id")
    return card.get("moto") == "true" or (bool(named) and intent.off_session)


def _foreign_proof(intent: Intent, card: Card) -> dict[str, Any] | None:
    """3-D Secure done by somebody else, or the cryptogram of a network token, handed over with the payment."""
    given = mapping(options_of(intent.options, "card"), "three_d_secure")
    if not given:
        return None
    shown = cards.three_d_secure(card.number, "authenticated", "challenge")
    if given.get("ares_trans_status") == "A":
        shown = cards.three_d_secure(card.number, "attempt_acknowledged", "frictionless")
    told = ("electronic_commerce_indicator", "transaction_id", "version")
    return shown | {name: given[name] for name in told if given.get(name)}


def _authorise(world: World, intent: Intent, method: PaymentMethod, proof: dict[str, Any] | None) -> StripeCharge:
    charge = _new_charge(world, intent, method, None)
    charge.three_d_secure = proof
    charge.mandate = method.mandate
    _remember_method(world, intent, method, charge)
    if wants_manual_capture(intent, method):
        _hold(world, intent, charge)
        return charge
    tell(world, intent.account, "charge.succeeded", show_charge(charge))
    capture(world, intent, charge, intent.amount, True)
    return charge


def _hold(world: World, intent: Intent, charge: StripeCharge) -> None:
    wishes = options_of(intent.options, "card")
    often = charge.method.card is not None and may_be_captured_often(charge.method.card)
    charge.multicapture = often and wishes.get("request_multicapture") == "if_available"
    charge.extended = often and wishes.get("request_extended_authorization") == "if_available"
    until = world.clock.now() + _validity(intent, charge)
    charge.ledger.expires_at, charge.capture_before = until, unix(until)
    intent.status = IntentStatus.REQUIRES_CAPTURE
    world.at(until, "stripe", "expire_authorisation", intent=intent.id)
    tell(world, intent.account, "charge.succeeded", show_charge(charge))
    tell(world, intent.account, "payment_intent.amount_capturable_updated", show_intent(intent))


def _validity(intent: Intent, charge: StripeCharge) -> timedelta:
    if charge.method.card is None:
        return _VALID_PAYPAL
    if charge.extended:
        return _VALID_EXTENDED
    is_visa = brand_of(charge.method.card.number) == "visa"
    return _VALID_VISA_OFF_SESSION if is_visa and intent.off_session else _VALID


def _deadline(charge: StripeCharge) -> int | None:
    return unix(charge.ledger.expires_at) if charge.ledger.expires_at else None


def wants_manual_capture(intent: Intent, method: PaymentMethod) -> bool:
    own = text(options_of(intent.options, method.type), "capture_method")
    return (own or intent.capture_method) == "manual"


# other methods


def _attempt_debit(world: World, intent: Intent, method: PaymentMethod) -> None:
    if not method.mandate:
        acceptance = mapping(intent.mandate_data, "customer_acceptance")
        method.mandate = make_mandate(world, method, acceptance)
    charge = _new_charge(world, intent, method, None)
    charge.status, charge.mandate, intent.mandate = "pending", method.mandate, method.mandate
    _remember_method(world, intent, method, charge)
    intent.status = IntentStatus.PROCESSING
    world.at(world.clock.now() + course_of(method.iban).takes, "stripe", "settle_debit", intent=intent.id)
    tell(world, intent.account, "charge.pending", show_charge(charge))
    tell(world, intent.account, "payment_intent.processing", show_intent(intent))


def _send_away(world: World, intent: Intent, method: PaymentMethod, page: str) -> None:
    intent.status, intent.awaiting, intent.was_challenged = IntentStatus.REQUIRES_ACTION, method.id, True
    url = f"{world.urls.get('stripe', '')}/{page}/{intent.id}"
    intent.next_action = {
        "type": "redirect_to_url",
        "redirect_to_url": {"return_url": intent.return_url or None, "url": url},
    }
    tell(world, intent.account, "payment_intent.requires_action", show_intent(intent))


def _finish_redirect(world: World, intent: Intent, method: PaymentMethod, passed: bool) -> bool:
    if not passed:
        fail(world, intent, method, "payment_intent_authentication_failure", _REDIRECT_FAILED)
        return False
    if method.type == "paypal":
        method.wallet = method.wallet or secrets.token_hex(7).upper()[:13]
    charge = _authorise(world, intent, method, None)
    if method.type == "ideal" and intent.setup_future_usage == "off_session":
        debit = make_generated_debit(world, method, intent.customer, charge.id)
        charge.generated_sepa_debit, charge.mandate = debit.id, debit.mandate
    return True


# charges


def _new_charge(world: World, intent: Intent, method: PaymentMethod, words: DeclineWords | None) -> StripeCharge:
    prefix = "ch" if method.type == "card" else "py"
    currency, now, number = intent.currency.upper(), world.clock.now(), method.card.number if method.card else ""
    country = country_of(number) if number else method.iban[:2] or "NL"
    ledger = Charge(
        "stripe", intent.account, new_id(prefix), intent.metadata.get("clearway_attempt", ""),
        intent.metadata.get("clearway_payment", ""), to_world(intent.amount, currency), currency, now,
        declined=words is not None, payment_id=intent.id, method=method.type,
        region=region_of(country, world.country_of("stripe", intent.account)),
        network_transaction_id=_network_id() if number and (words is None or words.type != "blocked") else "",
        stored_token=method.id if method.customer else "",
    )  # fmt: skip
    world.add_charge(ledger)
    snapshot = PaymentMethod(**{name: getattr(method, name) for name in PaymentMethod.__slots__})
    charge = StripeCharge(
        ledger.id, intent.id, intent.amount, intent.currency, unix(now), snapshot, ledger, dict(intent.metadata),
        "failed" if words else "succeeded", words,
    )  # fmt: skip
    _take_over(charge, intent)
    intent.charges.append(charge)
    state_of(world).charges[charge.id] = charge
    return charge


def _take_over(charge: StripeCharge, intent: Intent) -> None:
    charge.customer, charge.description = intent.customer, intent.description
    charge.transfer_data, charge.on_behalf_of = intent.transfer_data, intent.on_behalf_of
    charge.application_fee_amount, charge.transfer_group = intent.application_fee_amount, intent.transfer_group
    charge.statement_descriptor_suffix = intent.statement_descriptor_suffix
    charge.receipt_email = intent.receipt_email


def _network_id() -> str:
    return str(secrets.randbelow(9 * 10**14) + 10**14)


def _remember_method(world: World, intent: Intent, method: PaymentMethod, charge: StripeCharge) -> None:
    """A method that is saved with the payment is attached; one without a customer is spent by it."""
    method.network_transaction_id = method.network_transaction_id or charge.ledger.network_transaction_id
    if intent.setup_future_usage in ("on_session", "off_session") and method.type != "ideal":
        keep_for_later(world, method, intent.customer, intent.setup_future_usage == "off_session")
    elif not method.customer:
        method.is_spent = True
    if method.card is not None and method.card.cvc:
        card = method.card
        method.card = Card(card.number, card.expiry_month, card.expiry_year, "", card.holder)


def _plan_dispute(world: World, charge: StripeCharge) -> None:
    """Test cards and test IBANs that are disputed as soon as they are paid."""
    number = charge.method.card.number if charge.method.card else ""
    known = cards.DISPUTED.get(number)
    if charge.method.iban and course_of(charge.method.iban).is_disputed:
        known = ("general", False)
    if known:
        reason, is_inquiry = known
        world.at(world.clock.now(), "stripe", "open_dispute", charge=charge.id, reason=reason, inquiry=is_inquiry)
