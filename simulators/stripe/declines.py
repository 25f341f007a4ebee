"""How an issuer's or Stripe's own refusal is told: error code, decline code, network code and advice.

Codes and messages: docs.stripe.com/declines/codes and docs.stripe.com/error-codes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulators.scenarios import raw_code
from simulators.stripe.errors import StripeError


@dataclass(frozen=True, slots=True)
class DeclineWords:
    """`decline_code` is empty where Stripe gives none. `type` and `risk_level` go to the charge's outcome."""

    code: str
    decline_code: str
    message: str
    network_decline_code: str = "05"
    advice_code: str = "try_again_later"
    type: str = "issuer_declined"
    reason: str = ""
    param: str = ""

    @property
    def network_status(self) -> str:
        return "not_sent_to_network" if self.type == "blocked" else "declined_by_network"


_DECLINED = "Your card was declined."
_ADVICE = frozenset({"confirm_card_data", "do_not_try_again", "try_again_later"})
_FINAL = frozenset(
    {
        *("lost_card", "stolen_card", "pickup_card", "restricted_card", "fraudulent", "merchant_blacklist"),
        *("do_not_try_again", "revocation_of_all_authorizations", "revocation_of_authorization"),
        *("stop_payment_order", "security_violation"),
    }
)
_FIXABLE = {
    "expired_card": ("Your card has expired.", "54", "exp_month"),
    "incorrect_cvc": ("Your card's security code is incorrect.", "N7", "cvc"),
    "invalid_cvc": ("Your card's security code is invalid.", "N7", "cvc"),
    "incorrect_number": ("Your card number is incorrect.", "14", "number"),
    "invalid_number": ("The card number is not a valid credit card number.", "14", "number"),
    "invalid_expiry_month": ("Your card's expiration month is invalid.", "54", "exp_month"),
    "invalid_expiry_year": ("Your card's expiration year is invalid.", "54", "exp_year"),
    "incorrect_zip": ("Your card's zip code failed validation.", "05", "address_zip"),
    "incorrect_address": ("Your card's address is incorrect.", "05", ""),
}  # fmt: skip
"""Card data that is wrong: error code and decline code are the same word."""

_NETWORK = {
    "insufficient_funds": "51",
    "lost_card": "41",
    "stolen_card": "43",
    "pickup_card": "04",
    "fraudulent": "59",
    "card_velocity_exceeded": "65",
    "transaction_not_allowed": "57",
    "restricted_card": "62",
    "issuer_not_available": "91",
    "invalid_account": "14",
    "invalid_amount": "13",
    "do_not_try_again": "R1",
    "stop_payment_order": "R0",
    "security_violation": "63",
    "reenter_transaction": "19",
    "call_issuer": "01",
}
_WORDS_OF_OURS = {"do_not_honor": "generic_decline"}
"""The issuer's reasons that Stripe shows under another name for its test cards."""

_BLOCKED = {
    "highest_risk_level": "fraudulent",
    "rule": "generic_decline",
    "low_probability_of_authorization": "generic_decline",
}
_CARD_ERRORS = frozenset(
    {
        *("authentication_required", "card_decline_rate_limit_exceeded", "invalid_card_type", "processing_error"),
        *("card_declined", "incorrect_postal_code", "authentication_failure"),
    }
)
_DECLINE_CODES = frozenset(
    {
        *("authentication_required", "authentication_not_handled", "mobile_device_authentication_required"),
        *("approve_with_id", "call_issuer", "card_not_supported", "card_velocity_exceeded", "currency_not_supported"),
        *("do_not_honor", "do_not_try_again", "duplicate_transaction", "expired_card", "fraudulent"),
        *("generic_decline", "incorrect_address", "incorrect_cvc", "incorrect_number", "incorrect_pin"),
        *("incorrect_zip", "insufficient_funds", "invalid_account", "invalid_amount", "invalid_cvc"),
        *("invalid_expiry_month", "invalid_expiry_year", "invalid_number", "invalid_pin", "issuer_not_available"),
        *("lost_card", "merchant_blacklist", "new_account_information_available", "no_action_taken"),
        *("not_permitted", "offline_pin_required", "online_or_offline_pin_required", "pickup_card"),
        *("pin_try_exceeded", "processing_error", "reenter_transaction", "restricted_card"),
        *("revocation_of_all_authorizations", "revocation_of_authorization", "security_violation"),
        *("service_not_allowed", "stolen_card", "stop_payment_order", "testmode_decline"),
        *("transaction_not_allowed", "try_again_later", "withdrawal_count_limit_exceeded"),
    }
)


def decline_words(reason: str) -> DeclineWords:
    """Of an issuer's reason, or of a raw code that a scenario orders ("code:call_issuer").

    A raw code is a decline code, an advice code, an error code, or an outcome ("type=blocked, reason=rule"), and
    stands alone: what else Stripe may say along with it (network code, advice) is left out.
    Raises StripeError 400 for an error code that refuses the request and makes no charge.
    """
    raw = raw_code(reason)
    if not raw:
        return _of_decline_code(_WORDS_OF_OURS.get(reason, reason))
    if raw in _DECLINE_CODES:
        return replace(_of_decline_code(raw), advice_code="", network_decline_code="")
    if raw in _ADVICE:
        return replace(_of_decline_code("generic_decline"), advice_code=raw)
    if raw.startswith("type=blocked"):
        return blocked(raw.rpartition("=")[2])
    if raw in _CARD_ERRORS:
        return DeclineWords(raw, "", _DECLINED, "", "")
    raise StripeError(400, f"The request was refused: {raw}.", code=raw)


def blocked(reason: str) -> DeclineWords:
    """Stripe itself refuses, the issuer is not asked (docs.stripe.com/declines: blocked payments)."""
    code = _BLOCKED.get(reason, "generic_decline")
    return DeclineWords("card_declined", code, _DECLINED, "", "", "blocked", reason)


def _of_decline_code(code: str) -> DeclineWords:
    if fixable := _FIXABLE.get(code):
        message, network, param = fixable
        return DeclineWords(code, code, message, network, "confirm_card_data", param=param)
    if code == "processing_error":
        message = "An error occurred while processing your card. Try again in a little bit."
        return DeclineWords(code, code, message, "96")
    if code in ("authentication_required", "authentication_not_handled"):
        message = "Your card was declined. This transaction requires authentication."
        return DeclineWords("authentication_required", code, message, "1A", "")
    message = "Your card has insufficient funds." if code == "insufficient_funds" else _DECLINED
    if code == "card_velocity_exceeded":
        message = "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."
    advice = "do_not_try_again" if code in _FINAL else "try_again_later"
    return DeclineWords("card_declined", code, message, _NETWORK.get(code, "05"), advice)
