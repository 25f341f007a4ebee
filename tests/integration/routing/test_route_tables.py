"""What routing tells as tables and pictures, and the one fact about a merchant that rules may look at."""

from __future__ import annotations

import csv
import io
from typing import Any
from xml.etree import ElementTree

from http_driving import Api
from msgspec import structs
from payment_shop import Shop, euros

from currency.money import Money
from orchestrator.payments import service
from orchestrator.payments.records import PaymentRow
from orchestrator.payments.service import NewPayment
from routing.decision import RoutePlan

SVG = "{http://www.w3.org/2000/svg}"
DRAFT = {
    "rules": [
        {
            "name": "large",
            "when": {"amount": {"currency": "EUR", "min": 5000}},
            "then": {"accounts": ["paypal"]},
        }
    ]
}


async def pay(shop: Shop, minor: int = 1999, **more: Any) -> PaymentRow:
    return await service.create(NewPayment(shop.merchant_id, euros(minor), instrument=await shop.card(), **more))


async def put(api: Api, path: str, body: dict[str, Any]) -> Any:
    return await api.client.put(path, json=body, headers=api.headers())


async def test_a_report_runs_no_formula_in_a_spreadsheet(api: Api, shop: Shop) -> None:
    card = structs.replace(await shop.card(), brand="=1+1")
    await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=card))
    answer = await api.get("/v1/routing/reports.csv?group_by[]=brand&interval=day")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["brand"], row["approved"]) == ("'=1+1", "1")
    assert row["start"].endswith("+00:00")


async def test_the_cost_of_a_report_is_exchanged_where_a_rate_is_known(api: Api, shop: Shop) -> None:
    address = f"/v1/gateway-accounts/{shop.accounts['stripe']}"
    fees = {"bps": 0, "fixed_minor": {"USD": 30}}
    await api.client.patch(address, json={"fees": fees, "verify": False}, headers=api.headers())
    entered = await api.post("/v1/rates", {"base": "USD", "quote": "EUR", "rate": "0.5"})
    assert entered.status_code == 201, entered.text
    await pay(shop)
    await pay(shop)
    (row,) = (await api.get("/v1/routing/reports")).json()["data"]
    assert (row["cost"], row["currency"]) == (30, "EUR")
    by_day = (await api.get("/v1/routing/reports?interval=day")).json()["data"]
    assert [row["cost"] for row in by_day] == [30]


async def test_a_cost_without_a_rate_is_not_guessed(api: Api, shop: Shop) -> None:
    address = f"/v1/gateway-accounts/{shop.accounts['stripe']}"
    fees = {"bps": 10, "fixed_minor": {"KWD": 30}}
    await api.client.patch(address, json={"fees": fees, "verify": False}, headers=api.headers())
    await pay(shop)
    (row,) = (await api.get("/v1/routing/reports")).json()["data"]
    assert row["cost"] is None


async def test_a_replay_is_a_chart_too(api: Api, shop: Shop) -> None:
    for minor in (1000, 6000, 8000):
        await pay(shop, minor)
    draft = (await api.post("/v1/rule-sets", DRAFT)).json()["id"]
    answer = await api.get(f"/v1/rule-sets/{draft}/replay.svg")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml"), answer.text
    picture = ElementTree.fromstring(answer.text)
    rects = [bar for bar in picture.iter(f"{SVG}rect") if bar.get("data-series")]
    bars = {(bar.get("data-series"), bar.get("data-label")): bar.get("data-payments") for bar in rects}
    stripe, paypal = shop.accounts["stripe"], shop.accounts["paypal"]
    assert bars == {
        ("before", stripe): "3",
        ("before", paypal): "0",
        ("after", stripe): "1",
        ("after", paypal): "2",
    }


async def test_an_empty_replay_is_an_empty_chart(api: Api) -> None:
    draft = (await api.post("/v1/rule-sets", DRAFT)).json()["id"]
    answer = await api.get(f"/v1/rule-sets/{draft}/replay.svg")
    assert answer.status_code == 200
    ElementTree.fromstring(answer.text)


async def test_the_merchants_category_is_set_and_rules_see_it_with_the_next_payment(api: Api, shop: Shop) -> None:
    rules = {
        "rules": [{"name": "games", "when": {"merchant_category": ["5816"]}, "then": {"accounts": ["adyen"]}}],
    }
    made = (await api.post("/v1/rule-sets", rules)).json()["id"]
    await api.post(f"/v1/rule-sets/{made}/activate")
    assert (await api.get("/v1/merchant/category")).json()["merchant_category"] is None
    assert RoutePlan.from_json((await pay(shop)).plan).rule == "default"
    answer = await put(api, "/v1/merchant/category", {"merchant_category": "5816"})
    assert (answer.status_code, answer.json()["merchant_category"]) == (200, "5816")
    assert RoutePlan.from_json((await pay(shop)).plan).rule == "games"
    log = (await api.get("/v1/audit-log?limit=5")).json()["data"]
    assert any((entry.get("after") or {}).get("merchant_category") == "5816" for entry in log)
    await put(api, "/v1/merchant/category", {"merchant_category": None})
    assert RoutePlan.from_json((await pay(shop)).plan).rule == "default"


async def test_what_is_no_category_is_refused(api: Api) -> None:
    for wrong in ("58166", "58x6", "", "5816\n", "٥٨١٦", 5816):
        answer = await put(api, "/v1/merchant/category", {"merchant_category": wrong})
        assert answer.status_code in (400, 422), (wrong, answer.text)


async def test_what_rules_cannot_keep_is_refused_by_its_place(api: Api) -> None:
    for name, places in (("a\x00b", ["body"]), ("x" * 101, ["rules[0].when.metadata.in[0]"])):
        when = {"metadata": {"key": "k", "in": [name]}}
        answer = await api.post("/v1/rule-sets", {"rules": [{"name": "r", "when": when, "then": {}}]})
        assert [it["field"] for it in answer.json()["errors"]] == places, answer.text


async def test_money_of_three_decimals_has_its_cost_in_a_replay(api: Api, shop: Shop) -> None:
    await service.create(NewPayment(shop.merchant_id, Money(12_340, "KWD"), instrument=await shop.card()))
    told = (await api.post("/v1/routing/replay", {"rule_set": DRAFT})).json()
    assert {row["currency"] for row in told["rows"]} == {"KWD"}
    assert told["moved"] == 0
