"""Disputes from the gateway's first word to the last, at all three: what is stored, told and booked."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from dispute_desk import GATEWAYS, OPENED, Desk, Raw
from kept_shop import home, only
from payment_shop import euros
from raw_webhooks import apply_all
from shopper_pages_async import PAYS, visit

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.disputes import news, service, store, watch
from orchestrator.disputes.errors import DisputeNotOpen, Unread
from orchestrator.disputes.records import ActionState, DisputeKind
from orchestrator.disputes.service import Evidence
from orchestrator.errors import Conflict
from orchestrator.gateways import connections
from orchestrator.gateways.facets import DisputeStatus, EvidenceFile
from orchestrator.ledger import store as ledger_store
from orchestrator.payments import service as payments
from orchestrator.payments.instruments import Ideal
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.refunds import service as refunds
from orchestrator.refunds.service import PaymentDisputed
from orchestrator.webhooks import service as webhooks
from orchestrator.webhooks import store as webhook_store

pytestmark = pytest.mark.asyncio(loop_scope="session")

PDF = b"%PDF-1.4 the goods were delivered"
ANSWER = Evidence(explanation="delivered", files=(EvidenceFile("other", "proof.pdf", "application/pdf", PDF),))
ANSWERED = {
    "stripe": "charge.dispute.updated",
    "adyen": "INFORMATION_SUPPLIED",
    "paypal": "CUSTOMER.DISPUTE.UPDATED",
}
WON = {
    "stripe": "charge.dispute.funds_reinstated",
    "adyen": "CHARGEBACK_REVERSED",
    "paypal": "CUSTOMER.DISPUTE.RESOLVED",
}
LOST = {
    "stripe": "charge.dispute.closed",
    "adyen": "DISPUTE_DEFENSE_PERIOD_ENDED",
    "paypal": "CUSTOMER.DISPUTE.RESOLVED",
}


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_chargeback_is_stored_with_its_payment_and_its_money_is_away(desk: Desk, gateway: str) -> None:
    payment = await desk.paid(gateway)
    row = await desk.opened(gateway, payment.id, reason="not_received", minor=1500)
    assert (row.kind, row.status) == (DisputeKind.CHARGEBACK, DisputeStatus.NEEDS_RESPONSE)
    assert (row.payment_id, row.amount_minor, row.currency) == (payment.id, 1500, "EUR")
    assert row.operation_id is not None
    assert row.reason == "not_received"
    assert row.evidence_due_at is not None
    assert await desk.balance("gateway_clearing") == await desk.at_gateway(gateway) == 500
    assert await desk.balance("disputes") == 1500
    assert await desk.events(row.id) == ["dispute.opened"]


async def test_a_card_that_is_disputed_by_its_number_is_heard_of(desk: Desk) -> None:
    payment = await desk.paid("stripe", number="4000000000000259")
    (attempt,) = (await payments.story(payment)).attempts
    await desk.hand_in(await desk.told("charge.dispute.funds_withdrawn", attempt.gateway_payment_id))
    (row,) = await store.disputes_of_payment(payment.id)
    assert (row.status, row.reason, row.withdrawn_minor) == (DisputeStatus.NEEDS_RESPONSE, "fraud", 2000)
    assert await desk.balance("gateway_clearing") == await desk.at_gateway("stripe") == 0


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_an_inquiry_moves_nothing(desk: Desk, gateway: str) -> None:
    payment = await desk.paid(gateway)
    row = await desk.opened(gateway, payment.id, kind="inquiry", reason="not_received")
    assert (row.kind, row.status, row.withdrawn_minor) == (DisputeKind.INQUIRY, DisputeStatus.INQUIRY, 0)
    assert await desk.balance("gateway_clearing") == await desk.at_gateway(gateway) == 2000
    assert await desk.balance("disputes") == 0


@pytest.mark.parametrize("gateway", ["stripe", "adyen"])
async def test_an_inquiry_that_becomes_a_chargeback_takes_the_money_then(desk: Desk, gateway: str) -> None:
    payment = await desk.paid(gateway)
    row = await desk.opened(gateway, payment.id, kind="inquiry", reason="not_received")
    await desk.decided(row.gateway_dispute_id, "lost")
    await desk.hand_in(await desk.told(OPENED[gateway], row.gateway_dispute_id))
    after = await desk.dispute(gateway, row.gateway_dispute_id)
    assert (after.kind, after.status) == (DisputeKind.CHARGEBACK, DisputeStatus.NEEDS_RESPONSE)
    assert await desk.balance("gateway_clearing") == await desk.at_gateway(gateway) == 0
    assert await desk.events(row.id) == ["dispute.opened", "dispute.updated"]


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_evidence_that_convinces_brings_the_money_back(desk: Desk, gateway: str) -> None:
    payment = await desk.paid(gateway)
    row = await desk.opened(gateway, payment.id, reason="not_received")
    view = await service.submit_evidence(desk.merchant_id, row.id, ANSWER)
    assert [(action.state, action.outcome) for action in view.actions] == [(ActionState.SETTLED, "approved")]
    assert view.dispute.status is DisputeStatus.UNDER_REVIEW
    await desk.hand_in(await desk.told(ANSWERED[gateway], row.gateway_dispute_id))
    await desk.decided(row.gateway_dispute_id, "won")
    await desk.hand_in(await desk.told(WON[gateway], row.gateway_dispute_id))
    after = await desk.dispute(gateway, row.gateway_dispute_id)
    assert (after.status, after.withdrawn_minor) == (DisputeStatus.WON, 0)
    assert after.closed_at is not None
    assert await desk.balance("gateway_clearing") == await desk.at_gateway(gateway) == 2000
    assert (await desk.balance("disputes"), await desk.balance("chargebacks")) == (0, 0)
    told = await desk.events(row.id)
    assert told.count("dispute.evidence_submitted") == told.count("dispute.won") == 1


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_accepting_makes_the_money_an_expense(desk: Desk, gateway: str) -> None:
    payment = await desk.paid(gateway)
    row = await desk.opened(gateway, payment.id, reason="not_received")
    view = await service.accept(desk.merchant_id, row.id)
    await desk.hand_in(await desk.told(LOST[gateway], row.gateway_dispute_id))
    after = await desk.dispute(gateway, row.gateway_dispute_id)
    assert view.dispute.status is after.status is DisputeStatus.ACCEPTED
    assert await desk.balance("gateway_clearing") == await desk.at_gateway(gateway) == 0
    assert (await desk.balance("disputes"), await desk.balance("chargebacks")) == (0, 2000)
    assert (await desk.events(row.id)).count("dispute.accepted") == 1
    with pytest.raises(DisputeNotOpen):
        await service.accept(desk.merchant_id, row.id)


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_dispute_that_is_lost_becomes_an_expense(desk: Desk, gateway: str) -> None:
    payment = await desk.paid(gateway)
    row = await desk.opened(gateway, payment.id, reason="not_received")
    await desk.decided(row.gateway_dispute_id, "lost")
    await desk.hand_in(await desk.told(LOST[gateway], row.gateway_dispute_id))
    assert (await desk.dispute(gateway, row.gateway_dispute_id)).status is DisputeStatus.LOST
    assert await desk.balance("gateway_clearing") == await desk.at_gateway(gateway) == 0
    assert await desk.balance("chargebacks") == 2000


async def test_a_second_chargeback_takes_the_money_again_in_whatever_order_it_is_told(desk: Desk) -> None:
    payment = await desk.paid("adyen")
    dispute_id = await desk.disputed("adyen", payment.id, reason="not_received")
    await desk.hand_in(await desk.told("NOTIFICATION_OF_CHARGEBACK", dispute_id))
    early = await desk.dispute("adyen", dispute_id)
    assert (early.status, early.withdrawn_minor) == (DisputeStatus.INQUIRY, 0)
    await service.submit_evidence(desk.merchant_id, early.id, ANSWER)
    await desk.decided(dispute_id, "lost")
    names = ("SECOND_CHARGEBACK", "CHARGEBACK_REVERSED", "INFORMATION_SUPPLIED", "CHARGEBACK")
    for raw in [await desk.told(name, dispute_id) for name in names]:
        await desk.hand_in(raw, raw)
    after = await desk.dispute("adyen", dispute_id)
    assert (after.status, after.withdrawals, after.withdrawn_minor) == (DisputeStatus.LOST, 2, 2000)
    assert await desk.balance("gateway_clearing") == await desk.at_gateway("adyen") == 0
    moved = [row.kind for row in await ledger_store.gateway_movements(desk.merchant_id)]
    assert moved == ["payment", "dispute", "dispute_reversal", "dispute"]


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_message_that_comes_again_has_its_effect_once(desk: Desk, gateway: str) -> None:
    payment = await desk.paid(gateway)
    row = await desk.opened(gateway, payment.id, reason="not_received")
    raw = await desk.told(OPENED[gateway], row.gateway_dispute_id)
    before = await ledger_store.transfers_of(payment.id)
    await desk.hand_in(raw, raw)
    assert await ledger_store.transfers_of(payment.id) == before
    assert await desk.events(row.id) == ["dispute.opened"]
    assert await desk.dispute(gateway, row.gateway_dispute_id) == row


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_two_workers_with_the_same_message_store_one_dispute_and_book_it_once(desk: Desk, gateway: str) -> None:
    payment = await desk.paid(gateway)
    dispute_id = await desk.disputed(gateway, payment.id, reason="not_received")
    raw = await desk.told(OPENED[gateway], dispute_id)
    await webhooks.receive(desk.shop.accounts[gateway], raw.headers, raw.body)
    (message, *_) = await webhook_store.latest([desk.shop.accounts[gateway]], 1)
    await asyncio.gather(*(webhooks.apply(message.id) for _ in range(4)))
    (row,) = await store.disputes_of_payment(payment.id)
    assert [transfer.kind for transfer in await ledger_store.transfers_of(payment.id)].count("dispute") == 1
    assert await desk.events(row.id) == ["dispute.opened"]


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_dispute_of_a_charge_that_is_not_ours_is_kept_as_unmatched(desk: Desk, gateway: str) -> None:
    facts = {"gateway": gateway, "account": desk.names[gateway], "amount_minor": 700, "currency": "EUR"}
    charge = await desk.shop.tell("/charges/foreign", **facts)
    found = await desk.shop.tell(
        "/disputes", gateway=gateway, account=desk.names[gateway], charge=charge["id"], reason="not_received"
    )
    await desk.hand_in(await desk.told(OPENED[gateway], found["id"]))
    row = await desk.dispute(gateway, found["id"])
    assert (row.payment_id, row.withdrawn_minor) == (None, 700)
    (listed,) = await store.disputes_of(desk.merchant_id, limit=10, unmatched=True)
    assert listed == row
    assert await desk.events(row.id) == ["dispute.opened", "incident.dispute_unmatched"]
    (message, *_) = await webhook_store.latest([desk.shop.accounts[gateway]], 1)
    assert (message.state, message.payment_id) == ("applied", None)


async def test_a_gateway_that_does_not_answer_leaves_the_message_to_be_applied_later(desk: Desk) -> None:
    payment = await desk.paid("stripe")
    dispute_id = await desk.disputed("stripe", payment.id)
    raw = await desk.told(OPENED["stripe"], dispute_id)
    await desk.shop.tell("/outage", gateway="stripe", on=True)
    await webhooks.receive(desk.shop.accounts["stripe"], raw.headers, raw.body)
    (message, *_) = await webhook_store.latest([desk.shop.accounts["stripe"]], 1)
    with pytest.raises(Unread, match="not_reached"):
        await webhooks.apply(message.id)
    (message, *_) = await webhook_store.latest([desk.shop.accounts["stripe"]], 1)
    assert message.state == "received"
    await desk.shop.tell("/outage", gateway="stripe", on=False)
    await apply_all(desk.shop, "stripe")
    assert (await desk.dispute("stripe", dispute_id)).withdrawn_minor == 2000


@pytest.mark.parametrize("gateway", ["adyen", "paypal"])  # Stripe itself refunds no charge that was ever disputed
async def test_a_disputed_payment_is_not_refunded_until_the_dispute_is_won(desk: Desk, gateway: str) -> None:
    payment = await desk.paid(gateway)
    row = await desk.opened(gateway, payment.id, reason="not_received", minor=500)
    with pytest.raises(PaymentDisputed):
        await refunds.create(desk.merchant_id, payment.id, 100, "")
    await service.submit_evidence(desk.merchant_id, row.id, ANSWER)
    await desk.decided(row.gateway_dispute_id, "won")
    await desk.hand_in(await desk.told(WON[gateway], row.gateway_dispute_id))
    view = await refunds.create(desk.merchant_id, payment.id, 100, "")
    assert view.status in ("succeeded", "pending")


async def test_an_inquiry_does_not_stand_in_the_way_of_a_refund(desk: Desk) -> None:
    payment = await desk.paid("stripe")
    await desk.opened("stripe", payment.id, kind="inquiry")
    assert (await refunds.create(desk.merchant_id, payment.id, None, "")).status == "succeeded"


async def test_a_refund_and_a_chargeback_of_the_same_money_are_an_incident(desk: Desk) -> None:
    payment = await desk.paid("adyen")
    await refunds.create(desk.merchant_id, payment.id, 1500, "")
    row = await desk.opened("adyen", payment.id, reason="not_received", minor=2000)
    assert (await desk.events(payment.id)).count("incident.refund_and_dispute") == 1
    assert row.payment_id == payment.id
    assert len(await refunds.of_payment(payment.id)) == 1


@pytest.mark.parametrize(("disputed_minor", "incidents"), [(1500, 0), (1501, 1)])
async def test_a_refund_of_what_was_taken_at_once_is_held_against_what_was_taken(
    desk: Desk, disputed_minor: int, incidents: int
) -> None:
    """Its money came with the authorisation itself: there is no capture beside it."""
    payment = await paid_at_once(desk)
    await refunds.create(desk.merchant_id, payment.id, 500, "")
    row = await desk.opened("stripe", payment.id, reason="not_received", minor=disputed_minor)
    assert (row.payment_id, row.withdrawn_minor) == (payment.id, disputed_minor)
    assert (await desk.events(payment.id)).count("incident.refund_and_dispute") == incidents


async def paid_at_once(desk: Desk) -> PaymentRow:
    """2000 by iDEAL at Stripe."""
    await only(desk.shop, "stripe")
    payment = await payments.create(NewPayment(desk.merchant_id, euros(2000), instrument=Ideal("Ada Example")))
    action = (await payments.story(payment)).attempts[-1].next_action
    assert action is not None
    payment = await payments.complete(payment.id, await visit(str(action["url"]), home(), press=PAYS["stripe"]))
    assert payment.status is PaymentStatus.CAPTURED
    return payment


async def test_a_chargeback_of_what_a_refund_left_is_no_incident(desk: Desk) -> None:
    payment = await desk.paid("adyen")
    await refunds.create(desk.merchant_id, payment.id, 500, "")
    await desk.opened("adyen", payment.id, reason="not_received", minor=1500)
    assert "incident.refund_and_dispute" not in await desk.events(payment.id)


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_what_the_gateway_refuses_is_told_and_changes_nothing(desk: Desk, gateway: str) -> None:
    payment = await desk.paid(gateway)
    row = await desk.opened(gateway, payment.id, reason="not_received")
    await desk.decided(row.gateway_dispute_id, "lost")  # and we have not heard of it yet
    view = await service.accept(desk.merchant_id, row.id)
    (action,) = view.actions
    assert (action.state, action.outcome) == (ActionState.SETTLED, "declined")
    assert action.detail


async def test_an_answer_that_was_lost_is_found_by_asking(desk: Desk) -> None:
    payment = await desk.paid("stripe")
    row = await desk.opened("stripe", payment.id, reason="not_received")
    await desk.shop.tell("/scenarios", gateway="stripe", operation="dispute", behaviour="hang_after", seconds=5)
    view = await service.accept(desk.merchant_id, row.id)
    (action,) = view.actions
    assert (action.state, action.outcome, action.detail) == (ActionState.SETTLED, "approved", "the gateway shows it")
    assert view.dispute.status is DisputeStatus.ACCEPTED
    assert await desk.balance("chargebacks") == 2000


async def test_an_answer_that_was_never_sent_is_found_out_and_may_be_given_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process died after writing it down: the watch sees that the gateway has no trace of it."""
    payment = await desk.paid("stripe")
    row = await desk.opened("stripe", payment.id, reason="not_received")

    async def dies(*_: object) -> None:
        raise ConnectionError("the process is gone")

    with monkeypatch.context() as broken:
        broken.setattr(service, "_send", dies)
        with pytest.raises(ConnectionError):
            await service.submit_evidence(desk.merchant_id, row.id, ANSWER)
    (action,) = (await service.get(desk.merchant_id, row.id)).actions
    assert action.state is ActionState.SENT
    later = await watch.watch(row.id)
    assert later is not None
    assert later.at == action.expires_at
    monkeypatch.setattr(clock_port, "now", lambda: action.expires_at + timedelta(minutes=10))
    await watch.watch(row.id)
    (action,) = (await service.get(desk.merchant_id, row.id)).actions
    assert (action.state, action.outcome) == (ActionState.SETTLED, "not_reached")
    monkeypatch.undo()


async def test_an_answer_of_which_nothing_can_be_seen_is_left_to_a_person(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Adyen has no call that reads a dispute, and its notice never came."""
    payment = await desk.paid("adyen")
    row = await desk.opened("adyen", payment.id, reason="not_received")
    await desk.shop.tell("/scenarios", gateway="adyen", operation="dispute", behaviour="hang_after", seconds=5)
    view = await service.accept(desk.merchant_id, row.id)
    (action,) = view.actions
    assert action.state is ActionState.UNKNOWN
    with pytest.raises(Conflict):
        await service.accept(desk.merchant_id, row.id)
    monkeypatch.setattr(clock_port, "now", lambda: action.sent_at + timedelta(hours=25))
    await watch.watch(row.id)
    (action,) = (await service.get(desk.merchant_id, row.id)).actions
    assert action.state is ActionState.NEEDS_REVIEW
    assert "dispute.needs_review" in await desk.events(row.id)


async def test_an_unknown_answer_is_settled_by_the_gateways_notice(desk: Desk) -> None:
    payment = await desk.paid("adyen")
    row = await desk.opened("adyen", payment.id, reason="not_received")
    await desk.shop.tell("/scenarios", gateway="adyen", operation="dispute", behaviour="hang_after", seconds=5)
    await service.accept(desk.merchant_id, row.id)
    await desk.hand_in(await desk.told("DISPUTE_DEFENSE_PERIOD_ENDED", row.gateway_dispute_id))
    view = await service.get(desk.merchant_id, row.id)
    assert (view.actions[0].outcome, view.actions[0].detail) == ("approved", "the gateway shows it")
    assert view.dispute.status is DisputeStatus.ACCEPTED


async def test_the_deadline_is_told_of_three_days_and_one_day_before_once_each(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = await desk.paid("stripe")
    row = await desk.opened("stripe", payment.id, reason="not_received")
    due = row.evidence_due_at
    assert due is not None
    looked = []
    for before in (timedelta(days=4), timedelta(days=3), timedelta(days=2), timedelta(hours=23), timedelta(hours=1)):
        monkeypatch.setattr(clock_port, "now", lambda at=due - before: at)
        looked += [await watch.watch(row.id), await watch.watch(row.id)]
    told = await desk.events(row.id)
    assert told.count("dispute.evidence_due_soon") == 2
    first, last = looked[0], looked[-1]
    assert first is not None
    assert (first.at, last) == (due - timedelta(days=3), None)


async def test_what_was_heard_can_only_be_added_to(desk: Desk) -> None:
    payment = await desk.paid("adyen")
    row = await desk.opened("adyen", payment.id, reason="not_received")
    with pytest.raises(asyncpg.RaiseError, match="only ever added"):
        async with transaction() as connection:
            await connection.execute("UPDATE dispute_history SET kind = 'dispute.won' WHERE dispute_id = $1", row.id)


async def test_two_answers_at_once_are_one(desk: Desk) -> None:
    payment = await desk.paid("paypal")
    row = await desk.opened("paypal", payment.id, reason="not_received")
    done = await asyncio.gather(
        *(service.submit_evidence(desk.merchant_id, row.id, ANSWER) for _ in range(3)), return_exceptions=True
    )
    assert sum(not isinstance(one, BaseException) for one in done) == 1
    assert all(isinstance(one, Conflict | DisputeNotOpen) for one in done if isinstance(one, BaseException))
    assert len(await store.actions_of(row.id)) == 1


async def test_a_capture_that_paypal_reversed_leads_to_its_dispute(desk: Desk) -> None:
    payment = await desk.paid("paypal")
    dispute_id = await desk.disputed("paypal", payment.id, reason="not_received")
    await desk.decided(dispute_id, "lost")
    capture_id = next(op.gateway_operation_id for op in (await payments.story(payment)).operations[::-1])
    raw: Raw = await desk.told("PAYMENT.CAPTURE.REVERSED", capture_id)
    await desk.hand_in(raw)
    row = await desk.dispute("paypal", dispute_id)
    assert (row.payment_id, row.status) == (payment.id, DisputeStatus.LOST)


async def test_an_old_answer_does_not_undo_what_was_applied_since_it_was_asked_for(desk: Desk, database: str) -> None:
    """A worker has asked and waits for its turn; meanwhile the dispute is won and another worker has applied news."""
    payment = await desk.paid("stripe")
    row = await desk.opened("stripe", payment.id, reason="not_received")
    connection = await connections.connect(desk.shop.accounts["stripe"])
    other = await asyncpg.connect(database)
    try:
        turn = other.transaction()
        await turn.start()
        await other.execute("SELECT 1 FROM dispute WHERE id = $1 FOR UPDATE", row.id)
        reading = asyncio.create_task(news.read(connection, row.gateway_dispute_id))
        while not await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.02)
        await desk.decided(row.gateway_dispute_id, "won")
        await other.execute("UPDATE dispute SET version = version + 1 WHERE id = $1", row.id)
        await turn.commit()
        after = await reading
    finally:
        await other.close()
    assert (after.status, after.withdrawn_minor, after.withdrawals) == (DisputeStatus.WON, 0, 1)
    assert await desk.balance("gateway_clearing") == await desk.at_gateway("stripe") == 2000
