"""E-invoices over HTTP: how a customer gets them, where they are on their way, and what an access point reports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from http_driving import Api

from orchestrator.billing.transmissions import service as transmissions
from orchestrator.settings import get_settings

LEITWEG_ID = "991-01484-64"
WISH: dict[str, Any] = {
    "format": "factur_x",
    "channel": "file_drop",
    "address": {"scheme": "0204", "identifier": LEITWEG_ID},
    "buyer_reference": LEITWEG_ID,
}
CUSTOMER = {"name": "Beta", "email": "ap@beta.example", "country": "DE", "city": "Hamburg", "postal_code": "20457"}
VAT = {"kind": "vat", "rate_bps": 1900}
LINES = [{"description": "Work", "quantity": "1", "unit_price": "80", "tax": VAT}]


@pytest.fixture(autouse=True)
def drop_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CLEARWAY_EINVOICE_DROP_DIR", str(tmp_path))
    get_settings.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    get_settings.cache_clear()


async def customer_with(api: Api, wish: dict[str, Any] | None) -> str:
    answer = await api.post("/v1/customers", {**CUSTOMER, "e_invoice": wish})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def sent_out(api: Api) -> dict[str, Any]:
    draft = {"currency": "EUR", "lines": LINES, "customer_id": await customer_with(api, WISH)}
    invoice = (await api.post("/v1/invoices", draft)).json()
    issued = await api.post(f"/v1/invoices/{invoice['id']}/finalize", {})
    assert issued.status_code == 200, issued.text
    (found,) = (await api.get(f"/v1/transmissions?document_id={invoice['id']}")).json()["data"]
    return dict(found)


async def test_a_customers_wish_is_kept_changed_and_taken_back(api: Api) -> None:
    path = f"/v1/customers/{await customer_with(api, WISH)}"
    assert (await api.get(path)).json()["e_invoice"] == WISH
    assert (await api.client.patch(path, json={"name": "B"}, headers=api.headers())).json()["e_invoice"] == WISH
    other = {"format": "xrechnung_ubl"}
    changed = (await api.client.patch(path, json={"e_invoice": other}, headers=api.headers())).json()["e_invoice"]
    assert changed == {"format": "xrechnung_ubl", "channel": "email", "address": None, "buyer_reference": ""}
    gone = await api.client.patch(path, json={"e_invoice": None}, headers=api.headers())
    assert gone.json()["e_invoice"] is None


@pytest.mark.parametrize(
    ("changed", "field", "remedy"),
    [
        ({"address": {"scheme": "1234", "identifier": "1"}}, "e_invoice.address.scheme", "EAS list"),
        ({"address": {"scheme": "0204", "identifier": "991-01484-65"}}, "e_invoice.address.identifier", "mistyped"),
        ({"address": {"scheme": "9930", "identifier": "DE136695977"}}, "e_invoice.address.identifier", "VAT id of DE"),
        ({"channel": "peppol", "address": None, "format": "peppol_bis_3"}, "e_invoice.address", "fill in its scheme"),
        ({"channel": "poland_ksef"}, "e_invoice.channel", "choose file_drop"),
        ({"channel": "pigeon"}, "e_invoice.channel", "pigeon"),
        ({"format": None}, "e_invoice.format", "choose factur_x"),
        ({"form": "factur_x"}, "e_invoice.form", "not known"),
    ],
)
async def test_a_wish_that_does_not_fit_names_the_field_and_the_remedy(
    api: Api, changed: dict[str, Any], field: str, remedy: str
) -> None:
    answer = await api.post("/v1/customers", {**CUSTOMER, "e_invoice": {**WISH, **changed}})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field"), answer.text
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert remedy in error["message"]
    path = f"/v1/customers/{await customer_with(api, WISH)}"
    body = {"e_invoice": {**WISH, **changed}}
    assert (await api.client.patch(path, json=body, headers=api.headers())).status_code == 422


EXPORTED = {"country": "KW", "vat_id": ""}


@pytest.mark.parametrize(
    ("customer", "draft", "field"),
    [
        ({"vat_id": "DE136695977"}, {}, "buyer.vat_id"),
        ({}, {"currency": "EUX"}, "currency"),
        (EXPORTED, {"currency": "KWD", "lines": [{**LINES[0], "tax": {"kind": "export"}}]}, "currency"),
        ({}, {"lines": [{**LINES[0], "unit": "ZZZ"}]}, "lines[0].unit"),
    ],
)
async def test_what_the_customers_format_cannot_say_is_refused_by_field_and_stays_a_draft(
    api: Api, customer: dict[str, Any], draft: dict[str, Any], field: str
) -> None:
    customer_id = await customer_with(api, WISH)
    await api.client.patch(f"/v1/customers/{customer_id}", json=customer, headers=api.headers())
    answer = await api.post("/v1/invoices", {"currency": "EUR", "lines": LINES, "customer_id": customer_id, **draft})
    if answer.status_code == 201:
        path = f"/v1/invoices/{answer.json()['id']}"
        answer = await api.post(f"{path}/finalize", {})
        found = (await api.get(path)).json()
        assert (found["state"], found["number"]) == ("draft", None)
    assert answer.status_code == 422, answer.text
    error = answer.json()["errors"][0]
    assert error["field"] == field, answer.text
    assert len(error["message"]) > 20


async def test_a_missing_buyer_reference_is_refused_by_field_with_the_remedy(api: Api) -> None:
    customer_id = await customer_with(api, {"format": "xrechnung_ubl"})
    made = (await api.post("/v1/invoices", {"currency": "EUR", "lines": LINES, "customer_id": customer_id})).json()
    answer = await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False})
    assert (answer.status_code, answer.json()["code"]) == (422, "e_invoice_refused")
    told = {error["field"]: error["message"] for error in answer.json()["errors"]}
    assert "Leitweg-ID" in told["buyer_reference"]


async def test_an_installation_without_the_directory_says_so(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLEARWAY_EINVOICE_DROP_DIR")
    get_settings.cache_clear()
    draft = {"currency": "EUR", "lines": LINES, "customer_id": await customer_with(api, WISH)}
    made = (await api.post("/v1/invoices", draft)).json()
    answer = await api.post(f"/v1/invoices/{made['id']}/finalize", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "e_invoice_channel_not_set_up")


async def test_a_transmission_is_followed_from_the_queue_to_the_last_word(api: Api, drop_dir: Path) -> None:
    row = await sent_out(api)
    path = f"/v1/transmissions/{row['id']}"
    assert (row["state"], row["sha256"], row["acknowledgements"]) == ("queued", None, None)
    assert (await api.get(f"{path}/xml")).json()["code"] == "conflict"
    await transmissions.transmit(row["id"])
    sent = (await api.get(path)).json()
    assert (sent["state"], sent["acknowledgements"], sent["message_id"]) == ("sent", [], row["id"])
    dropped = drop_dir / api.merchant_id / "file_drop" / "outbox" / f"{row['id']}.xml"
    assert (await api.get(f"{path}/xml")).content == dropped.read_bytes()
    word = {"report_id": "r1", "state": "delivered", "reference": "AS4-1"}
    assert (await api.post(f"{path}/acknowledgements", word)).json()["state"] == "delivered"
    bare = await api.post(f"{path}/acknowledgements", {"report_id": "r2", "state": "rejected"})
    assert (bare.status_code, bare.json()["errors"][0]["field"]) == (422, "text")
    word = {"report_id": "r2", "state": "rejected", "text": "unknown order"}
    answers = [await api.post(f"{path}/acknowledgements", word) for _ in range(2)]
    assert [answer.json()["state"] for answer in answers] == ["rejected", "rejected"]
    told = answers[1].json()
    assert (told["error"], [one["report_id"] for one in told["acknowledgements"]]) == ("unknown order", ["r1", "r2"])
    other = await api.post(f"{path}/acknowledgements", {"report_id": "r3", "state": "accepted"})
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert [one["id"] for one in (await api.get("/v1/transmissions?state=rejected")).json()["data"]] == [row["id"]]
    assert (await api.get("/v1/transmissions?state=accepted")).json()["data"] == []
    again = (await api.post(f"{path}/retry")).json()
    assert (again["state"], again["message_id"]) == ("queued", f"{row['id']}-2")
    assert (await api.post(f"{path}/retry")).status_code == 409


async def test_an_invoice_shows_where_its_e_invoice_is(api: Api) -> None:
    row = await sent_out(api)
    (shown,) = (await api.get(f"/v1/invoices/{row['document_id']}")).json()["transmissions"]
    assert shown == {"id": row["id"], "channel": "file_drop", "format": "factur_x", "state": "queued", "error": ""}


async def test_sending_on_demand_goes_by_the_customers_channel_too(api: Api) -> None:
    draft = {"currency": "EUR", "lines": LINES, "customer_id": await customer_with(api, WISH)}
    invoice_id = (await api.post("/v1/invoices", draft)).json()["id"]
    await api.post(f"/v1/invoices/{invoice_id}/finalize", {"send": False})
    assert (await api.get(f"/v1/invoices/{invoice_id}")).json()["transmissions"] is None
    answer = await api.post(f"/v1/invoices/{invoice_id}/send", {})
    assert answer.status_code < 300, answer.text
    (shown,) = (await api.get(f"/v1/invoices/{invoice_id}")).json()["transmissions"]
    assert shown["state"] == "queued"


async def test_sending_an_issued_invoice_again_is_the_same_transmission(api: Api) -> None:
    row = await sent_out(api)
    again = await api.post("/v1/transmissions", {"document_id": row["document_id"]})
    assert (again.status_code, again.json()["id"]) == (201, row["id"])


async def test_what_goes_by_mail_has_no_transmission(api: Api) -> None:
    draft = {"currency": "EUR", "lines": LINES, "customer_id": await customer_with(api, None)}
    made = (await api.post("/v1/invoices", draft)).json()
    assert (await api.post("/v1/transmissions", {"document_id": made["id"]})).status_code == 409
    await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False})
    answer = await api.post("/v1/transmissions", {"document_id": made["id"]})
    assert (answer.status_code, "e_invoice.channel" in answer.json()["detail"]) == (409, True)
