"""Turns a view model into HTML: one Jinja environment, autoescaped and strict, with money and dates by locale."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from types import MappingProxyType

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from currency.formatting import format_date, format_money
from currency.money import Money
from orchestrator.web import console_pages, invoice_views, views, wording
from orchestrator.web.accents import Look, stylesheet_of
from orchestrator.web.console_navigation import Navigation
from orchestrator.web.locales import ENGLISH, LANGUAGES

CSRF_HEADER = "x-csrftoken"  # Litestar's CSRFConfig.header_name
CSRF_FIELD = "_csrf_token"  # the form field in which Litestar looks for the token

_TEMPLATES: MappingProxyType[type, str] = MappingProxyType(
    {
        views.CheckoutView: "checkout/page.html",
        invoice_views.InvoiceView: "invoice/page.html",
        invoice_views.ExpiredLinkView: "invoice/expired.html",
        views.PaymentLinkView: "link/page.html",
        views.ErrorView: "error.html",
        **console_pages.TEMPLATES,
    }
)


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file: its address with a version, so that it may be cached for ever, and its integrity."""

    url: str
    integrity: str


class Pages:
    """Every page of the product. Built once per process; safe to share, as it keeps nothing between renderings.

    `extra_assets` are static files from elsewhere by name (`htmx.js`), served under the same prefix.
    """

    def __init__(self, static_prefix: str = "/static", extra_assets: dict[str, bytes] | None = None) -> None:
        self._static_prefix = static_prefix.rstrip("/")
        bodies = {**_own_assets(), **(extra_assets or {})}
        self._environment = _environment({name: self._asset(name, body) for name, body in bodies.items()})
        self._environment.globals["stylesheet"] = self._stylesheet

    def render(self, view: object) -> str:
        """The page of a view model. Raises KeyError for a type that has no page."""
        words = getattr(view, "words", ENGLISH)
        section = console_pages.SECTIONS.get(type(view))
        template = self._environment.get_template(_TEMPLATES[type(view)])
        return template.render(
            view=view,
            words=words,
            say=words.say,
            navigation=Navigation(section),
        )

    def _stylesheet(self, look: Look) -> Asset:
        return self._asset(look.stylesheet, stylesheet_of(look.accent))

    def _asset(self, name: str, body: bytes) -> Asset:
        digest = hashlib.sha384(body).digest()
        version = base64.urlsafe_b64encode(digest[:9]).decode()
        return Asset(f"{self._static_prefix}/{name}?v={version}", f"sha384-{base64.b64encode(digest).decode()}")


def _own_assets() -> dict[str, bytes]:
    folder = files("orchestrator.web") / "static"
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}


def _environment(assets: dict[str, Asset]) -> Environment:
    environment = Environment(
        loader=PackageLoader("orchestrator.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., object]] = {
        "money": _money,
        "date": _date,
        "iso": _iso,
        "moment": wording.moment_text,
        "clock": wording.clock_text,
        "duration": wording.duration_text,
        "age": wording.age_text,
        "tone": wording.tone_of,
        "words": wording.words_of,
        "gateway_name": wording.gateway_name,
        "initial": wording.initial_of,
        "iban": wording.grouped_iban,
    }
    environment.filters.update(filters)
    environment.globals.update(
        asset=assets.__getitem__,
        has_asset=assets.__contains__,
        languages=LANGUAGES,
        csrf_header=CSRF_HEADER,
        csrf_field=CSRF_FIELD,
    )
    return environment


@pass_context
def _money(context: Context, amount: Money) -> str:
    return format_money(amount, context["words"].locale)


@pass_context
def _date(context: Context, day: date) -> str:
    return format_date(day, context["words"].locale)


def _iso(moment: date | datetime) -> str:
    return moment.isoformat()
