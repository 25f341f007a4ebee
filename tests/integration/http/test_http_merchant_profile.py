"""The merchant's profile is shown and changed over the API; what is drafted afterwards prints it."""

from __future__ import annotations

from typing import Any

import pytest
from http_driving import Api

PATH = "/v1/merchant/profile"
LINE = {"description": "Work", "quantity": "1", "unit_price": "100"}


async def changed(api: Api, **said: Any) -> Any:
    return await api.client.patch(PATH, json=said, headers=api.headers())


async def test_what_is_given_is_changed_and_the_rest_stays(api: Api) -> None:
    before = (await api.get(PATH)).json()
    answer = await changed(
        api, contact_name="Accounts", contact_phone="+49 40 1", timezone="Europe/Berlin", domestic_rate_bps=2000
    )
    assert answer.status_code == 200, answer.text
    said = {"contact_name": "Accounts", "contact_phone": "+49 40 1", "timezone": "Europe/Berlin"}
    assert (await api.get(PATH)).json() == {**before, **said, "domestic_rate_bps": 2000}
    draft = {"currency": "EUR", "lines": [LINE], "buyer": {"name": "Beta GmbH", "country": "DE"}}
    made = (await api.post("/v1/invoices", draft)).json()
    assert made["tax"]["amount"] == 2000


async def test_the_audit_log_has_what_was_changed_and_nothing_else(api: Api) -> None:
    city = (await api.get(PATH)).json()["city"]
    await changed(api, city="Kiel", contact_name="Ada")
    await changed(api, city="Kiel")
    log = (await api.get("/v1/audit-log", params={"action": "setting.changed"})).json()["data"]
    [entry] = [one for one in log if "city" in (one["after"] or {})]
    assert entry["after"] == {"city": "Kiel", "contact_name": "Ada"}
    assert (entry["before"]["city"] or "") == city


@pytest.mark.parametrize(
    ("said", "field", "remedy"),
    [
        ({"vat_id": "DE136695978"}, "vat_id", "mistyped digit"),
        ({"timezone": "Mars/Base"}, "timezone", "Europe/Berlin"),
        ({"timezone": "../../etc/passwd"}, "timezone", "Europe/Berlin"),
        ({"domestic_rate_bps": 10_001}, "domestic_rate_bps", "10000"),
        ({"seller_size": "huge"}, "seller_size", "give one of large, other, smallest"),
        ({"automatic_charge_retry_after_days": [0]}, "automatic_charge_retry_after_days[0]", ">= 1"),
        ({"write_off_tolerance_minor": {"euro": 5}}, "write_off_tolerance_minor", "length"),
        ({"name": "Other Ltd"}, "name", "is not known here"),
        ({"bank": {}}, "bank", "is not known here"),
        ({"email": "nobody"}, "email", "e-mail address"),
    ],
)
async def test_what_cannot_be_is_refused_by_field(api: Api, said: dict[str, Any], field: str, remedy: str) -> None:
    answer = await changed(api, **said)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["field"].startswith(field)
    assert remedy in error["message"]


async def test_who_may_only_write_invoices_changes_nothing(api: Api) -> None:
    key = (await api.post("/v1/api-keys", {"name": "shop", "scopes": ["invoices:write", "invoices:read"]})).json()
    headers = {"Authorization": f"Bearer {key['secret']}"}
    assert (await api.client.patch(PATH, json={"city": "Kiel"}, headers=headers)).status_code == 403
    assert (await api.client.get(PATH, headers=headers)).status_code == 200
