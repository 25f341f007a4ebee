"""Telling a merchant's server of events: what is sent, when again, and what is kept of it."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime, timedelta

import pytest
from webhook_driving import Shop, deliver, work_off
from webhook_receiver import Receiver, Reply

from orchestrator import clock_port
from orchestrator.events import EventType
from orchestrator.notifications import deliveries, endpoints
from orchestrator.notifications.deliveries import PAUSE_S
from orchestrator.notifications.delivery_store import DeliveryRow
from orchestrator.notifications.schedule import DELAYS_S
from orchestrator.notifications.sending import ANSWER_KEPT_MAX_CHARS
from orchestrator.notifications.service import FAN_OUT
from orchestrator.notifications.states import DeliveryState, DisabledReason
from orchestrator.notifications.store import events_of
from orchestrator.settings import get_settings

LONG_AFTER = timedelta(days=30)


def wait_s(row: DeliveryRow, since: datetime) -> float:
    assert row.next_try_at is not None
    return (row.next_try_at - since).total_seconds()


async def test_an_event_comes_signed_with_its_number_and_no_more_than_it_says(shop: Shop, receiver: Receiver) -> None:
    endpoint = await shop.listen(receiver.url)
    event_id = await shop.happens(data={"amount_minor": 1999, "currency": "EUR"})
    await deliver(endpoint)
    (request,) = receiver.received
    (secret,) = endpoints.secrets_in_force(endpoint, clock_port.now())
    assert request.signed_with(secret)
    assert not request.signed_with("whsec_" + "A" * 43 + "=")
    assert abs(int(request.headers["webhook-timestamp"]) - clock_port.now().timestamp()) < 10
    (event,) = await events_of(shop.merchant_id, limit=2)
    told = request.message
    assert datetime.fromisoformat(told.pop("timestamp")) == event.created_at
    assert told == {
        "id": event_id,
        "type": "payment.captured",
        "object_id": "pay_1",
        "sequence": 1,
        "data": {"amount_minor": 1999, "currency": "EUR"},
    }
    assert request.headers["webhook-id"] == event_id
    assert request.headers["content-type"] == "application/json"
    assert "cookie" not in request.headers
    assert (await shop.only_delivery(endpoint)).state is DeliveryState.DELIVERED


async def test_an_event_goes_from_its_commit_to_the_server_by_the_outbox_alone(shop: Shop, receiver: Receiver) -> None:
    await shop.listen(receiver.url)
    event_id = await shop.happens_quietly()
    await work_off(FAN_OUT, deliveries.TOPIC)
    assert [message["id"] for message in receiver.messages()] == [event_id]


async def test_an_endpoint_is_told_only_what_its_filter_lets_pass(shop: Shop, receiver: Receiver) -> None:
    endpoint = await shop.listen(receiver.url, "payment.*", "invoice.paid")
    for event_type in (EventType.PAYMENT_FAILED, EventType.INVOICE_ISSUED, EventType.INVOICE_PAID):
        await shop.happens(event_type)
    await deliver(endpoint)
    assert {message["type"] for message in receiver.messages()} == {"payment.failed", "invoice.paid"}


async def test_another_merchants_events_are_not_told(shop: Shop, receiver: Receiver) -> None:
    from webhook_driving import new_shop

    endpoint = await shop.listen(receiver.url)
    other = await new_shop("Other Ltd")
    await other.happens()
    assert await shop.deliveries_to(endpoint) == []


async def test_an_endpoint_is_not_told_of_what_happened_before_it_was_there(shop: Shop, receiver: Receiver) -> None:
    await shop.listen("https://hooks.shop.example/")
    before = await shop.happens_quietly()
    endpoint = await shop.listen(receiver.url)
    await deliveries.fan_out(before)
    assert await shop.deliveries_to(endpoint) == []


async def test_fanning_out_twice_tells_once(shop: Shop, receiver: Receiver) -> None:
    endpoint = await shop.listen(receiver.url)
    event_id = await shop.happens()
    await deliver(endpoint)
    await asyncio.gather(*(deliveries.fan_out(event_id) for _ in range(5)))
    assert await deliver(endpoint) is None
    assert len(receiver.received) == 1


async def test_what_fails_is_tried_ten_times_in_three_days_and_then_no_more(shop: Shop, receiver: Receiver) -> None:
    receiver.always = Reply(500, body=b"broken")
    endpoint = await shop.listen(receiver.url)
    await shop.happens()
    at = begun = clock_port.now()
    for number in range(1, len(DELAYS_S)):
        await deliveries.deliver_due(endpoint.id, at)
        row = await shop.only_delivery(endpoint)
        assert (row.state, row.tries, row.last_status) == (DeliveryState.PENDING, number, 500)
        assert wait_s(row, at) == pytest.approx(DELAYS_S[number], rel=0.1, abs=2)
        assert row.next_try_at is not None
        await deliveries.deliver_due(endpoint.id, row.next_try_at - timedelta(seconds=2))
        assert len(receiver.received) == number, "it was tried before its time"
        at = row.next_try_at
    assert timedelta(days=2, hours=12) < at - begun < timedelta(days=4)
    assert await deliveries.deliver_due(endpoint.id, at) is None
    row = await shop.only_delivery(endpoint)
    assert (row.state, row.tries) == (DeliveryState.FAILED, len(DELAYS_S))
    assert {request.headers["webhook-id"] for request in receiver.received} == {row.event_id}
    log = await shop.tries(endpoint)
    assert [one.number for one in log] == list(range(1, len(DELAYS_S) + 1))
    assert {(one.status, one.error, one.response) for one in log} == {
        (500, "answered 500 Internal Server Error", "broken")
    }


async def test_the_endpoints_bell_is_asked_to_ring_when_the_next_try_is_due(shop: Shop, receiver: Receiver) -> None:
    receiver.always = Reply(500)
    endpoint = await shop.listen(receiver.url)
    await shop.happens()
    later = await deliver(endpoint)
    assert later is not None
    assert later.at == (await shop.only_delivery(endpoint)).next_try_at


async def test_jitter_keeps_what_failed_together_from_coming_together(shop: Shop, receiver: Receiver) -> None:
    receiver.always = Reply(500)
    endpoint = await shop.listen(receiver.url)
    for _ in range(8):
        await shop.happens()
    await deliver(endpoint)
    assert len({row.next_try_at for row in await shop.deliveries_to(endpoint)}) == 8


async def test_success_after_a_failure_is_a_delivery_and_its_log_has_both(shop: Shop, receiver: Receiver) -> None:
    receiver.replies = [Reply(503)]
    endpoint = await shop.listen(receiver.url)
    await shop.happens()
    await deliver(endpoint)
    assert (await shop.endpoint(endpoint.id)).failing_since is not None
    await deliver(endpoint, timedelta(seconds=10))
    assert (await shop.only_delivery(endpoint)).state is DeliveryState.DELIVERED
    assert [(one.number, one.status) for one in await shop.tries(endpoint)] == [(1, 503), (2, 204)]
    assert (await shop.endpoint(endpoint.id)).failing_since is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_is_not_followed(
    shop: Shop, receiver: Receiver, second_receiver: Receiver, status: int
) -> None:
    receiver.always = Reply(status, {"Location": second_receiver.url})
    endpoint = await shop.listen(receiver.url)
    await shop.happens()
    await deliver(endpoint)
    row = await shop.only_delivery(endpoint)
    assert second_receiver.received == []
    assert (row.state, row.last_status) == (DeliveryState.PENDING, status)
    assert "redirects are not followed" in row.last_error


async def test_retry_after_holds_back_all_that_goes_to_the_endpoint(shop: Shop, receiver: Receiver) -> None:
    receiver.replies = [Reply(429, {"Retry-After": "600"})]
    endpoint = await shop.listen(receiver.url)
    await shop.happens()
    begun = clock_port.now()
    later = await deliver(endpoint)
    assert wait_s(await shop.only_delivery(endpoint), begun) == pytest.approx(600, abs=5)
    await shop.happens()
    await deliver(endpoint, timedelta(seconds=590))
    assert len(receiver.received) == 1
    await deliver(endpoint, timedelta(seconds=610))
    assert len(receiver.received) == 3
    assert later is not None
    assert (later.at - begun).total_seconds() == pytest.approx(600, abs=5)


async def test_an_endpoint_that_answers_gone_is_disabled_at_once_with_notice(
    shop: Shop, receiver: Receiver, second_receiver: Receiver
) -> None:
    receiver.always = Reply(410)
    endpoint, other = await shop.listen(receiver.url), await shop.listen(second_receiver.url)
    await shop.happens()
    await deliver(endpoint)
    row = await shop.endpoint(endpoint.id)
    assert (row.enabled, row.disabled_reason) == (False, DisabledReason.GONE)
    await work_off(FAN_OUT)
    await deliver(other)
    notice = next(message for message in second_receiver.messages() if message["type"] == "webhook_endpoint.disabled")
    assert notice["object_id"] == endpoint.id
    assert notice["data"]["reason"] == "gone"
    assert (await shop.only_delivery(endpoint)).state is DeliveryState.CANCELED


async def fail_every(hours: float, shop: Shop, endpoint_id: str, begun: datetime, days: float) -> None:
    """A new event fails at each of these moments."""
    at = begun
    while at <= begun + timedelta(days=days):
        await shop.happens()
        await deliveries.deliver_due(endpoint_id, at)
        at += timedelta(hours=hours)


async def test_five_days_of_nothing_but_failures_disable_an_endpoint_with_notice(
    shop: Shop, receiver: Receiver
) -> None:
    receiver.always = Reply(500)
    endpoint = await shop.listen(receiver.url)
    begun = clock_port.now() + timedelta(minutes=5)  # later than what is to fail
    await fail_every(20, shop, endpoint.id, begun, 4.9)
    assert (await shop.endpoint(endpoint.id)).enabled
    await fail_every(20, shop, endpoint.id, begun + timedelta(days=5, minutes=1), 0.1)
    row = await shop.endpoint(endpoint.id)
    assert (row.enabled, row.disabled_reason) == (False, DisabledReason.FAILING)
    assert {one.state for one in await shop.deliveries_to(endpoint)} <= {DeliveryState.CANCELED, DeliveryState.FAILED}
    (notice,) = await events_of(shop.merchant_id, limit=5, object_id=endpoint.id)
    assert (notice.type, notice.data["reason"]) == ("webhook_endpoint.disabled", "failing")


async def test_one_success_in_between_keeps_an_endpoint_enabled(shop: Shop, receiver: Receiver) -> None:
    receiver.always = Reply(500)
    endpoint = await shop.listen(receiver.url)
    begun = clock_port.now() + timedelta(minutes=5)  # later than what is to fail
    await fail_every(20, shop, endpoint.id, begun, 4)
    receiver.replies = [Reply(200)]
    await fail_every(20, shop, endpoint.id, begun + timedelta(days=5), 2)
    assert (await shop.endpoint(endpoint.id)).enabled


async def test_a_disabled_endpoint_is_told_nothing(shop: Shop, receiver: Receiver) -> None:
    endpoint = await shop.listen(receiver.url)
    await shop.happens()
    await endpoints.change(shop.merchant_id, endpoint.id, enabled=False)
    assert await deliver(endpoint) is None
    await shop.happens()
    assert receiver.received == []
    assert [row.state for row in await shop.deliveries_to(endpoint)] == [DeliveryState.CANCELED]


async def test_what_was_fanned_out_while_its_endpoint_was_disabled_is_canceled(shop: Shop, receiver: Receiver) -> None:
    from orchestrator.notifications import delivery_store

    endpoint = await shop.listen(receiver.url)
    event_id = await shop.happens_quietly()
    await endpoints.change(shop.merchant_id, endpoint.id, enabled=False)
    await delivery_store.add([endpoint.id], [event_id], clock_port.now())
    assert await deliver(endpoint) is None
    assert receiver.received == []
    assert (await shop.only_delivery(endpoint)).state is DeliveryState.CANCELED


async def test_an_answer_is_kept_short_readable_and_without_secrets(shop: Shop, receiver: Receiver) -> None:
    said = "x\x00y \u0007 whsec_abcdefgh12345 jane@shop.example 4111 1111 1111 1111 " + "z" * 5_000
    receiver.always = Reply(400, body=said.encode() + b"\xff\xfe")
    endpoint = await shop.listen(receiver.url)
    await shop.happens()
    await deliver(endpoint)
    (one,) = await shop.tries(endpoint)
    assert one.response.startswith("x y")
    assert len(one.response) == ANSWER_KEPT_MAX_CHARS
    for secret in ("whsec_abc", "jane@", "1111 1111", "\x00", "\x07"):
        assert secret not in one.response


async def test_a_packed_answer_is_not_unpacked(shop: Shop, receiver: Receiver) -> None:
    import gzip

    receiver.always = Reply(200, {"Content-Encoding": "gzip"}, gzip.compress(b"0" * 10_000_000))
    endpoint = await shop.listen(receiver.url)
    await shop.happens()
    await deliver(endpoint)
    assert (await shop.only_delivery(endpoint)).state is DeliveryState.DELIVERED
    assert [one.response for one in await shop.tries(endpoint)] == ["[removed]"]


async def test_an_endless_answer_is_read_no_further_than_its_limit(shop: Shop, receiver: Receiver) -> None:
    receiver.always = Reply(200, {"Content-Length": "100000000"}, b"a" * 5_000_000)
    endpoint = await shop.listen(receiver.url)
    await shop.happens()
    await deliver(endpoint)
    assert (await shop.only_delivery(endpoint)).state is DeliveryState.DELIVERED


async def test_an_answer_that_breaks_off_after_its_status_counts_by_its_status(shop: Shop, receiver: Receiver) -> None:
    receiver.always = Reply(200, {"Content-Length": "100", "Connection": "close"}, b"only this")
    endpoint = await shop.listen(receiver.url)
    await shop.happens()
    await deliver(endpoint)
    assert (await shop.only_delivery(endpoint)).state is DeliveryState.DELIVERED


async def test_no_answer_in_time_is_a_failure_and_pauses_the_endpoint(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARWAY_LIMITS__WEBHOOK_OUT_TIMEOUT_S", "1")
    get_settings.cache_clear()
    hold = threading.Event()
    receiver.always = Reply(hold=hold)
    endpoint = await shop.listen(receiver.url)
    for _ in range(6):
        await shop.happens()
    try:
        later = await deliver(endpoint)
    finally:
        hold.set()
    most = get_settings().limits.webhook_out_concurrency_max
    assert len(receiver.received) == receiver.at_once_most == most, "a second round was tried at once"
    assert later is not None
    assert (later.at - clock_port.now()).total_seconds() <= PAUSE_S
    first = (await shop.deliveries_to(endpoint))[0]
    assert (first.last_status, first.last_error) == (None, "no answer within 1 s")


async def test_a_server_that_hangs_up_or_is_not_there_is_a_failure(shop: Shop, receiver: Receiver) -> None:
    receiver.always = Reply(hang_up=True)
    endpoint, nowhere = await shop.listen(receiver.url), await shop.listen("http://127.0.0.1:1/")
    await shop.happens()
    for one in (endpoint, nowhere):
        await deliver(one)
        row = await shop.only_delivery(one)
        assert (row.state, row.last_status) == (DeliveryState.PENDING, None)
    assert "ConnectError" in row.last_error


async def test_an_event_that_is_too_large_is_not_sent_but_the_next_is(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARWAY_LIMITS__WEBHOOK_OUT_BODY_MAX_BYTES", "1000")
    get_settings.cache_clear()
    endpoint = await shop.listen(receiver.url)
    await shop.happens(data={"text": "a" * 2_000})
    await shop.happens()
    await deliver(endpoint)
    large, small = await shop.deliveries_to(endpoint)
    assert (large.state, small.state) == (DeliveryState.FAILED, DeliveryState.DELIVERED)
    assert "larger than 1000 bytes" in large.last_error
    assert (await shop.endpoint(endpoint.id)).failing_since is None
    assert len(receiver.received) == 1


async def test_finished_deliveries_are_forgotten_after_a_month_and_their_events_are_not(
    shop: Shop, receiver: Receiver
) -> None:
    endpoint, waiting = await shop.listen(receiver.url), await shop.listen("http://127.0.0.1:1/")
    await shop.happens()
    await deliver(endpoint)
    await deliver(waiting)
    days = timedelta(days=get_settings().limits.webhook_out_log_days)
    await deliveries.purge(clock_port.now() + days - timedelta(hours=1))
    assert len(await shop.deliveries_to(endpoint)) == 1
    await deliveries.purge(clock_port.now() + days + timedelta(hours=1))
    assert await shop.deliveries_to(endpoint) == []
    assert len(await shop.deliveries_to(waiting)) == 1
    assert len(await events_of(shop.merchant_id, limit=5)) == 1


async def test_many_old_deliveries_are_forgotten_in_batches(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "PURGE_BATCH", 2)
    endpoint = await shop.listen(receiver.url)
    for _ in range(5):
        await shop.happens()
    await deliver(endpoint)
    await deliveries.purge(clock_port.now() + LONG_AFTER + timedelta(days=1))
    assert await shop.deliveries_to(endpoint) == []
