"""What a test holds of the simulators that run beside it: addresses, the control API, what a receiver was sent."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests


@dataclass(frozen=True)
class Simulators:
    """Addresses by name, and the control API."""

    urls: dict[str, str]
    reports_dir: Path

    def post(self, path: str, **body: Any) -> Any:
        return self._checked(requests.post(self.urls["control"] + path, json=body, timeout=30))

    def get(self, path: str) -> Any:
        return self._checked(requests.get(self.urls["control"] + path, timeout=30))

    def register(self, gateway: str, credentials: dict[str, str], account: str = "") -> str:
        """A fresh account of its own for one test; returns its name."""
        account = account or f"acct_{secrets.token_hex(6)}"
        self.post("/accounts", gateway=gateway, account=account, credentials=credentials)
        return account

    def charges_of(self, account: str) -> list[dict[str, Any]]:
        return [charge for charge in self.get("/charges") if charge["account"] == account]

    def _checked(self, answer: requests.Response) -> Any:
        assert answer.status_code == 200, answer.text
        return answer.json()


@dataclass
class Receiver:
    """Keeps what it is sent; answers with `status`."""

    url: str = ""
    status: int = 200
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def wait_for(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        wait_until(lambda: len(self.taken) >= count)
        return self.taken


def wait_until(condition: Callable[[], bool], timeout_s: float = 90) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "what was waited for never happened"
        time.sleep(0.01)
