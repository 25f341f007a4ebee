"""Payment credentials that a gateway has stored for a customer: cards, wallets and bank accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from simulators.world import Card, World


@dataclass(slots=True)
class StoredMethod:
    """Exactly one of `card`, `wallet` (the wallet's account, e.g. a payer id) and `iban` is set.

    `network_transaction_id` is that of the payment that established the agreement, empty before there was one.
    """

    token: str
    gateway: str
    account: str
    customer_id: str
    created: datetime
    card: Card | None = None
    wallet: str = ""
    iban: str = ""
    network_transaction_id: str = ""
    detached: datetime | None = None


class StoredMethods(dict[tuple[str, str], StoredMethod]):
    """By gateway and token; what was detached stays and says so."""

    def add(self, method: StoredMethod) -> StoredMethod:
        self[method.gateway, method.token] = method
        return method

    def find(self, gateway: str, account: str, token: str) -> StoredMethod | None:
        """None for a token of another account and for a detached one."""
        method = self.get((gateway, token))
        return method if method is not None and method.account == account and method.detached is None else None

    def of_customer(self, gateway: str, account: str, customer_id: str) -> list[StoredMethod]:
        wanted = (gateway, account, customer_id)
        return [m for m in self.values() if (m.gateway, m.account, m.customer_id) == wanted and m.detached is None]


def methods_of(world: World) -> StoredMethods:
    return world.part("methods", StoredMethods)
