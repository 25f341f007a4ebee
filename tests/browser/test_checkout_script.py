"""The checkout page in a real browser, with the simulated vault's fields and a server that answers as a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from currency.money import Money
from orchestrator.web.locales import ENGLISH
from orchestrator.web.page_policy import security_policy
from orchestrator.web.pages import Pages
from orchestrator.web.views import CheckoutState, CheckoutView
from simulators.vault.app import VaultApp
from simulators.world import World

TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


@dataclass
class Till:
    """Our side of the checkout: `answers` to attempts (None drops the connection); `statuses`, the last for ever."""

    vault_url: str
    url: str = ""
    answers: list[dict[str, object] | None] = field(default_factory=list)
    statuses: list[dict[str, object]] = field(default_factory=list)
    attempts: list[dict[str, object]] = field(default_factory=list)
    csrf_sent: list[str | None] = field(default_factory=list)

    def page(self) -> str:
        fields_url = f"{self.vault_url}/fields"
        money, opened = Money(1000, "EUR"), CheckoutState.OPEN
        view = CheckoutView(
            ENGLISH, "Nord", money, "Order 1", opened, "/attempt", "/status", "csrf", fields_url, self.url
        )
        return Pages().render(view)

    def next_status(self) -> dict[str, object]:
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


def _handler(till: Till) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path.startswith("/static/"):
                name = path.removeprefix("/static/")
                body = (files("orchestrator.web") / "static" / name).read_bytes()
                self._send(body, TYPES[name.rpartition(".")[2]])
            elif path == "/status":
                self._send(json.dumps(till.next_status()).encode(), "application/json")
            elif path == "/bank":
                self._send(b"the bank's page", "text/html")
            else:
                self._send(till.page().encode(), "text/html; charset=utf-8")

        def do_POST(self) -> None:
            till.attempts.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            till.csrf_sent.append(self.headers["x-csrftoken"])
            answer = till.answers.pop(0)
            if answer is None:
                self.close_connection = True
                self.connection.close()
            else:
                self._send(json.dumps(answer).encode(), "application/json")

        def _send(self, body: bytes, media_type: str) -> None:
            self.send_response(200)
            self.send_header("content-type", media_type)
            self.send_header("content-length", str(len(body)))
            self.send_header("content-security-policy", security_policy(till.vault_url))
            self.end_headers()
            self.wfile.write(body)

    return Handler


@pytest.fixture(scope="module")
def vault_url() -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(VaultApp(World()), host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def till(vault_url: str) -> Iterator[Till]:
    till = Till(vault_url)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(till))
    till.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield till
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(till: Till, chromium: Browser) -> Iterator[Page]:
    """The page in a profile of its own, with the card's fields filled in."""
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(till.url)
    fields = page.frame_locator("iframe")
    for name, value in {"number": "4242424242424242", "expiry": "1234", "cvc": "123", "holder": "Mika"}.items():
        fields.locator(f"#{name}").fill(value)
    expect(page.locator("[data-pay]")).to_be_enabled()
    yield page
    context.close()


def pay(page: Page) -> None:
    page.locator("[data-pay]").click()


def test_a_card_becomes_a_token_and_the_payment_is_shown(till: Till, page: Page) -> None:
    till.answers = [{"status": "succeeded", "url": "https://shop.example/thanks"}]
    pay(page)

    expect(page.get_by_role("heading", name="Payment received")).to_be_focused()
    expect(page.locator("[data-panel=succeeded] [data-return]")).to_have_attribute(
        "href", "https://shop.example/thanks"
    )
    assert str(till.attempts[0]["token"]).startswith("tok_")
    assert "4242424242424242" not in json.dumps(till.attempts)
    assert till.csrf_sent == ["csrf"]


def test_a_double_click_pays_once(till: Till, page: Page) -> None:
    till.answers = [{"status": "succeeded"}, {"status": "succeeded"}]
    page.evaluate("const b = document.querySelector('[data-pay]'); b.click(); b.click(); b.form.requestSubmit()")

    expect(page.get_by_role("heading", name="Payment received")).to_be_visible()
    assert len(till.attempts) == 1


def test_a_declined_card_can_be_replaced(till: Till, page: Page) -> None:
    till.answers = [{"status": "failed", "message": "Not enough funds."}, {"status": "succeeded"}]
    pay(page)
    expect(page.get_by_role("alert")).to_have_text("Not enough funds.")
    pay(page)

    expect(page.get_by_role("heading", name="Payment received")).to_be_visible()


def test_a_lost_answer_is_asked_about_and_not_sent_again(till: Till, page: Page) -> None:
    till.answers = [None]
    till.statuses = [{"status": "processing"}, {"status": "succeeded"}]
    pay(page)

    expect(page.get_by_text("Please do not pay again.")).to_be_visible()
    expect(page.get_by_role("heading", name="Payment received")).to_be_visible()
    assert len(till.attempts) == 1


def test_strong_authentication_leads_to_the_bank(till: Till, page: Page) -> None:
    till.answers = [{"status": "requires_action", "url": "/bank"}]
    pay(page)

    page.wait_for_url("**/bank")


def test_a_script_address_from_the_server_is_not_followed(till: Till, page: Page) -> None:
    till.answers = [{"status": "requires_action", "url": "javascript:document.title='taken'"}]
    till.statuses = [{"status": "processing"}]
    pay(page)

    expect(page.get_by_text("Please do not pay again.")).to_be_visible()
    assert page.title() != "taken"
