"""How PayPal words the issuer's no: response codes of the processor, advice codes, or an issue instead of a payment."""

from __future__ import annotations

from simulators.paypal.issues import ISSUES
from simulators.paypal.wire import Json, Refused
from simulators.scenarios import raw_code

# developer.paypal.com/docs/api/payments/v2/#definition-processor_response
_PROCESSOR_CODES = {
    "generic_decline": "5100",
    "call_issuer": "0100",
    "do_not_honor": "0500",
    "incorrect_cvc": "5110",
    "insufficient_funds": "5120",
    "incorrect_pin": "5130",
    "invalid_account": "1330",
    "invalid_number": "1330",
    "restricted_card": "5180",
    "pickup_card": "5150",
    "lost_card": "9520",
    "stolen_card": "9520",
    "expired_card": "5400",
    "invalid_expiry": "1380",
    "incorrect_address": "5170",
    "transaction_not_allowed": "5700",
    "issuer_unavailable": "5920",
    "suspected_fraud_issuer": "9500",
    "card_velocity_exceeded": "PPEL",
    "authentication_required": "5650",
    "authentication_failed": "7710",
    "processing_error": "8000",
}
_ADVICE = frozenset({"01", "02", "03", "21"})  # definition-payment_advice_code

INSTRUMENT_DECLINED = "instrument_declined"
"""As the reason of a scenario it asks for 422 INSTRUMENT_DECLINED instead of a denied authorization."""


def processor_response(declined_for: str) -> Json:
    """For a word of our taxonomy or "code:<raw>"; GENERIC_DECLINE for words that PayPal has no code for."""
    if not declined_for:
        return {"response_code": "0000", "avs_code": "Y", "cvv_code": "M"}
    raw = raw_code(declined_for)
    if raw in _ADVICE:
        return {"response_code": "5100", "payment_advice_code": raw}
    return {"response_code": raw or _PROCESSOR_CODES.get(declined_for, "5100")}


def refused_as(declined_for: str | None) -> str:
    """The issue that the reason asks for in place of a declined payment, empty where it is the issuer who declines."""
    if declined_for == INSTRUMENT_DECLINED:
        return "INSTRUMENT_DECLINED"
    raw = raw_code(declined_for)
    return raw if raw in ISSUES else ""


def refuse_as(declined_for: str | None, redirect: str = "") -> None:
    """Raises Refused where the reason asks for an issue."""
    if issue := refused_as(declined_for):
        raise Refused(issue, redirect=redirect if issue == "INSTRUMENT_DECLINED" else "")
