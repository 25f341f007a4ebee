"""One run: an installation, customers, faults and kills at once; then calm; then what came of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from orchestrator import embedded_postgres
from orchestrator.demo import installation, seed
from orchestrator.demo.api import Api
from orchestrator.demo.world import World
from orchestrator.supervisor import Supervisor
from tests.chaos.books import Books
from tests.chaos.clients import Clients
from tests.chaos.faults import Faults
from tests.chaos.killer import TARGETS, Killer
from tests.chaos.orders import Order, order
from tests.chaos.receiver import Receiver
from tests.chaos.verdict import IN_REVIEW, Check, judge, stories

CUSTOMERS = 10
CALM_PATIENCE_S = 240
TIME_PASSES_EVERY_S = 2
QUIET_LOOKS = 3  # one after the other: what a bell sets going may not be written down yet
TRIES_WHEN_WELL = 3
CALM_STEP_PATIENCE_S = 90  # what was not reached is tried again after 30 seconds at most by then
READY_PATIENCE_S = 300


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is to happen; the same plan has the same orders, faults and kills, not the same moments."""

    seed: int
    payments: int
    kills: int
    port: int


@dataclass(slots=True)
class Outcome:
    """What happened (`figures`, in the order in which they are shown) and whether all is well.

    `stories` has everything about the payments that a failed check names, by payment id.
    """

    figures: dict[str, Any] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    stories: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return all(check.holds for check in self.checks)


def play(plan: Plan, progress: Progress | None = None) -> Outcome:
    """Raises Unanswered, TimeoutError or SupervisorError where the run itself cannot go on."""
    begun = time.monotonic()
    with (
        _settings(),
        installation.running(plan.port, lambda _: None) as supervisor,
        World(supervisor.simulator_urls) as world,
        closing(Run(plan, supervisor, world, progress)) as run,
    ):
        run.storm()
        stormed_s = time.monotonic() - begun
        run.calm()
        outcome = run.outcome()
    outcome.figures["seconds"] = f"{stormed_s:.0f} of storm, {time.monotonic() - begun:.0f} in all"
    return outcome


def bar() -> Progress:
    """What is shown of a run while it lasts."""
    return Progress(
        TextColumn("{task.description:>12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), transient=False
    )


class Run:
    """The parts of one run, wired together."""

    def __init__(self, plan: Plan, supervisor: Supervisor, world: World, progress: Progress | None) -> None:
        self.plan, self.supervisor = plan, supervisor
        merchant_id, key = seed.found_merchant()
        self.api = Api(supervisor.api_url, key)
        seed.open_shop(merchant_id, self.api, world)
        self.receiver = Receiver(plan.seed)
        self.api.post("/webhook-endpoints", {"url": self.receiver.url, "description": "chaos"})
        self.books = Books(supervisor.database_url)
        self.faults = Faults(supervisor.simulator_urls["control"], plan.seed)
        self.clients = Clients(self.api, world, plan.seed)
        self.killer = Killer(supervisor, plan.seed, plan.kills, self._is_time_to_kill, self._after_kill)
        self._bought = 0
        self._lock = threading.Lock()
        self._advance = _bars(progress, plan)

    def storm(self) -> None:
        """Customers, faults and kills at once; returns when all orders are done and all kills are made."""
        self.faults.begin()
        self.faults.change_the_weather()
        self.killer.start()
        with ThreadPoolExecutor(CUSTOMERS, thread_name_prefix="customer") as customers:
            try:
                waiting = [customers.submit(self._buy, order(n, self.plan.seed)) for n in range(self.plan.payments)]
                for done in as_completed(waiting):
                    done.result()
            except BaseException:
                self.killer.stop()
                customers.shutdown(cancel_futures=True)
                raise
        self.killer.join()

    def calm(self) -> None:
        """No more faults, no more kills, and time passes: everything comes to where it belongs."""
        self.faults.end()
        self.receiver.is_well = True
        self.supervisor.wait_ready(READY_PATIENCE_S)
        pause = threading.Event()
        ticking = threading.Thread(target=self._let_time_pass, args=(pause,), daemon=True)
        ticking.start()
        try:
            self._await_quiet(self._is_quiet)
            left, self.clients.left = self.clients.left, []
            for one, place in left:
                self.clients.follow(one, place, patience_s=CALM_STEP_PATIENCE_S)
            self._await_quiet(self._is_quiet)
            self.books.age()
            self._await_quiet(lambda: self._is_quiet() and not self.books.open_operations())
        finally:
            pause.set()
            ticking.join()

    def outcome(self) -> Outcome:
        charges = self.faults.charges()
        proven = Check("`clearway ledger verify` finds nothing", self._ledger_findings())
        checks = [*self._did_what_it_says(), *judge(self.books, charges, self.receiver.events), proven]
        return Outcome(self._figures(), checks, stories(self.books, charges, checks))

    def close(self) -> None:
        self.receiver.close()
        self.clients.close()
        self.faults.close()
        self.api.close()

    # --- the storm --------------------------------------------------------------------------------------------------

    def _buy(self, one: Order) -> None:
        """Orders wait for the kills, as the kills wait for them: both are spread over the whole run."""
        share = self.plan.payments / max(self.plan.kills, 1)
        while one.number >= share * (self.killer.count + 1) and self.killer.failure is None:
            time.sleep(0.05)
        self.clients.buy(one)
        with self._lock:
            self._bought += 1
        self._advance("payments")

    def _is_time_to_kill(self, number: int) -> bool:
        return self._bought >= (number + 0.3) * self.plan.payments / max(self.plan.kills, 1) - CUSTOMERS

    def _after_kill(self) -> None:
        self._advance("kills")
        self.faults.change_the_weather()

    # --- the calm ---------------------------------------------------------------------------------------------------

    def _let_time_pass(self, pause: threading.Event) -> None:
        while not pause.wait(TIME_PASSES_EVERY_S):
            self.books.hasten()
            self.faults.send_webhooks_again()

    def _await_quiet(self, is_quiet: Callable[[], bool]) -> None:
        """What is not quiet in the end is left as it is: the verdict names it."""
        deadline, looks = time.monotonic() + CALM_PATIENCE_S, 0
        while looks < QUIET_LOOKS and time.monotonic() < deadline:
            looks = looks + 1 if is_quiet() else 0
            time.sleep(0.7)

    def _is_quiet(self) -> bool:
        """Nothing moves but what was asked about often enough, in vain."""
        stuck = self.books.open_operations()
        waiting = {row["payment_id"] for row in stuck}
        if any(row["tries"] < TRIES_WHEN_WELL or row["state"] == "sent" for row in stuck):
            return False
        bells = [bell for bell in self.books.waiting_bells() if bell["subject"] not in waiting]
        done = not bells and not self.books.untold() and not self.books.unworked_webhooks()
        return done and self.faults.are_webhooks_through()

    # --- what it did ------------------------------------------------------------------------------------------------

    def _did_what_it_says(self) -> list[Check]:
        fired, killed = self.faults.fired, self.killer.done
        calm = [name for name, count in fired.items() if not count] if self.plan.payments >= 1_000 else []
        spared = [name for name in TARGETS if self.plan.kills >= len(TARGETS) and not killed[name]]
        made = self.books.value("SELECT count(*) FROM payment")
        ids = set(self.clients.ids.values())
        refused = [f"{code}: {count}" for code, count in self.clients.refusals.items() if not _is_expected(code)]
        return [
            Check("every order became one payment", _unless(made == len(ids) == self.plan.payments, f"{made}"), made),
            Check("the same key twice at once had one answer", tuple(map(str, self.clients.differing)), made),
            Check(
                "as many kills as were asked for",
                _unless(killed.total() == self.plan.kills, f"{killed}"),
                killed.total(),
            ),
            Check("every program was killed", tuple(spared), len(TARGETS)),
            Check("every kind of fault struck", tuple(calm), sum(fired.values())),
            Check("no request was refused without cause", tuple(refused), self.clients.refusals.total()),
            Check("every step was asked for, but of what a person has", tuple(self._never_asked()), made),
        ]

    def _never_asked(self) -> list[str]:
        of_a_person = {r["payment_id"] for r in self.books.read(IN_REVIEW)}
        left = [(self.clients.ids[one.number], step) for one, step in self.clients.left]
        return [f"{payment_id} step {step}" for payment_id, step in left if payment_id not in of_a_person]

    def _ledger_findings(self) -> tuple[str, ...]:
        command = [sys.executable, "-m", "orchestrator.cli", "ledger", "verify"]
        env = {**os.environ, "DATABASE_URL": self.supervisor.database_url}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=READY_PATIENCE_S)
        return _unless(done.returncode == 0, (done.stdout + done.stderr)[-2_000:])

    def _figures(self) -> dict[str, Any]:
        read = self.books.read
        return {
            "seed": self.plan.seed,
            "payments": _counts(read("SELECT status AS name, count(*) FROM payment GROUP BY 1 ORDER BY 1")),
            "operations": _counts(read("SELECT kind AS name, count(*) FROM operation GROUP BY 1 ORDER BY 1")),
            "settled by": _counts(
                read("SELECT coalesce(settled_by, state) AS name, count(*) FROM operation GROUP BY 1")
            ),
            "attempts": self.books.value("SELECT count(*) FROM attempt"),
            "asked for": dict(self.clients.answers),
            "repeated requests": self.clients.repeats,
            "refused": dict(self.clients.refusals),
            "kills": dict(self.killer.done),
            "pauses": dict(self.killer.paused),
            "faults": self.faults.fired,
            "webhook weather": dict(self.faults.weather),
            "webhooks lost": len(self.faults.lost),
            "webhooks in": _counts(read("SELECT state AS name, count(*) FROM webhook_message GROUP BY 1")),
            "webhooks twice": self.books.value("SELECT coalesce(sum(duplicates), 0)::int FROM webhook_message"),
            "webhooks refused": self.books.value("SELECT count(*) FROM webhook_rejection"),
            "events told": len(self.receiver.events),
            "messages to tell them": f"{self.receiver.tellings.total()} taken, {self.receiver.failed} failed",
            "in review": _counts(
                read(
                    "SELECT a.gateway || ' ' || o.kind AS name, count(*) FROM operation o "
                    "JOIN attempt a ON a.id = o.attempt_id WHERE o.state = 'needs_review' GROUP BY 1"
                )
            ),
        }


EXPECTED = ("conflict", "invalid_field", "payment_disputed")


def _is_expected(refusal: str) -> bool:
    """A capture of what was declined, a cancellation of what is captured, a refund where nothing is left."""
    verb, _, code = refusal.partition(": ")
    return verb in ("capture", "cancel", "refunds") and code in EXPECTED


def _unless(holds: bool, wrong: str) -> tuple[str, ...]:
    return () if holds else (wrong,)


def _counts(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {row["name"]: row["count"] for row in rows}


def _bars(progress: Progress | None, plan: Plan) -> Callable[[str], None]:
    if progress is None:
        return lambda _: None
    tasks = {"payments": progress.add_task("payments", total=plan.payments)}
    tasks["kills"] = progress.add_task("kills", total=plan.kills)
    return lambda name: progress.advance(tasks[name])


@contextmanager
def _settings() -> Iterator[None]:
    """The installation is this run's own, with a durable database; afterwards nothing is left of it."""
    for name in [n for n in os.environ if n.startswith("CLEARWAY_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="clearway-chaos-", ignore_cleanup_errors=True) as made:
        state_dir = Path(made)
        state_dir.chmod(0o711)
        os.environ.update(
            DATABASE_URL="",
            BROKER_URL="",
            CLEARWAY_STATE_DIR=made,
            CLEARWAY_LIMITS__PAYMENT_DEADLINE_S="5",
            CLEARWAY_WEBHOOKS__ALLOW_LOOPBACK="true",
            CLEARWAY_ABUSE__MODE="off",  # few cards, declined on purpose again and again
        )
        try:
            yield
        finally:
            embedded_postgres.remove(state_dir / "demo")
