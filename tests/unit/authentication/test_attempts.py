"""What each attempt asks for, what is learned of it, and what is forgotten when the payment is done."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

sys.path.append(str(Path(__file__).parents[2] / "properties" / "payments"))

from payment_model import HARD, START, new_attempt, new_operation, new_payment

from orchestrator.gateways.base import OperationKind
from orchestrator.gateways.capabilities import AuthenticationMeans, Missing, Supported
from orchestrator.gateways.credentials import Browser, Initiator, Shopper
from orchestrator.payments import authentication
from orchestrator.payments.authentication import for_attempt, forget, result_values, step_up_of, without_stepped_up
from orchestrator.payments.authentication_records import AttemptAuthentication, PaymentAuthentication
from orchestrator.payments.instruments import PayPalWallet, Usage
from orchestrator.payments.records import AttemptRow, AttemptStatus, OperationState, PaymentStatus, Story
from routing.authentication import Exemption, Wanted
from routing.outcomes import Authentication, Decline, Outcome, OutcomeKind, RetryAction

SOFT = Decline("authentication_required", RetryAction.CUSTOMER_ACTION, RetryAction.CUSTOMER_ACTION, "1A")
TECHNICAL = {"reason": "issuer_unavailable", "gateway_code": "91"}
ASKED_SOFTLY = {"reason": "authentication_required", "gateway_code": "1A"}
TAKES_ALL = AuthenticationMeans(Supported(), Supported(), frozenset(Exemption))
TAKES_NONE = AuthenticationMeans(Missing("", ""), Missing("", ""))
SEEN = AttemptAuthentication(
    Wanted.REQUIRED,
    result="authenticated",
    version="2.2.0",
    eci="05",
    ds_transaction_id="ds-1",
    sealed_cavv="sealed",
    at=START,
)


def declined(number: int, gateway: str = "stripe", why: dict[str, Any] = ASKED_SOFTLY, **changed: Any) -> AttemptRow:
    return new_attempt(number, gateway, **({"status": AttemptStatus.DECLINED, "decline": why} | changed))


def story(*attempts: AttemptRow, **payment: Any) -> Story:
    return Story(new_payment(**payment), list(attempts), [])


def asked(of: Story, means: AuthenticationMeans = TAKES_ALL, after: timedelta = timedelta()) -> AttemptAuthentication:
    found = for_attempt(of, means, START + after)
    assert found is not None
    return found


def test_a_first_attempt_asks_for_what_was_decided() -> None:
    decided = PaymentAuthentication(wanted=Wanted.EXEMPT, exemption=Exemption.LOW_VALUE, reason="low value")
    first = asked(story(authentication=decided))
    assert (first.wanted, first.exemption, first.reason) == (Wanted.EXEMPT, Exemption.LOW_VALUE, "low value")
    unsaid = asked(story(authentication=decided), TAKES_NONE)
    assert (unsaid.wanted, unsaid.exemption) == (Wanted.EXEMPT, None)
    assert "not told to this gateway" in unsaid.reason


def test_a_wallet_is_not_authenticated_here() -> None:
    assert for_attempt(story(instrument=PayPalWallet()), TAKES_ALL, START) is None


def test_after_a_soft_decline_every_further_attempt_is_challenged() -> None:
    assert asked(story(declined(1))).wanted is Wanted.CHALLENGE


def test_a_complete_and_fresh_proof_is_presented_where_it_is_taken() -> None:
    seen = declined(1, "adyen", TECHNICAL, authentication=SEEN)
    assert asked(story(seen)).presented == seen.id
    assert not asked(story(seen), TAKES_NONE).presented
    assert asked(story(seen), TAKES_NONE).wanted is Wanted.REQUIRED
    assert not asked(story(seen), after=authentication.REUSED_WITHIN + timedelta(seconds=1)).presented


@pytest.mark.parametrize("missing", ["version", "eci", "ds_transaction_id", "sealed_cavv"])
def test_a_proof_that_lacks_anything_is_not_presented(missing: str) -> None:
    partial = declined(1, "adyen", TECHNICAL, authentication=structs.replace(SEEN, **{missing: ""}))
    again = asked(story(partial))
    assert (again.presented, again.wanted) == ("", Wanted.REQUIRED)


@pytest.mark.parametrize("reason", ["authentication_failed", "authentication_technical"])
def test_a_proof_that_the_issuer_doubted_is_not_presented(reason: str) -> None:
    doubted = declined(1, "adyen", {"reason": reason, "gateway_code": "11"}, authentication=SEEN)
    assert not asked(story(doubted)).presented


def test_a_proof_of_another_card_is_not_presented() -> None:
    """A new round is a new card."""
    seen = declined(1, "adyen", TECHNICAL, authentication=SEEN)
    assert not asked(story(seen, round=2)).presented


def test_a_failed_authentication_is_no_proof() -> None:
    failed = declined(1, "adyen", TECHNICAL, authentication=structs.replace(SEEN, result="failed"))
    assert not asked(story(failed)).presented


def test_the_same_account_is_asked_again_once() -> None:
    first = declined(1)
    assert step_up_of(story(first), [first]) is first
    again = declined(2, authentication=AttemptAuthentication(Wanted.CHALLENGE))
    assert step_up_of(story(first, again), [first, again]) is None
    assert without_stepped_up([first, again]) == [again]
    assert without_stepped_up([first]) == [first]


@pytest.mark.parametrize(
    "changed",
    [
        {"usage": Usage(initiator=Initiator.MERCHANT)},
        {"instrument": PayPalWallet()},
    ],
)
def test_nobody_is_asked_again_who_is_not_there_or_pays_otherwise(changed: dict[str, Any]) -> None:
    first = declined(1)
    assert step_up_of(story(first, **changed), [first]) is None


def test_what_was_challenged_already_or_cannot_be_shown_is_not_asked_again() -> None:
    challenged = declined(1, authentication=AttemptAuthentication(Wanted.CHALLENGE))
    assert step_up_of(story(challenged), [challenged]) is None
    no_page = declined(1, why={"reason": "authentication_required", "gateway_code": "action_not_offered"})
    assert step_up_of(story(no_page), [no_page]) is None
    stolen = declined(1, why={"reason": HARD.reason, "gateway_code": "43"})
    assert step_up_of(story(stolen), [stolen]) is None


def told(
    attempt: AttemptRow, outcome: Outcome, kind: OperationKind = OperationKind.CONFIRM
) -> AttemptAuthentication | None:
    return result_values(attempt, new_operation(1, attempt.id, kind), outcome, START).get("authentication")


def test_the_cryptogram_is_kept_sealed_and_a_later_silence_erases_nothing() -> None:
    attempt = new_attempt(1, "adyen", authentication=AttemptAuthentication(Wanted.REQUIRED, reason="asked"))
    proof = Authentication("authenticated", "2.2.0", "05", "Y2F2di1vZi10ZXN0", "ds-1", liability_shifted=True)
    learned = told(attempt, Outcome(OutcomeKind.APPROVED, authentication=proof))
    assert learned is not None
    assert (learned.wanted, learned.reason, learned.result, learned.eci) == (
        Wanted.REQUIRED,
        "asked",
        "authenticated",
        "05",
    )
    assert learned.sealed_cavv
    assert "Y2F2di1vZi10ZXN0" not in repr(learned)
    known = structs.replace(attempt, authentication=learned)
    partial = replace(proof, eci="", cavv="", liability_shifted=None)
    later = told(known, Outcome(OutcomeKind.APPROVED, authentication=partial))
    assert later == learned
    assert told(known, Outcome(OutcomeKind.APPROVED)) is None


def test_a_capture_tells_nothing_of_authentication() -> None:
    proof = Outcome(OutcomeKind.APPROVED, authentication=Authentication("authenticated"))
    assert told(new_attempt(1), proof, OperationKind.CAPTURE) is None


@pytest.mark.parametrize(
    ("outcome", "granted"),
    [
        (Outcome(OutcomeKind.DECLINED, decline=SOFT), False),
        (Outcome(OutcomeKind.APPROVED, authentication=Authentication("exempted", exemption="low_value")), True),
    ],
)
def test_an_exemption_is_granted_or_refused(outcome: Outcome, granted: bool) -> None:
    asks = AttemptAuthentication(Wanted.EXEMPT, Exemption.LOW_VALUE)
    learned = told(new_attempt(1, "adyen", authentication=asks), outcome)
    assert learned is not None
    assert learned.exemption_granted is granted


def test_nothing_is_said_of_an_exemption_where_the_issuer_judged_something_else() -> None:
    asks = AttemptAuthentication(Wanted.EXEMPT, Exemption.LOW_VALUE)
    assert told(new_attempt(1, "adyen", authentication=asks), Outcome(OutcomeKind.DECLINED, decline=HARD)) is None


SHOPPER = Shopper("ada@example.com", ip="203.0.113.7", browser=Browser("*/*", "Mozilla", "en", 24, 1, 1, 0))


@pytest.mark.parametrize(
    "status", [PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED, PaymentStatus.FAILED, PaymentStatus.CANCELED]
)
def test_what_only_authentication_needs_is_forgotten_with_the_payment(status: PaymentStatus) -> None:
    done = forget(story(declined(1, authentication=SEEN), usage=Usage(shopper=SHOPPER)), status)
    assert done is not None
    assert done.usage is not None
    assert done.usage.shopper == Shopper("ada@example.com")
    assert [one.authentication for one in done.attempts] == [structs.replace(SEEN, sealed_cavv="")]


@pytest.mark.parametrize("status", [PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION])
def test_nothing_is_forgotten_while_another_gateway_may_need_it(status: PaymentStatus) -> None:
    assert forget(story(declined(1, authentication=SEEN), usage=Usage(shopper=SHOPPER)), status) is None


def test_nothing_is_forgotten_while_the_same_words_may_have_to_be_sent_again() -> None:
    attempt = new_attempt(1, authentication=SEEN)
    unknown = new_operation(1, attempt.id, OperationKind.CONFIRM, state=OperationState.UNKNOWN)
    open_story = Story(new_payment(usage=Usage(shopper=SHOPPER)), [attempt], [unknown])
    assert forget(open_story, PaymentStatus.FAILED) is None


def test_a_payment_that_waits_for_another_card_keeps_the_shopper_and_no_cryptogram() -> None:
    waiting = story(declined(1, authentication=SEEN), usage=Usage(shopper=SHOPPER))
    done = forget(waiting, PaymentStatus.REQUIRES_PAYMENT_METHOD)
    assert done is not None
    assert done.usage is None
    assert [one.authentication for one in done.attempts] == [structs.replace(SEEN, sealed_cavv="")]


def test_there_is_nothing_to_forget_twice() -> None:
    assert forget(story(declined(1)), PaymentStatus.CAPTURED) is None
