from __future__ import annotations

import pytest

from invoicing.errors import ExternalReference
from invoicing.rendering import InvalidTemplate, check_template, render_html, render_pdf
from invoicing.rendering.merchant_templates import MAX_SOURCE_BYTES
from tests.unit.invoicing.drawn_invoices import ordinary, text_of, view_of

EXTENDS = '{% extends "invoice.html" %}\n'
OWN_HEADER = EXTENDS + "{% block header %}<h1>{{ seller.name|upper }} says: {{ title }}</h1>{% endblock %}"
OWN_PAGE = "<html><body>{% for line in lines %}<p>{{ line.amount }}</p>{% endfor %}</body></html>"


def drawn(source: str, lines: int = 2) -> str:
    return render_html(view_of(ordinary(lines), template=source), "en")


def test_a_template_replaces_a_part_and_keeps_the_rest() -> None:
    html = drawn(OWN_HEADER)
    assert "<h1>NORDLICHT GMBH says: Invoice</h1>" in html
    assert "Bank transfer" in html


def test_a_template_may_be_a_whole_page() -> None:
    assert drawn(OWN_PAGE).count("<p>€210.38</p>") == 2


def test_a_template_of_loose_html_is_drawn_too() -> None:
    assert "Hello" in text_of(render_pdf(drawn("<p>Hello<br>{{ number }}<p>there")))


def test_a_template_may_have_styles_of_its_own() -> None:
    html = drawn(EXTENDS + "{% block style %}h1 { color: #7a1fa2 }{% endblock %}")
    assert "h1 { color: #7a1fa2 }" in html
    assert render_pdf(html).startswith(b"%PDF")


def test_texts_of_the_document_stay_texts() -> None:
    html = render_html(view_of(ordinary(note="<b>{{ 7 }}</b>"), template="<p>{{ note }}</p>"), "en")
    assert html == "<p>&lt;b&gt;{{ 7 }}&lt;/b&gt;</p>"


@pytest.mark.parametrize(
    ("source", "line", "says"),
    [
        ("{% if %}", 1, "Expected an expression"),
        ("one\ntwo {{ number", 2, "unexpected end"),
        ("\n\n{% include 'invoice.css' %}", 3, "include"),
        ("{% import 'x' as y %}", 1, "import"),
        ("{% macro f() %}{{ f() }}{% endmacro %}", 1, "macro"),
        ("{% set a = 'x' %}", 1, "assign"),
        ("\n{{ 'a' * 1000000000 }}", 2, "mul"),
        ("{{ 10 ** 10 }}", 1, "pow"),
        ("{{ note ~ note }}", 1, "concat"),
        ("{{ range(1000000000) }}", 1, "cannot call"),
        ("{{ number.format(1) }}", 1, "cannot call"),
        ("{{ number.__class__ }}", 1, "__class__"),
        ("{{ lines|map('upper') }}", 1, "no filter map"),
        ("{{ note|replace('a', 'aaaa') }}", 1, "no filter replace"),
        ("{{ note|upper|lower|upper|lower }}", 1, "at most 3 filters"),
        ("{% for a in lines recursive %}{% endfor %}", 1, "deep"),
        ("{% extends '/etc/passwd' %}", 1, "only"),
        ("{% extends note %}", 1, "only"),
        ("{% for a in lines %}" * 4 + "{% endfor %}" * 4, 1, "deep"),
    ],
)
def test_what_may_not_stand_in_a_template_is_refused_with_its_line(source: str, line: int, says: str) -> None:
    with pytest.raises(InvalidTemplate) as refused:
        check_template(source)
    assert refused.value.line == line
    assert says.lower() in refused.value.message.lower()


def test_a_template_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidTemplate, match="64 kB"):
        check_template("x" * (MAX_SOURCE_BYTES + 1))


def test_a_name_that_no_document_has_is_refused_with_its_line() -> None:
    with pytest.raises(InvalidTemplate, match="'nmber' is undefined") as refused:
        drawn("one\ntwo\n{{ nmber }}")
    assert refused.value.line == 3


def test_underscored_attributes_reached_by_an_item_are_refused() -> None:
    with pytest.raises(InvalidTemplate):
        drawn("{{ number['__class__']['__mro__'] }}")


def test_loops_in_loops_end_before_they_take_long() -> None:
    loops = "{% for a in lines %}{% for b in lines %}{% for c in lines %}{% endfor %}{% endfor %}{% endfor %}"
    with pytest.raises(InvalidTemplate, match="50000 steps"):
        drawn(loops, lines=60)


def test_a_page_that_grows_too_large_is_refused() -> None:
    loops = "{% for a in lines %}{% for b in lines %}" + "x" * 30_000 + "{% endfor %}{% endfor %}"
    with pytest.raises(InvalidTemplate, match="4 MB"):
        drawn(loops, lines=20)


@pytest.mark.parametrize(
    "source",
    [
        '<img src="http://x.example/a.png">',
        '<link rel="stylesheet" href="file:///etc/passwd">',
        "<style>@import url(http://x.example/a.css);</style>",
        "<style>p { background: url(file:///etc/hostname) }</style><p>x</p>",
        "<style>@font-face { font-family: X; src: url(http://x.example/f.ttf) } p { font-family: X }</style><p>x</p>",
    ],
)
def test_nothing_is_fetched_for_a_template(source: str) -> None:
    with pytest.raises(ExternalReference):
        render_pdf(drawn(source))
