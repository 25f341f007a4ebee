"""The shopper at a simulated page: presses what is there, and brings back what the page sends to our return address."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests
from simulated_accounts import RETURN_URL

_MOST_PAGES = 8


@dataclass
class _Form:
    action: str = ""
    method: str = "get"
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[_Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(_Form(named.get("action", ""), named.get("method", "get")))
        elif (self.found and tag == "button") or (tag == "input" and named.get("type") == "submit"):
            self.found[-1].buttons.append((named.get("name", ""), named.get("value", "")))
        elif self.found and tag == "input" and named.get("name"):
            self.found[-1].fields[named["name"]] = named.get("value", "")


def answer(url: str, *, password: str = "password", press: str = "") -> dict[str, str]:
    """What comes back to our return address after the page's form is sent. `press`: the value of the button to press.

    A page of several forms has one for each button.
    """
    session = requests.Session()
    page = session.get(url, timeout=20, allow_redirects=False)
    for _ in range(_MOST_PAGES):
        if 300 <= page.status_code < 400:
            url = urljoin(url, page.headers["location"])
            if url.startswith(RETURN_URL):
                return dict(parse_qsl(urlsplit(url).query))
            page = session.get(url, timeout=20, allow_redirects=False)
            continue
        assert page.status_code == 200, (page.status_code, url, page.text[:300])
        forms = _Forms()
        forms.feed(page.text)
        form, button = _chosen(forms.found, press, page.text)
        data = form.fields | ({"password": password} if "password" in form.fields else {}) | button
        url = urljoin(url, form.action)
        page = session.request(form.method, url, data=data, timeout=20, allow_redirects=False)
    raise AssertionError("the pages never came back to the return address")


def _chosen(forms: list[_Form], press: str, text: str) -> tuple[_Form, dict[str, str]]:
    for form in forms:
        for name, value in form.buttons:
            if not press or press in (value, form.action.rsplit("/", 1)[-1]):
                return form, {name: value} if name else {}
    raise AssertionError(f"no form has a button {press!r}: {text[:600]}")
