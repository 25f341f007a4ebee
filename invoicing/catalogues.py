"""The words of a document in its reader's language: gettext catalogues, compiled from their `.po` sources on use."""

from __future__ import annotations

import gettext
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from currency.formatting import locale_of

SOURCE_LANGUAGE = "en"
_FOLDER = Path(__file__).parent / "locales"


def languages() -> tuple[str, ...]:
    """The languages that documents can be written in, as ISO 639 codes."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.po")))


def catalogue_of(locale: str) -> gettext.GNUTranslations:
    """The words for a locale such as `de-AT`; English where its language has no catalogue. Raises UnknownLocale."""
    language = locale_of(locale).language
    return _compiled(language if language in languages() else SOURCE_LANGUAGE)


@lru_cache(maxsize=32)
def _compiled(language: str) -> gettext.GNUTranslations:
    with (_FOLDER / f"{language}.po").open("rb") as source:
        catalogue = read_po(source, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
