"""Which fonts a document asks for: first that of its language's script, behind it one for every other script."""

from __future__ import annotations

from currency.formatting import locale_of

_LATIN = "Noto Sans"  # Greek and Cyrillic too
# One code point is drawn differently in Chinese, Japanese and Korean: the font follows the document's language.
_BY_LANGUAGE = {
    "ja": "Noto Sans CJK JP",
    "ko": "Noto Sans CJK KR",
    "zh": "Noto Sans CJK SC",
    "zh_Hant": "Noto Sans CJK TC",
    "yue": "Noto Sans CJK HK",
    "ar": "Noto Sans Arabic",
    "fa": "Noto Sans Arabic",
    "ur": "Noto Sans Arabic",
    "he": "Noto Sans Hebrew",
    "th": "Noto Sans Thai",
    "hi": "Noto Sans Devanagari",
    "mr": "Noto Sans Devanagari",
    "ne": "Noto Sans Devanagari",
}
# Behind the first, so that a Japanese name on an Arabic invoice has its glyphs too. Debian: fonts-noto-core has all but
# the CJK ones, which are in fonts-noto-cjk.
_BEHIND = (
    _LATIN,
    "Noto Sans Arabic",
    "Noto Sans CJK JP",
    "Noto Sans CJK KR",
    "Noto Sans Hebrew",
    "Noto Sans Thai",
    "Noto Sans Devanagari",
)


def font_stack(locale: str) -> str:
    """A value of CSS `font-family` for a document in that locale.

    Latin stands first but where the script has letters that only look right in its own order of fonts (CJK): figures
    and Latin names then look the same in every language.
    """
    known = locale_of(locale)
    own = _BY_LANGUAGE.get(f"{known.language}_{_script_of(locale)}") or _BY_LANGUAGE.get(known.language, _LATIN)
    names = dict.fromkeys((_LATIN, own, *_BEHIND))
    return ", ".join([*(f'"{name}"' for name in names), "sans-serif"])


def _script_of(locale: str) -> str:
    """The script of a Chinese locale, which decides between two fonts: by name, else by its country."""
    known = locale_of(locale)
    if known.script:
        return known.script
    return "Hant" if known.territory in {"TW", "HK", "MO"} else ""
