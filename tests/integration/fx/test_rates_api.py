"""Rates over the API: which one counts, exactly, from whom and of which day, and rates entered by hand."""

from __future__ import annotations

import pytest
from http_driving import Api, merchant_api

from orchestrator.access import audit_store
from orchestrator.fx import books

RATES = "/v1/rates"
POUNDS = {"base": "USD", "quote": "GBP", "rate": "0.8000", "valid_from": "2026-11-01"}


async def rate(api: Api, base: str, quote: str, **more: str) -> dict[str, object]:
    answer = await api.get(RATES, params={"base": base, "quote": quote, **more})
    assert answer.status_code == 200, answer.text
    [found] = answer.json()["data"]
    return found


async def code(api: Api, **asked: str) -> tuple[int, str]:
    answer = await api.get(RATES, params=asked)
    return answer.status_code, answer.json()["code"]


async def test_a_cross_rate_has_exactly_what_was_published(api: Api) -> None:
    found = await rate(api, "USD", "GBP", date="2025-05-05")
    dollars = await rate(api, "EUR", "USD", date="2025-05-05")
    pounds = await rate(api, "EUR", "GBP", date="2025-05-05")
    assert (found["base_units"], found["quote_units"]) == (dollars["quote_units"], pounds["quote_units"])
    assert (found["source"], found["published_on"], found["markup_bps"]) == ("ecb", "2025-05-05", 0)


async def test_a_day_without_publication_has_the_one_before_or_the_next_where_asked(api: Api) -> None:
    assert (await rate(api, "EUR", "USD", date="2025-12-25"))["published_on"] == "2025-12-24"
    after = await rate(api, "EUR", "USD", date="2025-12-25", publication="next")
    assert after["published_on"] == "2025-12-29"


async def test_today_is_meant_without_a_date(api: Api) -> None:
    assert (await rate(api, "EUR", "USD"))["published_on"] == "2026-10-30"


async def test_without_a_quote_every_currency_with_a_usable_rate_is_listed(api: Api) -> None:
    found = (await api.get(RATES, params={"base": "CHF"})).json()["data"]
    codes = [one["quote"] for one in found]
    assert len(codes) == 29
    assert {"EUR", "USD", "JPY"} < set(codes)
    assert not {"CHF", "BGN", "RUB"} & set(codes)


async def test_why_there_is_no_rate_has_a_code(api: Api) -> None:
    assert await code(api, base="EUR", quote="AED") == (404, "rate_unknown")
    assert await code(api, base="EUR", quote="USD", date="2026-11-20") == (409, "rate_stale")
    assert await code(api, base="EUR", quote="BGN", date="2026-02-02") == (409, "currency_ended")
    assert await code(api, base="EUR", quote="QQQ") == (404, "rate_unknown")
    assert await code(api, base="QQQ") == (422, "invalid_field")
    unknown = (await api.get(RATES, params={"base": "EUR", "quote": "AED"})).json()
    assert "POST /v1/rates" in unknown["detail"]


async def test_an_own_rate_counts_before_the_published_one_in_both_directions(api: Api, other: Api) -> None:
    published = await rate(api, "USD", "GBP")
    entered = await api.post(RATES, POUNDS)
    assert entered.status_code == 201, entered.text
    assert (entered.json()["rate"], entered.json()["revision"]) == ("0.8000", 1)
    found = await rate(api, "USD", "GBP")
    assert (found["source"], found["rate"], found["published_on"]) == ("manual", "0.8", "2026-11-01")
    assert (await rate(api, "GBP", "USD"))["rate"] == "1.25"
    assert await rate(other, "USD", "GBP") == published
    assert (await rate(api, "USD", "GBP", date="2026-10-31"))["source"] == "ecb"


async def test_a_currency_that_nobody_publishes_can_be_entered(api: Api) -> None:
    await api.post(RATES, {"base": "USD", "quote": "AED", "rate": "3.6725"})
    assert (await rate(api, "USD", "AED"))["rate"] == "3.6725"


async def test_a_correction_is_another_revision_and_the_list_has_both(api: Api) -> None:
    await api.post(RATES, POUNDS)
    await api.post(RATES, {**POUNDS, "rate": "0.81"})
    assert (await rate(api, "USD", "GBP"))["rate"] == "0.81"
    first = (await api.get(f"{RATES}/entered", params={"limit": 1})).json()
    assert first["has_more"]
    rest = (await api.get(f"{RATES}/entered", params={"starting_after": first["next_cursor"]})).json()
    assert [row["rate"] for row in first["data"] + rest["data"]] == ["0.81", "0.8000"]
    assert [row["revision"] for row in first["data"] + rest["data"]] == [2, 1]


async def test_a_withdrawn_rate_gives_way_to_the_published_one(api: Api) -> None:
    entered = (await api.post(RATES, POUNDS)).json()
    gone = await api.post(f"{RATES}/{entered['id']}/withdraw")
    assert (gone.status_code, gone.json()["rate"]) == (200, None)
    assert (await rate(api, "USD", "GBP"))["source"] == "ecb"
    assert (await api.post(f"{RATES}/{entered['id']}/withdraw")).status_code == 409


async def test_a_rate_is_another_merchants_secret(api: Api, other: Api) -> None:
    entered = (await api.post(RATES, POUNDS)).json()
    assert (await other.post(f"{RATES}/{entered['id']}/withdraw")).status_code == 404
    assert (await other.get(f"{RATES}/entered")).json()["data"] == []
    for wrong in ("fxr_0", "fxr_999", "fxr_x", "1"):
        assert (await api.post(f"{RATES}/{wrong}/withdraw")).status_code == 404


async def test_a_repeated_request_is_one_rate(api: Api) -> None:
    first = await api.post(RATES, POUNDS, key="k1")
    again = await api.post(RATES, POUNDS, key="k1")
    assert first.json() == again.json()
    assert len((await api.get(f"{RATES}/entered")).json()["data"]) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rate": "0"}, "rate"),
        ({"rate": "-1"}, "rate"),
        ({"rate": 0.8}, "rate"),
        ({"rate": "1e3"}, "rate"),
        ({"quote": "USD"}, "quote"),
        ({"quote": "QQQ"}, "quote"),
    ],
)
async def test_what_is_no_rate_is_refused_by_its_field(api: Api, change: dict[str, object], field: str) -> None:
    answer = await api.post(RATES, {**POUNDS, **change})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_only_finance_enters_rates_and_the_audit_log_has_them(api: Api) -> None:
    developer = await merchant_api(api.client, "Developers", ("payments:read", "payments:write"))
    assert (await developer.post(RATES, POUNDS)).status_code == 403
    assert (await developer.get(RATES, params={"base": "EUR"})).status_code == 200
    entered = (await api.post(RATES, POUNDS)).json()
    entries = await audit_store.in_order(api.merchant_id, 1, 10)
    [entry] = [entry for entry in entries if entry.action == "rate.entered"]
    assert entry.object_id == entered["id"]
    assert '"rate":"0.8000"' in (entry.after or "")


async def test_another_process_sees_a_new_rate_within_seconds(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await rate(api, "USD", "GBP")
    monkeypatch.setattr(books, "forget", lambda *_: None)  # as in a process that did not enter it
    await api.post(RATES, POUNDS)
    assert (await rate(api, "USD", "GBP"))["source"] == "ecb"
    monkeypatch.setattr(books, "LOOK_AGAIN_S", 0.0)
    assert (await rate(api, "USD", "GBP"))["source"] == "manual"
