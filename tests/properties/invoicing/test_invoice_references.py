"""Whatever an invoice's number is, the reference that is printed of it finds it again, and no other."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import iso11649

from invoicing.numbering import format_number
from invoicing.remittance import bare, mentions_in, named_by, rf_reference
from invoicing.rendering import payment_codes
from invoicing.rendering.swiss_bill import qr_reference

PREFIXES = st.from_regex(r"[A-Za-z0-9/_.-]{0,8}", fullmatch=True)
AROUND = st.text(st.sampled_from("abc XYZ-/.,+ 0123"), max_size=20)
TODAY = date(2026, 11, 23)


@st.composite
def numbers(draw: st.DrawFn) -> str:
    pattern = draw(PREFIXES) + draw(st.sampled_from(["{seq}", "{year}-{seq:05}", "{year}/{month}/{seq:04}"]))
    return format_number(pattern, issue_date=TODAY, seq=draw(st.integers(1, 10**6)))


def test_there_is_one_function_for_what_is_printed_and_what_is_found() -> None:
    assert payment_codes.rf_reference is rf_reference


@settings(deadline=None)
@given(numbers(), AROUND, AROUND, st.booleans())
def test_the_reference_of_every_number_finds_it(number: str, before: str, after: str, is_grouped: bool) -> None:
    rf = rf_reference(number)
    assert rf is None or iso11649.is_valid(rf)
    if rf is not None:
        written = " ".join(rf[at : at + 4] for at in range(0, len(rf), 4)) if is_grouped else rf
        found = named_by(mentions_in(f"{before} {written} {after}"), {"this": number})
        assert found == [frozenset({"this"})]


@settings(deadline=None)
@given(numbers(), AROUND)
def test_the_swiss_reference_of_every_number_finds_it(number: str, before: str) -> None:
    reference = qr_reference(number)
    if reference is not None:
        found = named_by(mentions_in(f"{before} {reference[:2]} {reference[2:]}"), {"this": number})
        assert found == [frozenset({"this"})]


@settings(deadline=None)
@given(numbers(), numbers())
def test_a_reference_names_no_other_number(one: str, other: str) -> None:
    rf = rf_reference(one)
    if rf is not None and bare(one) != bare(other):
        assert named_by(mentions_in(rf), {"one": one, "other": other}) == [frozenset({"one"})]


@settings(deadline=None)
@given(numbers(), st.integers(0, 9))
def test_a_number_is_not_found_in_a_longer_one(number: str, digit: int) -> None:
    assert named_by(mentions_in(f"x {number}{digit} y"), {"this": number}) == []
