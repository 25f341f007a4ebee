"""A merchant's logo and colour: checked when they are given, so that every document of theirs can be drawn and read."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from xml.etree import ElementTree

import msgspec

from invoicing.errors import InvalidInvoice
from invoicing.rendering.colours import MIN_CONTRAST, contrast_on_white, darkened, tint

MAX_LOGO_BYTES = 200_000
MAX_LOGO_PIXELS = 4_000_000
MAX_SVG_ELEMENTS = 2_000
DEFAULT_ACCENT = "#0f5f5c"
_SVG = "http://www.w3.org/2000/svg"
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
# fmt: off
_SHAPES = frozenset((
    "svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "defs", "linearGradient",
    "radialGradient", "stop", "clipPath", "use", "title", "desc",
))
_ATTRIBUTES = frozenset((
    "id", "d", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "fx", "fy", "width", "height", "points",
    "viewBox", "preserveAspectRatio", "transform", "fill", "fill-rule", "fill-opacity", "stroke", "stroke-width",
    "stroke-linecap", "stroke-linejoin", "stroke-miterlimit", "stroke-dasharray", "stroke-opacity", "opacity", "offset",
    "stop-color", "stop-opacity", "gradientUnits", "gradientTransform", "spreadMethod", "clip-path", "clip-rule",
    "clipPathUnits", "color", "href",
))
# fmt: on
_OUTSIDE = re.compile(r"url\(\s*['\"]?(?!#)|[a-z]+:|@import|\\", re.IGNORECASE)


class InvalidBranding(InvalidInvoice):
    """A logo or a colour that cannot be used on a document."""


class Branding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`logo` as `clean_logo` returned it, `accent` as `#rrggbb`. Raises InvalidBranding for a colour hard to read."""

    logo: bytes = b""
    accent: str = DEFAULT_ACCENT

    def __post_init__(self) -> None:
        check_accent(self.accent)

    @property
    def logo_type(self) -> str:
        """The media type of the logo; empty without one."""
        if not self.logo:
            return ""
        return "image/png" if self.logo.startswith(b"\x89PNG") else "image/svg+xml"

    @property
    def logo_url(self) -> str:
        """The logo as a `data:` URL; empty without one."""
        return f"data:{self.logo_type};base64,{base64.b64encode(self.logo).decode()}" if self.logo else ""

    @property
    def tint(self) -> str:
        """The accent as a ground so light that dark text keeps its contrast."""
        return tint(self.accent)


def check_accent(colour: str) -> None:
    """Raises InvalidBranding where the colour is no `#rrggbb`, or text of it on white is hard to read."""
    if not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise InvalidBranding("branding.accent", "must be six hexadecimal digits after a #, such as #0f5f5c")
    contrast = contrast_on_white(colour)
    if contrast < MIN_CONTRAST:
        raise InvalidBranding(
            "branding.accent",
            f"has a contrast of {contrast:.1f} to 1 on white, text needs {MIN_CONTRAST};"
            f" the darker {darkened(colour)} has it",
        )


def clean_logo(image: bytes) -> bytes:
    """A PNG or an SVG with nothing in it but the picture. Raises InvalidBranding for what is too large or no picture.

    A PNG is decoded and written anew; of an SVG only shapes are let through: no script, style, text, link or image.
    """
    if len(image) > MAX_LOGO_BYTES:
        raise InvalidBranding("branding.logo", f"must have at most {MAX_LOGO_BYTES // 1000} kB; make it smaller")
    if image.startswith(b"\x89PNG\r\n\x1a\n"):
        return _clean_png(image)
    return _clean_svg(image)


def _clean_png(image: bytes) -> bytes:
    from PIL import Image

    try:
        with Image.open(BytesIO(image), formats=["PNG"]) as picture:
            width, height = picture.size
            if width * height > MAX_LOGO_PIXELS:
                raise InvalidBranding("branding.logo", f"must have at most {MAX_LOGO_PIXELS // 1_000_000} megapixels")
            bare = Image.new("RGBA", picture.size)
            bare.paste(picture.convert("RGBA"))
    except (OSError, SyntaxError, ValueError) as broken:
        raise InvalidBranding("branding.logo", "is a damaged PNG; save it again") from broken
    written = BytesIO()
    bare.save(written, "PNG", optimize=True)
    return written.getvalue()


def _clean_svg(image: bytes) -> bytes:
    if b"<!DOCTYPE" in image or b"<!ENTITY" in image:
        raise InvalidBranding("branding.logo", "must be an SVG without <!DOCTYPE>; remove the line")
    try:
        root = ElementTree.fromstring(image)  # noqa: S314 - entities were refused above, and expat resolves no others
    except ElementTree.ParseError as broken:
        raise InvalidBranding("branding.logo", "must be a PNG or an SVG image") from broken
    elements = list(root.iter())
    if root.tag != f"{{{_SVG}}}svg" or len(elements) > MAX_SVG_ELEMENTS:
        raise InvalidBranding("branding.logo", f"must be an SVG of at most {MAX_SVG_ELEMENTS} shapes")
    for element in elements:
        _clean_element(element)
    ElementTree.register_namespace("", _SVG)
    cleaned: bytes = ElementTree.tostring(root, encoding="utf-8")
    return cleaned


def _clean_element(element: ElementTree.Element) -> None:
    for child in list(element):
        # What drawing programs leave about themselves (metadata of Inkscape, Sketch) is dropped without a word.
        if not child.tag.startswith(f"{{{_SVG}}}") or child.tag == f"{{{_SVG}}}metadata":
            element.remove(child)
        elif child.tag.removeprefix(f"{{{_SVG}}}") not in _SHAPES:
            name = child.tag.removeprefix(f"{{{_SVG}}}")
            raise InvalidBranding("branding.logo", f"must not have <{name[:20]}> in it; turn everything into paths")
    if _XLINK_HREF in element.attrib:
        element.set("href", element.attrib[_XLINK_HREF])
    for declaration in element.attrib.pop("style", "").split(";"):
        name, _, value = declaration.partition(":")
        element.set(name.strip() or "id", value.strip()) if value else None
    for name, value in list(element.attrib.items()):
        if name not in _ATTRIBUTES:
            del element.attrib[name]
        elif _OUTSIDE.search(value) or (name == "href" and not value.startswith("#")):
            raise InvalidBranding("branding.logo", f"must not point to anything outside: {name}={value[:40]!r}")
