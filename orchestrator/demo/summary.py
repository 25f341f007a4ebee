"""What came of the story, in numbers: for `summary.json`, and as tables for people."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from currency.money import Money, to_major
from orchestrator.demo.checks import StoryFailed, until
from orchestrator.demo.stage import Stage, payment_method
from orchestrator.demo.world import Charge, is_kept

ASKED = ("look_up", "resend")
CLEARING_WAIT_S = 5


def gather(stage: Stage, seconds: float) -> dict[str, Any]:
    """The summary. Charges kept twice are counted from the gateways' books, never from our own tables."""
    payments = stage.api.pages("/payments")
    timelines = [stage.timeline(payment["id"]) for payment in payments]
    operations = [operation for timeline in timelines for operation in timeline["operations"]]
    events = Counter(event["type"] for timeline in timelines for event in timeline["events"])
    webhooks = stage.api.get("/webhook-messages/summary")
    clearing = clearing_against_books(stage)
    return {
        "payments": dict(Counter(payment["status"] for payment in payments)),
        "attempts": sum(len(timeline["payment"]["attempts"]) for timeline in timelines),
        "failovers": events["payment.failed_over"],
        "unknown_resolved": sum(o["state"] == "settled" and o["settled_by"] in ASKED for o in operations),
        "double_charges": double_charges(stage.world.charges()),
        "webhooks": {name: webhooks[name] for name in ("received", "duplicates", "rejected")},
        "clearing_equals_books": {row["account"]: row["ledger_minor"] == row["books_minor"] for row in clearing},
        "clearing": clearing,
        "invoices": [_invoice(invoice) for invoice in stage.invoices],
        "reconciliation": {
            "lines": stage.reconciliation.get("lines", 0),
            "matched": stage.reconciliation.get("matched", 0),
            "breaks": stage.reconciliation.get("breaks_by_kind", {}),
        },
        "checks": {"held": stage.checks.held, "failed": stage.checks.failures},
        "seconds": round(seconds, 1),
    }


def double_charges(charges: Iterable[Charge]) -> int:
    """For how many payments the gateways together keep more than one charge. What is not ours has no reference."""
    kept = Counter(c["payment_reference"] for c in charges if c["payment_reference"] and is_kept(c))
    return sum(count > 1 for count in kept.values())


def clearing_against_books(stage: Stage) -> list[dict[str, Any]]:
    """Per gateway account and currency: what our ledger says the gateway holds, and what the gateway says."""
    names = {account.id: account for account in stage.shop.accounts.values()}
    ours = {
        (names[row["gateway_account_id"]].name, row["balance"]["currency"]): row["balance"]["amount"]
        for row in stage.api.get("/ledger/balances")["data"]
        if row["account"] == "gateway_clearing"
    }
    mine = {account.name for account in names.values()}
    theirs = {(b["account"], b["currency"]): b["balance_minor"] for b in stage.world.books() if b["account"] in mine}
    return [
        {
            "account": f"{account} {currency}",
            "ledger_minor": ours.get((account, currency), 0),
            "books_minor": theirs.get((account, currency), 0),
        }
        for account, currency in sorted(ours | theirs)
    ]


def check_clearing(stage: Stage) -> None:
    """Claim that ledger and books agree now. What is on its way gets a moment to arrive."""

    def differing() -> list[str]:
        rows = [(r["account"], r["ledger_minor"], r["books_minor"]) for r in clearing_against_books(stage)]
        return [f"{account}: {ledger} and {books}" for account, ledger, books in rows if ledger != books]

    with suppress(StoryFailed):
        until("the ledger equals the gateways' books", lambda: not differing(), CLEARING_WAIT_S)
    stage.checks.equal("clearing accounts that differ from the gateways' books", differing(), [])


def write(summary: dict[str, Any], out: Path) -> None:
    (out / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")


def show(summary: dict[str, Any], console: Console) -> None:
    """The summary as a table."""
    equal = summary["clearing_equals_books"]
    settled = summary["reconciliation"]
    breaks = ", ".join(f"{kind.replace('_', ' ')} {count}" for kind, count in sorted(settled["breaks"].items()))
    rows = {
        "Payments": ", ".join(f"{status} {count}" for status, count in sorted(summary["payments"].items())),
        "Attempts": f"{summary['attempts']}, of them {summary['failovers']} after a failover",
        "Unknown outcomes": f"{summary['unknown_resolved']} settled by asking the gateway",
        "Charged twice": f"{summary['double_charges']} (by the gateways' own books)",
        "Webhooks": ", ".join(f"{name} {count}" for name, count in summary["webhooks"].items()),
        "Ledger = gateways' books": f"{sum(equal.values())} of {len(equal)} accounts and currencies",
        "Invoices": ", ".join(f"{i['number']} {i['currency']} {i['total']} {i['status']}" for i in summary["invoices"]),
        "Settlement": f"{settled['lines']} lines, {settled['matched']} matched; breaks: {breaks or 'none'}",
        "Checks": f"{summary['checks']['held']} held, {len(summary['checks']['failed'])} failed",
        "Time": f"{summary['seconds']} s",
    }
    table = Table(title="The story in numbers", show_header=False, title_justify="left")
    for name, text in rows.items():
        table.add_row(name, text, style="" if name != "Checks" or not summary["checks"]["failed"] else "red")
    console.print(table)


def curl(stage: Stage) -> str:
    """A command that makes a payment: with a fresh vault token, ready to paste."""
    body = {
        "amount": {"amount": 1999, "currency": "EUR"},
        "payment_method": payment_method(stage.world.card()),
        "country": "DE",
        "description": "made by hand",
    }
    return " \\\n  ".join(
        (
            f"curl -sS {stage.api.url}/v1/payments",
            f"-H 'Authorization: Bearer {stage.api.key}'",
            "-H 'Content-Type: application/json'",
            '-H "Idempotency-Key: by-hand-$(date +%s%N)"',
            f"-d {shlex.quote(msgspec.json.encode(body).decode())}",
        )
    )


def _invoice(invoice: dict[str, Any]) -> dict[str, Any]:
    """`total` in major units, as it is printed on the document."""
    return {
        "number": invoice["number"],
        "currency": invoice["currency"],
        "total": str(to_major(Money(invoice["total"]["amount"], invoice["currency"]))),
        "status": invoice["state"],
        "pdf": f"{invoice['number']}.pdf",
    }
