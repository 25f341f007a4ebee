"""A replay as a picture: for each account two bars, the payments that it had and those that it would have."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

WIDTH, LABEL_WIDTH, NUMBER_WIDTH = 760, 250, 60
BAR_HEIGHT, ROW_HEIGHT, HEAD_HEIGHT = 12, 38, 30
COLOURS = {"before": "#9aa5b1", "after": "#2563eb"}
LABEL_CHARS_MAX = 34


def bars(labels: Sequence[str], series: dict[str, Sequence[int]]) -> str:
    """An SVG of horizontal bars; `series` are counts by name (`before`, `after`), each in the order of the labels."""
    height = HEAD_HEIGHT + ROW_HEIGHT * len(labels) + 10
    most = max((count for counts in series.values() for count in counts), default=0) or 1
    parts = [_legend(name, place) for place, name in enumerate(series)]
    for row, label in enumerate(labels):
        top = HEAD_HEIGHT + row * ROW_HEIGHT
        shown = label or "no account"
        cut = shown if len(shown) <= LABEL_CHARS_MAX else f"{shown[: LABEL_CHARS_MAX - 1]}…"
        parts.append(f'<text x="{LABEL_WIDTH - 10}" y="{top + 18}" text-anchor="end">{escape(cut)}</text>')
        for place, (name, counts) in enumerate(series.items()):
            parts.append(_bar(name, label, counts[row], most, top + place * (BAR_HEIGHT + 2)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="12" fill="#1f2933">'
        f"<title>Payments by account</title>{''.join(parts)}</svg>"
    )


def _legend(name: str, place: int) -> str:
    left = LABEL_WIDTH + place * 110
    return (
        f'<rect x="{left}" y="6" width="12" height="12" fill="{COLOURS[name]}"/>'
        f'<text x="{left + 18}" y="16">{escape(name)}</text>'
    )


def _bar(name: str, label: str, count: int, most: int, top: int) -> str:
    width = (WIDTH - LABEL_WIDTH - NUMBER_WIDTH) * count // most
    return (
        f'<rect x="{LABEL_WIDTH}" y="{top}" width="{width}" height="{BAR_HEIGHT}" fill="{COLOURS[name]}" '
        f'data-series={quoteattr(name)} data-label={quoteattr(label)} data-payments="{count}"/>'
        f'<text x="{LABEL_WIDTH + width + 6}" y="{top + 10}">{count}</text>'
    )
