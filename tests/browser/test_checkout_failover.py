"""A shopper pays in a real browser, on the whole stack: over an outage, and with strong authentication.

Every page that matters is kept as a picture in build/screenshots, on a phone and on a desk.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect
from running_installation import Installation

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 900}
VISA, CHALLENGED, NO_FUNDS = "4242424242424242", "4000002760003184", "4000000000009995"
PATIENCE_MS = 90_000

pytestmark = pytest.mark.timeout(400)


def checkout(installation: Installation, **more: Any) -> dict[str, Any]:
    body = {
        "amount": {"amount": 12_900, "currency": "EUR"},
        "reference": "order-1042",
        "description": "A pair of tuning forks",
        **more,
    }
    made: dict[str, Any] = installation.api.post("/payments", body)
    return made


def pay(page: Page, number: str) -> None:
    fields = page.frame_locator("iframe")
    for name, value in {"number": number, "expiry": "1234", "cvc": "123", "holder": "Ada Lovelace"}.items():
        fields.locator(f"#{name}").fill(value)
    page.locator("[data-pay]").click()


def picture(page: Page, name: str) -> None:
    """The page as it is on a phone and on a desk."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for kind, size in (("phone", PHONE), ("desk", DESK)):
        page.set_viewport_size(size)
        page.screenshot(path=SCREENSHOTS / f"{name}-{kind}.png", full_page=True)


def opened(chromium: Browser, url: str) -> Page:
    page = chromium.new_page(viewport=PHONE, locale="en-GB")
    page.goto(url)
    return page


def sign_in(page: Page, installation: Installation) -> None:
    page.goto(f"{installation.url}/console")
    page.get_by_label("API key").fill(installation.api.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Payments")).to_be_visible()


def test_an_outage_of_the_first_gateway_is_not_noticed_and_the_card_is_charged_once(
    installation: Installation, chromium: Browser
) -> None:
    payment = checkout(installation)
    with installation.world.outage("adyen"):
        page = opened(chromium, payment["checkout_url"])
        expect(page.locator("[data-pay]")).to_be_enabled()
        picture(page, "checkout-open")
        pay(page, VISA)
        expect(page.get_by_role("heading", name="Payment received")).to_be_visible(timeout=PATIENCE_MS)
        picture(page, "checkout-succeeded")

    kept = installation.world.kept(payment["id"])
    assert [(charge["gateway"], charge["captured_minor"]) for charge in kept] == [("stripe", 12_900)]
    assert installation.world.charges(payment["id"]) == kept
    page.close()

    desk = opened(chromium, installation.url)
    picture(desk, "console-login")
    sign_in(desk, installation)
    desk.goto(f"{installation.url}/console/payments/{payment['id']}")
    expect(desk.get_by_text("same card at Stripe")).to_be_visible()
    picture(desk, "console-timeline")
    desk.goto(f"{installation.url}/console/payments")
    picture(desk, "console-payments")
    desk.goto(f"{installation.url}/console/webhooks")
    picture(desk, "console-webhooks")
    desk.close()


def test_a_challenge_is_passed_at_the_bank_and_the_shopper_comes_back_to_success(
    installation: Installation, chromium: Browser
) -> None:
    payment = checkout(installation)
    page = opened(chromium, payment["checkout_url"])
    pay(page, CHALLENGED)
    page.wait_for_url("**/challenge/**", timeout=PATIENCE_MS)
    page.get_by_label("Password").fill("password")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Payment received")).to_be_visible(timeout=PATIENCE_MS)
    assert page.url.split("?")[0] == payment["checkout_url"]
    assert len(installation.world.charges(payment["id"])) == 1
    page.close()


def test_a_decline_is_told_and_another_card_pays(installation: Installation, chromium: Browser) -> None:
    payment = checkout(installation)
    page = opened(chromium, payment["checkout_url"])
    pay(page, NO_FUNDS)
    expect(page.get_by_role("alert").filter(has_text="not enough funds")).to_be_visible(timeout=PATIENCE_MS)
    picture(page, "checkout-declined")
    pay(page, VISA)
    expect(page.get_by_role("heading", name="Payment received")).to_be_visible(timeout=PATIENCE_MS)
    assert len(installation.world.kept(payment["id"])) <= 1  # Adyen's capture may still be under way
    page.close()


def test_an_invoice_is_paid_and_says_so(installation: Installation, chromium: Browser) -> None:
    api = installation.api
    customer = api.post("/customers", {"name": "Cellomania SARL", "country": "FR", "email": "ap@cellomania.example"})
    line = {
        "description": "Cello strings",
        "quantity": "12",
        "unit_price": "31.50",
        "tax": {"kind": "vat", "rate_bps": 1900},
    }
    draft = api.post(
        "/invoices",
        {"customer_id": customer["id"], "currency": "EUR", "lines": [line], "terms": {"net_days": 30}},
    )
    invoice = api.post(f"/invoices/{draft['id']}/finalize")
    page = opened(chromium, invoice["hosted_url"])
    picture(page, "invoice-open")
    page.get_by_role("button", name="Pay").click()
    pay(page, VISA)
    expect(page.get_by_role("heading", name="Payment received")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("link", name="View the invoice").click()
    expect(page.get_by_text("Paid on")).to_be_visible(timeout=PATIENCE_MS)
    picture(page, "invoice-paid")
    sign_in(page, installation)
    page.get_by_role("link", name="Invoices").click()
    expect(page.get_by_role("link", name=invoice["number"])).to_be_visible()
    picture(page, "console-invoices")
    page.get_by_role("link", name="Finance").click()
    expect(page.get_by_text("No report has been imported yet")).to_be_visible()
    picture(page, "console-reconciliation")
    page.close()
