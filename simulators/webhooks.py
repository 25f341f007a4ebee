"""Delivers webhooks: a moment later, held, twice, in reverse or never; again while the receiver is down."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass

import httpx2

from simulators.world import GATEWAYS, Builder, Endpoint, Mode, Notice, World

_FIRST_PAUSE_S = 0.03
_RETRY_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 29.0)  # together about a minute
_TIMEOUT_S = 10.0  # Adyen gives a receiver ten seconds
_LOG_LIMIT = 10_000


@dataclass(slots=True)
class Delivery:
    """`status` is the receiver's last HTTP status, 0 where it could not be reached.

    `state`: held, sending, delivered, failed (given up), lost (by mode), no_endpoint.
    """

    gateway: str
    account: str
    event: str
    status: int = 0
    tries: int = 0
    state: str = "sending"


class Sender:
    """The one that posts. Runs in the simulators' event loop; `start` ties it to a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._client = httpx2.AsyncClient(trust_env=False, timeout=_TIMEOUT_S, follow_redirects=False)
        self._modes: dict[str, Mode] = dict.fromkeys(GATEWAYS, Mode.NORMAL)
        self._held: dict[str, list[tuple[Notice, Delivery]]] = defaultdict(list)
        self._tasks: set[asyncio.Task[None]] = set()
        self.log: list[Delivery] = []

    def start(self) -> None:
        self._world.wake_sender = self._drain
        self._drain()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._client.aclose()

    def set_mode(self, gateway: str, mode: Mode) -> None:
        """What is held already stays held until it is released."""
        self._modes[gateway] = mode

    def release(self, gateway: str) -> int:
        """Sends what is held, oldest first; newest first in mode `reverse`. Returns how many."""
        held = self._held.pop(gateway, [])
        if self._modes[gateway] is Mode.REVERSE:
            held.reverse()
        self._spawn(self._send_in_turn(held))
        return len(held)

    async def send_once(self, endpoint: Endpoint, build: Builder) -> int:
        """One try, now, outside the queue. Returns the receiver's HTTP status, 0 where it cannot be reached."""
        signed = build(endpoint)
        try:
            answer = await self._client.post(endpoint.url, content=signed.body, headers=signed.headers)
        except httpx2.HTTPError:
            return 0
        return answer.status_code

    def _drain(self) -> None:
        while self._world.notices:
            self._accept(self._world.notices.popleft())

    def _accept(self, notice: Notice) -> None:
        delivery = self._record(notice)
        match self._modes[notice.gateway]:
            case Mode.NORMAL:
                self._spawn(self._deliver(notice, delivery))
            case Mode.DUPLICATE:
                self._spawn(self._deliver(notice, delivery))
                self._spawn(self._deliver(notice, self._record(notice)))
            case Mode.HOLD | Mode.REVERSE:
                delivery.state = "held"
                self._held[notice.gateway].append((notice, delivery))
            case Mode.LOSE:
                delivery.state = "lost"

    def _record(self, notice: Notice) -> Delivery:
        delivery = Delivery(notice.gateway, notice.account, notice.event)
        self.log.append(delivery)
        del self.log[:-_LOG_LIMIT]
        return delivery

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_in_turn(self, held: list[tuple[Notice, Delivery]]) -> None:
        for notice, delivery in held:
            await self._deliver(notice, delivery)

    async def _deliver(self, notice: Notice, delivery: Delivery) -> None:
        delivery.state = "sending"
        for pause in (_FIRST_PAUSE_S, *_RETRY_PAUSES_S):
            await asyncio.sleep(pause)
            endpoint = self._endpoint_of(notice)
            if endpoint is None:
                delivery.state = "no_endpoint"
                return
            delivery.tries += 1
            delivery.status = await self.send_once(endpoint, notice.build)
            if 200 <= delivery.status < 300:
                delivery.state = "delivered"
                return
        delivery.state = "failed"

    def _endpoint_of(self, notice: Notice) -> Endpoint | None:
        for endpoint in self._world.endpoints:
            if (endpoint.gateway, endpoint.account) == (notice.gateway, notice.account):
                return endpoint
        return None
