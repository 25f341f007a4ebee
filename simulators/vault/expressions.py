"""The expressions that stand for card data in a request's body, and what they become on the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote_plus

from simulators.network_tokens import eci_of, network_token_for, new_cryptogram
from simulators.vault.tokens import tokens_of
from simulators.world import Card, World

PLAIN = re.compile(rb"(tok_[0-9a-f]+)\.([a-z][a-z0-9_]*)")
"""`tok_1a2b.number`, anywhere in the body: for the forward proxy."""

BRACED = re.compile(
    rb"(?:\{\{|%7B%7B)(?:\s|\+|%20)*(tok_[0-9a-f]+)\.([a-z][a-z0-9_]*)(?:\s|\+|%20)*(?:\}\}|%7D%7D)", re.IGNORECASE
)
"""`{{ tok_1a2b.number }}`, also as a form encodes it: for the envelope."""


class ExpressionRefused(Exception):
    """`reason` is the word for the error header: unknown-token or unknown-field."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Revealed:
    """The body with card data in it, and the tokens whose CVC it carries."""

    body: bytes
    cvc_of: frozenset[str]


def reveal(world: World, body: bytes, syntax: re.Pattern[bytes], content_type: str) -> Revealed:
    """Puts in every expression's value; nothing is escaped but what a form needs. Raises ExpressionRefused.

    `number`, `cvc`, `expiry_month` (two digits), `expiry_year`, `expiry_year_2`, `network_token`, `cryptogram` (a fresh
    one at each reveal) and `eci`. A CVC that was forgotten is an unknown field.
    """
    is_form = "x-www-form-urlencoded" in content_type
    with_cvc: set[str] = set()

    def value_of(match: re.Match[bytes]) -> bytes:
        token, name = match[1].decode(), match[2].decode()
        card = tokens_of(world).cards.get(token)
        if card is None:
            raise ExpressionRefused("unknown-token")
        read = _FIELDS.get(name)
        value = read(world, card) if read else ""
        if not value:
            raise ExpressionRefused("unknown-field")
        if name == "cvc":
            with_cvc.add(token)
        return (quote_plus(value) if is_form else value).encode()

    revealed = syntax.sub(value_of, body)
    return Revealed(revealed, frozenset(with_cvc))


_FIELDS: dict[str, Callable[[World, Card], str]] = {
    "number": lambda world, card: card.number,
    "cvc": lambda world, card: card.cvc,
    "expiry_month": lambda world, card: f"{card.expiry_month:02d}",
    "expiry_year": lambda world, card: str(card.expiry_year),
    "expiry_year_2": lambda world, card: f"{card.expiry_year % 100:02d}",
    "network_token": lambda world, card: network_token_for(world, card).number,
    "cryptogram": lambda world, card: new_cryptogram(world, network_token_for(world, card)),
    "eci": lambda world, card: eci_of(network_token_for(world, card)),
}
