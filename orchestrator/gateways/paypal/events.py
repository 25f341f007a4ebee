"""PayPal's events in our words: the third step of a webhook. Pure; what is not acted upon is `ignored`.

Names: https://developer.paypal.com/limited-release/commerce-platform/webhooks ; of kept methods:
https://developer.paypal.com/docs/multiparty/checkout/save-payment-methods/webhooks
"""

from __future__ import annotations

from typing import Any

from orchestrator.gateways.base import WebhookMessage
from orchestrator.gateways.facets import DisputeStatus
from orchestrator.gateways.paypal.dispute_mapping import disputed, read_dispute
from orchestrator.gateways.paypal.mapping import money_of, time_of

_PAYMENTS = {
    "PAYMENT.AUTHORIZATION.CREATED": "payment.authorised",
    "PAYMENT.AUTHORIZATION.VOIDED": "payment.canceled",
    "PAYMENT.CAPTURE.COMPLETED": "payment.captured",
    "PAYMENT.CAPTURE.DENIED": "capture.failed",
    "PAYMENT.CAPTURE.DECLINED": "capture.failed",
    "PAYMENT.CAPTURE.REFUNDED": "refund.succeeded",
    "PAYMENT.REFUND.FAILED": "refund.failed",
}
_REVERSED = "PAYMENT.CAPTURE.REVERSED"
_DISPUTES = {
    "CUSTOMER.DISPUTE.CREATED": "dispute.opened",
    "CUSTOMER.DISPUTE.UPDATED": "dispute.updated",
    "CUSTOMER.DISPUTE.RESOLVED": "dispute.updated",
}
_METHODS = {"VAULT.PAYMENT-TOKEN.CREATED": "method.saved", "VAULT.PAYMENT-TOKEN.DELETED": "method.detached"}

# What an endpoint of ours is registered for. Those that say nothing new are wanted as a trace.
EVENT_TYPES = (
    "CHECKOUT.ORDER.APPROVED",
    "PAYMENT.CAPTURE.PENDING",
    "PAYMENT.REFUND.PENDING",
    *_PAYMENTS,
    _REVERSED,
    *_DISPUTES,
    *_METHODS,
)


def translate(event: dict[str, Any]) -> WebhookMessage:
    """A verified event in our words. Raises where it has no id or type."""
    event_type, key = event["event_type"], event["id"]
    occurred_at = str(event.get("create_time") or "")
    ignored = WebhookMessage(key, event_type, "ignored", occurred_at=occurred_at)
    resource = event.get("resource")
    if not isinstance(resource, dict):
        return ignored
    try:
        return _translated(WebhookMessage(key, event_type, "", occurred_at=occurred_at), resource) or ignored
    except (LookupError, TypeError, ValueError, AttributeError):
        return ignored  # verified and stored raw: it can be replayed once it is understood


def _translated(head: WebhookMessage, resource: dict[str, Any]) -> WebhookMessage | None:
    if kind := _PAYMENTS.get(head.event_type):
        return _of_payment(head, kind, resource)
    if kind := _DISPUTES.get(head.event_type):
        return _of_dispute(head, kind, resource)
    if kind := _METHODS.get(head.event_type):
        order_id = str((resource.get("metadata") or {}).get("order_id") or "")
        return _message(head, kind, gateway_payment_id=order_id, gateway_operation_id=resource["id"])
    if head.event_type == _REVERSED:
        return _of_reversal(head, resource)
    return None


def _of_payment(head: WebhookMessage, kind: str, resource: dict[str, Any]) -> WebhookMessage:
    # "voided either due to authorization reaching it's 30 day validity period or … manually"
    if kind == "payment.canceled" and _has_run_out(resource, head.occurred_at):
        kind = "payment.expired"
    amount = resource.get("amount")
    return _message(
        head,
        kind,
        gateway_payment_id=str(_related(resource).get("order_id") or ""),
        gateway_operation_id=resource["id"],
        operation_reference=_ours(resource, "op_"),
        reference=_ours(resource, "att_"),
        amount=money_of(amount) if amount else None,
        success=not kind.endswith(".failed"),
        decline_code=str((resource.get("processor_response") or {}).get("response_code") or ""),
    )


def _of_dispute(head: WebhookMessage, kind: str, resource: dict[str, Any]) -> WebhookMessage:
    dispute = read_dispute(resource)
    if kind == "dispute.opened" and resource.get("dispute_life_cycle_stage") == "INQUIRY":
        kind = "dispute.inquiry"
    match dispute.status:
        case DisputeStatus.WON:
            kind = "dispute.won"
        case DisputeStatus.LOST | DisputeStatus.ACCEPTED:
            kind = "dispute.lost"
        case _:
            pass
    ours = str(disputed(resource).get("custom") or "")
    return _message(
        head,
        kind,
        gateway_operation_id=dispute.dispute_id,
        reference=ours if ours.startswith("att_") else "",
        amount=dispute.amount,
    )


def _of_reversal(head: WebhookMessage, resource: dict[str, Any]) -> WebhookMessage:
    """PayPal took a captured payment back: a dispute's money, which the dispute tells. `Disputes.fetch` finds it by
    the capture's id."""
    up = next((str(link["href"]) for link in resource.get("links") or [] if link.get("rel") == "up"), "")
    capture_id = str(_related(resource).get("capture_id") or (up.rsplit("/", 1)[-1] if "/captures/" in up else ""))
    return _message(
        head,
        "dispute.updated",
        gateway_payment_id=str(_related(resource).get("order_id") or ""),
        gateway_operation_id=capture_id or resource["id"],
        reference=_ours(resource, "att_"),
    )


def _message(head: WebhookMessage, kind: str, **fields: Any) -> WebhookMessage:
    return WebhookMessage(head.event_key, head.event_type, kind, occurred_at=head.occurred_at, **fields)


def _has_run_out(authorization: dict[str, Any], occurred_at: str) -> bool:
    ends, at = time_of(authorization.get("expiration_time")), time_of(occurred_at)
    return ends is not None and at is not None and ends <= at


def _related(resource: dict[str, Any]) -> dict[str, Any]:
    related = (resource.get("supplementary_data") or {}).get("related_ids")
    return related if isinstance(related, dict) else {}


def _ours(resource: dict[str, Any], prefix: str) -> str:
    """Our id in the fields that PayPal sends back: a capture's invoice and a refund's custom id are operations."""
    fields = (str(resource.get(name) or "") for name in ("custom_id", "invoice_id"))
    return next((text for text in fields if text.startswith(prefix)), "")
