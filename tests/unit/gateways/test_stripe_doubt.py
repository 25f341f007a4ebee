"""What Stripe's answers do not prove: an error is no decline where the money may have moved all the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from stripe_served import CARD, SECRET_KEY, Served, call, intent, serving

from currency.money import Money
from orchestrator.gateways.base import CaptureMode, Lookup, OperationKind, Split
from orchestrator.gateways.credentials import Mandate, SavedCredential, SepaDebitCredential, StoredUse
from orchestrator.gateways.facets import ForwardRequest, ReportOrder, SaveOrder
from orchestrator.gateways.kinds import GatewayEndpoints
from orchestrator.gateways.registry import build_gateway
from orchestrator.gateways.stripe.adapter import StripeGateway
from orchestrator.gateways.vault import VaultSettings
from routing.outcomes import OutcomeKind, RetryAction

AT = datetime(2026, 5, 1, tzinfo=UTC)
WRITES = [OperationKind.CONFIRM, OperationKind.CAPTURE, OperationKind.REFUND, OperationKind.VOID]


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as one:
        yield one


def error(code: str = "", type_: str = "invalid_request_error", **more: Any) -> dict[str, Any]:
    return {"error": {"type": type_, "message": "No.", **({"code": code} if code else {}), **more}}


@pytest.mark.parametrize("kind", WRITES)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (424, error(type_="api_error")),  # "a failure in a dependency external to Stripe"
        (424, error("payment_method_not_available")),
        (402, error(type_="api_error")),
        (400, error("something_new", type_="api_error")),
        (402, error(type_="card_error")),
        (408, error()),
        (425, error("something_new")),
    ],
)
def test_error_that_is_not_about_our_request_proves_nothing(
    served: Served, kind: OperationKind, status: int, body: dict[str, Any]
) -> None:
    served.will_say((status, body))
    assert served.stripe.perform(call(kind)).kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize(
    ("stands", "kind"),
    [
        ({"status": "requires_capture"}, OutcomeKind.APPROVED),
        ({"status": "processing"}, OutcomeKind.PENDING),
        ({"status": "requires_capture", "amount_capturable": 1229}, OutcomeKind.UNKNOWN),
    ],
)
def test_intent_that_holds_money_is_believed_before_the_error_that_it_comes_with(
    served: Served, stands: dict[str, Any], kind: OutcomeKind
) -> None:
    served.will_say((402, error("processing_error", type_="card_error", payment_intent=intent(**stands))))
    assert served.stripe.perform(call(OperationKind.CONFIRM)).kind is kind


def test_capture_that_took_the_money_is_no_decline_whatever_the_error(served: Served) -> None:
    taken = intent(status="succeeded", amount_capturable=0, amount_received=1230)
    served.will_say((402, error("processing_error", type_="card_error", payment_intent=taken)))
    assert served.stripe.perform(call(OperationKind.CAPTURE)).kind is OutcomeKind.APPROVED


def test_decline_that_comes_with_its_intent_is_still_a_decline(served: Served) -> None:
    left = intent(status="requires_payment_method", last_payment_error={"code": "expired_card"})
    served.will_say((402, error("card_declined", type_="card_error", decline_code="lost_card", payment_intent=left)))
    outcome = served.stripe.perform(call(OperationKind.CONFIRM))
    assert outcome.decline is not None
    assert (outcome.kind, outcome.decline.reason) == (OutcomeKind.DECLINED, "lost_card")


@pytest.mark.parametrize("last_error", [{}, {"last_payment_error": {"code": "card_declined"}}])
def test_what_stripe_blocked_itself_is_told_with_the_error_too(served: Served, last_error: dict[str, Any]) -> None:
    charge = {"id": "ch_1", "outcome": {"type": "blocked", "reason": "rule"}}
    left = intent(status="requires_payment_method", latest_charge=charge, **last_error)
    body = error("card_declined", type_="card_error", decline_code="generic_decline", payment_intent=left)
    served.will_say((402, body))
    outcome = served.stripe.perform(call(OperationKind.CONFIRM))
    assert outcome.decline is not None
    assert (outcome.decline.reason, outcome.decline.action_cit) == ("fraud_gateway", RetryAction.FRAUD_NEVER)


@pytest.mark.parametrize("kind", [OperationKind.CONFIRM, OperationKind.CAPTURE, OperationKind.VOID])
@pytest.mark.parametrize("code", ["payment_intent_unexpected_state", "charge_already_captured", "intent_invalid_state"])
def test_another_state_than_expected_is_looked_into_where_it_is_not_told(
    served: Served, kind: OperationKind, code: str
) -> None:
    served.will_say((400, error(code)))
    assert served.stripe.perform(call(kind)).kind is OutcomeKind.UNKNOWN


def test_part_that_was_captured_before_the_rest_was_let_go_is_not_lost(served: Served) -> None:
    served.will_say(intent(status="canceled", amount_capturable=0, amount_received=500))
    result = served.stripe.look_up(call(OperationKind.CAPTURE, amount=Money(500, "EUR"), final_capture=False))
    assert result.outcome is not None
    assert (result.state, result.outcome.kind) == (Lookup.SETTLED, OutcomeKind.APPROVED)


def test_part_that_is_held_is_no_answer_but_its_amount_comes_along(served: Served) -> None:
    served.will_say(intent(amount_capturable=615))
    result = served.stripe.look_up(call(OperationKind.CONFIRM))
    assert result.outcome is not None
    assert (result.state, result.outcome.kind) == (Lookup.UNAVAILABLE, OutcomeKind.UNKNOWN)
    assert result.outcome.amount == Money(615, "EUR")


def test_credential_is_not_kept_for_nobody(served: Served) -> None:
    served.will_say(intent(payment_method="pm_1"))
    outcome = served.stripe.perform(call(OperationKind.CREATE, save=StoredUse()))
    assert (outcome.kind, served.asked) == (OutcomeKind.DECLINED, [])
    assert "gateway_customer" in outcome.detail


def test_what_stripe_keeps_for_nobody_is_not_told_as_kept(served: Served) -> None:
    served.will_say(intent(payment_method="pm_1", customer=None))
    outcome = served.stripe.perform(call(OperationKind.CONFIRM, save=StoredUse()))
    assert (outcome.kind, outcome.gateway_token) == (OutcomeKind.APPROVED, "")


def test_customer_of_a_kept_credential_is_who_it_is_kept_for(served: Served) -> None:
    served.will_say(intent())
    kept = SavedCredential("pm_1", "cus_1")
    assert served.stripe.perform(call(OperationKind.CREATE, credential=kept, save=StoredUse())).kind is (
        OutcomeKind.APPROVED
    )


@pytest.mark.parametrize("status", [204, 302])
def test_report_that_did_not_come_is_not_an_empty_report(served: Served, status: int) -> None:
    run = {"id": "frr_1", "status": "succeeded", "result": {"id": "file_1", "filename": "r.csv"}}
    served.will_say(run, (status, b""))
    assert served.stripe.facets.settlements is not None
    answer = served.stripe.facets.settlements.report(ReportOrder("k", AT, AT, "frr_1"))
    assert (answer.kind, answer.value) == (OutcomeKind.UNKNOWN, None)


def test_page_that_a_debit_is_on_its_way_for_is_not_told_as_a_refusal_to_close_it(served: Served) -> None:
    page = {"id": "cs_1", "status": "complete", "payment_status": "unpaid", "amount_total": 1230, "currency": "eur"}
    served.will_say((400, error("status_transition_invalid")), page)
    assert served.stripe.facets.checkout is not None
    assert served.stripe.facets.checkout.expire("cs_1", "k").kind is OutcomeKind.PENDING


def test_forwarding_and_what_is_forwarded_have_keys_of_their_own(served: Served) -> None:
    served.will_say({"id": "fwdreq_1", "response_details": {"status": 200, "body": "{}"}})
    request = ForwardRequest("POST", "https://other.example/", {"Idempotency-Key": "key_1"}, "application/json", "{}")
    assert served.stripe.facets.forwarding is not None
    served.stripe.facets.forwarding.forward("pm_1", "cus_1", request, "key_1")
    assert served.last.headers["idempotency-key"] not in ("", "key_1")


def test_key_that_cannot_be_sent_is_not_told_to_anyone() -> None:
    broken = build_gateway(
        "stripe",
        {"secret_key": f"{SECRET_KEY}\n"},
        GatewayEndpoints(base_url="http://127.0.0.1:9"),
        VaultSettings(),
    )
    outcome = broken.perform(call(OperationKind.CREATE))
    assert SECRET_KEY not in outcome.detail + broken.probe()
    assert outcome.kind is OutcomeKind.DECLINED
    broken.close()


def test_secrets_are_not_shown_where_objects_are(served: Served) -> None:
    assert isinstance(served.stripe, StripeGateway)
    assert SECRET_KEY not in repr(served.stripe._account)


def test_capture_at_once_is_believed_before_the_error_too(served: Served) -> None:
    paid = intent(status="succeeded", amount_capturable=0, amount_received=1230)
    served.will_say((400, error("payment_intent_unexpected_state", payment_intent=paid)))
    outcome = served.stripe.perform(call(OperationKind.CONFIRM, capture=CaptureMode.AUTOMATIC))
    assert outcome.kind is OutcomeKind.APPROVED


@pytest.mark.parametrize("minor", [0, -1])
def test_part_of_nothing_or_less_is_refused_before_any_call(served: Served, minor: int) -> None:
    parts = (Split("acct_1", Money(minor, "EUR")), Split("acct_2", Money(100, "EUR")))
    outcome = served.stripe.perform(call(OperationKind.CREATE, splits=parts))
    assert (outcome.kind, served.asked) == (OutcomeKind.DECLINED, [])


def test_charge_without_the_customer_that_wants_them_is_a_decline_not_a_redirect(served: Served) -> None:
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.stripe.com/3ds/1"}}
    waits = intent(status="requires_action", next_action=action)
    served.will_say((402, error("authentication_required", type_="card_error", payment_intent=waits)))
    outcome = served.stripe.perform(call(OperationKind.CONFIRM))
    assert outcome.decline is not None
    assert (outcome.kind, outcome.decline.reason) == (OutcomeKind.DECLINED, "authentication_required")


def test_secrets_in_requests_and_endpoints_are_not_shown_where_objects_are(served: Served) -> None:
    assert served.stripe.facets.mirror is not None
    order = SaveOrder("key_1", "pm_1", CARD, "cus_1", StoredUse())
    request = served.stripe.facets.mirror.save_request(order)
    assert SECRET_KEY in str(request.headers)
    assert SECRET_KEY not in repr(request)
    made = {"id": "we_1", "url": "https://shop.example/hook", "status": "enabled", "secret": "whsec_of_it"}
    served.will_say(made)
    assert served.stripe.facets.endpoints is not None
    answer = served.stripe.facets.endpoints.register("https://shop.example/hook", "key_1")
    assert answer.value is not None
    assert answer.value.secrets == {"webhook_secret": "whsec_of_it"}
    assert "whsec_of_it" not in repr(answer)


def test_bank_account_is_not_shown_where_objects_are() -> None:
    account = SepaDebitCredential("DE89370400440532013000", "Ada Lovelace", "ada@example.com", Mandate("M1", AT))
    assert "DE89370400440532013000" not in repr(call(OperationKind.CONFIRM, credential=account))
