"""Disputes: opened by the issuer, answered with evidence, decided (docs.stripe.com/disputes/how-disputes-work)."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from simulators.disputes import Dispute, DisputeKind, DisputeState, disputes_of, reinstate, withdraw
from simulators.fees import DISPUTE_FEE_HUNDREDTHS, fixed_minor
from simulators.stripe.calls import Call
from simulators.stripe.charges import adopt_foreign
from simulators.stripe.dispute_shapes import EVIDENCE, FILES, show_dispute, status_of
from simulators.stripe.errors import StripeError, invalid, missing_resource
from simulators.stripe.form import flag, mapping, metadata, only, text
from simulators.stripe.objects import StripeCharge
from simulators.stripe.paging import chosen, page
from simulators.stripe.state import state_of, table
from simulators.stripe.webhooks import tell
from simulators.world import Charge, World

_TIME_TO_ANSWER = timedelta(days=20)
_INQUIRY_LASTS = timedelta(days=120)  # docs.stripe.com/disputes/how-disputes-work: then it is closed
_LONGEST_TEXT = 20_000
_MOST_TEXT = 150_000  # docs.stripe.com/api/disputes/update


def open_dispute(world: World, charge: Charge, reason: str, kind: DisputeKind, minor: int) -> Dispute:
    """Opens a case over `minor` of a captured charge; a chargeback withdraws it and the fee at once.

    A direct debit that is disputed is lost with that: banks honour it without a question, and there is no appeal
    (docs.stripe.com/payments/sepa-debit, disputes).
    """
    now = world.clock.now()
    due = (now + _TIME_TO_ANSWER).replace(hour=23, minute=59, second=59, microsecond=0)
    dispute = Dispute(
        "du_" + secrets.token_hex(12), charge.gateway, charge.account, charge.id, minor, charge.currency,
        reason, kind, now, due,
    )  # fmt: skip
    disputes_of(world)[dispute.id] = dispute
    stripe_charge = _stripe_charge(world, charge)
    stripe_charge.disputed = True
    is_debit = stripe_charge.method.type == "sepa_debit"
    if kind is DisputeKind.CHARGEBACK:
        withdraw(world, dispute, minor, fee_of(charge.currency))
    if is_debit:
        dispute.state, dispute.closed_at = DisputeState.LOST, now
    _tell(world, dispute, "charge.dispute.created")
    if kind is DisputeKind.CHARGEBACK:
        _tell(world, dispute, "charge.dispute.funds_withdrawn")
    if is_debit:
        _tell(world, dispute, "charge.dispute.closed")
    elif kind is DisputeKind.CHARGEBACK:
        world.at(due, "stripe", "dispute_unanswered", dispute=dispute.id)
    else:
        world.at(now + _INQUIRY_LASTS, "stripe", "inquiry_over", dispute=dispute.id)
    return dispute


def decide(world: World, dispute: Dispute, won: bool) -> None:
    """The issuer's word on an open case. An inquiry that goes against the merchant becomes a chargeback."""
    if not dispute.is_open:
        raise ValueError(f"dispute {dispute.id} is closed already: {dispute.state}")
    if dispute.kind is DisputeKind.INQUIRY and not won:
        escalate(world, dispute)
        return
    close(world, dispute, DisputeState.WON if won else DisputeState.LOST)


def escalate(world: World, dispute: Dispute) -> None:
    """An inquiry becomes a chargeback: now the money is taken, and evidence is due anew."""
    before, now = status_of(dispute), world.clock.now()
    dispute.kind, dispute.state, dispute.submitted_at = DisputeKind.CHARGEBACK, DisputeState.NEEDS_RESPONSE, None
    dispute.evidence_due = (now + _TIME_TO_ANSWER).replace(hour=23, minute=59, second=59, microsecond=0)
    withdraw(world, dispute, dispute.minor, fee_of(dispute.currency))
    world.at(dispute.evidence_due, "stripe", "dispute_unanswered", dispute=dispute.id)
    _tell(world, dispute, "charge.dispute.updated", {"status": before})
    _tell(world, dispute, "charge.dispute.funds_withdrawn")


def close(world: World, dispute: Dispute, state: DisputeState) -> None:
    """Won gives the amount and the fee back."""
    dispute.state, dispute.closed_at = state, world.clock.now()
    _tell(world, dispute, "charge.dispute.closed")
    if state is DisputeState.WON and dispute.withdrawn_minor:
        reinstate(world, dispute, dispute.fee_minor)
        _tell(world, dispute, "charge.dispute.funds_reinstated")


def close_refunded_inquiry(world: World, charge: StripeCharge) -> None:
    """A payment refunded in full leaves an inquiry nothing to ask for."""
    if charge.amount_refunded < charge.amount_captured:
        return
    for dispute in disputes_of(world).values():
        if dispute.charge_id == charge.id and dispute.kind is DisputeKind.INQUIRY and dispute.is_open:
            close(world, dispute, DisputeState.WON)


def fee_of(currency: str) -> int:
    """In minor units of the currency."""
    return fixed_minor(DISPUTE_FEE_HUNDREDTHS["stripe"], currency)


class Disputes:
    def __init__(self, world: World) -> None:
        self._world = world

    def retrieve(self, call: Call) -> dict[str, Any]:
        return show_dispute(self._world, self._find(call))

    def list_all(self, call: Call) -> dict[str, Any]:
        own = disputes_of(self._world).of("stripe", call.account)
        rows = chosen([show_dispute(self._world, d) for d in reversed(own)], call.form, "charge", "payment_intent")
        return page("/v1/disputes", rows, call.form)

    def update(self, call: Call) -> dict[str, Any]:
        """Evidence is kept, and sent to the bank unless `submit` is false. It can be sent once."""
        only(call.form, "evidence", "intended_submission_method", "metadata", "submit")
        dispute, form = self._find(call), call.form
        evidence = self._evidence(call)
        if evidence or flag(form, "submit"):
            self._check_answerable(dispute)
        tags = metadata(form, {name[9:]: v for name, v in dispute.facts.items() if name.startswith("metadata.")})
        dispute.facts = {n: v for n, v in dispute.facts.items() if not n.startswith("metadata.")}
        dispute.facts |= {f"metadata.{name}": value for name, value in tags.items()}
        dispute.evidence = {n: v for n, v in {**dispute.evidence, **evidence}.items() if v}
        if (evidence or "submit" in form) and flag(form, "submit", True) and dispute.evidence:
            self._submit(dispute)
        else:
            _tell(self._world, dispute, "charge.dispute.updated", {})
        return show_dispute(self._world, dispute)

    def close(self, call: Call) -> dict[str, Any]:
        """The merchant gives in; there is no way back."""
        only(call.form)
        dispute = self._find(call)
        if not dispute.is_open:
            raise StripeError(400, "This dispute is already closed.", code="status_transition_invalid")
        close(self._world, dispute, DisputeState.ACCEPTED)
        return show_dispute(self._world, dispute)

    def _find(self, call: Call) -> Dispute:
        dispute = disputes_of(self._world).get(call.id)
        if dispute is None or (dispute.gateway, dispute.account) != ("stripe", call.account):
            raise missing_resource("dispute", call.id, "dispute")
        return dispute

    def _evidence(self, call: Call) -> dict[str, str]:
        sent = mapping(call.form, "evidence")
        for name in sent:
            if name not in (*EVIDENCE, "enhanced_evidence", "appeal"):
                raise invalid(f"Received unknown parameter: evidence[{name}]", f"evidence[{name}]", "parameter_unknown")
        evidence = {name: text(sent, name) for name in sent if name in EVIDENCE}
        for name in FILES & {name for name, value in evidence.items() if value}:
            file = table(self._world, "file").find(call.account, evidence[name], f"evidence[{name}]", 400)
            if file["purpose"] != "dispute_evidence":
                raise invalid("The file must have purpose dispute_evidence.", f"evidence[{name}]")
        words = [value for name, value in evidence.items() if name not in FILES]
        if any(len(value) > _LONGEST_TEXT for value in words) or sum(map(len, words)) > _MOST_TEXT:
            raise invalid("The evidence is too long.", "evidence")
        return evidence

    def _check_answerable(self, dispute: Dispute) -> None:
        if dispute.state is not DisputeState.NEEDS_RESPONSE:
            message = f"This dispute cannot be updated with evidence: its status is {status_of(dispute)}."
            raise StripeError(400, message, code="status_transition_invalid")
        if self._world.clock.now() > dispute.evidence_due:
            raise StripeError(400, "The deadline for evidence of this dispute has passed.", param="evidence")

    def _submit(self, dispute: Dispute) -> None:
        """The test values of docs.stripe.com/testing (disputes, evidence) decide at once; else the issuer thinks."""
        before = status_of(dispute)
        dispute.state, dispute.submitted_at = DisputeState.UNDER_REVIEW, self._world.clock.now()
        _tell(self._world, dispute, "charge.dispute.updated", {"status": before})
        match dispute.evidence.get("uncategorized_text"):
            case "winning_evidence":
                close(self._world, dispute, DisputeState.WON)
            case "losing_evidence":
                close(self._world, dispute, DisputeState.LOST)
            case "escalate_inquiry_evidence" if dispute.kind is DisputeKind.INQUIRY:
                escalate(self._world, dispute)


def _stripe_charge(world: World, charge: Charge) -> StripeCharge:
    adopt_foreign(world, charge.account)
    return state_of(world).charges[charge.id]


def _tell(world: World, dispute: Dispute, event: str, previous: dict[str, Any] | None = None) -> None:
    tell(world, dispute.account, event, show_dispute(world, dispute), previous)
