"""Reads a body strictly before Litestar does: `"5"` is not 5, unknown fields are refused (library trap L2)."""

from functools import lru_cache
from typing import Any

import msgspec
from litestar import Request

from orchestrator.errors import ClearwayError, InvalidField
from orchestrator.http.body_errors import field_error
from orchestrator.http.pan_screen import refuse_card_numbers

_NUL = "\x00"  # PostgreSQL stores no text with it


class MalformedJson(ClearwayError):
    """The body is not JSON at all."""

    code = "malformed_json"


class NotJson(ClearwayError):
    """The body says that it is something else."""

    status = 415
    code = "unsupported_media_type"


async def check_body(request: Request[Any, Any, Any]) -> None:
    """Screen and decode the body of a route that takes `data`.

    Raises MalformedJson, NotJson, CardNumberRefused, InvalidField. The card numbers go first: a message about a field
    may repeat what was in it.
    """
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
    refuse_card_numbers(value)
    if _NUL in msgspec.json.encode(value).decode().replace("\\u0000", _NUL):
        raise InvalidField("body", "must not contain the character NUL (\\u0000)")
    try:
        _decoder(parameter.annotation).decode(raw)
    except msgspec.ValidationError as error:
        found = field_error(error)
        raise InvalidField(found.field or "body", found.message) from None


def decoded(raw: bytes) -> Any:
    """The body as plain values. Raises MalformedJson."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedJson(f"The body is not readable JSON: {str(error) or 'nested too deep'}.") from None


@lru_cache(maxsize=256)
def _decoder(annotation: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(annotation, strict=True)
