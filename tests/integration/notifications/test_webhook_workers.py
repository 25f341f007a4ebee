"""Several workers, several endpoints: nothing is lost, nobody waits for another's server, all within limits."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from webhook_driving import Shop, deliver, work_off
from webhook_receiver import Receiver, Reply

from orchestrator import clock_port, outbox
from orchestrator.notifications import deliveries, delivery_store, endpoint_store
from orchestrator.notifications.deliveries import CLAIM_MARGIN_S
from orchestrator.notifications.schedule import DELAYS_S
from orchestrator.notifications.service import FAN_OUT
from orchestrator.notifications.states import DeliveryState
from orchestrator.notifications.tables import EventDelivery
from orchestrator.outbox import Later
from orchestrator.settings import get_settings


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        await asyncio.sleep(0.01)


async def test_two_workers_at_one_delivery_send_it_once_and_log_it_once(shop: Shop, receiver: Receiver) -> None:
    endpoint = await shop.listen(receiver.url)
    event_id = await shop.happens()
    await asyncio.gather(*(deliver(endpoint) for _ in range(8)))
    assert [message["id"] for message in receiver.messages()] == [event_id]
    row = await shop.only_delivery(endpoint)
    assert (row.state, row.tries) == (DeliveryState.DELIVERED, 1)
    assert [(one.number, one.status) for one in await shop.tries(endpoint)] == [(1, 204)]


async def test_what_a_dead_worker_had_claimed_is_sent_by_another_and_the_log_shows_both(
    shop: Shop, receiver: Receiver
) -> None:
    endpoint = await shop.listen(receiver.url)
    await shop.happens()
    hold = threading.Event()
    receiver.replies = [Reply(hold=hold)]
    dying = asyncio.create_task(deliver(endpoint))
    await until(lambda: len(receiver.received) == 1)
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    hold.set()
    later = await deliver(endpoint)
    assert len(receiver.received) == 1, "it was sent again while its worker may be at it"
    assert isinstance(later, Later)
    lease = timedelta(seconds=get_settings().limits.webhook_out_timeout_s + CLAIM_MARGIN_S + 1)
    await deliver(endpoint, lease)
    assert len(receiver.received) == 2
    assert (await shop.only_delivery(endpoint)).state is DeliveryState.DELIVERED
    log = [(one.number, one.status, one.duration_ms is None) for one in await shop.tries(endpoint)]
    assert log == [(1, None, True), (2, 204, False)]


async def test_a_late_failure_of_a_slow_worker_does_not_undo_anothers_success(shop: Shop, receiver: Receiver) -> None:
    endpoint = await shop.listen(receiver.url)
    await shop.happens()
    hold = threading.Event()
    receiver.replies = [Reply(500, hold=hold)]
    slow = asyncio.create_task(deliver(endpoint))
    await until(lambda: len(receiver.received) == 1)
    await deliver(endpoint, timedelta(minutes=5))
    hold.set()
    await slow
    assert (await shop.only_delivery(endpoint)).state is DeliveryState.DELIVERED
    assert [(one.number, one.status) for one in await shop.tries(endpoint)] == [(1, 500), (2, 204)]


async def test_one_endpoint_gets_no_more_at_once_than_its_limit_by_all_workers_together(
    shop: Shop, receiver: Receiver
) -> None:
    hold = threading.Event()
    receiver.always = Reply(hold=hold)
    endpoint = await shop.listen(receiver.url)
    for _ in range(12):
        await shop.happens()
    most = get_settings().limits.webhook_out_concurrency_max
    workers = [asyncio.create_task(deliver(endpoint)) for _ in range(3)]
    await until(lambda: len(receiver.received) == most and sum(worker.done() for worker in workers) == 2)
    hold.set()
    await asyncio.gather(*workers)
    assert receiver.at_once_most == most
    assert len(receiver.received) == 12


async def test_slow_endpoints_leave_the_other_workers_of_the_process_free(
    shop: Shop, receiver: Receiver, second_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARWAY_LIMITS__WEBHOOK_OUT_JOBS_MAX", "2")
    get_settings.cache_clear()
    hold = threading.Event()
    receiver.always = Reply(hold=hold)
    slow = [await shop.listen(receiver.url) for _ in range(3)]
    quick = await shop.listen(second_receiver.url)
    await shop.happens()
    at_work = [asyncio.create_task(deliveries.deliver(one.id)) for one in slow[:2]]
    await until(lambda: len(receiver.received) == 2)
    asked = time.monotonic()
    assert isinstance(await deliveries.deliver(slow[2].id), Later)
    assert time.monotonic() - asked < 10
    assert len(receiver.received) == 2
    hold.set()
    await asyncio.gather(*at_work)
    assert await deliveries.deliver(quick.id) is None
    assert len(second_receiver.received) == 1


async def test_fan_outs_of_many_events_at_once_tell_each_endpoint_each_event(
    shop: Shop, receiver: Receiver, second_receiver: Receiver
) -> None:
    await shop.listen(receiver.url)
    await shop.listen(second_receiver.url)
    made = await asyncio.gather(*(shop.happens_quietly(object_id=f"pay_{number}") for number in range(30)))
    await asyncio.gather(*(deliveries.fan_out(event_id) for event_id in made))
    await work_off(FAN_OUT, deliveries.TOPIC)
    for one in (receiver, second_receiver):
        assert sorted(message["id"] for message in one.messages()) == sorted(made)


async def test_what_gathered_in_an_outage_is_worked_off_in_rounds_of_bounded_time(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "ROUNDS_MAX_S", 0)
    endpoint = await shop.listen(receiver.url)
    for _ in range(10):
        await shop.happens()
    later = await deliver(endpoint)
    assert len(receiver.received) == get_settings().limits.webhook_out_concurrency_max
    assert later is not None
    assert (later.at - clock_port.now()).total_seconds() <= 1
    while await deliver(endpoint):
        pass
    assert len(receiver.received) == 10


async def test_news_for_an_endpoint_that_is_served_rings_again(shop: Shop, receiver: Receiver) -> None:
    endpoint = await shop.listen(receiver.url)
    await shop.happens()
    (bell,) = [bell for bell in await outbox.take_due(clock_port.now()) if bell.topic == deliveries.TOPIC]
    answer = await deliver(endpoint)
    await shop.happens()
    await outbox.finish(bell, answer)
    assert await work_off(deliveries.TOPIC) == 1
    assert len(receiver.received) == 2


async def test_a_deleted_endpoint_in_the_middle_of_a_try_leaves_its_log_in_order(
    shop: Shop, receiver: Receiver
) -> None:
    from orchestrator.notifications import endpoints

    hold = threading.Event()
    receiver.always = Reply(500, hold=hold)
    endpoint = await shop.listen(receiver.url)
    await shop.happens()
    working = asyncio.create_task(deliver(endpoint))
    await until(lambda: len(receiver.received) == 1)
    await endpoints.delete(shop.merchant_id, endpoint.id)
    hold.set()
    assert await working is None
    (row,) = await delivery_store.deliveries_of(endpoint.id, limit=5)
    assert row.state is DeliveryState.CANCELED
    assert await endpoint_store.endpoint(endpoint.id) is None


async def test_a_redelivery_asked_for_during_the_last_try_is_not_lost_with_it(shop: Shop, receiver: Receiver) -> None:
    endpoint = await shop.listen(receiver.url)
    await shop.happens()
    row = await shop.only_delivery(endpoint)
    hold = threading.Event()
    receiver.replies = [Reply(500, hold=hold)]
    await EventDelivery.update({EventDelivery.step: len(DELAYS_S) - 1}).where(EventDelivery.id == row.id)
    working = asyncio.create_task(deliver(endpoint))
    await until(lambda: len(receiver.received) == 1)
    await deliveries.redeliver(shop.merchant_id, endpoint.id, row.id)
    hold.set()
    await working
    assert (await shop.only_delivery(endpoint)).state is DeliveryState.PENDING
    await deliver(endpoint, timedelta(minutes=1))
    assert (await shop.only_delivery(endpoint)).state is DeliveryState.DELIVERED
