"""Reads a body strictly before Litestar does: `"5"` is not 5, unknown fields are refused (library trap L2).

What two readers could understand differently is refused outright: a name that comes twice, an encoding of the body.
"""

import json
from functools import lru_cache
from typing import Any

import msgspec
from litestar import Request

from invoicing.errors import InvalidInvoice
from orchestrator.errors import ClearwayError, InvalidField
from orchestrator.http.body_errors import field_error
from orchestrator.http.pan_screen import refuse_card_data

_NUL = "\x00"  # PostgreSQL stores no text with it


class MalformedJson(ClearwayError):
    """The body is not JSON at all."""

    code = "malformed_json"


class NotJson(ClearwayError):
    """The body says that it is something else, or that it is encoded."""

    status = 415
    code = "unsupported_media_type"


async def check_body(request: Request[Any, Any, Any]) -> None:
    """Screen and decode the body of a route that takes `data`.

    Raises MalformedJson, NotJson, CardNumberRefused, CardFieldRefused, InvalidField. The card numbers go first: a
    message about a field may repeat what was in it.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise NotJson("Bodies are taken as they are: send it without `Content-Encoding`.")
    parameter = request.route_handler.parsed_fn_signature.parameters.get("data")
    if parameter is None:
        return
    raw = await request.body()
    if not raw and parameter.is_optional:
        return
    content_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if content_type != "application/json" and not content_type.endswith("+json"):
        raise NotJson("This route takes JSON. Send `Content-Type: application/json`.")
    value = decoded(raw)
    encoded = msgspec.json.encode(value)
    refuse_card_data(value, encoded)
    if _NUL in encoded.decode().replace("\\u0000", _NUL):
        raise InvalidField("body", "must not contain the character NUL (\\u0000)")
    _refuse_repeated_names(raw)
    try:
        _decoder(parameter.annotation).decode(raw)
    except msgspec.ValidationError as error:
        found = field_error(error, parameter.annotation)
        if isinstance(error.__cause__, InvalidInvoice):
            raise InvalidInvoice(found.field, found.message) from None
        raise InvalidField(found.field or "body", found.message) from None


def decoded(raw: bytes) -> Any:
    """The body as plain values. Raises MalformedJson."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedJson(f"The body is not readable JSON: {str(error) or 'nested too deep'}.") from None


def _refuse_repeated_names(raw: bytes) -> None:
    """RFC 8259, section 4: what a name means that comes twice is up to each reader, and an amount must not be.

    Raises MalformedJson.
    """
    try:
        json.loads(raw, object_pairs_hook=_object, parse_int=len, parse_float=len)
    except RecursionError:
        raise MalformedJson("The body is not readable JSON: nested too deep.") from None


def _object(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise MalformedJson(f"The body has {name[:40]!r} twice in one object. Send each name once.")
        seen.add(name)


@lru_cache(maxsize=256)
def _decoder(annotation: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(annotation, strict=True)
