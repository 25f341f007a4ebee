"""The words of the pages of invoices, in each language that documents are written in, and the choice of one."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from litestar import Request
from litestar.datastructures import Cookie

from currency.formatting import UnknownLocale, locale_of
from invoicing.catalogues import SOURCE_LANGUAGE, catalogue_of, languages
from orchestrator.web.csrf import cookie_name, private_cookie

# Every catalogue, as HTML names it, by its language's own name.
LANGUAGES = MappingProxyType(
    {
        "en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "it": "Italiano", "nl": "Nederlands",
        "pt": "Português", "pl": "Polski", "el": "Ελληνικά", "he": "עברית", "ar": "العربية", "hi": "हिन्दी",
        "th": "ไทย", "ja": "日本語", "ko": "한국어", "zh": "简体中文", "zh-Hant": "繁體中文",
    }
)  # fmt: skip
COOKIE = "invoice_locale"
COOKIE_MAX_AGE_S = 30 * 86_400
_RANGES_MAX = 20  # of an Accept-Language header; longer ones are not from a browser
_TAG_MAX_CHARS = 35
_TRADITIONAL = ("zh-hant", "zh-tw", "zh-hk", "zh-mo")
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"  # a name in other letters must not reorder the sentence around it (UAX 9)


@dataclass(frozen=True, slots=True)
class PageWords:
    """One language: `language` is its catalogue, `locale` that by which amounts and dates are written."""

    language: str
    locale: str

    @property
    def tag(self) -> str:
        """As HTML wants it."""
        return self.language.replace("_", "-")

    @property
    def spoken(self) -> MappingProxyType[str, str]:
        """Every language that the page can be had in."""
        return LANGUAGES

    @property
    def direction(self) -> str:
        """`rtl` or `ltr`."""
        return "rtl" if locale_of(self.language).character_order == "right-to-left" else "ltr"

    def say(self, message: str, **values: str) -> str:
        """The message in this language; values from outside do not turn what is around them."""
        said = catalogue_of(self.language).gettext(message)
        if self.direction == "rtl":
            values = {name: f"{_ISOLATE}{value}{_END_ISOLATE}" for name, value in values.items()}
        return said.format(**values) if values else said


def words_for(request: Request[Any, Any, Any], own_locale: str) -> PageWords:
    """As asked in the address, as asked before, as the browser prefers, else the language of the document."""
    asked = _spoken(request.query_params.get("locale", ""))
    kept = _spoken(request.cookies.get(cookie_name(COOKIE), ""))
    preferred = next(iter(_ranked(request.headers.get("accept-language", ""))), "")
    own = _spoken(own_locale) or SOURCE_LANGUAGE
    language = asked or kept or preferred or own
    return PageWords(language, own_locale.replace("-", "_") if language == own and _spoken(own_locale) else language)


def cookies_for(request: Request[Any, Any, Any]) -> tuple[Cookie, ...]:
    """Remembers a language that was asked for."""
    asked = _spoken(request.query_params.get("locale", ""))
    return (private_cookie(COOKIE, asked, COOKIE_MAX_AGE_S),) if asked else ()


def _spoken(tag: str) -> str:
    """The catalogue of a language tag; empty where there is none."""
    plain = tag[:_TAG_MAX_CHARS].replace("_", "-").lower()
    if plain.startswith(_TRADITIONAL):
        return "zh_Hant"
    language = plain.split("-")[0]
    try:
        return language if language in languages() and locale_of(language) else ""
    except UnknownLocale:
        return ""


def _ranked(accept_language: str) -> list[str]:
    """What the browser prefers and we speak, best first (RFC 9110, section 12.5.4)."""
    found: list[tuple[float, int, str]] = []
    for place, item in enumerate(accept_language.split(",")[:_RANGES_MAX]):
        tag, _, parameter = item.strip().partition(";")
        language, weight = _spoken(tag.strip()), _weight(parameter)
        if language and weight > 0:
            found.append((-weight, place, language))
    return [language for _, _, language in sorted(found)]


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    plain = value.strip()
    is_number = name.strip() == "q" and len(plain) <= 5 and plain.replace(".", "", 1).isdecimal() and plain.isascii()
    return min(1.0, float(plain)) if is_number else 0.0
