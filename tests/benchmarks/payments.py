"""What Clearway adds to a payment: against the same three calls made directly with the Stripe SDK."""

from __future__ import annotations

import statistics
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

import requests
import stripe
from rich.progress import track

from orchestrator.gateways.transport import PromptAdapter
from orchestrator.supervisor import WORKER
from tests.benchmarks import replay
from tests.benchmarks.result import Better, Result
from tests.benchmarks.stack import OWN_PROGRAMS, STRIPE_KEY, Stack, running

T = TypeVar("T")

WARM_UP = 30
PAIRS = 300
SATURATION_THREADS = 16
ROUND_PAYMENTS = 300
ROUNDS = 3
ADDED_P50_MAX_MS = 8.0
ADDED_P99_MAX_MS = 25.0
RATE_MIN = 150.0  # with everything on one machine of two cores
CPU_MAX_MS = 6.0
QUIET_S, QUIET_SHARE, QUIET_PATIENCE_S = 0.5, 0.1, 60.0  # an idle worker uses less than this share of a core


def measure() -> list[Result]:
    """Latency in alternating pairs, then throughput in alternating rounds, so that both sides meet the same noise."""
    with running() as stack:
        wallet = Wallet(stack)
        ours, direct = Clearway(stack, wallet), Direct(stack, wallet)
        latency = _latency(wallet, ours.pay, direct.pay)
        saturated = _saturated(stack, wallet, ours.pay, direct.pay)
        return [*latency, *saturated, _beside_the_database(stack, wallet, ours.pay, saturated[0].ours)]


class Wallet:
    """Cards that are in the vault already, so that putting them there is no part of a timed payment."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._tokens: SimpleQueue[dict[str, Any]] = SimpleQueue()

    def fill(self, count: int) -> None:
        """Have at least so many cards ready."""
        for token in self._stack.vault_tokens(max(count - self._tokens.qsize(), 0)):
            self._tokens.put(token)

    def card(self) -> dict[str, Any]:
        """The next card. Raises queue.Empty where `fill` was asked for too few."""
        return self._tokens.get_nowait()


class Clearway:
    """`POST /v1/payments` over kept-alive connections, one session a thread."""

    def __init__(self, stack: Stack, wallet: Wallet) -> None:
        self._url = f"{stack.api_url}/v1/payments"
        self._headers = {"Authorization": f"Bearer {stack.api_key}"}
        self._wallet = wallet
        self._session = _PerThread(requests.Session)

    def pay(self) -> None:
        token = self._wallet.card()
        shown = ("brand", "last4", "expiry_month", "expiry_year", "bin", "issuer_country")
        method = {name: token[name] for name in shown if token.get(name)}
        method |= {"type": "card", "vault_token": token["token"]}
        body = {"amount": {"amount": 1999, "currency": "EUR"}, "payment_method": method}
        headers = {**self._headers, "Idempotency-Key": str(uuid.uuid4())}
        answer = self._session.get().post(self._url, json=body, headers=headers, timeout=60)
        if answer.status_code != 201 or answer.json()["status"] != "captured":
            raise RuntimeError(f"a payment of the benchmark went wrong: {answer.status_code} {answer.text[:500]}")


class Direct:
    """The same three calls, create, confirm through the vault and capture, with nothing around them."""

    def __init__(self, stack: Stack, wallet: Wallet) -> None:
        self._stack = stack
        self._wallet = wallet
        self._clients = _PerThread(self._connect)

    def _connect(self) -> tuple[stripe.StripeClient, stripe.StripeClient]:
        through_vault = requests.Session()
        through_vault.trust_env = False
        through_vault.proxies = {"http": self._stack.vault_proxy}
        through_vault.mount("http://", PromptAdapter())  # as ours does, so that the ratio shows only what we add
        direct = requests.Session()
        direct.trust_env = False
        return self._client(direct), self._client(through_vault)

    def _client(self, session: requests.Session) -> stripe.StripeClient:
        client = stripe.RequestsClient(session=session, timeout=(5, 20))
        addresses: stripe.BaseAddresses = {"api": self._stack.stripe_url}
        return stripe.StripeClient(STRIPE_KEY, base_addresses=addresses, http_client=client, max_network_retries=0)

    def pay(self) -> None:
        direct, through_vault = self._clients.get()
        token = self._wallet.card()["token"]
        intent = direct.v1.payment_intents.create(
            {"amount": 1999, "currency": "eur", "capture_method": "manual", "allowed_payment_method_types": ["card"]}
        )
        card = {
            "number": f"{token}.number",
            "cvc": f"{token}.cvc",
            "exp_month": f"{token}.expiry_month",
            "exp_year": f"{token}.expiry_year",
        }
        through_vault.v1.payment_intents.confirm(
            intent.id,
            {"payment_method_data": {"type": "card", "card": card}},  # type: ignore[typeddict-item,typeddict-unknown-key]
        )
        captured = direct.v1.payment_intents.capture(intent.id)
        if captured.status != "succeeded":
            raise RuntimeError(f"the baseline's payment is {captured.status}")


class _PerThread(Generic[T]):
    """One of something for each thread: sessions are not made to be shared."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._own = threading.local()

    def get(self) -> T:
        if not hasattr(self._own, "it"):
            self._own.it = self._make()
        made: T = self._own.it
        return made


def _latency(wallet: Wallet, ours: Callable[[], None], direct: Callable[[], None]) -> list[Result]:
    wallet.fill(2 * (WARM_UP + PAIRS))
    for _ in range(WARM_UP):
        ours()
        direct()
    ours_ms, direct_ms = [], []
    for _ in track(range(PAIRS), description="payment latency", transient=True):
        ours_ms.append(_timed_ms(ours))
        direct_ms.append(_timed_ms(direct))
    results = []
    for name, quantile, goal_ms in (("p50", 50, ADDED_P50_MAX_MS), ("p99", 99, ADDED_P99_MAX_MS)):
        base = _percentile(direct_ms, quantile)
        added = _percentile(ours_ms, quantile) - base
        named = f"payment_added_latency_{name}"
        results.append(Result(named, added, base, "ms", goal_ms, Better.LOWER, absolute=True))
    return results


def _saturated(stack: Stack, wallet: Wallet, ours: Callable[[], None], direct: Callable[[], None]) -> list[Result]:
    """The rate, and what a payment costs: ours in all that it leads to, directly in the program that calls the SDK.

    The direct payments' webhooks come to us too, but what they cost us is not the baseline's.
    """
    rates: dict[str, list[float]] = {"ours": [], "direct": []}
    cpu_ms: dict[str, list[float]] = {"ours": [], "direct": [], **{name: [] for name in stack.pids}}
    for _ in track(range(ROUNDS), description="payments per second", transient=True):
        before = {name: stack.cpu_s(name) for name in stack.pids}
        rates["ours"].append(_per_second(wallet, ours))
        _await_quiet(stack)
        for name, began_s in before.items():
            cpu_ms[name].append((stack.cpu_s(name) - began_s) * 1000 / ROUND_PAYMENTS)
        cpu_ms["ours"].append(sum(cpu_ms[name][-1] for name in OWN_PROGRAMS))
        began_s = time.process_time()
        rates["direct"].append(_per_second(wallet, direct))
        cpu_ms["direct"].append((time.process_time() - began_s) * 1000 / ROUND_PAYMENTS)
        _await_quiet(stack)
    of = {name: statistics.median(values) for name, values in cpu_ms.items()}
    ours_rate, direct_rate = statistics.median(rates["ours"]), statistics.median(rates["direct"])
    return [
        Result("payments_per_second", ours_rate, direct_rate, "1/s", RATE_MIN, Better.HIGHER, absolute=True),
        Result("cpu_ms_per_payment", of["ours"], of["direct"], "ms", CPU_MAX_MS, Better.LOWER, absolute=True),
        *(Result(f"cpu_ms_{name}", of[name], of["direct"], "ms", None, Better.LOWER) for name in stack.pids),
    ]


def _beside_the_database(stack: Stack, wallet: Wallet, ours: Callable[[], None], rate: float) -> Result:
    """Our rate beside that of a payment's bare statements."""
    wallet.fill(1)
    bare, statements = replay.payments_per_second(stack, ours, lambda: _await_quiet(stack))
    print(f"pgbench repeats {statements} statements a payment")
    return Result("payments_per_pgbench", rate, bare, "1/s", None, Better.HIGHER)


def _await_quiet(stack: Stack) -> None:
    """Wait until the webhooks of the payments so far are worked off, so that they count with their payments."""
    deadline = time.monotonic() + QUIET_PATIENCE_S
    used_s, now_s = float("-inf"), stack.cpu_s(WORKER)
    while now_s - used_s > QUIET_S * QUIET_SHARE:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the worker is still busy after {QUIET_PATIENCE_S} s")
        time.sleep(QUIET_S)
        used_s, now_s = now_s, stack.cpu_s(WORKER)


def _per_second(wallet: Wallet, pay: Callable[[], None]) -> float:
    """The rate of ROUND_PAYMENTS payments by SATURATION_THREADS at once."""
    wallet.fill(ROUND_PAYMENTS)
    began = time.perf_counter()
    with ThreadPoolExecutor(SATURATION_THREADS) as pool:
        for done in [pool.submit(pay) for _ in range(ROUND_PAYMENTS)]:
            done.result()
    return ROUND_PAYMENTS / (time.perf_counter() - began)


def _timed_ms(pay: Callable[[], None]) -> float:
    began = time.perf_counter()
    pay()
    return (time.perf_counter() - began) * 1000


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
