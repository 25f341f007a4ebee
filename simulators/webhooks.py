"""Delivers webhooks with each gateway's own patience, and treats them badly where it was told to."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Mapping
from datetime import datetime, timedelta

import httpx2

from simulators.deliveries import FIRST_PAUSE_S, Delivery, DeliveryState, Mode, post_of
from simulators.habits import HABITS, Habit
from simulators.registry import Forger, Signer
from simulators.world import Endpoint, Notice, Signed, World

_TIMEOUT_S = 10.0  # Adyen gives a receiver ten seconds


class Sender:
    """The one that posts. Runs in the simulators' event loop; `Timekeeper` says when it is time to."""

    def __init__(
        self,
        world: World,
        signers: Mapping[str, Signer],
        forgers: Mapping[str, Forger],
        habits: Mapping[str, Habit] = HABITS,
    ) -> None:
        self._world = world
        self._signers, self._forgers, self._habits = signers, forgers, habits
        self._post = post_of(world)
        self._client = httpx2.AsyncClient(trust_env=False, timeout=_TIMEOUT_S, follow_redirects=False)
        self._flying: dict[int, asyncio.Task[None]] = {}
        self._due: list[tuple[datetime, int]] = []  # may name deliveries that were put off or are over since
        for delivery in self._post.log.values():
            if delivery.state is DeliveryState.SENDING:
                self._schedule(delivery, delivery.due)

    async def stop(self) -> None:
        """What is under way counts as not tried."""
        flying = list(self._flying.values())
        for task in flying:
            task.cancel()
        await asyncio.gather(*flying, return_exceptions=True)
        await self._client.aclose()

    def release(self, gateway: str) -> int:
        """Sends what is held, oldest first; newest first where mode `reverse` is on. Returns how many."""
        held = self._post.held(gateway)
        if self._post.reverses(gateway):
            held.reverse()
        for n, delivery in enumerate(held):
            del self._post.log[delivery.id]
            self._fan_out(delivery.notice, after_s=n * FIRST_PAUSE_S)
        self._world.bell()
        return len(held)

    def retry(self, gateway: str) -> int:
        """Tries again, now, what was not taken yet or was given up, as the gateways' dashboards let one do."""
        again = [
            delivery
            for delivery in self._post.log.values()
            if delivery.notice.gateway == gateway
            and delivery.state in (DeliveryState.SENDING, DeliveryState.FAILED)
            and delivery.id not in self._flying
        ]
        for delivery in again:
            self._schedule(delivery, self._world.clock.now())
        self._world.bell()
        return len(again)

    async def send(self, endpoint: Endpoint, signed: Signed) -> int:
        """One try, now. Returns the receiver's HTTP status, 0 where it cannot be reached."""
        try:
            answer = await self._client.post(endpoint.url, content=signed.body, headers=signed.headers)
        except (httpx2.HTTPError, httpx2.InvalidURL):
            return 0
        return answer.status_code

    # for the timekeeper

    def next_due(self) -> datetime | None:
        return self._due[0][0] if self._due else None

    def start_due(self, now: datetime) -> None:
        """Starts every try that is due."""
        while self._due and self._due[0][0] <= now:
            due, id = heapq.heappop(self._due)
            delivery = self._post.log.get(id)
            if delivery is None or delivery.due != due or delivery.state is not DeliveryState.SENDING:
                continue
            if id not in self._flying:
                self._flying[id] = asyncio.get_running_loop().create_task(self._try(delivery))

    async def finish(self) -> None:
        """Waits for the tries that are under way."""
        while self._flying:
            await asyncio.gather(*self._flying.values(), return_exceptions=True)

    def accept_notices(self) -> None:
        while self._world.notices:
            self._accept(self._world.notices.popleft())

    # from a notice to deliveries

    def _accept(self, notice: Notice) -> None:
        treatment = self._post.treatment_of(notice)
        match treatment.mode if treatment else Mode.NORMAL:
            case Mode.NORMAL:
                self._fan_out(notice)
            case Mode.LATE:
                self._fan_out(notice, after_s=treatment.seconds if treatment else 0)
            case Mode.DUPLICATE:
                self._fan_out(notice)
                self._fan_out(notice)
            case Mode.FORGED:
                self._fan_out(notice)
                self._fan_out(notice, forged=True)
            case Mode.HOLD | Mode.REVERSE:
                self._record(notice, "", DeliveryState.HELD)
            case Mode.LOSE:
                self._record(notice, "", DeliveryState.LOST)

    def _fan_out(self, notice: Notice, after_s: float = 0.0, forged: bool = False) -> None:
        """One delivery to each endpoint that wants the event."""
        wanting = [e for e in self._world.endpoints_of(notice.gateway, notice.account) if e.wants(notice.event)]
        for endpoint in wanting:
            delivery = self._record(notice, endpoint.id, DeliveryState.SENDING)
            delivery.forged = forged
            if self._post.first_in_line(delivery.key) is not None and not forged:
                delivery.state = DeliveryState.QUEUED
                self._post.line_up(delivery)
            else:
                self._schedule(delivery, delivery.due + timedelta(seconds=after_s))
        if not wanting:
            self._record(notice, "", DeliveryState.NO_ENDPOINT)

    def _record(self, notice: Notice, endpoint: str, state: DeliveryState) -> Delivery:
        return self._post.record(notice, endpoint, self._world.clock.now(), state)

    def _schedule(self, delivery: Delivery, due: datetime) -> None:
        delivery.state, delivery.due = DeliveryState.SENDING, due
        heapq.heappush(self._due, (due, delivery.id))

    # one try

    async def _try(self, delivery: Delivery) -> None:
        try:
            endpoint = self._endpoint_of(delivery)
            if endpoint is None:
                self._close(delivery, DeliveryState.NO_ENDPOINT)
                return
            delivery.status = await self.send(endpoint, self._signed(delivery, endpoint))
            delivery.tries += 1
            if 200 <= delivery.status < 300:
                self._post.last_taken[delivery.key] = self._world.clock.now()
                self._close(delivery, DeliveryState.DELIVERED)
            elif delivery.forged:
                self._close(delivery, DeliveryState.FAILED)
            else:
                self._put_off(delivery, endpoint)
        finally:
            del self._flying[delivery.id]
            self._world.bell()

    def _signed(self, delivery: Delivery, endpoint: Endpoint) -> Signed:
        if delivery.forged:
            return self._forgers[endpoint.gateway](self._world, endpoint)
        return self._signers[endpoint.gateway](self._world, endpoint, delivery.notice.body)

    def _put_off(self, delivery: Delivery, endpoint: Endpoint) -> None:
        habit, now = self._habits[endpoint.gateway], self._world.clock.now()
        pause = habit.pause_after(delivery.tries, now - delivery.made_at)
        if pause is None:
            if habit.disables and self._post.took_nothing_since(endpoint, delivery.made_at):
                endpoint.enabled = False
            self._close(delivery, DeliveryState.FAILED)
            return
        if habit.in_line and delivery.tries >= habit.at_once:
            self._post.line_up(delivery)
            if self._post.first_in_line(delivery.key) is not delivery:
                delivery.state = DeliveryState.QUEUED
                return
            for later in self._post.behind(delivery):
                later.state = DeliveryState.QUEUED
        self._schedule(delivery, now + pause)

    def _close(self, delivery: Delivery, state: DeliveryState) -> None:
        """Of those that waited in line behind it the next has its turn."""
        was_first = self._post.first_in_line(delivery.key) is delivery
        delivery.state = state
        self._post.leave_line(delivery)
        following = self._post.first_in_line(delivery.key)
        if was_first and following is not None:
            self._schedule(following, self._world.clock.now())

    def _endpoint_of(self, delivery: Delivery) -> Endpoint | None:
        endpoints = self._world.endpoints_of(delivery.notice.gateway, delivery.notice.account)
        return next((e for e in endpoints if e.id == delivery.endpoint and e.enabled), None)
