"""Hands mails to the mail server at SMTP_URL."""

from __future__ import annotations

from email.message import EmailMessage
from urllib.parse import SplitResult, unquote, urlsplit

import aiosmtplib

from orchestrator.settings import get_settings

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class Refused(Exception):
    """The server will not take this mail, ever. `by_recipient`: it has no such mailbox, or will not serve it."""

    def __init__(self, words: str, *, by_recipient: bool) -> None:
        super().__init__(words)
        self.by_recipient = by_recipient


def require_server() -> SplitResult:
    """SMTP_URL. Raises RuntimeError where it is not set."""
    url = urlsplit(get_settings().smtp_url.get_secret_value())
    if not url.hostname:
        raise RuntimeError("SMTP_URL is not set: no mail can be sent")
    return url


async def send(message: EmailMessage, *, bounces_to: str | None = None) -> None:
    """Hand it over; what cannot be delivered comes back to `bounces_to`, else to the sender.

    Raises Refused where the server said no for good (RFC 5321: 5yz), and aiosmtplib.SMTPException for all that may go
    better later, such as a server that cannot be reached or does not know us.
    """
    url = require_server()
    try:
        await aiosmtplib.send(
            message,
            sender=bounces_to,
            hostname=url.hostname,
            port=url.port or PORTS[url.scheme],
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
            use_tls=url.scheme == "smtps",
            start_tls=True if url.scheme == "smtp+starttls" else None,
            timeout=get_settings().limits.smtp_timeout_s,
        )
    except aiosmtplib.SMTPRecipientsRefused as refused:
        final = [one for one in refused.recipients if one.code >= 500]
        if len(final) == len(refused.recipients):
            raise Refused(_words(final[0]), by_recipient=True) from None
        raise
    except aiosmtplib.SMTPDataError as refused:
        if refused.code >= 500:
            raise Refused(_words(refused), by_recipient=False) from None
        raise


def _words(answer: aiosmtplib.SMTPResponseException) -> str:
    return f"the mail server said {answer.code} {' '.join(answer.message.split())}"
