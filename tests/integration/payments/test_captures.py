"""An authorisation captured in parts: several captures, the release of the rest, refunds out of more than one."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from payment_shop import SIMULATOR_ACCOUNT, Shop, euros, heard, story_of
from raw_webhooks import Receiver, deliver

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField
from orchestrator.gateways import accounts
from orchestrator.gateways.capabilities import Capabilities, Missing, Verb
from orchestrator.gateways.registry import KINDS
from orchestrator.http.payment_schemas import refund_body
from orchestrator.ledger import service as ledger
from orchestrator.payments import driver, service
from orchestrator.payments.amounts import captures_of
from orchestrator.payments.errors import CapturedOnce, GatewayRefused
from orchestrator.payments.records import OperationRow, PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.payments.tables import Operation
from orchestrator.refunds import service as refunds
from orchestrator.refunds.service import RefundStatus
from orchestrator.web.console_views import Shell
from orchestrator.web.timeline import TimelineFacts, timeline_view

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def authorised(shop: Shop, gateway: str = "stripe") -> PaymentRow:
    for name, account_id in shop.accounts.items():
        await accounts.switch(shop.merchant_id, account_id, enabled=name == gateway)
    new = NewPayment(shop.merchant_id, euros(1000), instrument=await shop.card(), capture_method="manual")
    payment = await service.create(new)
    assert payment.status is PaymentStatus.AUTHORISED
    return payment


async def capture(shop: Shop, payment: PaymentRow, amount_minor: int | None, *, final: bool = False) -> PaymentRow:
    return await service.capture(shop.merchant_id, payment.id, amount_minor, final=final)


async def clearing(shop: Shop) -> int:
    rows = await ledger.balances(shop.merchant_id)
    return sum(row.balance_minor for row in rows if row.kind == "gateway_clearing")


@pytest.mark.parametrize("gateway", ["stripe", "paypal"])
async def test_three_captures_take_what_was_authorised_and_no_more(shop: Shop, gateway: str) -> None:
    payment = await authorised(shop, gateway)
    parts = [await capture(shop, payment, 300), await capture(shop, payment, 300)]
    assert [part.status for part in parts] == [PaymentStatus.PARTIALLY_CAPTURED] * 2
    with pytest.raises(InvalidField, match="1 and the 400"):
        await capture(shop, payment, 401)
    whole = await capture(shop, payment, None)
    (charge,) = await shop.charges(payment)
    assert (whole.status, whole.amount_captured_minor, charge["captured_minor"]) == (PaymentStatus.CAPTURED, 1000, 1000)
    assert await clearing(shop) == 1000
    with pytest.raises(CapturedOnce):
        await capture(shop, payment, 1)


async def test_a_final_capture_of_a_part_lets_the_rest_go(shop: Shop) -> None:
    payment = await authorised(shop)
    part = await capture(shop, payment, 300, final=True)
    assert (part.status, part.amount_captured_minor) == (PaymentStatus.PARTIALLY_CAPTURED, 300)
    with pytest.raises(CapturedOnce, match="let go"):
        await capture(shop, payment, 100)


@pytest.mark.parametrize("gateway", ["stripe", "paypal"])
async def test_a_capture_that_an_outage_kept_from_the_gateway_is_made_when_it_is_over(shop: Shop, gateway: str) -> None:
    payment = await authorised(shop, gateway)
    await shop.tell("/outage", gateway=gateway, on=True)
    try:
        waiting = await capture(shop, payment, 300)
    finally:
        await shop.tell("/outage", gateway=gateway, on=False)
    assert (waiting.status, waiting.amount_captured_minor) == (PaymentStatus.AUTHORISED, 0)
    story = await heard(payment)
    await past(story.operations[-1])
    payment = await driver.drive(payment.id)
    (charge,) = await shop.charges(payment)
    assert (payment.amount_captured_minor, charge["captured_minor"], await clearing(shop)) == (300, 300, 300)
    assert (await capture(shop, payment, None, final=True)).status is PaymentStatus.CAPTURED


async def test_a_capture_that_waits_for_an_outage_to_end_is_dropped_with_the_payment(shop: Shop) -> None:
    payment = await authorised(shop)
    await shop.tell("/outage", gateway="stripe", on=True)
    try:
        await capture(shop, payment, 300)
    finally:
        await shop.tell("/outage", gateway="stripe", on=False)
    canceled = await service.cancel(shop.merchant_id, payment.id)
    (charge,) = await shop.charges(payment)
    assert (canceled.status, charge["voided"], charge["captured_minor"]) == (PaymentStatus.CANCELED, True, 0)


async def past(operation: OperationRow) -> None:
    """The pause after it is over."""
    async with transaction():
        before = clock_port.now() - timedelta(hours=1)
        await Operation.update({Operation.settled_at: before}).where(Operation.id == operation.id)


async def test_adyen_captures_in_parts_where_the_account_has_several_and_each_webhook_counts_once(shop: Shop) -> None:
    receiver = Receiver()
    server = await receiver.start()
    account = {"gateway": "adyen", "account": SIMULATOR_ACCOUNT["adyen"]}
    await shop.tell("/accounts", **account, credentials=_credentials() | {"multiple_partial_captures": "true"})
    await receiver.listen_to(shop, "adyen")
    try:
        payment = await authorised(shop, "adyen")
        await capture(shop, payment, 300)
        await capture(shop, payment, 500)
        while len([raw for raw in receiver.requests if raw.event == "CAPTURE"]) < 2:
            await asyncio.sleep(0.05)
        for raw in reversed(receiver.requests):
            await deliver(shop, raw)
            await deliver(shop, raw)
        found = await service.get(shop.merchant_id, payment.id)
        assert (found.amount_captured_minor, await clearing(shop)) == (800, 800)
    finally:
        await shop.tell("/accounts", **account, credentials=_credentials() | {"multiple_partial_captures": "false"})
        server.close()


def _credentials() -> dict[str, str]:
    from payment_shop import CREDENTIALS

    return dict(CREDENTIALS["adyen"])


async def test_a_gateway_that_captures_once_is_not_asked_for_a_part(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = KINDS["stripe"]
    once = dict(kind.capabilities.verbs) | {
        Verb.CAPTURE_SEVERAL: Missing("It captures once.", "https://vendor.example")
    }
    capabilities = Capabilities(once, kind.capabilities.methods, kind.capabilities.authorisation)
    payment = await authorised(shop)
    monkeypatch.setattr("orchestrator.payments.capturing._capabilities", lambda _: capabilities)
    with pytest.raises(InvalidField, match="captures an authorisation once"):
        await capture(shop, payment, 300)
    assert (await capture(shop, payment, 300, final=True)).amount_captured_minor == 300


async def test_the_rest_of_a_partly_captured_payment_is_released_by_a_cancel(shop: Shop) -> None:
    payment = await authorised(shop, "paypal")
    await capture(shop, payment, 300)
    released = await service.cancel(shop.merchant_id, payment.id)
    assert (released.status, released.amount_captured_minor) == (PaymentStatus.PARTIALLY_CAPTURED, 300)
    with pytest.raises(CapturedOnce):
        await capture(shop, payment, 100)
    assert await clearing(shop) == 300


async def test_a_gateway_that_keeps_the_rest_says_so_and_it_can_still_be_captured(shop: Shop) -> None:
    payment = await authorised(shop, "stripe")
    await capture(shop, payment, 300)
    with pytest.raises(GatewayRefused, match="stripe refused the void"):
        await service.cancel(shop.merchant_id, payment.id)
    assert (await capture(shop, payment, 700)).status is PaymentStatus.CAPTURED


@pytest.mark.parametrize("gateway", ["stripe", "paypal"])
async def test_a_refund_spans_the_captures_and_takes_no_more_of_each_than_it_has(shop: Shop, gateway: str) -> None:
    payment = await authorised(shop, gateway)
    await capture(shop, payment, 300)
    await capture(shop, payment, 700)
    view = await refunds.create(shop.merchant_id, payment.id, 800, "")
    assert (view.status, view.given_back_minor) == (RefundStatus.SUCCEEDED, 800)
    story = await story_of(payment)
    first, second = captures_of(story)
    given = {op.target_operation_id: op.amount_minor for op in story.operations if op.kind.value == "refund"}
    assert given == {first.id: 300, second.id: 500}
    with pytest.raises(InvalidField, match="1 and the 200"):
        await refunds.create(shop.merchant_id, payment.id, 201, "")
    await refunds.create(shop.merchant_id, payment.id, None, "")
    assert (await service.get(shop.merchant_id, payment.id)).amount_refunded_minor == 1000
    assert await clearing(shop) == 0


async def test_a_refund_that_one_capture_has_comes_out_of_that_one(shop: Shop) -> None:
    payment = await authorised(shop)
    await capture(shop, payment, 300)
    await capture(shop, payment, 700)
    await refunds.create(shop.merchant_id, payment.id, 500, "")
    story = await story_of(payment)
    (refund,) = [op for op in story.operations if op.kind.value == "refund"]
    assert refund.target_operation_id == captures_of(story)[1].id


async def test_two_captures_at_once_take_no_more_than_is_held(shop: Shop) -> None:
    payment = await authorised(shop)
    results = await asyncio.gather(*(capture(shop, payment, 700) for _ in range(4)), return_exceptions=True)
    taken = [result for result in results if isinstance(result, PaymentRow)]
    refused = [result for result in results if isinstance(result, Conflict | InvalidField)]
    (charge,) = await shop.charges(payment)
    assert (len(taken), len(refused), charge["captured_minor"], await clearing(shop)) == (1, 3, 700, 700)


async def test_refunds_at_once_beyond_the_rest_give_back_no_more_than_was_taken(shop: Shop) -> None:
    payment = await authorised(shop)
    await capture(shop, payment, 400)
    await capture(shop, payment, 600)
    asked = [refunds.create(shop.merchant_id, payment.id, 700, "") for _ in range(4)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert len([result for result in results if not isinstance(result, BaseException)]) == 1
    (charge,) = await shop.charges(payment)
    assert (charge["refunded_minor"], await clearing(shop)) == (700, 300)


async def test_a_refund_and_a_capture_at_once_leave_the_books_as_the_gateways(shop: Shop) -> None:
    payment = await authorised(shop)
    await capture(shop, payment, 400)
    await asyncio.gather(capture(shop, payment, 600), refunds.create(shop.merchant_id, payment.id, 400, ""))
    (charge,) = await shop.charges(payment)
    found = await service.get(shop.merchant_id, payment.id)
    assert (charge["captured_minor"], charge["refunded_minor"]) == (1000, 400)
    assert (found.amount_captured_minor, found.amount_refunded_minor, await clearing(shop)) == (1000, 400, 600)


async def test_a_cancel_after_a_final_capture_of_a_part_changes_nothing_and_sends_nothing(shop: Shop) -> None:
    payment = await authorised(shop)
    part = await capture(shop, payment, 300, final=True)
    canceled = await service.cancel(shop.merchant_id, payment.id)
    assert (canceled.status, canceled.amount_captured_minor) == (part.status, 300)
    assert not [op for op in (await story_of(payment)).operations if op.kind.value == "void"]


async def test_a_cancel_of_what_is_captured_whole_is_refused(shop: Shop) -> None:
    payment = await authorised(shop)
    await capture(shop, payment, 1000)
    with pytest.raises(Conflict, match="refund it instead"):
        await service.cancel(shop.merchant_id, payment.id)


async def test_what_adyen_lets_go_by_itself_is_noted_and_nothing_is_sent(shop: Shop) -> None:
    """It refuses every cancel once something is captured: the refusal would come by webhook, to nobody's use."""
    receiver = Receiver()
    server = await receiver.start()
    await receiver.listen_to(shop, "adyen")
    payment = await authorised(shop, "adyen")
    await capture(shop, payment, 300)
    await deliver(shop, await receiver.told(payment, "CAPTURE"))
    for _ in range(2):
        released = await service.cancel(shop.merchant_id, payment.id)
        assert (released.status, released.amount_captured_minor) == (PaymentStatus.PARTIALLY_CAPTURED, 300)
    (void,) = [op for op in (await story_of(payment)).operations if op.kind.value == "void"]
    assert (void.approved, void.exchange, void.amount_minor) == (True, None, 700)
    assert "CANCELLATION" not in [raw.event for raw in receiver.requests]
    with pytest.raises(CapturedOnce):
        await capture(shop, payment, 100)
    server.close()


async def test_the_story_of_a_refund_out_of_several_captures_shows_every_call(shop: Shop) -> None:
    payment = await authorised(shop)
    await capture(shop, payment, 300)
    await capture(shop, payment, 700)
    view = await refunds.create(shop.merchant_id, payment.id, 800, "")
    found = await service.get(shop.merchant_id, payment.id)
    facts = TimelineFacts(await service.story(found, exchanges=True), {}, [], [], [view], None)
    shell = Shell("Example Shop", "token")
    (shown,) = timeline_view(facts, shell).refunds
    asked = [op.id for op in facts.story.operations if op.kind.value == "refund"]
    assert [operation.id for operation in shown.operations] == asked == refund_body(view).operation_ids
    assert len(asked) == 2
