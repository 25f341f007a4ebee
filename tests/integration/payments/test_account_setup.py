"""Setting up a gateway account: its credentials are tried, and what is wrong is said plainly."""

from __future__ import annotations

import pytest
from payment_shop import CREDENTIALS, Shop

from orchestrator.errors import InvalidField
from orchestrator.gateways import accounts
from orchestrator.settings import get_settings

pytestmark = pytest.mark.asyncio(loop_scope="session")
WRONG = {
    "stripe": {"secret_key": "sk_test_of_nobody"},
    "adyen": {"api_key": "of-nobody", "merchant_account": "Nobody"},
    "paypal": {"client_id": "of-nobody", "client_secret": "wrong"},
}


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
async def test_good_credentials_pass_the_check(shop: Shop, gateway: str) -> None:
    await accounts.check(gateway, CREDENTIALS[gateway], mode="test")


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
async def test_credentials_that_the_gateway_refuses_are_named(shop: Shop, gateway: str) -> None:
    with pytest.raises(InvalidField) as refused:
        await accounts.check(gateway, WRONG[gateway], mode="test")
    assert refused.value.errors[0].field == "credentials"
    assert "refuses these credentials" in str(refused.value)


async def test_gateway_that_cannot_be_reached_is_told_apart_from_wrong_credentials(shop: Shop) -> None:
    await shop.tell("/outage", gateway="stripe", on=True)
    try:
        with pytest.raises(InvalidField, match="not reached"):
            await accounts.check("stripe", CREDENTIALS["stripe"], mode="test")
    finally:
        await shop.tell("/outage", gateway="stripe", on=False)


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
async def test_live_account_refuses_to_talk_to_a_simulator(shop: Shop, gateway: str) -> None:
    live = CREDENTIALS[gateway] | ({"secret_key": "sk_live_1"} if gateway == "stripe" else {})
    with pytest.raises(InvalidField, match="simulator") as refused:
        await accounts.add(shop.merchant_id, gateway, "Live", live, mode="live")
    assert refused.value.errors[0].field == "mode"


@pytest.mark.parametrize(
    ("gateway", "address"),
    [
        ("stripe", "https://api.stripe.com"),
        ("adyen", "https://1797a841fbb37ca7-Example-checkout-live.adyenpayments.com/checkout"),
        ("paypal", "https://api-m.paypal.com"),
    ],
)
async def test_test_account_refuses_to_talk_to_where_real_money_moves(
    shop: Shop, gateway: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CLEARWAY_{gateway.upper()}__BASE_URL", address)
    get_settings.cache_clear()
    with pytest.raises(InvalidField, match="real money") as refused:
        await accounts.add(shop.merchant_id, gateway, "Test", CREDENTIALS[gateway], mode="test")
    assert refused.value.errors[0].field == "mode"


@pytest.mark.parametrize(("mode", "key"), [("test", "sk_live_1"), ("live", "sk_test_1"), ("test", "rk_live_1")])
async def test_stripe_key_of_the_other_mode_is_refused(shop: Shop, mode: str, key: str) -> None:
    with pytest.raises(InvalidField) as refused:
        await accounts.add(shop.merchant_id, "stripe", "Stripe", {"secret_key": key}, mode=mode)
    assert refused.value.errors[0].field == "credentials.secret_key"
