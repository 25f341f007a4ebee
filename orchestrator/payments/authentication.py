"""Strong authentication of a payment: what each attempt asks for, what came of it, and what another may reuse. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from msgspec import structs

from orchestrator.access import secrets
from orchestrator.gateways.authentication import NO_WISH, AuthenticationWish, ExternalAuthentication
from orchestrator.gateways.base import OperationKind
from orchestrator.gateways.capabilities import AuthenticationMeans, Supported
from orchestrator.gateways.credentials import Method
from orchestrator.payments.authentication_records import AttemptAuthentication, PaymentAuthentication
from orchestrator.payments.instruments import Usage, method_behind
from orchestrator.payments.records import AttemptRow, AttemptStatus, OperationRow, PaymentRow, PaymentStatus, Story
from orchestrator.payments.states import AUTHORISING
from orchestrator.payments.tidying import ran_out
from routing.authentication import Wanted, strictest
from routing.outcomes import Authentication, Outcome, OutcomeKind

SOFT_DECLINE = "authentication_required"
# How long an authentication is presented elsewhere: longer than any failover lasts, far less than issuers honour one.
REUSED_WITHIN = timedelta(minutes=30)
_PROVEN = ("authenticated", "attempted")
# Declines after which the issuer would not accept the same authentication either.
_DOUBTED = frozenset({SOFT_DECLINE, "authentication_failed", "authentication_technical"})
_CARDS = frozenset({Method.CARD, Method.NETWORK_TOKEN, Method.SAVED})
_AT_REST = frozenset(PaymentStatus) - {PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION}


def asks_cardholder(story: Story) -> bool:
    """Whether it is paid by card, with the customer there. Whoever authorises again after an end is on their own."""
    present = not story.payment.usage.by_merchant and not any(ran_out(story, a) for a in story.attempts)
    return present and _is_by_card(story.payment)


def for_attempt(story: Story, means: AuthenticationMeans, now: datetime) -> AttemptAuthentication | None:
    """What a new attempt asks of a gateway with these means; None where it is not by card."""
    payment = story.payment
    if not _is_by_card(payment):
        return None
    if not asks_cardholder(story):
        return AttemptAuthentication(Wanted.EXEMPT, reason="the customer is not there")
    decided = payment.authentication or PaymentAuthentication()
    for earlier in reversed([attempt for attempt in story.attempts if attempt.round == payment.round]):
        if is_soft_decline(earlier):
            return AttemptAuthentication(Wanted.CHALLENGE, reason=f"{earlier.gateway} declined: {SOFT_DECLINE}")
        if _is_proven(earlier):
            return _after(earlier, decided, means, now)
    exemption = decided.exemption if decided.exemption in means.exemptions else None
    unsaid = decided.exemption is not None and exemption is None and decided.wanted is Wanted.EXEMPT
    reason = f"{decided.reason}; not told to this gateway" if unsaid else decided.reason
    return AttemptAuthentication(decided.wanted, exemption, reason)


def _after(
    earlier: AttemptRow, decided: PaymentAuthentication, means: AuthenticationMeans, now: datetime
) -> AttemptAuthentication:
    """The cardholder was authenticated at another gateway, which did not charge: that is presented, or asked again."""
    why = f"authenticated at {earlier.gateway}"
    if isinstance(means.external, Supported) and is_reusable(earlier, now):
        return AttemptAuthentication(decided.wanted, reason=why, presented=earlier.id)
    lacks = "too old, or not told in full" if isinstance(means.external, Supported) else "this gateway takes no proof"
    why = f"{why} ({lacks}): asked again"
    return AttemptAuthentication(strictest(decided.wanted, Wanted.REQUIRED), reason=why)


def wish_of(story: Story, attempt: AttemptRow) -> AuthenticationWish:
    """The wish as the adapter takes it, from stored rows. Raises SecretUnreadable.

    A proof that is there no more (the payment is done) is left out: nothing is sent then that needs it.
    """
    asked = attempt.authentication
    if asked is None:
        return NO_WISH
    external = _proof(story.attempt(asked.presented)) if asked.presented else None
    return AuthenticationWish(asked.wanted, asked.exemption, external)


def step_up_of(story: Story, current: list[AttemptRow]) -> AttemptRow | None:
    """The attempt whose account is asked again, with a challenge: declined for want of one, customer there, once."""
    if not current or not is_soft_decline(current[-1]) or not asks_cardholder(story):
        return None
    last = current[-1]
    if any(a.gateway_account_id == last.gateway_account_id for a in current[:-1]):
        return None
    asked = last.authentication.wanted if last.authentication else Wanted.PREFERRED
    return None if asked is Wanted.CHALLENGE else last


def without_stepped_up(current: list[AttemptRow]) -> list[AttemptRow]:
    """The attempts less those that were asked again with a challenge: what came of that counts in their place."""
    again = {a.gateway_account_id: a.id for a in current}
    return [a for a in current if not is_soft_decline(a) or again[a.gateway_account_id] == a.id]


def is_soft_decline(attempt: AttemptRow) -> bool:
    """Whether the issuer wants to see the cardholder first. A page that cannot be shown would not be shown again."""
    decline = attempt.decline or {}
    asked_for = decline.get("reason") == SOFT_DECLINE and decline.get("gateway_code") != "action_not_offered"
    return attempt.status is AttemptStatus.DECLINED and asked_for


def returned_at(story: Story, attempts: list[AttemptRow]) -> list[datetime]:
    """When the shopper came back from challenges: what they took there is not time that they waited for us."""
    return [op.sent_at for attempt in attempts for op in story.operations_of(attempt.id, OperationKind.COMPLETE)]


def result_values(
    attempt: AttemptRow, operation: OperationRow, outcome: Outcome, now: datetime
) -> dict[str, AttemptAuthentication]:
    """What the outcome says of 3-D Secure, as the attempt's column; nothing where it says nothing new."""
    told = outcome.authentication
    if operation.kind not in AUTHORISING:
        return {}
    asked = attempt.authentication
    granted = _granted(asked, told, outcome)
    if told is None and granted is None:
        return {}
    told, asked = told or Authentication(), asked or AttemptAuthentication()
    learned = structs.replace(
        asked,
        result=told.result or asked.result,
        version=told.version or asked.version,
        eci=told.eci or asked.eci,
        ds_transaction_id=told.ds_transaction_id or asked.ds_transaction_id,
        liability_shifted=asked.liability_shifted if told.liability_shifted is None else told.liability_shifted,
        exemption_requested=told.exemption or asked.exemption_requested,
        exemption_granted=asked.exemption_granted if granted is None else granted,
        sealed_cavv=secrets.seal({"cavv": told.cavv}) if told.cavv else asked.sealed_cavv,
        at=now,
    )
    return {"authentication": learned}


def is_reusable(attempt: AttemptRow, now: datetime) -> bool:
    """Whether its authentication can be presented elsewhere: complete, fresh, and not what the issuer doubted.

    Attempts of one round have one card, one amount and one currency.
    """
    known = attempt.authentication
    if known is None or known.result not in _PROVEN or known.at is None or now - known.at > REUSED_WITHIN:
        return False
    return bool(known.version and known.eci and known.ds_transaction_id and known.sealed_cavv)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The rows without what only authentication needs: the payment's usage, None where it stays, and attempts."""

    usage: Usage | None
    attempts: list[AttemptRow]


def forget(story: Story, status: PaymentStatus) -> Forgotten | None:
    """Once a payment is done, the browser's facts and the cryptograms go; None where there is nothing to forget.

    While a call may have to be sent again, which needs the same words, all of it stays.
    """
    if status not in _AT_REST or any(op.open for op in story.operations if op.kind in AUTHORISING):
        return None
    payment, shopper = story.payment, story.payment.usage.shopper
    changed = [
        structs.replace(attempt, authentication=structs.replace(attempt.authentication, sealed_cavv=""))
        for attempt in story.attempts
        if attempt.authentication is not None and attempt.authentication.sealed_cavv
    ]
    # of a payment that waits for another card the next try may rest on what came with the payment itself
    seen = (shopper.browser is not None or bool(shopper.ip)) and status is not PaymentStatus.REQUIRES_PAYMENT_METHOD
    if not seen and not changed:
        return None
    usage = structs.replace(payment.usage, shopper=replace(shopper, browser=None, ip="")) if seen else payment.usage
    return Forgotten(usage if seen else None, changed)


def _is_by_card(payment: PaymentRow) -> bool:
    return payment.instrument is not None and method_behind(payment.instrument) in _CARDS


def _is_proven(attempt: AttemptRow) -> bool:
    """Whether 3-D Secure was done for this very attempt, and the issuer did not doubt it."""
    known, doubted = attempt.authentication, (attempt.decline or {}).get("reason") in _DOUBTED
    return known is not None and known.result in _PROVEN and not known.presented and not doubted


def _proof(attempt: AttemptRow) -> ExternalAuthentication | None:
    known = attempt.authentication
    if known is None or not known.sealed_cavv:
        return None
    cavv = secrets.unseal(known.sealed_cavv)["cavv"]
    return ExternalAuthentication(known.result, known.version, known.eci, cavv, known.ds_transaction_id)


def _granted(asked: AttemptAuthentication | None, told: Authentication | None, outcome: Outcome) -> bool | None:
    """Whether the issuer granted an exemption that was asked for; None where none was, or nobody says."""
    requested = (asked is not None and asked.exemption is not None) or (told is not None and bool(told.exemption))
    if not requested:
        return None
    if outcome.kind is OutcomeKind.DECLINED and outcome.decline is not None and outcome.decline.reason == SOFT_DECLINE:
        return False
    return True if outcome.kind is OutcomeKind.APPROVED and told is not None and told.result == "exempted" else None
