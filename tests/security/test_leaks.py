"""A whole day of a shop, and then the look of a thief: no card number, security code or secret lies open anywhere."""

from __future__ import annotations

import re
from typing import Any

import pytest
from http_driving import Api
from leaks import found_in_database
from payment_shop import CREDENTIALS, NO_FUNDS, VISA, Shop
from people import PASSWORD, new_person

from orchestrator.db import fetch
from orchestrator.webhooks import service as webhooks

EUROS = {"amount": 4_200, "currency": "EUR"}


async def paid(api: Api, shop: Shop, number: str) -> dict[str, Any]:
    card = await shop.card(number)
    shown = {name: getattr(card, name) for name in ("vault_token", "brand", "last4", "expiry_month", "expiry_year")}
    made = await api.post("/v1/payments", {"amount": EUROS, "payment_method": {"type": "card", **shown}})
    found: dict[str, Any] = made.json()
    return found


async def a_day(api: Api, shop: Shop) -> list[str]:
    """Everything that handles a secret; returns the secrets that were handed out."""
    captured = await paid(api, shop, VISA)
    assert captured["status"] == "captured", captured
    assert (await paid(api, shop, NO_FUNDS))["status"] == "failed"
    await api.post(f"/v1/payments/{captured['id']}/refunds", {"amount": 100})
    endpoint = (await api.post("/v1/webhook-endpoints", {"url": "https://hooks.shop.example/"})).json()
    rotated = (await api.post(f"/v1/webhook-endpoints/{endpoint['id']}/rotate-secret", {})).json()
    key = (await api.post("/v1/api-keys", {"name": "x", "scopes": ["payments:read"]})).json()
    invited = (await api.post("/v1/users", {"email": "bob@acme.example", "role": "viewer"})).json()
    account = shop.accounts["stripe"]
    changed = {"secret_key": "sk_test_changed0123", "webhook_secret": "whsec_changed0123"}
    body = {"credentials": changed, "verify": False}
    answer = await api.client.patch(f"/v1/gateway-accounts/{account}", json=body, headers=api.headers())
    assert answer.status_code == 200, answer.text
    ada = await new_person(api.client, api.merchant_id)
    await ada.sign_in()
    await ada.set_up_totp()
    with pytest.raises(webhooks.Rejected):
        await webhooks.receive(account, {"stripe-signature": "t=1,v1=aa", "authorization": "Basic hunter2"}, b"{}")
    return [
        *(endpoint["secret"], rotated["secret"], key["secret"], invited["link"].rpartition("token=")[2], api.secret),
        *(ada.session_cookie(), ada.totp_secret, *ada.recovery_codes, PASSWORD, *changed.values()),
    ]


async def test_a_copy_of_the_database_opens_nothing(api: Api, shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    from orchestrator import log

    log.configure("debug")
    handed_out = await a_day(api, shop)
    ours = [
        *(
            value
            for name in CREDENTIALS
            for value in CREDENTIALS[name].values()
            if value not in ("ShopECOM", "WH-SHOP")
        ),
        *("vault-password", "vault-key", "only-for-tests-only-for-tests", "hunter2"),
    ]
    cards = [VISA, NO_FUNDS, *(re.sub(r"(?<=\d)(?=(\d{4})+$)", " ", one) for one in (VISA, NO_FUNDS))]
    secrets = [word for word in (*handed_out, *ours, *cards) if word]
    assert len(secrets) > 25
    assert await found_in_database(secrets) == []
    captured = capfd.readouterr()
    written = captured.out + captured.err
    assert "http.request" in written
    assert [word for word in secrets if word in written] == []


async def test_no_security_code_is_named_or_kept(api: Api, shop: Shop) -> None:
    """What is sent through the vault has its expression for it and never the thing; that is all that is kept, too."""
    await paid(api, shop, VISA)
    rows = await fetch("SELECT exchange::text FROM operation WHERE exchange IS NOT NULL")
    assert rows
    for (text,) in rows:
        assert not re.search(r'"(?:cvc|cvv|securityCode|security_code|cvc2)":\s*"\d', text)
        assert not re.search(r"cvc\]=\d", text)


async def test_no_event_delivery_or_timeline_has_one_either(api: Api, shop: Shop) -> None:
    made = await paid(api, shop, VISA)
    await paid(api, shop, NO_FUNDS)
    for path in ("/v1/events", f"/v1/payments/{made['id']}", f"/v1/payments/{made['id']}/timeline", "/v1/audit-log"):
        text = (await api.get(path)).text
        assert not [word for word in (VISA, NO_FUNDS, "sk_test_shop", "whsec_shop", "vault-password") if word in text]
