"""Draws docs/images/routing-strategies.svg: approvals of each strategy against the best possible, over the day."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.routing_traffic.traffic import DEGRADED, ORDERINGS, PAYMENTS, Run, play

PICTURE = Path("docs/images/routing-strategies.svg")
SMOOTH = 400  # payments that a point of the curve is the mean of


def curve(run: Run) -> list[float]:
    """The share of the best possible approvals, over the SMOOTH payments before each point."""
    return [100 * run.of_best(range(end - SMOOTH, end)) for end in range(SMOOTH, PAYMENTS, 50)]


def draw(runs: dict[str, Run]) -> None:
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "clearway"  # the same picture from the same day
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 4.2), layout="constrained")
    for name, run in runs.items():
        axes.plot(range(SMOOTH, PAYMENTS, 50), curve(run), label=f"{name} ({100 * run.of_best():.1f} %)", linewidth=1.6)
    axes.axvspan(DEGRADED.start, DEGRADED.stop, color="0.92", zorder=0)
    axes.text(DEGRADED.start + 100, 41, "main gateway degraded", color="0.4", fontsize=9)
    axes.axhline(100, color="0.6", linewidth=0.8)
    axes.set(xlabel="payments", ylabel="approvals, % of the best possible", ylim=(38, 102), xlim=(SMOOTH, PAYMENTS))
    axes.legend(loc="lower right", frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, metadata={"Date": None})


def main() -> None:
    runs = {name: play(ordering) for name, ordering in track(ORDERINGS.items(), "playing the day")}
    draw(runs)
    table = Table("strategy", "of the best possible", "while degraded", title=f"{PAYMENTS:,} payments")
    for name, run in runs.items():
        table.add_row(name, f"{100 * run.of_best():.1f} %", f"{100 * run.of_best(DEGRADED):.1f} %")
    Console().print(table, f"drawn: {PICTURE}")


if __name__ == "__main__":
    main()
