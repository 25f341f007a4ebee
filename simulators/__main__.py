"""`python -m simulators`: every simulator in one process and one event loop, each on a port of its own."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import os
import signal
import sys
from pathlib import Path

from simulators import settlement
from simulators.asgi import ASGIApp
from simulators.control import Control
from simulators.mail import server as mail
from simulators.outages import KERNEL, Outages
from simulators.registry import APPS, FORGERS, HANDLERS, SIGNERS
from simulators.server import Listener
from simulators.settlement import SCHEDULER, settle
from simulators.snapshot import Keeper, SnapshotUnreadable, load_world
from simulators.timekeeper import Timekeeper
from simulators.vault.app import VAULT_ACCOUNT
from simulators.webhooks import Sender
from simulators.world import World

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


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
    parser.add_argument("--state", type=Path, help="a file that keeps the simulators' state from one run to the next")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the parent process ends (Linux)")
    return parser.parse_args()


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    arguments.reports_dir.mkdir(parents=True, exist_ok=True)
    world = _world(arguments.state)
    keeper = Keeper(world, arguments.state) if arguments.state else None
    sender = Sender(world, SIGNERS, FORGERS)

    def listener(name: str, app: ASGIApp) -> Listener:
        return Listener(keeper.watch(app) if keeper else app, arguments.host, getattr(arguments, f"{name}_port"))

    listeners = {name: listener(name, create_app(world)) for name, create_app in APPS.items()}
    outages = Outages(world, listeners)
    handlers = {
        **HANDLERS,
        KERNEL: {"end_outage": outages.end_when_due},
        SCHEDULER: settlement.handlers(arguments.reports_dir),
    }
    timekeeper = Timekeeper(world, sender, handlers, keeper.changed if keeper else _ignore)
    control = Control(world, sender, timekeeper, listeners, outages, settle, arguments.reports_dir)
    everything = {**listeners, "control": listener("control", control.app)}
    for name, each in everything.items():
        await each.start()
        world.urls[name] = each.url
    outages.restore()
    timekeeper.start()
    if keeper:
        keeper.start()
    smtp = await mail.start(world, arguments.host, arguments.smtp_port)
    print(json.dumps({**world.urls, "smtp": f"{arguments.host}:{smtp.port}"}), flush=True)
    await stop.wait()
    smtp.close()
    for each in everything.values():
        await each.stop()
    await timekeeper.stop()
    if keeper:
        await keeper.stop()


def _world(state: Path | None) -> World:
    try:
        world = load_world(state) if state else World()
    except SnapshotUnreadable as trouble:
        sys.exit(str(trouble))
    if ("vault", "vault") not in world.accounts:
        world.register_account("vault", "vault", VAULT_ACCOUNT)
    return world


def _ignore() -> None:
    """Nothing is kept."""


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
