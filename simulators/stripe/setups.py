"""SetupIntents: a payment method saved for later without a payment (docs.stripe.com/payments/setup-intents)."""

from __future__ import annotations

from typing import Any, NoReturn

from simulators.stripe import cards
from simulators.stripe.calls import Call
from simulators.stripe.declines import DeclineWords, decline_words
from simulators.stripe.errors import StripeError, missing_resource
from simulators.stripe.form import Form, choice, flag, mapping, metadata, only, text
from simulators.stripe.intents import may_send_away, method_types
from simulators.stripe.method_shapes import show_card_facts, show_method, show_setup
from simulators.stripe.methods import (
    keep_for_later,
    make_generated_debit,
    make_mandate,
    make_method,
    usable_method,
)
from simulators.stripe.objects import PaymentMethod, Setup, SetupStatus, new_id, unix
from simulators.stripe.options import asked_for_3ds, merged_options
from simulators.stripe.paging import chosen, page
from simulators.stripe.state import state_of, table
from simulators.stripe.webhooks import tell
from simulators.world import World

_UPDATE = (
    *(
        "allowed_payment_method_types",
        "customer",
        "description",
        "excluded_payment_method_types",
        "flow_directions",
        "metadata",
        "payment_method",
    ),
    *("payment_method_configuration", "payment_method_data", "payment_method_options", "payment_method_types"),
)
_CONFIRM = (
    *(
        "allowed_payment_method_types",
        "confirmation_token",
        "mandate_data",
        "payment_method",
        "payment_method_data",
        "payment_method_options",
    ),
    *("return_url", "use_stripe_sdk"),
)
_CREATE = (
    *(*_UPDATE, *_CONFIRM, "attach_to_self", "automatic_payment_methods", "confirm", "on_behalf_of"),
    *("single_use", "usage"),
)
_WAITING = (
    *(SetupStatus.REQUIRES_PAYMENT_METHOD, SetupStatus.REQUIRES_CONFIRMATION),
    SetupStatus.REQUIRES_ACTION,
)
_NOT_AUTHENTICATED = (
    "The latest attempt to set up the payment method has failed because authentication failed."
)  # fmt: skip


class SetupIntents:
    def __init__(self, world: World) -> None:
        self._world = world
        self._all = state_of(world).setups

    def find(self, account: str, id: str) -> Setup:
        setup = self._all.get(id)
        if setup is None or setup.account != account:
            raise missing_resource("setupintent", id, "intent")
        return setup

    def create(self, call: Call) -> dict[str, Any]:
        only(call.form, *_CREATE)
        form, account = call.form, call.account
        automatic, types = method_types(form)
        id = new_id("seti")
        setup = Setup(
            id, account, unix(self._world.clock.now()), metadata(form), text(form, "description"),
            f"{id}_secret_{new_id('s')[2:]}", types,
            choice(form, "usage", ("off_session", "on_session"), "off_session"),
            automatic,
        )  # fmt: skip
        self._describe(setup, form)
        if not flag(form, "confirm") and (given := self._given(setup, form)):
            setup.payment_method, setup.status = given.id, SetupStatus.REQUIRES_CONFIRMATION
        self._all[id] = setup
        tell(self._world, account, "setup_intent.created", show_setup(setup))
        if flag(form, "confirm"):
            self._confirm(setup, form, call.decline)
        return show_setup(setup)

    def confirm(self, call: Call) -> dict[str, Any]:
        only(call.form, *_CONFIRM)
        setup = self.find(call.account, call.id)
        if setup.status not in _WAITING:
            _refuse_state(setup, "confirm")
        self._confirm(setup, call.form, call.decline)
        return show_setup(setup)

    def update(self, call: Call) -> dict[str, Any]:
        only(call.form, *_UPDATE)
        setup = self.find(call.account, call.id)
        setup.metadata = metadata(call.form, setup.metadata)
        self._describe(setup, call.form)
        if given := self._given(setup, call.form):
            setup.payment_method, setup.status = given.id, SetupStatus.REQUIRES_CONFIRMATION
        return show_setup(setup)

    def cancel(self, call: Call) -> dict[str, Any]:
        only(call.form, "cancellation_reason")
        setup = self.find(call.account, call.id)
        reason = choice(call.form, "cancellation_reason", ("abandoned", "duplicate", "requested_by_customer"), "")
        if setup.status not in _WAITING:
            _refuse_state(setup, "cancel")
        setup.status, setup.cancellation_reason, setup.next_action = SetupStatus.CANCELED, reason, None
        tell(self._world, call.account, "setup_intent.canceled", show_setup(setup))
        return show_setup(setup)

    def retrieve(self, call: Call) -> dict[str, Any]:
        return show_setup(self.find(call.account, call.id))

    def list_all(self, call: Call) -> dict[str, Any]:
        rows = [show_setup(setup) for setup in reversed(self._all.values()) if setup.account == call.account]
        return page("/v1/setup_intents", chosen(rows, call.form, "customer", "payment_method"), call.form)

    def attempts(self, call: Call) -> dict[str, Any]:
        rows = chosen(table(self._world, "setup_attempt").of(call.account), call.form, "setup_intent")
        return page("/v1/setup_attempts", rows, call.form)

    # inside

    def _describe(self, setup: Setup, form: Form) -> None:
        if customer := text(form, "customer"):
            table(self._world, "customer").find(setup.account, customer, "customer", 400)
        for name in ("customer", "description", "return_url"):
            if name in form:
                setattr(setup, name, text(form, name))
        if "mandate_data" in form:
            setup.mandate_data = mapping(form, "mandate_data")
        setup.options = merged_options(setup.options, form)

    def _given(self, setup: Setup, form: Form) -> PaymentMethod | None:
        if "payment_method_data" in form:
            return make_method(self._world, setup.account, mapping(form, "payment_method_data"))
        if id := text(form, "payment_method"):
            return usable_method(self._world, setup.account, id, setup.customer)
        return None

    def _confirm(self, setup: Setup, form: Form, forced: str | None) -> None:
        self._describe(setup, form)
        method = self._given(setup, form)
        if method is None and setup.payment_method:
            method = usable_method(self._world, setup.account, setup.payment_method, setup.customer)
        if method is None:
            message = "You cannot confirm this SetupIntent because it's missing a payment method."
            raise StripeError(400, message, code="setup_intent_unexpected_state", setup_intent=show_setup(setup))
        self._check(setup, method)
        setup.payment_method, setup.last_setup_error, setup.next_action = method.id, None, None
        if forced is not None:
            raise declined(self._world, setup, method, decline_words(forced))
        asked = cards.Asked(on_request=asked_for_3ds(setup.options) in ("any", "challenge"), is_setup=True)
        if method.type in ("ideal", "paypal"):
            _send_away(self._world, setup, "redirect")
        elif method.card is not None and cards.wants_holder(method.card.number, asked):
            _send_away(self._world, setup, "challenge")
        elif method.card is not None and (words := cards.refusal(method.card, asked)):
            raise declined(self._world, setup, method, words)
        else:
            succeed(self._world, setup, method)

    def _check(self, setup: Setup, method: PaymentMethod) -> None:
        if method.type not in setup.method_types:
            message = f"The PaymentMethod provided ({method.type}) is not allowed for this SetupIntent."
            raise StripeError(400, message, code="setup_intent_invalid_parameter", param="payment_method")
        may_redirect = may_send_away(setup.automatic_methods, setup.method_types)
        if not setup.return_url and (may_redirect or method.type in ("ideal", "paypal")):
            message = "This SetupIntent may redirect your customer: you must provide a `return_url`."
            raise StripeError(400, message, code="parameter_missing", param="return_url", began=False)
        if method.type == "sepa_debit" and not setup.mandate_data and not method.mandate:
            message = "You must provide `mandate_data` to confirm a SetupIntent with a sepa_debit PaymentMethod."
            raise StripeError(400, message, code="parameter_missing", param="mandate_data", began=False)


def finish_authentication(world: World, setup: Setup, passed: bool) -> bool:
    """What came of the page that the shopper was sent to. Returns whether the method is set up."""
    method = state_of(world).methods.get(setup.payment_method)
    if setup.status is not SetupStatus.REQUIRES_ACTION or method is None:
        return setup.status is SetupStatus.SUCCEEDED
    setup.next_action = None
    if not passed:
        words = DeclineWords("setup_intent_authentication_failure", "", _NOT_AUTHENTICATED)
        declined(world, setup, method, words, "invalid_request_error")
        return False
    if method.type == "paypal":
        method.wallet = method.wallet or new_id("p")[2:15].upper()
    succeed(world, setup, method, authenticated=True)
    return True


def succeed(world: World, setup: Setup, method: PaymentMethod, authenticated: bool = False) -> None:
    if method.type in ("sepa_debit", "paypal") and not method.mandate:
        method.mandate = make_mandate(world, method, mapping(setup.mandate_data, "customer_acceptance"))
    method.network_transaction_id = method.network_transaction_id or new_id("n")[-15:]
    if method.type == "ideal":
        debit = make_generated_debit(world, method, setup.customer, setup.id)
        setup.mandate = debit.mandate
    else:
        setup.mandate = method.mandate
        keep_for_later(world, method, setup.customer, setup.usage == "off_session")
    setup.status = SetupStatus.SUCCEEDED
    _attempt(world, setup, method, "succeeded", None, authenticated)
    tell(world, setup.account, "setup_intent.succeeded", show_setup(setup))


def declined(
    world: World, setup: Setup, method: PaymentMethod, words: DeclineWords, kind: str = "card_error"
) -> StripeError:
    """The error that tells of it; the setup wants another payment method."""
    error = StripeError(
        402, words.message, type=kind, code=words.code, decline_code=words.decline_code, param=words.param,
        payment_method=show_method(method),
    )  # fmt: skip
    setup.status, setup.payment_method = SetupStatus.REQUIRES_PAYMENT_METHOD, ""
    setup.last_setup_error = error.error
    _attempt(world, setup, method, "failed", error.error, False)
    tell(world, setup.account, "setup_intent.setup_failed", show_setup(setup))
    error.error = {**error.error, "setup_intent": show_setup(setup)}
    return error


def _send_away(world: World, setup: Setup, page_name: str) -> None:
    setup.status, setup.was_challenged = SetupStatus.REQUIRES_ACTION, True
    url = f"{world.urls.get('stripe', '')}/{page_name}/{setup.id}"
    setup.next_action = {
        "type": "redirect_to_url",
        "redirect_to_url": {"return_url": setup.return_url or None, "url": url},
    }
    tell(world, setup.account, "setup_intent.requires_action", show_setup(setup))


def _attempt(
    world: World, setup: Setup, method: PaymentMethod, status: str, error: dict[str, Any] | None, authenticated: bool
) -> None:
    details: dict[str, Any] = {"type": method.type, method.type: {}}
    if method.card is not None:
        facts = show_card_facts(method.account, method.card)
        proof = cards.three_d_secure(method.card.number, "authenticated", "challenge") if authenticated else None
        if proof is not None:
            proof.pop("exemption_indicator")
        facts.pop("regulated_status")
        details["card"] = {**facts, "network": facts["brand"], "three_d_secure": proof, "wallet": None}
    shown = {
        "id": new_id("setatt"),
        "object": "setup_attempt",
        "application": None,
        "created": unix(world.clock.now()),
        "customer": setup.customer or None,
        "customer_account": None,
        "flow_directions": None,
        "livemode": False,
        "on_behalf_of": None,
        "payment_method": method.id,
        "payment_method_details": details,
        "setup_error": error,
        "setup_intent": setup.id,
        "status": status,
        "usage": setup.usage,
    }
    setup.latest_attempt = table(world, "setup_attempt").add(setup.account, shown)["id"]


def _refuse_state(setup: Setup, verb: str) -> NoReturn:
    message = f"You cannot {verb} this SetupIntent because it has a status of {setup.status}."
    raise StripeError(400, message, code="setup_intent_unexpected_state", setup_intent=show_setup(setup))
