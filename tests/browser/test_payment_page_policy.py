"""Every page on which one pays, in a real browser: nothing is refused by its own policy, no script is a stranger."""

from __future__ import annotations

import os
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from running_installation import Installation

from orchestrator.web import inventory
from orchestrator.web.inspection import inspect

PATIENCE_MS = 90_000
VISA, NO_FUNDS = "4242424242424242", "4000000000009995"
# Before any script of the page: what the browser refuses is kept where the test finds it.
LISTENER = """
window.refused = [];
document.addEventListener("securitypolicyviolation",
    (event) => window.refused.push(`${event.effectiveDirective} ${event.blockedURI}`));
"""
SCRIPTS = "[...document.scripts].map((it) => [it.getAttribute('src') || '', it.integrity, it.textContent.trim()])"

pytestmark = pytest.mark.timeout(400)


def opened(chromium: Browser, url: str, complaints: list[str]) -> Page:
    page = chromium.new_page(locale="en-GB")
    page.add_init_script(LISTENER)
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(url)
    return page


def checkout(installation: Installation, **more: Any) -> dict[str, Any]:
    body = {"amount": {"amount": 12_900, "currency": "EUR"}, "reference": "order-1", **more}
    made: dict[str, Any] = installation.api.post("/payments", body)
    return made


def assert_clean(page: Page, complaints: list[str], where: str) -> None:
    assert page.evaluate("window.refused") == [], where
    assert [said for said in complaints if "Policy" in said or "integrity" in said] == [], where
    authorised = {script.integrity for script in inventory.scripts()}
    for address, integrity, inline in page.evaluate(SCRIPTS):
        assert not inline, where
        assert integrity in authorised, f"{where}: {address}"


def fill(page: Page, number: str) -> None:
    fields = page.frame_locator("iframe")
    for name, value in {"number": number, "expiry": "1234", "cvc": "123", "holder": "Ada Lovelace"}.items():
        fields.locator(f"#{name}").fill(value)
    page.locator("[data-pay]").click()


def test_no_state_of_the_checkout_offends_its_policy_or_has_a_strange_script(
    installation: Installation, chromium: Browser
) -> None:
    payment, complaints = checkout(installation), list[str]()
    page = opened(chromium, payment["checkout_url"], complaints)
    expect(page.locator("[data-pay]")).to_be_enabled(timeout=PATIENCE_MS)
    assert_clean(page, complaints, "open")
    fill(page, NO_FUNDS)
    expect(page.get_by_role("alert").filter(has_text="not enough funds")).to_be_visible(timeout=PATIENCE_MS)
    assert_clean(page, complaints, "declined")
    fill(page, VISA)
    expect(page.get_by_role("heading", name="Payment received")).to_be_visible(timeout=PATIENCE_MS)
    assert_clean(page, complaints, "paid")
    page.reload()
    assert_clean(page, complaints, "paid before")
    page.close()


def test_the_listener_sees_what_the_policy_refuses(installation: Installation, chromium: Browser) -> None:
    """Else the test above would pass whatever happened."""
    complaints = list[str]()
    page = opened(chromium, checkout(installation)["checkout_url"], complaints)
    page.evaluate(
        "const it = document.createElement('img'); it.src = 'https://evil.example/x.png'; document.body.append(it)"
    )
    page.wait_for_function("window.refused.length > 0")
    with pytest.raises(AssertionError):
        assert_clean(page, complaints, "with a strange picture")
    page.close()


@pytest.mark.parametrize(
    "strange", ["const it = document.createElement('script'); it.src = '/static/checkout.js'; document.body.append(it)"]
)
def test_a_script_without_its_integrity_does_not_run(
    installation: Installation, chromium: Browser, strange: str
) -> None:
    """Trusted types refuse to make one, Integrity-Policy to fetch one."""
    page = opened(chromium, checkout(installation)["checkout_url"], [])
    page.evaluate(f"try {{ {strange} }} catch (error) {{ window.refused.push(String(error)) }}")
    page.wait_for_function("window.refused.length > 0")
    page.close()


def test_the_doctors_look_finds_the_page_as_authorised(installation: Installation) -> None:
    payment = checkout(installation)
    token = payment["checkout_url"].split("/pay/")[1]
    vault = str(installation.world._urls["vault"]) + "/fields"
    from orchestrator.settings import get_settings

    before = os.environ["CLEARWAY_PUBLIC_URL"]
    os.environ["CLEARWAY_PUBLIC_URL"] = installation.url
    get_settings.cache_clear()
    try:
        assert inspect(installation.url, token, vault) == []
        assert inspect(installation.url, token, "https://other.example/fields") != []
    finally:
        os.environ["CLEARWAY_PUBLIC_URL"] = before
        get_settings.cache_clear()
