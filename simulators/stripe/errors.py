"""Stripe's errors (docs.stripe.com/api/errors): what refuses a request, and the answer that says so."""

from __future__ import annotations

from typing import Any

from simulators.asgi import Response, json_response

_RATE_LIMITED = (
    "Request rate limit exceeded. Learn more about rate limits here https://docs.stripe.com/rate-limits."
)  # fmt: skip
_BROKEN = (
    "Sorry! An error occurred while processing the request. Our team has been notified. "
    "Contact us if you continue to have problems."
)


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
        doc_url = "https://docs.stripe.com/error-codes#" + code.replace("_", "-") if code else ""
        named = {"code": code, "doc_url": doc_url, "message": message, "param": param, "type": type, **details}
        self.error = {name: value for name, value in named.items() if value not in ("", None)}

    def response(self) -> Response:
        return json_response({"error": self.error}, self.status)


def invalid(message: str, param: str = "", code: str = "") -> StripeError:
    """A parameter that Stripe refuses before it executes anything."""
    return StripeError(400, message, code=code, param=param, began=False)


def missing_resource(kind: str, id: str, param: str = "id", status: int = 404) -> StripeError:
    """404 for the object of the path; a parameter that names nothing is 400."""
    return StripeError(status, f"No such {kind}: '{id}'", code="resource_missing", param=param)


def server_error(status: int) -> Response:
    """What Stripe says at 429 (docs.stripe.com/rate-limits names the header) and 500."""
    if status == 429:
        refused = StripeError(429, _RATE_LIMITED, code="rate_limit").response()
        return Response(429, refused.body, {**refused.headers, "stripe-rate-limited-reason": "global-rate"})
    return StripeError(status, _BROKEN, type="api_error").response()
