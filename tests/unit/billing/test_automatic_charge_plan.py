"""When the merchant's day begins, what each instalment asks, and what a decline allows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from currency.money import Money
from invoicing.calculation import compute
from invoicing.documents import DraftInvoice, IssuedInvoice, Line, Party
from invoicing.lifecycle import InvoiceState, Standing
from invoicing.store import InvoiceRecord
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import AgreedTerms, DiscountStep, EarlyPayment, Instalment, NetDays, Terms, due_date
from orchestrator.billing.automatic_charge import plan
from orchestrator.billing.automatic_charge.plan import Next, Verdict

ISSUED = date(2026, 11, 1)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
THREE_PARTS = AgreedTerms(
    instalments=(
        Instalment(due=NetDays(10), share_bps=2500),
        Instalment(due=NetDays(20), share_bps=2500),
        Instalment(due=NetDays(30), share_bps=5000),
    )
)


def invoice_of(terms: Terms, *, paid: int = 0, prepaid: int = 0) -> InvoiceRecord:
    """100 euros, of which so many cents are paid, and so many were before the issue."""
    party = Party(name="P", country="DE")
    line = Line("Work", Decimal(1), Decimal(80), TaxTreatment(TaxKind.VAT, 2500))
    draft = DraftInvoice(
        seller=party, buyer=party, currency="EUR", lines=(line,), terms=terms, prepaid=Decimal(prepaid) / 100
    )
    totals = compute(draft)
    document = IssuedInvoice(
        number="1", issue_date=ISSUED, due_date=due_date(terms, ISSUED), content=draft, totals=totals
    )
    standing = Standing(
        total=totals.total.minor, paid=paid + prepaid, credited=0, discount=0, written_off=0, credit_notes=0
    )
    return InvoiceRecord(
        id="inv_1", merchant_id="m", customer_id="c", number="1", state=InvoiceState.OPEN, net=totals.net,
        tax=totals.tax, total=totals.total, paid=Money(paid, "EUR"), issue_date=ISSUED, due_date=document.due_date,
        locale="en", draft=draft, document=document, pdf_sha256=None, public_token="t", created_at=NOW, issued_at=NOW,
        paid_at=None, standing=standing,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "begins"),
    [
        ("UTC", datetime(2026, 12, 1, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 11, 30, 23, tzinfo=UTC)),
        ("America/Los_Angeles", datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("Pacific/Auckland", datetime(2026, 11, 30, 11, tzinfo=UTC)),
    ],
)
def test_it_is_charged_as_the_merchants_day_begins(zone: str, begins: datetime) -> None:
    assert plan.due_at(invoice_of(NetDays(30)), 0, plan.zone_of({"timezone": zone})) == begins


@pytest.mark.parametrize("said", [None, "", "Nowhere/City", 7, "../etc/passwd", "/etc/passwd"])
def test_a_profile_without_a_zone_that_exists_counts_by_utc(said: Any) -> None:
    assert plan.zone_of({"timezone": said}) == ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("said", "days"),
    [
        (None, (1, 3, 5)),
        ([], ()),
        ([2, 4], (2, 4)),
        ([0], (1, 3, 5)),
        ([31], (1, 3, 5)),
        ([True], (1, 3, 5)),
        (["1"], (1, 3, 5)),
        ([1] * 9, (1, 3, 5)),
    ],
)
def test_a_pattern_beyond_its_bounds_is_the_usual_one(said: Any, days: tuple[int, ...]) -> None:
    assert plan.retry_after_days({"automatic_charge_retry_after_days": said}) == days


@pytest.mark.parametrize(
    ("part", "paid", "asked"),
    [(0, 0, 2500), (0, 1000, 1500), (0, 2500, 0), (0, 4000, 0), (1, 0, 5000), (1, 2500, 2500), (2, 0, 10000)],
)
def test_a_part_asks_for_what_is_due_by_then_and_not_settled(part: int, paid: int, asked: int) -> None:
    assert plan.asked(invoice_of(THREE_PARTS, paid=paid), part, date(2026, 11, 11)) == Money(asked, "EUR")


@pytest.mark.parametrize(("paid", "part"), [(0, 0), (2499, 0), (2500, 1), (5000, 2), (9999, 2), (10000, 2)])
def test_the_first_part_that_is_open(paid: int, part: int) -> None:
    assert plan.first_open_part(invoice_of(THREE_PARTS, paid=paid)) == part


def test_parts_never_ask_for_more_than_the_whole() -> None:
    for paid in range(0, 10001, 500):
        for part in range(3):
            asked = plan.asked(invoice_of(THREE_PARTS, paid=paid), part, date(2026, 12, 1))
            assert 0 <= asked.minor <= 10000 - paid


def test_a_discount_that_still_runs_is_left_to_the_buyer() -> None:
    early = AgreedTerms(due=NetDays(10), early_payment=EarlyPayment(steps=(DiscountStep(10, 200),)))
    assert plan.asked(invoice_of(early), 0, ISSUED + timedelta(days=10)).minor == 9800
    assert plan.asked(invoice_of(early), 0, ISSUED + timedelta(days=11)).minor == 10000


def test_there_is_no_date_after_the_last_part() -> None:
    utc = ZoneInfo("UTC")
    dates = [plan.due_at(invoice_of(THREE_PARTS), part, utc) for part in range(4)]
    assert [at and at.date() for at in dates] == [date(2026, 11, 11), date(2026, 11, 21), date(2026, 12, 1), None]


def test_tries_end_with_the_pattern_and_only_soft_declines_have_any() -> None:
    soft = Verdict(Next.RETRY, "do_not_honor")
    found = [plan.again_at(soft, tries, (1, 3, 5), NOW) for tries in range(6)]
    assert found == [None, *(NOW + timedelta(days=days) for days in (1, 3, 5)), None, None]
    for final in (Next.STOP, Next.BUYER):
        assert plan.again_at(Verdict(final, "x"), 1, (1, 3, 5), NOW) is None


def test_a_deposit_is_no_part_of_the_instalments() -> None:
    asked = [plan.asked(invoice_of(THREE_PARTS, prepaid=2000), part, date(2026, 12, 1)).minor for part in range(3)]
    assert asked == [2000, 4000, 8000]
