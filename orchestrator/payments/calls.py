"""An operation as the request that an adapter sends: built from stored rows only, so the same each time it is asked."""

from __future__ import annotations

from orchestrator.gateways.base import OperationCall, OperationKind
from orchestrator.gateways.credentials import CardCredential
from orchestrator.payments.records import AttemptRow, OperationRow, Story
from orchestrator.settings import get_settings


def call_for(story: Story, attempt: AttemptRow, operation: OperationRow) -> OperationCall:
    """The request as data, built from stored rows only: the same each time, so that it can be sent again."""
    opens = operation.kind in (
        OperationKind.CREATE,
        OperationKind.CONFIRM,
    )  # a gateway may need the method's kind first
    card = story.payment.card if opens else None
    target = attempt.gateway_authorisation_id
    if operation.target_operation_id:
        target = story.operation(operation.target_operation_id).gateway_operation_id
    return OperationCall(
        kind=operation.kind,
        operation_id=operation.id,
        payment_id=story.payment.id,
        attempt_id=attempt.id,
        amount=operation.amount,
        gateway_payment_id=attempt.gateway_payment_id,
        gateway_operation_id=target,
        credential=CardCredential(**{name: getattr(card, name) for name in card.__struct_fields__}) if card else None,
        return_url=f"{get_settings().public_url}/pay/{story.payment.public_token}/return",
        action_result=operation.action_result or {},
        description=story.payment.description,
    )
