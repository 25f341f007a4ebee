"""From HTML to a PDF/A-3b: tagged, fonts embedded, nothing fetched, and quick in a process that draws many."""

from __future__ import annotations

import hashlib
import re
from functools import cache, lru_cache
from typing import Any
from xml.etree import ElementTree

from invoicing.errors import ExternalReference

PDF_VARIANT = "pdf/a-3b"
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_PICTURES = ("data:image/png;base64,", "data:image/svg+xml;base64,")


def render_pdf(html: str) -> bytes:
    """A PDF/A-3b, tagged, fonts embedded. The same HTML gives the same bytes.

    Nothing is fetched: raises ExternalReference where the HTML asks for it; pictures may stand in it as `data:` URLs of
    PNG or SVG. CPU-bound: call it in a process of its own that can be killed, never inside a transaction.
    """
    # Importing WeasyPrint costs a second; whoever only shows HTML should not pay for it.
    from weasyprint.urls import FatalURLFetchingError

    identifier = hashlib.sha256(html.encode()).hexdigest()[:32].encode()
    try:
        page, sheets = _parsed(html)
        pdf: bytes = page.write_pdf(
            pdf_variant=PDF_VARIANT,
            pdf_tags=True,
            pdf_identifier=identifier,
            font_config=_fonts(),
            stylesheets=sheets,
        )
    except FatalURLFetchingError:
        # A BaseException to WeasyPrint, which swallows all others; it must not end the process that renders.
        raise ExternalReference from None
    return pdf


def _parsed(html: str) -> tuple[Any, list[Any]]:
    """The page and its style sheets.

    Our templates are well-formed XML too, which expat reads forty times as fast as an HTML parser in Python; what a
    merchant's template leaves open is read as HTML. A sheet is parsed once for all documents that look alike.
    """
    from weasyprint import HTML

    sheets = [_sheet(text) for text in _STYLE.findall(html)]
    bare = _STYLE.sub("", html)
    root = _well_formed(bare)
    if root is None:
        return HTML(string=bare, url_fetcher=_refuse_all()), sheets
    return _page_class()(root), sheets


def _well_formed(html: str) -> ElementTree.Element | None:
    if "<!ENTITY" in html:
        return None
    try:
        return ElementTree.fromstring(html)  # noqa: S314 - no entities, and expat resolves no others
    except ElementTree.ParseError:
        return None


@cache
def _page_class() -> Any:
    from weasyprint import HTML, cssselect2

    class Page(HTML):  # type: ignore[misc]  # WeasyPrint has no types
        """WeasyPrint's document over a tree that is parsed already: as its own constructor makes it."""

        def __init__(self, root: ElementTree.Element) -> None:
            self.base_url = None
            self.url_fetcher = _refuse_all()
            self.media_type = "print"
            self.wrapper_element = cssselect2.ElementWrapper.from_html_root(root, content_language=None)
            self.etree_element = self.wrapper_element.etree_element

    return Page


@lru_cache(maxsize=64)
def _sheet(text: str) -> Any:
    from weasyprint import CSS

    return CSS(string=text, url_fetcher=_refuse_all(), font_config=_fonts())


@cache
def _fonts() -> Any:
    from weasyprint.text.fonts import FontConfiguration

    return FontConfiguration()


@cache
def _refuse_all() -> Any:
    from weasyprint.urls import FatalURLFetchingError, URLFetcher

    class RefuseAll(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
        def fetch(self, url: str, headers: Any = None) -> Any:
            if url.startswith(_PICTURES):
                return super().fetch(url, headers)
            raise FatalURLFetchingError(url)

    return RefuseAll()
