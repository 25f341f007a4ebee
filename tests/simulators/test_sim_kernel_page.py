"""The page for people at /simulators: it shows what is, and its forms do what they say."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from sim_driving import Simulators


@pytest.fixture
def url(simulators: Simulators) -> str:
    return simulators.urls["control"] + "/simulators"


def send(url: str, path: str, headers: dict[str, str] | None = None, **form: str) -> requests.Response:
    return requests.post(url + path, data=form, headers=headers, timeout=10)


def test_the_page_has_no_script_and_may_not_be_framed(url: str) -> None:
    page = requests.get(url, timeout=10)
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_what_others_write_is_escaped(simulators: Simulators, url: str) -> None:
    order: dict[str, Any] = {"gateway": "stripe", "account": "<img src=x>"}
    simulators.post("/charges/foreign", **order, amount_minor=1234, currency="EUR")
    page = requests.get(url, timeout=10).text
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page
    assert "12.34 EUR" in page


def test_the_clock_has_buttons(simulators: Simulators, url: str) -> None:
    before = simulators.get("/clock")["ahead_seconds"]
    page = send(url, "/clock", advance_seconds="3600")
    assert page.url == url  # sent back to it
    assert simulators.get("/clock")["ahead_seconds"] == before + 3600


def test_an_outage_is_begun_seen_and_ended(simulators: Simulators, url: str) -> None:
    assert "Open adyen" in send(url, "/outage", gateway="adyen", on="yes").text
    with pytest.raises(requests.ConnectionError, match="refused"):
        requests.get(simulators.urls["adyen"], timeout=10)
    assert "Open adyen" not in send(url, "/outage", gateway="adyen", on="no").text


def test_a_scenario_is_added_by_the_form_and_cleared(simulators: Simulators, url: str) -> None:
    form = {
        "gateway": "stripe",
        "operation": "refund",
        "behaviour": "decline",
        "code": "51",
        "times": "",
        "share": "0.5",
    }
    assert "decline 51" in send(url, "/scenarios", **form).text
    [scenario] = simulators.get("/scenarios")
    assert (scenario["code"], scenario["share"], scenario["times"]) == ("51", 0.5, None)
    assert "Nothing is set to go wrong." in send(url, "/scenarios/clear").text
    assert simulators.get("/scenarios") == []


def test_a_wrong_field_is_told_on_the_page(simulators: Simulators, url: str) -> None:
    form = {"gateway": "stripe", "operation": "refund", "behaviour": "delay", "seconds": "<b>soon"}
    page = send(url, "/scenarios", **form)
    assert (page.status_code, "seconds must be a number" in page.text, "<b>" in page.text) == (422, True, False)
    assert simulators.get("/scenarios") == []


def test_webhooks_are_treated_by_the_form(simulators: Simulators, url: str) -> None:
    send(url, "/webhooks", gateway="paypal", mode="late", seconds="60")
    assert [t["seconds"] for t in simulators.get("/webhooks/mode") if t["gateway"] == "paypal"] == [60]
    send(url, "/webhooks", gateway="paypal", mode="normal")
    assert [t for t in simulators.get("/webhooks/mode") if t["gateway"] == "paypal"] == []


def test_a_dispute_is_decided_on_the_page(simulators: Simulators, url: str) -> None:
    order: dict[str, Any] = {"gateway": "stripe", "account": "page-shop"}
    charge = simulators.post("/charges/foreign", **order, amount_minor=1000, currency="EUR")["id"]
    dispute = simulators.post("/disputes", **order, charge=charge)["id"]
    assert dispute in requests.get(url, timeout=10).text
    send(url, "/disputes", id=dispute, outcome="lost")
    assert [d["state"] for d in simulators.get("/disputes") if d["id"] == dispute] == ["lost"]
    assert send(url, "/disputes", id=dispute, outcome="won").status_code == 422


def test_another_sites_form_is_turned_away(simulators: Simulators, url: str) -> None:
    before = simulators.get("/clock")["ahead_seconds"]
    answer = send(url, "/clock", {"Origin": "http://evil.example"}, advance_seconds="3600")
    assert (answer.status_code, simulators.get("/clock")["ahead_seconds"]) == (403, before)
