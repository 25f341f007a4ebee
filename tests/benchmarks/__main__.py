"""`make bench`: every benchmark beside its baseline, as a table and as build/bench.json. ONLY=name picks one."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.table import Table

from orchestrator.supervisor import API, CLOCK, POSTGRES, SIMULATORS, WORKER
from tests.benchmarks import adapters, finalisations, invoices, payments, routing, webhooks
from tests.benchmarks.result import Result

OUT = Path("build/bench.json")
SUITES = {
    (
        "payment_added_latency_p50",
        "payment_added_latency_p99",
        "payments_per_second",
        "cpu_ms_per_payment",
        "payments_per_pgbench",
        *(f"cpu_ms_{name}" for name in (API, WORKER, CLOCK, POSTGRES, SIMULATORS)),
    ): payments.measure,
    ("webhooks_per_second",): webhooks.measure,
    ("adapter_call_stripe", "adapter_call_adyen", "adapter_call_paypal", "adyen_pooled_call"): adapters.measure,
    ("routing_decision_p50", "routing_decision_p50_10_rules", "routing_decision_p50_1000_rules"): routing.measure,
    (
        "invoice_pdfs_per_second",
        "invoice_pdfs_against_plain_weasyprint",
        "invoice_pdfs_against_plain_with_subsetter",
        "invoice_pdf_1000_lines",
        "invoice_pdf_memory_growth",
    ): invoices.measure,
    ("finalisations_per_second",): finalisations.measure,
}


def main() -> int:
    """Run what ONLY asks for, else everything. 1 when ONLY names no benchmark."""
    only = os.environ.get("ONLY", "")
    known = [name for names in SUITES for name in names]
    if only and only not in known:
        Console(stderr=True).print(f"ONLY={only} is no benchmark. There are: {', '.join(known)}")
        return 1
    results: list[Result] = []
    for names, measure in SUITES.items():
        if not only or only in names:
            results += [result for result in _in_a_process_of_its_own(measure) if only in ("", result.name)]
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([result.as_json() for result in results], indent=2) + "\n")
    Console().print(_table(results))
    return 0


def _in_a_process_of_its_own(measure: Callable[[], list[Result]]) -> list[Result]:
    """Each suite brings its own installation up, and a process is connected to one database for as long as it lives."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure).result()


def _table(results: list[Result]) -> Table:
    table = Table(title="Benchmarks: ours against a baseline of the same run", caption=f"also in {OUT}")
    for heading in ("benchmark", "ours", "baseline", "ratio", "unit", "goal", "met"):
        table.add_column(heading, justify="left" if heading == "benchmark" else "right")
    for result in results:
        figures = (f"{result.ours:.2f}", f"{result.baseline:.2f}", f"{result.ratio:.2f}")
        table.add_row(result.name, *figures, result.unit, result.goal_text, "[green]yes" if result.met else "[red]no")
    return table


if __name__ == "__main__":
    sys.exit(main())
