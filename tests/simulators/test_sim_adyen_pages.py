"""Payment links, hosted sessions and webhook settings at the simulated Adyen."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from Adyen.util import is_valid_hmac_notification
from sim_adyen import ACCOUNT, CARD, Shop, conforms, shop_of

from simulators.scenarios import Behaviour, Scenario
from simulators.world import World

WEBHOOKS = f"/v3/merchants/{ACCOUNT}/webhooks"


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with shop_of(World()) as made:
        yield made


@pytest.fixture
def received() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    taken: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append((dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(202)
            self.send_header("content-length", "10")
            self.end_headers()
            self.wfile.write(b"[accepted]")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/adyen", taken
    server.shutdown()
    thread.join()
    server.server_close()


async def linked(shop: Shop, **more: object) -> dict[str, str]:
    amount = {"value": 4200, "currency": "EUR"}
    link: dict[str, str] = await shop.post(
        "/v72/paymentLinks", expect=201, amount=amount, reference="inv_1", countryCode="NL", **more
    )
    conforms("PaymentLinkResponse", link)
    return link


async def status_of(shop: Shop, link: dict[str, str]) -> str:
    shown = await shop.call("GET", f"/v72/paymentLinks/{link['id']}")
    conforms("PaymentLinkResponse", shown)
    return str(shown["status"])


async def test_a_link_is_paid_on_its_page_once(shop: Shop) -> None:
    link = await linked(shop, merchantOrderReference="pay_1", returnUrl="https://shop.example/thanks")
    assert "42.00 EUR" in (await shop.client.get(link["url"])).text
    paid = await shop.client.post(link["url"], data=CARD)
    assert "https://shop.example/thanks" in paid.text
    assert await status_of(shop, link) == "completed"
    (charge,) = shop.world.charges.values()
    assert (charge.reference, charge.payment_reference, charge.captured_minor) == ("inv_1", "pay_1", 4200)
    assert shop.items()[0]["additionalData"]["paymentLinkId"] == link["id"]
    assert (await shop.client.get(link["url"])).status_code == 404


async def test_a_refused_shopper_may_try_again(shop: Shop) -> None:
    link = await linked(shop)
    page = await shop.client.post(link["url"], data={**CARD, "holderName": "DECLINED"})
    assert "refused" in page.text
    assert await status_of(shop, link) == "active"
    wrong = await shop.client.post(link["url"], data={**CARD, "number": "4111111111111112"})
    assert "Invalid card number" in wrong.text
    await shop.client.post(link["url"], data=CARD)
    assert await status_of(shop, link) == "completed"


@pytest.mark.parametrize(
    ("method", "answer"),
    [({"type": "ideal"}, {"choice": "pay"}), ({**CARD, "number": "5454545454545454"}, {"password": "password"})],
)
async def test_a_link_leads_by_way_of_a_bank(shop: Shop, method: dict[str, str], answer: dict[str, str]) -> None:
    link = await linked(shop)
    away = await shop.client.post(link["url"], data=method)
    back = await shop.client.post(away.headers["location"], data=answer)
    assert "Thank you" in (await shop.client.get(back.headers["location"])).text
    assert await status_of(shop, link) == "completed"


async def test_a_link_expires_by_itself_or_when_it_is_told_to(shop: Shop) -> None:
    first, second = await linked(shop), await linked(shop)
    expired = await shop.call("PATCH", f"/v72/paymentLinks/{first['id']}", json={"status": "expired"})
    conforms("PaymentLinkResponse", expired)
    assert expired["status"] == "expired"
    await shop.call("PATCH", f"/v72/paymentLinks/{first['id']}", expect=422, json={"status": "expired"})
    shop.days(1.1)
    assert await status_of(shop, second) == "expired"
    assert (await shop.client.post(second["url"], data=CARD)).status_code == 404
    assert not shop.world.charges


async def test_a_link_cannot_last_longer_than_seventy_days(shop: Shop) -> None:
    late = (shop.world.clock.now() + timedelta(days=71)).isoformat()
    amount = {"value": 4200, "currency": "EUR"}
    await shop.post("/v72/paymentLinks", expect=400, amount=amount, reference="inv_1", expiresAt=late)


async def test_a_hosted_session_returns_the_shopper_with_its_result(shop: Shop) -> None:
    amount = {"value": 4200, "currency": "EUR"}
    request = {"amount": amount, "reference": "pay_1", "returnUrl": "https://shop.example/back", "mode": "hosted"}
    session = await shop.post("/v72/sessions", expect=201, **request)
    conforms("CreateCheckoutSessionResponse", session)
    back = await shop.client.post(session["url"], data=CARD)
    query = httpx.URL(back.headers["location"]).params
    shown = await shop.call("GET", f"/v72/sessions/{session['id']}", params={"sessionResult": query["sessionResult"]})
    conforms("SessionResultResponse", shown)
    assert (query["sessionId"], shown["status"]) == (session["id"], "completed")
    await shop.call("GET", f"/v72/sessions/{session['id']}", expect=422, params={"sessionResult": "guess"})


async def made(shop: Shop, url: str, **more: object) -> dict[str, str]:
    body = {"type": "standard", "url": url, "active": True, "communicationFormat": "json", **more}
    webhook: dict[str, str] = await shop.call("POST", WEBHOOKS, json=body)
    return webhook


async def test_a_webhook_is_set_up_keyed_tested_changed_and_removed(
    shop: Shop, received: tuple[str, list[tuple[dict[str, str], bytes]]]
) -> None:
    url, taken = received
    webhook = await made(shop, url, username="u", password="p")
    path = f"{WEBHOOKS}/{webhook['id']}"
    assert webhook["hasPassword"] is True
    assert "password" not in webhook
    key = (await shop.call("POST", f"{path}/generateHmac"))["hmacKey"]
    tested = await shop.call("POST", f"{path}/test", json={"types": ["AUTHORISATION"]})
    assert [(d["status"], d["responseCode"], d["output"]) for d in tested["data"]] == [("success", "202", "[accepted]")]
    headers, body = taken[0]
    assert headers["authorization"] == "Basic dTpw"
    assert is_valid_hmac_notification(json.loads(body), key) is True
    assert (await shop.call("PATCH", path, json={"active": False}))["active"] is False
    assert not shop.world.endpoints_of("adyen", ACCOUNT)[0].enabled
    assert [w["id"] for w in (await shop.call("GET", WEBHOOKS))["data"]] == [webhook["id"]]
    await shop.call("DELETE", path, expect=204)
    missing = await shop.call("GET", path, expect=404)
    assert missing["errorCode"] == "30_112"
    assert not shop.world.endpoints_of("adyen", ACCOUNT)


async def test_a_webhook_that_nobody_takes_fails_its_test(shop: Shop) -> None:
    webhook = await made(shop, "http://127.0.0.1:9/")
    tested = await shop.call("POST", f"{WEBHOOKS}/{webhook['id']}/test", json={})
    assert tested["data"][0]["status"] == "failed"


async def test_a_standard_webhook_wants_default_events_and_those_it_includes(shop: Shop) -> None:
    settings = {"includeEventCodes": ["RECURRING_CONTRACT"], "excludeEventCodes": ["OFFER_CLOSED"]}
    await made(shop, "http://127.0.0.1:9/", additionalSettings=settings)
    (endpoint,) = shop.world.endpoints_of("adyen", ACCOUNT)
    wanted = {
        e: endpoint.wants(e) for e in ("CAPTURE", "RECURRING_CONTRACT", "OFFER_CLOSED", "recurring.token.created")
    }
    assert list(wanted.values()) == [True, True, False, False]


@pytest.mark.parametrize("wrong", [{"url": "ftp://shop.example"}, {"communicationFormat": "soap"}, {"type": "odd"}])
async def test_a_wrong_webhook_is_refused_by_field(shop: Shop, wrong: dict[str, str]) -> None:
    body = {"type": "standard", "url": "http://127.0.0.1:9/", "active": True, "communicationFormat": "json", **wrong}
    answer = await shop.call("POST", WEBHOOKS, expect=422, json=body)
    assert [field["name"] for field in answer["invalidFields"]] == list(wrong)
    assert not shop.world.endpoints_of("adyen", ACCOUNT)


async def test_me_says_which_merchant_accounts_the_key_is_for(shop: Shop) -> None:
    shop.world.register_account("adyen", "OtherShop", {"api_key": "test_key"})
    shown = await shop.call("GET", "/v3/me")
    assert shown["associatedMerchantAccounts"] == [ACCOUNT, "OtherShop"]
    denied = await shop.client.get("/v3/me", headers={"x-api-key": "guess"})
    assert (denied.status_code, denied.json()["errorCode"]) == (401, "00_401")


async def test_a_probe_can_fail_by_order(shop: Shop) -> None:
    shop.world.scenarios.append(Scenario("adyen", "probe", Behaviour.HTTP_500))
    await shop.call("GET", "/v3/me", expect=500)


async def test_there_is_no_call_that_reads_a_payment(shop: Shop) -> None:
    psp = (await shop.pay())["pspReference"]
    for path in (f"/v72/payments/{psp}", "/v72/payments", f"/v3/payments/{psp}"):
        await shop.call("GET", path, expect=404)
