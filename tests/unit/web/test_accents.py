"""A merchant's colour on a page: readable by day and by night, whatever the colour."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from orchestrator.web.accents import STYLESHEET_NAME, Look, stylesheet_of

ACCENTS = [
    f"#{red}{green}{blue}" for red in ("00", "7f", "ff") for green in ("00", "60", "ff") for blue in ("00", "ff")
]
HOUSE = ("#0f5f5c", "#7a1f3d", "#767676", "#ABCDEF")
OURS = (files("orchestrator.web") / "static" / "clearway.css").read_text(encoding="utf-8")


def ratio(one: str, other: str) -> float:
    """WCAG 2.2's contrast, by its definition (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def colours(css: str) -> list[dict[str, str]]:
    """By day, and by night."""
    day, _, night = css.partition("prefers-color-scheme: dark")
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part)) for part in (day, night)]


@pytest.mark.parametrize("accent", [*ACCENTS, *HOUSE])
def test_text_in_the_accent_and_on_it_can_be_read_by_day_and_by_night(accent: str) -> None:
    for here, grounds in zip(colours(stylesheet_of(accent).decode()), colours(OURS), strict=True):
        for name in ("accent", "accent-strong"):
            assert ratio(here[name], here["on-accent"]) >= 4.5, (name, here)
            for ground in ("ground", "sheet", "well"):
                assert ratio(here[name], grounds[ground]) >= 4.5, (name, ground, here)


def test_a_colour_that_is_readable_by_day_is_taken_as_it_is() -> None:
    assert "--accent: #7a1f3d;" in stylesheet_of("#7a1f3d").decode()


def test_a_sheet_says_nothing_but_colours() -> None:
    assert set(re.findall(r"--[\w-]+", stylesheet_of("#0f5f5c").decode())) == {
        "--accent", "--accent-strong", "--on-accent",
    }  # fmt: skip


def test_a_merchant_without_a_branding_has_our_sheet_only() -> None:
    assert Look().stylesheet == ""
    assert STYLESHEET_NAME.fullmatch(Look("#ABCDEF").stylesheet)


@pytest.mark.parametrize("name", ["accent-7a1f3.css", "accent-7A1F3D.css", "accent-7a1f3g.css", "accent-7a1f3d.css.js"])
def test_no_other_name_is_a_sheet(name: str) -> None:
    assert STYLESHEET_NAME.fullmatch(name) is None
