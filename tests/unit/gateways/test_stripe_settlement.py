"""Payouts and reports of Stripe, and where it sends its webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe
from stripe_served import EUR, SECRET_KEY, Served, listed, refused, serving

from orchestrator.gateways.facets import (
    Answer,
    PayoutStatus,
    ReportOrder,
)
from orchestrator.reconciliation import stripe_report
from routing.outcomes import OutcomeKind

AT = datetime(2026, 5, 1, tzinfo=UTC)
UNTIL = datetime(2026, 5, 2, tzinfo=UTC)


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as one:
        yield one


def reason_of(answer: Answer[Any]) -> str:
    assert answer.kind is OutcomeKind.DECLINED, answer
    assert answer.decline is not None
    return answer.decline.reason


def test_payouts_of_every_page_are_told_with_the_banks_reference(served: Served) -> None:
    shown = {"object": "payout", "amount": 1230, "currency": "eur", "arrival_date": int(AT.timestamp())}
    paid = {"id": "po_1", "status": "paid", "trace_id": {"status": "supported", "value": "TRN1"}, **shown}
    failed = {"id": "po_2", "status": "canceled", "trace_id": None, **shown}
    served.will_say(listed([paid], has_more=True, url="/v1/payouts"), listed([failed], url="/v1/payouts"))
    assert served.stripe.facets.settlements is not None
    payouts = served.stripe.facets.settlements.payouts(AT, UNTIL).value
    assert payouts is not None
    assert [(one.payout_id, one.status, one.bank_reference) for one in payouts] == [
        ("po_1", PayoutStatus.PAID, "TRN1"),
        ("po_2", PayoutStatus.FAILED, ""),
    ]
    assert (payouts[0].amount, payouts[0].arrives_on) == (EUR, "2026-05-01")
    assert served.asked[0].query["created[gte]"] == str(int(AT.timestamp()))


REPORT = b"""automatic_payout_id,automatic_payout_effective_at_utc,balance_transaction_id,created_utc,currency,\
gross,fee,net,reporting_category,source_id,charge_id,payment_intent_id,payment_metadata[clearway_attempt]
po_1,2026-05-03 00:00:00,txn_1,2026-05-01 10:00:00,eur,12.30,0.30,12.00,charge,ch_1,ch_1,pi_1,att_1
"""


def report_run(status: str, **changes: Any) -> dict[str, Any]:
    return {"id": "frr_1", "object": "reporting.report_run", "status": status, "result": None, **changes}


def test_report_is_ordered_waited_for_and_fetched_as_the_import_reads_it(served: Served) -> None:
    file = {"id": "file_1", "object": "file", "filename": "payouts.csv"}
    served.will_say(report_run("pending"), report_run("succeeded", result=file), REPORT)
    settlements = served.stripe.facets.settlements
    assert settlements is not None
    first = settlements.report(ReportOrder("key_1", AT, UNTIL))
    assert (first.kind, first.detail) == (OutcomeKind.PENDING, "frr_1")
    form = served.last.form
    assert form["report_type"] == "payout_reconciliation.itemized.5"
    assert (form["parameters[interval_start]"], form["parameters[interval_end]"]) == ("1777593600", "1777680000")
    asked = [value for name, value in form.items() if name.startswith("parameters[columns]")]
    assert set(stripe_report.REQUIRED) <= set(asked)
    second = settlements.report(ReportOrder("key_1", AT, UNTIL, report_id=first.detail))
    assert second.value is not None
    assert (second.value.name, second.value.content) == ("payouts.csv", REPORT)
    assert (served.last.path, served.last.headers["authorization"]) == (
        "/v1/files/file_1/contents",
        f"Bearer {SECRET_KEY}",
    )
    parsed = stripe_report.parse(second.value.content.decode())
    assert [line.attempt_reference for line in parsed.lines if line.attempt_reference] == ["att_1"]
    assert "txn_1" not in str(second.exchange)


def test_report_of_an_announced_payout_is_ordered_by_its_id(served: Served) -> None:
    served.will_say(report_run("pending"))
    assert served.stripe.facets.settlements is not None
    served.stripe.facets.settlements.report(ReportOrder("key_1", AT, UNTIL, report_id="po_1"))
    form = served.last.form
    assert form["report_type"] == "payout_reconciliation.by_id.itemized.4"
    assert (form["parameters[payout]"], "parameters[interval_start]" in form) == ("po_1", False)


def test_report_that_stripe_could_not_write_says_so(served: Served) -> None:
    served.will_say(report_run("failed", error="Something broke"))
    assert served.stripe.facets.settlements is not None
    answer = served.stripe.facets.settlements.report(ReportOrder("key_1", AT, UNTIL, report_id="frr_1"))
    assert (reason_of(answer), answer.detail) == ("processing_error", "Something broke")


def test_endpoint_is_registered_in_the_sdks_version_and_gives_its_secret(served: Served) -> None:
    shown = {"id": "we_1", "object": "webhook_endpoint", "url": "https://pay.example/hook", "status": "enabled"}
    served.will_say({**shown, "secret": "whsec_new_one"})
    assert served.stripe.facets.endpoints is not None
    answer = served.stripe.facets.endpoints.register("https://pay.example/hook", "key_1")
    assert answer.value is not None
    assert answer.value.secrets == {"webhook_secret": "whsec_new_one"}
    assert "whsec_new_one" not in str(answer.exchange)
    form = served.last.form
    assert form["api_version"] == stripe.api_version
    assert "charge.dispute.created" in form.values()
    assert "*" not in form.values()


def test_endpoint_that_was_turned_off_is_turned_on(served: Served) -> None:
    served.will_say({"id": "we_1", "url": "https://pay.example/hook", "status": "enabled"})
    assert served.stripe.facets.endpoints is not None
    answer = served.stripe.facets.endpoints.enable("we_1")
    assert answer.value is not None
    assert (answer.value.enabled, served.last.form["disabled"]) == (True, "false")


def test_endpoint_that_is_gone_is_removed(served: Served) -> None:
    served.will_say((404, refused("resource_missing")))
    assert served.stripe.facets.endpoints is not None
    assert served.stripe.facets.endpoints.remove("we_1").kind is OutcomeKind.APPROVED
    assert served.last.method == "DELETE"
