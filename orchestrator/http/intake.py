"""What every API request goes through before its route sees it."""

from urllib.parse import unquote

from orchestrator.errors import InvalidField
from orchestrator.http import idempotency
from orchestrator.http.auth import ApiRequest
from orchestrator.http.pan_screen import CardNumberRefused, contains_card_number
from orchestrator.http.strict_body import check_body


async def check_request(request: ApiRequest) -> None:
    """Screen address and body, read the body strictly, and ask for an Idempotency-Key on every POST.

    Raises CardNumberRefused, InvalidField, MalformedJson, KeyMissing, KeyInvalid.
    """
    for place, text in (("path", request.url.path), ("query", request.url.query.replace("+", " "))):
        plain = unquote(text)
        if contains_card_number(plain) or any(map(contains_card_number, plain.replace("=", "&").split("&"))):
            raise CardNumberRefused(place)
        if "\x00" in plain:
            raise InvalidField(place, "must not contain the character NUL (%00)")
    await check_body(request)
    if request.method == "POST":
        idempotency.key_of(request.headers.get(idempotency.HEADER))
