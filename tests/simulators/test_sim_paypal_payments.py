"""Money at the PayPal simulator after the order: captures, time, renewal, refunds, disputes, and the reports of it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sim_paypal import ACCOUNT, Merchant, card, events, new_world, pass_days, payment, running

from simulators.disputes import Dispute, DisputeKind, DisputeState
from simulators.paypal.disputes import decide, open_dispute
from simulators.paypal.wire import stamp
from simulators.scenarios import Behaviour, Scenario
from simulators.world import World

AUTHORIZATIONS = "/v2/payments/authorizations"
CAPTURES = "/v2/payments/captures"
DISPUTES = "/v1/customer/disputes"
FIVE = {"amount": {"currency_code": "EUR", "value": "5.00"}}


@pytest.fixture
def world() -> World:
    return new_world()


@pytest.fixture
def shop(world: World) -> Iterator[Merchant]:
    with running(world) as url:
        yield Merchant(url)


# captures and time


def test_an_authorization_is_captured_in_parts_until_the_final_one(shop: Merchant, world: World) -> None:
    id = shop.authorized()["id"]
    path = f"{AUTHORIZATIONS}/{id}"
    shop.post(f"{path}/capture", FIVE)
    assert shop.get(path)["status"] == "PARTIALLY_CAPTURED"
    last = shop.post(f"{path}/capture", {**FIVE, "final_capture": True})
    assert (last["final_capture"], shop.get(path)["status"]) == (True, "CAPTURED")
    assert shop.refused("POST", f"{path}/capture") == (422, "AUTHORIZATION_ALREADY_CAPTURED")
    assert shop.refused("POST", f"{path}/void") == (422, "PREVIOUSLY_CAPTURED")
    assert world.book("paypal", ACCOUNT, "EUR").captured_minor == 1000


def test_what_is_left_of_a_partly_captured_authorization_can_be_voided(shop: Merchant) -> None:
    path = f"{AUTHORIZATIONS}/{shop.authorized()['id']}"
    shop.post(f"{path}/capture", FIVE)
    assert shop.post(f"{path}/void", status=200)["status"] == "VOIDED"
    assert shop.refused("POST", f"{path}/capture") == (422, "AUTHORIZATION_VOIDED")


def test_ten_captures_are_the_most(shop: Merchant) -> None:
    path = f"{AUTHORIZATIONS}/{shop.authorized()['id']}"
    one = {"amount": {"currency_code": "EUR", "value": "1.00"}}
    for _ in range(10):
        shop.post(f"{path}/capture", one)
    assert shop.refused("POST", f"{path}/capture", one) == (422, "MAX_CAPTURE_COUNT_EXCEEDED")


def test_an_authorization_is_good_for_29_days(shop: Merchant, world: World) -> None:
    path = f"{AUTHORIZATIONS}/{shop.authorized()['id']}"
    pass_days(world, 28.9)
    shop.log_in()
    assert shop.get(path)["status"] == "CREATED"
    pass_days(world, 0.2)
    shop.log_in()
    assert shop.get(path)["status"] == "VOIDED"
    assert shop.refused("POST", f"{path}/capture") == (422, "AUTHORIZATION_EXPIRED")
    assert events(world)[-1] == "PAYMENT.AUTHORIZATION.VOIDED"
    assert next(iter(world.charges.values())).voided


def wallet_authorization(shop: Merchant) -> str:
    order = shop.post(f"/v2/checkout/orders/{shop.approved_wallet_order('AUTHORIZE')}/authorize")
    return str(payment(order, "authorizations")["id"])


def test_a_wallet_authorization_is_renewed_once_from_the_fourth_day(shop: Merchant, world: World) -> None:
    path = f"{AUTHORIZATIONS}/{wallet_authorization(shop)}"
    assert shop.refused("POST", f"{path}/reauthorize") == (422, "REAUTHORIZATION_NOT_SUPPORTED")
    pass_days(world, 3)
    shop.log_in()
    renewed = shop.post(f"{path}/reauthorize", {"amount": {"currency_code": "EUR", "value": "20.00"}})
    assert (renewed["status"], renewed["amount"]["value"]) == ("CREATED", "20.00")
    again = f"{AUTHORIZATIONS}/{renewed['id']}"
    assert shop.refused("POST", f"{again}/reauthorize") == (422, "REAUTHORIZATION_NOT_SUPPORTED")
    assert shop.refused("POST", f"{again}/void") == (422, "CANNOT_BE_VOIDED")
    assert shop.post(f"{again}/capture")["amount"]["value"] == "20.00"


def test_a_card_authorization_is_not_renewed(shop: Merchant, world: World) -> None:
    path = f"{AUTHORIZATIONS}/{shop.authorized()['id']}"
    pass_days(world, 5)
    shop.log_in()
    assert shop.refused("POST", f"{path}/reauthorize") == (422, "REAUTHORIZATION_NOT_SUPPORTED")


@pytest.mark.parametrize(
    ("reason", "status", "event", "captured"),
    [
        ("pending", "COMPLETED", "PAYMENT.CAPTURE.COMPLETED", 1999),
        ("pending_then_denied", "DECLINED", "PAYMENT.CAPTURE.DENIED", 0),
    ],
)
def test_a_capture_under_review_is_paid_or_denied_later(
    shop: Merchant, world: World, reason: str, status: str, event: str, captured: int
) -> None:
    world.scenarios.append(Scenario("paypal", "create", Behaviour.DECLINE, reason=reason))
    capture = shop.captured()
    assert (capture["status"], capture["status_details"]["reason"]) == ("PENDING", "PENDING_REVIEW")
    path = f"{CAPTURES}/{capture['id']}"
    assert shop.refused("POST", f"{path}/refund") == (422, "PENDING_CAPTURE")
    assert world.book("paypal", ACCOUNT, "EUR").captured_minor == 0
    pass_days(world, 1.1)
    shop.log_in()
    assert shop.get(path)["status"] == status
    assert events(world) == ["PAYMENT.CAPTURE.PENDING", event]
    assert world.book("paypal", ACCOUNT, "EUR").captured_minor == captured


# refunds


def test_a_capture_is_refunded_in_parts(shop: Merchant, world: World) -> None:
    path = f"{CAPTURES}/{shop.captured()['id']}"
    first = shop.post(f"{path}/refund", {**FIVE, "note_to_payer": "Sorry"})
    assert first["seller_payable_breakdown"]["total_refunded_amount"]["value"] == "5.00"
    assert shop.get(path)["status"] == "PARTIALLY_REFUNDED"
    rest = shop.post(f"{path}/refund")
    assert rest["amount"]["value"] == "14.99"
    assert rest["seller_payable_breakdown"]["total_refunded_amount"]["value"] == "19.99"
    assert shop.get(path)["status"] == "REFUNDED"
    assert shop.refused("POST", f"{path}/refund") == (422, "CAPTURE_FULLY_REFUNDED")
    assert shop.get(f"/v2/payments/refunds/{first['id']}")["note_to_payer"] == "Sorry"
    assert world.book("paypal", ACCOUNT, "EUR").refunded_minor == 1999


@pytest.mark.parametrize(
    ("reason", "status", "event", "refunded"),
    [
        ("pending", "COMPLETED", "PAYMENT.CAPTURE.REFUNDED", 500),
        ("pending_then_failed", "FAILED", "PAYMENT.REFUND.FAILED", 0),
    ],
)
def test_a_refund_by_echeck_arrives_or_fails_days_later(
    shop: Merchant, world: World, reason: str, status: str, event: str, refunded: int
) -> None:
    capture = shop.captured()
    world.scenarios.append(Scenario("paypal", "refund", Behaviour.DECLINE, reason=reason))
    made = shop.post(f"{CAPTURES}/{capture['id']}/refund", FIVE)
    assert (made["status"], made["status_details"]["reason"]) == ("PENDING", "ECHECK")
    pass_days(world, 7)
    shop.log_in()
    assert shop.get(f"/v2/payments/refunds/{made['id']}")["status"] == status
    assert events(world)[-2:] == ["PAYMENT.REFUND.PENDING", event]
    assert world.book("paypal", ACCOUNT, "EUR").refunded_minor == refunded


def test_a_refund_comes_too_late_after_180_days(shop: Merchant, world: World) -> None:
    path = f"{CAPTURES}/{shop.captured()['id']}/refund"
    pass_days(world, 181)
    shop.log_in()
    assert shop.refused("POST", path) == (422, "REFUND_TIME_LIMIT_EXCEEDED")


def test_an_invoice_id_refunds_once(shop: Merchant) -> None:
    path = f"{CAPTURES}/{shop.captured()['id']}/refund"
    shop.post(path, {**FIVE, "invoice_id": "credit_1"})
    assert shop.refused("POST", path, {**FIVE, "invoice_id": "credit_1"}) == (422, "DUPLICATE_INVOICE_ID")


def test_forint_have_no_decimals_and_the_breakdown_adds_up(shop: Merchant) -> None:
    shown = shop.captured(currency="HUF", value="1999")["seller_receivable_breakdown"]
    gross, fee, net = (int(shown[name]["value"]) for name in ("gross_amount", "paypal_fee", "net_amount"))
    assert (gross, gross - fee) == (1999, net)


# disputes


def disputed(world: World, kind: DisputeKind = DisputeKind.CHARGEBACK, minor: int = 1999) -> Dispute:
    return open_dispute(world, next(iter(world.charges.values())), "not_received", kind, minor)


def evidence(**more: Any) -> dict[str, Any]:
    return {"evidences": [{"evidence_type": "PROOF_OF_FULFILLMENT", "notes": "Delivered", **more}]}


def test_a_chargeback_of_a_card_takes_the_money_and_a_fee_and_is_told(shop: Merchant, world: World) -> None:
    capture = shop.captured()
    case = disputed(world)
    shown = shop.get(f"{DISPUTES}/{case.id}")
    assert shown["disputed_transactions"][0]["seller_transaction_id"] == capture["id"]
    assert (shown["status"], shown["dispute_life_cycle_stage"], shown["dispute_channel"]) == (
        "WAITING_FOR_SELLER_RESPONSE",
        "CHARGEBACK",
        "EXTERNAL",
    )
    assert [m["reason"] for m in shown["money_movements"]] == ["DISPUTE_SETTLEMENT", "CHARGEBACK_FEE"]
    book = world.book("paypal", ACCOUNT, "EUR")
    assert (book.disputed_minor, book.dispute_fees_minor) == (1999, 1600)
    assert events(world)[-1] == "CUSTOMER.DISPUTE.CREATED"
    assert shop.refused("POST", f"{CAPTURES}/{capture['id']}/refund") == (422, "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK")


@pytest.mark.parametrize(
    ("outcome", "code", "left", "last"),
    [
        ("SELLER_FAVOR", "RESOLVED_SELLER_FAVOUR", 0, "CUSTOMER.DISPUTE.RESOLVED"),
        ("BUYER_FAVOR", "RESOLVED_BUYER_FAVOUR", 1999, "CUSTOMER.DISPUTE.RESOLVED"),
    ],
)
def test_evidence_brings_a_case_under_review_and_the_sandbox_settles_it(
    shop: Merchant, world: World, outcome: str, code: str, left: int, last: str
) -> None:
    capture = shop.captured()
    path = f"{DISPUTES}/{disputed(world).id}"
    settle = {"adjudication_outcome": outcome}
    issue = (422, "ACTION_NOT_ALLOWED_IN_CURRENT_DISPUTE_STATE")
    assert shop.refused("POST", f"{path}/adjudicate", settle) == issue
    proof = {"evidence-file": ("proof.pdf", b"%PDF-1.4", "application/pdf")}
    shop.send_form(f"{path}/provide-evidence", 200, json.dumps(evidence()), proof)
    review = shop.get(path)
    assert (review["status"], review["evidences"][0]["documents"]) == ("UNDER_REVIEW", [{"name": "proof.pdf"}])
    shop.post(f"{path}/adjudicate", settle, 200)
    assert shop.get(path)["dispute_outcome"]["outcome_code"] == code
    assert world.book("paypal", ACCOUNT, "EUR").disputed_minor == left
    assert events(world)[-1] == last
    assert ("PAYMENT.CAPTURE.REVERSED" in events(world)) is bool(left)
    assert shop.get(f"{CAPTURES}/{capture['id']}")["status"] == ("REFUNDED" if left else "COMPLETED")


def test_the_sandbox_asks_for_more_evidence(shop: Merchant, world: World) -> None:
    shop.captured()
    path = f"{DISPUTES}/{disputed(world).id}"
    shop.post(f"{path}/provide-evidence", evidence(), 200)
    shop.post(f"{path}/require-evidence", {"action": "SELLER_EVIDENCE"}, 200)
    assert shop.get(path)["status"] == "WAITING_FOR_SELLER_RESPONSE"
    shop.post(f"{path}/provide-evidence", evidence(), 200)
    assert len(shop.get(path)["evidences"]) == 2


def test_an_accepted_claim_is_the_buyers(shop: Merchant, world: World) -> None:
    shop.captured()
    case = disputed(world, DisputeKind.INQUIRY, 500)
    shop.post(f"{DISPUTES}/{case.id}/accept-claim", {"note": "Our fault"}, 200)
    assert (case.state, world.book("paypal", ACCOUNT, "EUR").disputed_minor) == (DisputeState.ACCEPTED, 500)
    assert events(world)[-2:] == ["PAYMENT.CAPTURE.REVERSED", "CUSTOMER.DISPUTE.RESOLVED"]


def test_a_claim_that_nobody_answers_is_lost_after_ten_days(shop: Merchant, world: World) -> None:
    shop.captured()
    case = disputed(world)
    pass_days(world, 9.9)
    assert case.is_open
    pass_days(world, 0.2)
    assert case.state is DisputeState.EXPIRED
    assert events(world)[-1] == "CUSTOMER.DISPUTE.RESOLVED"


def test_an_inquiry_that_nobody_escalates_is_closed_after_twenty_days(shop: Merchant, world: World) -> None:
    shop.captured()
    case = disputed(world, DisputeKind.INQUIRY)
    assert world.book("paypal", ACCOUNT, "EUR").disputed_minor == 0
    pass_days(world, 20.1)
    shop.log_in()
    assert shop.get(f"{DISPUTES}/{case.id}")["dispute_outcome"]["outcome_code"] == "CANCELED_BY_BUYER"


def test_an_escalated_inquiry_is_a_claim_with_a_deadline_of_its_own(shop: Merchant, world: World) -> None:
    shop.captured()
    case = disputed(world, DisputeKind.INQUIRY)
    path = f"{DISPUTES}/{case.id}"
    shop.post(f"{path}/send-message", {"message": "What is wrong?"}, 200)
    pass_days(world, 15)
    shop.log_in()
    shop.post(f"{path}/escalate", {"note": "No answer"}, 200)
    assert shop.get(path)["dispute_life_cycle_stage"] == "CHARGEBACK"
    assert world.book("paypal", ACCOUNT, "EUR").disputed_minor == 1999
    pass_days(world, 6)
    assert case.is_open, "the inquiry's deadline has ended the claim"
    pass_days(world, 4.1)
    assert case.state is DisputeState.EXPIRED


def test_a_lost_claim_is_appealed_once(shop: Merchant, world: World) -> None:
    shop.captured()
    case = disputed(world)
    decide(world, case, won=False)
    path = f"{DISPUTES}/{case.id}"
    (listed,) = shop.get(DISPUTES)["items"]
    assert listed["dispute_state"] == "APPEALABLE"
    shop.post(f"{path}/appeal", evidence(), 200)
    assert shop.get(path)["dispute_life_cycle_stage"] == "PRE_ARBITRATION"
    decide(world, case, won=False)
    assert shop.refused("POST", f"{path}/appeal", evidence()) == (422, "ACTION_NOT_ALLOWED_IN_CURRENT_DISPUTE_STATE")


def test_a_disputed_wallet_payment_is_not_refunded_in_part(shop: Merchant, world: World) -> None:
    order = shop.post(f"/v2/checkout/orders/{shop.approved_wallet_order()}/capture")
    path = f"{CAPTURES}/{payment(order, 'captures')['id']}/refund"
    disputed(world, DisputeKind.INQUIRY)
    assert shop.refused("POST", path, FIVE) == (422, "TRANSACTION_DISPUTED")
    assert shop.post(path)["status"] == "COMPLETED"


def test_disputes_are_listed_latest_first_and_page_by_page(shop: Merchant, world: World) -> None:
    assert "items" not in shop.get(DISPUTES)
    shop.captured()
    cases = [disputed(world, DisputeKind.INQUIRY, 100 + n).id for n in range(3)]
    page = shop.get(DISPUTES, page_size="2")
    assert [each["dispute_id"] for each in page["items"]] == cases[:0:-1]
    (following,) = [each["href"] for each in page["links"] if each["rel"] == "next"]
    rest = shop.get(DISPUTES, **dict(parse_qsl(urlsplit(following).query)))
    assert [each["dispute_id"] for each in rest["items"]] == cases[:1]
    assert "items" not in shop.get(DISPUTES, dispute_state="RESOLVED")
    assert shop.get(f"{DISPUTES}/PP-D-0", 404)["name"] == "RESOURCE_NOT_FOUND"


# reports


def span(world: World, days: float = 30) -> dict[str, str]:
    now = world.clock.now()
    return {"start_date": stamp(now - timedelta(days=days)), "end_date": stamp(now + timedelta(minutes=1))}


def test_transactions_tell_every_movement_by_its_code(shop: Merchant, world: World) -> None:
    capture = shop.captured(unit={"invoice_id": "att_1", "custom_id": "att_1"})
    shop.post(f"{CAPTURES}/{capture['id']}/refund", FIVE)
    disputed(world, minor=1000)
    report = shop.get("/v1/reporting/transactions", **span(world))
    rows = [each["transaction_info"] for each in report["transaction_details"]]
    codes = [(row["transaction_event_code"], row["transaction_amount"]["value"]) for row in rows]
    assert codes == [("T0006", "19.99"), ("T1107", "-5.00"), ("T1201", "-10.00"), ("T0106", "-16.00")]
    assert (rows[0]["transaction_id"], rows[0]["invoice_id"], rows[0]["fee_amount"]["value"]) == (
        capture["id"],
        "att_1",
        "-0.85",
    )
    assert rows[1]["paypal_reference_id"] == capture["id"]
    (balance,) = shop.get("/v1/reporting/balances")["balances"]
    assert balance["total_balance"]["value"] == "-11.86"


def test_a_report_of_nothing_lists_nothing(shop: Merchant, world: World) -> None:
    report = shop.get("/v1/reporting/transactions", **span(world))
    assert (report["total_items"], "transaction_details" in report) == (0, False)


def test_transactions_come_in_pages_and_never_over_more_than_31_days(shop: Merchant, world: World) -> None:
    for n in range(3):
        shop.captured(key=f"k{n}")
    page = shop.get("/v1/reporting/transactions", page_size="2", page="2", **span(world))
    assert (len(page["transaction_details"]), page["total_items"], page["total_pages"]) == (1, 3, 2)
    shop.get("/v1/reporting/transactions", 400, **span(world, 32))


def test_a_card_of_an_inquiry_is_still_refundable_in_full(shop: Merchant, world: World) -> None:
    capture = payment(shop.create(shop.order(payment_source=card())), "captures")
    disputed(world, DisputeKind.INQUIRY)
    assert shop.post(f"{CAPTURES}/{capture['id']}/refund")["status"] == "COMPLETED"
