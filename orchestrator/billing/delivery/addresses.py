"""Which texts are an address that a mail can be sent to."""

from __future__ import annotations

import re

# One plain address: no name, no comment, no quoting, and so nothing that could begin another header or another address.
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}$)({_LABEL}\.)*{_LABEL}")


class AddressRefused(ValueError):
    """Says what an address must be."""


def mail_address(text: str) -> str:
    """The address, its domain as the name system has it (`müller.de` is `xn--mller-kva.de`). Raises AddressRefused."""
    local, at, domain = text.strip().rpartition("@")
    if not at or not local:
        raise AddressRefused("must have a name, an @ and a domain, such as billing@acme.example")
    try:
        plain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise AddressRefused("has a domain that cannot be") from None
    if not local.isascii():
        raise AddressRefused("must have only plain letters, digits and signs before the @")
    if not _LOCAL.fullmatch(local) or ".." in local or local.startswith(".") or local.endswith("."):
        raise AddressRefused("must be one plain address, such as billing@acme.example")
    if not _DOMAIN.fullmatch(plain):
        raise AddressRefused("has a domain that cannot be")
    return f"{local}@{plain}"
