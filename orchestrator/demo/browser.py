"""A shopper's browser without a screen: cookies, forms, redirects, and what our checkout script does."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from typing import Any
from urllib.parse import urljoin

import httpx2

from orchestrator.demo.checks import StoryFailed, until
from orchestrator.demo.world import CHALLENGE_PASSWORD

TIMEOUT_S = 60
TOKEN_FIELDS = ("token", "brand", "last4", "bin", "expiry_month", "expiry_year", "holder", "issuer_country")


@dataclass(slots=True)
class Form:
    """Where a form goes, and the fields it has already."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """The parts of a page that a click needs: its forms, the CSRF token of its head, the checkout's addresses."""

    def __init__(self, url: str, html: str) -> None:
        super().__init__()
        self.url = url
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.csrf: tuple[str, str] | None = None
        self.checkout: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(urljoin(self.url, given.get("action", "")), given.get("method", "get")))
        elif tag in ("input", "button") and self.forms and given.get("name"):
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "a":
            self.links.append(urljoin(self.url, given.get("href", "")))
        elif tag == "meta" and given.get("name") == "csrf-token":
            self.csrf = given["data-header"], given["content"]
        if "data-checkout" in given:
            self.checkout = {name.removeprefix("data-"): text for name, text in given.items()}


class Browser:
    """One shopper's session."""

    def __init__(self) -> None:
        self._client = httpx2.Client(trust_env=False, timeout=TIMEOUT_S, follow_redirects=True)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def open(self, url: str) -> Page:
        return _page(self._client.get(url))

    def submit(self, form: Form, **typed: str) -> Page:
        if form.method.lower() == "get":
            return _page(self._client.get(form.action, params=form.fields | typed))
        return _page(self._client.post(form.action, data=form.fields | typed))

    def pass_challenge(self, url: str) -> Page:
        """Type the password on the bank's page and follow its way back to us."""
        page = self.open(url)
        if not page.forms:
            raise StoryFailed(f"{url} has no form for the bank's password")
        return self.submit(page.forms[0], password=CHALLENGE_PASSWORD)

    def pay(self, page: Page, card: dict[str, Any]) -> dict[str, Any]:
        """What checkout.js does with the vault's token: send it once, then ask until the answer is no longer open."""
        if not page.checkout or page.csrf is None:
            raise StoryFailed(f"{page.url} is no checkout")
        header, token = page.csrf
        body = {name: card[name] for name in TOKEN_FIELDS if card.get(name) is not None} | {"browser": _SCREEN}
        answer = self._client.post(
            urljoin(page.url, page.checkout["attempt-url"]),
            json=body,
            headers={header: token, "accept": "application/json"},
        )
        if answer.status_code >= 400:
            raise StoryFailed(f"the checkout answered {answer.status_code}: {answer.text[:400]}")
        found: dict[str, Any] = answer.json()
        if found["status"] != "processing":
            return found
        return until("an answer to the shopper", lambda: self._status(page))

    def _status(self, page: Page) -> dict[str, Any] | None:
        answer = self._client.get(
            urljoin(page.url, page.checkout["status-url"]), headers={"accept": "application/json"}
        )
        found: dict[str, Any] = answer.json()
        return None if found["status"] == "processing" else found


_SCREEN = {
    "language": "en",
    "color_depth": 24,
    "screen_width": 390,
    "screen_height": 844,
    "time_zone_offset_minutes": -60,
}


def _page(answer: httpx2.Response) -> Page:
    if answer.status_code >= 400:
        raise StoryFailed(f"{answer.request.url} answered {answer.status_code}: {answer.text[:300]}")
    return Page(str(answer.url), answer.text)
