"""Every refusal as RFC 9457 `application/problem+json` with a stable code, field errors and the request's id."""

import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec

from invoicing import errors as invoicing
from invoicing.einvoice import errors as einvoice
from orchestrator.errors import ClearwayError
from orchestrator.http.body_errors import field_error, parameter_error
from orchestrator.log import logger
from routing.policy_reader import PolicyInvalid
from routing.rules import RuleSetInvalid
from routing.store import RuleSetNotDraft

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:clearway:problem:"

_log = logger(__name__)
_MISSING = re.compile(r"Missing required (query|path|header|cookie) parameter '(?P<name>[^']+)'")


class ProblemField(msgspec.Struct, kw_only=True):
    """One field that was refused. `field` is a JSON path such as `amount.currency`."""

    field: str
    message: str


class Problem(msgspec.Struct, kw_only=True):
    """Why a request was refused. `code` is stable: programs decide by it, people read `detail`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[ProblemField] = []
    request_id: str = ""


class Refusal(NamedTuple):
    """What is told of an exception."""

    status: int
    code: str
    detail: str
    errors: tuple[ProblemField, ...] = ()
    headers: dict[str, str] = {}  # noqa: RUF012 - read only


# The refusals of packages below, which know no HTTP: status and code by exception.
_INVOICING: dict[type[invoicing.InvoicingError], tuple[int, str]] = {
    invoicing.TaxNotApplicable: (422, "tax_not_applicable"),
    invoicing.InvalidInvoice: (422, "invalid_invoice"),
    invoicing.InvalidPattern: (422, "invalid_number_pattern"),
    invoicing.InvoiceNotFound: (404, "not_found"),
    invoicing.SeriesNotFound: (404, "not_found"),
    invoicing.SeriesTaken: (409, "series_taken"),
    invoicing.WrongState: (409, "conflict"),
    invoicing.PaymentMismatch: (409, "payment_mismatch"),
    einvoice.NotExpressible: (422, "e_invoice_refused"),
    einvoice.EInvoiceRefused: (422, "e_invoice_refused"),
    einvoice.ChannelRequired: (409, "e_invoice_channel_required"),
    einvoice.ChannelNotSetUp: (409, "e_invoice_channel_not_set_up"),
}
INVOICING_CODES = {kind.__name__: code for kind, (_, code) in _INVOICING.items()}  # of refusals kept by their name
_BY_STATUS = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}
# Codes that no subclass of ClearwayError carries; docs/errors.md lists these and those.
OTHER_CODES = frozenset(
    {code for _, code in _INVOICING.values()}
    | set(_BY_STATUS.values())
    | {"invalid_parameter", "invalid_field", "rule_set_invalid", "rule_set_not_draft", "routing_policy_invalid"}
    | {"bad_request", "internal_error"}
)
# A draft keeps the seller that it was made with.
_OF_SELLER = "; that is in the merchant's profile: PATCH /v1/merchant/profile, then replace the draft"
_UNSAID = Refusal(
    500, "internal_error", "Something broke here, and it was logged. Repeat the request with the same key."
)


def refusal_of(error: Exception) -> Refusal:
    """What to answer for an exception; whatever is not a refusal is an internal error, of which nothing is told."""
    match error:
        case ClearwayError():
            return _of_clearway(error)
        case invoicing.InvoicingError():
            known = next((_INVOICING[kind] for kind in type(error).__mro__ if kind in _INVOICING), None)
            if known is None:  # a mistake of ours, such as a template that names a picture elsewhere
                return _UNSAID
            status, code = known
            detail = f"payment_{error}" if error.field.startswith("terms.") else str(error)
            return Refusal(status, code, detail, tuple(_fields_of(error)))
        case RuleSetInvalid():
            fields = (ProblemField(field=found.path, message=found.message) for found in error.problems)
            return Refusal(422, "rule_set_invalid", "The document is no rule set.", tuple(fields))
        case PolicyInvalid():
            fields = (ProblemField(field=found.path, message=found.message) for found in error.problems)
            return Refusal(422, "routing_policy_invalid", "The document is no routing policy.", tuple(fields))
        case RuleSetNotDraft():
            return Refusal(404, "rule_set_not_draft", "There is no draft rule set with this id here.")
        case msgspec.ValidationError(__cause__=invoicing.InvalidInvoice() as refused):
            return refusal_of(refused)
        case msgspec.ValidationError():
            found = field_error(error)
            field = ProblemField(field=found.field, message=found.message)
            return Refusal(422, "invalid_field", f"{found.field}: {found.message}", (field,))
        case HTTPException():
            return _of_http(error)
        case _:
            return _UNSAID


def _fields_of(error: invoicing.InvoicingError) -> Iterator[ProblemField]:
    if isinstance(error, einvoice.EInvoiceRefused):
        for one in error.refusals:
            remedy = _OF_SELLER if one.field.startswith("seller.") else ""
            yield ProblemField(field=one.field, message=one.message + remedy)
    else:
        field = f"payment_{error.field}" if error.field.startswith("terms.") else error.field  # as the API calls them
        yield ProblemField(field=field, message=error.message)


def _of_clearway(error: ClearwayError) -> Refusal:
    headers = {"WWW-Authenticate": 'Bearer realm="clearway"'} if error.code == "unauthorized" else {}
    if "retry_after_s" in error.extra:
        headers["Retry-After"] = str(error.extra["retry_after_s"])
    fields = tuple(ProblemField(field=found.field, message=found.message) for found in error.errors)
    return Refusal(error.status, error.code, error.detail, fields, headers)


def _of_http(error: HTTPException) -> Refusal:
    """Litestar's own exceptions. Their `extra` may carry what was sent, so of it only names and messages are told."""
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _UNSAID._replace(status=error.status_code)
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        fields = tuple(
            ProblemField(field=str(item.get("key", "")), message=str(item.get("message", ""))) for item in error.extra
        )
        return Refusal(400, "invalid_parameter", "A parameter of the address cannot be used.", fields)
    missing = _MISSING.match(error.detail) if isinstance(error, ValidationException) else None
    if missing is not None:
        field = ProblemField(field=missing["name"], message="is missing")
        return Refusal(400, "invalid_parameter", f"{field.field}: {field.message}", (field,))
    code = _BY_STATUS.get(error.status_code, "bad_request")
    detail = _DETAILS.get(code) or HTTPStatus(error.status_code).description or HTTPStatus(error.status_code).phrase
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return Refusal(error.status_code, code, detail, (), headers)


_DETAILS = {
    "not_found": "There is nothing at this address. The OpenAPI document at /schema lists what there is.",
    "method_not_allowed": "This address does not take this method. The OpenAPI document at /schema lists them.",
    "body_too_large": "The body is larger than this route takes.",
    "bad_request": "The request cannot be read.",
}


def problem_response(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The answer to any exception of an API route."""
    refusal = refusal_of(error)
    if refusal.code == "invalid_parameter":
        refusal = refusal._replace(errors=tuple(_as_sent(request, field) for field in refusal.errors))
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("http.failed", code=refusal.code, exc_info=error)
    problem = Problem(
        type=TYPE_PREFIX + refusal.code,
        title=_title(refusal.code),
        status=refusal.status,
        detail=refusal.detail,
        code=refusal.code,
        errors=list(refusal.errors),
        request_id=str(request.scope["state"].get("request_id", "")),
    )
    return Response(problem, status_code=refusal.status, media_type=MEDIA_TYPE, headers=refusal.headers)


def _as_sent(request: Request[Any, Any, Any], field: ProblemField) -> ProblemField:
    """A parameter by its name in the address, where ours is another: `from` is `since` here."""
    parameter = request.route_handler.parsed_fn_signature.parameters.get(field.field)
    sent = getattr(parameter.kwarg_definition, "name", None) if parameter else None
    return ProblemField(field=sent or field.field, message=parameter_error(field.message))


Handler = Callable[[Request[Any, Any, Any], Any], Response[Any]]
EXCEPTION_HANDLERS: dict[int | type[Exception], Handler] = {
    HTTPException: problem_response,
    Exception: problem_response,
}


def _spec(description: str) -> ResponseSpec:
    return ResponseSpec(data_container=Problem, description=description, media_type=MEDIA_TYPE, generate_examples=False)


PROBLEMS: dict[int, ResponseSpec] = {
    400: _spec("The request cannot be read, or lacks its Idempotency-Key."),
    401: _spec("No API key, or one that is not known."),
    403: _spec("The API key lacks the scope."),
    404: _spec("Not here, or another merchant's."),
    409: _spec("Not possible in the present state, or the same key is in flight."),
    413: _spec("The body is larger than this route takes."),
    415: _spec("The body is not what this route takes, or is encoded."),
    422: _spec("A field was refused, or the key was used with another body."),
    429: _spec("More requests than this API key may make. Nothing was begun; `Retry-After` says when to come again."),
}
"""The `responses` of every API route, for the OpenAPI document (Litestar's own `raises` describes another shape)."""

_EXAMPLES: dict[int, tuple[str, str]] = {
    400: ("idempotency_key_missing", "Send `Idempotency-Key: <a value of your own, such as a UUID>`."),
    401: ("unauthorized", "The API key is not known or was revoked. Send `Authorization: Bearer sk_clearway_…`."),
    403: ("forbidden", "This API key lacks the scope 'payments:write'. Use a key that has it."),
    404: ("not_found", "There is no payment 'pay_0' here. Check the id and the API key's merchant."),
    409: ("idempotency_in_flight", "A request with this key is still at work. Repeat it a little later."),
    413: ("body_too_large", "The body is larger than this route takes."),
    415: ("unsupported_media_type", "This route takes JSON. Send `Content-Type: application/json`."),
    422: ("invalid_field", "amount.amount: expected `int`, got `str`"),
    429: ("rate_limited", "More requests than this API key may make. Wait for `Retry-After` seconds."),
    500: ("internal_error", _UNSAID.detail),
    503: ("busy", "There is no room for this now. Nothing was begun; send it again soon."),
}


def example(status: int) -> dict[str, Any]:
    """A problem of this status, as the OpenAPI document shows it."""
    code, detail = _EXAMPLES[status]
    place, _, message = detail.partition(": ")
    return {
        "type": TYPE_PREFIX + code,
        "title": _title(code),
        "status": status,
        "detail": detail,
        "code": code,
        "errors": [{"field": place, "message": message}] if code == "invalid_field" else [],
        "request_id": "req_01a2074fe36a7a35b6df5b9a4c3c2d10",
    }


def _title(code: str) -> str:
    return code.replace("_", " ").capitalize()
