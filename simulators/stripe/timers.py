"""What the simulated Stripe does when the clock reaches a timer, by the name of the handler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulators.disputes import DisputeKind, DisputeState, disputes_of
from simulators.stripe import checkout, disputes, payments, payouts, refunds, reports
from simulators.stripe.state import state_of
from simulators.world import World

Facts = dict[str, Any]


def _expire_authorisation(world: World, facts: Facts) -> None:
    payments.expire(world, state_of(world).intents[facts["intent"]])


def _settle_debit(world: World, facts: Facts) -> None:
    intent = state_of(world).intents[facts["intent"]]
    payments.settle_debit(world, intent)
    if session := state_of(world).sessions.get(intent.session):
        checkout.complete(world, session, intent)


def _open_dispute(world: World, facts: Facts) -> None:
    charge = state_of(world).charges[facts["charge"]]
    kind = DisputeKind.INQUIRY if facts["inquiry"] else DisputeKind.CHARGEBACK
    disputes.open_dispute(world, charge.ledger, facts["reason"], kind, charge.ledger.captured_minor)


def _dispute_unanswered(world: World, facts: Facts) -> None:
    dispute = disputes_of(world)[facts["dispute"]]
    if dispute.state is DisputeState.NEEDS_RESPONSE and dispute.kind is DisputeKind.CHARGEBACK:
        disputes.close(world, dispute, DisputeState.EXPIRED)


def _inquiry_over(world: World, facts: Facts) -> None:
    dispute = disputes_of(world)[facts["dispute"]]
    if dispute.is_open and dispute.kind is DisputeKind.INQUIRY:
        disputes.close(world, dispute, DisputeState.EXPIRED)


def _fail_refund(world: World, facts: Facts) -> None:
    refunds.take_back(world, state_of(world).refunds[facts["refund"]], "failed", "expired_or_canceled_card")


def _finish_refund(world: World, facts: Facts) -> None:
    refunds.finish(world, state_of(world).refunds[facts["refund"]])


def _expire_session(world: World, facts: Facts) -> None:
    checkout.expire(world, state_of(world).sessions[facts["session"]])


def _finish_report(world: World, facts: Facts) -> None:
    reports.finish(world, facts["account"], facts["run"])


def _payout_arrives(world: World, facts: Facts) -> None:
    payouts.arrive(world, facts["payout"])


HANDLERS: Mapping[str, Callable[[World, Facts], None]] = {
    "dispute_unanswered": _dispute_unanswered,
    "expire_authorisation": _expire_authorisation,
    "expire_session": _expire_session,
    "fail_refund": _fail_refund,
    "finish_refund": _finish_refund,
    "finish_report": _finish_report,
    "inquiry_over": _inquiry_over,
    "open_dispute": _open_dispute,
    "payout_arrives": _payout_arrives,
    "settle_debit": _settle_debit,
}
