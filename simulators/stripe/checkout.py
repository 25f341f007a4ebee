"""Checkout Sessions in payment mode, on Stripe's hosted page (docs.stripe.com/payments/checkout/how-checkout-works)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from simulators.stripe.amounts import require_minimum, to_world
from simulators.stripe.calls import Call
from simulators.stripe.catalogue import Catalogue
from simulators.stripe.checkout_shapes import line_items_shown, show_session
from simulators.stripe.errors import StripeError, invalid, missing_resource
from simulators.stripe.form import Form, choice, integer, listed, mapping, metadata, only, required, text
from simulators.stripe.intents import PaymentIntents, method_types
from simulators.stripe.method_shapes import NO_ADDRESS
from simulators.stripe.objects import Intent, IntentStatus, Session, new_id, unix
from simulators.stripe.paging import chosen, page
from simulators.stripe.state import state_of, table
from simulators.stripe.webhooks import tell
from simulators.world import World

_CREATE = (
    *(
        "allowed_payment_method_types",
        "adaptive_pricing",
        "after_expiration",
        "allow_promotion_codes",
        "automatic_tax",
        "billing_address_collection",
    ),
    *("branding_settings", "cancel_url", "client_reference_id", "consent_collection", "currency", "custom_fields"),
    *("custom_text", "customer", "customer_creation", "customer_email", "customer_update", "expires_at"),
    *("excluded_payment_method_types", "invoice_creation", "line_items", "locale", "metadata", "mode"),
    *("origin_context", "payment_intent_data", "payment_method_collection", "payment_method_configuration"),
    *("payment_method_data", "payment_method_options", "payment_method_types", "phone_number_collection"),
    *("saved_payment_method_options", "shipping_address_collection", "submit_type", "success_url"),
    *("tax_id_collection", "ui_mode", "wallet_options", "integration_identifier", "managed_payments"),
)
_INTENT_DATA = (
    *("application_fee_amount", "capture_method", "description", "metadata", "on_behalf_of", "receipt_email"),
    *("setup_future_usage", "shipping", "statement_descriptor", "statement_descriptor_suffix", "transfer_data"),
    "transfer_group",
)
_TYPES_OF = ("allowed_payment_method_types", "payment_method_types")
_LASTS, _AT_LEAST = timedelta(hours=24), timedelta(minutes=30)


class Checkout:
    def __init__(self, world: World) -> None:
        self._world = world
        self._all = state_of(world).sessions
        self._intents = PaymentIntents(world)
        self._catalogue = Catalogue(world)

    # endpoints

    def create(self, call: Call) -> dict[str, Any]:
        only(call.form, *_CREATE)
        form = call.form
        if choice(form, "mode", ("payment", "setup", "subscription")) != "payment":
            raise invalid("This account may create sessions in mode payment only.", "mode")
        choice(form, "ui_mode", ("hosted", "hosted_page"), "hosted_page")
        data = mapping(form, "payment_intent_data")
        only(data, *_INTENT_DATA)
        if customer := text(form, "customer"):
            table(self._world, "customer").find(call.account, customer, "customer", 400)
        lines = [self._line(call.account, item) for item in listed(form, "line_items")]
        if not lines:
            raise invalid("You must provide line_items in `payment` mode.", "line_items", "parameter_missing")
        currency = str(lines[0][0]["currency"])
        if any(price["currency"] != currency for price, _ in lines):
            raise invalid("All line_items must have the same currency.", "line_items")
        session = self._new(call, lines, currency, data)
        require_minimum(session.amount, currency)
        to_world(session.amount, currency.upper(), "line_items")
        self._all[session.id] = session
        due = datetime.fromtimestamp(session.expires_at, UTC)
        self._world.at(due, "stripe", "expire_session", session=session.id)
        return self._shown(session)

    def retrieve(self, call: Call) -> dict[str, Any]:
        return self._shown(self.find(call.account, call.id))

    def list_all(self, call: Call) -> dict[str, Any]:
        own = [self._shown(session) for session in reversed(self._all.values()) if session.account == call.account]
        rows = chosen(own, call.form, "payment_intent", "customer", "status")
        return page("/v1/checkout/sessions", rows, call.form)

    def line_items(self, call: Call) -> dict[str, Any]:
        return line_items_shown(self.find(call.account, call.id), self._world)

    def expire(self, call: Call) -> dict[str, Any]:
        only(call.form)
        session = self.find(call.account, call.id)
        if session.status != "open":
            message = f'Only Checkout Sessions with a status in ["open"] can be expired, not {session.status}.'
            raise StripeError(400, message)
        expire(self._world, session)
        return self._shown(session)

    # for the hosted page

    def find(self, account: str, id: str) -> Session:
        session = self._all.get(id)
        if session is None or session.account != account:
            raise missing_resource("checkout.session", id, "session")
        return session

    def pay(self, session: Session, method_data: Form, return_url: str) -> Intent:
        """Raises StripeError where the attempt is refused; the shopper may try again."""
        intent = state_of(self._world).intents.get(session.intent)
        if intent is None:
            asked: Form = {**session.intent_data, "amount": str(session.amount), "currency": session.currency}
            asked["payment_method_types"] = {str(n): kind for n, kind in enumerate(session.method_types)}
            intent = self._intents.make(session.account, {**asked, "customer": session.customer})
            intent.session, session.intent = session.id, intent.id
        email = text(mapping(method_data, "billing_details"), "email") or session.customer_email
        name = text(mapping(method_data, "billing_details"), "name")
        session.details = _details(email, name)
        acceptance = {"type": "online", "online": {"ip_address": "127.0.0.1", "user_agent": "hosted page"}}
        form: Form = {
            "payment_method_data": method_data,
            "return_url": return_url,
            "mandate_data": {"customer_acceptance": acceptance},
        }
        self._intents.confirm(Call(session.account, form, intent.id))
        complete(self._world, session, intent)
        return intent

    # inside

    def _new(self, call: Call, lines: list[tuple[dict[str, Any], int]], currency: str, data: Form) -> Session:
        form, now = call.form, self._world.clock.now()
        _, types = method_types({name: form[name] for name in _TYPES_OF if name in form}, currency)
        return Session(
            "cs_test_" + new_id("c")[2:], call.account, unix(now), self._expiry(form, now), currency, lines,
            required(form, "success_url"), text(form, "cancel_url"), types, metadata(form), data,
            customer=text(form, "customer"), customer_email=text(form, "customer_email"),
            customer_creation=choice(form, "customer_creation", ("always", "if_required"), "if_required"),
            client_reference_id=text(form, "client_reference_id"), locale=text(form, "locale"),
        )  # fmt: skip

    def _expiry(self, form: Form, now: datetime) -> int:
        at = integer(form, "expires_at", unix(now + _LASTS))
        if not unix(now + _AT_LEAST) - 60 <= at <= unix(now + _LASTS):
            message = "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from now."
            raise invalid(message, "expires_at")
        return at

    def _line(self, account: str, item: Any) -> tuple[dict[str, Any], int]:
        sent: Form = item if isinstance(item, dict) else {}
        only(
            sent, "adjustable_quantity", "dynamic_tax_rates", "metadata", "price", "price_data", "quantity", "tax_rates"
        )
        quantity = integer(sent, "quantity", 1)
        if quantity < 1:
            raise invalid("The quantity must be at least 1.", "line_items[quantity]")
        if data := mapping(sent, "price_data"):
            return self._catalogue.make_price(account, data), quantity
        price = table(self._world, "price").find(account, required(sent, "price"), "line_items[price]", 400)
        if price["type"] != "one_time":
            raise invalid("You must use one-time prices in `payment` mode.", "line_items[price]")
        return price, quantity

    def _shown(self, session: Session) -> dict[str, Any]:
        return show_session(session, self._world.urls.get("stripe", ""))


def complete(world: World, session: Session, intent: Intent) -> None:
    """Called when the shopper has paid or agreed, and again when a delayed payment ends."""
    was_open = session.status == "open"
    is_paid = intent.status in (IntentStatus.SUCCEEDED, IntentStatus.REQUIRES_CAPTURE)
    is_agreed = is_paid or intent.status is IntentStatus.PROCESSING
    if was_open and is_agreed:
        session.status = "complete"
        session.payment_status = "paid" if intent.status is IntentStatus.SUCCEEDED else "unpaid"
        _tell(world, session, "checkout.session.completed")
    elif session.status == "complete" and session.payment_status == "unpaid" and not was_open:
        if intent.status is IntentStatus.SUCCEEDED:
            session.payment_status = "paid"
            if intent.payment_method and intent.charges[-1].method.type == "sepa_debit":
                _tell(world, session, "checkout.session.async_payment_succeeded")
        elif intent.status is IntentStatus.REQUIRES_PAYMENT_METHOD:
            _tell(world, session, "checkout.session.async_payment_failed")


def expire(world: World, session: Session) -> None:
    """An open session ends; what the shopper had begun is given up."""
    if session.status != "open":
        return
    session.status = "expired"
    _tell(world, session, "checkout.session.expired")


def _tell(world: World, session: Session, event: str) -> None:
    tell(world, session.account, event, show_session(session, world.urls.get("stripe", "")))


def _details(email: str, name: str) -> dict[str, Any]:
    return {
        "address": NO_ADDRESS,
        "business_name": None,
        "email": email or None,
        "individual_name": None,
        "name": name or None,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
