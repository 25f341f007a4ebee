"""Webhooks: each gateway's own patience on the steerable clock, several endpoints, and ill treatment on purpose."""

from __future__ import annotations

import json
import pickle
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sim_driving import Receiver

from simulators.deliveries import Delivery, DeliveryState, Mode, Treatment, post_of
from simulators.habits import HABITS
from simulators.registry import FORGERS, SIGNERS
from simulators.timekeeper import Timekeeper
from simulators.webhooks import Sender
from simulators.world import Endpoint, World

HOUR, DAY = 3600, 86_400
ITEM = {"eventCode": "CAPTURE", "success": "true", "additionalData": {}}


class Office:
    """A world with its sender and timekeeper, and one account "shop" at each gateway."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sender = Sender(world, SIGNERS, FORGERS)
        self.timekeeper = Timekeeper(world, self.sender, {})
        self.told = 0

    def listen(self, gateway: str, url: str, id: str = "one", events: tuple[str, ...] = ()) -> Endpoint:
        endpoint = Endpoint(gateway, "shop", url, {"hmac_key": "00" * 32}, id, frozenset(events))
        self.world.register_endpoint(endpoint)
        return endpoint

    def tell(self, gateway: str, event: str = "CAPTURE") -> None:
        """Bodies are numbered from 1, in the order of telling."""
        self.told += 1
        self.world.notify(gateway, "shop", event, json.dumps({**ITEM, "pspReference": str(self.told)}).encode())

    async def pass_time(self, seconds: float) -> None:
        await self.timekeeper.advance(seconds)

    def treat(self, gateway: str, mode: Mode, event: str = "*", **more: float) -> None:
        post_of(self.world).treat(Treatment(gateway, event, mode, **more))  # type: ignore[arg-type]

    @property
    def log(self) -> list[Delivery]:
        return list(post_of(self.world).log.values())

    @property
    def states(self) -> list[str]:
        return [delivery.state.value for delivery in self.log]


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    office = Office(World())
    yield office
    await office.timekeeper.stop()


def numbers(receiver: Receiver) -> list[str]:
    """Which events came, in the order of coming."""
    found = []
    for _, body in receiver.taken:
        shown = json.loads(body)
        item = shown["notificationItems"][0]["NotificationRequestItem"] if "notificationItems" in shown else shown
        found.append(item["pspReference"])
    return found


# patience


async def test_stripe_tries_for_three_days_at_growing_pauses_and_then_disables_the_endpoint(
    office: Office, receiver: Receiver
) -> None:
    endpoint = office.listen("stripe", receiver.url)
    receiver.status = 503
    office.tell("stripe")
    await office.pass_time(2 * DAY)
    assert (office.states, endpoint.enabled) == (["sending"], True)
    assert len(receiver.taken) == 17  # at once, after 14 pauses that double from 5 s to 11 h, then every 12 h
    await office.pass_time(DAY)
    assert (office.states, endpoint.enabled) == (["failed"], False)
    office.tell("stripe")
    await office.pass_time(1)
    assert office.states == ["failed", "no_endpoint"]


async def test_an_endpoint_that_took_something_meanwhile_is_not_disabled(office: Office, receiver: Receiver) -> None:
    endpoint = office.listen("stripe", receiver.url)
    receiver.status = 503
    office.tell("stripe")
    await office.pass_time(1)
    receiver.status = 200
    office.tell("stripe")
    await office.pass_time(1)
    receiver.status = 503
    await office.pass_time(4 * DAY)
    assert (office.states, endpoint.enabled) == (["failed", "delivered"], True)


async def test_adyen_tries_three_times_at_once_and_then_by_its_published_pauses(
    office: Office, receiver: Receiver
) -> None:
    office.listen("adyen", receiver.url)
    receiver.status = 500
    office.tell("adyen")
    counts = []
    for seconds in (1, 120, 300, 600, 900, 1800, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 8 * HOUR):
        await office.pass_time(seconds)
        counts.append(len(receiver.taken))
    assert counts == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]
    await office.pass_time(30 * DAY)
    assert office.states == ["failed"]


async def test_at_adyen_one_refused_event_holds_up_the_later_ones_of_its_endpoint_only(
    office: Office, receiver: Receiver
) -> None:
    office.listen("adyen", receiver.url)
    receiver.status = 500
    office.tell("adyen")
    await office.pass_time(1)
    office.tell("adyen")
    office.tell("adyen")
    await office.pass_time(60)
    assert set(numbers(receiver)) == {"1"}
    assert office.states == ["sending", "queued", "queued"]
    receiver.status = 200
    await office.pass_time(120)
    assert numbers(receiver)[-3:] == ["1", "2", "3"]
    assert office.states == ["delivered"] * 3


async def test_another_endpoint_of_adyen_is_not_held_up(office: Office, receiver: Receiver) -> None:
    office.listen("adyen", "http://127.0.0.1:9/", "dead")
    office.listen("adyen", receiver.url, "alive")
    for _ in range(2):
        office.tell("adyen")
        await office.pass_time(1)
    assert numbers(receiver) == ["1", "2"]


async def test_paypal_tries_twenty_five_times_within_three_days(office: Office, receiver: Receiver) -> None:
    office.listen("paypal", receiver.url)
    receiver.status = 500
    office.tell("paypal")
    await office.pass_time(3 * DAY)
    assert (office.states, len(receiver.taken)) == (["failed"], 25)
    assert timedelta(days=2) < sum((timedelta(seconds=s) for s in HABITS["paypal"].pauses_s), timedelta())


async def test_a_receiver_that_cannot_be_reached_is_tried_again_too(office: Office, receiver: Receiver) -> None:
    endpoint = office.listen("stripe", "http://127.0.0.1:9/")
    office.tell("stripe")
    await office.pass_time(1)
    assert (office.log[0].status, office.states) == (0, ["sending"])
    endpoint.url = receiver.url
    await office.pass_time(60)
    assert office.states == ["delivered"]


async def test_what_failed_can_be_sent_again_by_hand(office: Office, receiver: Receiver) -> None:
    office.listen("paypal", receiver.url)
    receiver.status = 500
    office.tell("paypal")
    await office.pass_time(4 * DAY)
    receiver.status = 200
    assert office.sender.retry("paypal") == 1
    await office.pass_time(0)
    assert office.states == ["delivered"]


async def test_each_try_is_signed_at_its_own_time(office: Office, receiver: Receiver) -> None:
    office.listen("stripe", receiver.url)
    receiver.status = 503
    office.tell("stripe")
    await office.pass_time(HOUR)
    times = [int(headers["stripe-signature"].split(",")[0].removeprefix("t=")) for headers, _ in receiver.taken]
    assert times == sorted(times)
    assert times[-1] - times[0] > 1000
    assert len({body for _, body in receiver.taken}) == 1


async def test_what_is_on_its_way_survives_in_a_file(office: Office, receiver: Receiver) -> None:
    office.listen("adyen", receiver.url)
    receiver.status = 500
    office.tell("adyen")
    await office.pass_time(1)
    office.tell("adyen")
    await office.pass_time(1)
    receiver.status = 200
    restored = Office(pickle.loads(pickle.dumps(office.world)))
    assert restored.states == ["sending", "queued"]
    await restored.pass_time(HOUR)
    await restored.timekeeper.stop()
    assert restored.states == ["delivered", "delivered"]


# several endpoints


async def test_every_endpoint_is_told_what_it_asked_for(office: Office, receiver: Receiver) -> None:
    office.listen("stripe", receiver.url, "all")
    office.listen("stripe", receiver.url, "captures", ("CAPTURE",))
    office.listen("stripe", receiver.url, "refunds", ("REFUND",))
    office.listen("stripe", receiver.url, "off").enabled = False
    office.tell("stripe", "CAPTURE")
    await office.pass_time(1)
    assert [delivery.endpoint for delivery in office.log] == ["all", "captures"]
    assert office.world.remove_endpoint("stripe", "shop", "all")
    assert not office.world.remove_endpoint("stripe", "shop", "all")
    assert [e.id for e in office.world.endpoints_of("stripe", "shop")] == ["captures", "refunds", "off"]


# ill treatment


async def test_a_late_event_comes_late(office: Office, receiver: Receiver) -> None:
    office.listen("stripe", receiver.url)
    office.treat("stripe", Mode.LATE, seconds=600)
    office.tell("stripe")
    await office.pass_time(599)
    assert receiver.taken == []
    await office.pass_time(2)
    assert numbers(receiver) == ["1"]


async def test_a_forgery_comes_beside_the_true_event_and_is_not_repeated(office: Office, receiver: Receiver) -> None:
    office.listen("adyen", receiver.url)
    office.treat("adyen", Mode.FORGED)
    office.tell("adyen")
    await office.pass_time(1)
    references = [
        json.loads(body)["notificationItems"][0]["NotificationRequestItem"].get("merchantReference")
        for _, body in receiver.taken
    ]
    assert sorted(str(reference) for reference in references) == ["None", "att_forged"]
    receiver.status = 401
    office.tell("adyen")
    await office.pass_time(1)
    assert [d.state for d in office.log if d.forged] == [DeliveryState.DELIVERED, DeliveryState.FAILED]


async def test_a_treatment_of_one_event_leaves_the_others_alone(office: Office, receiver: Receiver) -> None:
    office.listen("stripe", receiver.url)
    office.treat("stripe", Mode.LOSE, event="REFUND")
    for event in ("CAPTURE", "REFUND"):
        office.tell("stripe", event)
    await office.pass_time(1)
    assert office.states == ["delivered", "lost"]


async def test_a_share_of_events_is_chosen_by_its_seed(receiver: Receiver) -> None:
    async def lost_by(seed: int) -> list[str]:
        office = Office(World())
        office.listen("stripe", receiver.url)
        office.treat("stripe", Mode.LOSE, share=0.3, seed=seed)
        for _ in range(100):
            office.tell("stripe")
        await office.pass_time(1)
        await office.timekeeper.stop()
        return ["lost" if state == "lost" else "sent" for state in office.states]

    first = await lost_by(1)
    assert first == await lost_by(1)
    assert first != await lost_by(2)
    assert 15 < first.count("lost") < 45
