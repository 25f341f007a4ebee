"""A dispute that the gateway keeps in another currency than the payment's: the invoice is owed again in its own."""

from __future__ import annotations

from decimal import Decimal

import pytest
from late_shop import balance
from payment_shop import Shop
from test_invoice_money import findings, now, paid_invoice

from currency.money import Money
from invoicing import service as invoicing
from invoicing.lifecycle import ApplicationKind, InvoiceState
from orchestrator import clock_port
from orchestrator.billing import applying
from orchestrator.db import transaction
from orchestrator.disputes.tables import Dispute
from orchestrator.fx import service as fx
from orchestrator.fx.errors import RateStaleProblem
from orchestrator.ledger import rules
from orchestrator.ledger.service import AccountKey, AccountKind, Entry, JournalKind, balances, post
from orchestrator.payments.records import PaymentRow

pytestmark = pytest.mark.asyncio(loop_scope="session")


def usd(minor: int) -> Money:
    return Money(minor, "USD")


async def euro_is_worth(shop: Shop, dollars: str) -> None:
    await fx.enter(shop.merchant_id, "EUR", "USD", Decimal(dollars), clock_port.now().date())


async def lose(shop: Shop, payment: PaymentRow, lost: Money) -> None:
    """A dispute about the payment, in dollars, of which so much is lost."""
    account_id, at = shop.accounts["stripe"], clock_port.now()
    await Dispute.insert(
        Dispute(
            id="dsp_1", merchant_id=shop.merchant_id, gateway_account_id=account_id, gateway="stripe",
            gateway_dispute_id="du_1", payment_id=payment.id, kind="chargeback", status="lost",
            amount_minor=lost.minor, currency=lost.currency, reason="fraud", withdrawn_minor=lost.minor,
            written_off_minor=lost.minor, withdrawals=1, postings=2, version=1, created_at=at, updated_at=at,
        )
    )  # fmt: skip
    held, gone = AccountKey(AccountKind.DISPUTES, account_id), AccountKey(AccountKind.CHARGEBACKS)
    await _post(shop, 1, JournalKind.DISPUTE, Entry(held, rules.clearing(account_id), lost))
    await _post(shop, 2, JournalKind.DISPUTE_LOSS, Entry(gone, held, lost))


async def win(shop: Shop, won: Money) -> None:
    account_id = shop.accounts["stripe"]
    held, gone = AccountKey(AccountKind.DISPUTES, account_id), AccountKey(AccountKind.CHARGEBACKS)
    values = {Dispute.written_off_minor: 0, Dispute.withdrawn_minor: 0, Dispute.postings: 4}
    await Dispute.update(values).where(Dispute.id == "dsp_1")
    await _post(shop, 3, JournalKind.DISPUTE_LOSS, Entry(held, gone, won))
    await _post(shop, 4, JournalKind.DISPUTE_REVERSAL, Entry(rules.clearing(account_id), held, won))


async def _post(shop: Shop, number: int, kind: JournalKind, entry: Entry) -> None:
    async with transaction():
        key = f"dispute:dsp_1:{number}:x"
        await post(key, [entry], merchant_id=shop.merchant_id, kind=kind, at=clock_port.now())


async def in_dollars(shop: Shop) -> dict[str, int]:
    rows = await balances(shop.merchant_id)
    return {row.kind: row.balance_minor for row in rows if row.currency == "USD" and row.balance_minor}


async def test_a_dispute_about_all_of_it_opens_the_invoice_and_the_rates_differ(shop: Shop) -> None:
    invoice, payment = await paid_invoice(shop)
    await euro_is_worth(shop, "1.1000")
    await lose(shop, payment, usd(13_200))  # at the gateway's rate; 119.00 EUR are 130.90 USD
    for _ in range(2):
        await applying.look_at_dispute("dsp_1")
    after = await now(invoice)
    assert (after.state, after.owed, await balance(shop, "customer_receivable")) == (
        InvoiceState.OPEN,
        after.total,
        11900,
    )
    *_, row = await invoicing.list_applications(shop.merchant_id, invoice.id)
    assert (row.kind, row.moved, row.fx_difference) == (ApplicationKind.CHARGEBACK, usd(-13_200), usd(-110))
    held = await in_dollars(shop)
    assert ("chargebacks" in held, held["fx_difference"], held["fx_position"]) == (False, 110, 13_090)
    assert await findings() == []
    await win(shop, usd(13_200))
    await applying.look_at_dispute("dsp_1")
    assert ((await now(invoice)).state, await in_dollars(shop)) == (InvoiceState.PAID, {})
    assert await balance(shop, "fx_position") == 0
    assert await findings() == []


async def test_a_dispute_about_a_part_opens_that_part(shop: Shop) -> None:
    invoice, payment = await paid_invoice(shop)
    await euro_is_worth(shop, "1.1000")
    await lose(shop, payment, usd(1_100))
    await applying.look_at_dispute("dsp_1")
    assert (await now(invoice)).owed == Money(1_000, "EUR")
    assert "fx_difference" not in await in_dollars(shop)
    assert await findings() == []


async def test_without_a_rate_nothing_is_guessed_and_the_work_is_tried_again(shop: Shop) -> None:
    invoice, payment = await paid_invoice(shop)
    await lose(shop, payment, usd(13_090))
    with pytest.raises(RateStaleProblem):
        await applying.look_at_dispute("dsp_1")
    assert (await now(invoice)).state is InvoiceState.PAID
    await euro_is_worth(shop, "1.1000")
    await applying.look_at_dispute("dsp_1")
    assert (await now(invoice)).state is InvoiceState.OPEN
