"""What `clearway ledger …` shows: the progress of the checks, their findings, the rebuilding of the projection."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from orchestrator.ledger import balances, verification
from orchestrator.ledger.checks import CHECKS, Check
from orchestrator.ledger.verification import Verification


async def verify(gateways_with_transfers: Sequence[str]) -> bool:
    """Run every check, show what it finds; whether all holds."""
    console = Console(highlight=False)
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(CHECKS[0].name, total=len(CHECKS))

        def tell(check: Check, findings: int) -> None:
            mark = f"[red]{findings} found[/red]" if findings else "[green]holds[/green]"
            progress.console.print(f"{check.name:<15} {mark}  {check.looks_at}")
            following = CHECKS.index(check) + 1
            description = CHECKS[following].name if following < len(CHECKS) else "done"
            progress.update(task, advance=1, description=description)

        found = await verification.run(gateways_with_transfers, tell=tell)
    if found.findings:
        console.print(_table(found))
    return not found.findings


def _table(found: Verification) -> Table:
    table = Table("check", "what", "why", "expected", "actual", title="Findings", title_justify="left")
    for finding in found.findings:
        table.add_row(finding.check, finding.subject, finding.detail, finding.expected, finding.actual)
    return table


async def rebuild() -> int:
    """Make the projection anew and say so."""
    days = await balances.rebuild()
    Console(highlight=False).print(f"Rebuilt: {days} days of accounts, from the transfers.")
    return days
