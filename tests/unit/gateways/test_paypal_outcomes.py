"""What PayPal's answers come to: approvals, declines, actions, and what is read before anything is sent again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from paypal_served import PayPalServer, call_of, order, payment, paypal_server

from currency.money import Money
from orchestrator.gateways.base import CaptureMode, Lookup, OperationCall, OperationKind
from orchestrator.gateways.credentials import IdealCredential, PayPalWalletCredential
from orchestrator.gateways.paypal.mapping import COMPLETED_ON_APPROVAL, read_order, read_void
from routing.outcomes import Outcome, OutcomeKind

ORDER = "/v2/checkout/orders/ORDER1"
WALLET = PayPalWalletCredential()
ACTION = [{"rel": "payer-action", "href": "https://www.sandbox.paypal.com/checkoutnow?token=ORDER1"}]
CONFIRM, COMPLETE = OperationKind.CONFIRM, OperationKind.COMPLETE


@pytest.fixture
def paypal() -> Iterator[PayPalServer]:
    with paypal_server() as server:
        yield server


def performed(paypal: PayPalServer, call: OperationCall) -> Outcome:
    gateway = paypal.gateway()
    outcome = gateway.perform(call)
    gateway.close()
    return outcome


def reason_of(outcome: Outcome) -> str:
    assert outcome.kind is OutcomeKind.DECLINED, outcome
    assert outcome.decline is not None
    return outcome.decline.reason


def authenticated(shift: str, enrolled: str, status: str = "") -> dict[str, Any]:
    secure = {"enrollment_status": enrolled} | ({"authentication_status": status} if status else {})
    return {"card": {"authentication_result": {"liability_shift": shift, "three_d_secure": secure}}}


def test_authorisation_tells_its_end_its_network_id_and_the_kept_card(paypal: PayPalServer) -> None:
    authorization = payment(
        "AUTH1",
        "CREATED",
        expiration_time="2026-04-30T10:00:00Z",
        network_transaction_reference={"id": "483297487231504"},
    )
    vault = {"vault": {"id": "8kk8451t", "status": "VAULTED", "customer": {"id": "cust_1"}}}
    source = authenticated("POSSIBLE", "Y", "Y")["card"] | {"attributes": vault}
    shown = order("COMPLETED", authorizations=[authorization], payment_source={"card": source})
    paypal.answer("POST", f"{ORDER}/authorize", 201, shown)
    outcome = performed(paypal, call_of(CONFIRM))
    assert outcome.kind is OutcomeKind.APPROVED
    assert outcome.capture_before == datetime(2026, 4, 30, 10, tzinfo=UTC)
    assert outcome.network_transaction_id == "483297487231504"
    assert (outcome.gateway_token, outcome.gateway_customer) == ("8kk8451t", "cust_1")
    assert outcome.authentication is not None
    assert (outcome.authentication.result, outcome.authentication.liability_shifted) == ("authenticated", True)


def test_completed_order_with_a_declined_capture_is_a_decline(paypal: PayPalServer) -> None:
    capture = payment("CAP1", "DECLINED", processor_response={"response_code": "5120"})
    shown = order("COMPLETED", intent="CAPTURE", captures=[capture])
    paypal.answer("POST", f"{ORDER}/capture", 201, shown)
    outcome = performed(paypal, call_of(CONFIRM, capture=CaptureMode.AUTOMATIC))
    assert reason_of(outcome) == "insufficient_funds"


@pytest.mark.parametrize(
    ("status", "value", "kind"),
    [
        ("COMPLETED", "12.30", OutcomeKind.APPROVED),
        ("COMPLETED", "12.29", OutcomeKind.UNKNOWN),
        ("PENDING", "12.30", OutcomeKind.PENDING),
    ],
)
def test_payment_captured_at_once_is_judged_by_its_capture(
    paypal: PayPalServer, status: str, value: str, kind: OutcomeKind
) -> None:
    shown = order("COMPLETED", intent="CAPTURE", captures=[payment("CAP1", status, value)])
    paypal.answer("POST", f"{ORDER}/capture", 201, shown)
    outcome = performed(paypal, call_of(CONFIRM, capture=CaptureMode.AUTOMATIC))
    assert (outcome.kind, outcome.gateway_operation_id) == (kind, "CAP1")


def test_wallet_is_sent_to_paypals_page(paypal: PayPalServer) -> None:
    paypal.answer("GET", ORDER, 200, order())
    paypal.answer("POST", f"{ORDER}/confirm-payment-source", 200, order("PAYER_ACTION_REQUIRED", links=ACTION))
    outcome = performed(paypal, call_of(CONFIRM, credential=WALLET))
    assert outcome.kind is OutcomeKind.ACTION_REQUIRED
    assert outcome.next_action is not None
    assert outcome.next_action.url == ACTION[0]["href"]


@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        (order("PAYER_ACTION_REQUIRED", links=ACTION), OutcomeKind.ACTION_REQUIRED),
        (order("APPROVED"), OutcomeKind.ACTION_REQUIRED),
        (order("COMPLETED", authorizations=[payment("AUTH1", "CREATED")]), OutcomeKind.APPROVED),
        (order("VOIDED"), OutcomeKind.DECLINED),
    ],
)
def test_payment_source_is_not_confirmed_again_where_the_order_has_it(
    paypal: PayPalServer, shown: dict[str, Any], kind: OutcomeKind
) -> None:
    paypal.answer("GET", ORDER, 200, shown)
    assert performed(paypal, call_of(CONFIRM, credential=WALLET)).kind is kind
    assert paypal.lines() == [f"GET {ORDER}"]


def test_order_that_cannot_be_read_is_not_confirmed(paypal: PayPalServer) -> None:
    paypal.answer("GET", ORDER, 500, {})
    assert performed(paypal, call_of(CONFIRM, credential=WALLET)).kind is OutcomeKind.UNKNOWN
    assert paypal.lines() == [f"GET {ORDER}"]


@pytest.mark.parametrize(("intent", "verb"), [("AUTHORIZE", "authorize"), ("CAPTURE", "capture")])
def test_approved_order_is_completed_as_it_was_meant(paypal: PayPalServer, intent: str, verb: str) -> None:
    paypal.answer("GET", ORDER, 200, order("APPROVED", intent=intent))
    made = [payment("PAID1", "CREATED" if verb == "authorize" else "COMPLETED")]
    held = {"authorizations": made} if verb == "authorize" else {"captures": made}
    paypal.answer("POST", f"{ORDER}/{verb}", 201, order("COMPLETED", intent=intent, **held))
    outcome = performed(paypal, call_of(COMPLETE))
    assert (outcome.kind, outcome.gateway_operation_id) == (OutcomeKind.APPROVED, "PAID1")
    assert paypal.lines() == [f"GET {ORDER}", f"POST {ORDER}/{verb}"]


def test_order_that_is_completed_already_is_not_completed_again(paypal: PayPalServer) -> None:
    paypal.answer("GET", ORDER, 200, order("COMPLETED", authorizations=[payment("AUTH1", "CREATED")]))
    assert performed(paypal, call_of(COMPLETE)).kind is OutcomeKind.APPROVED
    assert paypal.lines() == [f"GET {ORDER}"]


def test_payer_who_comes_back_without_approving_has_still_to_act(paypal: PayPalServer) -> None:
    paypal.answer("GET", ORDER, 200, order("PAYER_ACTION_REQUIRED", links=ACTION))
    paypal.answer("POST", f"{ORDER}/authorize", 422, {"details": [{"issue": "ORDER_NOT_APPROVED"}]})
    assert performed(paypal, call_of(COMPLETE)).kind is OutcomeKind.ACTION_REQUIRED


@pytest.mark.parametrize(
    ("shift", "enrolled", "status", "reason"),
    [
        ("NO", "Y", "N", "authentication_failed"),
        ("NO", "Y", "R", "authentication_failed"),
        ("NO", "Y", "", "authentication_failed"),
        ("UNKNOWN", "Y", "U", "authentication_technical"),
        ("UNKNOWN", "Y", "C", "authentication_technical"),
        ("UNKNOWN", "U", "", "authentication_technical"),
    ],
)
def test_payment_whose_authentication_did_not_succeed_is_not_completed(
    paypal: PayPalServer, shift: str, enrolled: str, status: str, reason: str
) -> None:
    paypal.answer("GET", ORDER, 200, order("APPROVED", payment_source=authenticated(shift, enrolled, status)))
    assert reason_of(performed(paypal, call_of(COMPLETE))) == reason
    assert paypal.lines() == [f"GET {ORDER}"]


@pytest.mark.parametrize(
    ("shift", "enrolled", "status"),
    [("POSSIBLE", "Y", "Y"), ("POSSIBLE", "Y", "A"), ("NO", "N", ""), ("NO", "U", ""), ("NO", "B", "")],
)
def test_payment_that_could_not_be_authenticated_goes_on(
    paypal: PayPalServer, shift: str, enrolled: str, status: str
) -> None:
    paypal.answer("GET", ORDER, 200, order("APPROVED", payment_source=authenticated(shift, enrolled, status)))
    paypal.answer("POST", f"{ORDER}/authorize", 201, order("COMPLETED", authorizations=[payment("AUTH1", "CREATED")]))
    assert performed(paypal, call_of(COMPLETE)).kind is OutcomeKind.APPROVED


@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        (order("PAYER_ACTION_REQUIRED", links=ACTION), OutcomeKind.ACTION_REQUIRED),
        (order("APPROVED"), OutcomeKind.PENDING),
        (order("COMPLETED", captures=[payment("CAP1", "COMPLETED")]), OutcomeKind.APPROVED),
        (order("COMPLETED", captures=[payment("CAP1", "DECLINED")]), OutcomeKind.DECLINED),
    ],
)
def test_ideal_completes_itself_and_is_only_read(
    paypal: PayPalServer, shown: dict[str, Any], kind: OutcomeKind
) -> None:
    ideal = shown | {"intent": "CAPTURE", "processing_instruction": COMPLETED_ON_APPROVAL}
    paypal.answer("GET", ORDER, 200, ideal)
    assert performed(paypal, call_of(COMPLETE)).kind is kind
    assert paypal.lines() == [f"GET {ORDER}"]


def test_ideal_is_confirmed_with_the_order_to_complete_itself(paypal: PayPalServer) -> None:
    paypal.answer("GET", ORDER, 200, order(intent="CAPTURE"))
    paypal.answer("POST", f"{ORDER}/confirm-payment-source", 200, order("PAYER_ACTION_REQUIRED", links=ACTION))
    call = call_of(CONFIRM, credential=IdealCredential("Ada Lovelace"), capture=CaptureMode.AUTOMATIC)
    assert performed(paypal, call).kind is OutcomeKind.ACTION_REQUIRED
    assert paypal.asked()[-1].json["processing_instruction"] == COMPLETED_ON_APPROVAL


def looked(paypal: PayPalServer, call: OperationCall) -> tuple[Lookup, Outcome | None]:
    gateway = paypal.gateway()
    found = gateway.look_up(call)
    gateway.close()
    return found.state, found.outcome


def test_of_several_captures_our_own_is_found(paypal: PayPalServer) -> None:
    others = payment("CAP1", "COMPLETED", "5.00", invoice_id="op_0")
    ours = payment("CAP2", "COMPLETED", "12.30", invoice_id="op_1")
    paypal.answer("GET", ORDER, 200, order("COMPLETED", captures=[others, ours]))
    state, outcome = looked(paypal, call_of(OperationKind.CAPTURE))
    assert state is Lookup.SETTLED
    assert outcome is not None
    assert outcome.gateway_operation_id == "CAP2"


def test_capture_of_another_operation_proves_nothing_about_ours(paypal: PayPalServer) -> None:
    others = payment("CAP1", "COMPLETED", invoice_id="op_0")
    paypal.answer("GET", ORDER, 200, order("COMPLETED", captures=[others]))
    assert looked(paypal, call_of(OperationKind.CAPTURE)) == (Lookup.OPEN, None)


@pytest.mark.parametrize(
    ("status", "state"), [("COMPLETED", Lookup.SETTLED), ("FAILED", Lookup.SETTLED), ("PENDING", Lookup.OPEN)]
)
def test_refund_is_found_in_its_order_by_our_operation(paypal: PayPalServer, status: str, state: Lookup) -> None:
    refunds = [payment("R0", "COMPLETED", "1.00", custom_id="op_0"), payment("R1", status, custom_id="op_1")]
    paypal.answer("GET", ORDER, 200, order("COMPLETED", refunds=refunds))
    call = call_of(OperationKind.REFUND, gateway_operation_id="CAP1")
    found, outcome = looked(paypal, call)
    assert found is state
    assert outcome is not None
    assert outcome.gateway_operation_id == "R1"
    assert looked(paypal, replace(call, operation_id="op_9")) == (Lookup.OPEN, None)


def test_refund_whose_order_is_not_known_cannot_be_looked_up(paypal: PayPalServer) -> None:
    call = call_of(OperationKind.REFUND, gateway_payment_id="", gateway_operation_id="CAP1")
    assert looked(paypal, call) == (Lookup.UNAVAILABLE, None)
    assert paypal.taken == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [("VOIDED", OutcomeKind.APPROVED), ("CAPTURED", OutcomeKind.DECLINED), ("PARTIALLY_CAPTURED", None)],
)
def test_what_is_captured_in_part_can_still_be_voided(status: str, kind: OutcomeKind | None) -> None:
    outcome = read_void(call_of(OperationKind.VOID), payment("AUTH1", status))
    assert (outcome.kind if outcome else None) is kind


def test_wallet_that_is_kept_later_has_no_token_yet() -> None:
    source = {"paypal": {"attributes": {"vault": {"status": "APPROVED", "customer": {"id": "cust_1"}}}}}
    shown = order("COMPLETED", authorizations=[payment("AUTH1", "CREATED")], payment_source=source)
    outcome = read_order(call_of(CONFIRM), shown)
    assert outcome is not None
    assert outcome.gateway_token == ""


def test_amount_of_another_currency_is_not_an_approval(paypal: PayPalServer) -> None:
    shown = payment("CAP1", "COMPLETED") | {"amount": {"currency_code": "USD", "value": "12.30"}}
    paypal.answer("POST", "/v2/payments/authorizations/AUTH1/capture", 201, shown)
    outcome = performed(paypal, call_of(OperationKind.CAPTURE))
    assert (outcome.kind, outcome.amount) == (OutcomeKind.UNKNOWN, Money(1230, "USD"))


@pytest.mark.parametrize(
    "issue",
    [
        "DUPLICATE_REQUEST_ID",
        "MAX_AUTHORIZATION_COUNT_EXCEEDED",
        "ORDER_ALREADY_AUTHORIZED",
        "ORDER_ALREADY_CAPTURED",
        "ORDER_ALREADY_COMPLETED",
        "ORDER_CANNOT_BE_CONFIRMED",
        "ORDER_COMPLETED_OR_VOIDED",
        "ORDER_COMPLETION_IN_PROGRESS",
        "PAYMENT_ALREADY_APPROVED",
        "PAYPAL_REQUEST_ID_PREVIOUSLY_USED",
        "PREVIOUS_REQUEST_IN_PROGRESS",
    ],
)
def test_issue_that_tells_of_an_earlier_request_is_unknown(paypal: PayPalServer, issue: str) -> None:
    paypal.answer("POST", f"{ORDER}/authorize", 422, {"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": issue}]})
    assert performed(paypal, call_of(CONFIRM)).kind is OutcomeKind.UNKNOWN


def test_of_several_issues_the_one_that_tells_of_money_counts(paypal: PayPalServer) -> None:
    details = [{"issue": "INSTRUMENT_DECLINED"}, {"issue": "ORDER_ALREADY_CAPTURED"}]
    paypal.answer("POST", f"{ORDER}/authorize", 422, {"name": "UNPROCESSABLE_ENTITY", "details": details})
    assert performed(paypal, call_of(CONFIRM)).kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize("status", [408, 425, 499])
def test_status_that_is_no_refusal_is_unknown_whatever_its_body(paypal: PayPalServer, status: int) -> None:
    paypal.answer("POST", f"{ORDER}/authorize", status, {"name": "REQUEST_TIMEOUT", "message": "Took too long."})
    assert performed(paypal, call_of(CONFIRM)).kind is OutcomeKind.UNKNOWN


def test_payer_who_came_back_is_not_declined_for_want_of_a_link(paypal: PayPalServer) -> None:
    paypal.answer("GET", ORDER, 200, order("PAYER_ACTION_REQUIRED"))
    gateway = paypal.gateway()
    found = gateway.look_up(call_of(COMPLETE))
    gateway.close()
    assert found.outcome is not None
    assert found.outcome.kind is OutcomeKind.ACTION_REQUIRED
