"""PaymentIntents: the endpoints, and what each of them checks before money moves."""

from __future__ import annotations

from typing import Any, NoReturn

from simulators.stripe import payments
from simulators.stripe.amounts import parse_amount, parse_currency, require_minimum, to_world
from simulators.stripe.bank_accounts import TEST_METHODS as _TEST_DEBITS
from simulators.stripe.calls import Call
from simulators.stripe.connect import check_recipients
from simulators.stripe.errors import StripeError, invalid, missing_resource
from simulators.stripe.form import Form, choice, flag, listed, mapping, metadata, only, required, text
from simulators.stripe.methods import TYPES, make_method, usable_method
from simulators.stripe.objects import Intent, IntentStatus, PaymentMethod, new_id, unix
from simulators.stripe.options import is_off_session, merged_options
from simulators.stripe.paging import chosen, page
from simulators.stripe.payment_shapes import show_intent
from simulators.stripe.search import found_by
from simulators.stripe.state import state_of, table
from simulators.stripe.webhooks import tell
from simulators.world import World

_SHARED = (
    *("allowed_payment_method_types", "amount_details", "capture_method", "excluded_payment_method_types", "hooks"),
    *("payment_details", "payment_method", "payment_method_data", "payment_method_options", "receipt_email"),
    *("setup_future_usage", "shipping"),
)
_CONFIRM = (
    *(*_SHARED, "confirmation_token", "error_on_requires_action", "mandate", "mandate_data", "off_session"),
    *("radar_options", "return_url", "use_stripe_sdk"),
)
_DESCRIBING = (
    *("amount", "application_fee_amount", "currency", "customer", "description", "metadata"),
    *("payment_method_configuration", "statement_descriptor", "statement_descriptor_suffix", "transfer_data"),
    *("payment_method_types", "transfer_group"),
)
_CREATE = (*_CONFIRM, *_DESCRIBING, "automatic_payment_methods", "confirm", "confirmation_method", "on_behalf_of")
_CAPTURE = (
    *("amount_details", "amount_to_capture", "application_fee_amount", "final_capture", "hooks", "metadata"),
    *("payment_details", "statement_descriptor", "statement_descriptor_suffix", "transfer_data"),
)
_WAITING = (
    *(IntentStatus.REQUIRES_PAYMENT_METHOD, IntentStatus.REQUIRES_CONFIRMATION),
    IntentStatus.REQUIRES_ACTION,
)
_CANCELABLE = (*_WAITING, IntentStatus.REQUIRES_CAPTURE)
_REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")
_CURRENCIES = {
    "ideal": frozenset({"eur"}),
    "sepa_debit": frozenset({"eur"}),
    "paypal": frozenset(
        ["aud", "cad", "chf", "czk", "dkk", "eur", "gbp", "hkd", "nok", "nzd", "pln", "sek", "sgd", "usd"]
    ),
}
"""docs.stripe.com/payments/payment-methods/payment-method-support; a card takes all."""
_AUTHENTICATES_BY_REDIRECT = ("ideal", "paypal")
_MOST_CAPTURES = 50  # docs.stripe.com/payments/multicapture


class PaymentIntents:
    def __init__(self, world: World) -> None:
        self._world = world
        self._all = state_of(world).intents

    def find(self, account: str, id: str, param: str = "intent") -> Intent:
        intent = self._all.get(id)
        if intent is None or intent.account != account:
            raise missing_resource("payment_intent", id, param)
        return intent

    # endpoints

    def create(self, call: Call) -> dict[str, Any]:
        only(call.form, *_CREATE)
        intent = self.make(call.account, call.form)
        if flag(call.form, "confirm"):
            self._confirm(intent, call.form, call.decline)
        return show_intent(intent)

    def confirm(self, call: Call) -> dict[str, Any]:
        only(call.form, *_CONFIRM)
        intent = self.find(call.account, call.id)
        if intent.status not in _WAITING:
            _refuse_state(intent, "confirm", "requires_payment_method, requires_confirmation, requires_action")
        self._confirm(intent, call.form, call.decline)
        return show_intent(intent)

    def update(self, call: Call) -> dict[str, Any]:
        """Amount and currency only while nothing has been tried with success; metadata always."""
        only(call.form, *_SHARED, *_DESCRIBING)
        intent, form = self.find(call.account, call.id), call.form
        if intent.status not in _WAITING and set(form) - {"metadata", "description", "expand"}:
            message = (
                f"This PaymentIntent's could not be updated because it has a status of {intent.status}. "
                "Only metadata and description may be updated then."
            )
            raise StripeError(400, message, code="payment_intent_unexpected_state")
        if "currency" in form:
            intent.currency = parse_currency(text(form, "currency"))
        if "amount" in form:
            intent.amount = parse_amount(text(form, "amount"))
            to_world(intent.amount, intent.currency.upper())
            require_minimum(intent.amount, intent.currency)
        intent.metadata = metadata(form, intent.metadata)
        self._describe(intent, form)
        if given := self._given_method(intent, form):
            intent.payment_method, intent.status = given.id, IntentStatus.REQUIRES_CONFIRMATION
        return show_intent(intent)

    def capture(self, call: Call) -> dict[str, Any]:
        only(call.form, *_CAPTURE)
        intent, form = self.find(call.account, call.id), call.form
        charge = intent.good_charge
        if intent.status is not IntentStatus.REQUIRES_CAPTURE or charge is None:
            _refuse_state(intent, "capture", "requires_capture")
        left = charge.amount - charge.amount_captured
        amount = parse_amount(text(form, "amount_to_capture") or str(left), "amount_to_capture")
        to_world(amount, intent.currency.upper(), "amount_to_capture")
        is_final = flag(form, "final_capture", True)
        if amount > left:
            message = f"The amount to capture ({amount}) is greater than the amount that can be captured ({left})."
            raise StripeError(400, message, code="amount_too_large", param="amount_to_capture")
        if not is_final and not charge.multicapture:
            message = "final_capture can be false only for a payment with multicapture available."
            raise StripeError(400, message, param="final_capture")
        if charge.captures >= _MOST_CAPTURES:
            raise StripeError(400, "A PaymentIntent can be captured at most 50 times.", param="final_capture")
        intent.metadata = metadata(form, intent.metadata)
        if "application_fee_amount" in form:
            charge.application_fee_amount = parse_amount(text(form, "application_fee_amount"), "application_fee_amount")
        payments.capture(self._world, intent, charge, amount, is_final)
        return show_intent(intent)

    def cancel(self, call: Call) -> dict[str, Any]:
        only(call.form, "cancellation_reason")
        intent = self.find(call.account, call.id)
        reason = choice(call.form, "cancellation_reason", _REASONS, "")
        if intent.status not in _CANCELABLE or (intent.good_charge and intent.good_charge.amount_captured):
            _refuse_state(intent, "cancel", ", ".join(_CANCELABLE))
        payments.release(self._world, intent, reason)
        return show_intent(intent)

    def retrieve(self, call: Call) -> dict[str, Any]:
        return show_intent(self.find(call.account, call.id))

    def list_all(self, call: Call) -> dict[str, Any]:
        rows = chosen([show_intent(intent) for intent in self._newest_first(call.account)], call.form, "customer")
        return page("/v1/payment_intents", rows, call.form)

    def search(self, call: Call) -> dict[str, Any]:
        """The real search lags by up to a minute; this one does not."""
        rows = [show_intent(intent) for intent in self._newest_first(call.account)]
        return found_by("/v1/payment_intents/search", rows, call.form)

    # inside

    def make(self, account: str, form: Form) -> Intent:
        amount, currency = parse_amount(required(form, "amount")), parse_currency(required(form, "currency"))
        to_world(amount, currency.upper())
        require_minimum(amount, currency)
        automatic, types = method_types(form, currency)
        id = new_id("pi")
        intent = Intent(
            id, account, amount, currency, unix(self._world.clock.now()),
            choice(form, "capture_method", ("automatic", "automatic_async", "manual"), "automatic_async"),
            metadata(form), text(form, "description"), f"{id}_secret_{new_id('s')[2:]}", types, automatic,
        )  # fmt: skip
        intent.confirmation_method = choice(form, "confirmation_method", ("automatic", "manual"), "automatic")
        intent.on_behalf_of = text(form, "on_behalf_of")
        self._describe(intent, form)
        if not flag(form, "confirm") and (given := self._given_method(intent, form)):
            intent.payment_method, intent.status = given.id, IntentStatus.REQUIRES_CONFIRMATION
        self._all[id] = intent
        tell(self._world, account, "payment_intent.created", show_intent(intent))
        return intent

    def _describe(self, intent: Intent, form: Form) -> None:
        """What creation, update and confirmation may say alike."""
        if customer := text(form, "customer"):
            table(self._world, "customer").find(intent.account, customer, "customer", 400)
        if "transfer_data" in form or "application_fee_amount" in form:
            check_recipients(self._world, intent, form)
        for name in (
            *("customer", "description", "setup_future_usage", "transfer_group", "receipt_email", "capture_method"),
            *("statement_descriptor", "statement_descriptor_suffix", "return_url"),
        ):
            if name in form:
                setattr(intent, name, text(form, name))
        if "shipping" in form:
            intent.shipping = mapping(form, "shipping") or None
        if "mandate_data" in form:
            intent.mandate_data = mapping(form, "mandate_data")
        intent.options = merged_options(intent.options, form)

    def _given_method(self, intent: Intent, form: Form) -> PaymentMethod | None:
        if "payment_method_data" in form:
            return make_method(self._world, intent.account, mapping(form, "payment_method_data"))
        if id := text(form, "payment_method"):
            return usable_method(self._world, intent.account, id, intent.customer)
        return None

    def _confirm(self, intent: Intent, form: Form, forced: str | None) -> None:
        self._describe(intent, form)
        intent.off_session = is_off_session(form)
        method = self._given_method(intent, form)
        if method is None and intent.payment_method:
            method = usable_method(self._world, intent.account, intent.payment_method, intent.customer)
        if method is None:
            message = (
                "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update "
                "the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with "
                "a payment method or ConfirmationToken."
            )
            raise StripeError(400, message, code="payment_intent_unexpected_state", payment_intent=show_intent(intent))
        self._check_method(intent, method)
        payments.attempt(self._world, intent, method, forced, flag(form, "error_on_requires_action"))

    def _check_method(self, intent: Intent, method: PaymentMethod) -> None:
        if method.type not in intent.method_types:
            message = (
                f"The PaymentMethod provided ({method.type}) is not allowed for this PaymentIntent. Please attach a "
                f"PaymentMethod of one of the following types: {', '.join(intent.method_types)}."
            )
            raise StripeError(400, message, code="payment_intent_incompatible_payment_method", param="payment_method")
        may_redirect = may_send_away(intent.automatic_methods, intent.method_types) and not intent.off_session
        if not intent.return_url and (may_redirect or method.type in _AUTHENTICATES_BY_REDIRECT):
            message = (
                "This PaymentIntent may redirect your customer: you must provide a `return_url`. If you don't want to "
                "accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
                "`automatic_payment_methods[allow_redirects]` to `never`."
            )
            raise StripeError(400, message, code="parameter_missing", param="return_url", began=False)
        if method.type in ("ideal", "sepa_debit") and payments.wants_manual_capture(intent, method):
            message = f"capture_method manual is not supported for {method.type}."
            raise StripeError(400, message, code="payment_intent_invalid_parameter", param="capture_method")
        if method.type == "sepa_debit":
            _check_debit(intent, method)

    def _newest_first(self, account: str) -> list[Intent]:
        return [intent for intent in reversed(self._all.values()) if intent.account == account]


def _check_debit(intent: Intent, method: PaymentMethod) -> None:
    """Its holder's name, an address for the notice, and a mandate (docs.stripe.com/payments/sepa-debit)."""
    for name in ("name", "email"):
        if not method.billing.get(name) and method.iban not in _TEST_DEBITS.values():
            message = f"Missing required param: billing_details[{name}]."
            raise invalid(message, f"billing_details[{name}]", "parameter_missing")
    if not method.mandate and not mapping(intent.mandate_data, "customer_acceptance"):
        message = "You must provide `mandate_data` to confirm a PaymentIntent with a sepa_debit PaymentMethod."
        raise invalid(message, "mandate_data", "parameter_missing")


def method_types(form: Form, currency: str = "") -> tuple[dict[str, Any] | None, list[str]]:
    """The automatic methods' setting, and the types that may pay.

    `payment_method_types` (of older versions) is an explicit list; `allowed_payment_method_types` a filter on those
    switched on in the dashboard that take the currency. Raises StripeError 400.
    """
    named = [str(kind) for kind in listed(form, "payment_method_types")]
    allowed = [str(kind) for kind in listed(form, "allowed_payment_method_types")]
    for kind in (*named, *allowed):
        if kind not in TYPES:
            raise invalid(f"Invalid payment_method_types: {kind}", "payment_method_types")
    sent = mapping(form, "automatic_payment_methods")
    if named and sent:
        raise invalid("You may only specify one of these parameters: automatic_payment_methods, payment_method_types.")
    if not named:
        return _automatic_types(sent, currency, allowed)
    for kind in named:
        if not _takes(kind, currency):
            takes = ", ".join(sorted(_CURRENCIES[kind]))
            message = f"The currency provided ({currency}) is invalid. Payments with {kind} support: {takes}."
            raise invalid(message, "currency", "payment_intent_invalid_parameter")
    return None, named


def _automatic_types(sent: Form, currency: str, allowed: list[str]) -> tuple[dict[str, Any] | None, list[str]]:
    redirects = choice(sent, "allow_redirects", ("always", "never"), "always")
    usual = [kind for kind in allowed or TYPES if _takes(kind, currency)]
    if redirects == "never":
        usual = [kind for kind in usual if kind not in _AUTHENTICATES_BY_REDIRECT]
    if not usual:
        raise invalid("No valid payment method types for this Payment Intent.", "allowed_payment_method_types")
    if sent and not flag(sent, "enabled"):
        return None, ["card"]
    return {"allow_redirects": redirects, "enabled": True}, usual


def may_send_away(automatic: dict[str, Any] | None, types: list[str]) -> bool:
    """Whether one of the automatic methods would take the shopper to a page of its own."""
    is_allowed = automatic is not None and automatic["allow_redirects"] == "always"
    return is_allowed and any(kind in types for kind in _AUTHENTICATES_BY_REDIRECT)


def _takes(kind: str, currency: str) -> bool:
    return not currency or currency in _CURRENCIES.get(kind, (currency,))


def _refuse_state(intent: Intent, verb: str, wanted: str) -> NoReturn:
    message = (
        f"You cannot {verb} this PaymentIntent because it has a status of {intent.status}. "
        f"Only a PaymentIntent with one of the following statuses may do this: {wanted}."
    )
    code = "payment_intent_unexpected_state"
    raise StripeError(400, message, code=code, payment_intent=show_intent(intent))
