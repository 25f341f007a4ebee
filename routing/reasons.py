"""The reasons of declines: what class each is of, whether networks count it, whether it says something of a gateway.

The taxonomy is our own; its sources are with the gateways' tables (`orchestrator/gateways/*/declines.csv`).
"""

from __future__ import annotations

from enum import StrEnum

from routing.outcomes import RetryAction

UNMAPPED = "unmapped"


class DeclineClass(StrEnum):
    """What kind of trouble a decline is."""

    SOFT = "soft"  # may be approved another time or elsewhere
    HARD = "hard"  # never with this credential
    FIX_DATA = "fix_data"  # other card data
    CUSTOMER = "customer"  # the customer must act
    TECHNICAL = "technical"  # the issuer has not judged it
    CONFIG = "config"  # our account or request
    INQUIRE = "inquire"  # it may exist already
    STOP = "stop"  # not in our tables


CLASSES: dict[DeclineClass, str] = {
    DeclineClass.SOFT: """
        insufficient_funds do_not_honor generic_decline call_issuer try_again_later reenter_transaction
        card_velocity_exceeded amount_limit_exceeded restricted_region account_blocked_temp blocked_by_cardholder
        pin_try_exceeded
    """,
    DeclineClass.HARD: """
        suspected_fraud_issuer fraud_gateway fraudulent_account lost_card stolen_card pickup_card sanctions
        restricted_card transaction_not_allowed invalid_number invalid_account stop_payment_order
        revocation_of_authorization revocation_of_all_authorizations do_not_try_again retry_limit_exceeded
        payer_account_problem
    """,
    DeclineClass.FIX_DATA: """
        expired_card invalid_expiry incorrect_cvc incorrect_address cardholder_data_mismatch incorrect_pin
        new_account_information token_invalid
    """,
    DeclineClass.CUSTOMER: "pin_required authentication_required authentication_failed customer_canceled",
    DeclineClass.TECHNICAL: """
        issuer_unavailable processing_error gateway_unavailable not_submitted rate_limited authentication_technical
    """,
    DeclineClass.CONFIG: """
        currency_not_supported card_type_not_supported merchant_config invalid_request invalid_amount invalid_state
        test_card
    """,
    DeclineClass.INQUIRE: "duplicate_transaction unknown_outcome",
    DeclineClass.STOP: UNMAPPED,
}

CLASS_OF: dict[str, DeclineClass] = {reason: kind for kind, words in CLASSES.items() for reason in words.split()}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# No network saw the request, or it was judged by somebody else: these do not use up a card's attempts. What is not
# proven to be so counts, the stricter reading.
NOT_COUNTED_BY_NETWORKS = _words("""
    gateway_unavailable not_submitted rate_limited fraud_gateway authentication_failed authentication_technical
    customer_canceled retry_limit_exceeded token_invalid currency_not_supported card_type_not_supported
    payer_account_problem merchant_config invalid_request invalid_state test_card
""")

# What the card's owner or the money on it decides says nothing of the gateway: any other would hear the same.
SAYS_NOTHING_OF_THE_GATEWAY = _words("""
    insufficient_funds card_velocity_exceeded amount_limit_exceeded account_blocked_temp blocked_by_cardholder
    pin_try_exceeded lost_card stolen_card pickup_card sanctions restricted_card invalid_number invalid_account
    stop_payment_order revocation_of_authorization revocation_of_all_authorizations do_not_try_again
    retry_limit_exceeded payer_account_problem expired_card invalid_expiry incorrect_cvc incorrect_address
    cardholder_data_mismatch incorrect_pin new_account_information pin_required customer_canceled fraudulent_account
    duplicate_transaction unknown_outcome invalid_request invalid_amount invalid_state test_card authentication_failed
""")

# What a decline allows next where the gateway's own code says nothing else: with the customer present, and without.
_ACTIONS: dict[tuple[RetryAction, RetryAction], str] = {
    (RetryAction.CUSTOMER_ACTION, RetryAction.RETRY_SAME_LATER): """
        insufficient_funds card_velocity_exceeded amount_limit_exceeded account_blocked_temp pin_try_exceeded
        authentication_technical
    """,
    (RetryAction.FAILOVER_NOW, RetryAction.RETRY_SAME_LATER): """
        do_not_honor generic_decline call_issuer reenter_transaction issuer_unavailable processing_error
        not_submitted rate_limited restricted_region
    """,
    (RetryAction.RETRY_SAME_LATER, RetryAction.RETRY_SAME_LATER): "try_again_later",
    (RetryAction.FAILOVER_NOW, RetryAction.FAILOVER_NOW): """
        gateway_unavailable currency_not_supported card_type_not_supported merchant_config
    """,
    (RetryAction.FRAUD_NEVER, RetryAction.FRAUD_NEVER): """
        suspected_fraud_issuer fraud_gateway fraudulent_account lost_card stolen_card
    """,
    (RetryAction.HARD_NEVER, RetryAction.HARD_NEVER): """
        pickup_card sanctions restricted_card transaction_not_allowed invalid_account stop_payment_order
        revocation_of_authorization revocation_of_all_authorizations do_not_try_again retry_limit_exceeded
    """,
    (RetryAction.CUSTOMER_ACTION, RetryAction.HARD_NEVER): """
        blocked_by_cardholder invalid_number expired_card invalid_expiry incorrect_cvc incorrect_address
        cardholder_data_mismatch incorrect_pin pin_required authentication_failed customer_canceled
        new_account_information payer_account_problem
    """,
    (RetryAction.CUSTOMER_ACTION, RetryAction.CUSTOMER_ACTION): "authentication_required token_invalid unmapped",
    (RetryAction.UNKNOWN_INQUIRE, RetryAction.UNKNOWN_INQUIRE): "duplicate_transaction unknown_outcome",
    (RetryAction.FIX_INTEGRATION, RetryAction.FIX_INTEGRATION): """
        invalid_request invalid_amount invalid_state test_card
    """,
}

ACTIONS: dict[str, tuple[RetryAction, RetryAction]] = {
    reason: actions for actions, words in _ACTIONS.items() for reason in words.split()
}
