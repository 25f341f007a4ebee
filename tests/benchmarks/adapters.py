"""What an adapter adds to one call of its SDK, and what pooled connections are worth at Adyen.

The same operation, by the adapter and by the bare SDK, in alternating pairs against the simulators.
"""

from __future__ import annotations

import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
import stripe
from Adyen import AdyenClient
from Adyen.services.checkout import AdyenCheckoutApi
from paypalserversdk.configuration import Configuration, Environment, Server
from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials
from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient
from rich.progress import track

from currency.money import Money
from orchestrator.gateways.base import Gateway, OperationCall, OperationKind
from orchestrator.gateways.kinds import GatewayEndpoints
from orchestrator.gateways.registry import build_gateway
from orchestrator.gateways.vault import VaultSettings
from routing.outcomes import OutcomeKind
from tests.benchmarks.result import Better, Result

WARM_UP = 20
PAIRS = 300
CREDENTIALS = {
    "stripe": {"secret_key": "sk_test_bench"},
    "adyen": {"api_key": "adyen-bench", "merchant_account": "BenchECOM"},
    "paypal": {"client_id": "bench", "client_secret": "bench"},
}
LARGE = 90_000_000  # minor units: enough for every refund of a cent that is timed

Call = Callable[[], object]


@dataclass(frozen=True, slots=True)
class World:
    """The simulators, and an adapter for each gateway."""

    urls: dict[str, str]
    adapters: dict[str, Gateway]


def measure() -> list[Result]:
    """Ratios: an adapter's call against the SDK's; Adyen's SDK over our pooled session against its own connections."""
    with _world() as world:
        captured = _captured_at_adyen(world)
        pooled, unpooled = requests.Session(), None
        pairs: dict[str, tuple[Call, Call, float]] = {
            "adapter_call_stripe": (_created(world, "stripe"), _bare_stripe(world), 1.5),
            "adapter_call_adyen": (_refunded(world, captured), _bare_adyen(world, captured, pooled), 1.5),
            "adapter_call_paypal": (_created(world, "paypal"), _bare_paypal(world), 1.5),
            "adyen_pooled_call": (_refunded(world, captured), _bare_adyen(world, captured, unpooled), 1.0),
        }
        return [_compared(name, *pair) for name, pair in pairs.items()]


def _compared(name: str, ours: Call, bare: Call, goal: float) -> Result:
    for _ in range(WARM_UP):
        ours()
        bare()
    ours_ms, bare_ms = [], []
    for _ in track(range(PAIRS), description=name.replace("_", " "), transient=True):
        ours_ms.append(_timed_ms(ours))
        bare_ms.append(_timed_ms(bare))
    return Result(name, statistics.median(ours_ms), statistics.median(bare_ms), "ms", goal, Better.LOWER)


def _timed_ms(call: Call) -> float:
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1000


# The adapter's side


def _call(kind: OperationKind, minor: int, **given: Any) -> OperationCall:
    unique = secrets.token_hex(12)
    return OperationCall(kind, f"op_{unique}", f"pay_{unique}", f"att_{unique}", Money(minor, "EUR"), **given)


def _created(world: World, gateway: str) -> Call:
    adapter = world.adapters[gateway]

    def create() -> None:
        outcome = adapter.perform(_call(OperationKind.CREATE, 1999))
        if outcome.kind is not OutcomeKind.APPROVED:
            raise RuntimeError(f"{gateway} did not create: {outcome}")

    return create


def _refunded(world: World, captured: str) -> Call:
    def refund() -> None:
        outcome = world.adapters["adyen"].perform(_call(OperationKind.REFUND, 1, gateway_payment_id=captured))
        if outcome.kind is not OutcomeKind.PENDING:
            raise RuntimeError(f"Adyen did not take the refund: {outcome}")

    return refund


# The bare SDKs


def _bare_stripe(world: World) -> Call:
    session = requests.Session()
    session.trust_env = False
    client = stripe.StripeClient(
        CREDENTIALS["stripe"]["secret_key"],
        base_addresses={"api": world.urls["stripe"]},
        http_client=stripe.RequestsClient(session=session),
        max_network_retries=0,
    )
    params: Any = {"amount": 1999, "currency": "eur", "capture_method": "manual"}
    return lambda: client.v1.payment_intents.create(params)


def _bare_adyen(world: World, captured: str, session: requests.Session | None) -> Call:
    """Over `session` where there is one; else as the SDK comes, with a connection for each call."""
    client = AdyenClient(xapikey=CREDENTIALS["adyen"]["api_key"], platform="test")
    if session is not None:
        session.trust_env = False
        client.http_client = _Pooled(session)
        client.http_init = True
    modifications = AdyenCheckoutApi(client=client).modifications_api
    modifications.baseUrl = f"{world.urls['adyen']}/v72"
    body = {
        "merchantAccount": CREDENTIALS["adyen"]["merchant_account"],
        "amount": {"value": 1, "currency": "EUR"},
        "reference": "bench",
    }

    def refund() -> None:
        answer = modifications.refund_captured_payment(body, captured, idempotency_key=secrets.token_hex(12))
        if answer.message["status"] != "received":
            raise RuntimeError(f"the baseline's refund is {answer.message}")

    return refund


class _Pooled:
    """The least that lets Adyen's SDK keep its connections."""

    user_agent = "bench"

    def __init__(self, session: requests.Session) -> None:
        self._session = session

    def request(
        self, method: str, url: str, json: Any = None, xapikey: str = "", headers: Any = None, **_: Any
    ) -> tuple[str, str, int, Any]:
        sent = dict(headers or {}) | {"x-api-key": xapikey}
        answer = self._session.request(method, url, json=json, headers=sent, timeout=(5, 20))
        return answer.text, "", answer.status_code, answer.headers


def _bare_paypal(world: World) -> Call:
    class Here(Configuration):  # type: ignore[misc]
        environments = {Environment.SANDBOX: {Server.DEFAULT: world.urls["paypal"]}}  # noqa: RUF012 - as the SDK has it

    session = requests.Session()
    session.trust_env = False
    credentials = ClientCredentialsAuthCredentials("bench", "bench")
    client = PaypalServersdkClient(
        config=Here(http_client_instance=session, client_credentials_auth_credentials=credentials)
    )
    unit = {"amount": {"currency_code": "EUR", "value": "19.99"}}
    order = {"intent": "AUTHORIZE", "purchase_units": [unit]}
    return lambda: client.orders.create_order({"body": order, "prefer": "return=representation"})


# The world


@contextmanager
def _world() -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="clearway-bench-") as folder:
        command = [sys.executable, "-m", "simulators", "--reports-dir", folder, "--die-with-parent"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            urls = json.loads(process.stdout.readline())
            try:
                yield World(urls, {name: _connected(name, urls) for name in CREDENTIALS})
            finally:
                process.terminate()


def _connected(gateway: str, urls: dict[str, str]) -> Gateway:
    account = {"adyen": "BenchECOM"}.get(gateway, f"bench-{gateway}")
    opened = {"gateway": gateway, "account": account, "credentials": CREDENTIALS[gateway]}
    requests.post(f"{urls['control']}/accounts", json=opened, timeout=10).raise_for_status()
    vault = VaultSettings(urls["vault"], "clearway", "vault-password")
    return build_gateway(gateway, CREDENTIALS[gateway], GatewayEndpoints(base_url=urls[gateway]), vault)


def _captured_at_adyen(world: World) -> str:
    """A large payment, captured: what the timed refunds take from. By the API itself, with the test card's number."""
    headers = {"x-api-key": CREDENTIALS["adyen"]["api_key"]}
    merchant = {"merchantAccount": CREDENTIALS["adyen"]["merchant_account"]}
    amount = {"value": LARGE, "currency": "EUR"}
    card = {
        "type": "scheme",
        "number": "4111111111111111",
        "expiryMonth": "03",
        "expiryYear": "2035",
        "cvc": "737",
        "holderName": "Bench",
    }
    payment = {
        **merchant,
        "amount": amount,
        "reference": "bench",
        "paymentMethod": card,
        "returnUrl": "http://127.0.0.1/",
    }
    url = f"{world.urls['adyen']}/v72/payments"
    answer = requests.post(
        url, json={**payment, "additionalData": {"manualCapture": "true"}}, headers=headers, timeout=10
    )
    answer.raise_for_status()
    psp = str(answer.json()["pspReference"])
    capture = {**merchant, "amount": amount, "reference": "bench-capture"}
    requests.post(f"{url}/{psp}/captures", json=capture, headers=headers, timeout=10).raise_for_status()
    return psp
