"""Credit that a customer got back at the bank: told once for each reference, and never more than there is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from billing_desk import Desk, eur

from currency.money import Money
from invoicing import reversal_store
from invoicing.errors import PaymentMismatch
from orchestrator import clock_port
from orchestrator.billing import credit_payouts, customer_credit, reports, settling
from orchestrator.billing.credit_payouts import NewPayout
from orchestrator.errors import ClearwayError, InvalidField


def new(desk: Desk, minor: int, reference: str = "p1") -> NewPayout:
    return NewPayout(desk.customer_id, eur(minor), reference, clock_port.now().date())


async def credit(desk: Desk) -> int:
    return (await customer_credit.balance(desk.merchant_id, desk.customer_id, "EUR")).minor


async def test_a_payout_takes_credit_and_leaves_the_bank(desk: Desk) -> None:
    await desk.receive(5000)
    made = await credit_payouts.pay_out(desk.merchant_id, new(desk, 3000))
    assert await desk.balances() == {"bank": 2000, "customer_credit": -2000}
    assert [row.amount for row in await customer_credit.balances_of(desk.merchant_id)] == [eur(2000)]
    assert await desk.told(made.id) == ["customer_credit.paid_out"]
    today = clock_port.now().date()
    [statement] = await reports.statements(desk.merchant_id, desk.customer_id, today, today)
    assert [(move.kind, move.number, move.amount) for move in statement.movements][1:] == [
        ("credit_payout", "p1", eur(3000))
    ]
    assert statement.closing == eur(-2000)


async def test_told_again_or_by_many_at_once_it_counts_once(desk: Desk) -> None:
    await desk.receive(5000)
    made = await asyncio.gather(*(credit_payouts.pay_out(desk.merchant_id, new(desk, 1000)) for _ in range(6)))
    assert (len({one.id for one in made}), await credit(desk)) == (1, 4000)
    assert len(await reversal_store.list_payouts(desk.merchant_id, limit=10)) == 1


async def test_a_reference_of_another_payout_is_refused(desk: Desk) -> None:
    await desk.receive(5000)
    told = new(desk, 1000)
    await credit_payouts.pay_out(desk.merchant_id, told)
    for other in (
        replace(told, amount=eur(999)),
        replace(told, customer_id="cus_2"),
        replace(told, paid_on=told.paid_on - timedelta(days=1)),
    ):
        with pytest.raises(PaymentMismatch, match="told before"):
            await credit_payouts.pay_out(desk.merchant_id, other)


async def test_many_at_once_never_pay_out_more_than_there_is(desk: Desk) -> None:
    invoice = await desk.issue("10")
    await desk.receive(1190 + 2500, "r1")
    other = await desk.issue("5")
    payouts = [credit_payouts.pay_out(desk.merchant_id, new(desk, 1000, f"p{place}")) for place in range(5)]
    spent = settling.spend_credit(desk.merchant_id, other.id)
    done = await asyncio.gather(*payouts, spent, return_exceptions=True)
    refused = [one for one in done if isinstance(one, Exception)]
    assert all(isinstance(one, ClearwayError) for one in refused)
    assert len(refused) >= 3
    left = await credit(desk)
    paid_out = sum(row.amount.minor for row in await reversal_store.list_payouts(desk.merchant_id, limit=10))
    assert left == 2500 - paid_out - (await desk.now(other)).paid.minor
    assert left >= 0
    assert (await desk.now(invoice)).owed == eur(0)


@pytest.mark.parametrize("amount", [eur(5001), Money(100, "USD")])
async def test_more_than_the_credit_is_refused(desk: Desk, amount: Money) -> None:
    await desk.receive(5000)
    with pytest.raises(InvalidField, match="at most"):
        await credit_payouts.pay_out(desk.merchant_id, replace(new(desk, 1), amount=amount))
    assert await desk.balances() == {"bank": 5000, "customer_credit": -5000}


async def test_what_is_not_paid_yet_is_not_told_yet(desk: Desk) -> None:
    await desk.receive(5000)
    later = replace(new(desk, 1000), paid_on=clock_port.now().date() + timedelta(days=3))
    with pytest.raises(InvalidField, match="paid_on"):
        await credit_payouts.pay_out(desk.merchant_id, later)
