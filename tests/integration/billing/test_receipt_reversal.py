"""Receipts that bounced: what they paid is owed again, what they gave as credit is gone, and it happens once."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import msgspec
import pytest
from billing_desk import SKONTO, Desk, draft_of, eur

from currency.money import Money
from currency.rates import Rate
from invoicing import application_store
from invoicing import service as invoicing
from invoicing.allocation import Part
from invoicing.errors import InvalidInvoice
from invoicing.lifecycle import ApplicationKind, InvoiceState
from invoicing.reminders import Policy, ReminderStep
from invoicing.store import InvoiceRecord
from invoicing.terms import AgreedLate, AgreedTerms, NetDays
from orchestrator import clock_port
from orchestrator.access import service as access
from orchestrator.billing import (
    credit_notes,
    credit_payouts,
    customer_credit,
    receipts,
    reports,
    reversing,
    service,
    settling,
)
from orchestrator.billing.automatic_charge import plan
from orchestrator.billing.credit_payouts import NewPayout
from orchestrator.billing.receipts import ReceiptView
from orchestrator.billing.reminders import policy
from orchestrator.billing.reminders import service as reminders
from orchestrator.billing.reversing import CreditPaidOut
from orchestrator.errors import Conflict, InvalidField, NotFound


def today() -> date:
    return clock_port.now().date()


async def reverse(desk: Desk, done: ReceiptView, reason: str = "returned: AM04") -> ReceiptView:
    return await reversing.reverse(desk.merchant_id, done.receipt.id, reason, today())


async def credit(desk: Desk, currency: str = "EUR") -> int:
    return (await customer_credit.balance(desk.merchant_id, desk.customer_id, currency)).minor


async def closing(desk: Desk) -> list[int]:
    found = await reports.statements(desk.merchant_id, desk.customer_id, today(), today())
    return [one.closing.minor for one in found]


ISSUED = {"customer_receivable": 11900, "sales": -10000, "tax": -1900}


async def test_what_a_returned_receipt_paid_is_owed_again(desk: Desk) -> None:
    invoice = await desk.issue("100")
    done = await desk.receive(11900)
    back = await reverse(desk, done)
    after = await desk.now(invoice)
    assert (after.state, after.owed, after.paid_at) == (InvoiceState.OPEN, eur(11900), None)
    assert await desk.balances() == ISSUED
    assert back.reversal is not None
    assert (back.receipt.number, back.reversal.reason) == (done.receipt.number, "returned: AM04")
    assert [row.kind for row in back.applications] == [ApplicationKind.RECEIPT, ApplicationKind.RECEIPT_REVERSAL]
    assert await closing(desk) == [11900]
    aged = await reports.aged_receivables(desk.merchant_id, today())
    assert [row.total for row in aged] == [eur(11900)]
    assert "receipt.reversed" in await desk.told(done.receipt.id)
    assert "invoice.reopened" in await desk.told(invoice.id)


async def test_told_again_or_by_many_at_once_it_is_reversed_once(desk: Desk) -> None:
    invoice = await desk.issue("100")
    done = await desk.receive(11900 + 500)
    backs = await asyncio.gather(*(reverse(desk, done) for _ in range(6)))
    assert len({one.reversal for one in backs}) == 1
    assert (await desk.now(invoice)).owed == eur(11900)
    assert (await desk.told(done.receipt.id)).count("receipt.reversed") == 1
    with pytest.raises(Conflict, match="already: returned: AM04"):
        await reverse(desk, done, "another reason")


async def test_the_reversed_receipts_reference_stays_taken(desk: Desk) -> None:
    await desk.issue("100")
    done = await desk.receive(11900)
    await reverse(desk, done)
    again = await desk.receive(11900)
    assert (again.receipt.id, again.reversal is not None) == (done.receipt.id, True)
    assert await desk.balances() == ISSUED


async def test_the_discount_that_it_earned_is_taken_back_with_its_tax(desk: Desk) -> None:
    invoice = await desk.issue("100", "50", terms=SKONTO)
    done = await desk.receive(17250 - 345)
    assert (await desk.now(invoice)).state is InvoiceState.PAID
    await reverse(desk, done)
    after = await desk.now(invoice)
    assert (after.state, after.owed, after.standing.discount) == (InvoiceState.OPEN, eur(17250), 0)
    assert await desk.balances() == {"customer_receivable": 17250, "sales": -15000, "tax": -2250}
    journal = await reports.sales_journal(desk.merchant_id, today(), today())
    discounts = [line for line in journal if line.document == "discount"]
    assert (len(discounts), sum(line.tax.minor + line.base.minor for line in discounts)) == (4, 0)


async def test_a_rest_within_the_tolerance_is_owed_again_too(desk: Desk) -> None:
    invoice = await desk.issue("100")
    done = await desk.receive(11895, parts=(Part(invoice.id, eur(11895)),))
    assert (await desk.balances())["write_off"] == 5
    await reverse(desk, done)
    assert (await desk.now(invoice)).owed == eur(11900)
    assert await desk.balances() == ISSUED


async def test_the_difference_of_rates_goes_back_with_the_money(desk: Desk) -> None:
    invoice = await desk.issue("100")
    day = date(2026, 11, 20)
    rate = Rate("USD", "EUR", Decimal("1.1900"), Decimal(1), day, "agreed")
    booked = Rate("EUR", "USD", Decimal(1), Decimal("1.1000"), day, "ECB")
    done = await desk.receive(14161, currency="USD", invoice_currency="EUR", rate=rate, booked_rate=booked)
    back = await reverse(desk, done)
    assert (await desk.now(invoice)).owed == eur(11900)
    assert (await desk.balances("USD"), await desk.balances()) == ({}, ISSUED)
    assert back.applications[-1].moved == Money(-14161, "USD")
    assert back.applications[-1].fx_difference == Money(-1071, "USD")


async def test_one_receipt_over_several_invoices_opens_them_all(desk: Desk) -> None:
    invoices = [await desk.issue("100") for _ in range(3)]
    done = await desk.receive(3 * 11900 + 700)
    await reverse(desk, done)
    assert [(await desk.now(one)).owed for one in invoices] == [eur(11900)] * 3
    assert await credit(desk) == 0
    assert (await desk.balances()).get("bank") is None


async def test_what_another_receipt_paid_stays_paid(desk: Desk) -> None:
    invoice = await desk.issue("100")
    bad = await desk.receive(6000, "r1")
    await desk.receive(5900, "r2")
    await reverse(desk, bad)
    after = await desk.now(invoice)
    assert (after.state, after.owed) == (InvoiceState.PARTLY_PAID, eur(6000))


async def test_of_a_credited_invoice_the_credit_goes_first(desk: Desk) -> None:
    invoice = await desk.issue("100")
    done = await desk.receive(11900)
    await credit_notes.issue(desk.merchant_id, invoice.id, None, send_mail=False)
    assert await credit(desk) == 11900
    await reverse(desk, done)
    assert ((await desk.now(invoice)).state, await credit(desk)) == (InvoiceState.CREDITED, 0)
    assert await desk.balances() == {}


async def test_credit_that_was_spent_elsewhere_opens_what_it_paid(desk: Desk) -> None:
    done = await desk.receive(11900)
    older, newer = await desk.issue("50"), await desk.issue("50")
    for one in (older, newer):
        await settling.spend_credit(desk.merchant_id, one.id)
    assert await credit(desk) == 0
    await desk.receive(2000, "r2", parts=None)
    assert await credit(desk) == 2000
    await reverse(desk, done)
    assert ((await desk.now(newer)).owed, (await desk.now(older)).owed) == (eur(5950), eur(3950))
    assert (await credit(desk), (await desk.balances())["bank"]) == (0, 2000)
    assert "invoice.reopened" in await desk.told(newer.id)


async def prepaid(desk: Desk, receipt_id: str) -> InvoiceRecord:
    draft = msgspec.structs.replace(draft_of("100"), prepaid=Decimal(50), prepaid_receipts=(receipt_id,))
    made = await service.create_draft(desk.merchant_id, desk.customer_id, draft)
    return await service.finalize(desk.merchant_id, made.id, send_mail=False)


async def test_a_deposit_that_bounced_is_owed_on_the_invoice_that_names_it(desk: Desk) -> None:
    done = await desk.receive(5000)
    invoice = await prepaid(desk, done.receipt.id)
    await desk.receive(1000, "r2", parts=(Part(invoice.id, eur(100)),))
    at_large = await desk.issue("1")
    await settling.spend_credit(desk.merchant_id, at_large.id)
    await reverse(desk, done)
    assert (await desk.now(invoice)).owed == eur(11900 - 100 - 781)
    assert ((await desk.now(at_large)).state, await credit(desk)) == (InvoiceState.PAID, 0)


async def test_a_reversed_receipt_is_no_deposit(desk: Desk) -> None:
    done = await desk.receive(5000)
    await reverse(desk, done)
    await desk.receive(5000, "r2")
    with pytest.raises(InvalidInvoice, match="reversed"):
        await prepaid(desk, done.receipt.id)


async def test_credit_that_was_paid_out_must_come_back_first(desk: Desk) -> None:
    done = await desk.receive(5000)
    payout = NewPayout(desk.customer_id, eur(3000), "p1", today())
    await credit_payouts.pay_out(desk.merchant_id, payout)
    with pytest.raises(CreditPaidOut, match="3000 minor units"):
        await reverse(desk, done)
    assert (await receipts.get(desk.merchant_id, done.receipt.id)).reversal is None
    await desk.receive(3000, "r2")
    await reverse(desk, done)
    assert (await credit(desk), await desk.balances()) == (0, {})


async def test_what_it_says_to_do_then_can_be_done_beside_open_invoices(desk: Desk) -> None:
    """A receipt for the open invoice would leave no credit."""
    done = await desk.receive(5000)
    await credit_payouts.pay_out(desk.merchant_id, NewPayout(desk.customer_id, eur(3000), "p1", today()))
    invoice = await desk.issue("100")
    with pytest.raises(CreditPaidOut, match=r"as a receipt for no invoice .with a `remittance` that names none"):
        await reverse(desk, done)
    await desk.receive(3000, "r2", remittance="paid back", is_oldest_first=False)
    await reverse(desk, done)
    assert (await credit(desk), (await desk.now(invoice)).owed) == (0, eur(11900))


async def test_an_uncollectible_invoice_stays_given_up(desk: Desk) -> None:
    invoice = await desk.issue("100")
    done = await desk.receive(5000)
    await settling.mark_uncollectible(desk.merchant_id, invoice.id)
    await reverse(desk, done)
    after = await desk.now(invoice)
    assert (after.state, after.standing.written_off) == (InvoiceState.UNCOLLECTIBLE, 11900)


async def test_what_recovered_a_write_off_and_bounced_is_owed_again(desk: Desk) -> None:
    invoice = await desk.issue("100")
    await settling.mark_uncollectible(desk.merchant_id, invoice.id)
    done = await desk.receive(11900, parts=(Part(invoice.id, eur(11900)),))
    await reverse(desk, done)
    after = await desk.now(invoice)
    assert (after.state, after.owed, after.standing.written_off) == (InvoiceState.OPEN, eur(11900), 0)


@pytest.mark.parametrize("days", [-1, 3])
async def test_it_cannot_go_back_before_it_came_or_tomorrow(desk: Desk, days: int) -> None:
    done = await desk.receive(5000)
    with pytest.raises(InvalidField, match="reversed_on"):
        await reversing.reverse(desk.merchant_id, done.receipt.id, "x", today() + timedelta(days=days))


async def test_another_merchants_receipt_is_not_there(desk: Desk) -> None:
    done = await desk.receive(5000)
    with pytest.raises(NotFound):
        await reversing.reverse("mer_other", done.receipt.id, "x", today())


async def test_receipts_and_reversals_at_once_wait_for_each_other(desk: Desk) -> None:
    invoices = [await desk.issue("100") for _ in range(4)]
    given = [await desk.receive(2 * 11900 + 100, f"r{place}") for place in range(2)]
    spending = [settling.spend_credit(desk.merchant_id, one.id) for one in invoices]
    more = [desk.receive(3000, f"m{place}") for place in range(4)]
    undoing = [reverse(desk, one) for one in given]
    done = await asyncio.wait_for(
        asyncio.gather(*more, *spending, *undoing, *(reverse(desk, one) for one in given), return_exceptions=True), 60
    )
    assert not [
        one
        for one in done
        if isinstance(one, Exception) and not isinstance(one, Conflict) and "nothing is owed" not in str(one)
    ]
    assert all([(await receipts.get(desk.merchant_id, one.receipt.id)).reversal is not None for one in given])
    owed = sum([(await desk.now(one)).owed.minor for one in invoices])
    assert owed - await credit(desk) == 4 * 11900 - 12_000
    assert (await desk.balances())["bank"] == 12_000


async def test_reminders_go_on_and_nothing_is_charged_by_itself(desk: Desk) -> None:
    done = await desk.receive(11900)
    by_credit = await desk.issue("100")
    await settling.spend_credit(desk.merchant_id, by_credit.id)
    paid = await desk.issue("100")
    for one in (await desk.receive(11900, "r2"), done):
        await reverse(desk, one)
    for invoice in (paid, by_credit):
        rows = await application_store.applications_of(invoice.id)
        assert (await policy.is_reminded_of(desk.merchant_id, invoice.id), plan.times_gone_back(rows)) == (True, 1)
        assert await policy.resumed_on(await desk.now(invoice)) == today()


async def test_for_the_interest_it_never_paid(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    step = ReminderStep(offset_days=20, level=2, deadline_days=7, with_late_charge=True)
    await policy.put(desk.merchant_id, Policy(steps=(step,)))
    terms = AgreedTerms(due=NetDays(30), late=AgreedLate(rate_bps=3650))
    invoice = await desk.issue("100", terms=terms)
    assert invoice.due_date is not None
    due = datetime.combine(invoice.due_date, time(9), UTC)
    monkeypatch.setattr(clock_port, "now", lambda: due + timedelta(days=3))
    done = await desk.receive(11900)
    monkeypatch.setattr(clock_port, "now", lambda: due + timedelta(days=9))
    await reverse(desk, done)
    monkeypatch.setattr(clock_port, "now", lambda: due + timedelta(days=20))
    letter = (await reminders.send_next(desk.merchant_id, invoice.id)).letter
    assert letter.interest == eur(238)  # 20 days at 0.1 %


async def test_every_application_has_its_opposite(desk: Desk) -> None:
    invoice = await desk.issue("100", terms=SKONTO)
    await reverse(desk, await desk.receive(11662))
    rows = await application_store.applications_of((await invoicing.get(desk.merchant_id, invoice.id)).id)
    assert [(row.applied.minor, row.amount.minor) for row in rows] == [
        (11662, 11662), (238, 238), (-11662, -11662), (-238, -238)
    ]  # fmt: skip


async def test_the_first_receipts_of_a_merchant_wait_for_each_other_in_one_order(database: str) -> None:
    """One opens accounts of the ledger, one the series of receipts."""
    for place in range(12):
        desk = Desk((await access.create_merchant(f"Shop {place}", {})).id, "cus_1")
        invoices = [await desk.issue("100") for _ in range(2)]
        paying = [
            desk.receive(11900, f"r{index}", parts=(Part(invoice.id, eur(11900)),))
            for index, invoice in enumerate(invoices)
        ]
        unmatched = [desk.receive(500, f"u{index}", remittance="x", is_oldest_first=False) for index in range(2)]
        await asyncio.wait_for(asyncio.gather(*paying, *unmatched), 30)
        assert (await desk.balances())["bank"] == 2 * 11900 + 2 * 500
