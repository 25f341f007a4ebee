"""The vault's memory: cards by token. A CVC is kept for an hour at most, and not beyond its authorisation."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from simulators.issuer import brand_of, country_of
from simulators.world import Card, World

CVC_LIFETIME = timedelta(hours=1)


class CardRefused(Exception):
    """What was typed cannot be a card. `field`: number, expiry, cvc or holder."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(slots=True)
class Tokens:
    """By token; a card whose CVC was forgotten has an empty one."""

    cards: dict[str, Card] = field(default_factory=dict)

    def forget_cvc(self, token: str) -> None:
        if card := self.cards.get(token):
            self.cards[token] = replace(card, cvc="")


def tokens_of(world: World) -> Tokens:
    return world.part("vault", Tokens)


def store_card(world: World, card: Card) -> str:
    """The new token."""
    token = "tok_" + secrets.token_hex(16)
    tokens_of(world).cards[token] = card
    if card.cvc:
        world.at(world.clock.now() + CVC_LIFETIME, "vault", "forget_cvc", token=token)
    return token


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
