"""What WeasyPrint finds out again for every box and text, here found out once for all that look alike.

This reaches into WeasyPrint. It is therefore done only with the version that it was written for, and only while a
document of ours is drawn; with any other version documents are drawn as WeasyPrint does it: to the same bytes, slower.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import RLock
from typing import Any

WRITTEN_FOR = "70.0"
_drawing = RLock()  # the names that are exchanged are those of the whole process
_SIZES = tuple(
    [f"{what}_{side}" for what in ("margin", "padding") for side in ("left", "right", "top", "bottom")]
    + [f"{bound}{axis}" for axis in ("width", "height") for bound in ("", "min_", "max_")]
)
_BORDERS = tuple(f"border_{side}_width" for side in ("top", "right", "bottom", "left"))
_COMPUTED_TOGETHER = frozenset(("page", "position", "float", "display"))


@contextmanager
def taken() -> Iterator[None]:
    """With the shortcuts, where they are known to lead to the same place. One document at a time in a process."""
    with _drawing:
        for owner, name, _, ours in _exchanges():
            setattr(owner, name, ours)
        try:
            yield
        finally:
            for owner, name, theirs, _ in _exchanges():
                setattr(owner, name, theirs)


@cache
def _exchanges() -> list[tuple[Any, str, Any, Any]]:
    """In which module or class, under which name, what WeasyPrint has there, what we put there."""
    import weasyprint

    if weasyprint.VERSION != WRITTEN_FOR:
        return []
    from weasyprint import css
    from weasyprint.layout import percent
    from weasyprint.pdf.stream import Stream
    from weasyprint.text import fonts, line_break

    functions: list[tuple[Any, Any]] = [
        (line_break.Layout, _kept_layout(line_break.Layout)),
        (line_break.strut, _once_a_style(line_break.strut)),
        (fonts.get_font_description, _once_a_style(fonts.get_font_description)),
        (percent.resolve_percentages, _resolved_once(percent.resolve_percentages)),
        (percent.resolve_radii_percentages, _square_corners(percent.resolve_radii_percentages)),
    ]
    modules = [module for name, module in sys.modules.items() if name.startswith("weasyprint.")]
    exchanges: list[tuple[Any, str, Any, Any]] = []
    for theirs, ours in functions:
        name: str = theirs.__name__
        users = [module for module in modules if getattr(module, name, None) is theirs]
        exchanges += [(module, name, theirs, ours) for module in users]
    computed, anonymous = css.ComputedStyle, css.AnonymousStyle
    methods = [
        (computed, "__init__", _begun_with_initial_values(computed.__init__)),
        (computed, "__missing__", _looked_up_quickly(computed.__missing__)),
        (anonymous, "__init__", _begun_with_initial_values(anonymous.__init__)),
        (Stream, "set_color", _set_once(Stream.set_color)),
    ]
    return [*exchanges, *((owner, method, getattr(owner, method), ours) for owner, method, ours in methods)]


def _kept_layout(layout_class: Any) -> Any:
    """A text is shaped to be laid out, thrown away, and shaped again to be drawn: here it is kept in between."""
    from weasyprint.text.ffi import pango

    class Kept(layout_class):  # type: ignore[misc]  # WeasyPrint has no types
        def set_text(self, text: str, justify: bool = False) -> None:
            if "\n" not in text:  # as it is drawn; told later, Pango would shape it anew
                pango.pango_layout_set_single_paragraph_mode(self.layout, True)
            super().set_text(text, justify)

        def deactivate(self) -> None:
            if self.justification_spacing:
                super().deactivate()

        def reactivate(self, style: Any) -> None:
            if self.justification_spacing:
                super().reactivate(style)

    return Kept


def _once_a_style(find: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What comes of a style alone; WeasyPrint has one style for all elements that look alike."""
    kept_as = f"clearway_{find.__name__}"

    def found(style: Any) -> Any:
        known = style.__dict__.get(kept_as)
        if known is None:
            known = style.__dict__[kept_as] = find(style)
        return known

    return found


def _resolved_once(resolve: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Margins, paddings, sizes and borders of a box come of its style and of what it stands in, in thirty steps."""
    from weasyprint.formatting_structure import boxes

    def resolved(box: Any, containing_block: Any) -> None:
        style, around = box.style, containing_block
        collapses = style["border_collapse"] == "collapse"
        is_odd = isinstance(box, boxes.PageBox) or not isinstance(box, boxes.Box)
        if is_odd or (collapses and style["box_sizing"] != "content-box"):
            resolve(box, around)
            return
        room = (around.width, around.height) if isinstance(around, boxes.Box) else tuple(around)
        known = style.__dict__.setdefault("clearway_sizes", {})
        if room not in known:
            resolve(box, around)
            known[room] = {name: getattr(box, name) for name in (_SIZES if collapses else _SIZES + _BORDERS)}
            return
        box.__dict__.update(known[room])
        if collapses:
            for name in _BORDERS:
                if not hasattr(box, name):  # else it is what the borders have collapsed to
                    setattr(box, name, style[name])

    return resolved


def _square_corners(resolve: Callable[[Any], None]) -> Callable[[Any], None]:
    """Where a style rounds no corner, none is rounded; the numbers need not be looked at for each box."""
    from weasyprint.formatting_structure import boxes

    corners = tuple(f"border_{corner}_radius" for corner in ("top_left", "top_right", "bottom_right", "bottom_left"))
    square = dict.fromkeys(corners, (0, 0))

    def resolved(box: Any) -> None:
        if not isinstance(box, boxes.Box):  # something that stands for one
            resolve(box)
            return
        known = box.style.__dict__
        if "clearway_is_square" not in known:
            known["clearway_is_square"] = all((0, "px") in box.style[corner] for corner in corners)
        if known["clearway_is_square"]:
            box.__dict__.update(square)
        else:
            resolve(box)

    return resolved


def _set_once(set_color: Callable[..., None]) -> Callable[..., None]:
    """A colour that is set already is compared part by part before it is left alone: here as a whole."""

    def set_anew(stream: Any, color: Any, stroke: bool = False) -> None:
        name = "_current_color_stroke" if stroke else "_current_color"
        known = stream.__dict__.get(f"clearway{name}", (None, None))
        if known[0] is color and known[1] is getattr(stream, name):
            stream.set_alpha(color.alpha, stroke)
            return
        set_color(stream, color, stroke)
        stream.__dict__[f"clearway{name}"] = (color, getattr(stream, name))

    return set_anew


def _looked_up_quickly(look_up: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    """Nine of ten properties are not said: they are those of the parent, or as everything begins."""
    from weasyprint.css.computed_values import PHYSICAL_FUNCTIONS
    from weasyprint.css.properties import INHERITED, INITIAL_NOT_COMPUTED, INITIAL_VALUES

    logical = {
        (name, direction): function(block="ttb", inline=direction)
        for name, function in PHYSICAL_FUNCTIONS.items()
        for direction in ("ltr", "rtl")
    }

    def looked_up(style: Any, key: str) -> Any:
        if key not in style.cascaded:
            if key in INHERITED:
                if style.parent_style is not None:
                    value = style[key] = style.parent_style[key]
                    return value
            elif (
                key in PHYSICAL_FUNCTIONS
                and key not in INITIAL_NOT_COMPUTED
                and logical[key, style["direction"]] not in style.cascaded
            ):
                value = style[key] = INITIAL_VALUES[key]
                return value
        return look_up(style, key)

    return looked_up


def _begun_with_initial_values(begin: Callable[..., None]) -> Callable[..., None]:
    initial = _initial_values()

    def begun(style: Any, *said: Any) -> None:
        style.update(initial)
        begin(style, *said)
        for name in getattr(style, "cascaded", ()):
            style.pop(name, None)

    return begun


@cache
def _initial_values() -> dict[str, Any]:
    """Of the properties that are neither inherited nor computed, nor have another name in other directions."""
    from weasyprint.css.computed_values import PHYSICAL_FUNCTIONS
    from weasyprint.css.properties import INHERITED, INITIAL_NOT_COMPUTED, INITIAL_VALUES

    others = {*INHERITED, *INITIAL_NOT_COMPUTED, *PHYSICAL_FUNCTIONS, *_COMPUTED_TOGETHER}
    return {
        name: value
        for name, value in INITIAL_VALUES.items()
        if name not in others and not name.startswith("text_decoration_")
    }
