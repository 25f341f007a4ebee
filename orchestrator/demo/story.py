"""`clearway demo`: starts everything, plays a day of payments, checks every claim, and shows what came of it."""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path

import httpx2
from rich.console import Console
from rich.markup import escape

from orchestrator.demo import installation, invoice_scenes, scenes, seed, settlement_scenes, summary
from orchestrator.demo.api import Api
from orchestrator.demo.checks import Checks, StoryFailed
from orchestrator.demo.stage import RESTS, Scene, Stage
from orchestrator.demo.world import World
from orchestrator.supervisor import Supervisor

DEFAULT_PORT = 8000
SCENES: tuple[Scene, ...] = (*scenes.SCENES, *invoice_scenes.SCENES, *settlement_scenes.SCENES)


def run(exit: bool, out: Path) -> int:
    """Play the story and leave its outputs in `out`. Returns 0 when every check held, else 1.

    Without `exit` it serves until Ctrl-C afterwards. Raises SupervisorError and EmbeddedPostgresError when something
    does not start.
    """
    console = Console(highlight=False)
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    port = int(os.environ.get("CLEARWAY_LISTEN_PORT", DEFAULT_PORT))
    with (
        console.status("Starting") as status,
        installation.running(port, lambda what: status.update(f"Starting {what}")) as supervisor,
    ):
        status.stop()
        code = _play(supervisor, out, console, stays=not exit)
        if not exit:
            console.print("Serving until Ctrl-C.")
            supervisor.run_until_signalled()
    return code


def _play(supervisor: Supervisor, out: Path, console: Console, *, stays: bool) -> int:
    began = time.monotonic()
    merchant_id, key = seed.found_merchant()
    api = Api(supervisor.api_url, key)
    with World(supervisor.simulator_urls) as world:
        shop = seed.open_shop(merchant_id, api, world)
        stage = Stage(api, world, shop, Checks(), out)
        for number, scene in enumerate(SCENES, start=1):
            play_scene(scene, stage, console, f"{number}/{len(SCENES)}")
        found = _conclude(stage, time.monotonic() - began)
        summary.write(found, out)
        console.print()
        summary.show(found, console)
        _tell_where(stage, supervisor, console)
        if stays:
            _tell_what_to_try(stage, supervisor)
    api.close()
    return 0 if stage.checks.ok else 1


def play_scene(scene: Scene, stage: Stage, console: Console, place: str) -> None:
    """One line when it is over: what happened, or in red what was claimed and is not so."""
    failed_before = len(stage.checks.failures)
    told, began = "", time.monotonic()
    with console.status(f"{place} {escape(scene.title)}"):
        try:
            told = scene.play(stage)
        except (StoryFailed, httpx2.HTTPError, LookupError, ValueError) as error:
            stage.checks.that(f"{scene.title}: {type(error).__name__}: {error}", False)
    failures = stage.checks.failures[failed_before:]
    if not failures:
        took = f"[dim]{time.monotonic() - began:.1f} s[/dim]"
        console.print(f"[green]✓[/green] [bold]{escape(scene.title)}[/bold]: {escape(told)} {took}")
        return
    console.print(f"[red]✗[/red] [bold]{escape(scene.title)}[/bold] {escape(told)}")
    for failure in failures:
        console.print(f"    [red]{escape(failure)}[/red]")


def _conclude(stage: Stage, seconds: float) -> dict[str, object]:
    """The claims about the whole: nothing charged twice, nothing left open, the ledger equal to the gateways' books."""
    payments = stage.api.pages("/payments")
    stage.checks.equal("payments that rest", {p["status"] for p in payments} - RESTS, set())
    charges = [c for c in stage.world.charges() if c["payment_reference"]]
    hanging = [c["id"] for c in charges if not c["voided"] and not c["captured_minor"]]
    stage.checks.equal("authorisations neither captured nor voided", hanging, [])
    summary.check_clearing(stage)
    found = summary.gather(stage, seconds)
    stage.checks.equal("payments charged twice", found["double_charges"], 0)
    found["checks"] = {"held": stage.checks.held, "failed": stage.checks.failures}
    return found


def _tell_where(stage: Stage, supervisor: Supervisor, console: Console) -> None:
    show = Console(highlight=False, soft_wrap=True, markup=False)
    color = "[green]" if stage.checks.ok else "[red]"
    verdict = "Every check held." if stage.checks.ok else f"{len(stage.checks.failures)} checks failed."
    console.print(f"\n{color}{verdict}[/]")
    show.print(f"\nOutputs   {stage.out}: {', '.join(sorted(path.name for path in stage.out.iterdir()))}")
    show.print(f"Logs      {supervisor.state_dir / 'logs'}")


def _tell_what_to_try(stage: Stage, supervisor: Supervisor) -> None:
    show = Console(highlight=False, soft_wrap=True, markup=False)
    show.print(f"\nConsole   {stage.api.url}/console")
    show.print(f"World     {stage.world.page_url} (the simulated gateways: outages, lost answers, the clock)")
    show.print(f"API key   {stage.api.key}")
    if supervisor.embedded:
        state_dir, clearway = shlex.quote(str(supervisor.state_dir)), shlex.quote(sys.argv[0])
        show.print(f"Commands  CLEARWAY_STATE_DIR={state_dir} {clearway} doctor (or ledger verify, keys rotate, …)")
    show.print(f"\nMake a payment yourself:\n\n{summary.curl(stage)}")
    show.print("\nIts card token is good for one payment within the hour; the vault then forgets the security code.")
    show.print(f"Another one:\n\n{stage.world.card_command()}\n")
