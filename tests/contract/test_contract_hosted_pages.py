"""The gateways' own pages, and products and prices for them."""

from __future__ import annotations

import secrets

import pytest
from simulated_accounts import EUR_12_30, RETURN_URL, Account
from verb_calls import Case, Connect, Prepared, Result, call_of, cases_of, comes_to

from currency.money import Money
from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.facets import CheckoutOrder, HostedCheckout
from routing.outcomes import OutcomeKind


def pages_of(account: Account) -> HostedCheckout:
    facet = account.gateway.facets.checkout
    assert facet is not None, f"{account.gateway.name} has no hosted page"
    return facet


def checkout_order(amount: Money = EUR_12_30) -> CheckoutOrder:
    unique = secrets.token_hex(8)
    return CheckoutOrder(
        f"op_{unique}", f"pay_{unique}", f"att_{unique}", amount, "A book", RETURN_URL, f"{RETURN_URL}?canceled=1"
    )


@call_of(Verb.HOSTED_CHECKOUT)
def hosted_checkout(account: Account) -> Prepared:
    order = checkout_order()
    return Prepared(lambda: pages_of(account).open(order))


@call_of(Verb.PRODUCT_AND_PRICE)
def product_and_price(account: Account) -> Prepared:
    catalogue = account.gateway.facets.catalogue
    assert catalogue is not None, f"{account.gateway.name} has no catalogue"
    unique = secrets.token_hex(8)
    product = catalogue.create_product(f"prod_{unique}", "A book", f"op_{unique}")
    assert product.kind is OutcomeKind.APPROVED, product
    assert product.value
    gateway_product = product.value
    return Prepared(lambda: catalogue.create_price(gateway_product, EUR_12_30, f"op_{unique}_2"))


@comes_to(Verb.PRODUCT_AND_PRICE, OutcomeKind.DECLINED)
def price_of_a_product_that_is_not_there(account: Account) -> Result:
    catalogue = account.gateway.facets.catalogue
    assert catalogue is not None, f"{account.gateway.name} has no catalogue"
    return catalogue.create_price("prod_nowhere", EUR_12_30, f"op_{secrets.token_hex(8)}")


@comes_to(Verb.HOSTED_CHECKOUT, OutcomeKind.DECLINED)
def page_for_a_currency_that_the_gateway_does_not_take(account: Account) -> Result:
    return pages_of(account).open(checkout_order(Money(1000, "KPW")))


@pytest.mark.parametrize("case", cases_of(__name__), ids=str)
def test_call_comes_to_its_outcome(case: Case, connect: Connect) -> None:
    case.play(connect)


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
def test_page_can_be_read_and_closed(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    pages = pages_of(account)
    opened = pages.open(checkout_order())
    assert opened.value is not None, opened
    assert opened.value.url.startswith("http")
    read = pages.fetch(opened.value.page_id)
    assert read.value is not None, read
    assert (read.value.status, read.value.page_id) == ("open", opened.value.page_id)
    closed = pages.expire(opened.value.page_id, f"op_{secrets.token_hex(8)}")
    if closed.kind is OutcomeKind.APPROVED:
        again = pages.fetch(opened.value.page_id)
        assert again.value is not None
        assert again.value.status == "expired"
    else:  # an order that nobody has approved cannot be closed where the API has no such call
        assert closed.kind is OutcomeKind.DECLINED, closed
