"""Report runs (docs.stripe.com/reports/api): a moment pending, then a file for the asked span."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

from simulators.payouts import payouts_of, statements_of
from simulators.reports import stripe_payout
from simulators.stripe.calls import Call
from simulators.stripe.errors import StripeError, invalid
from simulators.stripe.files import store_file
from simulators.stripe.form import choice, integer, listed, mapping, only, required
from simulators.stripe.objects import new_id, unix
from simulators.stripe.paging import page
from simulators.stripe.state import table
from simulators.stripe.webhooks import tell
from simulators.world import World

PAYOUT_RECONCILIATION = "payout_reconciliation.itemized.5"
_TYPES = {PAYOUT_RECONCILIATION: "Payout reconciliation itemized"}
_PARAMETERS = (
    *("columns", "connected_account", "currency", "interval_end", "interval_start", "payout", "reporting_category"),
    "timezone",
)
_TAKES = timedelta(seconds=2)


class Reports:
    def __init__(self, world: World) -> None:
        self._world = world

    def create(self, call: Call) -> dict[str, Any]:
        only(call.form, "report_type", "parameters")
        kind = choice(call.form, "report_type", _TYPES)
        parameters = self._parameters(call)
        now = self._world.clock.now()
        shown = {
            "id": new_id("frr"),
            "object": "reporting.report_run",
            "created": unix(now),
            "error": None,
            "livemode": False,
            "parameters": parameters,
            "report_type": kind,
            "result": None,
            "status": "pending",
            "succeeded_at": None,
        }
        table(self._world, "report_run").add(call.account, shown)
        self._world.at(now + _TAKES, "stripe", "finish_report", account=call.account, run=shown["id"])
        return dict(shown)

    def retrieve(self, call: Call) -> dict[str, Any]:
        return table(self._world, "report_run").find(call.account, call.id)

    def list_all(self, call: Call) -> dict[str, Any]:
        return page("/v1/reporting/report_runs", table(self._world, "report_run").of(call.account), call.form)

    def report_type(self, call: Call) -> dict[str, Any]:
        if call.id not in _TYPES:
            raise StripeError(404, f"No such report type: '{call.id}'", code="resource_missing", param="id")
        return self._shown_type(call.id)

    def report_types(self, call: Call) -> dict[str, Any]:
        rows = [self._shown_type(id) for id in _TYPES]
        return {"object": "list", "data": rows, "has_more": False, "url": "/v1/reporting/report_types"}

    def _parameters(self, call: Call) -> dict[str, Any]:
        sent = mapping(call.form, "parameters")
        for name in sent:
            if name not in _PARAMETERS:
                raise invalid(f"Received unknown parameter: parameters[{name}]", "parameters", "parameter_unknown")
        start, end = integer(sent, "interval_start"), integer(sent, "interval_end")
        if start >= end:
            raise invalid("interval_end must be after interval_start.", "parameters[interval_end]")
        if end > unix(self._world.clock.now()) + 1:
            raise invalid(
                "interval_end is after the data_available_end of this report type.", "parameters[interval_end]"
            )
        columns = [str(name) for name in listed(sent, "columns")]
        for name in columns:
            if name not in stripe_payout.COLUMNS and not name.startswith(("payment_metadata[", "refund_metadata[")):
                raise invalid(f"Unsupported column: {name}", "parameters[columns]")
        given = {
            name: required(sent, name) for name in sent if name not in ("columns", "interval_start", "interval_end")
        }
        return {**given, "interval_start": start, "interval_end": end, **({"columns": columns} if columns else {})}

    def _shown_type(self, id: str) -> dict[str, Any]:
        now = unix(self._world.clock.now())
        return {
            "id": id,
            "object": "reporting.report_type",
            "data_available_end": now,
            "data_available_start": now - 365 * 86400,
            "default_columns": list(stripe_payout.COLUMNS[:17]),
            "livemode": False,
            "name": _TYPES[id],
            "updated": now,
            "version": int(id.rpartition(".")[2]),
        }


def finish(world: World, account: str, run_id: str) -> None:
    run = table(world, "report_run").find(account, run_id)
    parameters = run["parameters"]
    content = payout_reconciliation(world, account, parameters)
    file = store_file(world, account, f"{run_id}.csv", "csv", "finance_report_run", content)
    run |= {"result": file, "status": "succeeded", "succeeded_at": unix(world.clock.now())}
    tell(world, account, "reporting.report_run.succeeded", dict(run))


def payout_reconciliation(world: World, account: str, parameters: dict[str, Any]) -> bytes:
    """The itemized rows of the payouts that were made within the span, in one file with one header."""
    start = datetime.fromtimestamp(parameters["interval_start"], UTC)
    end = datetime.fromtimestamp(parameters["interval_end"], UTC)
    texts = [
        stripe_payout.write(statements_of(world)[payout.id]).decode()
        for payout in payouts_of(world).of("stripe", account)
        if payout.id in statements_of(world)
        and start <= payout.created < end
        and parameters.get("currency", payout.currency.lower()) == payout.currency.lower()
        and parameters.get("payout", payout.id) == payout.id
    ]
    rows = [row for text in texts for row in csv.DictReader(io.StringIO(text))]
    if category := parameters.get("reporting_category"):
        rows = [row for row in rows if row["reporting_category"] == category]
    out = io.StringIO()
    columns = parameters.get("columns") or list(stripe_payout.COLUMNS)
    writer = csv.DictWriter(out, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()
