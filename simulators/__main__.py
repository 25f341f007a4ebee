"""`python -m simulators`: every simulator in one process and one event loop, each on a port of its own."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import importlib
import inspect
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from simulators.asgi import App, ASGIApp
from simulators.control import Control
from simulators.server import Listener
from simulators.webhooks import Sender
from simulators.world import GATEWAYS, World

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

APPS = {
    "stripe": "simulators.stripe.app",
    "adyen": "simulators.adyen.app",
    "paypal": "simulators.paypal.app",
    "vault": "simulators.vault.app",
    "mail": "simulators.mail.server",
}
"""Modules with `create_app(world) -> ASGI app`, by the name of their port."""

VAULT_ACCOUNT = {"username": "clearway", "password": "vault-password", "api_key": "vault-key"}
"""What the vault accepts unless POST /accounts registers more: proxy user and password, and X-Vault-Key."""


def main() -> None:
    arguments = _parse()
    if arguments.die_with_parent:
        _die_with_parent()
    asyncio.run(_run(arguments))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulators", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", choices=["127.0.0.1"], help="loopback only")
    for name in ("control", *APPS, "smtp"):
        parser.add_argument(f"--{name}-port", type=int, default=0, help="0 picks a free port")
    parser.add_argument(
        "--reports-dir", type=Path, default=Path("reports"), help="where settlement reports are written"
    )
    parser.add_argument("--die-with-parent", action="store_true", help="end when the parent process ends (Linux)")
    return parser.parse_args()


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    arguments.reports_dir.mkdir(parents=True, exist_ok=True)
    world = World()
    world.register_account("vault", "vault", VAULT_ACCOUNT)
    sender = Sender(world)
    listeners = {
        name: Listener(_app(module, world), arguments.host, getattr(arguments, f"{name}_port"))
        for name, module in APPS.items()
    }
    control = Control(world, sender, dict(listeners), _settle(), _forges(), arguments.reports_dir)
    everything = {**listeners, "control": Listener(control.app, arguments.host, arguments.control_port)}
    for name, listener in everything.items():
        await listener.start()
        world.urls[name] = listener.url
    sender.start()
    smtp_port = await _start_smtp(world, arguments.host, arguments.smtp_port)
    print(json.dumps({**world.urls, "smtp": f"{arguments.host}:{smtp_port}"}), flush=True)
    await stop.wait()
    await sender.stop()
    for listener in everything.values():
        await listener.stop()


def _app(module: str, world: World) -> ASGIApp:
    found = _optional(module, "create_app")
    app: ASGIApp = found(world) if found else App()
    return app


async def _start_smtp(world: World, host: str, port: int) -> int:
    start = _optional("simulators.mail.server", "start")
    bound: Any = start(world, host, port) if start else 0
    return int(await bound if inspect.isawaitable(bound) else bound)


def _settle() -> Any:
    found = _optional("simulators.settlement", "settle")
    return found or (lambda *arguments: {"error": "no settlement writer"})


def _forges() -> dict[str, Any]:
    found = {gateway: _optional(f"simulators.{gateway}.webhooks", "forged") for gateway in GATEWAYS}
    return {gateway: forge for gateway, forge in found.items() if forge}


def _optional(module: str, name: str) -> Any:
    """A simulator that is not there leaves its port answering 404."""
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as missing:
        if missing.name and missing.name.startswith("simulators."):
            return None
        raise


def _die_with_parent() -> None:
    """Asks the kernel for SIGTERM when the parent dies (prctl(2)). Elsewhere than on Linux it does nothing."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent or parent == 1:
        sys.exit("the parent process has gone already")


if __name__ == "__main__":
    main()
