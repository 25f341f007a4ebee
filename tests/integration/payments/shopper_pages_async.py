"""The shopper at a gateway's page: presses a button, and comes back to our return address with what the page gives."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2

PAYS = {"stripe": "succeeded", "adyen": "pay", "paypal": "approve"}
REFUSES = {"stripe": "failed", "adyen": "refuse", "paypal": "cancel"}
_MOST_PAGES = 8


class _Forms(HTMLParser):
    """Every form of a page: where it goes, what it carries, which buttons it has."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str], dict[str, str], list[tuple[str, str]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((named, {}, []))
        elif self.found and (tag == "button" or (tag == "input" and named.get("type") == "submit")):
            self.found[-1][2].append((named.get("name", ""), named.get("value", "")))
        elif self.found and tag == "input" and named.get("name"):
            self.found[-1][1][named["name"]] = named.get("value", "")


async def visit(url: str, home: str, *, press: str = "", password: str = "password") -> dict[str, str]:
    """What comes back to an address below `home`. `press`: the value, or the last word of the form's address."""
    async with httpx2.AsyncClient(timeout=20) as browser:
        page = await browser.get(url)
        for _ in range(_MOST_PAGES):
            if 300 <= page.status_code < 400:
                url = urljoin(url, page.headers["location"])
                if url.startswith(home):
                    return dict(parse_qsl(urlsplit(url).query))
                page = await browser.get(url)
                continue
            assert page.status_code == 200, (page.status_code, url, page.text[:300])
            forms = _Forms()
            forms.feed(page.text)
            form, data = _chosen(forms, press, page.text)
            data |= {"password": password} if "password" in data else {}
            url = urljoin(url, form.get("action", ""))
            page = await browser.request(form.get("method", "get").upper(), url, data=data)
    raise AssertionError("the pages never came back")


def _chosen(forms: _Forms, press: str, text: str) -> tuple[dict[str, str], dict[str, str]]:
    for form, fields, buttons in forms.found:
        for name, value in buttons:
            if not press or press in (value, form.get("action", "").rsplit("/", 1)[-1]):
                return form, fields | ({name: value} if name else {})
    raise AssertionError(f"no form has a button {press!r}: {text[:600]}")
