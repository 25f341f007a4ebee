"""What every API request goes through before its route sees it."""

from functools import lru_cache
from urllib.parse import parse_qsl, unquote

from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from orchestrator.errors import ClearwayError, FieldError, InvalidField
from orchestrator.http import idempotency, versions
from orchestrator.http.auth import ApiRequest
from orchestrator.http.pan_screen import refuse_card_numbers_in_address, refuse_card_numbers_in_headers
from orchestrator.http.strict_body import check_body


class InvalidParameter(ClearwayError):
    """A parameter of the address cannot be used."""

    code = "invalid_parameter"

    def __init__(self, name: str, message: str) -> None:
        super().__init__("A parameter of the address cannot be used.", errors=(FieldError(name, message),))


async def check_request(request: ApiRequest) -> None:
    """Screen address, headers and body, read the body strictly, and ask for an Idempotency-Key on every POST.

    Raises CardNumberRefused, CardFieldRefused, InvalidField, MalformedJson, NotJson, KeyMissing, KeyInvalid,
    InvalidParameter, UnknownVersion.
    """
    refuse_card_numbers_in_address(request.url.path, request.url.query)
    refuse_card_numbers_in_headers(list(request.scope["headers"]))
    for place, text in (("path", request.url.path), ("query", request.url.query)):
        if "\x00" in unquote(text):
            raise InvalidField(place, "must not contain the character NUL (%00)")
    _check_parameters(request.url.query, parameters_of(request.route_handler))
    versions.negotiate(request.headers.get(versions.HEADER), request.scope)
    await check_body(request)
    if request.method == "POST":
        idempotency.key_of(request.headers.get(idempotency.HEADER))


@lru_cache(512)  # more than there are routes
def parameters_of(handler: BaseRouteHandler) -> frozenset[str]:
    """What a route reads from the query, as it is called there."""
    fields = handler.parsed_fn_signature.parameters.items()
    return frozenset(
        field.kwarg_definition.name or name
        for name, field in fields
        if isinstance(field.kwarg_definition, QueryParameter)
    )


def _check_parameters(query: str, known: frozenset[str]) -> None:
    """A filter must never be left out unsaid: one that is spelled wrong, which of two values is meant nobody knows, and
    Litestar reads the word `null` as no filter at all. Raises InvalidParameter.
    """
    seen: set[str] = set()
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            told = f"; allowed are {', '.join(sorted(known))}" if known else "; there are none at this address"
            raise InvalidParameter(name[:60], f"is not known here{told}")
        if name in seen and not name.endswith("[]"):
            raise InvalidParameter(name[:60], "comes twice; give it once")
        if value.lower() == "null":
            raise InvalidParameter(name[:60], "must not be null; leave it out")
        seen.add(name)
