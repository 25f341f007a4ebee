"""Quotes: frozen, for a while, for one payment of exactly what was quoted."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import asyncpg
import pytest
from http_driving import Api

from orchestrator.db import fetch

QUOTES = "/v1/fx-quotes"


async def quote(api: Api, minor: int = 10_000, currency: str = "EUR", to: str = "USD") -> dict[str, Any]:
    answer = await api.post(QUOTES, {"amount": {"amount": minor, "currency": currency}, "to": to})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def pay(api: Api, made: dict[str, Any], **changes: Any) -> Any:
    return await api.post("/v1/payments", {"amount": made["converted_amount"], "quote_id": made["id"], **changes})


async def test_a_quote_is_the_days_rate_rounded_once(api: Api) -> None:
    made = await quote(api)
    [rate] = (await api.get("/v1/rates", params={"base": "EUR", "quote": "USD"})).json()["data"]
    assert made["rate"] == rate
    assert rate["base_units"] == "1"
    dollars = (Decimal(100) * Decimal(rate["quote_units"])).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert made["converted_amount"] == {"amount": int(dollars * 100), "currency": "USD"}
    assert made["payment_id"] is None


async def test_the_markup_is_in_the_converted_amount_and_said(api: Api) -> None:
    await api.post("/v1/rates", {"base": "EUR", "quote": "USD", "rate": "1.1"})
    plain = await quote(api)
    terms = await api.client.put("/v1/merchant/fx-terms", json={"markup_bps": 200}, headers=api.headers())
    assert (terms.status_code, terms.json()["markup_bps"]) == (200, 200)
    dearer = await quote(api)
    assert (plain["converted_amount"]["amount"], dearer["converted_amount"]["amount"]) == (11_000, 11_220)
    assert (dearer["rate"]["markup_bps"], dearer["rate"]["rate"]) == (200, "1.122")
    assert (await api.get(f"{QUOTES}/{plain['id']}")).json() == plain


async def test_a_payment_takes_the_quote_and_keeps_its_rate(api: Api) -> None:
    made = await quote(api)
    answer = await pay(api, made)
    assert answer.status_code == 201, answer.text
    payment_id = answer.json()["id"]
    found = (await api.get(f"/v1/payments/{payment_id}", params={"expand[]": "quote"})).json()["quote"]
    assert found == {**made, "payment_id": payment_id}
    [listed] = (await api.get(QUOTES, params={"payment_id": payment_id})).json()["data"]
    assert listed == found
    await api.post("/v1/rates", {"base": "EUR", "quote": "USD", "rate": "9"})
    assert (await api.get(f"{QUOTES}/{made['id']}")).json() == found


async def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def payments(api: Api) -> int:
    return len((await api.get("/v1/payments")).json()["data"])


async def test_a_payment_of_anything_else_than_quoted_is_refused(api: Api) -> None:
    made = await quote(api)
    more = {**made["converted_amount"], "amount": made["converted_amount"]["amount"] + 1}
    assert await refusal(await pay(api, made, amount=more)) == (422, "quote_mismatch")
    euros = {**made["converted_amount"], "currency": "EUR"}
    assert await refusal(await pay(api, made, amount=euros)) == (422, "quote_mismatch")
    assert await payments(api) == 0
    assert (await pay(api, made)).status_code == 201


async def test_an_expired_quote_is_refused(api: Api, day: Any) -> None:
    made = await quote(api)
    day.now += timedelta(minutes=30)
    assert await refusal(await pay(api, made)) == (409, "quote_expired")
    assert await payments(api) == 0


async def test_until_the_last_moment_a_quote_holds(api: Api, day: Any) -> None:
    made = await quote(api)
    day.now += timedelta(minutes=29, seconds=59)
    assert (await pay(api, made)).status_code == 201


async def test_a_quote_is_for_one_payment(api: Api) -> None:
    made = await quote(api)
    assert (await pay(api, made)).status_code == 201
    assert await refusal(await pay(api, made)) == (409, "quote_used")


async def test_of_many_payments_at_once_one_takes_the_quote(api: Api) -> None:
    made = await quote(api)
    answers = await asyncio.gather(*(pay(api, made, reference=str(n)) for n in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"quote_used"}
    assert await payments(api) == 1


async def test_the_same_request_again_is_the_same_payment(api: Api) -> None:
    made = await quote(api)
    body = {"amount": made["converted_amount"], "quote_id": made["id"]}
    first, again = [await api.post("/v1/payments", body, key="k1") for _ in range(2)]
    assert (first.json()["id"], again.status_code) == (again.json()["id"], 201)


async def test_another_merchants_quote_is_none(api: Api, other: Api) -> None:
    made = await quote(api)
    assert await refusal(await pay(other, made)) == (404, "not_found")
    assert (await other.get(f"{QUOTES}/{made['id']}")).status_code == 404
    assert (await other.get(QUOTES)).json()["data"] == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"amount": {"amount": 100, "currency": "EUR"}, "to": "EUR"}, 422, "invalid_field"),
        ({"amount": {"amount": 100, "currency": "EUR"}, "to": "QQQ"}, 422, "invalid_field"),
        ({"amount": {"amount": 1, "currency": "JPY"}, "to": "AED"}, 404, "rate_unknown"),
        ({"amount": {"amount": 1, "currency": "IDR"}, "to": "EUR"}, 422, "invalid_field"),  # rounds to nothing
        ({"amount": {"amount": 100, "currency": "EUR"}, "to": "RUB"}, 409, "currency_ended"),
    ],
)
async def test_what_cannot_be_quoted_is_refused(api: Api, body: dict[str, Any], status: int, code: str) -> None:
    assert await refusal(await api.post(QUOTES, body)) == (status, code)


async def test_stale_rates_are_not_quoted_by(api: Api, day: Any) -> None:
    day.now += timedelta(days=7)
    answer = await api.post(QUOTES, {"amount": {"amount": 100, "currency": "EUR"}, "to": "USD"})
    assert await refusal(answer) == (409, "rate_stale")


async def test_no_quote_can_be_changed_or_used_twice_in_the_database(api: Api) -> None:
    made = await quote(api)
    await pay(api, made)
    for statement in ("converted_minor = 1", "payment_id = 'pay_other'", "expires_at = now()", "rate = '{}'"):
        with pytest.raises(asyncpg.RaiseError, match="is fixed"):
            await fetch(f"UPDATE fx_quote SET {statement}")


async def test_a_markup_has_bounds_and_is_for_finance(api: Api) -> None:
    from http_driving import merchant_api

    for wrong in (-1, 2_001, "2", 1.5):
        answer = await api.client.put("/v1/merchant/fx-terms", json={"markup_bps": wrong}, headers=api.headers())
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")
    developer = await merchant_api(api.client, "Developers", ("payments:read", "payments:write"))
    answer = await api.client.put("/v1/merchant/fx-terms", json={"markup_bps": 1}, headers=developer.headers())
    assert answer.status_code == 403
