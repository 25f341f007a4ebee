"""Makes a mail of a letter: plain text and plain HTML in one, in the reader's language, in the thread it belongs to.

Whatever a letter says comes from outside: line breaks and the like never reach a header, and markup is escaped. Nothing
in it is fetched from elsewhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from html import escape

from currency.formatting import locale_of

SUBJECT_MAX_CHARS = 200
NAME_MAX_CHARS = 100
# Cc controls, Zl and Zp line and paragraph separators, Cf marks that turn what stands around them, Cs halves of signs.
_BREAKS = frozenset(("Cc", "Zl", "Zp", "Cs"))
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
_STYLE = "font-family:sans-serif;font-size:16px;line-height:1.5;color:#1c2430;max-width:36em"
_BUTTON = "display:inline-block;padding:10px 18px;background:#1f4fd8;color:#fff;text-decoration:none;border-radius:6px"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along; `media_type` as `application/pdf`."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says, as plain texts in the language of `locale`. `button` is a label and an address."""

    locale: str
    seller: str
    subject: str
    heading: str
    paragraphs: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    button: tuple[str, str] | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who writes to whom, and in which thread. `sender` is the installation's, by whatever name; `first_id` is the
    Message-ID of the first mail of the thread, empty where this is the first."""

    sender: str
    recipient: str
    message_id: str
    at: datetime
    reply_to: str = ""
    first_id: str = ""


def message_of(letter: Letter, envelope: Envelope) -> EmailMessage:
    """The mail. Raises ValueError for an address that is none."""
    message = EmailMessage()
    name = one_line(letter.seller, NAME_MAX_CHARS)
    message["From"] = Address(name, addr_spec=parseaddr(envelope.sender)[1])
    message["To"] = Address(addr_spec=envelope.recipient)
    if envelope.reply_to:
        message["Reply-To"] = Address(name, addr_spec=envelope.reply_to)
    message["Subject"] = one_line(letter.subject, SUBJECT_MAX_CHARS)
    message["Date"] = format_datetime(envelope.at)
    message["Message-ID"] = envelope.message_id
    if envelope.first_id:  # RFC 5322, section 3.6.4
        message["In-Reply-To"] = envelope.first_id
        message["References"] = envelope.first_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine answers it
    message.set_content("\n".join(_text(letter)))
    message.add_alternative(_html(letter), subtype="html")
    for attached in letter.attachments:
        main, _, sub = attached.media_type.partition("/")
        message.add_attachment(attached.data, maintype=main, subtype=sub, filename=file_name(attached.name))
    return message


def one_line(text: str, max_chars: int) -> str:
    """The text on one line, without what would end the line or turn its direction.

    Nor with an encoded word (`=?utf-8?b?…?=`, RFC 2047): Python's `email` decodes one that it is given, and writes the
    line breaks that were in it (CPython gh-121650).
    """
    plain = "".join(
        " " if unicodedata.category(sign) in _BREAKS else sign for sign in text[: 4 * max_chars] if sign not in _TURNS
    )
    return re.sub(" +", " ", plain.replace("=?", "= ?")).strip()[:max_chars].strip()


def file_name(text: str) -> str:
    """A name that every system takes as one file's; no path, nothing hidden."""
    name, _, ending = one_line(text, NAME_MAX_CHARS).rpartition(".")
    bare = re.sub(r"[^\w-]+", "-", name).strip("-") or "document"
    suffix = re.sub(r"[^A-Za-z0-9]", "", ending)
    return f"{bare}.{suffix}" if suffix else bare


def language_tag(locale: str) -> str:
    """As HTML and mail want it: `de-AT`."""
    return locale.replace("_", "-")


def is_right_to_left(locale: str) -> bool:
    return locale_of(locale).character_order == "right-to-left"


def _text(letter: Letter) -> Iterator[str]:
    yield _flowing(letter.heading)
    yield ""
    for paragraph in letter.paragraphs:
        yield _flowing(paragraph)
        yield ""
    for label, value in letter.facts:
        yield f"{_flowing(label)}: {_flowing(value)}"
    if letter.button:
        yield from ("", f"{_flowing(letter.button[0])}:", letter.button[1])
    yield from ("", "-- ", _flowing(letter.seller), "")


def _flowing(text: str) -> str:
    return one_line(text, 4_000)


def _html(letter: Letter) -> str:
    direction = "rtl" if is_right_to_left(letter.locale) else "ltr"
    parts = [f'<h1 style="font-size:20px">{_marked(letter.heading)}</h1>']
    parts += [f"<p>{_marked(paragraph)}</p>" for paragraph in letter.paragraphs]
    if letter.facts:
        rows = "".join(
            f'<tr><td style="padding:2px 0;padding-inline-end:16px">{_marked(label)}</td>'
            f"<td><strong>{_marked(value)}</strong></td></tr>"
            for label, value in letter.facts
        )
        parts.append(f'<table role="presentation">{rows}</table>')
    if letter.button:
        label, url = letter.button
        parts.append(f'<p><a href="{escape(url)}" style="{_BUTTON}">{_marked(label)}</a></p>')
        parts.append(f'<p dir="ltr" style="font-size:13px;word-break:break-all">{escape(url)}</p>')
    parts.append(f"<p>{_marked(letter.seller)}</p>")
    head = f'<meta charset="utf-8"><title>{escape(_flowing(letter.subject))}</title>'
    opening = f'<html lang="{escape(language_tag(letter.locale))}" dir="{direction}">'
    body = f'<body dir="{direction}" style="{_STYLE}">' + "\n".join(parts) + "</body>"
    return f"<!doctype html>\n{opening}<head>{head}</head>{body}</html>\n"


def _marked(text: str) -> str:
    return f"<bdi>{escape(_flowing(text))}</bdi>"
