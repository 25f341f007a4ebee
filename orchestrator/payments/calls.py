"""An operation as the request that an adapter sends: built from stored rows only, so the same each time it is asked."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.gateways.authentication import NO_WISH
from orchestrator.gateways.base import OperationCall, OperationKind
from orchestrator.gateways.credentials import CardCredential, Credential, Initiator, StoredUse
from orchestrator.payments.amounts import captured_beside
from orchestrator.payments.authentication import wish_of
from orchestrator.payments.instruments import KeptMethod, credential_for
from orchestrator.payments.records import AttemptRow, OperationRow, PaymentRow, Story
from orchestrator.payments.splitting import follow_the_capture, splits_of_call
from orchestrator.payments.tidying import is_renewal
from orchestrator.settings import get_settings

_OPENING = (OperationKind.CREATE, OperationKind.CONFIRM)  # a gateway may need the method's kind first


def call_for(story: Story, attempt: AttemptRow, operation: OperationRow) -> OperationCall:
    """The request as data, built from stored rows only: the same each time, so that it can be sent again."""
    payment, opens = story.payment, operation.kind in _OPENING
    renewal = is_renewal(story, attempt)
    account_id = attempt.gateway_account_id
    target = attempt.gateway_authorisation_id
    if operation.target_operation_id:
        target = story.operation(operation.target_operation_id).gateway_operation_id
    return OperationCall(
        kind=operation.kind,
        operation_id=operation.id,
        payment_id=payment.id,
        attempt_id=attempt.id,
        amount=operation.amount,
        gateway_payment_id=attempt.gateway_payment_id,
        gateway_operation_id=target,
        credential=_credential(payment, account_id, renewal=renewal) if opens else None,
        return_url=f"{get_settings().public_url}/pay/{payment.public_token}/return",
        action_result=operation.action_result or {},
        description=payment.description,
        capture=attempt.capture_mode,
        captured_before=captured_beside(story, operation) if operation.kind is OperationKind.CAPTURE else None,
        final_capture=operation.final,
        save=_kept_for(payment, account_id) if opens or operation.kind is OperationKind.COMPLETE else None,
        stored_use=_used_as(payment, renewal=renewal) if opens else None,
        gateway_customer=_customer(payment, account_id),
        splits=splits_of_call(attempt, operation),
        splits_follow=bool(operation.splits) and follow_the_capture(attempt.gateway),
        shopper=payment.usage.shopper,
        authentication=wish_of(story, attempt) if opens else NO_WISH,
    )


def _credential(payment: PaymentRow, account_id: str, *, renewal: bool) -> Credential | None:
    """A renewal is without the customer, and so without the CVC."""
    if payment.instrument is None:
        return None
    credential = credential_for(payment.instrument, account_id, by_merchant=payment.usage.by_merchant or renewal)
    return replace(credential, has_cvc=False) if renewal and isinstance(credential, CardCredential) else credential


def _kept_for(payment: PaymentRow, account_id: str) -> StoredUse | None:
    """What it is kept for at this account; nothing where the account does not know the customer."""
    saving = payment.usage.saving
    if saving is None or account_id not in payment.usage.customers:
        return None
    return StoredUse(agreement=saving.agreement)


def _used_as(payment: PaymentRow, *, renewal: bool) -> StoredUse | None:
    if not isinstance(payment.instrument, KeptMethod):
        return None
    usage = payment.usage
    initiator = Initiator.MERCHANT if renewal else usage.initiator
    return StoredUse(initiator, usage.agreement, usage.network_transaction_id)


def _customer(payment: PaymentRow, account_id: str) -> str:
    kept = payment.instrument.tokens.get(account_id) if isinstance(payment.instrument, KeptMethod) else None
    return kept.customer if kept else payment.usage.customers.get(account_id, "")
