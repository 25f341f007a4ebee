"""Fills one payment's story for the console: plan, attempts with their calls, webhooks, ledger, refunds. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from currency.money import Money
from orchestrator.gateways.base import OperationKind
from orchestrator.gateways.store import GatewayAccountRow
from orchestrator.ledger.store import TransferRow
from orchestrator.notifications.store import EventRow
from orchestrator.payments.instruments import (
    Card,
    Ideal,
    Instrument,
    KeptMethod,
    NetworkToken,
    PayPalWallet,
    SepaDebit,
)
from orchestrator.payments.records import AttemptRow, OperationRow, OperationState, PaymentStatus, SettledBy, Story
from orchestrator.payments.reviews import is_refused_undoing
from orchestrator.recipients.records import SplitTransferRow
from orchestrator.refunds.service import RefundView as StoredRefund
from orchestrator.web import console_views
from orchestrator.web.wording import exchange_text, failover_sentence, gateway_name
from orchestrator.webhooks.store import WebhookRow
from routing.decision import RoutePlan
from routing.outcomes import OutcomeKind

_SETTLED_BY = {
    SettledBy.LOOK_UP: "No trustworthy answer came; settled by asking the gateway.",
    SettledBy.RESEND: "No trustworthy answer came; settled by sending the identical request again.",
    SettledBy.WEBHOOK: "Settled by the gateway's signed webhook.",
}


@dataclass(frozen=True, slots=True)
class TimelineFacts:
    """All that was read for one page."""

    story: Story
    accounts: Mapping[str, GatewayAccountRow]
    webhooks: Sequence[WebhookRow]
    transfers: Sequence[TransferRow]
    refunds: Sequence[StoredRefund]
    invoice: console_views.LinkView | None
    events: Sequence[EventRow] = ()
    split_transfers: Sequence[SplitTransferRow] = ()
    disputes: tuple[console_views.DisputeLink, ...] = ()
    verbs: console_views.VerbsView = field(default_factory=console_views.VerbsView)
    notice: str = ""
    error: str = ""


def timeline_view(facts: TimelineFacts, shell: console_views.Shell) -> console_views.PaymentTimelineView:
    """The page of one payment."""
    payment = facts.story.payment
    return console_views.PaymentTimelineView(
        shell=shell,
        id=payment.id,
        amount=payment.amount,
        status=payment.status.value,
        created_at=payment.created_at,
        captured=Money(payment.amount_captured_minor, payment.currency),
        refunded=Money(payment.amount_refunded_minor, payment.currency),
        plan=_plan(facts),
        attempts=tuple(_attempt(facts, position) for position in range(len(facts.story.attempts))),
        webhooks=tuple(row for message in facts.webhooks for row in webhook_views(message, facts.accounts)),
        transfers=tuple(_transfer(row) for row in facts.transfers),
        refunds=tuple(_refund(refund, facts.story) for refund in facts.refunds),
        description=payment.description,
        reference=payment.reference or "",
        instrument=shown_instrument(payment.instrument) if payment.instrument else None,
        invoice=facts.invoice,
        checkout_url=f"/pay/{payment.public_token}" if payment.hosted else "",
        alert=_alert(facts.story),
        customer_id=payment.customer_id or "",
        verbs=facts.verbs,
        disputes=facts.disputes,
        splits=_splits(facts),
        events=tuple(console_views.EventView(row.id, row.created_at, row.type) for row in facts.events),
        notice=facts.notice,
        error=facts.error,
    )


def shown_instrument(instrument: Instrument) -> console_views.InstrumentView:
    """What may be shown of what was paid with."""
    match instrument:
        case Card() | NetworkToken():
            expiry = f"{instrument.expiry_month:02d}/{instrument.expiry_year}"
            country = instrument.issuer_country if isinstance(instrument, Card) else "network token"
            note = f"{expiry} · {country}" if country else expiry
            return console_views.InstrumentView(instrument.brand, f"•••• {instrument.last4}", note)
        case KeptMethod():
            kind = instrument.brand or instrument.method.value
            return console_views.InstrumentView(
                kind, f"•••• {instrument.last4}" if instrument.last4 else "", f"kept: {instrument.payment_method_id}"
            )
        case PayPalWallet():
            return console_views.InstrumentView("paypal", instrument.email)
        case Ideal():
            return console_views.InstrumentView("ideal", "", instrument.country)
        case SepaDebit():
            return console_views.InstrumentView("sepa_debit", instrument.iban_shown, instrument.mandate_reference)
        case _:
            assert_never(instrument)


def webhook_views(row: WebhookRow, accounts: Mapping[str, GatewayAccountRow]) -> list[console_views.WebhookView]:
    """The message, and under it its repetitions, which had no effect."""
    account = accounts.get(row.gateway_account_id)
    first = console_views.WebhookView(
        id=row.id,
        at=row.received_at,
        gateway=account.gateway if account else "",
        event_type=row.event_type,
        effect=row.state,
        detail=row.note,
        payment_id=row.payment_id or "",
        payment_url=f"/console/payments/{row.payment_id}" if row.payment_id else "",
    )
    if not row.duplicates:
        return [first]
    times = "once more" if row.duplicates == 1 else f"{row.duplicates} more times"
    again = console_views.WebhookView(
        id=f"{row.id}-again",
        at=row.received_at,
        gateway=first.gateway,
        event_type=row.event_type,
        effect="duplicate",
        detail=f"delivered {times}, without effect",
        payment_id=first.payment_id,
        payment_url=first.payment_url,
    )
    return [first, again]


def _alert(story: Story) -> str:
    if story.payment.status is PaymentStatus.NEEDS_REVIEW:
        return (
            "A gateway's answer is missing and could not be settled by asking. Look the payment up in the gateway's "
            "dashboard by the references below. Nothing further is charged meanwhile."
        )
    if any(op.state is OperationState.UNKNOWN for op in story.operations):
        return "A call got no trustworthy answer. The gateway is being asked; nothing is charged elsewhere meanwhile."
    return ""


def _plan(facts: TimelineFacts) -> console_views.RoutePlanView | None:
    payment = facts.story.payment
    if payment.plan is None:
        return None
    plan = RoutePlan.from_json(payment.plan)
    places = {step.account_id: step.position for step in plan.steps}
    candidates = tuple(
        console_views.CandidateView(
            gateway=reason.gateway,
            account=_label(facts, reason.account_id),
            place=places.get(reason.account_id) if reason.kept else None,
            reason=reason.why,
            score=str(reason.score) if reason.score is not None else "",
        )
        for reason in plan.reasons
    )
    if plan.rule == "default":
        rule = "No rule applies: the accounts in the order of their priority."
    else:
        rule = f"Rule {plan.rule}" + (f", version {plan.rule_set_version}" if plan.rule_set_version else "")
    begun = [attempt.created_at for attempt in facts.story.attempts if attempt.round == payment.round]
    return console_views.RoutePlanView(begun[0] if begun else payment.created_at, candidates, rule)


def _label(facts: TimelineFacts, account_id: str) -> str:
    account = facts.accounts.get(account_id)
    return account.label if account else account_id


def _attempt(facts: TimelineFacts, index: int) -> console_views.AttemptView:
    story = facts.story
    attempt = story.attempts[index]
    following = story.attempts[index + 1] if index + 1 < len(story.attempts) else None
    operations = [op for op in story.operations_of(attempt.id) if op.kind is not OperationKind.REFUND]
    return console_views.AttemptView(
        id=attempt.id,
        number=attempt.position,
        gateway=attempt.gateway,
        account=_label(facts, attempt.gateway_account_id),
        outcome=attempt.status.value,
        at=attempt.created_at,
        amount=story.payment.amount,
        operations=tuple(_operation(op) for op in operations),
        gateway_reference=attempt.gateway_payment_id,
        reason=_decline_sentence(attempt),
        authentication=_authentication_sentence(attempt),
        moved_on=_moved_on(attempt, operations, following) if following else "",
    )


def _decline_sentence(attempt: AttemptRow) -> str:
    if attempt.decline is None:
        return ""
    said = str(attempt.decline.get("gateway_message") or attempt.decline.get("gateway_code") or "")
    return f"Declined: {attempt.decline['reason']}" + (f" ({said})" if said else "")


def _authentication_sentence(attempt: AttemptRow) -> str:
    """`3-D Secure 2.2.0: authenticated, ECI 05, the issuer bears the risk`; empty where the gateway told nothing."""
    told = attempt.authentication
    if told is None:
        return ""
    liability = {True: "the issuer bears the risk", False: "the risk is ours", None: ""}[told.liability_shifted]
    granted = {True: " granted", False: " refused", None: " asked for"}[told.exemption_granted]
    parts = [
        told.result.replace("_", " "),
        f"ECI {told.eci}" if told.eci else "",
        liability,
        f"exemption {told.exemption_requested}{granted}" if told.exemption_requested else "",
        "handed over from an earlier attempt" if told.presented else "",
    ]
    said = ", ".join(part for part in parts if part)
    return f"3-D Secure {told.version}".rstrip() + f": {said}" if said else ""


def _moved_on(attempt: AttemptRow, operations: Sequence[OperationRow], following: AttemptRow) -> str:
    if following.round != attempt.round:
        return f"The shopper tried again → another try at {gateway_name(following.gateway)}"
    detail = f"declined: {attempt.decline['reason']}" if attempt.decline and attempt.status == "declined" else ""
    if not detail and operations and operations[-1].outcome is OutcomeKind.NOT_REACHED:
        refused = "refused" in operations[-1].detail.lower()
        detail = "refused the connection, nothing was sent" if refused else ""
    return failover_sentence(attempt.gateway, attempt.status.value, detail, following.gateway)


def _operation(row: OperationRow) -> console_views.OperationView:
    decline = row.decline or {}
    notes = [row.detail, _SETTLED_BY.get(row.settled_by, "") if row.settled_by else ""]
    return console_views.OperationView(
        id=row.id,
        kind=row.kind.value,
        at=row.sent_at,
        outcome=_outcome_word(row),
        duration_ms=_duration_ms(row),
        code=str(decline.get("gateway_code") or ""),
        message=" · ".join(note for note in notes if note),
        gateway_reference=row.gateway_operation_id,
        exchange=_exchange(row),
        review_url=review_url(row) if _waits_for_a_person(row) else "",
    )


def review_url(row: OperationRow) -> str:
    """The page on which a person says what became of the operation."""
    return f"/console/payments/{row.payment_id}/operations/{row.id}"


def _waits_for_a_person(row: OperationRow) -> bool:
    return row.state is OperationState.NEEDS_REVIEW or is_refused_undoing(row)


def _outcome_word(row: OperationRow) -> str:
    if row.state is OperationState.SETTLED and row.outcome is not None:
        return row.outcome.value
    return row.state.value


def _duration_ms(row: OperationRow) -> int | None:
    """From sending to knowing; None where no answer came to this very call."""
    if row.settled_at is None or row.settled_by in (SettledBy.LOOK_UP, SettledBy.RESEND):
        return None
    if row.outcome is OutcomeKind.UNKNOWN:
        return None
    return int((row.settled_at - row.sent_at).total_seconds() * 1000)


def _exchange(row: OperationRow) -> console_views.ExchangeView | None:
    kept = row.exchange
    if not kept:
        return None
    reply = exchange_text(kept["reply"]) if "reply" in kept else str(kept.get("failure") or "")
    return console_views.ExchangeView(exchange_text(kept.get("request", "")), reply)


def _splits(facts: TimelineFacts) -> tuple[console_views.SplitView, ...]:
    """The parts as the payment has them; where they go by transfers, those."""
    if facts.split_transfers:
        return tuple(
            console_views.SplitView(
                row.recipient_id,
                Money(row.amount_minor, row.currency),
                row.state.value,
                f"{row.kind.value}: {row.detail}" if row.detail else row.kind.value,
            )
            for row in facts.split_transfers
        )
    payment = facts.story.payment
    return tuple(
        console_views.SplitView(part.recipient_id, Money(part.amount_minor, payment.currency), "in_the_payment")
        for part in payment.splits or ()
    )


def _transfer(row: TransferRow) -> console_views.TransferView:
    amount = Money(row.amount_minor, row.currency)
    return console_views.TransferView(
        row.journal_key, row.occurred_at, row.debit, row.credit, amount, row.memo or row.kind
    )


def _refund(refund: StoredRefund, story: Story) -> console_views.RefundView:
    operations = [story.operation(id) for id in (refund.refund.operation_id, *refund.refund.more_operation_ids)]
    return console_views.RefundView(
        id=refund.refund.id,
        at=refund.refund.created_at,
        amount=Money(refund.refund.amount_minor, refund.refund.currency),
        status=refund.status.value,
        gateway=story.attempt(operations[0].attempt_id).gateway,
        reason=refund.refund.reason,
        operations=tuple(_operation(operation) for operation in operations),
    )
