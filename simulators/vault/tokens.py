"""The vault's memory: cards by token, and the expressions that stand for them in a request's body."""

from __future__ import annotations

import re
import secrets
from typing import Any

from simulators.issuer import brand_of, country_of
from simulators.world import Card

_EXPRESSION = re.compile(rb"(tok_[0-9a-f]+)\.(number|cvc|expiry_month|expiry_year_2|expiry_year)\b")


class UnknownToken(Exception):
    """A body names a token that the vault does not hold."""


class CardRefused(Exception):
    """What was typed cannot be a card. `field`: number, expiry, cvc or holder."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Tokens:
    def __init__(self) -> None:
        self._cards: dict[str, Card] = {}

    def store(self, card: Card) -> str:
        token = "tok_" + secrets.token_hex(16)
        self._cards[token] = card
        return token

    def reveal(self, body: bytes) -> bytes:
        """`body` with every `<token>.<field>` replaced by the card's digits; months have two digits.

        All fields are digits, so the same replacement is right in JSON and in a form. Raises UnknownToken.
        """

        def field_of(match: re.Match[bytes]) -> bytes:
            card = self._cards.get(match[1].decode())
            if card is None:
                raise UnknownToken(match[1].decode())
            return _field(card, match[2].decode()).encode()

        return _EXPRESSION.sub(field_of, body)


def parse_card(sent: dict[str, Any]) -> Card:
    """{number, expiry_month, expiry_year, cvc, holder} as JSON brings it. Raises CardRefused.

    The check digit is left to the issuer: a vault keeps what it is given, the fields page warns the shopper.
    """
    number = re.sub(r"[ -]", "", str(sent.get("number", "")))
    if not re.fullmatch(r"[0-9]{12,19}", number):
        raise CardRefused("number", "The card number must have 12 to 19 digits.")
    month, year = str(sent.get("expiry_month", "")), str(sent.get("expiry_year", ""))
    if not re.fullmatch(r"0?[1-9]|1[0-2]", month) or not re.fullmatch(r"[0-9]{2}|2[0-9]{3}", year):
        raise CardRefused("expiry", "The expiry date must be a month and a year.")
    cvc = str(sent.get("cvc") or "")
    if not re.fullmatch(r"([0-9]{3,4})?", cvc):
        raise CardRefused("cvc", "The security code must have 3 or 4 digits.")
    full_year = int(year) if len(year) == 4 else 2000 + int(year)
    return Card(number, int(month), full_year, cvc, str(sent.get("holder") or ""))


def show_token(token: str, card: Card) -> dict[str, Any]:
    return {
        "token": token,
        "brand": brand_of(card.number),
        "last4": card.number[-4:],
        "bin": card.number[:8] if len(card.number) >= 16 else card.number[:6],  # PCI SSC FAQ 1091: what may be shown
        "expiry_month": card.expiry_month,
        "expiry_year": card.expiry_year,
        "holder": card.holder,
        "issuer_country": country_of(card.number),
    }


def _field(card: Card, name: str) -> str:
    return {
        "number": card.number,
        "cvc": card.cvc,
        "expiry_month": f"{card.expiry_month:02d}",
        "expiry_year": str(card.expiry_year),
        "expiry_year_2": f"{card.expiry_year % 100:02d}",
    }[name]
