"""The PayPal simulator, asked by PayPal's own SDK over HTTP and measured by PayPal's published contracts."""

import asyncio
import base64
import json
import zlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sim_served as served
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.verification import PolicyBuilder, Store
from paypalserversdk.configuration import Configuration, Environment, Server
from paypalserversdk.exceptions.error_exception import ErrorException
from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials
from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient

from simulators.paypal.app import create_app, paypal_ca_pem
from simulators.paypal.webhooks import forged
from simulators.scenarios import Behaviour, Scenario
from simulators.world import Endpoint, Signed, World

ACCOUNT = "paypal_1"
WEBHOOK_ID = "8PT597110X687430L"
ENDPOINT = Endpoint("paypal", ACCOUNT, "http://127.0.0.1:9/", {"webhook_id": WEBHOOK_ID})
Reply = dict[str, Any]


class Sdk:
    """PayPal's own client, its calls run in threads; a refused request raises the SDK's ErrorException."""

    def __init__(self, url: str, client_secret: str = "secret") -> None:
        class Local(Configuration):
            environments = {Environment.SANDBOX: {Server.DEFAULT: url}}  # noqa: RUF012

        credentials = ClientCredentialsAuthCredentials("client", client_secret)
        self.url = url
        self.client = PaypalServersdkClient(config=Local(client_credentials_auth_credentials=credentials))

    async def call(self, verb: Any, prefer: str = "return=representation", **options: Any) -> Reply:
        result = await asyncio.to_thread(verb, {"prefer": prefer, **options})
        reply: Reply = json.loads(result.text) if result.text else {}
        return reply

    async def create(
        self, *, reference: str = "att_1", currency: str = "EUR", value: str = "19.99", **more: Any
    ) -> Reply:
        unit = {
            "amount": {"currency_code": currency, "value": value},
            "custom_id": reference,
            "invoice_id": reference,
        }
        body = {"intent": more.pop("intent", "AUTHORIZE"), "purchase_units": [unit]}
        return await self.call(self.client.orders.create_order, body=body, **more)

    async def authorize(self, id: str, number: str | None = served.APPROVED, **more: Any) -> Reply:
        body: Reply = {}
        if number:
            card = {"number": number, "expiry": "2030-03", "security_code": "123", "name": "Ada Byron"}
            context = {"return_url": "https://shop.example/return", "cancel_url": "https://shop.example/cancel"}
            body = {"payment_source": {"card": {**card, "experience_context": context}}}
        return await self.call(self.client.orders.authorize_order, id=id, body=body, **more)

    async def capture(self, authorization_id: str, **more: Any) -> Reply:
        verb = self.client.payments.capture_authorized_payment
        return await self.call(verb, authorization_id=authorization_id, **more)

    async def void(self, authorization_id: str, **more: Any) -> Reply:
        return await self.call(self.client.payments.void_payment, authorization_id=authorization_id, **more)

    async def refund(self, capture_id: str, **more: Any) -> Reply:
        return await self.call(self.client.payments.refund_captured_payment, capture_id=capture_id, **more)

    async def authorized(self) -> str:
        """The id of an authorization of EUR 19.99."""
        order = await self.authorize((await self.create())["id"])
        return str(authorization_in(order)["id"])


def authorization_in(order: Reply) -> Reply:
    found: Reply = order["purchase_units"][0]["payments"]["authorizations"][0]
    return found


def issue(refused: pytest.ExceptionInfo[ErrorException]) -> tuple[int, str]:
    return refused.value.response_code, refused.value.details[0].issue


@pytest.fixture
def world() -> World:
    world = World()
    world.register_account("paypal", ACCOUNT, {"client_id": "client", "client_secret": "secret"})
    return world


@pytest.fixture
async def sdk(world: World) -> AsyncIterator[Sdk]:
    async with served.serving(create_app(world)) as url:
        yield Sdk(url)


def events(world: World) -> list[str]:
    return [event for event, _ in served.told(world, ENDPOINT)]


async def answer_challenge(order: Reply, password: str) -> None:
    (url,) = [link["href"] for link in order["links"] if link["rel"] == "payer-action"]
    async with httpx.AsyncClient(trust_env=False) as browser:
        back = await browser.post(url, data={"password": password})
    assert back.headers["location"] == f"https://shop.example/return?token={order['id']}"


async def test_an_order_is_created_authorized_captured_and_refunded(sdk: Sdk, world: World) -> None:
    order = await sdk.create()
    assert (order["status"], world.charges) == ("CREATED", {})
    authorization = authorization_in(await sdk.authorize(order["id"]))
    assert authorization["status"] == "CREATED"
    capture = await sdk.capture(authorization["id"])
    refund = await sdk.refund(capture["id"], body={"amount": {"currency_code": "EUR", "value": "5.00"}})
    assert (capture["status"], refund["status"]) == ("COMPLETED", "COMPLETED")
    charge = world.charges["paypal", order["id"]]
    assert (charge.reference, charge.captured_minor, charge.refunded_minor) == ("att_1", 1999, 500)
    assert events(world) == [
        "PAYMENT.AUTHORIZATION.CREATED",
        "PAYMENT.CAPTURE.COMPLETED",
        "PAYMENT.CAPTURE.REFUNDED",
    ]
    found = await sdk.call(sdk.client.payments.get_captured_payment, capture_id=capture["id"])
    assert found["status"] == "PARTIALLY_REFUNDED"


async def test_a_declined_card_leaves_a_completed_order_with_a_denied_authorization(sdk: Sdk, world: World) -> None:
    order = await sdk.authorize((await sdk.create())["id"], served.NO_FUNDS)
    authorization = authorization_in(order)
    assert (order["status"], authorization["status"]) == ("COMPLETED", "DENIED")
    assert authorization["processor_response"]["response_code"] == "5120"
    assert world.charges["paypal", order["id"]].declined


async def test_an_order_with_intent_capture_is_captured_at_once(sdk: Sdk, world: World) -> None:
    order = await sdk.create(intent="CAPTURE")
    card = {"number": served.APPROVED, "expiry": "2030-03", "security_code": "123"}
    body = {"payment_source": {"card": card}}
    paid = await sdk.call(sdk.client.orders.capture_order, id=order["id"], body=body)
    assert paid["purchase_units"][0]["payments"]["captures"][0]["status"] == "COMPLETED"
    assert world.book("paypal", ACCOUNT, "EUR").captured_minor == 1999


async def test_a_scenario_asks_for_instrument_declined(sdk: Sdk, world: World) -> None:
    world.scenarios.append(Scenario("paypal", "confirm", Behaviour.DECLINE, reason="instrument_declined"))
    order = await sdk.create()
    with pytest.raises(ErrorException) as refused:
        await sdk.authorize(order["id"])
    assert issue(refused) == (422, "INSTRUMENT_DECLINED")


@pytest.mark.parametrize(
    ("currency", "value", "expected"),
    [
        ("JPY", "500.00", (422, "DECIMALS_NOT_SUPPORTED")),
        ("HUF", "500.5", (422, "DECIMALS_NOT_SUPPORTED")),
        ("EUR", "1.999", (422, "DECIMAL_PRECISION")),
        ("KWD", "1.000", (422, "INVALID_CURRENCY_CODE")),
        ("EUR", "1,99", (400, "INVALID_PARAMETER_SYNTAX")),
    ],
)
async def test_amounts_that_paypal_cannot_take_are_refused(
    sdk: Sdk, currency: str, value: str, expected: tuple[int, str]
) -> None:
    with pytest.raises(ErrorException) as refused:
        await sdk.create(currency=currency, value=value)
    assert issue(refused) == expected


@pytest.mark.parametrize(("currency", "value", "minor"), [("JPY", "500", 500), ("HUF", "500", 50000)])
async def test_currencies_without_decimals_are_told_without(
    sdk: Sdk, world: World, currency: str, value: str, minor: int
) -> None:
    order = await sdk.authorize((await sdk.create(currency=currency, value=value))["id"])
    assert authorization_in(order)["amount"] == {"currency_code": currency, "value": value}
    assert world.charges["paypal", order["id"]].amount_minor == minor


async def test_a_second_order_with_a_paid_invoice_id_is_refused(sdk: Sdk) -> None:
    await sdk.authorized()
    second = await sdk.create()
    with pytest.raises(ErrorException) as refused:
        await sdk.authorize(second["id"])
    assert issue(refused) == (422, "DUPLICATE_INVOICE_ID")


async def test_the_same_request_id_gives_the_first_answer_for_six_hours(sdk: Sdk, world: World) -> None:
    first = await sdk.create(paypal_request_id="op_1")
    assert (await sdk.create(paypal_request_id="op_1"))["id"] == first["id"]
    world.clock.advance(timedelta(hours=6, seconds=1).total_seconds())
    assert (await sdk.create(paypal_request_id="op_1"))["id"] != first["id"]


async def test_a_capture_is_replayed_for_forty_five_days(sdk: Sdk, world: World) -> None:
    authorization_id = await sdk.authorized()
    first = await sdk.capture(authorization_id, paypal_request_id="op_1")
    world.clock.advance(timedelta(days=44).total_seconds())
    assert await Sdk(sdk.url).capture(authorization_id, paypal_request_id="op_1") == first  # a new access token
    assert world.book("paypal", ACCOUNT, "EUR").captured_minor == 1999


async def test_a_lost_reply_is_found_again_by_the_order(sdk: Sdk, world: World) -> None:
    order = await sdk.create()
    world.scenarios.append(Scenario("paypal", "confirm", Behaviour.LOSE_REPLY))
    with pytest.raises(Exception, match=r"(?i)connection|remote"):
        await sdk.authorize(order["id"])
    found = await sdk.call(sdk.client.orders.get_order, id=order["id"])
    assert authorization_in(found)["status"] == "CREATED"


@pytest.mark.parametrize(("password", "status"), [("password", "CREATED"), ("wrong", "DENIED")])
async def test_a_challenge_ends_by_the_password(sdk: Sdk, world: World, password: str, status: str) -> None:
    order = await sdk.authorize((await sdk.create())["id"], served.CHALLENGED)
    assert (order["status"], world.charges) == ("PAYER_ACTION_REQUIRED", {})
    await answer_challenge(order, password)
    assert authorization_in(await sdk.authorize(order["id"], None))["status"] == status


async def test_an_order_that_nobody_approved_cannot_be_authorized(sdk: Sdk) -> None:
    order = await sdk.create()
    with pytest.raises(ErrorException) as refused:
        await sdk.authorize(order["id"], None)
    assert issue(refused) == (422, "ORDER_NOT_APPROVED")


async def test_a_voided_authorization_is_neither_captured_nor_voided_again(sdk: Sdk, world: World) -> None:
    authorization_id = await sdk.authorized()
    assert await sdk.void(authorization_id, prefer="return=minimal") == {}
    for verb, expected in [(sdk.capture, "AUTHORIZATION_VOIDED"), (sdk.void, "PREVIOUSLY_VOIDED")]:
        with pytest.raises(ErrorException) as refused:
            await verb(authorization_id)
        assert issue(refused) == (422, expected)
    assert events(world)[-1] == "PAYMENT.AUTHORIZATION.VOIDED"


async def test_more_than_the_overage_or_than_was_captured_is_refused(sdk: Sdk) -> None:
    authorization_id = await sdk.authorized()
    with pytest.raises(ErrorException) as refused:
        await sdk.capture(authorization_id, body={"amount": {"currency_code": "EUR", "value": "22.99"}})
    assert issue(refused) == (422, "MAX_CAPTURE_AMOUNT_EXCEEDED")
    capture = await sdk.capture(authorization_id, body={"amount": {"currency_code": "EUR", "value": "22.98"}})
    with pytest.raises(ErrorException) as refused:
        await sdk.refund(capture["id"], body={"amount": {"currency_code": "EUR", "value": "22.99"}})
    assert issue(refused) == (422, "REFUND_AMOUNT_EXCEEDED")


async def test_wrong_credentials_get_no_token(sdk: Sdk) -> None:
    async with httpx.AsyncClient(trust_env=False, base_url=sdk.url) as client:
        form = {"grant_type": "client_credentials"}
        answer = await client.post("/v1/oauth2/token", data=form, auth=("client", "wrong"))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        unsigned = await client.get("/v2/checkout/orders/1", headers={"authorization": "Bearer nobody"})
        assert (unsigned.status_code, unsigned.json()["name"]) == (401, "AUTHENTICATION_FAILURE")


@pytest.mark.parametrize("operation", ["token", "probe"])
async def test_trouble_with_a_token_befalls_the_account_it_is_ordered_for(
    sdk: Sdk, world: World, operation: str
) -> None:
    others = Scenario("paypal", "token", Behaviour.HTTP_500, when={"account": "merchant-2"})
    world.scenarios += [others, Scenario("paypal", operation, Behaviour.HTTP_500, when={"account": ACCOUNT})]
    async with httpx.AsyncClient(trust_env=False, base_url=sdk.url) as client:
        form = {"grant_type": "client_credentials"}
        statuses = [
            (await client.post("/v1/oauth2/token", data=form, auth=("client", "secret"))).status_code for _ in range(2)
        ]
    assert statuses == [500, 200]
    assert others.times == 1


async def test_trouble_for_any_call_is_kept_for_the_call_that_the_token_is_for(sdk: Sdk, world: World) -> None:
    world.scenarios.append(Scenario("paypal", "*", Behaviour.HTTP_500))
    async with httpx.AsyncClient(trust_env=False, base_url=sdk.url) as client:
        form = {"grant_type": "client_credentials"}
        assert (await client.post("/v1/oauth2/token", data=form, auth=("client", "secret"))).status_code == 200


def verify(message: Signed, certificate_pem: bytes) -> None:
    """Raises InvalidSignature unless the message is signed for our webhook."""
    headers = message.headers
    parts = [headers["paypal-transmission-id"], headers["paypal-transmission-time"], WEBHOOK_ID]
    key = x509.load_pem_x509_certificates(certificate_pem)[0].public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    signed = "|".join([*parts, str(zlib.crc32(message.body))]).encode()
    signature = base64.b64decode(headers["paypal-transmission-sig"])
    key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())


async def test_webhooks_are_signed_by_a_certificate_that_chains_to_the_simulators_authority(
    sdk: Sdk, world: World
) -> None:
    await sdk.authorized()
    ((_, message),) = served.told(world, ENDPOINT)
    async with httpx.AsyncClient(trust_env=False) as client:
        chain_pem = (await client.get(message.headers["paypal-cert-url"])).content
        assert (await client.get(f"{sdk.url}/simulator/ca")).content == paypal_ca_pem(world)
    verify(message, chain_pem)
    leaf = x509.load_pem_x509_certificates(chain_pem)[0]
    store = Store(x509.load_pem_x509_certificates(paypal_ca_pem(world)))
    name = x509.DNSName("messageverificationcerts.sandbox.paypal.com")
    assert len(PolicyBuilder().store(store).build_server_verifier(name).verify(leaf, [])) == 2


async def test_a_forged_event_does_not_verify(sdk: Sdk, world: World) -> None:
    message = forged(world, ENDPOINT)
    async with httpx.AsyncClient(trust_env=False) as client:
        chain_pem = (await client.get(sdk.url + "/" + message.headers["paypal-cert-url"].split("/", 3)[3])).content
    with pytest.raises(InvalidSignature):
        verify(message, chain_pem)


async def test_every_reply_conforms_to_the_published_contracts(sdk: Sdk) -> None:
    orders = served.contract("paypal-checkout_orders_v2.json")
    payments = served.contract("paypal-payments_payment_v2.json")
    created = await sdk.create()
    paid = await sdk.authorize(created["id"])
    declined = await sdk.authorize((await sdk.create(reference="att_2"))["id"], served.DECLINED)
    challenged = await sdk.authorize((await sdk.create(reference="att_3"))["id"], served.CHALLENGED)
    authorization = authorization_in(paid)
    capture = await sdk.capture(authorization["id"])
    refund = await sdk.refund(capture["id"], body={})
    other = await sdk.authorize((await sdk.create(reference="att_4"))["id"])
    served.conforms(orders, "order", created)
    for reply in (paid, declined, challenged):
        served.conforms(orders, "order_authorize_response", reply)
    served.conforms(orders, "order", await sdk.call(sdk.client.orders.get_order, id=created["id"]))
    served.conforms(payments, "authorization-2", await sdk.void(authorization_in(other)["id"]))
    served.conforms(payments, "capture-2", capture)
    served.conforms(payments, "refund", refund)


async def test_every_error_conforms_to_the_published_contract(sdk: Sdk, world: World) -> None:
    document = served.contract("paypal-checkout_orders_v2.json")
    form = {"grant_type": "client_credentials"}
    async with httpx.AsyncClient(trust_env=False, base_url=sdk.url) as client:
        granted = await client.post("/v1/oauth2/token", data=form, auth=("client", "secret"))
        bearer = {"authorization": f"Bearer {granted.json()['access_token']}"}
        kwd = {"intent": "AUTHORIZE", "purchase_units": [{"amount": {"currency_code": "KWD", "value": "1.000"}}]}
        served.conforms(document, "error_401", (await client.get("/v2/checkout/orders/1")).json())
        served.conforms(document, "error_404", (await client.get("/v2/checkout/orders/1", headers=bearer)).json())
        refused = await client.post("/v2/checkout/orders", json=kwd, headers=bearer)
        served.conforms(document, "error_422", refused.json())
        world.scenarios.append(Scenario("paypal", "create", Behaviour.HTTP_500))
        served.conforms(
            document, "error_500", (await client.post("/v2/checkout/orders", json=kwd, headers=bearer)).json()
        )
