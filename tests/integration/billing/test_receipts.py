from __future__ import annotations

import asyncio
from datetime import date, timedelta
from decimal import Decimal

import pytest
from billing_desk import SKONTO, Desk, eur

from currency.money import Money
from currency.rates import Rate
from invoicing.allocation import Part
from invoicing.errors import PaymentMismatch
from invoicing.lifecycle import InvoiceState
from orchestrator import clock_port
from orchestrator.billing import customer_credit


async def test_a_receipt_pays_the_oldest_invoices_first_and_the_rest_is_credit(desk: Desk) -> None:
    today = clock_port.now().date()
    older = await desk.issue("100", on=today - timedelta(days=40))
    newer = await desk.issue("100", on=today)
    done = await desk.receive(11900 + 4000)
    assert done.receipt.number == f"RCT-{today.year}-00001"
    assert ((await desk.now(older)).state, (await desk.now(newer)).paid) == (InvoiceState.PAID, eur(4000))
    rest = await desk.receive(10000, "r2")
    assert rest.receipt.credited == eur(2100)
    assert await customer_credit.balance(desk.merchant_id, desk.customer_id, "EUR") == eur(2100)
    assert (await desk.balances())["bank"] == 25900


async def test_a_receipt_told_twice_or_by_many_at_once_counts_once(desk: Desk) -> None:
    invoice = await desk.issue("100")
    done = await asyncio.gather(*(desk.receive(5000) for _ in range(5)))
    assert len({one.receipt.id for one in done}) == 1
    assert (await desk.now(invoice)).paid == eur(5000)
    with pytest.raises(PaymentMismatch, match="told before"):
        await desk.receive(5001)


async def test_a_receipt_goes_where_the_payer_says(desk: Desk) -> None:
    first, second = await desk.issue("100"), await desk.issue("100")
    parts = (Part(second.id, eur(6000)), Part(first.id, eur(1000)))
    done = await desk.receive(8000, parts=parts)
    assert ((await desk.now(first)).paid, (await desk.now(second)).paid) == (eur(1000), eur(6000))
    assert done.receipt.credited == eur(1000)


async def test_a_part_beyond_what_is_owed_is_refused_and_nothing_is_kept(desk: Desk) -> None:
    invoice = await desk.issue("100")
    with pytest.raises(PaymentMismatch):
        await desk.receive(20000, parts=(Part(invoice.id, eur(11901)),))
    assert await desk.balances() == {"customer_receivable": 11900, "sales": -10000, "tax": -1900}


async def test_an_early_payment_takes_its_discount_which_corrects_the_tax(desk: Desk) -> None:
    invoice = await desk.issue("100", "50", terms=SKONTO)
    assert invoice.total == eur(11900 + 5350)
    await desk.receive(17250 - 345)
    after = await desk.now(invoice)
    assert (after.state, after.standing.discount) == (InvoiceState.PAID, 345)
    assert await desk.balances() == {
        "bank": 16905,
        "sales": -15000,
        "tax": -2250 + 45,  # 238 of it at 19 % is 38, 107 at 7 % is 7
        "discount": 300,
    }


async def test_a_late_payment_takes_no_discount(desk: Desk) -> None:
    ago = clock_port.now().date() - timedelta(days=20)
    invoice = await desk.issue("100", terms=SKONTO, on=ago)
    await desk.receive(11662)
    after = await desk.now(invoice)
    assert (after.state, after.owed) == (InvoiceState.PARTLY_PAID, eur(238))


async def test_a_rest_within_the_merchants_tolerance_is_written_off(desk: Desk) -> None:
    within, beyond = await desk.issue("100"), await desk.issue("100")
    await desk.receive(11895, parts=(Part(within.id, eur(11895)),))
    await desk.receive(11894, "r2", parts=(Part(beyond.id, eur(11894)),))
    assert (await desk.now(within)).state is InvoiceState.PAID
    assert (await desk.now(beyond)).owed == eur(6)
    assert (await desk.balances())["write_off"] == 5


async def test_an_invoice_paid_in_another_currency_shows_the_difference(desk: Desk) -> None:
    invoice = await desk.issue("100")
    day = date(2026, 11, 20)
    rate = Rate("USD", "EUR", Decimal("1.1900"), Decimal(1), day, "agreed")
    booked = Rate("EUR", "USD", Decimal(1), Decimal("1.1000"), day, "ECB")
    done = await desk.receive(14161, currency="USD", invoice_currency="EUR", rate=rate, booked_rate=booked)
    assert (await desk.now(invoice)).state is InvoiceState.PAID
    assert await desk.balances() == {"fx_position": 11900, "sales": -10000, "tax": -1900}
    # 14161 came in where 119.00 EUR had been booked as 130.90 USD
    assert await desk.balances("USD") == {"bank": 14161, "fx_position": -14161 + 1071, "fx_difference": -1071}
    assert done.receipt.conversion is not None


async def test_another_currency_without_a_rate_is_refused(desk: Desk) -> None:
    await desk.issue("100")
    with pytest.raises(PaymentMismatch, match="rate"):
        await desk.receive(100, currency="USD", invoice_currency="EUR")


async def test_another_customers_invoice_is_not_paid(desk: Desk) -> None:
    theirs = await Desk(desk.merchant_id, "cus_2").issue("100")
    with pytest.raises(PaymentMismatch, match="customer"):
        await desk.receive(100, parts=(Part(theirs.id, eur(100)),))
    done = await desk.receive(Money(100, "EUR").minor, "r2")
    assert done.receipt.credited == eur(100)
