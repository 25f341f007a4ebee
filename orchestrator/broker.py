"""The Dramatiq broker, by the scheme of BROKER_URL. It is a doorbell: what must happen is in the outbox, not in it."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from urllib.parse import urlsplit

import dramatiq
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.broker import Broker, MessageProxy
from dramatiq.middleware import AsyncIO, Middleware, Retries, ShutdownNotifications, TimeLimit
from dramatiq.worker import Worker

from orchestrator import db
from orchestrator.child_process import die_with_parent
from orchestrator.settings import Settings

RETRY_BACKOFF_MIN_MS = 500
RETRY_BACKOFF_MAX_MS = 10_000
FINISH_PATIENCE_S = 6.0  # with the time for shutting down (`clearway worker`) less than the supervisor's patience
LOOK_EVERY_S = 0.05
# Ours is not the only use of the worker's connections: the broker holds two for each queue and one to listen.
BROKER_CONNECTIONS_MAX = 12


class DieWithParent(Middleware):
    """Dramatiq's worker processes would live on when their main process is killed; these do not."""

    def after_process_boot(self, broker: Broker) -> None:
        die_with_parent()


class StopOnce(Middleware):
    """A worker process that is told to stop once more goes on with stopping.

    A service manager signals the whole group, and Dramatiq's main process passes on what it got: each process is told
    twice. Dramatiq leaves at the second time, past the shutdown that ends its event loop, and Python then waits for the
    loop's thread for ever. To end a worker hard there is SIGKILL.
    """

    def after_process_boot(self, broker: Broker) -> None:
        stop = signal.getsignal(signal.SIGTERM)
        told = False

        def stop_once(number: int, frame: FrameType | None) -> None:
            nonlocal told
            if not told and callable(stop):
                told = True
                stop(number, frame)

        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, stop_once)


class FinishFirst(ShutdownNotifications):
    """What a worker is at may come to its end when it is told to stop, for a while; then it is broken off.

    A call to a gateway that is broken off has an outcome that nobody knows, and the resolver has to ask.
    """

    def __init__(self) -> None:
        super().__init__(notify_shutdown=True)
        self._at_work: set[int] = set()

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        self._at_work.add(threading.get_ident())
        super().before_process_message(broker, message)  # type: ignore[no-untyped-call]

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: object = None,
        exception: BaseException | None = None,
    ) -> None:
        super().after_process_message(broker, message, result=result, exception=exception)  # type: ignore[no-untyped-call]
        self._at_work.discard(threading.get_ident())

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        for thread in worker.workers:
            thread.stop()  # it takes up nothing new
        until = time.monotonic() + FINISH_PATIENCE_S
        while self._at_work and time.monotonic() < until:
            time.sleep(LOOK_EVERY_S)
        super().before_worker_shutdown(broker, worker)  # type: ignore[no-untyped-call]


class PiccoloPool(Middleware):
    """The asyncpg pool of a worker process, in the event loop of its async actors.

    Must stand after AsyncIO: that one makes the loop before us, and ends it after us (library trap D5).
    """

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:
        loop = get_event_loop_thread()
        if loop is None:
            raise RuntimeError("the middleware AsyncIO must come before PiccoloPool")
        loop.run_coroutine(db.start_pool(self._max_size))

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        loop = get_event_loop_thread()
        if loop is not None:
            loop.run_coroutine(db.close_pool())


def set_up_broker(settings: Settings) -> Broker:
    """Make the broker that the settings name and register it with Dramatiq, before any actor is declared.

    Raises ValueError for an unknown scheme. Opens no connection.
    """
    broker = _make(settings.broker, _middleware(settings))
    dramatiq.set_broker(broker)
    return broker


def _middleware(settings: Settings) -> list[Middleware]:
    """Named one by one: Dramatiq's own list retries 20 times over days, and has no event loop (library trap D3)."""
    limits = settings.limits
    return [
        DieWithParent(),
        StopOnce(),
        AsyncIO(),
        PiccoloPool(max(limits.database_pool_max, limits.worker_threads)),
        TimeLimit(time_limit=limits.job_time_limit_s * 1000),
        FinishFirst(),
        Retries(max_retries=limits.job_retries_max, min_backoff=RETRY_BACKOFF_MIN_MS, max_backoff=RETRY_BACKOFF_MAX_MS),
    ]


def _make(url: str, middleware: list[Middleware]) -> Broker:
    match urlsplit(url).scheme:
        case "postgresql" | "postgres":
            from dramatiq_postgres import PostgresBroker

            # Its tables are made by our own migrate (orchestrator/migrations.py), under the package's default names.
            limited = f"{url}{'&' if '?' in url else '?'}maxconn={BROKER_CONNECTIONS_MAX}"
            if "options=" not in url:
                # Nothing of the broker's has to outlive a crash of the database: what must happen is in the outbox.
                limited += "&options=-c%20synchronous_commit%3Doff"
            made: Broker = PostgresBroker(url=limited, results=False, middleware=middleware)
            return made
        case "redis" | "rediss":
            from dramatiq.brokers.redis import RedisBroker

            return RedisBroker(url=url, middleware=middleware)  # type: ignore[no-untyped-call]
        case "amqp" | "amqps":
            from dramatiq.brokers.rabbitmq import RabbitmqBroker

            return RabbitmqBroker(url=url, middleware=middleware, confirm_delivery=True)
        case scheme:
            raise ValueError(f"no broker speaks {scheme}://")
