"""What shoppers are told of a refused card: what they can do, and never more than they should know."""

from types import MappingProxyType

from orchestrator.web.locales import PageWords

NOT_THROUGH = "The payment did not go through, and nothing has been charged. You can try again."
_GENERIC = "Your bank did not approve this card. Nothing has been charged. Please try another card."
_FUNDS = "There are not enough funds on this card. Nothing has been charged. Please try another card."
_LIMIT = "This card's limit does not allow the payment. Nothing has been charged. Please try another card."
_EXPIRY = "This card has expired, or its expiry date is not right. Please check it or try another card."
_NUMBER = "The card number is not right. Please check it."
_CODE = "The security code is not right. Please check it."
_IDENTITY = (
    "Your bank could not confirm that it is you. Nothing has been charged. Please try again or use another card."
)
_LATER = "The payment could not be made just now. Nothing has been charged. Please try again in a moment."

# The rows of the decline taxonomy that a shopper may be told about. Everything else is the generic sentence: nobody is
# told that a card is reported stolen or suspected of fraud (https://docs.stripe.com/declines/codes).
_SENTENCES = MappingProxyType(
    {
        "insufficient_funds": _FUNDS,
        "card_velocity_exceeded": _LIMIT,
        "amount_limit_exceeded": _LIMIT,
        "expired_card": _EXPIRY,
        "invalid_expiry": _EXPIRY,
        "invalid_number": _NUMBER,
        "incorrect_cvc": _CODE,
        "authentication_required": _IDENTITY,
        "authentication_failed": _IDENTITY,
        "authentication_technical": _IDENTITY,
        "customer_canceled": NOT_THROUGH,
        "issuer_unavailable": _LATER,
        "processing_error": _LATER,
        "gateway_unavailable": _LATER,
        "not_submitted": _LATER,
        "rate_limited": _LATER,
        "try_again_later": _LATER,
        "no_gateway": _LATER,
    }
)
MESSAGES = frozenset({_GENERIC, *_SENTENCES.values()})


def decline_message(words: PageWords, reason: str) -> str:
    """What a shopper is told for a taxonomy reason (`insufficient_funds`…); unknown and delicate ones are generic."""
    return words.say(_SENTENCES.get(reason, _GENERIC))
