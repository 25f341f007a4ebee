"""What Stripe is asked: the parameters of its payment and setup calls, from ours. Pure functions.

Of API version 2026-10-28.endive, the installed SDK's. It takes `allowed_payment_method_types`; `payment_method_types`
is an error: https://docs.stripe.com/changelog/endive/2026-09-30/removes-the-payment-method-types-parameter-from-payment-intents-and-setup-intents
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, assert_never

from currency.exponents import to_gateway_minor
from orchestrator.gateways.authentication import AuthenticationWish
from orchestrator.gateways.base import CaptureMode, OperationCall
from orchestrator.gateways.credentials import (
    Agreement,
    CardCredential,
    Credential,
    IdealCredential,
    Initiator,
    Method,
    NetworkTokenCredential,
    PayPalWalletCredential,
    SavedCredential,
    SepaDebitCredential,
    Shopper,
    StoredUse,
)
from orchestrator.gateways.facets import SaveOrder
from orchestrator.gateways.vault import VaultSettings, expressions_for
from routing.authentication import Wanted

GATEWAY = "stripe"
EXPAND_CHARGE = ["latest_charge"]  # https://docs.stripe.com/api/expanding_objects
EXPAND_SAVED = ["payment_method", "latest_attempt"]

Params = dict[str, Any]

# What is behind a kept credential. iDEAL itself cannot be charged again: what is kept is a SEPA mandate
# (https://docs.stripe.com/payments/ideal/set-up-payment).
_KEPT_TYPES = {Method.PAYPAL: "paypal", Method.IDEAL: "sepa_debit", Method.SEPA_DEBIT: "sepa_debit"}
# https://docs.stripe.com/payments/cits-and-mits
_USAGES = {Agreement.SUBSCRIPTION: "recurring", Agreement.UNSCHEDULED: "unscheduled"}


def method_type(credential: Credential | None) -> str:
    """Stripe's type of payment method for a credential; a card where none is given yet."""
    match credential:
        case None | CardCredential() | NetworkTokenCredential():
            return "card"
        case SavedCredential():
            return _KEPT_TYPES.get(credential.method, "card")
        case PayPalWalletCredential():
            return "paypal"
        case IdealCredential():
            return "ideal"
        case SepaDebitCredential():
            return "sepa_debit"
        case _:
            assert_never(credential)


def captured_at_once_only(credential: Credential | None) -> bool:
    """Whether the money cannot be authorised first: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method."""
    return method_type(credential) in ("ideal", "sepa_debit")


def created_intent(call: OperationCall) -> Params:
    """An intent without a credential: nothing can move by it. Raises AmountNotRepresentable."""
    kind = method_type(call.credential)
    params: Params = {
        "amount": to_gateway_minor(call.amount, GATEWAY),
        "currency": call.amount.currency.lower(),
        "capture_method": str(call.capture),
        "allowed_payment_method_types": [kind],
        "metadata": {"clearway_payment": call.payment_id, "clearway_attempt": call.attempt_id},
        **_shares(call),
    }
    if call.description:
        params["description"] = call.description
    if customer := customer_of(call):
        params["customer"] = customer
    if call.save is not None:
        params["setup_future_usage"] = future_usage(call.save)
    # Not with transfers of its own: https://docs.stripe.com/payments/multicapture, "Availability".
    transfers_follow = call.splits_follow or len(call.splits) > 1
    if kind == "card" and call.capture is CaptureMode.MANUAL and not transfers_follow:
        params["payment_method_options"] = {"card": {"request_multicapture": "if_available"}}
    return params


def confirmed_intent(call: OperationCall, vault: VaultSettings) -> Params:
    """The credential, and how it is used. Without `use_stripe_sdk` an authentication is a redirect to `return_url`."""
    if call.credential is None:
        raise ValueError("a credential is needed")
    params = {"expand": EXPAND_CHARGE, **_presented(call.credential, vault, call.shopper)}
    options = _card_options(call, vault) if method_type(call.credential) == "card" else {}
    if options:
        params["payment_method_options"] = {"card": options}
    if call.save is not None and "mandate_data" not in params and method_type(call.credential) != "card":
        params["mandate_data"] = _consent(call.shopper)
    if by_merchant(call.stored_use):
        params["off_session"] = True  # nobody is there to be redirected: an authentication is a decline then
    elif call.return_url:
        params["return_url"] = call.return_url
    return params


def captured_intent(call: OperationCall) -> Params:
    """`final_capture` is Stripe's default: it lets go of what is not captured. Raises AmountNotRepresentable."""
    params: Params = {"amount_to_capture": to_gateway_minor(call.amount, GATEWAY)}
    if not call.final_capture:
        params["final_capture"] = False
    return params | _application_fee(call)


def refund(call: OperationCall) -> Params:
    """A refund; of a destination charge the recipient gives its part back: https://docs.stripe.com/connect/destination-charges#issue-refunds."""
    params: Params = {
        "payment_intent": call.gateway_payment_id,
        "amount": to_gateway_minor(call.amount, GATEWAY),
        "metadata": {
            "clearway_operation": call.operation_id,
            "clearway_payment": call.payment_id,
            "clearway_attempt": call.attempt_id,
        },
    }
    if len(call.splits) == 1:
        params["reverse_transfer"] = True
        if _application_fee(call):
            params["refund_application_fee"] = True
    return params


def confirmed_setup(order: SaveOrder, vault: VaultSettings) -> Params:
    """A setup intent, created and confirmed in one call: https://docs.stripe.com/api/setup_intents/create."""
    params: Params = {
        "confirm": True,
        "customer": order.gateway_customer,
        "usage": future_usage(order.use),
        "allowed_payment_method_types": [method_type(order.credential)],
        "metadata": {"clearway_method": order.method_id},
        "expand": EXPAND_SAVED,
        **_presented(order.credential, vault, order.shopper),
    }
    if method_type(order.credential) == "card":
        usage = _USAGES.get(order.use.agreement)
        options = {"setup_credential_usage": usage} if usage else {}
        if order.challenge:  # https://docs.stripe.com/payments/3d-secure/authentication-flow
            options["request_three_d_secure"] = "challenge"
        if options:
            params["payment_method_options"] = {"card": options}
    elif "mandate_data" not in params:
        params["mandate_data"] = _consent(order.shopper)
    return params | ({"return_url": order.return_url} if order.return_url else {})


def future_usage(use: StoredUse) -> str:
    """`on_session` where the customer comes back to pay; else `off_session`: authenticated now for later charges."""
    return "on_session" if use.agreement is Agreement.CARD_ON_FILE else "off_session"


def by_merchant(use: StoredUse | None) -> bool:
    return use is not None and use.initiator is Initiator.MERCHANT


def customer_of(call: OperationCall) -> str:
    """Whose the credential is, or will be; `` for nobody's."""
    kept = call.credential.gateway_customer if isinstance(call.credential, SavedCredential) else ""
    return call.gateway_customer or kept


# What is attached to nobody can be charged once only: https://docs.stripe.com/payments/save-during-payment.
LACKS_CUSTOMER = "gateway_customer is missing: save the customer first"
LACKS_CONSENT = "shopper.ip and shopper.browser are missing: Stripe wants to know where the customer consented"


def lacks_consent(credential: Credential | None, shopper: Shopper) -> bool:
    """Whether it cannot be kept as it is: a wallet or bank account is kept by consent, which a SEPA mandate has."""
    if method_type(credential) == "card" or isinstance(credential, SepaDebitCredential):
        return False
    return not (shopper.ip and shopper.browser)


def _consent(shopper: Shopper) -> Params:
    """The customer's consent as given in the browser."""
    return _acceptance(shopper.ip, shopper.browser.user_agent if shopper.browser else "")


def _acceptance(ip: str, user_agent: str, accepted_at: datetime | None = None) -> Params:
    if ip and user_agent:
        how: Params = {"type": "online", "online": {"ip_address": ip, "user_agent": user_agent}}
    else:
        how = {"type": "offline", "offline": {}}
    if accepted_at is not None:
        how["accepted_at"] = int(accepted_at.timestamp())
    return {"customer_acceptance": how}


def _presented(credential: Credential, vault: VaultSettings, shopper: Shopper) -> Params:
    """The credential itself. Raw cards need Stripe's permission: https://support.stripe.com/questions/enabling-access-to-raw-card-data-apis."""
    match credential:
        case CardCredential() | NetworkTokenCredential():
            data: Params = {"type": "card", "card": _card(credential, vault)}
            name, email = credential.holder, ""
        case SavedCredential():
            return {"payment_method": credential.gateway_token}
        case PayPalWalletCredential():
            data, name, email = {"type": "paypal"}, "", credential.email
        case IdealCredential():
            data, name, email = {"type": "ideal"}, credential.holder, shopper.email
        case SepaDebitCredential():
            data = {"type": "sepa_debit", "sepa_debit": {"iban": credential.iban}}
            name, email = credential.holder, credential.email
        case _:
            assert_never(credential)
    person = {key: value for key, value in (("name", name), ("email", email)) if value}
    if person:
        data["billing_details"] = person
    if isinstance(credential, SepaDebitCredential):
        mandate = credential.mandate
        accepted = _acceptance(mandate.ip, mandate.user_agent, mandate.accepted_at)
        return {"payment_method_data": data, "mandate_data": accepted}
    return {"payment_method_data": data}


def _card(card: CardCredential | NetworkTokenCredential, vault: VaultSettings) -> Params:
    """A card; or a network token, whose fields Stripe opens on request and does not list in its reference.

    They are as ActiveMerchant sends them (github.com/activemerchant/active_merchant, Stripe payment intents).
    """
    shown = expressions_for(card, vault)
    expiry = {"exp_month": shown.expiry_month, "exp_year": shown.expiry_year}
    if isinstance(card, NetworkTokenCredential):
        return {**expiry, "last4": card.last4, "network_token": {"number": shown.number, **expiry}}
    return {"number": shown.number, **expiry} | ({"cvc": shown.cvc} if shown.cvc else {})


def _card_options(call: OperationCall, vault: VaultSettings) -> Params:
    credential, options = call.credential, Params()
    if isinstance(credential, NetworkTokenCredential):
        cryptogram = expressions_for(credential, vault).cryptogram
        proof = {"cryptogram": cryptogram, "electronic_commerce_indicator": credential.eci}
        if proof := {key: value for key, value in proof.items() if value}:
            options["network_token"] = proof
    if call.save is not None and (usage := _USAGES.get(call.save.agreement)):
        options["setup_credential_usage"] = usage
    if call.stored_use is not None and by_merchant(call.stored_use):
        options |= _merchant_initiated(credential, call.stored_use)
    else:
        options |= _authentication(call.authentication)
    return options


def _authentication(wish: AuthenticationWish) -> Params:
    """https://docs.stripe.com/payments/3d-secure/authentication-flow, and …/payment-intents/three-d-secure-import for
    one that was made elsewhere. Without either Stripe decides, and asks for exemptions by itself."""
    if (proof := wish.external) is not None:
        return {
            "three_d_secure": {
                "ares_trans_status": {"authenticated": "Y", "attempted": "A"}[proof.result],
                "cryptogram": proof.cavv,
                "electronic_commerce_indicator": proof.eci,
                "transaction_id": proof.ds_transaction_id,
                "version": proof.version,
            }
        }
    asked = {Wanted.REQUIRED: "any", Wanted.CHALLENGE: "challenge"}.get(wish.wanted)
    return {"request_three_d_secure": asked} if asked else {}


def _merchant_initiated(credential: Credential | None, use: StoredUse) -> Params:
    """Of a `pm_…` Stripe knows the first payment itself; of a card or network token it must be told.

    `mit_exemption` is opened by Stripe on request, as docs.hyperswitch.io tells ("Connector-agnostic MIT").
    """
    if isinstance(credential, SavedCredential):
        usage = _USAGES.get(use.agreement)
        return {"stored_credential_usage": usage} if usage else {}
    if use.network_transaction_id:
        return {"mit_exemption": {"network_transaction_id": use.network_transaction_id}}
    return {}


def _shares(call: OperationCall) -> Params:
    """One recipient: a destination charge. Several: transfers after the capture, found again by their group."""
    if call.splits_follow or len(call.splits) > 1:
        return {"transfer_group": call.payment_id}
    if not call.splits:
        return {}
    return {"transfer_data": {"destination": call.splits[0].recipient}, **_application_fee(call)}


def _application_fee(call: OperationCall) -> Params:
    """What we keep of a destination charge: https://docs.stripe.com/connect/destination-charges#application-fee."""
    if len(call.splits) != 1:
        return {}
    fee = call.amount - call.splits[0].amount
    return {"application_fee_amount": to_gateway_minor(fee, GATEWAY)} if fee.minor else {}
