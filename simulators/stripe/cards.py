"""The test cards and test payment methods of docs.stripe.com/testing, and what each of them does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from simulators.issuer import VerdictKind, brand_of, judge
from simulators.stripe.declines import DeclineWords, blocked, decline_words
from simulators.world import Card

TEST_METHODS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_us": "4242424242424242",
    "pm_card_visa_debit": "4000056655665556",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_mastercard_debit": "5200828282828210",
    "pm_card_mastercard_prepaid": "5105105105105100",
    "pm_card_amex": "378282246310005",
    "pm_card_discover": "6011111111111117",
    "pm_card_diners": "3056930009020004",
    "pm_card_jcb": "3566002020360505",
    "pm_card_unionpay": "6200000000000005",
    "pm_card_bypassPending": "4000000000000077",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": "4000000000006975",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_chargeDeclinedFraudulent": "4100000000000019",
    "pm_card_radarBlock": "4100000000000019",
    "pm_card_riskLevelHighest": "4000000000004954",
    "pm_card_riskLevelElevated": "4000000000009235",
    "pm_card_cvcCheckFail": "4000000000000101",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_authenticationRequiredSetupForOffSession": "4000003800000446",
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": "4000008260003178",
    "pm_card_threeDSecure2Required": "4000000000003220",
    "pm_card_threeDSecureOptional": "4000000000003055",
    "pm_card_threeDSecureRequiredChargeDeclined": "4000008400001629",
    "pm_card_threeDSecureRequiredProcessingError": "4000008400001280",
    "pm_card_createDispute": "4000000000000259",
    "pm_card_createDisputeProductNotReceived": "4000000000002685",
    "pm_card_createDisputeInquiry": "4000000000001976",
    "pm_card_refundFail": "4000000000005126",
    "pm_card_pendingRefund": "4000000000007726",
}
"""Card numbers by the id of the payment method that stands for them."""

BYPASSES_PENDING = "4000000000000077"
REFUND_FAILS = "4000000000005126"
REFUND_PENDS = "4000000000007726"
DISPUTED = {
    "4000000000000259": ("fraudulent", False),
    "4000000000002685": ("not_received", False),
    "4000000000001976": ("fraudulent", True),
}
"""The reason in the world's words, and whether it is an inquiry."""

_DECLINED_AT_CHARGE = {
    "4000000000000119": "processing_error",
    "4000000000006975": "card_velocity_exceeded",
    "4000008260003178": "insufficient_funds",
    "4000008400001629": "do_not_honor",
}
_FAILS_ONCE_ATTACHED = "4000000000000341"
_BLOCKED = "4100000000000019"
_LOOKUP_FAILS = "4000008400001280"  # 3-D Secure is required, and its lookup ends in an error
_LOOKUP_FAILS_OPTIONAL = "4000000000003097"
_OPTIONAL = "4000000000003055"
_RISK_LEVELS = {"4000000000004954": "highest", _BLOCKED: "highest", "4000000000009235": "elevated"}
_CVC_FAILS = frozenset({"4000000000000101", "4000000000000127"})
_DEBIT = frozenset({"4000056655665556", "5200828282828210", "6011981111111113"})
_PREPAID = frozenset({"5105105105105100"})


class Authentication(StrEnum):
    """When a card wants its holder."""

    NEVER = "never"
    ALWAYS = "always"
    UNLESS_SET_UP = "unless_set_up"
    ON_SESSION = "on_session"  # not for payments without its holder


_AUTHENTICATION = {
    "4000002760003184": Authentication.ALWAYS,
    "4000002500003155": Authentication.UNLESS_SET_UP,
    "4000000000003220": Authentication.ON_SESSION,
    "4000003800000446": Authentication.ON_SESSION,
    "4000008260003178": Authentication.ON_SESSION,
    "4000008400001629": Authentication.ON_SESSION,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """How a card is used: `on_request` is that the merchant asks for 3-D Secure (any, challenge)."""

    off_session: bool = False
    is_set_up: bool = False
    on_request: bool = False
    is_setup: bool = False  # saved and not charged
    is_attached: bool = False


def wants_holder(number: str, asked: Asked) -> bool:
    """Whether the card's holder has to authenticate before the issuer is asked."""
    match _AUTHENTICATION.get(number, Authentication.NEVER):
        case Authentication.ALWAYS:
            return True
        case Authentication.UNLESS_SET_UP:
            return not asked.is_set_up
        case Authentication.ON_SESSION:
            return not asked.off_session
        case Authentication.NEVER:
            challenged = judge(number).kind is VerdictKind.CHALLENGE
            return challenged or (number == _OPTIONAL and asked.on_request and not asked.off_session)


def refusal(card: Card, asked: Asked) -> DeclineWords | None:
    """What issuer or Stripe says against the card itself; None where it is good."""
    number = card.number
    if number == _BLOCKED:
        return blocked("highest_risk_level")
    if number == _LOOKUP_FAILS:
        return decline_words("do_not_honor")
    if asked.is_setup:
        return _by_issuer(number) if number not in _AUTHENTICATION else None
    if number == _FAILS_ONCE_ATTACHED and asked.is_attached:
        return decline_words("do_not_honor")
    if reason := _DECLINED_AT_CHARGE.get(number):
        return decline_words(reason)
    return _by_issuer(number)


def _by_issuer(number: str) -> DeclineWords | None:
    verdict = judge(number)
    if verdict.kind is not VerdictKind.DECLINE:
        return None
    return decline_words("code:incorrect_number" if verdict.reason == "invalid_number" else verdict.reason)


def proof_without_challenge(number: str, asked: Asked) -> dict[str, str | None] | None:
    """What a charge says of 3-D Secure that was asked for and led to no challenge."""
    if number == _LOOKUP_FAILS_OPTIONAL and asked.on_request:
        return three_d_secure(number, "processing_error", "", "protocol_error")
    if not asked.on_request:
        return None
    if brand_of(number) == "amex":
        return three_d_secure(number, "not_supported", "", "network_not_supported")
    return three_d_secure(number, "attempt_acknowledged", "frictionless", "card_not_enrolled")


_INDICATORS = {"authenticated": ("05", "02"), "attempt_acknowledged": ("06", "01")}
"""Electronic commerce indicators by result, of Visa (and others) and of Mastercard (docs.stripe.com/api/charges)."""


def three_d_secure(number: str, result: str, flow: str, reason: str = "") -> dict[str, str | None]:
    indicators = _INDICATORS.get(result)
    digest = hashlib.sha256(number.encode()).hexdigest()
    ds = f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
    return {
        "authentication_flow": flow or None,
        "electronic_commerce_indicator": indicators[brand_of(number) == "mastercard"] if indicators else None,
        "exemption_indicator": None,
        "result": result,
        "result_reason": reason or None,
        "transaction_id": ds if indicators or result == "failed" else None,
        "version": "2.2.0",
    }


def risk_level(number: str) -> str:
    return _RISK_LEVELS.get(number, "normal")


def cvc_check(card: Card) -> str | None:
    if card.number in _CVC_FAILS:
        return "fail"
    return "pass" if card.cvc else None


def funding_of(number: str) -> str:
    if number in _DEBIT:
        return "debit"
    return "prepaid" if number in _PREPAID else "credit"


def fingerprint(account: str, secret: str) -> str:
    """The same for the same number within an account."""
    return hashlib.sha256(f"{account} {secret}".encode()).hexdigest()[:16]
