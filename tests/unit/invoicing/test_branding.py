from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image, PngImagePlugin

from invoicing.rendering import Branding, InvalidBranding, clean_logo, render_html, render_pdf
from invoicing.rendering.branding import MAX_LOGO_BYTES
from invoicing.rendering.colours import MIN_CONTRAST, contrast_on_white
from tests.unit.invoicing.drawn_invoices import ordinary, picture_of, view_of

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40">{}</svg>'


def svg(inside: str) -> bytes:
    return SVG.format(inside).encode()


def png(size: tuple[int, int] = (60, 20), **save: object) -> bytes:
    written = BytesIO()
    Image.new("RGB", size, "#c01818").save(written, "PNG", **save)  # type: ignore[arg-type]
    return written.getvalue()


def test_a_png_keeps_its_picture_and_nothing_else() -> None:
    told = PngImagePlugin.PngInfo()
    told.add_text("Author", "secret-name")
    cleaned = clean_logo(png(pnginfo=told))
    assert b"secret-name" not in cleaned
    assert Image.open(BytesIO(cleaned)).getpixel((5, 5)) == (192, 24, 24, 255)


def test_the_shapes_of_an_svg_stay() -> None:
    cleaned = clean_logo(svg('<g fill="#c01818"><path d="M0 0h120v40z" style="stroke:#000;stroke-width:2"/></g>'))
    assert b'd="M0 0h120v40z"' in cleaned
    assert b'stroke="#000"' in cleaned


def test_what_drawing_programs_leave_behind_is_dropped() -> None:
    left = '<metadata>me</metadata><x:page xmlns:x="http://x.example"/><path onclick="x()" d="M0 0h1v1z"/>'
    cleaned = clean_logo(svg(left))
    assert b"me<" not in cleaned
    assert b"page" not in cleaned
    assert b"onclick" not in cleaned


@pytest.mark.parametrize(
    "inside",
    [
        "<script>x()</script>",
        "<style>@import url(http://x.example/a.css)</style>",
        '<image href="http://x.example/a.png"/>',
        "<text>Acme</text>",
        "<foreignObject/>",
        '<a href="http://x.example"/>',
        '<use href="http://x.example/a.svg#b"/>',
        '<use xmlns:l="http://www.w3.org/1999/xlink" l:href="file:///etc/passwd#b"/>',
        '<path fill="url(http://x.example/a)" d="M0 0"/>',
        '<path style="fill: url(\'file:///etc/passwd\')" d="M0 0"/>',
        '<g><g><script/></g></g>',
    ],
)  # fmt: skip
def test_an_svg_that_is_more_than_shapes_is_refused(inside: str) -> None:
    with pytest.raises(InvalidBranding, match=r"branding\.logo"):
        clean_logo(svg(inside))


@pytest.mark.parametrize(
    "image",
    [
        b"", b"GIF89a", b"<html/>", b'<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg"/>',
        png()[:40], b"\x89PNG\r\n\x1a\n" + b"0" * 100, b"x" * (MAX_LOGO_BYTES + 1), png((4001, 1000)),
        svg("<path/>" * 2001),
    ],
)  # fmt: skip
def test_what_is_no_picture_or_too_large_is_refused(image: bytes) -> None:
    with pytest.raises(InvalidBranding):
        clean_logo(image)


def test_a_colour_that_is_hard_to_read_is_refused_with_one_that_is_not() -> None:
    with pytest.raises(InvalidBranding, match=r"1\.5 to 1") as refused:
        Branding(accent="#ffcc00")
    proposed = refused.value.message.split("darker ")[1][:7]
    assert contrast_on_white(proposed) >= MIN_CONTRAST
    Branding(accent=proposed)


@pytest.mark.parametrize("colour", ["red", "#fff", "#12345g", "#123456;}", ""])
def test_only_six_digits_are_a_colour(colour: str) -> None:
    with pytest.raises(InvalidBranding, match="six hexadecimal digits"):
        Branding(accent=colour)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast_on_white("#000000") == pytest.approx(21)
    assert contrast_on_white("#767676") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("logo", [png(), svg('<rect width="120" height="40" fill="#c01818"/>')])
def test_logo_and_colour_are_seen_on_the_page(logo: bytes) -> None:
    look = Branding(logo=clean_logo(logo), accent="#7a1fa2")
    picture = picture_of(render_pdf(render_html(view_of(ordinary(), branding=look), "en")), scale=1).convert("RGB")
    colours = {colour for _, colour in picture.getcolors(maxcolors=1_000_000) or []}
    assert (192, 24, 24) in colours
    assert (122, 31, 162) in colours
