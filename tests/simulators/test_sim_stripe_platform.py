"""The simulated Stripe: webhook endpoints, events, forwarding to other processors, payouts and reports."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import pickle
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe
from sim_driving import Receiver, Simulators, wait_until
from sim_served import contract, serving
from sim_stripe_shop import Shop, open_shop

from simulators.fees import fee_minor
from simulators.payouts import Payout, payouts_of
from simulators.registry import FORGERS, HANDLERS, SIGNERS
from simulators.settlement import settle
from simulators.stripe.app import create_app
from simulators.timekeeper import Timekeeper
from simulators.webhooks import Sender
from simulators.world import World

HOUR = 3600


@pytest.fixture
def shop(simulators: Simulators) -> Shop:
    return open_shop(simulators)


# webhook endpoints and events


def test_an_endpoint_is_told_only_what_it_asked_for_and_signs_with_its_own_secret(
    shop: Shop, receiver: Receiver
) -> None:
    wanted = {"url": receiver.url, "enabled_events": ["payment_intent.succeeded"], "api_version": "2026-01-28.clover"}
    endpoint = shop.api.webhook_endpoints.create(wanted)
    assert endpoint.secret.startswith("whsec_")
    shop.pay()
    [(headers, body)] = receiver.wait_for(1)
    event = shop.client.construct_event(body, headers["stripe-signature"], endpoint.secret)
    assert (event.type, event.api_version) == ("payment_intent.succeeded", "2026-01-28.clover")


def test_the_secret_is_shown_once(shop: Shop, receiver: Receiver) -> None:
    made = shop.api.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    assert "secret" not in shop.api.webhook_endpoints.retrieve(made.id).to_dict()
    assert [row.id for row in shop.api.webhook_endpoints.list().data] == [made.id]


def test_a_disabled_or_deleted_endpoint_is_told_nothing(shop: Shop, receiver: Receiver) -> None:
    made = shop.api.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    assert shop.api.webhook_endpoints.update(made.id, {"disabled": True}).status == "disabled"
    shop.pay()
    assert shop.api.webhook_endpoints.delete(made.id).deleted is True
    shop.pay()
    rows = [row for row in shop.simulators.get("/webhooks") if row["account"] == shop.account]
    assert {row["state"] for row in rows} == {"no_endpoint"}
    assert receiver.taken == []


def test_an_event_that_does_not_exist_cannot_be_asked_for(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="not an event type"):
        shop.api.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["payment.paid"]})


def test_events_are_listed_with_their_cause_and_kept_for_thirty_days(shop: Shop) -> None:
    key: Any = {"idempotency_key": "k-7"}
    intent = shop.api.payment_intents.create({"amount": 900, "currency": "eur"}, key)
    [event] = shop.events("payment_intent.created")
    assert (event.data.object.id, event.request.idempotency_key) == (intent.id, "k-7")
    assert event.api_version == "2026-10-28.endive"
    assert shop.api.events.retrieve(event.id).id == event.id
    shop.advance(31)
    assert shop.events() == []


# forwarding


def forwarded(shop: Shop, method: str, url: str, body: dict[str, Any], **more: Any) -> Any:
    request = {"body": json.dumps(body), "headers": [{"name": "X-API-Key", "value": "AQE-secret"}]}
    params = {"payment_method": method, "url": url, "request": request, "replacements": ["card_number", "card_expiry"]}
    return shop.api.forwarding.requests.create({**params, **more})


def card_method(shop: Shop) -> str:
    card = {"number": "4242424242424242", "exp_month": 3, "exp_year": 2032, "cvc": "123"}
    return str(shop.api.payment_methods.create({"type": "card", "card": card}).id)


def test_a_request_is_forwarded_with_the_card_filled_in_and_kept_without_it(shop: Shop, receiver: Receiver) -> None:
    shop.simulators.post("/vault/destinations", url=receiver.url)
    body = {"paymentMethod": {"number": "", "expiryMonth": "", "expiryYear": "", "type": "scheme"}, "amount": 5}
    made = forwarded(shop, card_method(shop), receiver.url, body)
    [(headers, sent)] = receiver.taken
    method = json.loads(sent)["paymentMethod"]
    assert method == {"number": "4242424242424242", "expiryMonth": "03", "expiryYear": "2032", "type": "scheme"}
    assert headers["x-api-key"] == "AQE-secret"
    kept = shop.api.forwarding.requests.retrieve(made.id)
    assert (kept.response_details.status, kept.request_details.http_method) == (200, "POST")
    assert "4242424242424242" not in json.dumps(kept.to_dict())
    assert "AQE-secret" not in json.dumps(kept.to_dict())


def test_the_same_key_forwards_once(shop: Shop, receiver: Receiver) -> None:
    shop.simulators.post("/vault/destinations", url=receiver.url)
    method, body = card_method(shop), {"card": {"number": "", "expiry": ""}}
    request = {"body": json.dumps(body)}
    params = {"payment_method": method, "url": receiver.url, "request": request, "replacements": ["card_number"]}
    made = {shop.api.forwarding.requests.create(params, {"idempotency_key": "fwd-1"}).id for _ in range(2)}
    assert (len(made), len(receiver.taken)) == (1, 1)


def test_the_security_code_is_forwarded_once(shop: Shop, receiver: Receiver) -> None:
    shop.simulators.post("/vault/destinations", url=receiver.url)
    method, body = card_method(shop), {"card": {"number": "", "cvc": ""}}
    forwarded(shop, method, receiver.url, body, replacements=["card_number", "card_cvc"])
    assert json.loads(receiver.taken[0][1])["card"]["cvc"] == "123"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        forwarded(shop, method, receiver.url, body, replacements=["card_number", "card_cvc"])
    assert refused.value.code == "forwarding_api_invalid_parameter"


def test_only_known_destinations_are_forwarded_to(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="not one of the destinations"):
        forwarded(shop, card_method(shop), "http://127.0.0.1:9/", {"number": ""})


def test_a_destination_that_is_down_is_an_upstream_error(shop: Shop, simulators: Simulators) -> None:
    simulators.post("/outage", gateway="adyen", on=True)
    try:
        with pytest.raises(stripe.APIError) as failed:
            forwarded(shop, card_method(shop), simulators.urls["adyen"] + "/v72/payments", {"number": ""})
    finally:
        simulators.post("/outage", gateway="adyen", on=False)
    body: Any = failed.value.json_body
    assert body["error"]["code"] == "forwarding_api_upstream_connection_error"


# balance, payouts and reports


def test_every_movement_is_a_balance_transaction(shop: Shop) -> None:
    intent = shop.pay("pm_card_createDispute")
    wait_until(lambda: len(shop.api.disputes.list().data) == 1)
    other = shop.pay()
    shop.api.refunds.create({"payment_intent": other.id, "amount": 500})
    rows = shop.api.balance_transactions.list().data
    assert sorted((row.type, row.reporting_category, row.amount) for row in rows) == [
        ("adjustment", "dispute", -2000),
        ("charge", "charge", 2000),
        ("charge", "charge", 2000),
        ("refund", "refund", -500),
    ]
    charged = next(row for row in rows if row.source == intent.latest_charge)
    assert (charged.fee, charged.status) == (fee_minor("stripe", 2000, "EUR"), "pending")
    assert shop.api.balance_transactions.retrieve(charged.id).net == 2000 - charged.fee


def test_a_payment_made_elsewhere_is_known_too(shop: Shop) -> None:
    made = shop.simulators.post(
        "/charges/foreign", gateway="stripe", account=shop.account, amount_minor=700, currency="EUR"
    )
    charge = shop.api.charges.retrieve(made["id"])
    assert (charge.amount_captured, charge.payment_intent) == (700, None)
    assert shop.api.refunds.create({"charge": charge.id}).amount == 700


@asynccontextmanager
async def paid_out(reports_dir: Path) -> AsyncIterator[tuple[World, Timekeeper, str, Payout]]:
    """A world with one captured charge, paid out, behind a real port."""
    world = World()
    early = world.clock.now() + timedelta(days=1)  # in the second half of a day a payout is with the bank at once
    world.clock.reach(early.replace(hour=1))
    world.register_account("stripe", "acct_1", {"secret_key": "sk_test_1"})
    async with serving(create_app(world)) as url:
        world.urls["stripe"] = url
        card = {"payment_method": "pm_card_visa", "allowed_payment_method_types[0]": "card", "confirm": "true"}
        form = {"amount": "2000", "currency": "eur", "metadata[clearway_attempt]": "att_1", **card}
        await call("POST", url, "/v1/payment_intents", form)
        settle(world, "stripe", "acct_1", None, None, reports_dir)
        [payout] = payouts_of(world).values()
        yield world, Timekeeper(world, Sender(world, SIGNERS, FORGERS), HANDLERS), url, payout


async def call(method: str, url: str, path: str, form: dict[str, str] | None = None) -> Any:
    def send() -> requests.Response:
        return requests.request(
            method, url + path, data=form, headers={"authorization": "Bearer sk_test_1"}, timeout=20
        )

    answer = await asyncio.to_thread(send)
    assert answer.status_code == 200, answer.text
    return answer.json() if answer.headers["content-type"].startswith("application/json") else answer.text


async def test_a_payout_lists_its_transactions_and_arrives(tmp_path: Path) -> None:
    async with paid_out(tmp_path) as (world, timekeeper, url, payout):
        rows = (await call("GET", url, f"/v1/balance_transactions?payout={payout.id}"))["data"]
        assert {row["type"]: row["net"] for row in rows} == {"charge": payout.minor, "payout": -payout.minor}
        assert (await call("GET", url, f"/v1/payouts/{payout.id}"))["status"] == "pending"
        world.clock.reach(payout.arrival)
        await timekeeper.advance(1)
        [shown] = (await call("GET", url, "/v1/payouts?status=paid"))["data"]
        assert (shown["id"], shown["reconciliation_status"]) == (payout.id, "completed")


async def test_a_payout_that_the_bank_sends_back_is_in_the_balance_again(tmp_path: Path) -> None:
    async with paid_out(tmp_path) as (world, _, url, payout):
        assert world.book("stripe", "acct_1", "EUR").balance_minor == 0
        await call("POST", url, f"/simulator/payouts/{payout.id}/fail")
        shown = await call("GET", url, f"/v1/payouts/{payout.id}")
        assert (shown["status"], shown["failure_code"]) == ("failed", "account_closed")
        assert world.book("stripe", "acct_1", "EUR").balance_minor == payout.minor
        back = await call("GET", url, f"/v1/balance_transactions/{shown['failure_balance_transaction']}")
        assert (back["type"], back["amount"]) == ("payout_failure", payout.minor)


async def test_a_report_is_pending_and_then_a_file_of_the_span(tmp_path: Path) -> None:
    async with paid_out(tmp_path) as (world, timekeeper, url, payout):
        await timekeeper.advance(60)
        now = int(world.clock.now().timestamp())
        form = {"report_type": "payout_reconciliation.itemized.5"}
        form |= {"parameters[interval_start]": str(now - HOUR), "parameters[interval_end]": str(now)}
        run = await call("POST", url, "/v1/reporting/report_runs", form)
        assert (run["status"], run["result"]) == ("pending", None)
        await timekeeper.advance(5)
        done = await call("GET", url, f"/v1/reporting/report_runs/{run['id']}")
        assert done["status"] == "succeeded"
        text = await call("GET", url, done["result"]["url"].removeprefix(url))
        [row] = csv.DictReader(io.StringIO(text))
        assert (row["gross"], row["automatic_payout_id"]) == ("20.00", payout.id)
        assert row["payment_metadata[clearway_attempt]"] == "att_1"


async def test_a_report_of_another_span_has_no_rows(tmp_path: Path) -> None:
    async with paid_out(tmp_path) as (world, timekeeper, url, _):
        start = int(world.clock.now().timestamp()) - 10 * HOUR
        form = {"report_type": "payout_reconciliation.itemized.5"}
        form |= {"parameters[interval_start]": str(start), "parameters[interval_end]": str(start + HOUR)}
        run = await call("POST", url, "/v1/reporting/report_runs", form)
        await timekeeper.advance(5)
        done = await call("GET", url, f"/v1/reporting/report_runs/{run['id']}")
        text = await call("GET", url, done["result"]["url"].removeprefix(url))
        assert list(csv.DictReader(io.StringIO(text))) == []


def test_a_report_cannot_reach_into_the_future(shop: Shop) -> None:
    now = shop.api.payment_intents.create({"amount": 900, "currency": "eur"}).created
    span = {"interval_start": now, "interval_end": now + 10 * HOUR}
    with pytest.raises(stripe.InvalidRequestError, match="data_available_end"):
        shop.api.reporting.report_runs.create({"report_type": "payout_reconciliation.itemized.5", "parameters": span})


async def test_all_that_stripe_remembers_can_be_kept_in_a_file(tmp_path: Path) -> None:
    async with paid_out(tmp_path) as (world, _, url, _):
        await call("POST", url, "/v1/customers", {"name": "Ada"})
        again = pickle.loads(pickle.dumps(world))
        assert [charge.id for charge in again.charges_of("stripe", "acct_1")] == [
            charge.id for charge in world.charges_of("stripe", "acct_1")
        ]


# shapes


def test_every_object_has_the_keys_that_stripe_publishes(shop: Shop, published: dict[str, dict[str, Any]]) -> None:
    customer = shop.api.customers.create()
    intent = shop.pay("pm_card_createDispute", customer=customer.id, setup_future_usage="off_session")
    wait_until(lambda: len(shop.api.disputes.list().data) == 1)
    seller = shop.api.accounts.create({"type": "express", "capabilities": {"transfers": {"requested": True}}})
    sold = shop.charge(shop.pay(transfer_data={"destination": seller.id}, application_fee_amount=100))
    price = {"currency": "eur", "unit_amount": 900, "product_data": {"name": "A book"}}
    session = shop.api.checkout.sessions.create(
        {"mode": "payment", "line_items": [{"price_data": price}], "success_url": "http://127.0.0.1/done"}
    )
    made = [
        *(intent, customer, seller, session, shop.charge(intent), *shop.api.disputes.list().data),
        *shop.api.payment_methods.list({"customer": customer.id}).data,
        *(shop.api.transfers.retrieve(sold.transfer), shop.api.application_fees.retrieve(sold.application_fee)),
        *(*shop.api.prices.list().data, *shop.api.products.list().data, shop.api.setup_intents.create()),
        *(shop.api.balance.retrieve(), *shop.api.balance_transactions.list().data, *shop.events()),
        shop.api.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"]}),
    ]
    for each in made:
        shown = each.to_dict()
        missing = set(published[shown["object"]]) - set(shown) - {"refunds"}  # only when asked for, since 2022-11-15
        assert not missing, (shown["object"], missing)


@pytest.fixture(scope="module")
def published() -> dict[str, dict[str, Any]]:
    """Stripe's own examples of its objects."""
    resources: dict[str, dict[str, Any]] = contract("stripe-fixtures3.json")["resources"]
    return resources
