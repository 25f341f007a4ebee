"""What a payment is made with, as PayPal wants it: payment sources of an order, from our credentials.

https://developer.paypal.com/docs/api/orders/v2/ (payment_source); models of paypal-server-sdk 2.4.
"""

from __future__ import annotations

from typing import Any

from paypalserversdk.models.card_attributes import CardAttributes
from paypalserversdk.models.card_customer import CardCustomer
from paypalserversdk.models.card_experience_context import CardExperienceContext
from paypalserversdk.models.card_request import CardRequest
from paypalserversdk.models.card_stored_credential import CardStoredCredential
from paypalserversdk.models.card_verification import CardVerification
from paypalserversdk.models.experience_context import ExperienceContext
from paypalserversdk.models.ideal_payment_request import IdealPaymentRequest
from paypalserversdk.models.network_token import NetworkToken
from paypalserversdk.models.network_transaction import NetworkTransaction
from paypalserversdk.models.paypal_wallet import PaypalWallet
from paypalserversdk.models.paypal_wallet_attributes import PaypalWalletAttributes
from paypalserversdk.models.paypal_wallet_customer_request import PaypalWalletCustomerRequest
from paypalserversdk.models.paypal_wallet_experience_context import PaypalWalletExperienceContext
from paypalserversdk.models.paypal_wallet_stored_credential import PaypalWalletStoredCredential
from paypalserversdk.models.paypal_wallet_vault_instruction import PaypalWalletVaultInstruction
from paypalserversdk.models.vault_instruction_base import VaultInstructionBase

from orchestrator.gateways.authentication import AuthenticationWish
from orchestrator.gateways.base import OperationCall
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
)
from orchestrator.gateways.vault import VaultSettings, expressions_for
from routing.authentication import Wanted

# `ONE_TIME` goes only with the customer as initiator (card_stored_credential of the Orders v2 contract).
_CARD_USES = {
    Agreement.NONE: "ONE_TIME",
    Agreement.CARD_ON_FILE: "ONE_TIME",
    Agreement.SUBSCRIPTION: "RECURRING",
    Agreement.UNSCHEDULED: "UNSCHEDULED",
}
_WALLET_USES = {
    Agreement.NONE: "IMMEDIATE",
    Agreement.CARD_ON_FILE: "IMMEDIATE",
    Agreement.SUBSCRIPTION: "RECURRING_PREPAID",
    Agreement.UNSCHEDULED: "UNSCHEDULED_POSTPAID",
}
_ECI_OF_MASTERCARD = {
    "00": "MASTERCARD_NON_3D_SECURE_TRANSACTION",
    "01": "MASTERCARD_ATTEMPTED_AUTHENTICATION_TRANSACTION",
    "02": "MASTERCARD_FULLY_AUTHENTICATED_TRANSACTION",
}
_ECI = {
    "05": "FULLY_AUTHENTICATED_TRANSACTION",
    "06": "ATTEMPTED_AUTHENTICATION_TRANSACTION",
    "07": "NON_3D_SECURE_TRANSACTION",
}
_SAVE = "ON_SUCCESS"


def payment_source(call: OperationCall, vault: VaultSettings) -> dict[str, Any]:
    """The one source of the call, by its name in `payment_source`. Raises ValueError for what PayPal does not take."""
    match call.credential:
        case CardCredential() as card:
            return {"card": _card(call, card, vault)}
        case NetworkTokenCredential() as token:
            return {"card": _network_token(call, token, vault)}
        case SavedCredential(method=Method.CARD) as saved:
            fields = {"vault_id": saved.gateway_token}
            return {"card": CardRequest(**fields, **_verification(call), **_card_use(call, saved.brand))}
        case SavedCredential(method=Method.PAYPAL) as saved:
            return {"paypal": PaypalWallet(vault_id=saved.gateway_token, **_wallet_use(call))}
        case PayPalWalletCredential() as wallet:
            return {"paypal": _wallet(call, wallet)}
        case IdealCredential() as ideal:
            return {"ideal": _ideal(call, ideal)}
        case _:
            raise ValueError("PayPal takes no such credential")


def needs_approval(credential: Credential | None) -> bool:
    """Whether the payer approves on a page of PayPal's or the bank's before any money can be taken."""
    return isinstance(credential, PayPalWalletCredential | IdealCredential)


def is_ours(gateway_customer: str) -> bool:
    """Whether the customer is named by our own id (`cus_…`), for want of PayPal's."""
    return not gateway_customer or gateway_customer.startswith("cus_")


def customer_fields(gateway_customer: str) -> dict[str, str]:
    """A customer as PayPal names it, or as we do until it has a name there."""
    if not gateway_customer:
        return {}
    return {"merchant_customer_id" if is_ours(gateway_customer) else "id": gateway_customer}


def expiry_text(card: CardCredential | NetworkTokenCredential) -> str:
    """PayPal wants year and month in one field of a fixed form, which two expressions would not surely give."""
    return f"{card.expiry_year:04d}-{card.expiry_month:02d}"


def _card(call: OperationCall, card: CardCredential, vault: VaultSettings) -> CardRequest:
    shown = expressions_for(card, vault)
    fields: dict[str, Any] = {"number": shown.number, "expiry": expiry_text(card)}
    if shown.cvc and not _by_merchant(call):  # "cannot be present in the request when payment_initiator=MERCHANT"
        fields["security_code"] = shown.cvc
    if card.holder:
        fields["name"] = card.holder
    return CardRequest(**fields, **_verification(call), **_card_use(call, card.brand))


def _network_token(call: OperationCall, token: NetworkTokenCredential, vault: VaultSettings) -> CardRequest:
    """https://developer.paypal.com/docs/checkout/advanced/3rd-party-token-processing"""
    shown = expressions_for(token, vault)
    fields: dict[str, Any] = {"number": shown.number, "expiry": expiry_text(token)}
    if shown.cryptogram:
        fields["cryptogram"] = shown.cryptogram
    flags = _ECI_OF_MASTERCARD if token.brand == "mastercard" else _ECI
    if token.eci in flags:
        fields["eci_flag"] = flags[token.eci]
    named = {"name": token.holder} if token.holder else {}
    return CardRequest(**named, network_token=NetworkToken(**fields), **_card_use(call, token.brand))


def _verification(call: OperationCall) -> dict[str, Any]:
    """Where PayPal's 3-D Secure page sends the payer back to; without it there is nowhere, and nobody to ask."""
    if not call.return_url or _by_merchant(call):
        return {}
    return {"experience_context": CardExperienceContext(call.return_url, call.return_url)}


def _card_use(call: OperationCall, brand: str) -> dict[str, Any]:
    """Attributes and stored credential: 3-D Secure when it is required, kept on success, used under an agreement."""
    attributes: dict[str, Any] = {}
    if not _by_merchant(call):
        attributes["verification"] = CardVerification(verification_method(call.authentication))
    if call.save is not None:
        attributes["vault"] = VaultInstructionBase(_SAVE)
        if call.gateway_customer:
            attributes["customer"] = CardCustomer(**customer_fields(call.gateway_customer))
    use: dict[str, Any] = {"attributes": CardAttributes(**attributes)} if attributes else {}
    if (stored := _card_stored(call, brand)) is not None:
        use["stored_credential"] = stored
    return use


def _card_stored(call: OperationCall, brand: str) -> CardStoredCredential | None:
    if call.stored_use is None:
        if call.save is None:
            return None
        return CardStoredCredential("CUSTOMER", _CARD_USES[call.save.agreement], "FIRST")
    use = call.stored_use
    if not _by_merchant(call):
        return CardStoredCredential("CUSTOMER", _CARD_USES[use.agreement], "SUBSEQUENT")
    kind = "RECURRING" if use.agreement is Agreement.SUBSCRIPTION else "UNSCHEDULED"
    if not use.network_transaction_id:
        return CardStoredCredential("MERCHANT", kind, "SUBSEQUENT")
    network = {"network": brand.upper()} if brand in ("visa", "mastercard", "amex", "discover") else {}
    reference = NetworkTransaction(id=use.network_transaction_id, **network)
    return CardStoredCredential("MERCHANT", kind, "SUBSEQUENT", reference)


def _wallet(call: OperationCall, wallet: PayPalWalletCredential) -> PaypalWallet:
    fields: dict[str, Any] = {"experience_context": wallet_pages(call.return_url, call.return_url, call.shopper.locale)}
    if email := wallet.email or call.shopper.email:
        fields["email_address"] = email
    if call.save is not None:
        use = _WALLET_USES[call.save.agreement]
        attributes: dict[str, Any] = {
            "vault": PaypalWalletVaultInstruction("MERCHANT", store_in_vault=_SAVE, usage_pattern=use)
        }
        if call.gateway_customer:
            attributes["customer"] = PaypalWalletCustomerRequest(**customer_fields(call.gateway_customer))
        fields["attributes"] = PaypalWalletAttributes(**attributes)
    return PaypalWallet(**fields)


def wallet_pages(return_url: str, cancel_url: str, locale: str) -> PaypalWalletExperienceContext:
    """How PayPal's page looks: it takes the money at once, asks for no address, and comes back to us."""
    optional = {"locale": locale} if locale else {}
    return PaypalWalletExperienceContext(
        return_url=return_url,
        cancel_url=cancel_url,
        user_action="PAY_NOW",
        shipping_preference="NO_SHIPPING",
        **optional,
    )


def _wallet_use(call: OperationCall) -> dict[str, Any]:
    if call.stored_use is None:
        return {}
    initiator = "MERCHANT" if _by_merchant(call) else "CUSTOMER"
    pattern = _WALLET_USES[call.stored_use.agreement]
    return {
        "stored_credential": PaypalWalletStoredCredential(initiator, usage_pattern=pattern, usage="SUBSEQUENT"),
    }


def _ideal(call: OperationCall, ideal: IdealCredential) -> IdealPaymentRequest:
    optional = {"locale": call.shopper.locale} if call.shopper.locale else {}
    pages = ExperienceContext(return_url=call.return_url, cancel_url=call.return_url, **optional)
    return IdealPaymentRequest(ideal.holder or call.shopper.name, ideal.country, experience_context=pages)


def verification_method(wish: AuthenticationWish) -> str:
    """https://developer.paypal.com/platforms/checkout/advanced/customize/3d-secure/api.

    PayPal takes neither an exemption nor an authentication that was made elsewhere.
    """
    return "SCA_ALWAYS" if wish.wanted in (Wanted.REQUIRED, Wanted.CHALLENGE) else "SCA_WHEN_REQUIRED"


def _by_merchant(call: OperationCall) -> bool:
    return call.stored_use is not None and call.stored_use.initiator is Initiator.MERCHANT
