"""The words of buyers' pages, in each language that documents are written in, and the choice of one for a visitor."""

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from litestar import Request
from litestar.datastructures import Cookie

from currency.formatting import UnknownLocale, locale_of
from invoicing.catalogues import SOURCE_LANGUAGE, catalogue_of, languages
from orchestrator.web.csrf import cookie_name, private_cookie

DEFAULT_LOCALE = SOURCE_LANGUAGE
# Every catalogue, as HTML names it, by its language's own name.
LANGUAGES = MappingProxyType(
    {
        "en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "it": "Italiano", "nl": "Nederlands",
        "pt": "Português", "pl": "Polski", "el": "Ελληνικά", "he": "עברית", "ar": "العربية", "hi": "हिन्दी",
        "th": "ไทย", "ja": "日本語", "ko": "한국어", "zh": "简体中文", "zh-Hant": "繁體中文",
    }
)  # fmt: skip
COOKIE = "locale"
COOKIE_MAX_AGE_S = 30 * 86_400
_RANGES_MAX = 20  # of an Accept-Language header; longer ones are not from a browser
_TAG_MAX_CHARS = 35
_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,4}){0,2}")  # language, script, country
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
    def name(self) -> str:
        """In the language itself."""
        return LANGUAGES[self.tag]

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


ENGLISH = PageWords(SOURCE_LANGUAGE, DEFAULT_LOCALE)


def words_for(request: Request[Any, Any, Any], own_locale: str = "") -> PageWords:
    """As asked in the address, as asked before, the locale of what is shown, else as the browser prefers.

    `own_locale` is that of the invoice or payment. A bare `en` is what is kept where nobody said anything: there the
    browser goes before it.
    """
    asked = _spoken(request.query_params.get("locale", ""))
    kept = _spoken(request.cookies.get(cookie_name(COOKIE), ""))
    preferred = _ranked(request.headers.get("accept-language", ""))
    ranked = [*preferred, own_locale] if own_locale == DEFAULT_LOCALE else [own_locale, *preferred]
    language = asked or kept or next(filter(None, map(_spoken, ranked)), SOURCE_LANGUAGE)
    return PageWords(language, _locale(next((tag for tag in ranked if _spoken(tag) == language), ""), language))


def cookies_for(request: Request[Any, Any, Any]) -> tuple[Cookie, ...]:
    """Remembers a language that was asked for, from one page to the next and over the way to the bank's and back."""
    asked = _spoken(request.query_params.get("locale", ""))
    return (private_cookie(COOKIE, asked, COOKIE_MAX_AGE_S),) if asked else ()


def _spoken(tag: str) -> str:
    """The catalogue of a language tag; empty where there is none."""
    plain = tag[:_TAG_MAX_CHARS].replace("_", "-").lower()
    language = "zh_Hant" if plain.startswith(_TRADITIONAL) else plain.split("-")[0]
    return language if language in languages() else ""


def _locale(tag: str, language: str) -> str:
    """The tag as a locale that CLDR knows, as short as payments keep it; else the language alone."""
    try:
        return str(locale_of(tag)) if _TAG.fullmatch(tag) else language
    except UnknownLocale:
        return language


def _ranked(accept_language: str) -> list[str]:
    """What the browser prefers and we speak, best first (RFC 9110, section 12.5.4)."""
    found: list[tuple[int, int, str]] = []
    for place, item in enumerate(accept_language.split(",")[:_RANGES_MAX]):
        tag, _, parameter = item.strip().partition(";")
        weight = _weight(parameter)
        if weight > 0 and _spoken(tag.strip()):
            found.append((-weight, place, tag.strip()))
    return [tag for _, _, tag in sorted(found)]


def _weight(parameter: str) -> int:
    """`q=0.7` in thousandths; 1000 where there is none, 0 where it cannot be read."""
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1000
    whole, _, fraction = value.strip().partition(".")
    digits = (fraction + "000")[:3]
    if name.strip() != "q" or whole not in {"0", "1"} or not (digits.isascii() and digits.isdigit()):
        return 0
    return min(1000, int(whole) * 1000 + int(digits))
