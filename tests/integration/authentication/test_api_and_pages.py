"""What the API takes and shows of strong authentication, and what becomes of the browser's facts."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from authentication_shop import ON_REQUEST, REQUIRED, Shop, attempts_of, card_of, only, pass_challenge, shown
from http_driving import Api
from payment_shop import VISA, euros, heard, story_of
from web_driving import Visitor, body_of

from orchestrator import db
from orchestrator.abuse import service as abuse
from orchestrator.access import audit_store
from orchestrator.gateways.credentials import Browser
from orchestrator.http import card_tries
from orchestrator.notifications import store as events
from orchestrator.outbox import Later
from orchestrator.payments import late_declines, method_setups, service
from orchestrator.payments.calls import call_for
from orchestrator.payments.instruments import Card
from orchestrator.payments.records import PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.settings import get_settings
from orchestrator.web.checkout import AttemptBody
from routing.authentication import Wanted
from tests.built_application import application

DECLINED = "4000000000000002"  # by every issuer (docs.stripe.com/testing)


@pytest.fixture(autouse=True)
def settings_of_each_test() -> Iterator[None]:
    yield
    get_settings.cache_clear()


@pytest_asyncio.fixture(loop_scope="session")
async def client(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://clearway.test") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def api(client: httpx.AsyncClient, shop: Shop) -> Api:
    from orchestrator.access import service as access

    return Api(client, shop.merchant_id, await access.create_api_key(shop.merchant_id, "test"))


async def pay_on_page(visitor: Visitor, public_token: str, card: Card, **changed: Any) -> httpx.Response:
    """What checkout.js posts."""
    body = {name: value for name, value in body_of(card, **changed).items() if name in AttemptBody.__struct_fields__}
    headers = {"x-csrftoken": await visitor.token_on(f"/pay/{public_token}")}
    return await visitor.client.post(f"/pay/{public_token}/attempt", json=body, headers=headers)


def asked(card: Card, **authentication: Any) -> dict[str, Any]:
    shown_of = {name: getattr(card, name) for name in card.__struct_fields__}
    body: dict[str, Any] = {"amount": {"amount": 2500, "currency": "EUR"}, "authentication": authentication}
    return body | {"payment_method": {"type": "card", **shown_of}}


async def test_the_mode_of_the_api_is_heard_and_each_attempt_tells_what_came_of_it(shop: Shop, api: Api) -> None:
    await only(shop, "adyen")
    made = (await api.post("/v1/payments", asked(await card_of(shop, ON_REQUEST), mode="required"))).json()
    assert made["status"] == "requires_action", made
    assert made["attempts"][0]["authentication"]["wanted"] == "required"
    await pass_challenge(await service.get(shop.merchant_id, made["id"]))
    read = await api.get(f"/v1/payments/{made['id']}")
    [attempt] = read.json()["attempts"]
    came_of = attempt["authentication"]
    assert (came_of["result"], came_of["liability_shifted"], came_of["eci"]) == ("authenticated", True, "05")
    timeline = await api.get(f"/v1/payments/{made['id']}/timeline")
    assert timeline.json()["payment"]["attempts"][0]["authentication"] == came_of
    for told in (read.text, timeline.text):
        assert "sealed" not in told
        assert '"cavv":"[removed]"' in told or "cavv" not in told


@pytest.mark.parametrize(
    "authentication",
    [
        {"mode": "never"},
        {"mode": "required", "exemption": "low_value"},
        {"mode": "exempt", "exemption": "merchant_initiated"},
        {"exemption": "low_value"},
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(shop: Shop, api: Api, authentication: dict[str, str]) -> None:
    answer = await api.post("/v1/payments", asked(await shop.card(VISA), **authentication))
    assert answer.status_code in (400, 422)
    assert "authentication" in answer.text


async def test_a_policy_in_the_merchants_profile_counts(shop: Shop) -> None:
    from orchestrator import db

    profile = msgspec.json.encode({"authentication": {"mode": "required"}}).decode()
    await db.fetch("UPDATE merchant SET profile = $2 WHERE id = $1", shop.merchant_id, profile)
    card = await card_of(shop, ON_REQUEST)
    payment = await service.create(NewPayment(shop.merchant_id, euros(2500), instrument=card))
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    assert (await shown(payment))[0].reason == "the merchant's policy"


async def test_the_browsers_facts_reach_the_gateway_and_are_forgotten_with_the_payment(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    await only(shop, "adyen")
    payment = await service.create(NewPayment(shop.merchant_id, euros(2500), authentication=REQUIRED))
    client.headers["user-agent"] = "Mozilla/5.0 (test)"
    visitor = Visitor(client)
    answer = await pay_on_page(visitor, payment.public_token, await card_of(shop, ON_REQUEST))
    assert answer.status_code == 200, answer.text
    story = await story_of(await service.get(shop.merchant_id, payment.id))
    call = call_for(story, story.attempts[0], story.operations[0])
    assert call.shopper.ip == "127.0.0.1"
    browser = call.shopper.browser
    assert browser == Browser(
        accept_header=browser.accept_header if browser else "",
        user_agent="Mozilla/5.0 (test)",
        language="en",
        color_depth=24,
        screen_height=844,
        screen_width=390,
        timezone_offset_min=-60,
    )
    done = await pass_challenge(await service.get(shop.merchant_id, payment.id))
    assert done.status is PaymentStatus.AUTHORISED
    kept = (await service.get(shop.merchant_id, payment.id)).usage.shopper
    assert (kept.browser, kept.ip) == (None, "")


async def test_browser_facts_that_no_browser_tells_are_refused(shop: Shop, client: httpx.AsyncClient) -> None:
    payment = await service.create(NewPayment(shop.merchant_id, euros(2500)))
    visitor, card = Visitor(client), await shop.card(VISA)
    told = body_of(card)["browser"]
    for wrong in ({"color_depth": -1}, {"screen_width": 10**9}, {"time_zone_offset_minutes": 99_999}):
        answer = await pay_on_page(visitor, payment.public_token, card, browser=told | wrong)
        assert answer.status_code == 422, answer.text
    assert (await service.get(shop.merchant_id, payment.id)).status is PaymentStatus.REQUIRES_PAYMENT_METHOD


async def test_a_visitor_whom_the_defence_suspects_is_sent_to_the_bank(
    shop: Shop, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of one try a minute: the second is challenged, at a card whose bank does not ask by itself."""
    monkeypatch.setenv("CLEARWAY_ABUSE__RULES", '{"ip_tries": {"challenge_at": 1, "block_at": 100}}')
    from orchestrator.settings import get_settings

    get_settings.cache_clear()
    payment = await service.create(NewPayment(shop.merchant_id, euros(2500)))
    answer = await pay_on_page(Visitor(client), payment.public_token, await card_of(shop, ON_REQUEST))
    assert answer.status_code == 200, answer.text
    paid = await service.get(shop.merchant_id, payment.id)
    assert paid.status is PaymentStatus.REQUIRES_ACTION
    assert (await attempts_of(paid))[0].authentication is not None
    assert (await shown(paid))[0].wanted is Wanted.CHALLENGE


async def test_a_card_that_a_program_has_declined_too_often_is_not_tried_again(
    shop: Shop, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_rules(monkeypatch, '{"card_declines_day": {"challenge_at": 0, "block_at": 2}}')
    stolen = await card_of(shop, DECLINED)
    answers = [await api.post("/v1/payments", asked(stolen, mode="preferred")) for _ in range(2)]
    assert [answer.json()["status"] for answer in answers] == ["failed", "failed"]
    key = str(uuid.uuid4())
    blocked = [await api.post("/v1/payments", asked(stolen, mode="preferred"), key=key) for _ in range(2)]
    assert [(answer.status_code, answer.json()["code"]) for answer in blocked] == [(429, "too_many_tries")] * 2
    assert int(blocked[0].headers["retry-after"]) > 0
    assert len((await api.get("/v1/payments")).json()["data"]) == 2
    another = await api.post("/v1/payments", asked(await shop.card(VISA), mode="preferred"))
    assert another.json()["status"] == "captured"  # whatever other cards of the same server did


async def test_a_card_that_was_declined_often_is_challenged_when_a_program_brings_it(
    shop: Shop, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_rules(monkeypatch, '{"card_declines_day": {"challenge_at": 1}}')
    card = await card_of(shop, ON_REQUEST)
    tried = card_tries.try_of(shop.merchant_id, euros(2500), card)
    assert tried is not None
    await abuse.declined(tried)
    made = (await api.post("/v1/payments", asked(card, mode="preferred"))).json()
    assert (made["status"], made["attempts"][0]["authentication"]["wanted"]) == ("requires_action", "challenge")


async def test_a_program_may_charge_a_good_card_as_often_as_it_likes(
    shop: Shop, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_rules(monkeypatch, '{"card_tries": {"block_at": 2}, "ip_tries": {"block_at": 2}}')
    bodies = [asked(await shop.card(VISA), mode="preferred") for _ in range(4)]  # a token of the vault is taken once
    answers = [await api.post("/v1/payments", body) for body in bodies]
    assert [answer.json()["status"] for answer in answers] == ["captured"] * 4


async def test_a_card_of_a_program_is_counted_in_one_statement_and_a_kept_method_in_none(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []

    async def counting(sql: str, *values: Any) -> Any:
        statements.append(sql)
        return await db.fetch(sql, *values)

    monkeypatch.setattr("orchestrator.abuse.store.fetch", counting)
    tried = card_tries.try_of(shop.merchant_id, euros(2500), await shop.card(VISA))
    assert not card_tries.is_suspected(await card_tries.admitted(tried))
    assert len(statements) == 1
    assert not card_tries.is_suspected(
        await card_tries.admitted(card_tries.try_of(shop.merchant_id, euros(2500), None))
    )
    assert len(statements) == 1


POLICY = "/v1/merchant/authentication-policy"


async def test_a_policy_that_is_put_counts_for_the_next_payment_and_is_in_the_audit_log(shop: Shop, api: Api) -> None:
    before = (await api.get(POLICY)).json()
    assert (before["mode"], before["unreadable"]) == ("preferred", False)
    wanted = {"mode": "required", "exemptions": ["secure_corporate"], "fraud_rate_bps": 6}
    put = await api.client.put(POLICY, json=wanted, headers=api.headers())
    assert put.status_code == 200, put.text
    assert wanted.items() <= (await api.get(POLICY)).json().items()
    payment = await service.create(
        NewPayment(shop.merchant_id, euros(2500), instrument=await card_of(shop, ON_REQUEST))
    )
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    [entry] = await audit_store.latest(shop.merchant_id, limit=10, action="setting.changed")
    assert msgspec.json.decode(entry.after or "{}") == {"authentication": wanted}


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "never"},
        {"exemptions": ["merchant_initiated"]},
        {"exemptions": ["low_value", "low_value"]},
        {"fraud_rate_bps": 10_001},
        {"colour": "red"},
    ],
)
async def test_a_policy_that_means_nothing_is_refused(api: Api, change: dict[str, Any]) -> None:
    answer = await api.client.put(POLICY, json={"mode": "exempt", **change}, headers=api.headers())
    assert (answer.status_code, next(iter(change)) in answer.text) == (422, True)


async def test_a_policy_that_cannot_be_read_lets_payments_go_on_and_asks_for_more(shop: Shop, api: Api) -> None:
    await db.fetch(
        "UPDATE merchant SET profile = $2 WHERE id = $1", shop.merchant_id, '{"authentication": {"mode": "sometimes"}}'
    )
    for _ in range(2):
        card = await card_of(shop, ON_REQUEST)
        payment = await service.create(NewPayment(shop.merchant_id, euros(2500), instrument=card))
        assert (await shown(payment))[0].wanted is Wanted.REQUIRED
    told = [event.type for event in await events.events_of(shop.merchant_id, limit=50)]
    assert told.count("incident.authentication_policy_invalid") == 1
    found = (await api.get(POLICY)).json()
    assert (found["mode"], found["unreadable"]) == ("required", True)
    await api.client.put(POLICY, json={"mode": "preferred"}, headers=api.headers())
    assert (await api.get(POLICY)).json()["unreadable"] is False


async def test_what_a_checkout_session_asks_of_authentication_counts_when_it_is_paid(
    shop: Shop, api: Api, client: httpx.AsyncClient
) -> None:
    body = {"amount": {"amount": 2500, "currency": "EUR"}, "authentication": {"mode": "required"}}
    made = (await api.post("/v1/checkout-sessions", body)).json()
    public_token = made["url"].rsplit("/", 1)[1]
    answer = await pay_on_page(Visitor(client), public_token, await card_of(shop, ON_REQUEST))
    assert answer.status_code == 200, answer.text
    paid = await service.by_token(public_token)
    assert paid.status is PaymentStatus.REQUIRES_ACTION
    assert (await shown(paid))[0].wanted is Wanted.REQUIRED


def change_rules(monkeypatch: pytest.MonkeyPatch, rules: str) -> None:
    monkeypatch.setenv("CLEARWAY_ABUSE__RULES", rules)
    get_settings.cache_clear()


async def test_a_decline_that_comes_after_the_answer_is_counted_as_well(
    shop: Shop, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARWAY_LIMITS__PAYMENT_DEADLINE_S", "1")
    change_rules(monkeypatch, '{"card_declines_day": {"block_at": 1}}')
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="delay", seconds=2)
    stolen = await card_of(shop, DECLINED)
    made = (await api.post("/v1/payments", asked(stolen, mode="preferred"))).json()
    assert made["status"] == "processing"
    payment = await service.get(shop.merchant_id, made["id"])
    (bell,) = await db.fetch("SELECT subject FROM outbox WHERE topic = $1", late_declines.TOPIC)
    assert bell["subject"] == payment.id
    assert isinstance(await late_declines.look(payment.id), Later), "nothing is known yet"
    await heard(payment)
    assert (await service.get(shop.merchant_id, made["id"])).status is PaymentStatus.FAILED
    assert await late_declines.look(payment.id) is None
    again = await api.post("/v1/payments", asked(stolen, mode="preferred"))
    assert (again.status_code, again.json()["code"]) == (429, "too_many_tries")


async def test_a_decline_on_a_page_that_comes_after_the_answer_is_counted_for_card_and_visitor(
    shop: Shop, api: Api, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARWAY_LIMITS__PAYMENT_DEADLINE_S", "1")
    change_rules(monkeypatch, '{"ip_declines_day": {"block_at": 1}}')
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="delay", seconds=2)
    body = {"amount": {"amount": 2500, "currency": "EUR"}}
    tokens = [(await api.post("/v1/checkout-sessions", body)).json()["url"].rsplit("/", 1)[1] for _ in range(2)]
    visitor = Visitor(client)
    await pay_on_page(visitor, tokens[0], await card_of(shop, DECLINED))
    payment = await service.by_token(tokens[0])
    assert payment.status is PaymentStatus.PROCESSING
    (bell,) = await db.fetch("SELECT subject FROM outbox WHERE topic = $1", late_declines.TOPIC)
    assert isinstance(await late_declines.look(bell["subject"]), Later), "nothing is known yet"
    await heard(payment)
    for _ in range(2):  # counted once, however often it is looked for
        assert await late_declines.look(bell["subject"]) is None
    counted = await db.fetch("SELECT subject, declines FROM abuse_counter WHERE declines > 0 ORDER BY subject")
    assert [row["subject"].partition(":")[0] for row in counted] == ["card", "device", "ip", "merchant"]
    assert {row["declines"] for row in counted} == {1}
    again = await pay_on_page(visitor, tokens[1], await shop.card(VISA))
    assert again.status_code == 429


async def test_a_card_whose_keeping_is_declined_after_the_answer_is_counted(
    shop: Shop, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = (await api.post("/v1/customers", {"name": "Ada", "email": "ada@shop.example"})).json()
    await shop.tell("/scenarios", gateway="stripe", operation="save", behaviour="html_instead")
    card = asked(await card_of(shop, DECLINED))["payment_method"]
    consent = {"text": "Keep my card.", "accepted_at": "2026-01-01T00:00:00Z"}
    body = {"customer_id": person["id"], "agreement": "card_on_file", "consent": consent, "payment_method": card}
    made = (await api.post("/v1/payment-methods", body)).json()
    assert made["status"] == "processing"
    (bell,) = await db.fetch("SELECT subject FROM outbox WHERE topic = $1", late_declines.TOPIC)
    assert bell["subject"] == made["id"]
    await method_setups.settle(made["id"])
    assert (await api.get(f"/v1/payment-methods/{made['id']}")).json()["status"] == "failed"
    assert await late_declines.look(made["id"]) is None
    counted = await db.fetch("SELECT subject FROM abuse_counter WHERE declines > 0")
    assert "card" in [row["subject"].partition(":")[0] for row in counted]


async def test_ten_first_tries_of_a_fresh_card_at_once_are_not_all_let_through(
    shop: Shop, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None has an answer yet: each counts those that began before it as declined."""
    change_rules(monkeypatch, '{"card_at_once": {"challenge_at": 2, "block_at": 4}}')
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="delay", times=10, seconds=1)
    card = await card_of(shop, DECLINED)
    answers = await asyncio.gather(*(api.post("/v1/payments", asked(card, mode="preferred")) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] * 4 + [429] * 6


async def test_a_good_card_may_be_charged_again_and_again_in_a_minute(
    shop: Shop, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_rules(monkeypatch, '{"card_at_once": {"challenge_at": 5, "block_at": 6}}')
    bodies = [asked(await card_of(shop, VISA), mode="preferred") for _ in range(9)]  # the vault takes a token once
    answers = [await api.post("/v1/payments", body) for body in bodies]
    assert [answer.json()["status"] for answer in answers] == ["captured"] * 9


async def test_a_payment_that_is_decided_at_once_is_not_looked_at_again(shop: Shop, api: Api) -> None:
    await api.post("/v1/payments", asked(await shop.card(VISA), mode="preferred"))
    assert await db.fetch("SELECT subject FROM outbox WHERE topic = $1", late_declines.TOPIC) == []


async def test_who_keeps_a_card_that_was_declined_often_is_challenged(
    shop: Shop, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_rules(monkeypatch, '{"card_declines_day": {"challenge_at": 1}}')
    person = (await api.post("/v1/customers", {"name": "Ada", "email": "ada@shop.example"})).json()
    body = {
        "customer_id": person["id"],
        "agreement": "card_on_file",
        "consent": {"text": "Keep my card.", "accepted_at": "2026-01-01T00:00:00Z"},
        "return_url": "https://shop.example/back",
    }
    states = []
    for suspected in (False, True):
        card = await card_of(shop, ON_REQUEST)
        if suspected:
            tried = card_tries.try_of(shop.merchant_id, None, card)
            assert tried is not None
            await abuse.declined(tried)
        made = await api.post("/v1/payment-methods", body | {"payment_method": asked(card)["payment_method"]})
        states.append(made.json().get("status") or made.text)
    assert states == ["active", "requires_action"]
