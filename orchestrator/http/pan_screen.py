"""Refuses card data in what callers send, so that none gets further than the door (design rule 10).

Bodies, addresses and headers are screened for card numbers, and bodies for fields that are named for card data. What
gateways send (webhooks, reports) is never refused for one: it is masked before it is kept.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote

import msgspec

from orchestrator.card_numbers import contains_card_number, may_contain_card_number
from orchestrator.errors import ClearwayError, FieldError

# Headers whose value is an id or a secret of somebody else's making. A card number does not belong there either, but a
# random number may look like one, and none of them is kept or logged. `Idempotency-Key` is not among them: callers
# choose it, and some choose what they have at hand.
_OPAQUE = b"""
    authorization cookie x-csrftoken x-request-id x-correlation-id traceparent tracestate baggage b3 x-b3-traceid
    x-b3-spanid x-b3-parentspanid x-cloud-trace-context x-amzn-trace-id x-amz-cf-id cf-ray fly-request-id
    x-datadog-trace-id x-datadog-parent-id if-match if-none-match sec-websocket-key content-length date
"""
OPAQUE_HEADERS = frozenset(_OPAQUE.split())
# Names under which integrations are known to send what no API but a vault's may take.
_CARD_NAMES = """
    cvc cvc2 cvv cvv2 cvn csc cardcvc cardcvv cvccode cvvcode cardsecuritycode securitycode cardverificationcode
    cardverificationvalue cardnumber ccnumber creditcardnumber pan primaryaccountnumber track1 track2 trackdata
    magstripe pinblock
"""
_CARD_FIELDS = frozenset(_CARD_NAMES.split())
_PLAIN_NAME = re.compile(r"[^a-z0-9]")
# One of these is in every one of those names, however it is written: "card_number", "Card-Number", "cardNumber".
_IN_CARD_FIELDS = (b'"pan"', b"cv", b"csc", b"security", b"verification", b"number", b"track", b"magstripe", b"block")
_PARAMETERS = re.compile("[&=;/]")


class CardNumberRefused(ClearwayError):
    """A value held a card number. It is neither kept nor repeated."""

    status = 422
    code = "card_number_refused"

    def __init__(self, field: str) -> None:
        super().__init__(
            f"{field} contains a card number. Send the token that the card vault gave for it; no card number may "
            "reach this API.",
            errors=(FieldError(field, "contains a card number"),),
        )


class CardFieldRefused(ClearwayError):
    """A field is named for card data that only a vault may take: a number, a security code, a track or a PIN."""

    status = 422
    code = "card_field_refused"

    def __init__(self, field: str) -> None:
        super().__init__(
            f"{field} is card data by its name. Collect it in the card vault's fields and send the vault's token; a "
            "security code may not be kept by anybody once the payment is authorised.",
            errors=(FieldError(field, "is card data; send the vault's token instead"),),
        )


def refuse_card_data(value: object, encoded: bytes | None = None, field: str = "body") -> None:
    """Look at a decoded JSON value: every string, number and name. `encoded` is the value as JSON, where there is one.

    Raises CardNumberRefused or CardFieldRefused naming the place, and never what was there.
    """
    text = msgspec.json.encode(value) if encoded is None else encoded
    # One look over the whole in the regex engine; nearly every body is let through by it. Not one with a line break in
    # a text: as JSON that is a backslash and a letter, and no card number goes over a letter.
    lowered = text.lower()
    named = any(part in lowered for part in _IN_CARD_FIELDS)
    if not named and b"\\" not in text and not may_contain_card_number(text):
        return
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        path, item = waiting.pop()
        match item:
            case bool() | None:
                pass
            case str() | int() | float():
                if contains_card_number(_as_text(item)):
                    raise CardNumberRefused(path or field)
            case list():
                waiting += [(f"{path}[{index}]", inner) for index, inner in enumerate(item)]
            case dict():
                for key, inner in item.items():
                    place = f"{path}.{key}" if path else str(key)
                    if contains_card_number(str(key)):
                        raise CardNumberRefused(path or field)
                    if _PLAIN_NAME.sub("", str(key).lower()) in _CARD_FIELDS:
                        raise CardFieldRefused(place[:200])
                    waiting.append((place, inner))


def refuse_card_numbers_in_address(path: str, query: str) -> None:
    """Look at an address as it was sent, percent-encoded or not. Raises CardNumberRefused."""
    for place, text in (("path", path), ("query", query.replace("+", " "))):
        if not text:
            continue
        plain = unquote(text)
        if contains_card_number(plain) or any(map(contains_card_number, _PARAMETERS.split(plain))):
            raise CardNumberRefused(place)


def refuse_card_numbers_in_headers(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Look at every header but OPAQUE_HEADERS. Raises CardNumberRefused naming the header."""
    screened = [(name, value) for name, value in headers if name not in OPAQUE_HEADERS]
    together = b"\n".join([value for _, value in screened])
    if b"%" not in together and not may_contain_card_number(together):
        return
    for name, value in screened:
        if contains_card_number(unquote(value.decode("utf-8", "replace"))):
            raise CardNumberRefused(f"header {name.decode('latin-1')}")


def refuse_card_numbers_in_form(fields: list[tuple[str, object]]) -> None:
    """Look at a form's names, values and files' names. Raises CardNumberRefused, CardFieldRefused."""
    for name, value in fields:
        shown = str(getattr(value, "filename", value) or "")
        if contains_card_number(name):
            raise CardNumberRefused("form")
        if _PLAIN_NAME.sub("", name.lower()) in _CARD_FIELDS:
            raise CardFieldRefused(name[:80])
        if contains_card_number(shown):
            raise CardNumberRefused(name[:80])


def _as_text(item: str | int | float) -> str:
    """A number in full: JSON may write a card number as 4.242e15."""
    return f"{item:.0f}" if isinstance(item, float) and item == item and abs(item) < 1e20 else str(item)
