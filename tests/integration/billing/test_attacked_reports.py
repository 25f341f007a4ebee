"""What is owed and when, as reports, reminders and the hosted page have it: one answer."""

from __future__ import annotations

from datetime import timedelta

from billing_desk import NET_30, Desk, eur

from invoicing.reminders import parts_left
from invoicing.terms import AgreedTerms, Instalment, NetDays
from orchestrator import clock_port
from orchestrator.billing import paying, reports
from orchestrator.billing.reports import Age

THIRDS = AgreedTerms(
    instalments=tuple(Instalment(due=NetDays(days), share_bps=bps) for days, bps in ((7, 3000), (14, 3000), (60, 4000)))
)


async def test_an_instalment_ages_by_its_own_due_date(desk: Desk) -> None:
    today = clock_port.now().date()
    invoice = await desk.issue("100", terms=THIRDS, on=today - timedelta(days=45))
    await desk.issue("10", terms=NET_30, on=today - timedelta(days=45))
    await desk.receive(1000, remittance=invoice.number or "")
    invoice = await desk.now(invoice)
    [row] = await reports.aged_receivables(desk.merchant_id, today)
    assert {age: amount for age, amount in row.owed.items() if amount.minor} == {
        Age.NOT_DUE: eur(4760),
        Age.TO_30: eur(1190),
        Age.TO_60: eur(3570 + 3570 - 1000),
    }
    assert row.total == eur(11900 + 1190 - 1000)
    assert invoice.document is not None
    asked = paying.asked(invoice, today)
    assert asked.parts == tuple(parts_left(invoice.document, invoice.owed))
    assert asked.now == row.owed[Age.TO_60]
