"""What Clearway adds to a payment: against the same three calls made directly with the Stripe SDK."""

from __future__ import annotations

import itertools
import statistics
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

import requests
import stripe
from rich.progress import track

from orchestrator.gateways.transport import PromptAdapter
from tests.benchmarks.result import Better, Result
from tests.benchmarks.stack import STRIPE_KEY, Stack, running

T = TypeVar("T")

WARM_UP = 30
PAIRS = 300
SATURATION_THREADS = 16
SATURATION_S = 8.0
ROUNDS = 3


def measure() -> list[Result]:
    """Latency in alternating pairs, then throughput in alternating rounds, so that both sides meet the same noise."""
    with running() as stack:
        token = stack.vault_token()
        ours, direct = Clearway(stack, token), Direct(stack, str(token["token"]))
        return [*_latency(ours.pay, direct.pay), _throughput(ours.pay, direct.pay)]


class Clearway:
    """`POST /v1/payments` over kept-alive connections, one session a thread."""

    def __init__(self, stack: Stack, token: dict[str, object]) -> None:
        self._url = f"{stack.api_url}/v1/payments"
        self._headers = {"Authorization": f"Bearer {stack.api_key}"}
        shown = ("brand", "last4", "expiry_month", "expiry_year", "bin", "issuer_country")
        method = {
            "type": "card",
            "vault_token": token["token"],
            **{name: token[name] for name in shown if token.get(name)},
        }
        self._body = {"amount": {"amount": 1999, "currency": "EUR"}, "payment_method": method}
        self._session = _PerThread(requests.Session)

    def pay(self) -> None:
        headers = {**self._headers, "Idempotency-Key": str(uuid.uuid4())}
        answer = self._session.get().post(self._url, json=self._body, headers=headers, timeout=60)
        if answer.status_code != 201 or answer.json()["status"] != "captured":
            raise RuntimeError(f"a payment of the benchmark went wrong: {answer.status_code} {answer.text[:500]}")


class Direct:
    """The same three calls, create, confirm through the vault and capture, with nothing around them."""

    def __init__(self, stack: Stack, token: str) -> None:
        self._stack = stack
        self._token = token
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
        intent = direct.v1.payment_intents.create(
            {"amount": 1999, "currency": "eur", "capture_method": "manual", "allowed_payment_method_types": ["card"]}
        )
        card = {
            "number": f"{self._token}.number",
            "cvc": f"{self._token}.cvc",
            "exp_month": f"{self._token}.expiry_month",
            "exp_year": f"{self._token}.expiry_year",
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


def _latency(ours: Callable[[], None], direct: Callable[[], None]) -> list[Result]:
    for _ in range(WARM_UP):
        ours()
        direct()
    ours_ms, direct_ms = [], []
    for _ in track(range(PAIRS), description="payment latency", transient=True):
        ours_ms.append(_timed_ms(ours))
        direct_ms.append(_timed_ms(direct))
    results = []
    for name, quantile in (("p50", 50), ("p99", 99)):
        base = _percentile(direct_ms, quantile)
        added = _percentile(ours_ms, quantile) - base
        results.append(Result(f"payment_added_latency_{name}", added, base, "ms", 2.0, Better.LOWER))
    return results


def _throughput(ours: Callable[[], None], direct: Callable[[], None]) -> Result:
    rates: dict[str, list[float]] = {"ours": [], "direct": []}
    for _ in track(range(ROUNDS), description="payments per second", transient=True):
        rates["ours"].append(_per_second(ours))
        rates["direct"].append(_per_second(direct))
    ours_rate, direct_rate = statistics.median(rates["ours"]), statistics.median(rates["direct"])
    return Result("payments_per_second", ours_rate, direct_rate, "1/s", 0.35, Better.HIGHER)


def _per_second(pay: Callable[[], None]) -> float:
    """Payments done in SATURATION_S by SATURATION_THREADS at once; bounded, and stops by itself."""
    began = time.perf_counter()
    counter = itertools.count()

    def work() -> None:
        while time.perf_counter() - began < SATURATION_S:
            pay()
            next(counter)

    with ThreadPoolExecutor(SATURATION_THREADS) as pool:
        for done in [pool.submit(work) for _ in range(SATURATION_THREADS)]:
            done.result()
    return next(counter) / (time.perf_counter() - began)


def _timed_ms(pay: Callable[[], None]) -> float:
    began = time.perf_counter()
    pay()
    return (time.perf_counter() - began) * 1000


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
