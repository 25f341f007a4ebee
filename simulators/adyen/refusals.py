"""Why a payment is refused at Adyen: codes and texts, the test values that produce them, and raw codes on order.

docs.adyen.com/development-resources/refusal-reasons and …/testing/result-codes.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators.adyen.wire import RequestRefused, error
from simulators.scenarios import raw_code


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an authorisation ends with if not approved. `text` and `code` are empty where `result` says it all."""

    code: str
    text: str
    result: str = "Refused"

    @property
    def is_final_no(self) -> bool:
        return self.result in ("Refused", "Error", "Cancelled")


# The test value that may stand in holderName, Adyen's code, the refusal's text, and the result where it is not Refused.
# Codes 13 and 30 are no refusals; 43 to 45 and 50 are seen in the code of third parties only.
_ROWS = (
    ("UNKNOWN", "0", "Unknown", "Error"),
    ("DECLINED", "2", "Refused", ""),
    ("REFERRAL", "3", "Referral", ""),
    ("ERROR", "4", "Acquirer Error", "Error"),
    ("BLOCK_CARD", "5", "Blocked Card", ""),
    ("CARD_EXPIRED", "6", "Expired Card", ""),
    ("INVALID_AMOUNT", "7", "Invalid Amount", ""),
    ("INVALID_CARD_NUMBER", "8", "Invalid Card Number", ""),
    ("ISSUER_UNAVAILABLE", "9", "Issuer Unavailable", ""),
    ("NOT_SUPPORTED", "10", "Not supported", ""),
    ("NOT_3D_AUTHENTICATED", "11", "3D Not Authenticated", ""),
    ("NOT_ENOUGH_BALANCE", "12", "Not enough balance", ""),
    ("PENDING", "13", "", "Received"),
    ("ACQUIRER_FRAUD", "14", "Acquirer Fraud", ""),
    ("CANCELLED", "15", "Cancelled", ""),
    ("SHOPPER_CANCELLED", "16", "Shopper Cancelled", ""),
    ("INVALID_PIN", "17", "Invalid Pin", ""),
    ("PIN_TRIES_EXCEEDED", "18", "Pin tries exceeded", ""),
    ("PIN_VALIDATION_NOT_POSSIBLE", "19", "Pin validation not possible", ""),
    ("FRAUD", "20", "FRAUD", ""),
    ("NOT_SUBMITTED", "21", "Not Submitted", ""),
    ("FRAUD_CANCELLED", "22", "FRAUD-CANCELLED", "Cancelled"),
    ("TRANSACTION_NOT_PERMITTED", "23", "Transaction Not Permitted", ""),
    ("CVC_DECLINED", "24", "CVC Declined", ""),
    ("RESTRICTED_CARD", "25", "Restricted Card", ""),
    ("REVOCATION_OF_AUTH", "26", "Revocation Of Auth", ""),
    ("DECLINED_NON_GENERIC", "27", "Declined Non Generic", ""),
    ("WITHDRAWAL_AMOUNT_EXCEEDED", "28", "Withdrawal amount exceeded", ""),
    ("WITHDRAWAL_COUNT_EXCEEDED", "29", "Withdrawal count exceeded", ""),
    ("PARTIALLY_APPROVED", "30", "", "PartiallyAuthorised"),
    ("ISSUER_SUSPECTED_FRAUD", "31", "Issuer Suspected Fraud", ""),
    ("AVS_DECLINED", "32", "AVS Declined", ""),
    ("PIN_REQUIRED", "33", "Card requires online pin", ""),
    ("NO_CHECKING_ACCOUNT", "34", "No checking account available on Card", ""),
    ("NO_SAVINGS_ACCOUNT", "35", "No savings account available on Card", ""),
    ("MOBILE_PIN_REQUIRED", "36", "Mobile pin required", ""),
    ("CONTACTLESS_FALLBACK", "37", "Contactless fallback", ""),
    ("AUTHENTICATION_REQUIRED", "38", "Authentication required", ""),
    ("RREQ_NOT_RECEIVED", "39", "RReq not received from DS", ""),
    ("BAN_CURRENT_AID", "40", "Current AID is in Penalty Box", ""),
    ("CVM_REQUIRED", "41", "CVM Required Restart Payment", ""),
    ("THREED_SECURE_ERROR", "42", "3DS Authentication Error", ""),
    ("ONLINE_PIN_REQUIRED", "43", "Online PIN required", ""),
    ("TRY_ANOTHER_INTERFACE", "44", "Try another interface", ""),
    ("CHIP_DOWNGRADE_MODE", "45", "Chip downgrade mode", ""),
    ("ERPS_BLOCK", "46", "Transaction blocked by Adyen to prevent excessive retry fees", ""),
    ("", "50", "Token Revoked", ""),
)
_BY_CODE = {code: Refusal(code if text else "", text, result or "Refused") for _, code, text, result in _ROWS}
_BY_NAME = {name: _BY_CODE[code] for name, code, _, _ in _ROWS if name}

# words of our decline taxonomy, as the issuer and the scenarios say them
_BY_WORD = {
    "generic_decline": "2",
    "call_issuer": "3",
    "processing_error": "4",
    "restricted_card": "5",
    "lost_card": "5",
    "stolen_card": "5",
    "expired_card": "6",
    "invalid_amount": "7",
    "invalid_number": "8",
    "issuer_unavailable": "9",
    "transaction_not_allowed": "23",
    "authentication_failed": "11",
    "insufficient_funds": "12",
    "customer_canceled": "16",
    "incorrect_pin": "17",
    "pin_try_exceeded": "18",
    "fraud_gateway": "20",
    "not_submitted": "21",
    "incorrect_cvc": "24",
    "revocation_of_authorization": "26",
    "do_not_honor": "27",
    "card_velocity_exceeded": "28",
    "suspected_fraud_issuer": "31",
    "incorrect_address": "32",
    "pin_required": "33",
    "invalid_account": "34",
    "authentication_required": "38",
    "authentication_technical": "42",
    "retry_limit_exceeded": "46",
    "token_invalid": "50",
}
_RESULTS = frozenset(
    {"Cancelled", "Error", "PartiallyAuthorised", "Pending", "PresentToShopper", "Received", "Refused"}
)

# errors that a scenario may order by their code: HTTP status, message, category
_ERRORS = {
    "010": (403, "Not allowed", "security"),
    "101": (422, "Invalid card number", "validation"),
    "103": (422, "CVC is not the right length", "validation"),
    "140": (422, "Invalid expiry date", "validation"),
    "141": (422, "Invalid expiry date", "validation"),
    "153": (422, "Invalid CVC", "validation"),
    "167": (422, "Original pspReference required for this operation", "validation"),
    "704": (422, "Request already processed or in progress", "validation"),
    "901": (403, "Invalid Merchant Account", "security"),
    "903": (500, "Internal error", "internal"),
    "904": (500, "Unable To Process", "internal"),
}


def refusal_for(reason: str) -> Refusal | None:
    """The refusal for a word of our taxonomy or a raw code on order; None where the code is that of an approval.

    'Refused' for a word that Adyen has no code for. Raises RequestRefused where the code is that of an error.
    """
    raw = raw_code(reason)
    if not raw:
        return _BY_CODE[_BY_WORD.get(reason, "2")]
    if raw in ("0", "Authorised"):
        return None
    if raw in _ERRORS:
        status, message, kind = _ERRORS[raw]
        raise RequestRefused(error(status, raw, message, kind))
    if raw in _BY_CODE:
        return _BY_CODE[raw]
    return _named_result(raw) if raw in _RESULTS else Refusal(raw, "Refused")


def _named_result(result: str) -> Refusal:
    texts = {"Refused": "2", "Error": "4", "Cancelled": "15"}
    if result in texts:
        return Refusal(texts[result], _BY_CODE[texts[result]].text, result)
    return Refusal("", "", result)


def requested_refusal(holder: str, requested: str) -> Refusal | None:
    """What a tester asks for by holder name or RequestedTestAcquirerResponseCode; None for approval and real names."""
    return _BY_CODE.get(requested) if requested else _BY_NAME.get(holder)


PAST_EXPIRY = _BY_CODE["6"]
NOT_AUTHENTICATED = _BY_CODE["11"]
AUTHENTICATION_REQUIRED = _BY_CODE["38"]
PLAIN = _BY_CODE["2"]
SHOPPER_CANCELLED = Refusal("16", "Shopper Cancelled", "Cancelled")
