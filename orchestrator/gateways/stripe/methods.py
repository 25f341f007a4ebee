"""Customers at Stripe and the credentials kept for them, by setup intents: https://docs.stripe.com/payments/setup-intents."""

from __future__ import annotations

from typing import Any

from orchestrator.gateways.answers import answer_from, declined, invalid_call, without_bodies
from orchestrator.gateways.credentials import Method, NetworkTokenCredential, SavedCredential, in_vault
from orchestrator.gateways.declines import decline_for
from orchestrator.gateways.facets import Answer, CompleteSave, CustomerOrder, SavedMethod, SaveOrder
from orchestrator.gateways.stripe import params
from orchestrator.gateways.stripe.charges import generated_mandate
from orchestrator.gateways.stripe.client import PAGE_ROWS, Account, ask, ask_all, done, keyed
from orchestrator.gateways.stripe.mapping import action_not_offered, id_of, read_decline, read_redirect
from orchestrator.gateways.stripe.params import GATEWAY
from routing.outcomes import OutcomeKind

_METHODS = {"card": Method.CARD, "sepa_debit": Method.SEPA_DEBIT, "paypal": Method.PAYPAL, "ideal": Method.IDEAL}


class StripeMethods:
    """See SavedMethods."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._v1 = account.direct.v1

    def save_customer(self, order: CustomerOrder) -> Answer[str]:
        """Create or update; only what is known is written. The name is kept out of the exchange."""
        asked: Any = {"metadata": {"clearway_customer": order.customer_id}}
        asked |= {key: value for key, value in (("name", order.shopper.name), ("email", order.shopper.email)) if value}
        if order.shopper.locale:
            asked["preferred_locales"] = [order.shopper.locale]
        options = keyed(order.idempotency_key)

        def send() -> object:
            if order.gateway_customer:
                return self._v1.customers.update(order.gateway_customer, asked, options)
            return self._v1.customers.create(asked, options)

        return without_bodies(ask(send, lambda customer: done(str(customer["id"]))), "request", "reply")

    def save(self, order: SaveOrder) -> Answer[SavedMethod]:
        """Create and confirm a setup intent; through the vault for a card."""
        refusal = _refusal(order)
        if refusal is not None:
            return refusal
        asked: Any = params.confirmed_setup(order, self._account.vault)
        vaulted = in_vault(order.credential)
        client = self._account.through_vault if vaulted else self._account.direct
        return ask(
            lambda: client.v1.setup_intents.create(asked, keyed(order.idempotency_key)),
            read_setup,
            vault=self._account.vault if vaulted else None,
        )

    def complete_save(self, order: CompleteSave) -> Answer[SavedMethod]:
        """Read the setup intent: what the customer brought back proves nothing."""
        asked: Any = {"expand": params.EXPAND_SAVED}
        return ask(lambda: self._v1.setup_intents.retrieve(order.setup_id, asked), read_setup)

    def saved(self, gateway_customer: str) -> Answer[tuple[SavedMethod, ...]]:
        """All payment methods that are attached to the customer, every page."""
        asked: Any = {"limit": PAGE_ROWS}
        return ask_all(lambda: self._v1.customers.payment_methods.list(gateway_customer, asked), read_method)

    def detach(self, gateway_token: str, gateway_customer: str, idempotency_key: str) -> Answer[None]:
        """Detach. Stripe refuses what is attached to nobody, so a refusal is settled by reading."""
        answer = ask(
            lambda: self._v1.payment_methods.detach(gateway_token, None, keyed(idempotency_key)), lambda _: done(None)
        )
        if answer.kind is not OutcomeKind.DECLINED:
            return answer
        if _not_found(answer) or self._owner(gateway_token) == "":
            return Answer(OutcomeKind.APPROVED, exchange=answer.exchange)
        return answer

    def _owner(self, gateway_token: str) -> str | None:
        """Whose it is; `` for nobody's; None where Stripe does not say."""
        read = ask(
            lambda: self._v1.payment_methods.retrieve(gateway_token), lambda method: done(id_of(method["customer"]))
        )
        return "" if _not_found(read) else read.value


def read_setup(setup: dict[str, Any]) -> Answer[SavedMethod]:
    """What a setup intent says: https://docs.stripe.com/api/setup_intents/object. Raises on an unexpected shape."""
    open_yet = SavedMethod("", id_of(setup.get("customer")), setup_id=setup["id"])
    match setup["status"]:
        case "succeeded":
            return done(_kept(setup))
        case "processing":
            return Answer(OutcomeKind.PENDING, open_yet, detail="Stripe is processing it")
        case "requires_action":
            action = setup.get("next_action") or {}
            redirect = read_redirect(action)
            if redirect is None:
                return answer_from(declined(action_not_offered(action)))
            return Answer(OutcomeKind.ACTION_REQUIRED, open_yet, next_action=redirect)
        case "requires_payment_method" if setup.get("last_setup_error"):
            return answer_from(declined(read_decline(setup["last_setup_error"])))
        case "canceled":
            return answer_from(declined(decline_for(GATEWAY, "clearway", "canceled", "the setup intent is canceled")))
        case status:
            raise ValueError(f"setup intent status {status}")


def read_method(method: dict[str, Any]) -> SavedMethod:
    """A payment method: https://docs.stripe.com/api/payment_methods/object."""
    kind = method["type"]
    shown = method.get(kind) or {}
    return SavedMethod(
        gateway_token=method["id"],
        gateway_customer=id_of(method.get("customer")),
        method=_METHODS.get(kind, Method.SAVED),
        brand=str(shown.get("brand") or ""),
        last4=str(shown.get("last4") or ""),
        expiry_month=shown.get("exp_month") or 0,
        expiry_year=shown.get("exp_year") or 0,
    )


def _kept(setup: dict[str, Any]) -> SavedMethod:
    """What is kept: the method, or the SEPA mandate that iDEAL leaves, of which only the id is told here."""
    attempt = setup.get("latest_attempt")
    details = (attempt.get("payment_method_details") or {}) if isinstance(attempt, dict) else {}
    customer = id_of(setup.get("customer"))
    if mandate := generated_mandate(details):
        return SavedMethod(mandate, customer, Method.SEPA_DEBIT, setup_id=setup["id"])
    shown = read_method(setup["payment_method"])
    network_id = (details.get("card") or {}).get("network_transaction_id") or ""
    return SavedMethod(
        shown.gateway_token,
        customer,
        shown.method,
        shown.brand,
        shown.last4,
        shown.expiry_month,
        shown.expiry_year,
        network_transaction_id=str(network_id),
        setup_id=setup["id"],
    )


def _refusal(order: SaveOrder) -> Answer[SavedMethod] | None:
    credential = order.credential
    if isinstance(credential, SavedCredential | NetworkTokenCredential):
        message = "Stripe keeps cards, bank accounts and PayPal accounts; this credential it does not keep"
        return answer_from(declined(decline_for(GATEWAY, "clearway", "method_not_supported", message)))
    if not order.gateway_customer:
        return answer_from(invalid_call(GATEWAY, params.LACKS_CUSTOMER))
    if params.lacks_consent(credential, order.shopper):
        return answer_from(invalid_call(GATEWAY, params.LACKS_CONSENT))
    return None


def _not_found(answer: Answer[Any]) -> bool:
    return answer.decline is not None and answer.decline.gateway_code == "resource_missing"
