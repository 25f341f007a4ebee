"""What was sent over HTTP: listed, sent again, and told that it came back."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest
from http_driving import Api

LINE = {"description": "Work", "quantity": "1", "unit_price": "100", "tax": {"kind": "vat", "rate_bps": 1900}}
BUYER = {"name": "Beta GmbH", "country": "DE", "email": "ap@beta.example"}


async def issued(api: Api, buyer: dict[str, Any] | None = None, send: bool = True) -> str:
    draft = {"currency": "EUR", "lines": [LINE], "buyer": buyer or BUYER}
    made = (await api.post("/v1/invoices", draft)).json()["id"]
    answer = await api.post(f"/v1/invoices/{made}/finalize", {"send": send})
    assert answer.status_code == 200, answer.text
    return str(made)


async def deliveries_of(api: Api, document_id: str, state: str = "") -> list[dict[str, Any]]:
    query = f"?document_id={document_id}" + (f"&state={state}" if state else "")
    found: list[dict[str, Any]] = (await api.get(f"/v1/deliveries{query}")).json()["data"]
    return found


async def bounce(api: Api, raw: bytes, query: str = "") -> httpx.Response:
    headers = {**api.headers(), "Idempotency-Key": str(uuid.uuid4()), "Content-Type": "message/rfc822"}
    return await api.client.post(f"/v1/mail-bounces{query}", content=raw, headers=headers)


def report(message_id: str, action: str = "failed", status: str = "5.1.1", to: str = "billing@acme.example") -> bytes:
    returned = f"Message-ID: {message_id}\r\n" if message_id else ""
    return (
        f"From: MAILER-DAEMON@mx.example\r\nTo: {to}\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; ap@beta.example\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 no such user\r\n"
        f"\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{returned}\r\n--b--\r\n"
    ).encode()


async def test_an_issued_invoice_has_a_delivery(api: Api) -> None:
    invoice_id = await issued(api)
    [found] = await deliveries_of(api, invoice_id)
    assert (found["kind"], found["channel"], found["state"], found["to"]) == (
        "document",
        "email",
        "queued",
        "ap@beta.example",
    )
    assert found["requested_by"].startswith("key:key_")
    assert (await api.get(f"/v1/deliveries/{found['id']}")).json() == found
    assert await deliveries_of(api, invoice_id, "bounced") == []
    assert await deliveries_of(api, await issued(api, send=False)) == []


async def test_an_invoice_is_sent_again_to_its_buyer_or_elsewhere_once_for_each_request(api: Api) -> None:
    invoice_id = await issued(api)
    first = await api.post(f"/v1/invoices/{invoice_id}/send", {"to": "boss@beta.example"}, key="k")
    again = await api.post(f"/v1/invoices/{invoice_id}/send", {"to": "boss@beta.example"}, key="k")
    plain = await api.post(f"/v1/invoices/{invoice_id}/send")
    assert (first.status_code, again.json(), plain.status_code) == (201, first.json(), 201)
    assert [one["to"] for one in await deliveries_of(api, invoice_id)] == [
        "ap@beta.example",
        "boss@beta.example",
        "ap@beta.example",
    ]


async def test_a_credit_note_and_a_quote_are_sent_again(api: Api) -> None:
    invoice_id = await issued(api)
    note = (await api.post("/v1/credit-notes", {"invoice_id": invoice_id, "send": False})).json()["id"]
    sent = (await api.post(f"/v1/credit-notes/{note}/send")).json()
    assert (sent["document_id"], sent["thread_id"], sent["state"]) == (note, invoice_id, "queued")
    quote = (await api.post("/v1/quotes", {"currency": "EUR", "lines": [LINE], "buyer": BUYER})).json()["id"]
    await api.post(f"/v1/quotes/{quote}/finalize", {"send": False})
    assert (await api.post(f"/v1/quotes/{quote}/send")).json()["document_id"] == quote
    assert (await api.post(f"/v1/credit-notes/{invoice_id}/send")).status_code == 404


async def test_an_invoice_without_an_address_is_issued_and_its_sending_says_what_is_missing(api: Api) -> None:
    invoice_id = await issued(api, {"name": "Beta GmbH", "country": "DE"})
    [found] = await deliveries_of(api, invoice_id, "not_sent")
    assert "no e-mail address" in found["error"]
    answer = await api.post(f"/v1/invoices/{invoice_id}/send")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "to")
    assert "give the one to send it to" in answer.json()["detail"]
    assert (await api.post(f"/v1/invoices/{invoice_id}/send", {"to": "a@b.example"})).status_code == 201


@pytest.mark.parametrize("to", ["a@b.example,c@d.example", "a@b", "<a@b.example>", "ü@b.example", "a@b.example\n"])
async def test_an_address_that_is_none_is_refused_by_field(api: Api, to: str) -> None:
    invoice_id = await issued(api, send=False)
    answer = await api.post(f"/v1/invoices/{invoice_id}/send", {"to": to})
    if to == "a@b":  # a host without a domain, as in a company's own network
        assert answer.status_code == 201
    else:
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "to")


async def test_a_draft_is_not_sent(api: Api) -> None:
    draft = (await api.post("/v1/invoices", {"currency": "EUR", "lines": [LINE], "buyer": BUYER})).json()["id"]
    answer = await api.post(f"/v1/invoices/{draft}/send")
    assert (answer.status_code, "Finalize it first" in answer.json()["detail"]) == (409, True)


async def test_a_mail_that_came_back_is_recorded_once(api: Api) -> None:
    [sent] = await deliveries_of(api, await issued(api))
    first, again = await bounce(api, report(sent["message_id"])), await bounce(api, report(sent["message_id"]))
    assert (first.status_code, first.json()["result"], again.json()["result"]) == (200, "bounced", "known")
    assert first.json()["delivery"]["state"] == again.json()["delivery"]["state"] == "bounced"
    assert first.json()["delivery"]["error"] == "5.1.1: 550 no such user"
    told = (await api.get("/v1/events?type=delivery.failed")).json()["data"]
    assert [event["data"]["delivery"] for event in told] == [sent["id"]]


async def test_a_report_that_returns_nothing_is_known_by_its_address(api: Api) -> None:
    [sent] = await deliveries_of(api, await issued(api))
    answer = await bounce(api, report(""), f"?recipient=bounces%2B{sent['id']}@acme.example")
    assert answer.json()["result"] == "bounced"


async def test_a_mail_that_is_late_is_left_alone(api: Api) -> None:
    [sent] = await deliveries_of(api, await issued(api))
    answer = await bounce(api, report(sent["message_id"], "delayed", "4.4.1"))
    assert (answer.status_code, answer.json()["result"]) == (200, "not_a_bounce")
    assert answer.json()["delivery"]["state"] == "queued"


async def test_another_merchants_mail_and_an_unknown_one_are_not_found(api: Api, other: Api) -> None:
    [sent] = await deliveries_of(api, await issued(api))
    by_id = f"?recipient=bounces%2B{sent['id']}@acme.example"
    for answer in (
        await bounce(other, report(sent["message_id"]), by_id),
        await bounce(api, report("<x@y.example>")),
        await bounce(api, report("")),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "bounce_unmatched")
    assert (await deliveries_of(api, sent["document_id"]))[0]["state"] == "queued"


async def test_what_is_no_report_is_refused_in_words(api: Api) -> None:
    answer = await bounce(api, b"Subject: I am on holiday\r\n\r\nBack in May.")
    assert (answer.status_code, answer.json()["code"]) == (422, "not_a_delivery_report")
    assert (await bounce(api, b"")).status_code == 422
    assert (await bounce(api, b"x" * 5_000_001)).status_code == 413


async def test_only_an_invoice_has_a_page(api: Api) -> None:
    invoice_id = await issued(api, send=False)
    assert "/i/" in (await api.get(f"/v1/invoices/{invoice_id}")).json()["hosted_url"]
    quote = (await api.post("/v1/quotes", {"currency": "EUR", "lines": [LINE], "buyer": BUYER})).json()["id"]
    await api.post(f"/v1/quotes/{quote}/finalize", {"send": False})
    note = (await api.post("/v1/credit-notes", {"invoice_id": invoice_id, "send": False})).json()
    for made in ((await api.get(f"/v1/quotes/{quote}")).json(), note):
        assert made.get("hosted_url") is None
