"""Customers pay while the API and the worker are killed again and again. Prints what the gateways and we have then.

A program of its own, so that the installation it starts shares nothing with the tests: `kill_story.py PORT`, with the
state directory in CLEARWAY_STATE_DIR. The last line of its output is JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2

from orchestrator.demo import installation, seed, summary
from orchestrator.demo.api import Api
from orchestrator.demo.checks import Checks, until
from orchestrator.demo.stage import RESTS, Stage, payment_method
from orchestrator.demo.world import World
from orchestrator.supervisor import API, WORKER, Supervisor

ORDERS = 42
CUSTOMERS = 6
IN_DELAY = 3  # calls that are inside a gateway when the kill comes
# What goes wrong besides, before each kill: (gateway, operation, behaviour).
TROUBLES: tuple[tuple[tuple[str, str, str], ...], ...] = (
    (("stripe", "confirm", "lose_reply"), ("adyen", "confirm", "lose_reply"), ("paypal", "confirm", "lose_reply")),
    (("stripe", "capture", "lose_reply"), ("adyen", "capture", "lose_reply"), ("paypal", "capture", "lose_reply")),
    (("stripe", "capture", "http_500_after"), ("adyen", "confirm", "http_500"), ("paypal", "confirm", "lose_request")),
)
CURRENCIES = (("EUR", "DE"), ("USD", "US"), ("GBP", "GB"))  # Adyen, Stripe, PayPal by the demo's rules
PATIENCE_S = 120
REPEAT = frozenset({409, 500, 502, 503})


def buy(number: int, token: dict[str, Any], api: Api) -> str:
    """One order, sent again with the same key until there is an answer, as a good client does."""
    currency, country = CURRENCIES[number % len(CURRENCIES)]
    body = {
        "amount": {"amount": 1_000 + number, "currency": currency},
        "payment_method": payment_method(token),
        "country": country,
        "reference": f"order-{number}",
    }
    headers = {"Authorization": f"Bearer {api.key}", "Idempotency-Key": f"order-{number}"}
    deadline = time.monotonic() + PATIENCE_S
    with httpx2.Client(trust_env=False, timeout=60) as client:
        while time.monotonic() < deadline:
            try:
                answer = client.post(f"{api.url}/v1/payments", json=body, headers=headers)
            except httpx2.TransportError:
                answer = None
            if answer is not None and answer.status_code not in REPEAT:
                return str(answer.raise_for_status().json()["id"])
            time.sleep(0.2)
    raise TimeoutError(f"order {number} was never answered")


def kill_in_the_middle(supervisor: Supervisor, control: httpx2.Client) -> list[str]:
    """While calls are inside a gateway, which will charge the card and find nobody to tell."""

    def plan(gateway: str, operation: str, behaviour: str, **more: int) -> None:
        trouble = {"gateway": gateway, "operation": operation, "behaviour": behaviour, **more}
        control.post("/scenarios", json=trouble).raise_for_status()

    killed = []
    for round_number, troubles in enumerate(TROUBLES):
        for trouble in troubles:
            plan(*trouble)
        plan("*", "confirm", "delay", seconds=2, times=IN_DELAY)
        plan("*", "capture", "delay", seconds=2, times=IN_DELAY)
        until("calls are inside a gateway", lambda: all(s["times"] == 0 for s in control.get("/scenarios").json()))
        for name in (WORKER, API) if round_number % 2 else (API, WORKER):
            kill_and_await(supervisor, name)
            killed.append(name)
        supervisor.wait_ready()
    return killed


def kill_and_await(supervisor: Supervisor, name: str) -> None:
    before = supervisor.pid(name)
    supervisor.kill(name)
    until(f"{name} is started again", lambda: supervisor.is_alive(name) and supervisor.pid(name) != before)


def settled(stage: Stage) -> list[dict[str, Any]]:
    """All payments, once nothing moves any more."""

    def look() -> list[dict[str, Any]] | None:
        payments = stage.api.pages("/payments")
        return payments if len(payments) >= ORDERS and all(p["status"] in RESTS for p in payments) else None

    return until("all payments settle", look, PATIENCE_S)


def main(port: int) -> dict[str, Any]:
    with installation.running(port, lambda _: None) as supervisor, World(supervisor.simulator_urls) as world:
        merchant_id, key = seed.found_merchant()
        api = Api(supervisor.api_url, key)
        stage = Stage(api, world, seed.open_shop(merchant_id, api, world), Checks(), Path())
        tokens = [world.card() for _ in range(ORDERS)]
        control = httpx2.Client(base_url=supervisor.simulator_urls["control"], trust_env=False)
        with ThreadPoolExecutor(CUSTOMERS) as customers, control:
            orders = [customers.submit(buy, number, token, api) for number, token in enumerate(tokens)]
            killed = kill_in_the_middle(supervisor, control)
            answered = [order.result() for order in orders]
        payments = settled(stage)
        until("webhooks have arrived", world.is_quiet, PATIENCE_S)
        summary.check_clearing(stage)
        return {
            "killed": killed,
            "answered": answered,
            "payments": payments,
            "charges": world.charges(),
            "settled_by": dict(
                Counter(o["settled_by"] for p in payments for o in stage.timeline(p["id"])["operations"])
            ),
            "clearing": summary.clearing_against_books(stage),
            "double_charges": summary.double_charges(world.charges()),
        }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
