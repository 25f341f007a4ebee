"""What PayPal paid out to our bank: withdrawals among the account's transactions, by Transaction Search v1.

https://developer.paypal.com/docs/api/transaction-search/v1/
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.gateways.answers import answer_from, declined
from orchestrator.gateways.declines import decline_for
from orchestrator.gateways.facets import Answer, Payout, PayoutStatus, ReportFile, ReportOrder
from orchestrator.gateways.paypal.connection import PayPalConnection, answer_of_call
from orchestrator.gateways.paypal.mapping import GATEWAY, money_of, read_refusal
from orchestrator.gateways.transport import Reply
from routing.outcomes import OutcomeKind

WITHDRAWAL = "T0400"  # https://developer.paypal.com/docs/transaction-search/transaction-event-codes/
_MAX_SPAN = timedelta(days=31)  # "The maximum supported range is 31 days"
_MAX_SPANS = 37  # three years: PayPal lists no older ones
_PAGE_SIZE = 500
_MAX_PAGES = 100
_STATUSES = {"S": PayoutStatus.PAID, "P": PayoutStatus.IN_TRANSIT, "D": PayoutStatus.FAILED, "V": PayoutStatus.FAILED}


class PayPalSettlements:
    """Implements Settlements. Transactions show up to three hours after they happened."""

    def __init__(self, connection: PayPalConnection) -> None:
        self._paypal = connection

    def payouts(self, since: datetime, until: datetime) -> Answer[tuple[Payout, ...]]:
        """Withdrawals begun in the span, three years at most. PayPal does not say when they arrive."""
        if not since < until <= since + _MAX_SPANS * _MAX_SPAN:
            return _refused("the span must have a beginning before its end, and at most three years")
        found: dict[str, Payout] = {}
        begin = since
        while begin < until:
            end = min(begin + _MAX_SPAN, until)
            answer = self._of_span(begin, end)
            if answer.value is None:
                return answer
            found |= {payout.payout_id: payout for payout in answer.value}
            begin = end
        return Answer(OutcomeKind.APPROVED, tuple(found.values()))

    def report(self, order: ReportOrder) -> Answer[ReportFile]:
        """PayPal puts its settlement report on an SFTP server only: fetch it there, and import the file."""
        return _refused("PayPal delivers the settlement report (STL) by SFTP only: import the file by hand")

    def _of_span(self, begin: datetime, end: datetime) -> Answer[tuple[Payout, ...]]:
        kept: tuple[Payout, ...] = ()
        for page in range(1, _MAX_PAGES + 1):
            answer = self._page(begin, end, page)
            if answer.value is None:
                return Answer(answer.kind, None, answer.decline, detail=answer.detail, exchange=answer.exchange)
            payouts, pages = answer.value
            kept += payouts
            if page >= pages:
                break
        return Answer(OutcomeKind.APPROVED, kept)

    def _page(self, begin: datetime, end: datetime, page: int) -> Answer[tuple[tuple[Payout, ...], int]]:
        options = {
            "start_date": _stamp(begin),
            "end_date": _stamp(end),
            "transaction_type": WITHDRAWAL,
            "fields": "transaction_info",
            "page_size": _PAGE_SIZE,
            "page": page,
        }

        def read(reply: Reply) -> Answer[tuple[tuple[Payout, ...], int]]:
            if reply.status >= 400 or reply.body is None:
                return answer_from(read_refusal(reply))
            rows = [row["transaction_info"] for row in reply.body.get("transaction_details") or []]
            payouts = tuple(_payout(row) for row in rows if row.get("transaction_event_code") == WITHDRAWAL)
            return Answer(OutcomeKind.APPROVED, (payouts, int(reply.body.get("total_pages") or 0)))

        tape = self._paypal.record(lambda: self._paypal.direct.transaction_search.search_transactions(options))
        return answer_of_call(tape, read)


def _payout(row: dict[str, Any]) -> Payout:
    moved = money_of(row["transaction_amount"])
    return Payout(
        payout_id=row["transaction_id"],
        amount=-moved if moved.minor < 0 else moved,  # it leaves the balance; a payout is what arrives
        status=_STATUSES[row["transaction_status"]],
        bank_reference=str(row.get("bank_reference_id") or ""),
    )


def _refused(message: str) -> Answer[Any]:
    return answer_from(declined(decline_for(GATEWAY, "clearway", "invalid_request", message)))


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
