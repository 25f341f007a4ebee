"""Merchants' servers as they should be: every request has a key, and is repeated with it until there is an answer."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2

from orchestrator.demo.api import Api
from orchestrator.demo.stage import payment_method
from orchestrator.demo.world import World
from tests.chaos.orders import Order, Step, Verb

ANSWER_PATIENCE_S = 300
REST_PATIENCE_S = 15  # for a payment to come to where its next step makes sense; else it is done when all is well
PAUSES_S = (0.1, 0.2, 0.5, 1.0)
REPEATED = frozenset({429, 500, 502, 503, 504})
IN_FLIGHT = "idempotency_in_flight"
# What a step needs; anything else that is settled refuses it, and that is an answer too.
READY = {Verb.CAPTURE: {"authorised"}, Verb.REFUND: {"captured", "partially_captured"}}
MOVING = frozenset({"processing"})


class Unanswered(Exception):
    """A request was repeated for ANSWER_PATIENCE_S, and there was no answer to it."""


class Clients:
    """What the customers of one shop do. Safe for many threads.

    `ids` has the payment of each order; `left` the steps that were not asked for yet; `answers` counts calls by verb
    and status, `refusals` by problem code.
    """

    def __init__(self, api: Api, world: World, seed: int) -> None:
        self._world, self._seed = world, seed
        self._http = httpx2.Client(
            base_url=f"{api.url}/v1",
            headers={"Authorization": f"Bearer {api.key}"},
            trust_env=False,
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=50),
        )
        self.ids: dict[int, str] = {}
        self.left: list[tuple[Order, int]] = []
        self.answers: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.repeats = 0
        self.differing: list[int] = []

    def close(self) -> None:
        self._http.close()

    def buy(self, order: Order) -> None:
        """The payment and what follows it. Raises Unanswered."""
        body = {
            "amount": {"amount": order.amount_minor, "currency": order.currency},
            "payment_method": payment_method(self._world.card(order.card_number)),
            "capture_method": "manual" if order.manual else "automatic",
            "country": order.country,
            "reference": f"order-{order.number}",
        }
        key = f"order-{order.number}"
        if order.twice:
            with ThreadPoolExecutor(2) as both:
                first, second = both.map(lambda _: self._post("/payments", body, key), range(2))
            if first["id"] != second["id"]:
                self.differing.append(order.number)
        else:
            first = self._post("/payments", body, key)
        self.ids[order.number] = str(first["id"])
        self.follow(order, 0)

    def follow(self, order: Order, begin: int, *, patience_s: float = REST_PATIENCE_S) -> None:
        """The steps from `begin` on, each when the payment is where it makes sense."""
        for place, step in enumerate(order.steps[begin:], start=begin):
            if not self._await(order, step, patience_s):
                self.left.append((order, place))
                return
            body = {} if step.amount_minor is None else {"amount": step.amount_minor}
            path = f"/payments/{self.ids[order.number]}/{step.verb}"
            self._post(path, body if step.verb is not Verb.CANCEL else None, f"order-{order.number}-{place}")

    def _await(self, order: Order, step: Step, patience_s: float) -> bool:
        """False where the payment was still moving when patience ended. A cancellation waits for nothing."""
        deadline = time.monotonic() + patience_s
        while step.verb is not Verb.CANCEL:
            status = self._get(f"/payments/{self.ids[order.number]}")["status"]
            if status in READY[step.verb] or status not in MOVING | {"authorised"}:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.3)
        return True

    def _get(self, path: str) -> dict[str, Any]:
        return self._until_answered("GET", path, None, "")

    def _post(self, path: str, body: dict[str, Any] | None, key: str) -> dict[str, Any]:
        """The answer, also where it is a refusal."""
        answer = self._until_answered("POST", path, body, key)
        verb = path.rpartition("/")[2]
        self.answers[verb] += 1
        if "code" in answer:
            self.refusals[f"{verb}: {answer['code']}"] += 1
        return answer

    def _until_answered(self, method: str, path: str, body: dict[str, Any] | None, key: str) -> dict[str, Any]:
        chance = random.Random(f"client {self._seed} {path} {key}")
        headers = {"Idempotency-Key": key} if key else {}
        sent = {"json": body} if body is not None else {}
        deadline, said = time.monotonic() + ANSWER_PATIENCE_S, "nothing"
        while time.monotonic() < deadline:
            # some have no patience, and ask again while the first request is still at work
            timeout_s = chance.choice((1, 5, 30, 30))
            try:
                answer = self._http.request(method, path, headers=headers, timeout=timeout_s, **sent)
                said = f"{answer.status_code} {answer.text[:200]}"
                if answer.status_code not in REPEATED and answer.json().get("code") != IN_FLIGHT:
                    found: dict[str, Any] = answer.json()
                    return found
            except httpx2.TransportError as error:
                said = type(error).__name__
            self.repeats += 1
            time.sleep(chance.choice(PAUSES_S))
        raise Unanswered(f"{method} {path} was not answered in {ANSWER_PATIENCE_S} s; last: {said}")
