"""The last scenes: the gateways' settlement reports with three mistakes planted, found by reconciliation."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from orchestrator import clock_port
from orchestrator.demo import summary
from orchestrator.demo.checks import until
from orchestrator.demo.scenes import HARP, SHAKUHACHI
from orchestrator.demo.stage import Scene, Stage

DAYS_LATER = 5  # long enough for a report to be overdue
EXTRA_FEE_MINOR = 40
FOREIGN_MINOR = 6_600
PLANTED = {"missing_at_gateway": 1, "fee_mismatch": 1, "missing_in_ledger": 1}


def settlement_reports(stage: Stage) -> str:
    """Stripe forgets a payment, Adyen takes too high a fee, PayPal reports a charge that nobody here made."""
    until("all webhooks have arrived", stage.world.is_quiet)
    summary.check_clearing(stage)
    forgotten = stage.winning_attempt(stage.payments[HARP])["id"]
    dearer = stage.winning_attempt(stage.payments[SHAKUHACHI])["id"]
    stage.world.charge_elsewhere("paypal", stage.shop.accounts["paypal"].name, FOREIGN_MINOR, "GBP")
    mistakes: dict[str, dict[str, Any]] = {
        "stripe": {"omit_reference": forgotten},
        "adyen": {"overcharge": {"reference": dearer, "extra_minor": EXTRA_FEE_MINOR}},
        "paypal": {},
    }
    told = [_import(stage, gateway, mistakes[gateway]) for gateway in stage.shop.accounts]
    return ", ".join(told)


def _import(stage: Stage, gateway: str, mistakes: dict[str, Any]) -> str:
    account = stage.shop.accounts[gateway]
    report = stage.world.settle(gateway, account.name, **mistakes)
    content = Path(report["path"]).read_bytes()
    name = str(report["name"])
    (stage.out / name).write_bytes(content)
    done = stage.api.upload("/settlement-files", content, gateway_account_id=account.id, name=name)
    stage.checks.equal(f"{name}: state ({done['error']})", done["state"], "parsed")
    again = stage.api.upload("/settlement-files", content, gateway_account_id=account.id, name=name)
    stage.checks.equal(f"{name}: new lines when imported again", again["new_lines"], 0)
    return f"{name} ({done['lines']} lines)"


def reconciliation(stage: Stage) -> str:
    as_of = clock_port.now() + timedelta(days=DAYS_LATER)
    stage.reconciliation = stage.api.post("/reconciliation/runs", {"as_of": as_of.isoformat()})
    found = stage.reconciliation["breaks_by_kind"]
    stage.checks.equal("reconciliation: breaks", found, PLANTED)
    breaks = stage.api.pages("/reconciliation/breaks", state="open")
    stage.checks.equal("reconciliation: open breaks", len(breaks), len(PLANTED))
    stage.checks.that("reconciliation: every break has its reason", all(b["reason"] for b in breaks))
    where = {b["kind"]: stage.shop.gateway_of(b["gateway_account_id"]) for b in breaks}
    expected = {"missing_at_gateway": "stripe", "fee_mismatch": "adyen", "missing_in_ledger": "paypal"}
    stage.checks.equal("reconciliation: where they were found", where, expected)
    for kind in ("csv", "xlsx"):
        content = stage.api.download(f"/reconciliation/report.{kind}", as_of=as_of.date().isoformat())
        (stage.out / f"reconciliation.{kind}").write_bytes(content)
    lines, matched = stage.reconciliation["lines"], stage.reconciliation["matched"]
    return f"{matched} of {lines} lines matched; " + ", ".join(kind.replace("_", " ") for kind in sorted(found))


SCENES = (
    Scene("Settlement reports, with three mistakes planted", settlement_reports),
    Scene("Reconciliation", reconciliation),
)
