"""VAT ids over the API: how one stands with its customer, a check now, the evidence of an invoice, the policy."""

from __future__ import annotations

from typing import Any

import pytest
from http_driving import Api
from vat_desk import AUSTRIAN, Day, ask

CUSTOMER = {"name": "Alpenklang", "email": "a@a.example", "country": "AT", "vat_id": AUSTRIAN}
LINE = {"description": "Work", "quantity": "1", "unit_price": "100.00", "tax": {"kind": "reverse_charge"}}

pytestmark = pytest.mark.usefixtures("day")


async def customer_of(api: Api, **more: object) -> dict[str, Any]:
    made: dict[str, Any] = (await api.post("/v1/customers", {**CUSTOMER, **more})).json()
    return made


async def check_of(api: Api, customer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get(f"/v1/customers/{customer['id']}")).json()["vat_id_check"]
    return found


async def test_a_customer_shows_how_its_vat_id_stands(api: Api, vies: Any, day: Day) -> None:
    made = await customer_of(api)
    assert (made["vat_id_check"]["state"], made["vat_id_check"]["detail"]) == ("pending", "Not asked yet.")
    await ask()
    check = await check_of(api, made)
    assert (check["state"], check["vat_id"], check["name"]) == ("valid", AUSTRIAN, "Trader ATU13585627")
    assert (check["proof"][:4], check["checked_at"], check["next_check_at"]) == ("WAPI", "2026-11-02T09:00:00Z", None)
    listed = (await api.get("/v1/customers")).json()["data"]
    assert [each["vat_id_check"]["state"] for each in listed] == ["valid"]


async def test_checks_that_are_off_say_so(api: Api) -> None:
    made = await customer_of(api)
    assert made["vat_id_check"]["state"] == "pending"
    assert "CLEARWAY_VAT__VIES_URL" in made["vat_id_check"]["detail"]
    answer = await api.post(f"/v1/customers/{made['id']}/check-vat-id")
    assert (answer.status_code, answer.json()["code"]) == (409, "vat_id_not_checkable")
    assert "CLEARWAY_VAT__VIES_URL" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("vat_id", "words"),
    [("", "has no VAT id"), ("12-3456789", "no prefix"), ("GB980780684", "of GB"), ("DE136695978", "mistyped")],
)
async def test_what_nobody_can_be_asked_about_is_refused_with_the_reason(
    api: Api, vies: Any, vat_id: str, words: str
) -> None:
    made = await customer_of(api, vat_id=vat_id)
    answer = await api.post(f"/v1/customers/{made['id']}/check-vat-id")
    assert (answer.status_code, answer.json()["code"]) == (409, "vat_id_not_checkable")
    assert words in answer.json()["detail"]


async def test_a_check_called_for_is_asked_now_and_once_a_minute_at_most(api: Api, vies: Any, day: Day) -> None:
    made = await customer_of(api)
    await ask()
    day.pass_(seconds=20)
    for _ in range(3):
        answer = await api.post(f"/v1/customers/{made['id']}/check-vat-id")
        assert (answer.status_code, answer.json()["next_check_at"]) == (202, "2026-11-02T09:01:00Z")
        await ask()
    assert len(await vies.asked()) == 1
    day.pass_(seconds=40)
    await ask()
    assert len(await vies.asked()) == 2


async def test_a_call_that_is_repeated_with_its_key_is_one(api: Api, vies: Any) -> None:
    made = await customer_of(api)
    first = await api.post(f"/v1/customers/{made['id']}/check-vat-id", key="one")
    again = await api.post(f"/v1/customers/{made['id']}/check-vat-id", key="one")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()


async def test_a_changed_id_begins_anew(api: Api, vies: Any) -> None:
    made = await customer_of(api)
    await ask()
    path = f"/v1/customers/{made['id']}"
    changed = await api.client.patch(path, json={"vat_id": "IT00743110157"}, headers=api.headers())
    assert (changed.json()["vat_id_check"]["state"], changed.json()["vat_id_check"]["name"]) == ("pending", "")
    renamed = await api.client.patch(path, json={"vat_id": ""}, headers=api.headers())
    assert renamed.json()["vat_id_check"] is None


async def test_another_merchants_customer_is_not_there(api: Api, other: Api, vies: Any) -> None:
    made = await customer_of(api)
    assert (await other.post(f"/v1/customers/{made['id']}/check-vat-id")).status_code == 404


async def test_an_invoice_shows_the_evidence(api: Api, other: Api, vies: Any) -> None:
    made = await customer_of(api)
    await ask()
    draft = {"customer_id": made["id"], "currency": "EUR", "lines": [LINE]}
    invoice = (await api.post("/v1/invoices", draft)).json()["id"]
    path = f"/v1/invoices/{invoice}/vat-id-check"
    assert (await api.get(path)).status_code == 404
    await api.post(f"/v1/invoices/{invoice}/finalize", {"send": False})
    found = (await api.get(path)).json()
    assert (found["state_at_issue"], found["untaxed"], found["answer"]["register"]) == ("valid", True, "vies")
    assert found["answer"]["proof"].startswith("WAPI")
    assert (await other.get(path)).status_code == 404


async def test_a_strict_policy_refuses_by_field(api: Api, vies: Any) -> None:
    path = "/v1/merchant/vat-id-policy"
    assert (await api.get(path)).json() == {"policy": "allow"}
    put = await api.client.put(path, json={"policy": "require"}, headers=api.headers())
    assert (put.json(), (await api.get(path)).json()) == ({"policy": "require"}, {"policy": "require"})
    made = await customer_of(api)
    draft = {"customer_id": made["id"], "currency": "EUR", "lines": [LINE]}
    invoice = (await api.post("/v1/invoices", draft)).json()["id"]
    answer = await api.post(f"/v1/invoices/{invoice}/finalize", {"send": False})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "buyer.vat_id")
    await ask()
    assert (await api.post(f"/v1/invoices/{invoice}/finalize", {"send": False})).status_code == 200


async def test_a_policy_that_there_is_not_is_refused(api: Api) -> None:
    answer = await api.client.put("/v1/merchant/vat-id-policy", json={"policy": "maybe"}, headers=api.headers())
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "policy")
