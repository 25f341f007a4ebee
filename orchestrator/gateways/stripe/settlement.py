"""Payouts, and the report that says what is in them: https://docs.stripe.com/reports/report-types/payout-reconciliation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import requests

from orchestrator.gateways.answers import answer_from, answer_of, declined, outcome_of, without_bodies
from orchestrator.gateways.declines import decline_for
from orchestrator.gateways.facets import Answer, Payout, PayoutStatus, ReportFile, ReportOrder
from orchestrator.gateways.stripe.client import PAGE_ROWS, Account, ask, ask_all, done, keyed
from orchestrator.gateways.stripe.mapping import money_of, read_failure
from orchestrator.gateways.stripe.params import GATEWAY
from orchestrator.gateways.transport import Reply, record
from routing.outcomes import OutcomeKind

SPAN_REPORT = "payout_reconciliation.itemized.5"
PAYOUT_REPORT = "payout_reconciliation.by_id.itemized.4"

# What the import reads, and nothing of the customers. A column that a report does not have is an error.
COLUMNS = (
    "automatic_payout_id",
    "automatic_payout_effective_at_utc",
    "balance_transaction_id",
    "created_utc",
    "currency",
    "gross",
    "fee",
    "net",
    "reporting_category",
    "source_id",
    "customer_facing_amount",
    "customer_facing_currency",
    "charge_id",
    "payment_intent_id",
    "payment_metadata[clearway_attempt]",
    "refund_metadata[clearway_operation]",
)

_STATUSES = {
    "pending": PayoutStatus.IN_TRANSIT,
    "in_transit": PayoutStatus.IN_TRANSIT,
    "paid": PayoutStatus.PAID,  # within five business days it can still become failed
    "failed": PayoutStatus.FAILED,
    "canceled": PayoutStatus.FAILED,
}


class StripeSettlements:
    """See Settlements."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._v1 = account.direct.v1

    def payouts(self, since: datetime, until: datetime) -> Answer[tuple[Payout, ...]]:
        """Those made from `since` up to, not with, `until`: every page."""
        asked: Any = {"created": {"gte": _unix(since), "lt": _unix(until)}, "limit": PAGE_ROWS}
        return ask_all(lambda: self._v1.payouts.list(asked), read_payout)

    def report(self, order: ReportOrder) -> Answer[ReportFile]:
        """Order the report, or ask for the one ordered before; when it is written, fetch it.

        `report_id` is a run (`frr_…`) or a payout (`po_…`), of which a report is ordered.
        """
        run = ask(self._run(order), _read_run)
        if run.value is None:
            return answer_from(outcome_of(run))
        return self._download(run.value)

    def _run(self, order: ReportOrder) -> Callable[[], object]:
        runs = self._v1.reporting.report_runs
        if order.report_id and not order.report_id.startswith("po_"):
            return lambda: runs.retrieve(order.report_id)
        parameters: dict[str, Any] = {"columns": list(COLUMNS)}
        if order.report_id:
            parameters["payout"] = order.report_id
        else:
            parameters |= {"interval_start": _unix(order.since), "interval_end": _unix(order.until)}
        asked: Any = {"report_type": PAYOUT_REPORT if order.report_id else SPAN_REPORT, "parameters": parameters}
        return lambda: runs.create(asked, keyed(order.idempotency_key))

    def _download(self, file: dict[str, Any]) -> Answer[ReportFile]:
        """The contents are not JSON, which the SDK's calls want, so the session asks itself, at an address of ours.

        https://docs.stripe.com/file-upload#download-file-contents. The rows are not kept in the exchange.
        """
        url = f"{self._account.files_url}/v1/files/{file['id']}/contents"
        taken: list[requests.Response] = []
        headers = {"Authorization": f"Bearer {self._account.secret_key}"}
        tape = record(lambda: taken.append(self._account.session.get(url, headers=headers)))

        def read(reply: Reply) -> Answer[ReportFile]:
            if reply.status >= 400:
                failure: Answer[ReportFile] = answer_from(read_failure(reply))
                return failure
            if reply.status != 200:
                raise ValueError(f"HTTP {reply.status} in place of the report")
            if taken[-1].content.lstrip()[:1] in (b"", b"<"):
                raise ValueError("nothing or a page in place of the report")
            return done(ReportFile(str(file.get("filename") or f"{file['id']}.csv"), taken[-1].content))

        return without_bodies(answer_of(tape, GATEWAY, read), "reply")


def read_payout(payout: dict[str, Any]) -> Payout:
    """A payout object: https://docs.stripe.com/api/payouts/object. `trace_id` is the bank's reference."""
    arrival = datetime.fromtimestamp(payout["arrival_date"], UTC)
    return Payout(
        payout_id=payout["id"],
        amount=money_of(payout, "amount"),
        status=_STATUSES[payout["status"]],
        arrives_on=arrival.date().isoformat(),
        bank_reference=str((payout.get("trace_id") or {}).get("value") or ""),
    )


def _read_run(run: dict[str, Any]) -> Answer[dict[str, Any]]:
    match run["status"]:
        case "succeeded":
            return done(dict(run["result"]))
        case "pending":
            return Answer(OutcomeKind.PENDING, detail=run["id"])
        case "failed":
            message = str(run.get("error") or "Stripe could not write the report")
            return answer_from(declined(decline_for(GATEWAY, "clearway", "report_failed", message)))
        case status:
            raise ValueError(f"report run status {status}")


def _unix(at: datetime) -> int:
    return int(at.timestamp())
