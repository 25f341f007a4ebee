"""Why no VAT is charged: the codes of the CEF's VATEX list (EN 16931 BT-121, rule BR-CL-22) and what each says.

The list is published at ec.europa.eu/digital-building-blocks (Registry of supporting artefacts to implement EN 16931);
docs.gobl.org/catalogues/cef shows it with its texts.
"""

from __future__ import annotations

_DIRECTIVE = "Council Directive 2006/112/EC"
_FRENCH_CODE = "French tax code (CGI)"
# Articles of the Directive that have a code of their own, and the points of them that have one.
_ARTICLES: dict[str, tuple[str, ...]] = {
    "132": tuple(f"1{letter}" for letter in "ABCDEFGHIJKLMNOPQ"),
    "135": ("1",),
    "143": (*(f"1{letter}" for letter in "ABCDEF"), "1FA", *(f"1{letter}" for letter in "GHIJKL")),
    "148": tuple("ABCDEFG"),
    "151": ("1A", "1AA", "1B", "1C", "1D", "1E"),
}
_FRENCH_ARTICLES: dict[str, tuple[str, ...]] = {
    "261": ("1", "2", "3", "4", "5", "7", "8"),
    "261C": ("1", "2", "3"),
    "261D": ("1", "1BIS", "2", "3", "4"),
    "261E": ("1", "2"),
}
_NAMED = {
    "VATEX-EU-79-C": f"Exempt based on Article 79, point (c) of {_DIRECTIVE}",
    "VATEX-EU-144": f"Exempt based on Article 144 of {_DIRECTIVE}",
    "VATEX-EU-146-1E": f"Exempt based on Article 146, section 1 (e) of {_DIRECTIVE}",
    "VATEX-EU-153": f"Exempt based on Article 153 of {_DIRECTIVE}",
    "VATEX-EU-159": f"Exempt based on Article 159 of {_DIRECTIVE}",
    "VATEX-EU-309": f"Exempt based on Article 309 of {_DIRECTIVE}",
    "VATEX-EU-AE": "Reverse charge",
    "VATEX-EU-D": "Travel agents: VAT scheme",
    "VATEX-EU-F": "Second-hand goods: VAT scheme",
    "VATEX-EU-G": "Export outside the EU",
    "VATEX-EU-I": "Works of art: VAT scheme",
    "VATEX-EU-IC": "Intra-Community supply",
    "VATEX-EU-J": "Collectors' items and antiques: VAT scheme",
    "VATEX-EU-O": "Not subject to VAT",
    "VATEX-FR-AE": "Reverse charge in France",
    "VATEX-FR-298SEXDECIESA": f"Exempt based on Article 298 sexdecies A of the {_FRENCH_CODE}",
    "VATEX-FR-CGI275": f"Exempt based on Article 275 of the {_FRENCH_CODE}",
    "VATEX-FR-CGI277A": f"Exempt based on Article 277 A of the {_FRENCH_CODE}",
    "VATEX-FR-CGI295": f"Exempt based on Article 295 of the {_FRENCH_CODE}",
    "VATEX-FR-FRANCHISE": "France: VAT exemption for small businesses",
    "VATEX-FR-CNWVAT": "France: credit note without VAT",
}
# The kinds of goods and services of the margin scheme (Directive 2006/112/EC, Art. 306 to 343).
MARGIN_SCHEMES = frozenset({"VATEX-EU-D", "VATEX-EU-F", "VATEX-EU-I", "VATEX-EU-J"})


def _of_directive(article: str, point: str = "") -> str:
    if not point:
        return f"Exempt based on Article {article} of {_DIRECTIVE}"
    if not point[0].isdigit():
        return f"Exempt based on Article {article}, section ({point.lower()}) of {_DIRECTIVE}"
    letters = f" ({point[1:].lower()})" if point[1:] else ""
    return f"Exempt based on Article {article}, section {point[0]}{letters} of {_DIRECTIVE}"


def _of_french_code(article: str, point: str) -> str:
    number = point.replace("BIS", " bis")
    letter = f" {article[3:]}" if article[3:] else ""
    return f"Exempt based on Article {article[:3]}{letter}, point {number} of the {_FRENCH_CODE}"


EXEMPTIONS: dict[str, str] = {
    **{f"VATEX-EU-{article}": _of_directive(article) for article in _ARTICLES if article != "135"},
    **{
        f"VATEX-EU-{article}-{point}": _of_directive(article, point)
        for article, points in _ARTICLES.items()
        for point in points
    },
    **{
        f"VATEX-FR-CGI{article}": f"Exempt based on Article 261 {article[-1]} of the {_FRENCH_CODE}"
        for article in ("261A", "261B")
    },
    **{
        f"VATEX-FR-CGI{article}-{point}": _of_french_code(article, point)
        for article, points in _FRENCH_ARTICLES.items()
        for point in points
    },
    **_NAMED,
}
