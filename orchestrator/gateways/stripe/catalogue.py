"""Products and one-time prices at Stripe: https://docs.stripe.com/products-prices/how-products-and-prices-work."""

from __future__ import annotations

from typing import Any

from currency.exponents import to_gateway_minor
from currency.money import Money
from orchestrator.gateways.facets import Answer
from orchestrator.gateways.stripe.client import Account, ask, done, keyed
from orchestrator.gateways.stripe.mapping import money_of
from orchestrator.gateways.stripe.params import GATEWAY


class StripeCatalogue:
    """See Catalogue."""

    def __init__(self, account: Account) -> None:
        self._v1 = account.direct.v1

    def create_product(self, product_id: str, name: str, idempotency_key: str) -> Answer[str]:
        asked: Any = {"name": name, "metadata": {"clearway_product": product_id}}
        return ask(
            lambda: self._v1.products.create(asked, keyed(idempotency_key)), lambda product: done(str(product["id"]))
        )

    def create_price(self, gateway_product: str, amount: Money, idempotency_key: str) -> Answer[str]:
        """A price is never changed at Stripe: another amount is another price."""

        def send() -> object:
            asked: Any = {
                "product": gateway_product,
                "unit_amount": to_gateway_minor(amount, GATEWAY),
                "currency": amount.currency.lower(),
            }
            return self._v1.prices.create(asked, keyed(idempotency_key))

        def read(price: dict[str, Any]) -> Answer[str]:
            if money_of(price, "unit_amount") != amount:
                raise ValueError(f"the price {price['id']} is of another amount")
            return done(str(price["id"]))

        return ask(send, read)
