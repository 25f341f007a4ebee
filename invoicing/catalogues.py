"""The words of a document in its reader's language: gettext catalogues, compiled from their `.po` sources on use."""

from __future__ import annotations

import gettext
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from currency.formatting import locale_of

SOURCE_LANGUAGE = "en"
_FOLDER = Path(__file__).parent / "locales"
# Written in another script than the language's first: a catalogue of its own. Babel names no script for `zh-TW`.
_TRADITIONAL = "zh_Hant"
_TRADITIONAL_TERRITORIES = frozenset(("TW", "HK", "MO"))


@cache
def languages() -> tuple[str, ...]:
    """The languages that documents can be written in, as ISO 639 codes; Chinese in traditional script is `zh_Hant`."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.po")))


def has_catalogue(locale: str) -> bool:
    """Whether documents can be written in the language of the locale. Raises UnknownLocale."""
    return _language_of(locale) in languages()


def catalogue_of(locale: str) -> gettext.GNUTranslations:
    """The words for a locale such as `de-AT`; English where its language has no catalogue. Raises UnknownLocale."""
    language = _language_of(locale)
    return _compiled(language if language in languages() else SOURCE_LANGUAGE)


def _language_of(locale: str) -> str:
    known = locale_of(locale)
    if known.language == "zh" and (known.script == "Hant" or known.territory in _TRADITIONAL_TERRITORIES):
        return _TRADITIONAL
    return str(known.language)


@lru_cache(maxsize=32)
def _compiled(language: str) -> gettext.GNUTranslations:
    with (_FOLDER / f"{language}.po").open("rb") as source:
        catalogue = read_po(source, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
