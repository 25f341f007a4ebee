"""The Adyen simulator, asked by Adyen's own SDK over HTTP and measured by Adyen's published contract."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import Adyen
import httpx
import pytest
import sim_served as served
from Adyen.util import is_valid_hmac_notification

from simulators.adyen.app import create_app
from simulators.adyen.state import state_of
from simulators.adyen.webhooks import forged, signature
from simulators.scenarios import Behaviour, Scenario
from simulators.world import Endpoint, World

ACCOUNT = "ClearwayECOM"
HMAC_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
ENDPOINT = Endpoint("adyen", ACCOUNT, "http://127.0.0.1:9/", {"hmac_key": HMAC_KEY, "username": "u", "password": "p"})


Reply = dict[str, Any]


class Sdk:
    """Adyen's own client, its calls run in threads; a refused request raises the SDK's exception."""

    def __init__(self, url: str, api_key: str = "test_key") -> None:
        self.url = url
        self.client = Adyen.Adyen()
        self.client.client.xapikey, self.client.client.platform = api_key, "test"
        self.client.checkout.payments_api.baseUrl = url + "/v72"
        self.client.checkout.modifications_api.baseUrl = url + "/v72"

    async def call(
        self, verb: Callable[..., Any], request: dict[str, Any], *path: str, key: str = ""
    ) -> dict[str, Any]:
        body = {"merchantAccount": ACCOUNT, **request}
        result = await asyncio.to_thread(verb, body, *path, idempotency_key=key or None)
        message: Reply = result.message
        return message

    async def pay(self, number: str = served.APPROVED, *, key: str = "", **more: Any) -> dict[str, Any]:
        card = {"type": "scheme", "number": number, "expiryMonth": "03", "expiryYear": "2030", "cvc": "737"}
        request = {
            "amount": {"value": 1999, "currency": "EUR"},
            "reference": "att_1",
            "merchantOrderReference": "pay_1",
            "returnUrl": "https://shop.example/return?x=1",
            "paymentMethod": card,
            "additionalData": {"manualCapture": "true"},
            **more,
        }
        return await self.call(self.client.checkout.payments_api.payments, request, key=key)

    async def details(self, redirect_result: str) -> dict[str, Any]:
        request = {"details": {"redirectResult": redirect_result}}
        return await self.call(self.client.checkout.payments_api.payments_details, request)

    async def capture(self, psp: str, value: int = 1999, reference: str = "op_capture") -> dict[str, Any]:
        request = {"amount": {"value": value, "currency": "EUR"}, "reference": reference}
        return await self.call(self.client.checkout.modifications_api.capture_authorised_payment, request, psp)

    async def refund(self, psp: str, value: int, reference: str = "op_refund") -> dict[str, Any]:
        request = {"amount": {"value": value, "currency": "EUR"}, "reference": reference}
        return await self.call(self.client.checkout.modifications_api.refund_captured_payment, request, psp)

    async def cancel(self, psp: str) -> dict[str, Any]:
        verb = self.client.checkout.modifications_api.cancel_authorised_payment_by_psp_reference
        return await self.call(verb, {"reference": "op_void"}, psp)

    async def cancel_by_reference(self, payment_reference: str) -> dict[str, Any]:
        verb = self.client.checkout.modifications_api.cancel_authorised_payment
        return await self.call(verb, {"paymentReference": payment_reference, "reference": "op_void"})


@pytest.fixture
def world() -> World:
    world = World()
    world.register_account("adyen", ACCOUNT, {"api_key": "test_key"})
    return world


@pytest.fixture
async def sdk(world: World) -> AsyncIterator[Sdk]:
    async with served.serving(create_app(world)) as url:
        yield Sdk(url)


def items(world: World) -> list[dict[str, Any]]:
    messages = [signed for _, signed in served.told(world, ENDPOINT)]
    return [json.loads(m.body)["notificationItems"][0]["NotificationRequestItem"] for m in messages]


async def answer_challenge(url: str, password: str) -> str:
    """The redirectResult with which the shopper comes back."""
    async with httpx.AsyncClient(trust_env=False) as browser:
        assert "password" in (await browser.get(url)).text
        back = await browser.post(url, data={"password": password})
    assert back.status_code == 303
    return httpx.URL(back.headers["location"]).params["redirectResult"]


async def test_an_approved_card_is_authorised_and_not_captured_when_capture_is_manual(sdk: Sdk, world: World) -> None:
    result = await sdk.pay()
    assert (result["resultCode"], result["merchantReference"]) == ("Authorised", "att_1")
    charge = world.charges["adyen", result["pspReference"]]
    assert (charge.amount_minor, charge.captured_minor, charge.payment_reference) == (1999, 0, "pay_1")


async def test_without_a_word_on_capture_the_payment_is_captured_at_once(sdk: Sdk, world: World) -> None:
    result = await sdk.pay(additionalData={})
    assert world.charges["adyen", result["pspReference"]].captured_minor == 1999


async def test_a_refusal_is_an_answer_with_reason_and_code(sdk: Sdk, world: World) -> None:
    result = await sdk.pay(served.NO_FUNDS)
    assert (result["resultCode"], result["refusalReasonCode"]) == ("Refused", "12")
    assert [(i["eventCode"], i["success"], i["reason"]) for i in items(world)] == [
        ("AUTHORISATION", "false", "Not enough balance")
    ]


async def test_a_number_that_fails_luhn_is_refused_as_a_request(sdk: Sdk) -> None:
    with pytest.raises(Adyen.AdyenAPIUnprocessableEntity) as refused:
        await sdk.pay("4242424242424241")
    assert refused.value.error_code == "101"


async def test_an_unknown_key_is_401_and_a_foreign_merchant_account_403(sdk: Sdk) -> None:
    with pytest.raises(Adyen.AdyenAPIAuthenticationError):
        await Sdk(sdk.url, "other_key").pay()
    with pytest.raises(Adyen.AdyenAPIInvalidPermission) as denied:
        await sdk.pay(merchantAccount="SomebodyElse")
    assert denied.value.error_code == "901"


async def test_the_same_key_gives_the_first_answer_and_one_charge(sdk: Sdk, world: World) -> None:
    first, second = await sdk.pay(key="op_1"), await sdk.pay(key="op_1")
    assert first == second
    assert len(world.charges) == 1


async def test_the_same_key_with_another_body_is_refused(sdk: Sdk, world: World) -> None:
    await sdk.pay(key="op_1")
    with pytest.raises(Adyen.AdyenAPIUnprocessableEntity) as refused:
        await sdk.pay(key="op_1", amount={"value": 2000, "currency": "EUR"})
    assert refused.value.error_code == "704"
    assert len(world.charges) == 1


async def test_a_lost_reply_leaves_a_charge_that_the_same_key_finds_again(sdk: Sdk, world: World) -> None:
    world.scenarios.append(Scenario("adyen", "confirm", Behaviour.LOSE_REPLY))
    with pytest.raises(Exception, match=r"(?i)connection|remote"):
        await sdk.pay(key="op_1")
    again = await sdk.pay(key="op_1")
    assert list(world.charges) == [("adyen", again["pspReference"])]


@pytest.mark.parametrize(
    ("currency", "value", "minor"),
    [("KWD", 1230, 1230), ("JPY", 500, 500), ("IDR", 500, 50000), ("ISK", 50000, 500), ("CLP", 50000, 500)],
)
async def test_amounts_follow_adyens_own_exponents(
    sdk: Sdk, world: World, currency: str, value: int, minor: int
) -> None:
    result = await sdk.pay(amount={"value": value, "currency": currency})
    assert result["amount"] == {"value": value, "currency": currency}
    assert world.charges["adyen", result["pspReference"]].amount_minor == minor


@pytest.mark.parametrize(("password", "result_code"), [("password", "Authorised"), ("wrong", "Refused")])
async def test_a_challenge_ends_by_the_password(sdk: Sdk, world: World, password: str, result_code: str) -> None:
    started = await sdk.pay(served.CHALLENGED)
    assert started["resultCode"] == "RedirectShopper"
    assert "pspReference" not in started
    redirect_result = await answer_challenge(started["action"]["url"], password)
    result = await sdk.details(redirect_result)
    assert result["resultCode"] == result_code
    assert await sdk.details(redirect_result) == result
    assert len(world.charges) == 1


async def test_modifications_are_only_received_and_the_webhook_tells(sdk: Sdk, world: World) -> None:
    psp = (await sdk.pay())["pspReference"]
    captured = await sdk.capture(psp)
    refunded = await sdk.refund(psp, 500)
    assert (captured["status"], captured["paymentPspReference"], captured["reference"]) == (
        "received",
        psp,
        "op_capture",
    )
    assert [(i["eventCode"], i["success"], i["pspReference"], i.get("originalReference")) for i in items(world)] == [
        ("AUTHORISATION", "true", psp, None),
        ("CAPTURE", "true", captured["pspReference"], psp),
        ("REFUND", "true", refunded["pspReference"], psp),
    ]
    assert world.book("adyen", ACCOUNT, "EUR").balance_minor == 1499


async def test_what_cannot_be_done_is_received_and_fails_by_webhook(sdk: Sdk, world: World) -> None:
    psp = (await sdk.pay())["pspReference"]
    await sdk.refund(psp, 500)
    await sdk.capture(psp, 5000)
    assert [(i["eventCode"], i["success"]) for i in items(world)][1:] == [("REFUND", "false"), ("CAPTURE", "false")]
    assert world.book("adyen", ACCOUNT, "EUR").balance_minor == 0


async def test_a_cancelled_payment_is_voided_once(sdk: Sdk, world: World) -> None:
    psp = (await sdk.pay())["pspReference"]
    await sdk.cancel(psp)
    await sdk.cancel(psp)
    assert world.charges["adyen", psp].voided
    assert [(i["eventCode"], i["success"]) for i in items(world)][1:] == [
        ("CANCELLATION", "true"),
        ("CANCELLATION", "false"),
    ]


async def test_a_payment_is_cancelled_by_our_reference_when_its_id_is_not_known(sdk: Sdk, world: World) -> None:
    psp = (await sdk.pay())["pspReference"]
    await sdk.cancel_by_reference("att_1")
    assert world.charges["adyen", psp].voided
    last = items(world)[-1]
    assert (last["eventCode"], last["originalReference"], last["merchantReference"]) == (
        "TECHNICAL_CANCEL",
        psp,
        "att_1",
    )


async def test_a_cancel_by_a_reference_that_nobody_used_fails_by_webhook(sdk: Sdk, world: World) -> None:
    assert (await sdk.cancel_by_reference("att_9"))["status"] == "received"
    assert [(i["eventCode"], i["success"]) for i in items(world)] == [("TECHNICAL_CANCEL", "false")]


async def test_an_unknown_payment_cannot_be_captured(sdk: Sdk) -> None:
    with pytest.raises(Adyen.AdyenAPIUnprocessableEntity) as refused:
        await sdk.capture("BBBBBBBBBBBBBBBB")
    assert refused.value.error_code == "167"


async def test_the_sdk_accepts_our_signature_and_refuses_the_forged_one(sdk: Sdk, world: World) -> None:
    await sdk.pay()
    ((_, message),) = served.told(world, ENDPOINT)
    assert is_valid_hmac_notification(json.loads(message.body), HMAC_KEY) is True
    assert message.headers["authorization"] == "Basic dTpw"
    false_one = forged(world, ENDPOINT)
    assert is_valid_hmac_notification(json.loads(false_one.body), HMAC_KEY) is False


def test_the_signature_is_that_of_adyens_published_vectors() -> None:
    item = {
        "pspReference": "7914073381342284",
        "merchantAccountCode": "TestMerchant",
        "merchantReference": "TestPayment-1407325143704",
        "amount": {"value": 1130, "currency": "EUR"},
        "eventCode": "AUTHORISATION",
        "success": "true",
    }
    assert signature(item, HMAC_KEY) == "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="
    slashes = {
        "pspReference": "ZVWN7D3WSMK2WN82",
        "merchantAccountCode": "AntoniStroinski",
        "merchantReference": r"\:/\/slashes are fun",
        "amount": {"value": 1000, "currency": "EUR"},
        "eventCode": "AUTHORISATION",
        "success": "true",
    }
    other_key = "74F490DD33F7327BAECC88B2947C011FC02D014A473AAA33A8EC93E4DC069174"
    assert signature(slashes, other_key) == "CZErGCNQaSsxbaQfZaJlakqo7KPP+mIa8a+wx3yNs9A="


async def test_every_reply_conforms_to_the_published_contract(sdk: Sdk, world: World) -> None:
    document = served.contract("adyen-CheckoutService-v72.json")
    approved = await sdk.pay()
    psp = approved["pspReference"]
    challenged = await sdk.pay(served.CHALLENGED)
    result = await answer_challenge(challenged["action"]["url"], "password")
    for schema, reply in [
        ("PaymentResponse", approved),
        ("PaymentResponse", await sdk.pay(served.DECLINED)),
        ("PaymentResponse", challenged),
        ("PaymentDetailsResponse", await sdk.details(result)),
        ("PaymentCaptureResponse", await sdk.capture(psp)),
        ("PaymentRefundResponse", await sdk.refund(psp, 100)),
        ("PaymentCancelResponse", await sdk.cancel(psp)),
        ("StandalonePaymentCancelResponse", await sdk.cancel_by_reference("att_1")),
        ("PaymentMethodsResponse", await sdk.call(sdk.client.checkout.payments_api.payment_methods, {})),
    ]:
        served.conforms(document, schema, reply)


async def test_every_webhook_conforms_to_the_published_contract(sdk: Sdk, world: World) -> None:
    document = served.contract("adyen-Webhooks-v1.json")
    psp = (await sdk.pay())["pspReference"]
    await sdk.capture(psp)
    await sdk.refund(psp, 100)
    await sdk.cancel(psp)
    for event, signed in served.told(world, ENDPOINT):
        content = document["webhooks"][f"/{event}"]["post"]["requestBody"]["content"]
        reference = content["application/json"]["schema"]["$ref"]
        served.conforms(document, reference.rpartition("/")[2], json.loads(signed.body))


async def test_a_report_is_downloaded_by_the_accounts_report_user_only(sdk: Sdk, world: World) -> None:
    state_of(world).reports[ACCOUNT, "settlement_detail_report_batch_1.csv"] = b"rows"
    url = f"{sdk.url}/reports/download/MerchantAccount/{ACCOUNT}/settlement_detail_report_batch_1.csv"
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(url, auth=("report@Company.Shop", "secret"))).status_code == 401
        world.accounts["adyen", ACCOUNT] |= {"report_username": "report@Company.Shop", "report_password": "secret"}
        assert (await client.get(url, auth=("report@Company.Shop", "guess"))).status_code == 401
        assert (await client.get(url, headers={"x-api-key": "test_key"})).status_code == 401
        assert (await client.get(url, auth=("report@Company.Shop", "secret"))).content == b"rows"
