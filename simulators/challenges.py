"""The issuer's authentication page that the Adyen and PayPal simulators show: one password field, no script."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from simulators.asgi import Request, Response, html_response
from simulators.issuer import CHALLENGE_PASSWORD


def page(merchant: str, amount: str) -> Response:
    """A form that posts to its own address; `amount` is text such as '19.99 EUR'."""
    return html_response(
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Confirm your payment</title>'
        "<style>body{font:1rem/1.5 system-ui;max-width:24rem;margin:3rem auto;padding:0 1rem}"
        "input,button{font:inherit;width:100%;box-sizing:border-box;padding:.6rem;margin:.3rem 0}</style>"
        f"<main><h1>Confirm your payment</h1><p>{escape(amount)} to {escape(merchant)}</p>"
        '<form method="post"><label for="password">Password of your bank</label>'
        '<input id="password" name="password" type="password" autocomplete="off" autofocus>'
        '<button type="submit">Confirm</button></form></main></html>'
    )


def passed(request: Request) -> bool:
    """Whether the posted form carries the one right password."""
    return dict(parse_qsl(request.body.decode())).get("password") == CHALLENGE_PASSWORD


def with_query(url: str, **added: str) -> str:
    """The URL with parameters appended to those that it has."""
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *added.items()]
    return urlunsplit(parts._replace(query=urlencode(query)))
