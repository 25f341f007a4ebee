"""From HTML to a PDF/A-3b: tagged, fonts embedded, nothing fetched, and quick in a process that draws many."""

from __future__ import annotations

import hashlib
import re
import zlib
from copy import copy
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any
from xml.etree import ElementTree

from invoicing.errors import ExternalReference
from invoicing.rendering import shortcuts

PDF_VARIANT = "pdf/a-3b"
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
# What a template of the merchant's own may ask for. A word that only looks like it costs a little time.
_UNUSUAL = re.compile(r"<(li|ul|ol|menu|dir|summary)\b|list-|footnote|note\s*\(|::|\\", re.IGNORECASE)
_AIRY, _COMPACT = '<body class="airy"', '<body class="compact"'
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
        with shortcuts.taken():
            options = {"pdf_variant": PDF_VARIANT, "pdf_tags": True, "pdf_identifier": identifier}
            pdf: bytes = _laid_out(html, options).write_pdf(finisher=_write_out, **options)
    except FatalURLFetchingError:
        # A BaseException to WeasyPrint, which swallows all others; it must not end the process that renders.
        raise ExternalReference from None
    return pdf


def _laid_out(html: str, options: dict[str, Any]) -> Any:
    """The document; where a little spills over to a second page and need not, more tightly set."""
    document = _set(html, options)
    if len(document.pages) != 2 or _AIRY not in html:
        return document
    tightened = _set(html.replace(_AIRY, _COMPACT, 1), options)
    return tightened if len(tightened.pages) == 1 else document


def _set(html: str, options: dict[str, Any]) -> Any:
    page, sheets = _parsed(html)
    return page.render(font_config=_fonts(), stylesheets=sheets, **options)


@dataclass(slots=True)
class _Written:
    """An object of the PDF as its bytes: what pydyf asks of one when it writes the file."""

    number: int
    generation: int
    free: str
    compressible: bool
    data: bytes
    offset: int = 0

    @property
    def indirect(self) -> bytes:
        return b"%d %d obj\n%b\nendobj" % (self.number, self.generation, self.data)

    @property
    def reference(self) -> bytes:
        return b"%d %d R" % (self.number, self.generation)


def _write_out(_document: Any, pdf: Any) -> None:
    """pydyf makes every object twice, once for the file and once for the hash that names it, and compresses as hard as
    zlib can: that is a tenth of the time of an invoice."""
    pdf.objects = [_written(each) for each in pdf.objects]
    add = pdf.add_object

    def add_compressed(each: Any) -> None:  # the last: a stream of all objects that are none, and the table of them
        _compress(each)
        add(each)

    pdf.add_object = add_compressed


def _written(each: Any) -> Any:
    if each.free == "f":
        return each
    _compress(each)
    return _Written(each.number, each.generation, each.free, each.compressible, each.data)


def _compress(each: Any) -> None:
    """Now and for good, where it is to be compressed at all."""
    if getattr(each, "compress", False):
        each.compress = False
        content = each.data.partition(b"\nstream\n")[2].removesuffix(b"\nendstream")
        each.stream = [zlib.compress(content)]
        each.extra["Filter"] = "/FlateDecode"


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
    return _page_class()(root, is_plain=_UNUSUAL.search(html) is None), sheets


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

        def __init__(self, root: ElementTree.Element, *, is_plain: bool) -> None:
            self._is_plain = is_plain
            self.base_url = None
            self.url_fetcher = _refuse_all()
            self.media_type = "print"
            self.wrapper_element = cssselect2.ElementWrapper.from_html_root(root, content_language=None)
            self.etree_element = self.wrapper_element.etree_element

        def _ua_stylesheets(self, forms: bool = False) -> list[Any]:
            return [_plain_sheet()] if self._is_plain and not forms else super()._ua_stylesheets(forms)

    return Page


@cache
def _plain_sheet() -> Any:
    """WeasyPrint's own sheet without what it says of list markers and footnotes: it says it of every element, six
    pseudo-elements to each, which none of our documents has."""
    from weasyprint import UA_STYLESHEET

    sheet, matcher = copy(UA_STYLESHEET), copy(UA_STYLESHEET.matcher)
    pseudo_element = 3  # of what cssselect2 keeps of a selector
    matcher.other_selectors = [each for each in matcher.other_selectors if each[pseudo_element] is None]
    sheet.matcher = matcher
    return sheet


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
