"""Adyen's settlement: reports to download once they are announced. No call lists payouts of a merchant account.

https://docs.adyen.com/reporting/automatically-get-reports
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote, unquote, urlsplit

from requests import Response
from requests.auth import HTTPBasicAuth

from orchestrator.gateways.adyen.mapping import GATEWAY, error_answer
from orchestrator.gateways.answers import answer_from, answer_of, declined, invalid_call
from orchestrator.gateways.declines import decline_for
from orchestrator.gateways.facets import Answer, Payout, ReportFile, ReportOrder
from orchestrator.gateways.transport import GatewaySession, Reply, record
from routing.outcomes import OutcomeKind


class AdyenSettlements:
    """Reports of one merchant account, for its report user (name, password) only."""

    def __init__(
        self,
        session: GatewaySession,
        reports_url: str,
        merchant_account: str,
        report_user: tuple[str, str] | None,
    ) -> None:
        self._session = session
        self._root = reports_url
        self._merchant = merchant_account
        self._report_user = report_user

    def payouts(self, since: datetime, until: datetime) -> Answer[tuple[Payout, ...]]:
        """Always refused: a merchant account's payouts are in its settlement report only."""
        return answer_from(invalid_call(GATEWAY, "Adyen lists no payouts: they are in the settlement details report"))

    def report(self, order: ReportOrder) -> Answer[ReportFile]:
        """The report that REPORT_AVAILABLE announced: `report_id` is its file name or its address.

        Adyen writes reports by its own schedule, so there is none to be begun for a span.
        """
        if not order.report_id:
            return answer_from(
                invalid_call(GATEWAY, "report_id is needed: the file name that REPORT_AVAILABLE announced")
            )
        url = self._address_of(order.report_id)
        if url is None:
            text = f"report_id must be a file name, or an address of {self._merchant} below {self._root}"
            return answer_from(invalid_call(GATEWAY, text))
        if self._report_user is None:
            text = "credentials report_username and report_password are not set: only a report user may download"
            return answer_from(declined(decline_for(GATEWAY, "clearway", "credential_not_set", text)))
        auth = HTTPBasicAuth(*self._report_user)
        received: list[Response] = []
        tape = record(lambda: received.append(self._session.get(url, auth=auth)))
        for exchange in tape.exchanges:  # the timeline is no place for a report
            if exchange.reply is not None and exchange.reply.status == 200:
                exchange.reply = Reply(200, exchange.reply.headers, None, f"{len(received[0].content)} bytes")
        name = unquote(urlsplit(url).path.rpartition("/")[2])

        def read(reply: Reply) -> Answer[ReportFile]:
            if error := error_answer(reply):
                return error
            if reply.status != 200:
                raise ValueError(f"HTTP {reply.status} in place of a report")
            if received[0].content.lstrip()[:1] in (b"", b"<"):
                raise ValueError("nothing or a page in place of a report")
            return Answer(OutcomeKind.APPROVED, ReportFile(name, received[0].content))

        return answer_of(tape, GATEWAY, read)

    def _address_of(self, report_id: str) -> str | None:
        """Only below our own account's reports: an announced address is not signed, and credentials go with it."""
        root = f"{self._root}/MerchantAccount/{quote(self._merchant, safe='')}"
        if "://" not in report_id:
            plain = "/" not in report_id and report_id not in (".", "..")
            return f"{root}/{quote(report_id, safe='')}" if plain else None
        given, ours = urlsplit(report_id), urlsplit(root)
        same = (given.scheme, given.netloc.lower()) == (ours.scheme, ours.netloc.lower())
        below = given.path.startswith(f"{ours.path}/") and ".." not in unquote(given.path).split("/")
        return report_id if same and below and not given.query else None
