"""Transfers to recipients, and what was taken back of them, against the rows of Stripe's payout report."""

from __future__ import annotations

from datetime import timedelta

import pytest
from payment_shop import euros
from split_shop import Market, now

from orchestrator.payments import service
from orchestrator.payments.records import PaymentRow
from orchestrator.recipients.records import TransferKind
from orchestrator.recipients.shares import Wish
from orchestrator.reconciliation.breaks import BreakKind
from orchestrator.reconciliation.reports import reconciliation_report
from orchestrator.reconciliation.service import import_file, reconcile
from orchestrator.refunds import service as refunds

pytestmark = pytest.mark.asyncio(loop_scope="session")

HEADER = (
    "automatic_payout_id,balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,"
    "charge_id,payment_intent_id,payment_metadata[clearway_attempt],refund_metadata[clearway_operation]"
)


async def a_payment_in_parts(market: Market) -> PaymentRow:
    await market.only("stripe")
    payment = await market.pay(1000, Wish(market.ada, amount_minor=700))
    await market.send_all()
    await refunds.create(market.merchant_id, payment.id, 500, "")
    await market.send_all()
    return payment


async def report(market: Market, payment: PaymentRow, *, with_transfers: bool = True) -> bytes:
    """As Stripe writes it, with the ids that its simulator gave."""
    story = await service.story(payment)
    [attempt] = story.attempts
    rows = []
    for n, operation in enumerate(story.operations):
        if operation.captures or operation.kind.value == "refund":
            back = operation.kind.value == "refund"
            amount = (-1 if back else 1) * operation.amount_minor / 100
            ids = f"{operation.gateway_operation_id},,{attempt.gateway_payment_id},{attempt.id}"
            kind = "refund" if back else "charge"
            rows.append(
                f"po_1,txn_{n},{_at()},eur,{amount:.2f},0,{amount:.2f},{kind},{ids},{operation.id if back else ''}"
            )
    for row in await market.transfers(payment) if with_transfers else []:
        back = row.kind is TransferKind.REVERSAL
        amount = (1 if back else -1) * row.amount_minor / 100
        kind = "transfer_reversal" if back else "transfer"
        rows.append(f"po_1,txn_{row.id},{_at()},eur,{amount:.2f},0,{amount:.2f},{kind},{row.gateway_transfer_id},,,,")
    return "\n".join([HEADER, *rows]).encode()


def _at() -> str:
    return f"{now():%Y-%m-%d %H:%M:%S}"


async def take_in(market: Market, content: bytes) -> None:
    account_id = market.shop.accounts["stripe"]
    result = await import_file(market.merchant_id, account_id, "payouts.csv", content, now())
    assert result.error == ""


async def test_parts_sent_and_taken_back_are_matched_and_leave_nothing_open(market: Market) -> None:
    payment = await a_payment_in_parts(market)
    assert len(await market.transfers(payment)) == 2
    await take_in(market, await report(market, payment))
    result = await reconcile(market.merchant_id, now() + timedelta(days=9), fee_models={})
    assert (result.breaks_by_kind, result.expected, result.matched) == ({}, 0, 5)
    assert await market.balance("gateway_clearing", "stripe") == 0
    assert await market.balance("orphan_suspense", "stripe") == 0
    assert await market.findings() == []


async def test_a_transfer_that_no_report_has_is_noticed(market: Market) -> None:
    payment = await a_payment_in_parts(market)
    await take_in(market, await report(market, payment, with_transfers=False))
    result = await reconcile(market.merchant_id, now() + timedelta(days=9), fee_models={})
    assert result.breaks_by_kind == {BreakKind.MISSING_AT_GATEWAY: 2}


async def test_a_transfer_that_no_report_has_yet_is_expected_as_money_that_leaves(market: Market) -> None:
    await a_payment_in_parts(market)
    await reconcile(market.merchant_id, now(), fee_models={})
    rows = {row.line_type: row.expected for row in await reconciliation_report(market.merchant_id, now())}
    assert rows["split_transfer"] == euros(-700)
    assert rows["split_reversal"] == euros(350)
