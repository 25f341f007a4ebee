"""Stripe's operations: what is asked for each credential, and what its answers come to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from stripe_served import CARD, EUR, Served, call, intent, listed, refused, serving

from currency.money import Money
from orchestrator.gateways.base import CaptureMode, Lookup, OperationKind, Split
from orchestrator.gateways.credentials import (
    Agreement,
    Browser,
    IdealCredential,
    Initiator,
    Mandate,
    Method,
    NetworkTokenCredential,
    PayPalWalletCredential,
    SavedCredential,
    SepaDebitCredential,
    Shopper,
    StoredUse,
)
from routing.outcomes import Authentication, OutcomeKind, RetryAction

AUTOMATIC = CaptureMode.AUTOMATIC
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
SEPA = SepaDebitCredential(
    "DE89370400440532013000", "Ada Lovelace", "ada@example.com", Mandate("M1", AT, "203.0.113.7", "Firefox")
)
BROWSER = Browser("text/html", "Firefox", "de-DE", 24, 900, 1600, -60)
SHOPPER = Shopper(email="ada@example.com", ip="203.0.113.7", browser=BROWSER)
KEPT = SavedCredential("pm_1", "cus_1", Method.CARD, "visa", "4242")
BY_MERCHANT = StoredUse(Initiator.MERCHANT, Agreement.SUBSCRIPTION, "4242000000")
TO_SELLER = Split("acct_seller", Money(1000, "EUR"), "line-1")


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as one:
        one.will_say(intent())
        yield one


def sent(served: Served, kind: OperationKind, **given: Any) -> dict[str, str]:
    """The form that one operation puts on the wire."""
    outcome = served.stripe.perform(call(kind, **given))
    assert served.asked, outcome
    return served.last.form


def test_intent_is_created_for_cards_with_several_captures_asked_for(served: Served) -> None:
    form = sent(served, OperationKind.CREATE)
    assert form["capture_method"] == "manual"
    assert form["allowed_payment_method_types[0]"] == "card"
    assert form["payment_method_options[card][request_multicapture]"] == "if_available"
    assert not [name for name in form if name.startswith(("payment_method_types", "payment_method_data"))]


def test_intent_captured_at_once_does_not_ask_for_several_captures(served: Served) -> None:
    form = sent(served, OperationKind.CREATE, capture=AUTOMATIC)
    assert form["capture_method"] == "automatic"
    assert "payment_method_options[card][request_multicapture]" not in form


@pytest.mark.parametrize(
    ("credential", "kind"),
    [
        (IdealCredential(), "ideal"),
        (SEPA, "sepa_debit"),
        (PayPalWalletCredential(), "paypal"),
        (KEPT, "card"),
        (SavedCredential("pm_2", "cus_1", Method.SEPA_DEBIT), "sepa_debit"),
        (SavedCredential("pm_3", "cus_1", Method.PAYPAL), "paypal"),
    ],
)
def test_intent_is_created_for_the_method_it_will_be_confirmed_with(served: Served, credential: Any, kind: str) -> None:
    form = sent(served, OperationKind.CREATE, credential=credential, capture=AUTOMATIC)
    assert form["allowed_payment_method_types[0]"] == kind


def test_saving_with_the_payment_names_the_customer_and_the_use(served: Served) -> None:
    use = StoredUse(agreement=Agreement.SUBSCRIPTION)
    created = sent(served, OperationKind.CREATE, save=use, gateway_customer="cus_1")
    assert (created["customer"], created["setup_future_usage"]) == ("cus_1", "off_session")
    confirmed = sent(served, OperationKind.CONFIRM, save=use, gateway_customer="cus_1")
    assert confirmed["payment_method_options[card][setup_credential_usage]"] == "recurring"


def test_customer_of_a_kept_credential_is_named_at_creation_where_stripe_takes_it(served: Served) -> None:
    assert sent(served, OperationKind.CREATE, credential=KEPT)["customer"] == "cus_1"


def test_card_goes_through_the_vault_with_expressions_in_its_place(served: Served) -> None:
    form = sent(served, OperationKind.CONFIRM)
    assert "proxy-authorization" in served.last.headers
    assert form["payment_method_data[card][number]"] == "tok_1.number"
    assert form["payment_method_data[card][cvc]"] == "tok_1.cvc"
    assert (form["expand[0]"], form["return_url"]) == ("latest_charge", "https://shop.example/return")
    assert "use_stripe_sdk" not in form


def test_network_token_goes_through_the_vault_with_its_cryptogram(served: Served) -> None:
    token = NetworkTokenCredential("tok_9", "visa", "1111", 8, 2031, eci="05")
    form = sent(served, OperationKind.CONFIRM, credential=token)
    assert "proxy-authorization" in served.last.headers
    assert form["payment_method_data[card][network_token][number]"] == "tok_9.network_token"
    assert form["payment_method_data[card][network_token][exp_year]"] == "2031"
    assert form["payment_method_options[card][network_token][cryptogram]"] == "tok_9.cryptogram"
    assert form["payment_method_options[card][network_token][electronic_commerce_indicator]"] == "05"
    assert "payment_method_data[card][number]" not in form


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        (KEPT, {"payment_method": "pm_1"}),
        (PayPalWalletCredential(), {"payment_method_data[type]": "paypal"}),
        (
            IdealCredential("Ada Lovelace"),
            {"payment_method_data[type]": "ideal", "payment_method_data[billing_details][name]": "Ada Lovelace"},
        ),
        (
            SEPA,
            {
                "payment_method_data[sepa_debit][iban]": "DE89370400440532013000",
                "payment_method_data[billing_details][email]": "ada@example.com",
                "mandate_data[customer_acceptance][type]": "online",
                "mandate_data[customer_acceptance][online][ip_address]": "203.0.113.7",
                "mandate_data[customer_acceptance][accepted_at]": str(int(AT.timestamp())),
            },
        ),
    ],
)
def test_what_is_not_in_the_vault_goes_straight_to_stripe(
    served: Served, credential: Any, expected: dict[str, str]
) -> None:
    form = sent(served, OperationKind.CONFIRM, credential=credential, capture=AUTOMATIC)
    assert "proxy-authorization" not in served.last.headers
    assert expected.items() <= form.items()


def test_mandate_without_a_browser_was_given_on_paper(served: Served) -> None:
    on_paper = SepaDebitCredential("DE89370400440532013000", "Ada", "ada@example.com", Mandate("M1", AT))
    form = sent(served, OperationKind.CONFIRM, credential=on_paper, capture=AUTOMATIC)
    assert form["mandate_data[customer_acceptance][type]"] == "offline"


def test_keeping_a_wallet_tells_where_the_customer_consented(served: Served) -> None:
    wallet: dict[str, Any] = {"credential": PayPalWalletCredential(), "save": StoredUse(), "shopper": SHOPPER}
    form = sent(served, OperationKind.CONFIRM, **wallet)
    assert form["mandate_data[customer_acceptance][online][user_agent]"] == "Firefox"


def test_keeping_a_wallet_without_a_place_of_consent_is_refused_before_any_call(served: Served) -> None:
    wallet: dict[str, Any] = {"credential": PayPalWalletCredential(), "save": StoredUse()}
    outcome = served.stripe.perform(call(OperationKind.CREATE, **wallet))
    assert (outcome.kind, served.asked) == (OutcomeKind.DECLINED, [])


def test_merchants_charge_of_a_kept_credential_is_off_session_and_nobody_is_redirected(served: Served) -> None:
    form = sent(served, OperationKind.CONFIRM, credential=KEPT, stored_use=BY_MERCHANT)
    assert form["off_session"] == "true"
    assert form["payment_method_options[card][stored_credential_usage]"] == "recurring"
    assert "return_url" not in form


def test_merchants_charge_of_a_vault_card_refers_to_the_first_payment(served: Served) -> None:
    form = sent(served, OperationKind.CONFIRM, stored_use=BY_MERCHANT)
    assert form["payment_method_options[card][mit_exemption][network_transaction_id]"] == "4242000000"


def test_customer_who_pays_with_a_kept_credential_is_on_session(served: Served) -> None:
    here = StoredUse(Initiator.CUSTOMER, Agreement.CARD_ON_FILE)
    form = sent(served, OperationKind.CONFIRM, credential=KEPT, stored_use=here)
    assert "off_session" not in form
    assert form["return_url"] == "https://shop.example/return"


@pytest.mark.parametrize("credential", [IdealCredential(), SEPA])
def test_what_cannot_be_authorised_first_is_refused_before_any_call(served: Served, credential: Any) -> None:
    outcome = served.stripe.perform(call(OperationKind.CONFIRM, credential=credential))
    assert (outcome.kind, served.asked) == (OutcomeKind.DECLINED, [])
    assert outcome.decline is not None
    assert outcome.decline.action_cit is RetryAction.FIX_INTEGRATION


def test_one_recipient_is_a_destination_charge_less_our_fee(served: Served) -> None:
    form = sent(served, OperationKind.CREATE, splits=(TO_SELLER,))
    assert form["transfer_data[destination]"] == "acct_seller"
    assert form["application_fee_amount"] == "230"


def test_several_recipients_share_a_group_and_not_several_captures(served: Served) -> None:
    other = Split("acct_other", Money(200, "EUR"))
    form = sent(served, OperationKind.CREATE, splits=(TO_SELLER, other))
    assert form["transfer_group"] == "pay_1"
    assert not [
        name for name in form if name.startswith(("transfer_data", "application_fee", "payment_method_options"))
    ]


def test_refund_of_a_destination_charge_takes_the_part_and_the_fee_back(served: Served) -> None:
    form = sent(served, OperationKind.REFUND, splits=(TO_SELLER,))
    assert (form["reverse_transfer"], form["refund_application_fee"]) == ("true", "true")


@pytest.mark.parametrize(
    ("split", "code"),
    [
        (Split("", Money(100, "EUR")), "recipient_not_onboarded"),
        (Split("acct_1", Money(1231, "EUR")), "invalid_request"),
        (Split("acct_1", Money(100, "USD")), "invalid_request"),
    ],
)
def test_split_that_cannot_be_is_refused_before_any_call(served: Served, split: Split, code: str) -> None:
    outcome = served.stripe.perform(call(OperationKind.CREATE, splits=(split,)))
    assert (outcome.kind, served.asked) == (OutcomeKind.DECLINED, [])
    assert outcome.decline is not None
    assert outcome.decline.gateway_code == code


def test_capture_that_is_not_the_last_keeps_the_rest(served: Served) -> None:
    assert sent(served, OperationKind.CAPTURE, final_capture=False)["final_capture"] == "false"
    assert "final_capture" not in sent(served, OperationKind.CAPTURE)


@pytest.mark.parametrize(
    ("status", "received", "before", "kind"),
    [
        ("requires_capture", 1230, None, OutcomeKind.APPROVED),
        ("requires_capture", 1730, 500, OutcomeKind.APPROVED),
        ("succeeded", 1730, 500, OutcomeKind.APPROVED),
        ("succeeded", 1730, None, OutcomeKind.UNKNOWN),
        ("succeeded", 500, 500, OutcomeKind.UNKNOWN),
    ],
)
def test_capture_is_what_the_sum_received_grew_by(
    served: Served, status: str, received: int, before: int | None, kind: OutcomeKind
) -> None:
    served.will_say(intent(status=status, amount_received=received))
    captured = Money(before, "EUR") if before else None
    outcome = served.stripe.perform(call(OperationKind.CAPTURE, captured_before=captured))
    assert outcome.kind is kind


def test_capture_that_has_not_moved_the_sum_is_open(served: Served) -> None:
    served.will_say(intent(amount_capturable=730, amount_received=500))
    asked = call(OperationKind.CAPTURE, captured_before=Money(500, "EUR"))
    assert served.stripe.look_up(asked).state is Lookup.OPEN


def test_capture_of_what_is_closed_is_refused_not_unknown(served: Served) -> None:
    closed = intent(status="succeeded", amount_capturable=0, amount_received=500)
    error = {"type": "invalid_request_error", "code": "payment_intent_unexpected_state", "payment_intent": closed}
    served.will_say((400, {"error": error}))
    outcome = served.stripe.perform(call(OperationKind.CAPTURE, captured_before=Money(500, "EUR")))
    assert outcome.decline is not None
    assert (outcome.kind, outcome.decline.reason) == (OutcomeKind.DECLINED, "invalid_state")


def test_authorisation_is_still_the_whole_after_a_part_was_captured(served: Served) -> None:
    served.will_say(intent(amount_capturable=730, amount_received=500))
    assert served.stripe.look_up(call(OperationKind.COMPLETE)).state is Lookup.SETTLED


CHARGE = {
    "id": "ch_7",
    "payment_method_details": {
        "type": "card",
        "card": {
            "capture_before": int(AT.timestamp()),
            "network_transaction_id": "987654321",
            "three_d_secure": {
                "result": "authenticated",
                "version": "2.2.0",
                "electronic_commerce_indicator": "05",
                "transaction_id": "ds-1",
            },
        },
    },
}


def test_authorisation_tells_its_end_its_network_id_and_who_authenticated(served: Served) -> None:
    served.will_say(intent(latest_charge=CHARGE))
    outcome = served.stripe.perform(call(OperationKind.COMPLETE))
    assert served.last.query["expand[0]"] == "latest_charge"
    assert (outcome.kind, outcome.gateway_operation_id) == (OutcomeKind.APPROVED, "ch_7")
    assert (outcome.capture_before, outcome.network_transaction_id) == (AT, "987654321")
    assert outcome.authentication == Authentication("authenticated", "2.2.0", "05", "", "ds-1", liability_shifted=True)


def test_credential_kept_with_the_payment_is_named_only_where_it_was_asked_for(served: Served) -> None:
    served.will_say(intent(payment_method="pm_1", customer="cus_1"))
    kept = served.stripe.perform(call(OperationKind.COMPLETE, save=StoredUse()))
    assert (kept.gateway_token, kept.gateway_customer) == ("pm_1", "cus_1")
    assert served.stripe.perform(call(OperationKind.COMPLETE)).gateway_token == ""


def test_kept_ideal_payment_leaves_a_sepa_mandate(served: Served) -> None:
    details = {"type": "ideal", "ideal": {"generated_sepa_debit": "pm_sepa"}}
    charge = {"id": "ch_1", "payment_method_details": details}
    shown: dict[str, Any] = {"payment_method": "pm_i", "customer": "cus_1", "latest_charge": charge}
    served.will_say(intent(status="succeeded", amount_received=1230, **shown))
    asked = call(OperationKind.COMPLETE, credential=IdealCredential(), capture=AUTOMATIC, save=StoredUse())
    assert served.stripe.perform(asked).gateway_token == "pm_sepa"


def test_authorisation_only_is_not_the_capture_at_once_that_was_asked(served: Served) -> None:
    assert served.stripe.perform(call(OperationKind.CONFIRM, capture=AUTOMATIC)).kind is OutcomeKind.UNKNOWN


def test_capture_at_once_of_less_is_not_an_approval(served: Served) -> None:
    served.will_say(intent(status="succeeded", amount_received=1229))
    assert served.stripe.perform(call(OperationKind.CONFIRM, capture=AUTOMATIC)).kind is OutcomeKind.UNKNOWN


def test_debit_that_takes_days_is_pending_under_its_charge(served: Served) -> None:
    served.will_say(intent(status="processing"))
    outcome = served.stripe.perform(call(OperationKind.CONFIRM, credential=SEPA, capture=AUTOMATIC))
    assert (outcome.kind, outcome.gateway_operation_id) == (OutcomeKind.PENDING, "ch_1")


def test_authentication_is_a_redirect(served: Served) -> None:
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.stripe.com/3ds/1"}}
    served.will_say(intent(status="requires_action", next_action=action))
    outcome = served.stripe.perform(call(OperationKind.CONFIRM))
    assert outcome.kind is OutcomeKind.ACTION_REQUIRED
    assert outcome.next_action is not None
    assert outcome.next_action.url == "https://hooks.stripe.com/3ds/1"


def test_what_stripe_blocked_itself_is_told_by_the_charges_outcome(served: Served) -> None:
    told = {"type": "blocked", "reason": "rule", "network_status": "not_sent_to_network"}
    error = {"code": "card_declined", "decline_code": "generic_decline", "message": "No."}
    charge = {"id": "ch_1", "outcome": told}
    served.will_say(intent(status="requires_payment_method", last_payment_error=error, latest_charge=charge))
    outcome = served.stripe.perform(call(OperationKind.COMPLETE))
    assert outcome.decline is not None
    assert (outcome.decline.reason, outcome.decline.action_cit) == ("fraud_gateway", RetryAction.FRAUD_NEVER)


def test_decline_that_never_reached_the_network_is_not_counted_as_the_issuers(served: Served) -> None:
    error = {"code": "card_declined", "decline_code": "generic_decline", "message": "No."}
    charge = {"id": "ch_1", "outcome": {"type": "invalid", "network_status": "not_sent_to_network"}}
    served.will_say(intent(status="requires_payment_method", last_payment_error=error, latest_charge=charge))
    outcome = served.stripe.perform(call(OperationKind.COMPLETE))
    assert outcome.decline is not None
    assert outcome.decline.reason == "not_submitted"


def test_too_many_calls_ask_for_a_pause(served: Served) -> None:
    served.headers["Retry-After"] = "7"
    served.will_say((429, refused("rate_limit")))
    outcome = served.stripe.perform(call(OperationKind.CONFIRM))
    assert (outcome.kind, outcome.retry_after_s) == (OutcomeKind.NOT_REACHED, 7.0)


def test_lost_intent_is_found_by_our_reference(served: Served) -> None:
    served.will_say({"object": "search_result", "data": [intent(status="requires_payment_method")], "has_more": False})
    result = served.stripe.look_up(call(OperationKind.CREATE, gateway_payment_id=""))
    assert served.last.query["query"] == "metadata['clearway_attempt']:'att_1'"
    assert result.outcome is not None
    assert (result.state, result.outcome.gateway_payment_id) == (Lookup.SETTLED, "pi_1")


@pytest.mark.parametrize("found", [[], [intent(), intent(id="pi_2")]])
def test_search_that_finds_none_or_several_proves_nothing(served: Served, found: list[dict[str, Any]]) -> None:
    served.will_say({"object": "search_result", "data": found, "has_more": False})
    assert served.stripe.look_up(call(OperationKind.CREATE, gateway_payment_id="")).state is Lookup.UNAVAILABLE


def refund(number: int, operation: str = "op_other") -> dict[str, Any]:
    shown = {"id": f"re_{number}", "object": "refund", "amount": 1230, "currency": "eur", "status": "succeeded"}
    return shown | {"payment_intent": "pi_1", "metadata": {"clearway_operation": operation}}


def test_refund_is_looked_for_on_every_page(served: Served) -> None:
    served.will_say(listed([refund(1), refund(2)], has_more=True), listed([refund(3, "op_1")]))
    result = served.stripe.look_up(call(OperationKind.REFUND))
    assert served.last.query["starting_after"] == "re_2"
    assert result.outcome is not None
    assert (result.state, result.outcome.gateway_operation_id) == (Lookup.SETTLED, "re_3")


def test_refund_is_not_given_up_on_while_a_page_is_missing(served: Served) -> None:
    served.will_say(listed([refund(1)], has_more=True), (503, {}))
    assert served.stripe.look_up(call(OperationKind.REFUND)).state is Lookup.UNAVAILABLE


def test_refund_that_failed_later_says_why(served: Served) -> None:
    served.will_say(refund(1) | {"status": "failed", "failure_reason": "expired_or_canceled_card"})
    outcome = served.stripe.perform(call(OperationKind.REFUND))
    assert outcome.decline is not None
    assert (outcome.kind, outcome.decline.reason) == (OutcomeKind.DECLINED, "invalid_account")


def test_amount_that_stripe_cannot_state_is_refused_before_any_call(served: Served) -> None:
    outcome = served.stripe.perform(call(OperationKind.CREATE, amount=Money(1001, "KWD")))
    assert (outcome.kind, served.asked) == (OutcomeKind.DECLINED, [])


def test_card_and_amount_are_the_defaults_of_these_tests(served: Served) -> None:
    outcome = served.stripe.perform(call(OperationKind.CONFIRM, credential=CARD))
    assert (outcome.kind, outcome.amount) == (OutcomeKind.APPROVED, EUR)
