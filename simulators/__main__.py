"""`python -m simulators`: every simulator in one process and one event loop, each on a port of its own."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from simulators.adyen import app as adyen
from simulators.adyen.webhooks import forged as forged_adyen
from simulators.asgi import ASGIApp
from simulators.control import Control
from simulators.mail import server as mail
from simulators.paypal import app as paypal
from simulators.paypal.webhooks import forged as forged_paypal
from simulators.server import Listener
from simulators.settlement import settle
from simulators.stripe import app as stripe
from simulators.stripe.webhooks import forged as forged_stripe
from simulators.vault import app as vault
from simulators.webhooks import Sender
from simulators.world import World

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

APPS: dict[str, Callable[[World], ASGIApp]] = {
    "stripe": stripe.create_app,
    "adyen": adyen.create_app,
    "paypal": paypal.create_app,
    "vault": vault.create_app,
    "mail": mail.create_app,
}
"""By the name of the port, as the options and the outage switch have it."""

FORGES = {"stripe": forged_stripe, "adyen": forged_adyen, "paypal": forged_paypal}

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
        name: Listener(create_app(world), arguments.host, getattr(arguments, f"{name}_port"))
        for name, create_app in APPS.items()
    }
    control = Control(world, sender, listeners, settle, FORGES, arguments.reports_dir)
    everything = {**listeners, "control": Listener(control.app, arguments.host, arguments.control_port)}
    for name, listener in everything.items():
        await listener.start()
        world.urls[name] = listener.url
    sender.start()
    smtp_port = await mail.start(world, arguments.host, arguments.smtp_port)
    print(json.dumps({**world.urls, "smtp": f"{arguments.host}:{smtp_port}"}), flush=True)
    await stop.wait()
    await sender.stop()
    await mail.stop(world)
    for listener in everything.values():
        await listener.stop()


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
