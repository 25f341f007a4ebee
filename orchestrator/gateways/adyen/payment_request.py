"""What we ask Adyen for: the `/payments` request of each credential, and what is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

from currency.exponents import to_gateway_minor
from currency.money import Money
from orchestrator.gateways.adyen.authentication import exemption_of, proof_fields, wish_fields
from orchestrator.gateways.adyen.mapping import GATEWAY
from orchestrator.gateways.answers import invalid_call, not_done_yet, splits_refused
from orchestrator.gateways.authentication import NO_WISH, AuthenticationWish
from orchestrator.gateways.base import CaptureMode, OperationCall, OperationKind, Split
from orchestrator.gateways.credentials import (
    Agreement,
    Browser,
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
    method_of,
)
from orchestrator.gateways.vault import VaultSettings, expressions_for
from routing.outcomes import Outcome

NO_RETURN_URL = "https://localhost/"  # required even where nobody is sent anywhere (Checkout v72, PaymentRequest)

_BANK_ACCOUNTS = (Method.SEPA_DEBIT, Method.IDEAL)  # an iDEAL that was kept is charged by SEPA direct debit

_KEPT_TYPES = {
    Method.CARD: "scheme",
    Method.NETWORK_TOKEN: "scheme",
    Method.SAVED: "scheme",
    Method.PAYPAL: "paypal",
    Method.IDEAL: "sepadirectdebit",
    Method.SEPA_DEBIT: "sepadirectdebit",
}

_DETAILS = ("redirectResult", "threeDSResult", "MD", "PaRes", "payload")

# A browser in general, where the shopper's own is not known; the redirect flow reads the real one itself.
_SOME_BROWSER = Browser(
    accept_header="text/html,application/xhtml+xml",
    user_agent="Mozilla/5.0",
    language="en",
    color_depth=24,
    screen_height=1080,
    screen_width=1920,
    timezone_offset_min=0,
)


def refused_unsent(call: OperationCall) -> Outcome | None:
    """The outcome of a call that cannot be put to Adyen; None where it can."""
    match call.kind:
        case OperationKind.CREATE:
            return invalid_call(GATEWAY, "Adyen has no create step")
        case OperationKind.CONFIRM:
            return _confirm_refused(call) or splits_refused(GATEWAY, call)
        case OperationKind.COMPLETE:
            if details_request(call.action_result)["details"]:
                return None
            return not_done_yet(call.gateway_payment_id, "the return carries no result of the challenge")
        case OperationKind.CAPTURE | OperationKind.REFUND:
            if not call.gateway_payment_id:
                return invalid_call(GATEWAY, f"{call.kind} needs the payment's pspReference")
            return splits_refused(GATEWAY, call)
        case OperationKind.VOID:
            return None
        case _:
            assert_never(call.kind)


def payment_request(call: OperationCall, merchant: str, vault: VaultSettings) -> dict[str, Any]:
    """The body of `/payments`. Raises AmountNotRepresentable; `refused_unsent` has been asked before."""
    credential = call.credential
    assert credential is not None
    additional = {"manualCapture": "true" if call.capture is CaptureMode.MANUAL else "false"}
    if _is_card(credential):
        additional["retry.skipRetry"] = "true"  # we orchestrate: no second try behind our back
    if call.stored_use and call.stored_use.initiator is Initiator.MERCHANT and call.stored_use.network_transaction_id:
        additional["networkTxReference"] = call.stored_use.network_transaction_id
    wish = call.authentication
    if asks_shopper(credential, call.stored_use) and (exemption := exemption_of(wish)):
        additional["scaExemption"] = exemption
    request: dict[str, Any] = {
        "merchantAccount": merchant,
        "amount": amount_of(call.amount),
        "reference": call.attempt_id,
        "returnUrl": call.return_url or NO_RETURN_URL,
        "channel": "Web",
        "additionalData": additional,
        "metadata": {"clearway_payment": call.payment_id},
    }
    if call.capture is CaptureMode.AUTOMATIC and not isinstance(credential, IdealCredential):
        request["captureDelayHours"] = 0  # at once, whatever the merchant account's own delay is
    request |= method_fields(credential, vault)
    request |= _use_fields(call, credential)
    request |= shopper_fields(call.shopper, credential)
    request |= authentication_fields(call.shopper, credential, call.stored_use, wish)
    return request | splits_fields(call.splits, call.amount, call.attempt_id)


def method_fields(credential: Credential, vault: VaultSettings) -> dict[str, Any]:
    """`paymentMethod`, and `mpiData` with a network token's cryptogram.

    https://docs.adyen.com/online-payments/network-tokenization
    """
    match credential:
        case CardCredential():
            return {"paymentMethod": _card(credential, vault, "scheme")}
        case NetworkTokenCredential():
            fields: dict[str, Any] = {"paymentMethod": _card(credential, vault, "networkToken")}
            if cryptogram := expressions_for(credential, vault).cryptogram:
                proof = {"authenticationResponse": "Y", "directoryResponse": "Y"}
                proof |= {"tokenAuthenticationVerificationValue": cryptogram}
                fields["mpiData"] = proof | ({"eci": credential.eci} if credential.eci else {})
            return fields
        case SavedCredential():
            kept = {"type": _KEPT_TYPES[credential.method], "storedPaymentMethodId": credential.gateway_token}
            return {"paymentMethod": kept}
        case PayPalWalletCredential():
            return {"paymentMethod": {"type": "paypal", "subtype": "redirect"}}
        case IdealCredential():
            return {"paymentMethod": {"type": "ideal"}}
        case SepaDebitCredential():
            account = {"type": "sepadirectdebit", "iban": credential.iban, "ownerName": credential.holder}
            return {"paymentMethod": account}
        case _:
            assert_never(credential)


def shopper_fields(shopper: Shopper, credential: Credential | None = None) -> dict[str, Any]:
    """Who pays, as far as it is known; what the credential itself tells fills the gaps."""
    email, ip, country = shopper.email, shopper.ip, shopper.country
    if isinstance(credential, SepaDebitCredential):
        email, ip = email or credential.email, ip or credential.mandate.ip
        country = country or credential.iban[:2].upper()
    if isinstance(credential, PayPalWalletCredential):
        email = email or credential.email
    if isinstance(credential, IdealCredential):
        country = country or credential.country
    fields = {"shopperEmail": email, "shopperIP": ip, "countryCode": country, "shopperLocale": shopper.locale}
    return {name: value for name, value in fields.items() if value}


def authentication_fields(
    shopper: Shopper, credential: Credential, use: StoredUse | None, wish: AuthenticationWish = NO_WISH
) -> dict[str, Any]:
    """3-D Secure as it is wanted, or the proof of one made elsewhere. Nothing where the shopper is not there.

    A network token's own cryptogram is in `mpiData` already, and is proof enough.
    """
    if not asks_shopper(credential, use):
        return {}
    fields = {"browserInfo": _browser_info(shopper.browser or _SOME_BROWSER), **wish_fields(wish)}
    if wish.external is not None and not isinstance(credential, NetworkTokenCredential):
        fields["mpiData"] = proof_fields(wish.external)
    return fields


def asks_shopper(credential: Credential, use: StoredUse | None) -> bool:
    """Whether there is a card, and somebody to authenticate."""
    return _is_card(credential) and not (use is not None and use.initiator is Initiator.MERCHANT)


def keeping_fields(use: StoredUse, customer: str, credential: Credential) -> dict[str, Any]:
    """The credential is to be kept for this use; `customer` is the shopperReference."""
    return {
        "storePaymentMethod": True,
        "shopperReference": customer,
        "recurringProcessingModel": model_of(use.agreement, bank=method_of(credential) in _BANK_ACCOUNTS),
    }


def model_of(agreement: Agreement, *, bank: bool = False) -> str:
    """Adyen's word for what a credential is kept for. Direct debits have no card on file
    (https://docs.adyen.com/payment-methods/sepa-direct-debit/api-only)."""
    match agreement:
        case Agreement.SUBSCRIPTION:
            return "Subscription"
        case Agreement.UNSCHEDULED:
            return "UnscheduledCardOnFile"
        case Agreement.NONE | Agreement.CARD_ON_FILE:
            return "UnscheduledCardOnFile" if bank else "CardOnFile"
        case _:
            assert_never(agreement)


def splits_fields(splits: Sequence[Split], amount: Money, reference: str) -> dict[str, Any]:
    """Each recipient's part to its balance account; the rest is our commission, booked to our liable account.

    https://docs.adyen.com/platforms/online-payments/split-transactions/split-payments-at-authorization
    """
    if not splits:
        return {}
    parts: list[dict[str, Any]] = [
        {
            "type": "BalanceAccount",
            "account": split.recipient,
            "amount": amount_of(split.amount),
            "reference": split.reference or f"{reference}_{number}",
        }
        for number, split in enumerate(splits, start=1)
    ]
    rest = Money(amount.minor - sum(split.amount.minor for split in splits), amount.currency)
    if rest.minor:
        parts.append({"type": "Commission", "amount": amount_of(rest), "reference": f"{reference}_rest"})
    return {"splits": parts}


def modification_request(call: OperationCall, merchant: str) -> dict[str, Any]:
    """The body of a capture or refund. Our operation id is the reference that its webhook brings back."""
    request = {"merchantAccount": merchant, "amount": amount_of(call.amount), "reference": call.operation_id}
    return request | splits_fields(call.splits, call.amount, call.operation_id)


def details_request(action_result: dict[str, str]) -> dict[str, Any]:
    """The body of `/payments/details`: what the shopper brought back."""
    details = {name: action_result[name] for name in _DETAILS if name in action_result}
    carried = action_result.get("paymentData")
    return {"details": details} | ({"paymentData": carried} if carried else {})


def amount_of(money: Money) -> dict[str, Any]:
    """Raises AmountNotRepresentable."""
    return {"value": to_gateway_minor(money, GATEWAY), "currency": money.currency}


def _confirm_refused(call: OperationCall) -> Outcome | None:
    if call.credential is None:
        return invalid_call(GATEWAY, "confirm needs a credential")
    if isinstance(call.credential, IdealCredential) and call.capture is CaptureMode.MANUAL:
        return invalid_call(GATEWAY, "iDEAL is captured at once: ask for automatic capture")
    customer = _customer_of(call)
    if (call.save is not None or isinstance(call.credential, SavedCredential)) and len(customer) < 3:
        return invalid_call(
            GATEWAY, "a kept credential needs gateway_customer: the shopperReference, 3 characters or more"
        )
    return None


def _use_fields(call: OperationCall, credential: Credential) -> dict[str, Any]:
    """First use, or use of what is kept.

    ContAuth with CardOnFile is a returning customer who is there, and may have to authenticate; with Subscription or
    UnscheduledCardOnFile it is the merchant who charges:
    https://docs.adyen.com/online-payments/tokenization/make-token-payments
    """
    use = call.stored_use or (StoredUse() if isinstance(credential, SavedCredential) else None)
    if use is None:
        fields: dict[str, Any] = {"shopperInteraction": "Ecommerce"}
        return fields | (keeping_fields(call.save, _customer_of(call), credential) if call.save else {})
    by_merchant = use.initiator is Initiator.MERCHANT
    agreement = use.agreement if use.agreement is Agreement.SUBSCRIPTION else Agreement.UNSCHEDULED
    kept = credential.method if isinstance(credential, SavedCredential) else method_of(credential)
    model = model_of(agreement if by_merchant else Agreement.CARD_ON_FILE, bank=kept in _BANK_ACCOUNTS)
    fields = {"shopperInteraction": "ContAuth", "recurringProcessingModel": model}
    customer = _customer_of(call)
    return fields | ({"shopperReference": customer} if customer else {})


def _customer_of(call: OperationCall) -> str:
    kept = call.credential.gateway_customer if isinstance(call.credential, SavedCredential) else ""
    return kept or call.gateway_customer


def _is_card(credential: Credential) -> bool:
    method = credential.method if isinstance(credential, SavedCredential) else method_of(credential)
    return method in (Method.CARD, Method.NETWORK_TOKEN, Method.SAVED)


def _card(credential: CardCredential | NetworkTokenCredential, vault: VaultSettings, kind: str) -> dict[str, str]:
    shown = expressions_for(credential, vault)
    month = shown.expiry_month.zfill(2)  # two digits where it is a number and no expression
    method = {"type": kind, "number": shown.number, "expiryMonth": month, "expiryYear": shown.expiry_year}
    method |= {"cvc": shown.cvc} if shown.cvc else {}
    return method | ({"holderName": credential.holder} if credential.holder else {})


def _browser_info(browser: Browser) -> dict[str, Any]:
    return {
        "acceptHeader": browser.accept_header,
        "colorDepth": browser.color_depth,
        "javaEnabled": browser.java_enabled,
        "javaScriptEnabled": True,
        "language": browser.language,
        "screenHeight": browser.screen_height,
        "screenWidth": browser.screen_width,
        "timeZoneOffset": browser.timezone_offset_min,
        "userAgent": browser.user_agent,
    }
