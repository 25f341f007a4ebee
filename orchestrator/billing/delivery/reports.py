"""Reads what a mail server sends back of a mail that it could not deliver (RFC 3464), however much of it is there."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from enum import StrEnum

from orchestrator.errors import ClearwayError

VERP = re.compile(r"\+(ddl_[0-9a-f]{32})@", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")
_ADDRESSED_IN = ("To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Failed-Recipients")
_NAMED_IN = ("In-Reply-To", "References")
_DIAGNOSTIC_MAX_CHARS = 400
IDS_MAX = 20


class Fate(StrEnum):
    """What a report says of the mail. Only `failed` is the end of it (RFC 3464, section 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    OTHER = "other"


class NotAReport(ClearwayError):
    """The body is no delivery status notification."""

    status = 422
    code = "not_a_delivery_report"


@dataclass(frozen=True, slots=True)
class Report:
    """A mail's fate in words, and by what it may be known: ids of ours in addresses, Message-IDs that are named."""

    fate: Fate
    words: str
    delivery_ids: tuple[str, ...]
    message_ids: tuple[str, ...]


def read(raw: bytes, recipient: str = "") -> Report:
    """`recipient` is the address that the report came to, where the mail server tells it. Raises NotAReport."""
    try:
        return _read(raw, recipient)
    except (RecursionError, LookupError, ValueError) as error:
        raise NotAReport(f"The body is no mail that can be read ({type(error).__name__}).") from None


def _read(raw: bytes, recipient: str) -> Report:
    message = email.message_from_bytes(raw)
    parts = list(message.walk())
    found = [block for part in parts for block in _recipients_of(part)]
    if not found:
        raise NotAReport(
            "The body is no delivery status notification (multipart/report with message/delivery-status, RFC 3464). "
            "Send the whole mail as it came, headers included."
        )
    fate, words = _fate(found)
    addresses = [recipient, *(value for name in _ADDRESSED_IN for value in _values(message, name))]
    ids = [found_id.lower() for address in addresses for found_id in VERP.findall(address)]
    named = [value for returned in _returned(parts) for value in _values(returned, "Message-ID")]
    named += [value for name in _NAMED_IN for value in _values(message, name)]
    message_ids = [one for value in named for one in _MESSAGE_ID.findall(value)]
    return Report(fate, words, tuple(dict.fromkeys(ids))[:IDS_MAX], tuple(dict.fromkeys(message_ids))[:IDS_MAX])


def _recipients_of(part: Message) -> Iterator[Message]:
    """The blocks of a delivery status that speak of a recipient; the first speaks of the mail."""
    if part.get_content_type() != "message/delivery-status":
        return
    payload = part.get_payload()
    for block in payload if isinstance(payload, list) else []:
        if isinstance(block, Message) and block.get("Action"):
            yield block


def _fate(blocks: list[Message]) -> tuple[Fate, str]:
    for fate in (Fate.FAILED, Fate.DELAYED):
        for block in blocks:
            if str(block["Action"]).strip().lower() == fate.value:
                return fate, _words(block)
    return Fate.OTHER, _words(blocks[0])


def _words(block: Message) -> str:
    """`5.1.1: 550 5.1.1 no such user`."""
    status = " ".join(str(block.get("Status", "")).split())[:20]
    said = " ".join(str(block.get("Diagnostic-Code", "")).split())
    said = re.sub(r"^[A-Za-z0-9-]{1,20}\s*;\s*", "", said)[:_DIAGNOSTIC_MAX_CHARS]
    return ": ".join(part for part in (status, said) if part) or str(block["Action"])[:20]


def _returned(parts: list[Message]) -> Iterator[Message]:
    """The mail that came back, or its headers."""
    for part in parts:
        kind = part.get_content_type()
        payload = part.get_payload()
        if kind == "message/rfc822" and isinstance(payload, list):
            yield from (one for one in payload if isinstance(one, Message))
        elif kind in ("text/rfc822-headers", "message/rfc822-headers"):
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                yield email.message_from_bytes(content)
            elif isinstance(payload, list):
                yield from (one for one in payload if isinstance(one, Message))


def _values(message: Message, name: str) -> list[str]:
    return [str(value) for value in message.get_all(name, [])]
