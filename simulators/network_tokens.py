"""Network tokens: numbers that card schemes give out in place of a card's own, good only with a fresh cryptogram."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field

from simulators.issuer import brand_of, check_digit
from simulators.world import Card, World


@dataclass(frozen=True, slots=True)
class NetworkToken:
    """`number` looks like a card of the same brand; the expiry is the token's own."""

    number: str
    expiry_month: int
    expiry_year: int
    card_number: str


@dataclass(slots=True)
class NetworkTokens:
    """What the schemes remember."""

    by_number: dict[str, NetworkToken] = field(default_factory=dict)
    by_card: dict[str, NetworkToken] = field(default_factory=dict)
    unspent: dict[str, str] = field(default_factory=dict)  # cryptogram to token number


def network_tokens_of(world: World) -> NetworkTokens:
    return world.part("network_tokens", NetworkTokens)


def network_token_for(world: World, card: Card) -> NetworkToken:
    """The token of this card, made when it is first asked for."""
    tokens = network_tokens_of(world)
    if card.number not in tokens.by_card:
        digits = card.number[:6] + "".join(secrets.choice("0123456789") for _ in range(len(card.number) - 7))
        token = NetworkToken(digits + check_digit(digits), 12, card.expiry_year + 1, card.number)
        tokens.by_card[card.number] = tokens.by_number[token.number] = token
    return tokens.by_card[card.number]


def new_cryptogram(world: World, token: NetworkToken) -> str:
    """Twenty bytes in base64, good for one authorisation."""
    cryptogram = base64.b64encode(secrets.token_bytes(20)).decode()
    network_tokens_of(world).unspent[cryptogram] = token.number
    return cryptogram


def spend_cryptogram(world: World, number: str, cryptogram: str) -> bool:
    """Whether it was made for this token and was not used before; it is used now."""
    return network_tokens_of(world).unspent.pop(cryptogram, None) == number


def card_behind(world: World, number: str) -> str:
    """The card's own number behind a network token; any other number is its own."""
    token = network_tokens_of(world).by_number.get(number)
    return token.card_number if token else number


def eci_of(token: NetworkToken) -> str:
    """The e-commerce indicator of an unauthenticated token payment, in the brand's own numbers."""
    return "06" if brand_of(token.number) == "mastercard" else "07"
