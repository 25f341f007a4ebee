"""Stored payment methods at the simulated Adyen: charged, renewed, deleted, forwarded; and who else may be paid."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import sim_served as served
from Adyen.util import is_valid_hmac_payload
from sim_adyen import ACCOUNT, CARD, ENDPOINT, HMAC_KEY, IBAN, Shop, conforms, shop_of

from simulators.methods import methods_of
from simulators.scenarios import Behaviour, Scenario
from simulators.vault.destinations import authority_of, destinations_of
from simulators.world import World

SHOPPER = "shopper-1"


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with shop_of(World()) as made:
        yield made


async def stored(shop: Shop, **card: str) -> str:
    method = {**CARD, "holderName": "Ada Lovelace", **card}
    reply = await shop.post(
        "/v72/storedPaymentMethods",
        expect=201,
        paymentMethod=method,
        shopperReference=SHOPPER,
        recurringProcessingModel="Subscription",
    )
    conforms("StoredPaymentMethodResource", reply)
    return str(reply["id"])


async def charged(
    shop: Shop, token: str, shopper: str = SHOPPER, expect: int = 200, model: str = "Subscription"
) -> dict[str, Any]:
    answer: dict[str, Any] = await shop.pay(
        expect=expect,
        paymentMethod={"type": "scheme", "storedPaymentMethodId": token},
        shopperReference=shopper,
        shopperInteraction="ContAuth",
        recurringProcessingModel=model,
    )
    return answer


def token_events(shop: Shop) -> list[tuple[str, str]]:
    return [(b["type"], b["data"]["storedPaymentMethodId"]) for b in shop.told() if "type" in b]


async def test_a_card_is_kept_with_its_payment_and_told_twice(shop: Shop) -> None:
    extra = {"storePaymentMethod": True, "shopperReference": SHOPPER, "recurringProcessingModel": "CardOnFile"}
    answer = await shop.pay(**extra)
    conforms("PaymentResponse", answer)
    token = answer["additionalData"]["tokenization.storedPaymentMethodId"]
    assert answer["additionalData"]["tokenization.store.operationType"] == "created"
    assert token_events(shop) == [("recurring.token.created", token)]
    contract = shop.items()[-1]
    assert (contract["eventCode"], contract["pspReference"]) == ("RECURRING_CONTRACT", token)
    again = await shop.pay(**extra)
    assert again["additionalData"]["tokenization.store.operationType"] == "alreadyExisting"
    assert token_events(shop)[-1] == ("recurring.token.alreadyExisting", token)


async def test_a_refused_card_is_not_kept(shop: Shop) -> None:
    extra = {"storePaymentMethod": True, "shopperReference": SHOPPER}
    await shop.pay(paymentMethod={**CARD, "holderName": "DECLINED"}, **extra)
    assert not methods_of(shop.world)


async def test_a_token_webhook_is_signed_in_its_header(shop: Shop) -> None:
    await stored(shop)
    ((event, message),) = served.told(shop.world, ENDPOINT)
    assert event == "recurring.token.created"
    assert is_valid_hmac_payload(message.headers["hmacsignature"], HMAC_KEY, message.body)
    assert json.loads(message.body)["data"]["operation"] == "created"
    assert message.headers["authorization"] == "Basic dTpw"


async def test_a_stored_card_is_charged_without_the_shopper(shop: Shop) -> None:
    answer = await charged(shop, await stored(shop))
    assert answer["resultCode"] == "Authorised"
    (charge,) = shop.world.charges.values()
    assert charge.stored_token


async def test_a_stored_card_may_be_refused_when_it_is_charged(shop: Shop) -> None:
    token = await stored(shop, number="4000000000009995")
    assert (await charged(shop, token))["refusalReason"] == "Not enough balance"


@pytest.mark.parametrize("model", ["Subscription", "UnscheduledCardOnFile"])
async def test_a_card_that_always_wants_its_shopper_is_refused_without(shop: Shop, model: str) -> None:
    token = await stored(shop, number="4000002760003184")
    assert (await charged(shop, token, model=model))["refusalReasonCode"] == "38"


async def test_a_card_that_always_wants_its_shopper_sends_the_one_who_clicks_to_the_bank(shop: Shop) -> None:
    token = await stored(shop, number="4000002760003184")
    answer = await charged(shop, token, model="CardOnFile")
    conforms("PaymentResponse", answer)
    assert answer["resultCode"] == "RedirectShopper"
    back = await shop.client.post(answer["action"]["url"], data={"password": "password"})
    result = httpx.URL(back.headers["location"]).params["redirectResult"]
    done = await shop.post("/v72/payments/details", details={"redirectResult": result})
    assert done["resultCode"] == "Authorised"


async def test_another_shoppers_token_is_not_found(shop: Shop) -> None:
    assert (await charged(shop, await stored(shop), "shopper-2", 422))["errorCode"] == "803"


async def test_stored_methods_are_listed_and_deleted(shop: Shop) -> None:
    token = await stored(shop)
    query = {"merchantAccount": ACCOUNT, "shopperReference": SHOPPER}
    listed = await shop.call("GET", "/v72/storedPaymentMethods", params=query)
    conforms("ListStoredPaymentMethodsResponse", listed)
    assert [(m["id"], m["lastFour"]) for m in listed["storedPaymentMethods"]] == [(token, "1111")]
    offered = await shop.post("/v72/paymentMethods", shopperReference=SHOPPER)
    conforms("PaymentMethodsResponse", offered)
    assert offered["storedPaymentMethods"][0]["id"] == token
    await shop.call("DELETE", f"/v72/storedPaymentMethods/{token}", expect=204, params=query)
    await shop.call("DELETE", f"/v72/storedPaymentMethods/{token}", expect=422, params=query)
    assert (await shop.call("GET", "/v72/storedPaymentMethods", params=query))["storedPaymentMethods"] == []
    assert token_events(shop)[-1] == ("recurring.token.disabled", token)
    await charged(shop, token, expect=422)


async def test_a_bank_account_is_kept_and_debited_again(shop: Shop) -> None:
    debit = {"type": "sepadirectdebit", "iban": IBAN, "ownerName": "A. Klaassen"}
    await shop.pay(paymentMethod=debit, storePaymentMethod=True, shopperReference=SHOPPER)
    shop.days(3)
    (method,) = methods_of(shop.world).values()
    answer = await charged(shop, method.token)
    assert answer["resultCode"] == "Received"
    assert answer["additionalData"]["sepadirectdebit.sequenceType"] == "RCUR"  # type: ignore[index]


async def test_the_account_updater_renews_a_card_as_it_is_charged(shop: Shop) -> None:
    token = await stored(shop)
    shop.world.scenarios.append(Scenario("adyen", "token", Behaviour.DECLINE, code="CardExpiryChanged"))
    answer = await charged(shop, token)
    assert answer["additionalData"]["realtimeAccountUpdaterStatus"] == "CardExpiryChanged"  # type: ignore[index]
    assert answer["resultCode"] == "Authorised"
    assert methods_of(shop.world)["adyen", token].card.expiry_year == 2033  # type: ignore[union-attr]
    assert token_events(shop)[-1] == ("recurring.token.updated", token)


async def test_a_card_is_forwarded_with_its_placeholders_filled(shop: Shop) -> None:
    token = await stored(shop)
    destinations_of(shop.world).add(authority_of(str(shop.client.base_url)))
    body = {
        "merchantAccount": ACCOUNT,
        "reference": "elsewhere",
        "returnUrl": "https://shop.example/",
        "amount": {"value": 700, "currency": "EUR"},
        "paymentMethod": {"type": "scheme", "number": "{{number}}", "expiryMonth": "{{expiryMonth}}"},
    }
    body["paymentMethod"]["expiryYear"] = "{{expiryYear}}"  # type: ignore[index]
    request = {
        "httpMethod": "post",
        "urlSuffix": "/v72/payments",
        "credentials": "test_key",
        "headers": {"x-api-key": "{{credentials}}"},
        "body": json.dumps(body),
    }
    envelope = {"shopperReference": SHOPPER, "storedPaymentMethodId": token, "request": request}
    envelope["baseUrl"] = str(shop.client.base_url).rstrip("/")
    first = await shop.post("/v72/forward", key="k1", **envelope)
    conforms("CheckoutForwardResponse", first)
    assert first["response"]["status"] == 200
    assert json.loads(first["response"]["body"])["resultCode"] == "Authorised"
    assert await shop.post("/v72/forward", key="k1", **envelope) == first
    assert len(shop.world.charges) == 1
    dry = await shop.post("/v72/forward", options={"dryRun": True}, **envelope)
    assert "*****" in dry["response"]["body"]
    assert len(shop.world.charges) == 1


async def test_a_card_is_forwarded_to_allowed_destinations_only(shop: Shop) -> None:
    request = {"httpMethod": "post", "body": "{}"}
    envelope = {"shopperReference": SHOPPER, "storedPaymentMethodId": await stored(shop), "request": request}
    answer = await shop.post("/v72/forward", expect=403, baseUrl="https://example.com", **envelope)
    assert answer["errorCode"] == "010"


async def test_a_recipient_is_paid_when_it_may_be(shop: Shop) -> None:
    shop.world.accounts["adyen", ACCOUNT] |= {"balance_platform_api_key": "test_key", "balance_account": "BA1"}
    for name, payouts in (("BA2", "enabled"), ("BA3", "disabled")):
        shop.world.register_account("adyen", name, {"platform": ACCOUNT, "payouts": payouts})
    holder = (await shop.call("GET", "/bcl/v2/balanceAccounts/BA2"))["accountHolderId"]
    shown = await shop.call("GET", f"/bcl/v2/accountHolders/{holder}")
    assert shown["capabilities"]["sendToTransferInstrument"]["allowed"] is True
    await shop.call("GET", "/bcl/v2/balanceAccounts/BA9", expect=404)
    for name, status in (("BA2", "authorised"), ("BA3", "refused")):
        order = {"amount": {"value": 500, "currency": "EUR"}, "category": "internal", "balanceAccountId": "BA1"}
        order["counterparty"] = {"balanceAccountId": name}
        made = await shop.call("POST", "/btl/v4/transfers", expect=202, json=order)
        assert made["status"] == status
        assert await shop.call("GET", f"/btl/v4/transfers/{made['id']}") == made
    assert len((await shop.call("GET", "/btl/v4/transfers"))["data"]) == 2
    await shop.call("GET", "/btl/v4/transfers/NOWHERE", expect=404)
