"""`make chaos`: pays, breaks and kills for a while, then shows the verdict. SEED, PAYMENTS, KILLS and OUT say how."""

from __future__ import annotations

import json
import os
import secrets
import socket
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.run import Outcome, Plan, bar, play
from tests.chaos.verdict import SHOWN_MAX

OUT = "build/chaos.json"
PAYMENTS, KILLS = 2_000, 110


def main() -> int:
    """0 when everything holds."""
    console = Console()
    seed = int(os.environ.get("SEED") or secrets.randbelow(10**6))
    payments, kills = int(os.environ.get("PAYMENTS") or PAYMENTS), int(os.environ.get("KILLS") or KILLS)
    console.print(f"SEED={seed} PAYMENTS={payments} KILLS={kills}")
    with bar() as progress:
        outcome = play(Plan(seed, payments, kills, free_port()), progress)
    show(outcome, console)
    out = Path(os.environ.get("OUT") or OUT)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(as_json(outcome), indent=2, default=str) + "\n")
    return 0 if outcome.ok else 1


def show(outcome: Outcome, console: Console) -> None:
    figures = Table(title="What happened", show_header=False, title_justify="left")
    for name, found in outcome.figures.items():
        told = ", ".join(f"{key} {count}" for key, count in found.items()) if isinstance(found, dict) else str(found)
        figures.add_row(name, told)
    verdict = Table(title="What must hold", title_justify="left")
    for heading in ("", "claim", "of", "where not"):
        verdict.add_column(heading)
    for check in outcome.checks:
        more = f"\nand {len(check.wrong) - SHOWN_MAX} more" if len(check.wrong) > SHOWN_MAX else ""
        wrong = "\n".join(check.wrong[:SHOWN_MAX]) + more
        verdict.add_row("ok" if check.holds else "NO", check.claim, str(check.looked_at), wrong)
    console.print(figures, verdict)


def as_json(outcome: Outcome) -> dict[str, object]:
    checks = [{"claim": c.claim, "holds": c.holds, "of": c.looked_at, "wrong": c.wrong[:100]} for c in outcome.checks]
    return {"ok": outcome.ok, "figures": outcome.figures, "checks": checks, "stories": outcome.stories}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    raise SystemExit(main())
