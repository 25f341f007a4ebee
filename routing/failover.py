"""What comes next after the attempts so far: another account, the customer, waiting for news, or an end.

Another account is tried only where it is proven that the last one did not take the money. Of several rules that apply
the strictest wins: money that may have moved stops everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from routing.decision import RoutePlan
from routing.network_limits import Ceiling
from routing.outcomes import Decline, OutcomeKind, RetryAction
from routing.reasons import CLASS_OF, UNMAPPED, DeclineClass

# The issuer has not judged the payment, so these do not use up its patience. Every other reason counts as its word.
REASONS_BEFORE_THE_ISSUER = frozenset(
    reason for reason, kind in CLASS_OF.items() if kind in (DeclineClass.TECHNICAL, DeclineClass.CONFIG)
)


@dataclass(frozen=True, slots=True)
class FailoverPolicy:
    """How far failover goes.

    `max_attempts` in all. After `max_issuer_declines` declines by the issuer no further account is asked: two means one
    extra attempt. No attempt starts once `total_deadline_s` seconds have passed: a shopper does not wait longer. After
    a decline for one of `not_after` nothing is tried elsewhere, though our tables would; they are never made laxer.
    With `merchant_initiated` off a charge without the customer is tried at one account only.
    """

    max_attempts: int = 3
    max_issuer_declines: int = 2
    total_deadline_s: float = 30.0
    not_after: frozenset[str] = frozenset()
    merchant_initiated: bool = True


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """How one attempt stands. `decline` goes with DECLINED; without one it is treated as unmapped."""

    account_id: str
    kind: OutcomeKind
    decline: Decline | None = None


@dataclass(frozen=True, slots=True)
class TryNext:
    """Try this account."""

    account_id: str
    why: str


@dataclass(frozen=True, slots=True)
class Succeed:
    """This account has approved the payment."""

    account_id: str


@dataclass(frozen=True, slots=True)
class AwaitCustomer:
    """This account waits for the customer to act (authentication, a redirect)."""

    account_id: str


@dataclass(frozen=True, slots=True)
class AwaitNews:
    """This account may have taken the money: nothing may be tried until its outcome is known."""

    account_id: str
    why: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No further attempt now. `action` is what the decline allows later (new card data, another day), else NONE."""

    why: str
    action: RetryAction = RetryAction.NONE


NextStep = TryNext | Succeed | AwaitCustomer | AwaitNews | GiveUp


def next_step(
    policy: FailoverPolicy,
    plan: RoutePlan,
    results: Sequence[AttemptResult],
    customer_present: bool,
    elapsed_s: float,
    ceiling: Ceiling | None = None,
) -> NextStep:
    """What comes next.

    `results`: one entry for each attempt with this credential, oldest first, each as it stands now. `customer_present`
    selects between a decline's two actions. `elapsed_s`: seconds since the first attempt began. `ceiling`: what the
    card networks forbid for this card now, also for a first attempt.
    """
    settled = _settled(results) or _stopped(policy, results, customer_present)
    if settled is not None:
        return settled
    if ceiling is not None:
        action = RetryAction.HARD_NEVER if ceiling.until is None else RetryAction.RETRY_SAME_LATER
        return GiveUp(f"the card networks' limit: {ceiling.why}", action)
    if results and not customer_present and not policy.merchant_initiated:
        return GiveUp("charges without the customer are not tried elsewhere")
    exhausted = _exhausted(policy, plan, results, elapsed_s)
    if exhausted is not None:
        return exhausted
    tried = {result.account_id for result in results}
    untried = [step for step in plan.steps if step.account_id not in tried]
    if not untried:
        return GiveUp("every account of the plan has been tried" if results else "no account can take this payment")
    return TryNext(untried[0].account_id, _why_next(results))


def _settled(results: Sequence[AttemptResult]) -> NextStep | None:
    """Success first, then money that may have moved, then an attempt that the customer has in hand."""
    for result in results:
        if result.kind is OutcomeKind.APPROVED:
            return Succeed(result.account_id)
    for result in results:
        if result.kind is OutcomeKind.UNKNOWN:
            return AwaitNews(result.account_id, "its outcome is unknown: it may have charged")
        if result.kind is OutcomeKind.PENDING:
            return AwaitNews(result.account_id, "it has the payment and will tell the outcome")
    for result in results:
        if result.kind is OutcomeKind.ACTION_REQUIRED:
            return AwaitCustomer(result.account_id)
    return None


def _stopped(policy: FailoverPolicy, results: Sequence[AttemptResult], customer_present: bool) -> NextStep | None:
    """The end that a decline asks for. An inquiry goes first: the payment may exist already."""
    stops = [
        stop
        for result in results
        if result.kind is OutcomeKind.DECLINED and (stop := _stop_of(policy, result, customer_present)) is not None
    ]
    return next((stop for stop in stops if isinstance(stop, AwaitNews)), stops[0] if stops else None)


def _stop_of(policy: FailoverPolicy, result: AttemptResult, customer_present: bool) -> NextStep | None:
    decline = result.decline
    if decline is None or decline.reason == UNMAPPED:
        return GiveUp("the decline is not in our tables: not tried elsewhere", RetryAction.CUSTOMER_ACTION)
    action = decline.action_cit if customer_present else decline.action_mit
    match action:
        case RetryAction.FAILOVER_NOW if decline.reason not in policy.not_after:
            return None
        case RetryAction.FAILOVER_NOW:
            return GiveUp(f"declined: {decline.reason}, after which the merchant wants no other account")
        case RetryAction.UNKNOWN_INQUIRE:
            return AwaitNews(result.account_id, f"{decline.reason}: the payment may exist already")
        case (
            RetryAction.RETRY_SAME_LATER
            | RetryAction.CUSTOMER_ACTION
            | RetryAction.HARD_NEVER
            | RetryAction.FRAUD_NEVER
            | RetryAction.FIX_INTEGRATION
            | RetryAction.NONE
        ):
            return GiveUp(f"declined: {decline.reason}", action)
        case _:
            assert_never(action)


def _exhausted(
    policy: FailoverPolicy, plan: RoutePlan, results: Sequence[AttemptResult], elapsed_s: float
) -> NextStep | None:
    limit = policy.max_attempts if plan.max_attempts is None else min(policy.max_attempts, plan.max_attempts)
    if len(results) >= limit:
        return GiveUp(f"{limit} attempts are allowed")
    if elapsed_s >= policy.total_deadline_s:
        return GiveUp(f"the time allowed for attempts ({policy.total_deadline_s:g} s) is over")
    by_issuer = sum(1 for result in results if _is_issuer_decline(result))
    if by_issuer >= policy.max_issuer_declines:
        return GiveUp(f"the issuer has declined {by_issuer} times")
    return None


def _is_issuer_decline(result: AttemptResult) -> bool:
    if result.kind is not OutcomeKind.DECLINED or result.decline is None:
        return False
    return result.decline.reason not in REASONS_BEFORE_THE_ISSUER


def _why_next(results: Sequence[AttemptResult]) -> str:
    if not results:
        return "first in the plan"
    last = results[-1]
    if last.decline is not None:
        return f"{last.account_id} declined: {last.decline.reason}"
    return f"{last.account_id} was not reached"
