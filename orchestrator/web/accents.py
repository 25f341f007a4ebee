"""A merchant's colour and logo on the pages that their buyers see: a stylesheet for the colour, readable by day and by
night.

The sheet is made of nothing but the colour in its address, so that no style stands in a page and nothing is kept.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from invoicing.rendering.colours import MIN_CONTRAST, contrast, shaded

STYLESHEET_NAME = re.compile(r"accent-([0-9a-f]{6})\.css")
# Of the grounds in clearway.css that text in the accent stands on, the one with the least contrast: `--well`.
_DAY_GROUND, _NIGHT_GROUND = "#f0f3f4", "#1c272e"
_WHITE, _NIGHT_INK = "#ffffff", "#0d1418"
_STRONGER = 0.2  # how far the colour under the pointer is from the colour itself, towards black or white


@dataclass(frozen=True, slots=True)
class Look:
    """How a merchant's pages look. `accent` as `#rrggbb`, empty for our colour; `logo_url` is empty without a logo."""

    accent: str = ""
    logo_url: str = ""

    @property
    def stylesheet(self) -> str:
        """The name of the static file with the colour; empty for ours."""
        return f"accent-{self.accent.lower().removeprefix('#')}.css" if self.accent else ""


OURS = Look()


@lru_cache(maxsize=256)
def stylesheet_of(accent: str) -> bytes:
    """The colour of buttons, links and marks: the nearest shade that keeps WCAG's contrast where text stands on it or
    in it, darker by day and lighter by night. `accent` as `#rrggbb`."""
    day = _readable(accent, _DAY_GROUND, towards=0.0)
    night = _readable(accent, _NIGHT_GROUND, towards=1.0)
    by_day = _rules(day, shaded(day, 0.0, _STRONGER), _WHITE)
    by_night = _rules(night, shaded(night, 1.0, _STRONGER), _NIGHT_INK)
    return f"{by_day}\n@media (prefers-color-scheme: dark) {{ {by_night} }}\n".encode()


def _readable(colour: str, ground: str, *, towards: float) -> str:
    """The colour, or the nearest shade of it that is readable on the ground: darker towards 0, lighter towards 1."""
    found = colour.lower()
    while contrast(found, ground) < MIN_CONTRAST:
        found = shaded(found, towards, 0.05)
    return found


def _rules(accent: str, strong: str, on_accent: str) -> str:
    return f":root {{ --accent: {accent}; --accent-strong: {strong}; --on-accent: {on_accent}; }}"
