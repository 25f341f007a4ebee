"""Stripe's errors (docs.stripe.com/api/errors) and how an issuer's reason is told in its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulators.asgi import Response, json_response


class StripeError(Exception):
    """Answers a request with an error. `began` is False where Stripe stops before executing: such answers are not
    kept under an idempotency key (docs.stripe.com/api/idempotent_requests)."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        code: str = "",
        param: str = "",
        began: bool = True,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.began = began
        named = {"code": code, "message": message, "param": param, "type": type, **details}
        self.error = {name: value for name, value in named.items() if value not in ("", None)}

    def response(self) -> Response:
        return json_response({"error": self.error}, self.status)


@dataclass(frozen=True, slots=True)
class DeclineWords:
    code: str
    decline_code: str
    message: str
    network_decline_code: str = "05"
    advice_code: str = "try_again_later"


_DECLINED = "Your card was declined."
_WORDS = {
    "do_not_honor": DeclineWords("card_declined", "generic_decline", _DECLINED, "05"),
    "insufficient_funds": DeclineWords(
        "card_declined", "insufficient_funds", "Your card has insufficient funds.", "51"
    ),
    "stolen_card": DeclineWords("card_declined", "stolen_card", _DECLINED, "43", "do_not_try_again"),
    "lost_card": DeclineWords("card_declined", "lost_card", _DECLINED, "41", "do_not_try_again"),
    "expired_card": DeclineWords("expired_card", "expired_card", "Your card has expired.", "54", "confirm_card_data"),
    "incorrect_cvc": DeclineWords(
        "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "N7", "confirm_card_data"
    ),
    "processing_error": DeclineWords(
        "processing_error", "processing_error", "An error occurred while processing your card. Try again.", "96"
    ),
}


def decline_words(reason: str) -> DeclineWords:
    """A reason that Stripe has no other word for goes out as its own decline code."""
    return _WORDS.get(reason) or DeclineWords("card_declined", reason, _DECLINED)


def missing_resource(kind: str, id: str, param: str) -> StripeError:
    return StripeError(404, f"No such {kind}: '{id}'", code="resource_missing", param=param)


def server_error(status: int) -> Response:
    """What Stripe says at 429 and 500."""
    if status == 429:
        return StripeError(429, "Too many requests hit the API too quickly.", code="rate_limit").response()
    return StripeError(status, "An unknown error occurred.", type="api_error").response()
