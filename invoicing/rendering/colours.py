"""Colours as people see them: contrast, a light ground, a darker shade. Their parts are floats; no money is here."""

from __future__ import annotations

import colorsys

MIN_CONTRAST = 4.5  # of text on its ground: WCAG 2.2, criterion 1.4.3


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2 between two colours, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def contrast_on_white(colour: str) -> float:
    """The contrast ratio of WCAG 2.2 between the colour and white, from 1 to 21."""
    return contrast(colour, "#ffffff")


def tint(colour: str) -> str:
    """The colour as a ground so light that dark text keeps its contrast."""
    return "#" + "".join(f"{round(255 - (255 - part) * 0.07):02x}" for part in _parts(colour))


def darkened(colour: str) -> str:
    """The nearest darker shade on which MIN_CONTRAST holds against white."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in _parts(colour)))
    while True:
        lightness *= 0.97
        parts = colorsys.hls_to_rgb(hue, lightness, saturation)
        darker = "#" + "".join(f"{int(part * 255):02x}" for part in parts)
        if contrast_on_white(darker) >= MIN_CONTRAST:
            return darker


def shaded(colour: str, towards: float, share: float) -> str:
    """The colour, nearer to black (`towards` 0) or white (1) by a share of the way; hue and saturation are kept."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in _parts(colour)))
    parts = colorsys.hls_to_rgb(hue, lightness + (towards - lightness) * share, saturation)
    return "#" + "".join(f"{int(part * 255 + (0.5 if towards else 0)):02x}" for part in parts)


def _luminance(colour: str) -> float:
    linear = [part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in _parts(colour)]
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
