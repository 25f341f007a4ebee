"""What may be captured of a payment now, and what may be let go: the conditions of both verbs. Pure."""

from __future__ import annotations

from datetime import datetime

from orchestrator.errors import Conflict, InvalidField
from orchestrator.gateways.base import OperationKind
from orchestrator.gateways.capabilities import Capabilities, Missing, Verb
from orchestrator.gateways.registry import KINDS
from orchestrator.payments.amounts import capturable_minor, captures_of, is_over
from orchestrator.payments.errors import AuthorisationExpired, CapturedOnce, GatewayRefused
from orchestrator.payments.records import AttemptRow, OperationRow, OperationState, SettledBy, Story
from orchestrator.payments.tidying import given_up, paid_minor, winner_of
from routing.outcomes import OutcomeKind

_CALLING = (OperationState.SENT, OperationState.UNKNOWN, OperationState.NEEDS_REVIEW)


def capturable(story: Story, now: datetime) -> tuple[AttemptRow, int]:
    """The attempt to capture and how much is left of it, in minor units.

    Raises Conflict (nothing is authorised, or another call is on its way), AuthorisationExpired, CapturedOnce.
    """
    winner = winner_of(story)
    if winner is None or given_up(story.payment):
        raise Conflict(f"The payment is {story.payment.status.value}: there is nothing to capture.")
    if any(op.state in _CALLING for op in story.operations_of(winner.id) if op.kind is not OperationKind.REFUND):
        raise Conflict("A capture of this payment is under way already.")
    left = capturable_minor(story, winner, now)
    if left:
        return winner, left
    if is_over(winner, now) and winner.capture_before is not None:
        raise AuthorisationExpired(winner.capture_before.isoformat())
    captures = [op for op in story.operations_of(winner.id, OperationKind.CAPTURE) if op.open or op.approved]
    if any(op.open for op in captures):
        raise Conflict("A capture of this payment is under way already.")
    raise CapturedOnce("all of it is captured, or the rest was let go with the last capture")


def require_several(attempt: AttemptRow, final: bool) -> None:
    """Raises InvalidField where another capture shall follow at a gateway that captures once."""
    several = _capabilities(attempt.gateway).verbs[Verb.CAPTURE_SEVERAL]
    if not final and isinstance(several, Missing):
        raise InvalidField(
            "final", f"must be true: {attempt.gateway} captures an authorisation once ({several.reason})"
        )


def releasable(story: Story, now: datetime) -> tuple[AttemptRow, int] | None:
    """The attempt of which a part is captured, and how much of the rest is held, in minor units: 0 where that was let
    go before. None where nothing is captured yet.

    Raises Conflict where a capture is on its way, or all is captured.
    """
    if any(op.captures and op.open for op in story.operations if op.kind is OperationKind.CAPTURE):
        raise Conflict("A capture of the payment is under way: refund it instead of canceling.")
    if not captures_of(story):
        return None
    winner = winner_of(story)
    if winner is None or paid_minor(story) >= story.payment.amount_minor:
        raise Conflict("The payment is captured: refund it instead of canceling.")
    return winner, capturable_minor(story, winner, now)


def lets_the_rest_go(attempt: AttemptRow) -> bool:
    """Whether the gateway takes a cancel of what a partial capture left. Adyen takes none once something is captured:
    it lets the rest go by itself, or, with several captures, when its time is over
    (https://docs.adyen.com/api-explorer/Checkout/71/post/payments/_paymentPspReference_/cancels)."""
    return KINDS[attempt.gateway].releases_the_rest


def require_accepted(operation: OperationRow | None, gateway: str) -> None:
    """Raises GatewayRefused where the gateway's own reply was a refusal: whoever asked hears it."""
    if operation is None or operation.settled_by is not SettledBy.REPLY:
        return
    if operation.outcome is OutcomeKind.DECLINED:
        decline = operation.decline or {}
        why = str(decline.get("gateway_message") or decline.get("reason") or operation.detail)
        raise GatewayRefused(gateway, operation.kind.value, why)


def _capabilities(gateway: str) -> Capabilities:
    return KINDS[gateway].capabilities
