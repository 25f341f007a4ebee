"""The decline table and how layers narrow it."""

from __future__ import annotations

import pytest

from orchestrator.gateways.declines import decline_for, first_mapped, narrow
from routing.outcomes import RetryAction


@pytest.mark.parametrize(
    ("gateway", "field", "code", "reason", "action"),
    [
        ("stripe", "decline_code", "insufficient_funds", "insufficient_funds", RetryAction.CUSTOMER_ACTION),
        ("stripe", "decline_code", "do_not_honor", "do_not_honor", RetryAction.FAILOVER_NOW),
        ("stripe", "decline_code", "stolen_card", "stolen_card", RetryAction.FRAUD_NEVER),
        ("stripe", "error_code", "lock_timeout", "unknown_outcome", RetryAction.UNKNOWN_INQUIRE),
        ("adyen", "refusal_reason_code", "12", "insufficient_funds", RetryAction.CUSTOMER_ACTION),
        ("adyen", "refusal_reason_code", "4", "processing_error", RetryAction.FAILOVER_NOW),
        ("adyen", "refusal_reason_code", "20", "fraud_gateway", RetryAction.FRAUD_NEVER),
        ("adyen", "error_code", "141", "invalid_expiry", RetryAction.CUSTOMER_ACTION),
        ("paypal", "response_code", "0500", "do_not_honor", RetryAction.FAILOVER_NOW),
        ("paypal", "response_code", "5120", "insufficient_funds", RetryAction.CUSTOMER_ACTION),
        ("paypal", "issue", "PAYEE_ACCOUNT_RESTRICTED", "merchant_config", RetryAction.FAILOVER_NOW),
        ("paypal", "http", "401", "merchant_config", RetryAction.FAILOVER_NOW),
        ("mastercard", "response_code", "65", "authentication_required", RetryAction.CUSTOMER_ACTION),
        ("visa", "response_code", "1A", "authentication_required", RetryAction.CUSTOMER_ACTION),
    ],
)
def test_code_has_our_reason_and_action(gateway: str, field: str, code: str, reason: str, action: RetryAction) -> None:
    decline = decline_for(gateway, field, code, "text")
    assert (decline.reason, decline.action_cit, decline.gateway_code) == (reason, action, code)


def test_code_that_is_not_in_the_table_is_unmapped_and_never_fails_over() -> None:
    decline = decline_for("stripe", "decline_code", "brand_new_code", "words")
    assert decline.reason == "unmapped"
    assert decline.action_cit is RetryAction.CUSTOMER_ACTION
    assert (decline.gateway_code, decline.gateway_message) == ("brand_new_code", "words")


def test_advice_makes_a_decline_stricter() -> None:
    soft = decline_for("stripe", "decline_code", "do_not_honor")
    hard = narrow(soft, ("stripe", "advice_code", "do_not_try_again"))
    assert (hard.reason, hard.action_cit, hard.action_mit) == (
        "do_not_try_again",
        RetryAction.HARD_NEVER,
        RetryAction.HARD_NEVER,
    )


def test_advice_never_makes_a_decline_milder() -> None:
    stolen = decline_for("stripe", "decline_code", "stolen_card")
    assert narrow(stolen, ("stripe", "advice_code", "try_again_later")) == stolen


def test_network_code_gives_a_vague_decline_its_reason() -> None:
    vague = decline_for("adyen", "refusal_reason_code", "2")
    assert narrow(vague, ("visa", "response_code", "51")).reason == "insufficient_funds"


def test_informational_advice_changes_nothing() -> None:
    decline = decline_for("adyen", "refusal_reason_code", "2")
    assert narrow(decline, ("mastercard", "advice_code", "40"), ("mastercard", "advice_code", "")) == decline


def test_first_code_that_is_known_decides() -> None:
    assert first_mapped("adyen", [("error_code", "999"), ("http", "422")]).reason == "invalid_request"
    assert first_mapped("adyen", [("error_code", ""), ("http", "418")]).gateway_code == "418"
