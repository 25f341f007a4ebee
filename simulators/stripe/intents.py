"""What PaymentIntents and refunds do (docs.stripe.com/payments/paymentintents/lifecycle), one account at a time."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, NoReturn

from simulators.issuer import CHALLENGE_PASSWORD, Verdict, VerdictKind, judge
from simulators.stripe.amounts import parse_amount, to_world
from simulators.stripe.errors import DeclineWords, StripeError, decline_words, missing_resource
from simulators.stripe.form import Form, mapping, metadata, required, text
from simulators.stripe.objects import (
    Intent,
    IntentStatus,
    StripeCharge,
    StripeRefund,
    new_id,
    show_charge,
    show_intent,
    show_payment_method,
    show_refund,
    unix,
)
from simulators.stripe.state import state_of
from simulators.stripe.webhooks import tell
from simulators.world import Card, Charge, World

_CANCELABLE = (IntentStatus.REQUIRES_PAYMENT_METHOD, IntentStatus.REQUIRES_ACTION, IntentStatus.REQUIRES_CAPTURE)


class Intents:
    """The verbs on what the simulated Stripe remembers. Methods raise StripeError."""

    def __init__(self, world: World) -> None:
        self._world = world
        state = state_of(world)
        self._intents, self._refunds = state.intents, state.refunds

    # reading

    def find(self, account: str, id: str, param: str = "intent") -> Intent:
        intent = self._intents.get(id)
        if intent is None or intent.account != account:
            raise missing_resource("payment_intent", id, param)
        return intent

    def find_any(self, id: str) -> Intent | None:
        """For the challenge page, which knows no account."""
        return self._intents.get(id)

    def find_charge(self, account: str, id: str) -> StripeCharge:
        for intent in self._of(account):
            for charge in intent.charges:
                if charge.id == id:
                    return charge
        raise missing_resource("charge", id, "id")

    def find_refund(self, account: str, id: str) -> StripeRefund:
        refund = self._refunds.get(id)
        if refund is None or self._intents[refund.intent_id].account != account:
            raise missing_resource("refund", id, "id")
        return refund

    def newest_first(self, account: str) -> list[Intent]:
        return self._of(account)[::-1]

    def refunds_of(self, account: str, intent_id: str = "", charge_id: str = "") -> list[StripeRefund]:
        own = [r for r in self._refunds.values() if self._intents[r.intent_id].account == account]
        return [r for r in own[::-1] if intent_id in ("", r.intent_id) and charge_id in ("", r.charge_id)]

    def _of(self, account: str) -> list[Intent]:
        return [intent for intent in self._intents.values() if intent.account == account]

    # verbs

    def create(self, account: str, form: Form) -> Intent:
        amount, currency = parse_amount(required(form, "amount")), required(form, "currency").lower()
        if not re.fullmatch(r"[a-z]{3}", currency):
            raise StripeError(400, f"Invalid currency: {currency}", param="currency", began=False)
        to_world(amount, currency.upper())
        capture_method = text(form, "capture_method", "automatic_async")
        if capture_method not in ("automatic", "automatic_async", "manual"):
            raise StripeError(400, f"Invalid capture_method: {capture_method}", param="capture_method", began=False)
        id = new_id("pi")
        intent = Intent(
            id, account, amount, currency, unix(self._now()), capture_method,
            metadata(form), text(form, "description"), f"{id}_secret_{new_id('s')[2:]}",
        )  # fmt: skip
        self._intents[id] = intent
        return intent

    def confirm(self, intent: Intent, form: Form, forced_decline: str | None) -> Intent:
        """Raises StripeError 402 when the issuer declines: then the intent wants another payment method."""
        if intent.status is not IntentStatus.REQUIRES_PAYMENT_METHOD:
            self._refuse_state(intent, "confirm", "requires_payment_method or requires_confirmation")
        card = _card_in(form)
        intent.payment_method, intent.return_url = new_id("pm"), text(form, "return_url")
        verdict = self._verdict(card)
        if forced_decline is not None:
            raise self._declined(intent, card, decline_words(forced_decline))
        match verdict.kind:
            case VerdictKind.APPROVE:
                self._authorise(intent, card)
            case VerdictKind.CHALLENGE:
                self._challenge(intent, card)
            case VerdictKind.DECLINE if verdict.reason == "invalid_number":
                raise self._not_a_card(intent, card)
            case VerdictKind.DECLINE:
                raise self._declined(intent, card, decline_words(verdict.reason))
        return intent

    def finish_challenge(self, intent: Intent, password: str) -> bool:
        """What the shopper typed on the challenge page. Returns whether the payment went through."""
        card = intent.awaiting
        if intent.status is not IntentStatus.REQUIRES_ACTION or card is None:
            return intent.good_charge is not None
        intent.awaiting, intent.next_action = None, None
        if password != CHALLENGE_PASSWORD:
            message = "We are unable to authenticate your payment method. Please choose a different payment method."
            self._fail(intent, card, "payment_intent_authentication_failure", message, type="invalid_request_error")
            return False
        self._authorise(intent, card, authenticated=True)
        return True

    def capture(self, intent: Intent, form: Form) -> Intent:
        charge = intent.good_charge
        if intent.status is not IntentStatus.REQUIRES_CAPTURE or charge is None:
            self._refuse_state(intent, "capture", "requires_capture")
        asked = text(form, "amount_to_capture")
        amount = parse_amount(asked, "amount_to_capture") if asked else intent.amount
        to_world(amount, intent.currency.upper(), "amount_to_capture")
        if amount > intent.amount:
            message = f"The amount to capture ({amount}) is greater than the amount authorised ({intent.amount})."
            raise StripeError(400, message, code="amount_too_large", param="amount_to_capture")
        self._capture(intent, charge, amount)
        return intent

    def cancel(self, intent: Intent, form: Form) -> Intent:
        if intent.status not in _CANCELABLE:
            self._refuse_state(intent, "cancel", ", ".join(_CANCELABLE))
        if (charge := intent.good_charge) is not None:
            charge.released, charge.amount_refunded = True, charge.amount
            self._world.void(charge.ledger)
        intent.status, intent.canceled_at = IntentStatus.CANCELED, unix(self._now())
        intent.cancellation_reason, intent.awaiting, intent.next_action = text(form, "cancellation_reason"), None, None
        tell(self._world, intent.account, "payment_intent.canceled", show_intent(intent))
        return intent

    def refund(self, account: str, form: Form) -> StripeRefund:
        charge = self._refundable(account, form)
        left = charge.amount_captured - charge.amount_refunded
        if left <= 0:
            message = f"Charge {charge.id} has already been refunded."
            raise StripeError(400, message, code="charge_already_refunded")
        amount = parse_amount(text(form, "amount")) if text(form, "amount") else left
        minor = to_world(amount, charge.currency.upper())
        if amount > left:
            message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
            raise StripeError(400, message, param="amount")
        refund = StripeRefund(
            new_id("re"), charge.id, charge.intent_id, amount, charge.currency, unix(self._now()),
            text(form, "reason"), metadata(form),
        )  # fmt: skip
        self._refunds[refund.id] = refund
        charge.amount_refunded += amount
        self._world.refund(charge.ledger, minor, refund.id, refund.metadata.get("clearway_operation", ""))
        tell(self._world, account, "refund.created", show_refund(refund))
        tell(self._world, account, "charge.refunded", show_charge(charge))
        return refund

    # inside

    def _now(self) -> datetime:
        return self._world.clock.now()

    def _verdict(self, card: Card) -> Verdict:
        verdict, today = judge(card.number), self._now()
        has_expired = (card.expiry_year, card.expiry_month) < (today.year, today.month)
        if has_expired and verdict.kind is not VerdictKind.DECLINE:
            return Verdict(VerdictKind.DECLINE, "expired_card")
        return verdict

    def _new_charge(self, intent: Intent, card: Card, decline: DeclineWords | None) -> StripeCharge:
        currency = intent.currency.upper()
        ledger = Charge(
            "stripe", intent.account, new_id("ch"), intent.metadata.get("clearway_attempt", ""),
            intent.metadata.get("clearway_payment", ""), to_world(intent.amount, currency), currency,
            self._now(), declined=decline is not None, payment_id=intent.id,
        )  # fmt: skip
        self._world.add_charge(ledger)
        charge = StripeCharge(
            ledger.id, intent.id, intent.amount, intent.currency, unix(self._now()), card,
            intent.payment_method, ledger, dict(intent.metadata), decline,
        )  # fmt: skip
        intent.charges.append(charge)
        return charge

    def _authorise(self, intent: Intent, card: Card, authenticated: bool = False) -> None:
        charge = self._new_charge(intent, card, None)
        charge.authenticated, intent.last_payment_error = authenticated, None
        intent.status = IntentStatus.REQUIRES_CAPTURE
        if intent.capture_method != "manual":
            self._capture(intent, charge, intent.amount)
            return
        tell(self._world, intent.account, "payment_intent.amount_capturable_updated", show_intent(intent))

    def _challenge(self, intent: Intent, card: Card) -> None:
        intent.status, intent.awaiting, intent.was_challenged = IntentStatus.REQUIRES_ACTION, card, True
        page = f"{self._world.urls.get('stripe', '')}/challenge/{intent.id}"
        intent.next_action = {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": intent.return_url or None, "url": page},
        }
        tell(self._world, intent.account, "payment_intent.requires_action", show_intent(intent))

    def _capture(self, intent: Intent, charge: StripeCharge, amount: int) -> None:
        charge.amount_captured, intent.status = amount, IntentStatus.SUCCEEDED
        self._world.capture(charge.ledger, to_world(amount, intent.currency.upper()), charge.id)
        tell(self._world, intent.account, "payment_intent.succeeded", show_intent(intent))

    def _declined(self, intent: Intent, card: Card, words: DeclineWords) -> StripeError:
        charge = self._new_charge(intent, card, words)
        details = {
            "advice_code": words.advice_code,
            "charge": charge.id,
            "decline_code": words.decline_code,
            "network_decline_code": words.network_decline_code,
        }
        return self._fail(intent, card, words.code, words.message, **details)

    def _not_a_card(self, intent: Intent, card: Card) -> StripeError:
        """The number never gets as far as a charge."""
        message = "Your card number is incorrect."
        error = self._fail(intent, card, "incorrect_number", message, param="number")
        intent.payment_method = ""
        return error

    def _fail(self, intent: Intent, card: Card, code: str, message: str, **details: Any) -> StripeError:
        shown_method = show_payment_method(intent.payment_method, card, unix(self._now()))
        error = StripeError(
            402, message, **{"type": "card_error", "code": code, "payment_method": shown_method, **details}
        )  # fmt: skip
        intent.status = IntentStatus.REQUIRES_PAYMENT_METHOD
        intent.payment_method, intent.last_payment_error = "", dict(error.error)
        error.error["payment_intent"] = show_intent(intent)
        tell(self._world, intent.account, "payment_intent.payment_failed", show_intent(intent))
        return error

    def _refuse_state(self, intent: Intent, verb: str, wanted: str) -> NoReturn:
        message = (
            f"You cannot {verb} this PaymentIntent because it has a status of {intent.status}. "
            f"Only a PaymentIntent with one of the following statuses may do this: {wanted}."
        )
        code = "payment_intent_unexpected_state"
        raise StripeError(400, message, code=code, payment_intent=show_intent(intent))

    def _refundable(self, account: str, form: Form) -> StripeCharge:
        if charge_id := text(form, "charge"):
            return self.find_charge(account, charge_id)
        intent = self.find(account, required(form, "payment_intent"), "payment_intent")
        charge = intent.good_charge
        if charge is None or not charge.amount_captured:
            message = f"This PaymentIntent ({intent.id}) does not have a successful charge to refund."
            raise StripeError(400, message, param="payment_intent")
        return charge


def _card_in(form: Form) -> Card:
    data = mapping(form, "payment_method_data")
    if text(data, "type") != "card" or not mapping(data, "card"):
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        raise StripeError(400, message, code="payment_intent_unexpected_state", began=False)
    card = mapping(data, "card")
    holder = text(mapping(data, "billing_details"), "name")
    month, year = _integer(card, "exp_month"), _integer(card, "exp_year")
    if not 1 <= month <= 12:
        message = "Your card's expiration month is invalid."
        raise StripeError(402, message, type="card_error", code="invalid_expiry_month", param="exp_month")
    return Card(required(card, "number"), month, year if year > 99 else 2000 + year, text(card, "cvc"), holder)


def _integer(form: Form, name: str) -> int:
    value = required(form, name)
    if not (value.isascii() and value.isdigit()):
        message = f"Invalid integer: {value}"
        raise StripeError(400, message, code="parameter_invalid_integer", param=name, began=False)
    return int(value)
