"""What goes wrong at the gateways, by share and seed. Every kind is counted, so that a run can show that it came."""

from __future__ import annotations

import random
from collections import Counter
from types import MappingProxyType
from typing import Any

import httpx2

GATEWAYS = ("stripe", "adyen", "paypal")
CALLS = ("create", "confirm", "capture", "void", "refund", "lookup")
VAULT = "vault"
# More than any run uses up: what is left of it tells how often a fault struck.
COUNTED_FROM = 1_000_000
# Of a hundred calls that this fault is about, how many it strikes. The gateway has 5 seconds (demo's settings): what
# hangs is longer than that, what is slow is shorter.
OF_CALLS: MappingProxyType[str, tuple[float, dict[str, Any]]] = MappingProxyType(
    {
        "lose_reply": (2.5, {}),
        "lose_request": (2.5, {}),
        "hang": (0.5, {"seconds": 8}),
        "hang_after": (0.5, {"seconds": 8}),
        "http_500": (2, {}),
        "http_500_after": (2, {}),
        "http_429": (1.5, {"retry_after": 1}),
        "malformed_json": (0.5, {}),
        "html_instead": (0.5, {"status": 200}),
        "truncated_body": (0.5, {}),
        "empty_body": (0.5, {}),
        "wrong_content_type": (0.5, {}),
        "refuse": (0.2, {"seconds": 2}),
        "delay": (10, {"latency": {"distribution": "lognormal", "p50_seconds": 0.3, "p99_seconds": 3}}),
    }
)
OF_THE_VAULT: MappingProxyType[str, tuple[float, dict[str, Any]]] = MappingProxyType(
    {
        "lose_reply": (1, {}),
        "lose_request": (1, {}),
        "http_500": (1, {}),
        "http_500_after": (1, {}),
        "hang_after": (0.4, {"seconds": 8}),
        "html_instead": (1, {}),
        "truncated_body": (1, {}),
    }
)
DECLINED_OF_A_HUNDRED = 2
# How a gateway treats its webhooks for a while: (mode, what belongs to it).
WEATHER: tuple[tuple[str, dict[str, Any]], ...] = (
    ("normal", {}),
    ("duplicate", {"share": 0.6}),
    ("late", {"seconds": 4, "share": 0.5}),
    ("hold", {}),
    ("reverse", {}),
    ("lose", {"share": 0.15}),
    ("forged", {"share": 0.3}),
)


class Faults:
    """The troubles of one world. `weather` counts the modes that webhooks were put in."""

    def __init__(self, control_url: str, seed: int) -> None:
        self._control = httpx2.Client(base_url=control_url, trust_env=False, timeout=30)
        self._chance = random.Random(f"faults {seed}")
        self.weather: Counter[str] = Counter()
        self.fired: dict[str, int] = {}
        self.lost: dict[int, dict[str, Any]] = {}

    def begin(self) -> None:
        for gateway in GATEWAYS:
            self._add(gateway, "confirm", "decline", DECLINED_OF_A_HUNDRED, {"reason": "do_not_honor"})
            for operation in CALLS:
                for behaviour, (percent, more) in OF_CALLS.items():
                    self._add(gateway, operation, behaviour, percent, more)
        for behaviour, (percent, more) in OF_THE_VAULT.items():
            self._add(VAULT, "forward", behaviour, percent, more)

    def change_the_weather(self) -> None:
        """Each gateway treats its webhooks in a new way; what it held until now it sends."""
        for gateway in GATEWAYS:
            mode, more = self._chance.choice(WEATHER)
            self._release(gateway)
            self._tell("/webhooks/mode", gateway=gateway, mode=mode, **self._seeded(more))
            self.weather[mode] += 1
        self.note_lost()

    def note_lost(self) -> None:
        """The simulators forget old deliveries: those that were lost are what a person may have to look for."""
        for delivery in self._seen("/webhooks"):
            if delivery["state"] == "lost":
                self.lost[delivery["id"]] = delivery

    def end(self) -> None:
        """The world is well from now on. `fired` has how often each fault struck."""
        self.fired = self._count()
        self._control.delete("/scenarios").raise_for_status()
        for gateway in GATEWAYS:
            self._tell("/outage", gateway=gateway, on=False)
            self._release(gateway)
            self._tell("/webhooks/mode", gateway=gateway, mode="normal")
        self.note_lost()

    def send_webhooks_again(self) -> None:
        """Now, and not after the gateways' own pauses."""
        for gateway in GATEWAYS:
            self._tell("/webhooks/retry", gateway=gateway)

    def are_webhooks_through(self) -> bool:
        return all(delivery["state"] in ("delivered", "lost", "failed") for delivery in self._seen("/webhooks"))

    def charges(self) -> list[dict[str, Any]]:
        """What the gateways have in their books of our payments, without what an issuer declined."""
        return [c for c in self._seen("/charges") if not c["declined"] and c["payment_reference"]]

    def close(self) -> None:
        self._control.close()

    def _count(self) -> dict[str, int]:
        struck: Counter[str] = Counter()
        for scenario in self._seen("/scenarios"):
            name = scenario["behaviour"] if scenario["gateway"] != VAULT else f"{VAULT} {scenario['behaviour']}"
            struck[name] += COUNTED_FROM - scenario["times"]
        return dict(sorted(struck.items()))

    def _release(self, gateway: str) -> None:
        self._tell("/webhooks/release", gateway=gateway)

    def _add(self, gateway: str, operation: str, behaviour: str, percent: float, more: dict[str, Any]) -> None:
        order = {"gateway": gateway, "operation": operation, "behaviour": behaviour, "times": COUNTED_FROM}
        self._tell("/scenarios", **order, **self._seeded({"share": percent / 100, **more}))

    def _seeded(self, more: dict[str, Any]) -> dict[str, Any]:
        return {**more, "seed": self._chance.randrange(10**9)} if "share" in more else more

    def _tell(self, path: str, **body: Any) -> Any:
        return self._control.post(path, json=body).raise_for_status().json()

    def _seen(self, path: str) -> Any:
        return self._control.get(path).raise_for_status().json()
