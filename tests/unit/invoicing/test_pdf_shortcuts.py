from __future__ import annotations

from collections.abc import Callable

import pytest
import weasyprint
from weasyprint.css import ComputedStyle
from weasyprint.text import line_break

from invoicing.errors import ExternalReference
from invoicing.rendering import render_html, render_pdf, shortcuts
from tests.unit.invoicing.drawn_accounts import letter_with_charges, receipt
from tests.unit.invoicing.drawn_invoices import in_script, ordinary, view_of, with_everything

# What none of our documents has, but a merchant's template may.
UNUSUAL = """<html lang="en"><body><ul><li>One</li><li>Two</li></ul>
<p style="text-align: justify; width: 80px; border-radius: 5px; background: #fed">One line and then another line</p>
<p style="border-radius: 2px 0; border: 1px solid; margin: auto; width: 50%; box-sizing: border-box">Box</p>
<div style="display: flex"><b>Left</b><i>Right</i></div><div style="float: left; columns: 2">Floats</div>
<p style="position: absolute; top: 90mm; border-radius: 9px; text-decoration: underline">Placed</p></body></html>"""
DOCUMENTS: dict[str, Callable[[], str]] = {
    "one line": lambda: render_html(view_of(ordinary()), "en"),
    "several pages": lambda: render_html(view_of(ordinary(45)), "de"),
    "everything, right to left": lambda: render_html(view_of(with_everything()), "he"),
    "Arabic": lambda: render_html(view_of(in_script("ar")), "ar"),
    "Thai": lambda: render_html(view_of(in_script("th")), "th"),
    "Japanese": lambda: render_html(view_of(in_script("ja")), "ja"),
    "receipt": lambda: render_html(receipt(), "en"),
    "letter": lambda: render_html(letter_with_charges(), "fr"),
    "unusual": lambda: UNUSUAL,
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_the_same_to_the_byte_without_shortcuts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    html = DOCUMENTS[name]()
    quick = render_pdf(html)
    with monkeypatch.context() as other:
        other.setattr(shortcuts, "_exchanges", list)
        assert render_pdf(html) == quick


def test_the_shortcuts_are_for_the_version_that_is_installed() -> None:
    """Another one draws without them: see that they still lead to the same bytes, then say so in WRITTEN_FOR."""
    assert weasyprint.VERSION == shortcuts.WRITTEN_FOR


def test_another_version_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = line_break.Layout
    shortcuts._exchanges.cache_clear()
    with monkeypatch.context() as other:
        other.setattr(weasyprint, "VERSION", "71.0")
        with shortcuts.taken():
            assert line_break.Layout is theirs
    shortcuts._exchanges.cache_clear()


def test_weasyprint_is_as_it_was_when_a_document_is_drawn() -> None:
    before = (line_break.Layout, line_break.strut, ComputedStyle.__missing__)
    render_pdf("<html><body>Total</body></html>")
    with pytest.raises(ExternalReference):
        render_pdf('<html><body><img src="https://elsewhere.example/x.png"/></body></html>')
    assert (line_break.Layout, line_break.strut, ComputedStyle.__missing__) == before
