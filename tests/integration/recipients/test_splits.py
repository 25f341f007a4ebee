"""Parts of payments reach their recipients, come back with refunds, and no cent is lost on the way."""

from __future__ import annotations

import pytest
from split_shop import Market

from orchestrator.access import service as access
from orchestrator.db import fetch
from orchestrator.errors import InvalidField
from orchestrator.gateways.base import OperationKind
from orchestrator.notifications import store as events
from orchestrator.payments import calls, service, split_transfers
from orchestrator.payments.records import PaymentStatus
from orchestrator.recipients import service as recipients
from orchestrator.recipients.records import OnboardingState, TransferKind, TransferState
from orchestrator.recipients.service import NewRecipient
from orchestrator.recipients.shares import Wish
from orchestrator.refunds import service as refunds
from orchestrator.refunds.service import RefundStatus

pytestmark = pytest.mark.asyncio(loop_scope="session")


def both(market: Market) -> tuple[Wish, Wish]:
    return Wish(market.ada, bps=5000), Wish(market.ben, amount_minor=300)


async def told(market: Market, object_id: str) -> list[str]:
    return [event.type for event in await events.events_of(market.merchant_id, limit=50, object_id=object_id)]


async def test_recipients_stand_as_their_gateways_say(market: Market) -> None:
    view = await recipients.get(market.merchant_id, market.ada)
    by_account = {row.gateway_account_id: row.state for row in view.accounts}
    assert by_account == {
        market.shop.accounts["stripe"]: OnboardingState.READY,
        market.shop.accounts["adyen"]: OnboardingState.READY,
        market.shop.accounts["paypal"]: OnboardingState.UNVERIFIED,
    }


async def test_parts_are_sent_after_the_capture_and_owed_until_then(market: Market) -> None:
    payment = await market.pay(1999, *both(market))
    assert payment.status is PaymentStatus.CAPTURED
    assert (await market.owed(market.ada), await market.owed(market.ben)) == (1000, 300)
    assert await market.findings() == []
    assert await market.send_all() == []
    assert (await market.owed(market.ada), await market.owed(market.ben)) == (0, 0)
    assert await market.balance("gateway_clearing", "stripe") == 1999 - 1300
    assert await market.balance("sales") == -699
    assert {(row.recipient_id, row.amount_minor, row.done) for row in await market.transfers(payment)} == {
        (market.ada, 1000, True),
        (market.ben, 300, True),
    }
    assert await market.findings() == []


async def test_a_bell_that_rings_again_sends_nothing_again(market: Market) -> None:
    payment = await market.pay(1999, *both(market))
    await market.send_all()
    before = await market.transfers(payment)
    for row in before:
        assert await split_transfers.settle(row.id) is None
    assert await market.transfers(payment) == before


async def test_refunds_take_parts_back_to_the_cent(market: Market) -> None:
    payment = await market.pay(1001, Wish(market.ada, bps=3333), Wish(market.ben, bps=3333))
    await market.send_all()
    for minor in (1, 333, 334, None):
        refund = await refunds.create(market.merchant_id, payment.id, minor, "")
        assert refund.status is RefundStatus.SUCCEEDED
        await market.send_all()
        assert await market.findings() == []
    assert (await market.owed(market.ada), await market.owed(market.ben)) == (0, 0)
    assert await market.balance("gateway_clearing", "stripe") == 0
    assert await market.balance("sales") + await market.balance("refunds") == 0
    for recipient in (market.ada, market.ben):
        rows = [row for row in await market.transfers(payment) if row.recipient_id == recipient]
        sent = sum(row.amount_minor for row in rows if row.kind is TransferKind.TRANSFER)
        assert sent == sum(row.amount_minor for row in rows if row.kind is TransferKind.REVERSAL)


async def test_a_refund_before_the_part_was_sent_waits_for_it_and_takes_it_back(market: Market) -> None:
    payment = await market.pay(1000, Wish(market.ada, amount_minor=800))
    await refunds.create(market.merchant_id, payment.id, 500, "")
    assert await market.owed(market.ada) == 400
    await market.send_all()
    assert await market.owed(market.ada) == 0
    assert sorted((row.kind.value, row.amount_minor) for row in await market.transfers(payment)) == [
        ("reversal", 400),
        ("transfer", 800),
    ]


async def test_a_partial_capture_moves_parts_in_proportion(market: Market) -> None:
    payment = await market.pay(1000, Wish(market.ada, amount_minor=700), capture_method="manual")
    payment = await service.capture(market.merchant_id, payment.id, 505)
    assert payment.amount_captured_minor == 505
    await market.send_all()
    (row,) = await market.transfers(payment)
    assert row.amount_minor in (353, 354)
    assert await market.findings() == []


async def test_a_lost_answer_is_sent_again_with_the_same_key_and_moves_the_money_once(market: Market) -> None:
    payment = await market.pay(1000, Wish(market.ada, amount_minor=700))
    await market.shop.tell("/scenarios", gateway="stripe", operation="payout", behaviour="lose_reply")
    (later,) = await market.send_all() or [None]
    (row,) = await market.transfers(payment)
    assert row.state is TransferState.UNKNOWN
    assert later is not None
    await market.send_all()
    (row,) = await market.transfers(payment)
    assert row.done
    assert row.tries == 2
    assert await market.findings() == []


async def test_an_answer_lost_longer_than_the_key_lives_is_left_to_a_person(market: Market) -> None:
    payment = await market.pay(1000, Wish(market.ada, amount_minor=700))
    await market.shop.tell("/scenarios", gateway="stripe", operation="payout", behaviour="lose_reply")
    (row,) = await market.transfers(payment)
    assert await split_transfers.settle(row.id) is not None
    await fetch("UPDATE split_transfer SET sent_at = sent_at - interval '2 days'")
    assert await split_transfers.settle(row.id) is None
    (row,) = await market.transfers(payment)
    assert row.state is TransferState.NEEDS_REVIEW
    assert "incident.split_transfer_needs_review" in await told(market, payment.id)
    assert await market.owed(market.ada) == 700


async def test_a_second_copy_that_is_not_reached_says_nothing_of_the_first(market: Market) -> None:
    payment = await market.pay(1000, Wish(market.ada, amount_minor=700))
    await market.shop.tell("/scenarios", gateway="stripe", operation="payout", behaviour="lose_reply")
    (row,) = await market.transfers(payment)
    assert await split_transfers.settle(row.id) is not None
    await market.shop.tell("/outage", gateway="stripe", on=True)
    assert await split_transfers.settle(row.id) is not None
    (row,) = await market.transfers(payment)
    assert row.state is TransferState.UNKNOWN
    await market.shop.tell("/outage", gateway="stripe", on=False)
    await split_transfers.settle(row.id)
    (row,) = await market.transfers(payment)
    assert row.done
    assert await market.findings() == []


async def test_a_refused_transfer_is_told_and_stays_owed(market: Market) -> None:
    payment = await market.pay(1000, Wish(market.ada, amount_minor=700))
    await fetch("UPDATE split_transfer SET gateway_recipient_id = 'acct_nowhere'")
    await market.send_all()
    (row,) = await market.transfers(payment)
    assert row.failed
    assert await market.owed(market.ada) == 700
    assert "incident.split_transfer_failed" in await told(market, payment.id)
    await refunds.create(market.merchant_id, payment.id, None, "")
    await market.send_all()
    assert len(await market.transfers(payment)) == 1  # nothing was sent, so nothing is taken back
    assert await market.owed(market.ada) == 0
    assert await market.findings() == []


async def test_a_part_that_cannot_be_taken_back_leaves_a_negative_balance_and_says_so(market: Market) -> None:
    payment = await market.pay(1000, Wish(market.ada, amount_minor=700))
    await market.send_all()
    await fetch("UPDATE split_transfer SET gateway_transfer_id = 'tr_nowhere'")
    await refunds.create(market.merchant_id, payment.id, None, "")
    await market.send_all()
    assert await market.owed(market.ada) == -700
    assert "recipient.balance_negative" in await told(market, market.ada)
    assert await market.findings() == []


async def test_adyen_books_the_parts_with_the_payment_and_the_refund(market: Market) -> None:
    await market.only("adyen")
    payment = await market.pay(1000, *both(market), capture_method="manual")
    assert payment.status is PaymentStatus.AUTHORISED
    story = await service.story(payment)
    (authorising,) = [op for op in story.operations if op.kind is OperationKind.CONFIRM]
    assert [(part.recipient_id, part.amount_minor) for part in authorising.splits or ()] == [
        (market.ada, 500),
        (market.ben, 300),
    ]
    assert [part.gateway_recipient_id for part in authorising.splits or ()] == [
        market.names["ada", "adyen"],
        market.names["ben", "adyen"],
    ]
    assert [split.recipient for split in calls.call_for(story, story.attempts[0], authorising).splits] == [
        market.names["ada", "adyen"],
        market.names["ben", "adyen"],
    ]
    assert len(await market.shop.charges(payment)) == 1


async def test_paypal_pays_one_recipient_and_is_left_out_for_two(market: Market) -> None:
    await market.only("paypal")
    refused = await market.pay(1000, *both(market))
    assert refused.status is PaymentStatus.FAILED
    assert refused.plan is not None
    (why,) = [r["why"] for r in refused.plan["reasons"] if r["account_id"] == market.shop.accounts["paypal"]]
    assert why == "paypal pays 1 recipient of a payment, not 2"
    payment = await market.pay(1000, Wish(market.ada, amount_minor=900))
    assert payment.status is PaymentStatus.CAPTURED
    assert await market.owed(market.ada) == 0  # it is the payee: the money is with it
    assert await market.balance("gateway_clearing", "paypal") == 100
    refund = await refunds.create(market.merchant_id, payment.id, 500, "")
    assert refund.status is RefundStatus.SUCCEEDED
    assert await market.owed(market.ada) == 0
    assert await market.balance("gateway_clearing", "paypal") == 50
    assert await market.findings() == []


async def test_accounts_where_a_recipient_cannot_be_paid_are_left_out_with_the_reason(market: Market) -> None:
    held = {
        market.shop.accounts["stripe"]: "acct_nowhere",
        market.shop.accounts["paypal"]: market.names["ada", "paypal"],
    }
    view = await recipients.create(NewRecipient(market.merchant_id, "Cyd", accounts=held))
    payment = await market.pay(1000, Wish(view.recipient.id, bps=9000))
    assert payment.status is PaymentStatus.CAPTURED
    assert payment.plan is not None
    assert [step["gateway"] for step in payment.plan["steps"]] == ["paypal"]
    why = {reason["gateway"]: reason["why"] for reason in payment.plan["reasons"] if not reason["kept"]}
    assert "cannot be paid at stripe" in why["stripe"]


async def test_a_recipient_of_another_merchant_is_refused(market: Market) -> None:
    other = await access.create_merchant("Other", {})
    foreign = await recipients.create(NewRecipient(other.id, "Foreign"))
    with pytest.raises(InvalidField, match=r"splits\[0\].recipient_id"):
        await market.pay(1000, Wish(foreign.recipient.id, bps=100))
