"""Terms with which a document could never be issued are refused when it is drafted."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from billing_desk import Desk, draft_of

from currency.money import Money
from invoicing.errors import InvalidInvoice
from invoicing.terms import (
    AgreedTerms,
    DiscountStep,
    EarlyPayment,
    Instalment,
    NetDays,
    NetDaysThenEndOfMonth,
    Terms,
    deposit,
)
from orchestrator import clock_port
from orchestrator.billing import credit_notes, service

TOO_LATE = AgreedTerms(due=NetDays(10), early_payment=EarlyPayment(steps=(DiscountStep(14, 200),)))
TOO_MUCH = AgreedTerms(instalments=deposit(Money(200_00, "EUR"), NetDays(30)))
BY_MONTH = AgreedTerms(due=NetDaysThenEndOfMonth(0), early_payment=EarlyPayment(steps=(DiscountStep(10, 200),)))


@pytest.mark.parametrize(
    ("terms", "field"), [(TOO_LATE, r"terms\.early_payment\.steps\[0\]\.days"), (TOO_MUCH, r"terms\.instalments")]
)
async def test_what_no_day_fits_is_refused_at_the_draft_and_at_its_change(desk: Desk, terms: Terms, field: str) -> None:
    with pytest.raises(InvalidInvoice, match=field):
        await desk.draft(terms=terms)
    made = await desk.draft()
    with pytest.raises(InvalidInvoice, match=field):
        await service.change_draft(
            desk.merchant_id, made.id, desk.customer_id, draft_of("100", terms=terms), reference=""
        )


async def test_what_fits_on_another_day_of_the_month_can_be_drafted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the 25th the discount would end after the month; on the 1st it fits."""
    monkeypatch.setattr(clock_port, "now", lambda: datetime(2026, 11, 25, 9, tzinfo=UTC))
    made = await desk.draft(terms=BY_MONTH)
    with pytest.raises(InvalidInvoice, match=r"terms\.early_payment"):
        await service.finalize(desk.merchant_id, made.id, send_mail=False)
    monkeypatch.setattr(clock_port, "now", lambda: datetime(2026, 12, 1, 9, tzinfo=UTC))
    assert (await service.finalize(desk.merchant_id, made.id, send_mail=False)).number


async def test_a_copy_is_drafted_whatever_its_terms_are_to_be_changed(desk: Desk) -> None:
    """The instalments were of what was left after the deposit, which a copy does not have."""
    parts = tuple(Instalment(due=NetDays(days), amount=Money(34_50, "EUR")) for days in (30, 60))
    await desk.receive(5000)
    content = msgspec.structs.replace(draft_of("100", terms=AgreedTerms(instalments=parts)), prepaid=Decimal(50))
    made = await service.create_draft(desk.merchant_id, desk.customer_id, content)
    issued = await service.finalize(desk.merchant_id, made.id, send_mail=False)
    assert (await credit_notes.duplicate(desk.merchant_id, issued.id)).draft.prepaid == 0
