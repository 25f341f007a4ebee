"""What buyers meet, in a real browser on the whole stack: each language, their merchant's look, and what goes wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect
from running_installation import Installation

from orchestrator.web.locales import LANGUAGES, PageWords

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 900}
PATIENCE_MS = 90_000
VISA, STOLEN, NO_FUNDS = "4242424242424242", "4000000000009979", "4000000000009995"
SHOP = "https://shop.example"
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
LOGO = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 220 60" width="220" height="60">'
    b'<rect width="220" height="60" rx="12" fill="#7a1f3d"/></svg>'
)
GENERIC = "Your bank did not approve this card. Nothing has been charged. Please try another card."
FUNDS = "There are not enough funds on this card. Nothing has been charged. Please try another card."
LISTENER = """
window.refused = [];
document.addEventListener("securitypolicyviolation",
    (event) => window.refused.push(`${event.effectiveDirective} ${event.blockedURI}`));
"""
CUT = """
[...document.querySelectorAll("a, button, summary, h1, h2, p, dt, dd")]
    .filter((it) => it.checkVisibility() && !it.classList.contains("visually-hidden"))
    .filter((it) => it.scrollWidth > it.clientWidth + 1 && getComputedStyle(it).display !== "inline")
    .map((it) => it.textContent.trim().slice(0, 60))
"""
# WCAG 2.2, 2.5.8: 24 by 24 CSS pixels; links within a sentence are excepted.
TOO_SMALL = """
[...document.querySelectorAll("a, button, summary, input:not([type=hidden])")]
    .filter((it) => it.checkVisibility())
    .map((it) => [it.textContent.trim().slice(0, 40), it.getBoundingClientRect()])
    .filter(([, box]) => box.width < 24 || box.height < 24)
    .map(([text, box]) => `${text} ${box.width} x ${box.height}`)
"""

pytestmark = pytest.mark.timeout(400)


def payment(installation: Installation, minor: int = 12_900, currency: str = "EUR", **more: Any) -> dict[str, Any]:
    body = {"amount": {"amount": minor, "currency": currency}, "reference": "order-7", **more}
    made: dict[str, Any] = installation.api.post("/payments", body)
    return made


def session(installation: Installation) -> dict[str, Any]:
    body = {
        "amount": {"amount": 4200, "currency": "EUR"},
        "line_items": [
            {"name": "Wool socks", "quantity": 2, "amount": 3000},
            {"name": "Shipping with a name that is longer than what one line of a phone can take", "amount": 1200},
        ],
        "success_url": f"{SHOP}/thanks",
        "cancel_url": f"{SHOP}/basket",
    }
    made: dict[str, Any] = installation.api.post("/checkout-sessions", body)
    return made


def invoice(installation: Installation) -> dict[str, Any]:
    """Issued and unpaid, over €378.00."""
    api = installation.api
    buyer = {"name": "Cellomania SARL", "country": "FR", "email": f"{uuid4().hex[:8]}@cellomania.example"}
    line = {"description": "Strings", "quantity": "1", "unit_price": "315.00", "tax": {"kind": "vat", "rate_bps": 2000}}
    customer = api.post("/customers", buyer)["id"]
    draft = api.post("/invoices", {"customer_id": customer, "currency": "EUR", "lines": [line]})
    issued: dict[str, Any] = api.post(f"/invoices/{draft['id']}/finalize")
    return issued


@contextmanager
def browsing(chromium: Browser, *, locale: str = "en-GB", size: ViewportSize = PHONE, **more: Any) -> Iterator[Page]:
    """A visitor of their own; the merchant's shop answers whatever is asked of it."""
    context = chromium.new_context(locale=locale, viewport=size, **more)
    context.set_default_timeout(PATIENCE_MS)
    if more.get("java_script_enabled", True):
        context.add_init_script(LISTENER)
    context.route(f"{SHOP}/**", lambda route: route.fulfill(body="the shop", content_type="text/html"))
    yield context.new_page()
    context.close()


def fill(page: Page, number: str) -> None:
    fields = page.frame_locator("iframe")
    for name, value in {"number": number, "expiry": "1234", "cvc": "123", "holder": "Ada Lovelace"}.items():
        fields.locator(f"#{name}").fill(value)
    expect(page.locator("[data-pay]")).to_be_enabled(timeout=PATIENCE_MS)


def pay(page: Page, number: str = VISA) -> None:
    fill(page, number)
    page.locator("[data-pay]").click()


def is_told(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", name=heading)).to_be_visible(timeout=PATIENCE_MS)


def picture(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"buyer-{name}.png", full_page=True)


def assert_sound(page: Page, where: str) -> None:
    """Nothing sticks out, is cut, refused or too small for a finger."""
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth"), where
    assert page.evaluate(CUT) == [], where
    assert page.evaluate(TOO_SMALL) == [], where
    assert page.evaluate("window.refused") == [], where


def test_every_page_speaks_every_language_and_fits_a_phone(installation: Installation, chromium: Browser) -> None:
    body = {"chosen_amount": {"currency": "EUR", "min": 500, "max": 100_000}, "description": "Donation"}
    expired = session(installation)
    installation.api.post(f"/checkout-sessions/{expired['id']}/expire")
    places = {
        "checkout": session(installation)["url"],
        "expired": expired["url"],
        "link": installation.api.post("/payment-links", body)["url"],
        "invoice": invoice(installation)["hosted_url"],
        "error": f"{installation.url}/pay/nothing",
    }
    with browsing(chromium) as page:
        for tag in LANGUAGES:
            words = PageWords(tag.replace("-", "_"), tag.replace("-", "_"))
            for name, url in places.items():
                page.goto(f"{url}?locale={tag}")
                shown = page.evaluate("[document.documentElement.lang, document.documentElement.dir]")
                assert shown == [tag, words.direction], name
                assert_sound(page, f"{name} {tag}")
                picture(page, f"{name}-{tag}")
            page.goto(places["expired"])  # the language that was chosen last
            is_told(page, words.say("This payment page has expired"))


def test_a_merchants_colour_and_logo_are_on_each_of_their_pages(installation: Installation, chromium: Browser) -> None:
    headers = {"Authorization": f"Bearer {installation.api.key}"}
    with httpx2.Client(base_url=f"{installation.url}/v1", headers=headers, timeout=60, trust_env=False) as client:
        client.put("/branding", json={"accent": "#7a1f3d"}).raise_for_status()
        svg = {"Content-Type": "image/svg+xml"}
        client.put("/branding/logo", content=LOGO, headers=svg).raise_for_status()
        link = {"amount": {"amount": 500, "currency": "EUR"}, "description": "A gift"}
        places = (
            payment(installation)["checkout_url"],
            installation.api.post("/payment-links", link)["url"],
            invoice(installation)["hosted_url"],
        )
        for scheme, colour in (("light", "rgb(122, 31, 61)"), ("dark", None)):
            with browsing(chromium, color_scheme=scheme) as page:
                for url in places:
                    page.goto(url)
                    expect(page.locator("img.merchant-logo")).to_be_visible(timeout=PATIENCE_MS)
                    assert page.evaluate("document.querySelector('img.merchant-logo').naturalWidth") > 0
                    button = page.locator("button.button").first
                    if "/pay/" in url:
                        expect(button).to_be_enabled(timeout=PATIENCE_MS)
                    if colour:
                        expect(button).to_have_css("background-color", colour, timeout=PATIENCE_MS)
                    assert_sound(page, url)
        client.delete("/branding/logo").raise_for_status()


def test_the_keyboard_alone_pays(installation: Installation, chromium: Browser) -> None:
    made = payment(installation)
    with browsing(chromium, size=DESK) as page:
        page.goto(made["checkout_url"])
        expect(page.locator("[data-pay]")).to_be_enabled(timeout=PATIENCE_MS)
        number = page.frame_locator("iframe").locator("#number")
        for _ in range(5):
            page.keyboard.press("Tab")
            if number.evaluate("it => it === document.activeElement"):
                break
        for text in (VISA, "1234", "123", "Ada Lovelace"):
            page.keyboard.type(text)
            page.keyboard.press("Tab")
        expect(page.locator("[data-pay]")).to_be_focused(timeout=PATIENCE_MS)
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        picture(page, "keyboard")
        page.keyboard.press("Enter")
        is_told(page, "Payment received")
        expect(page.get_by_role("heading", name="Payment received")).to_be_focused(timeout=PATIENCE_MS)


def test_the_choice_of_a_language_is_made_by_keyboard_and_kept(installation: Installation, chromium: Browser) -> None:
    with browsing(chromium) as page:
        page.goto(invoice(installation)["hosted_url"])
        page.locator(".languages summary").focus()
        page.keyboard.press("Enter")
        page.get_by_role("link", name="עברית").focus()
        page.keyboard.press("Enter")
        expect(page.locator("html")).to_have_attribute("lang", "he", timeout=PATIENCE_MS)
        page.locator("form button").first.click()
        page.wait_for_url("**/pay/**")
        expect(page.locator("html")).to_have_attribute("dir", "rtl", timeout=PATIENCE_MS)


@pytest.mark.parametrize("language", ["he", "th"])
def test_a_refused_card_is_told_in_the_buyers_language_and_never_why_it_is_suspected(
    installation: Installation, chromium: Browser, language: str
) -> None:
    words = PageWords(language, language)
    with browsing(chromium, locale=language) as page:
        page.goto(payment(installation)["checkout_url"])
        for number, sentence in ((STOLEN, GENERIC), (NO_FUNDS, FUNDS)):
            fill(page, number)
            with page.expect_response("**/attempt?**") as answer:
                page.locator("[data-pay]").click()
            expect(page.get_by_role("alert")).to_have_text(words.say(sentence), timeout=PATIENCE_MS)
            assert "stolen" not in answer.value.text()
            assert_sound(page, language)
        picture(page, f"declined-{language}")


def test_a_double_click_charges_once(installation: Installation, chromium: Browser) -> None:
    made = payment(installation)
    with browsing(chromium) as page:
        page.goto(made["checkout_url"])
        fill(page, VISA)
        page.locator("[data-pay]").dblclick()
        is_told(page, "Payment received")
    assert len(installation.world.charges(made["id"])) == 1


def test_the_second_of_two_tabs_is_told_that_it_is_paid(installation: Installation, chromium: Browser) -> None:
    made = payment(installation)
    with browsing(chromium) as first, browsing(chromium) as second:
        second.goto(made["checkout_url"])
        fill(second, VISA)
        first.goto(made["checkout_url"])
        pay(first)
        is_told(first, "Payment received")
        second.locator("[data-pay]").click()
        is_told(second, "This has already been paid")
    assert len(installation.world.charges(made["id"])) == 1


def test_the_way_back_after_paying_shows_what_came_of_it(installation: Installation, chromium: Browser) -> None:
    with browsing(chromium) as page:
        page.goto(session(installation)["url"])
        pay(page)
        is_told(page, "Payment received")
        page.get_by_role("link", name="Back to").click()
        page.wait_for_url(f"{SHOP}/thanks**")
        page.go_back()
        is_told(page, "Payment received")
        expect(page.locator("form.pay")).not_to_be_visible(timeout=PATIENCE_MS)


def test_a_session_that_ends_while_its_page_is_open_takes_no_card(
    installation: Installation, chromium: Browser
) -> None:
    made = session(installation)
    with browsing(chromium) as page:
        page.goto(made["url"])
        fill(page, VISA)
        installation.api.post(f"/checkout-sessions/{made['id']}/expire")
        page.locator("[data-pay]").click()
        is_told(page, "This payment page has expired")
        back = page.get_by_role("link", name="Back to")
        expect(back).to_have_attribute("href", re.compile(re.escape(f"{SHOP}/basket")), timeout=PATIENCE_MS)
    assert installation.world.charges(made["payment_id"]) == []


def test_an_invoice_that_was_paid_in_part_asks_for_the_rest_and_nothing_once_it_is_credited(
    installation: Installation, chromium: Browser
) -> None:
    made, api = invoice(installation), installation.api
    part = {"invoice_id": made["id"], "amount": 10_000}
    came = {"amount": {"amount": 10_000, "currency": "EUR"}, "received_on": made["issue_date"], "parts": [part]}
    api.post("/receipts", {"customer_id": made["customer_id"], "reference": uuid4().hex, **came})
    with browsing(chromium) as page, browsing(chromium) as other:
        page.goto(made["hosted_url"])
        expect(page.get_by_text("Partly paid")).to_be_visible(timeout=PATIENCE_MS)
        page.get_by_role("button", name="Pay €278.00").click()
        page.wait_for_url("**/pay/**")
        expect(page.get_by_role("heading", name="€278.00")).to_be_visible(timeout=PATIENCE_MS)
        fill(page, VISA)

        api.post("/credit-notes", {"invoice_id": made["id"], "send": False})
        status = page.locator("[data-checkout]").get_attribute("data-status-url")
        withdrawn = "async (url) => (await (await fetch(url)).json()).status === 'withdrawn'"
        page.wait_for_function(withdrawn, arg=status, polling=250, timeout=PATIENCE_MS)
        page.locator("[data-pay]").click()
        is_told(page, "This payment was withdrawn")
        page.get_by_role("link", name="View the invoice").click()
        expect(page.get_by_text("There is nothing left to pay on this invoice.")).to_be_visible(timeout=PATIENCE_MS)

        other.goto(made["hosted_url"])
        expect(other.get_by_text("There is nothing left to pay on this invoice.")).to_be_visible(timeout=PATIENCE_MS)
        expect(other.get_by_role("button", name="Pay")).to_have_count(0)
        picture(other, "invoice-credited")


def test_an_invoice_that_another_tab_has_paid_leads_back_to_the_invoice(
    installation: Installation, chromium: Browser
) -> None:
    made = invoice(installation)
    with browsing(chromium) as stale, browsing(chromium) as page:
        stale.goto(made["hosted_url"])
        page.goto(made["hosted_url"])
        page.get_by_role("button", name="Pay").click()
        pay(page)
        is_told(page, "Payment received")
        page.get_by_role("link", name="View the invoice").click()
        expect(page.get_by_text("Paid on")).to_be_visible(timeout=PATIENCE_MS)
        stale.get_by_role("button", name="Pay").click()
        expect(stale.get_by_text("Paid on")).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.parametrize(
    ("currency", "minor", "shown"), [("JPY", 123_456, "JP¥123,456"), ("KWD", 1_234_567, "KWD\xa01,234.567")]
)
def test_an_amount_has_as_many_decimals_as_its_currency(
    installation: Installation, chromium: Browser, currency: str, minor: int, shown: str
) -> None:
    with browsing(chromium) as page:
        page.goto(payment(installation, minor, currency)["checkout_url"])
        expect(page.locator("h1")).to_have_text(shown, timeout=PATIENCE_MS)
        expect(page.locator("[data-pay]")).to_contain_text(shown, timeout=PATIENCE_MS)
        page.goto(f"{payment(installation, minor, currency)['checkout_url']}?locale=ar")
        assert_sound(page, currency)


def test_without_scripts_one_is_told_what_to_do_and_gets_as_far_as_that(
    installation: Installation, chromium: Browser
) -> None:
    body = {"chosen_amount": {"currency": "EUR", "min": 500, "max": 100_000}, "description": "Donation"}
    with browsing(chromium, locale="de-DE", java_script_enabled=False) as page:
        page.goto(installation.api.post("/payment-links", body)["url"])
        page.get_by_label("Betrag").fill("12,50")
        page.get_by_role("button", name="Weiter zur Zahlung").click()
        page.wait_for_url("**/pay/**")
        expect(page.get_by_role("heading", name="12,50 €")).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_role("alert").filter(has_text="JavaScript")).to_be_visible(timeout=PATIENCE_MS)
        expect(page.locator("[data-pay]")).not_to_be_visible(timeout=PATIENCE_MS)
        picture(page, "no-script")
        page.goto(invoice(installation)["hosted_url"])
        page.get_by_role("button", name="bezahlen").click()
        page.wait_for_url("**/pay/**")
        expect(page.get_by_role("alert").filter(has_text="JavaScript")).to_be_visible(timeout=PATIENCE_MS)


def test_an_amount_that_cannot_be_read_is_told_at_its_field(installation: Installation, chromium: Browser) -> None:
    body = {"chosen_amount": {"currency": "EUR", "min": 500, "max": 100_000}, "description": "Donation"}
    with browsing(chromium, locale="ja") as page:
        page.goto(installation.api.post("/payment-links", body)["url"])
        page.locator("#amount").fill("たくさん")
        page.get_by_role("button", name="お支払いへ進む").click()
        expect(page.locator("#amount")).to_have_attribute("aria-invalid", "true", timeout=PATIENCE_MS)
        expect(page.get_by_role("alert")).to_contain_text("€5.00", timeout=PATIENCE_MS)
        assert_sound(page, "ja")
        picture(page, "link-refused-ja")
