"""Adyen's payment page, and the address of our webhooks there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from adyen_served import CONTRACTS, EUR, Body, Served, adyen, fits, reason_of, served, whole_adyen

from orchestrator.gateways.adyen.endpoints import PAGE_SIZE
from orchestrator.gateways.credentials import Shopper
from orchestrator.gateways.facets import CheckoutOrder
from routing.outcomes import OutcomeKind

WEBHOOKS = "/v3/merchants/Shop/webhooks"
CHECKOUT = CheckoutOrder(
    "key_1",
    "pay_1",
    "att_1",
    EUR,
    "Two books",
    "https://shop.example/back",
    "https://shop.example/away",
    shopper=Shopper("ada@shop.example", ip="192.0.2.7", country="DE", locale="de-DE"),
)


@pytest.fixture
def at() -> Iterator[Served]:
    with served() as address:
        yield address


@pytest.fixture
def facets(at: Served) -> Iterator[Any]:
    with whole_adyen(at) as gateway:
        yield gateway.facets


def link(status: str = "active", value: int = 1230) -> Body:
    amount = {"value": value, "currency": "EUR"}
    return {"id": "PL1", "url": "https://eu.adyen.link/PL1", "status": status, "amount": amount}


@pytest.mark.skipif(not CONTRACTS.exists(), reason="the shared contracts are not here")
def test_page_is_opened_once_for_this_amount(at: Served, facets: Any) -> None:
    at.answer("POST /v72/paymentLinks", 201, link())
    answer = facets.checkout.open(CHECKOUT)
    assert (answer.kind, answer.value.url, answer.value.status) == (
        OutcomeKind.APPROVED,
        "https://eu.adyen.link/PL1",
        "open",
    )
    taken = at.only()
    fits("PaymentLinkRequest", taken.body)
    assert (taken.body["reference"], taken.body["reusable"]) == ("att_1", False)
    assert taken.headers["idempotency-key"] == "key_1"


def test_page_for_another_amount_is_not_believed(at: Served, facets: Any) -> None:
    at.answer("POST /v72/paymentLinks", 201, link(value=1))
    assert facets.checkout.open(CHECKOUT).kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize(
    ("status", "ours"),
    [("active", "open"), ("paymentPending", "open"), ("completed", "paid"), ("paid", "paid"), ("expired", "expired")],
)
def test_page_is_read(at: Served, facets: Any, status: str, ours: str) -> None:
    at.answer("GET /v72/paymentLinks/PL1", 200, link(status))
    assert facets.checkout.fetch("PL1").value.status == ours


def test_page_in_a_state_that_is_not_known_is_not_guessed(at: Served, facets: Any) -> None:
    at.answer("GET /v72/paymentLinks/PL1", 200, link("something_new"))
    assert facets.checkout.fetch("PL1").kind is OutcomeKind.UNKNOWN


@pytest.mark.skipif(not CONTRACTS.exists(), reason="the shared contracts are not here")
def test_page_is_closed(at: Served, facets: Any) -> None:
    at.answer("PATCH /v72/paymentLinks/PL1", 200, link("expired"))
    assert facets.checkout.expire("PL1", "key_1").value.status == "expired"
    fits("UpdatePaymentLinkRequest", at.only().body)


def webhook(url: str, type_: str = "standard", active: bool = True, id: str = "S2-1") -> Body:
    return {"id": id, "type": type_, "url": url, "active": active}


def test_webhook_is_registered_with_a_key_of_its_own(at: Served, facets: Any) -> None:
    at.answer(f"GET {WEBHOOKS}", 200, {"data": [webhook("https://other.example/")]})
    at.answer(f"POST {WEBHOOKS}", 200, webhook("https://shop.example/hook"))
    at.answer(f"POST {WEBHOOKS}/S2-1/generateHmac", 200, {"hmacKey": "AB12"})
    answer = facets.endpoints.register("https://shop.example/hook", "key_1")
    assert answer.kind is OutcomeKind.APPROVED
    assert (answer.value.endpoint_id, answer.value.secrets) == ("S2-1", {"hmac_key": "AB12"})
    made = at.taken[1].body
    assert (made["type"], made["active"], made["communicationFormat"]) == ("standard", True, "json")
    assert {"CHARGEBACK", "EXPIRE", "REPORT_AVAILABLE"} <= set(made["additionalSettings"]["includeEventCodes"])


def test_webhook_that_is_there_already_is_not_added_again(at: Served, facets: Any) -> None:
    there = [webhook("https://shop.example/hook", "report-notification", id="R1"), webhook("https://shop.example/hook")]
    at.answer(f"GET {WEBHOOKS}", 200, {"data": there})
    at.answer(f"POST {WEBHOOKS}/S2-1/generateHmac", 200, {"hmacKey": "AB12"})
    assert facets.endpoints.register("https://shop.example/hook", "key_1").kind is OutcomeKind.APPROVED
    assert f"POST {WEBHOOKS}" not in at.paths()


def test_webhook_is_looked_for_on_every_page(at: Served, facets: Any) -> None:
    full = [webhook(f"https://other.example/{number}", "report-notification") for number in range(PAGE_SIZE)]
    at.answer(f"GET {WEBHOOKS}", 200, {"data": full})
    at.answer(f"GET {WEBHOOKS}", 200, {"data": [webhook("https://shop.example/hook")]})
    at.answer(f"POST {WEBHOOKS}/S2-1/generateHmac", 200, {"hmacKey": "AB12"})
    assert facets.endpoints.register("https://shop.example/hook", "key_1").kind is OutcomeKind.APPROVED
    assert [taken.path.partition("?")[2] for taken in at.taken[:2]] == [
        "pageNumber=1&pageSize=100",
        "pageNumber=2&pageSize=100",
    ]


def test_nothing_is_registered_while_what_is_there_cannot_be_read(at: Served, facets: Any) -> None:
    at.answer(f"GET {WEBHOOKS}", 403, {"errorCode": "00_403", "detail": "No role"})
    answer = facets.endpoints.register("https://shop.example/hook", "key_1")
    assert reason_of(answer) == "merchant_config"
    assert len(at.taken) == 1


def test_webhook_whose_key_was_not_made_is_not_done(at: Served, facets: Any) -> None:
    at.answer(f"GET {WEBHOOKS}", 200, {"data": [webhook("https://shop.example/hook")]})
    at.answer(f"POST {WEBHOOKS}/S2-1/generateHmac", 500)
    answer = facets.endpoints.register("https://shop.example/hook", "key_1")
    assert (answer.kind, answer.value.endpoint_id) == (OutcomeKind.UNKNOWN, "S2-1")


def test_webhook_is_read_switched_on_and_removed(at: Served, facets: Any) -> None:
    at.answer(f"GET {WEBHOOKS}/S2-1", 200, webhook("https://shop.example/hook", active=False))
    assert facets.endpoints.fetch("S2-1").value.enabled is False
    at.answer(f"PATCH {WEBHOOKS}/S2-1", 200, webhook("https://shop.example/hook"))
    assert facets.endpoints.enable("S2-1").value.enabled is True
    assert at.taken[-1].body == {"active": True}
    at.answer(f"DELETE {WEBHOOKS}/S2-1", 204, b"")
    assert facets.endpoints.remove("S2-1").kind is OutcomeKind.APPROVED


def test_webhook_that_is_gone_already_is_removed(at: Served, facets: Any) -> None:
    at.answer(f"DELETE {WEBHOOKS}/S2-1", 404, {"errorCode": "00_404", "detail": "Not found"})
    assert facets.endpoints.remove("S2-1").kind is OutcomeKind.APPROVED


def test_basic_authentication_is_told_to_adyen(at: Served) -> None:
    at.answer(f"GET {WEBHOOKS}", 200, {"data": []})
    at.answer(f"POST {WEBHOOKS}", 200, webhook("https://shop.example/hook"))
    with adyen(at, webhook_username="user", webhook_password="pass") as gateway:
        assert gateway.facets.endpoints is not None
        gateway.facets.endpoints.register("https://shop.example/hook", "key_1")
    assert (at.taken[1].body["username"], at.taken[1].body["password"]) == ("user", "pass")
