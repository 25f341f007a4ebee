"""Serves one simulator of a fresh world on a real port of this machine, so that a real SDK can be pointed at it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from simulators.asgi import ASGIApp
from simulators.registry import SIGNERS
from simulators.server import Listener
from simulators.world import Endpoint, Signed, World

CONTRACTS = Path(__file__).parents[2] / "../shared/contracts"
VECTORS = Path(__file__).parents[2] / "../shared/reference/webhook_vectors.json"

APPROVED = "4242424242424242"
DECLINED = "4000000000000002"
NO_FUNDS = "4000000000009995"
CHALLENGED = "4000002760003184"


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """The URL under which the app is listening."""
    listener = Listener(app, "127.0.0.1", 0)
    await listener.start()
    try:
        yield listener.url
    finally:
        await listener.stop()


def told(world: World, endpoint: Endpoint) -> list[tuple[str, Signed]]:
    """Event names and signed messages that wait to be sent to the account of the endpoint."""
    return [
        (n.event, SIGNERS[n.gateway](world, endpoint, n.body)) for n in world.notices if n.account == endpoint.account
    ]


def contract(name: str) -> dict[str, Any]:
    """A published OpenAPI document. Skips the test where the shared folder is not there."""
    path = CONTRACTS / name
    if not path.exists():
        pytest.skip(f"the published contract {name} is not in this checkout")
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def conforms(document: dict[str, Any], schema: str, reply: Any) -> None:
    """Checks a reply against #/components/schemas/<schema>."""
    validator = jsonschema.Draft202012Validator({**document, "$ref": f"#/components/schemas/{schema}"})
    problems = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}"[:300] for e in validator.iter_errors(reply)]
    assert not problems, problems
