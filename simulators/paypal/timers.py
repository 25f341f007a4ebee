"""What the simulated PayPal does when the clock reaches a timer, by the name of the handler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulators.paypal import disputes, paying, payments, resources, vault
from simulators.paypal.state import state_of
from simulators.paypal.webhooks import tell
from simulators.world import World

Facts = dict[str, Any]


def expire_authorization(world: World, facts: Facts) -> None:
    """After 29 days an open authorization is voided; what was captured of another stays captured."""
    state = state_of(world)
    it = state.authorizations[facts["authorization"]]
    if resources.authorization_status(it) == "CREATED" and it.parent is None and not it.renewed:
        payments.end_authorization(world, state, it)
    elif resources.authorization_status(it) == "CREATED" and it.parent is not None:
        payments.end_authorization(world, state, it.parent)


def end_review(world: World, facts: Facts) -> None:
    """A pending capture is paid or denied."""
    state = state_of(world)
    it = state.captures[facts["capture"]]
    it.pending_for, it.updated_at = "", world.clock.now()
    if facts["denied"]:
        it.failed = True
        tell(world, it.order.account, "PAYMENT.CAPTURE.DENIED", resources.capture(it, state))
    else:
        paying.book_capture(world, state, it)


def end_echeck(world: World, facts: Facts) -> None:
    """A pending refund arrives, or comes back to the merchant."""
    state = state_of(world)
    it = state.refunds[facts["refund"]]
    it.updated_at = world.clock.now()
    it.status = "FAILED" if facts["failed"] else "COMPLETED"
    if facts["failed"]:
        tell(world, it.capture.order.account, "PAYMENT.REFUND.FAILED", resources.refund(it, state))
    else:
        payments.book_refund(world, state, it)


HANDLERS: Mapping[str, Callable[[World, Facts], None]] = {
    "expire_authorization": expire_authorization,
    "end_review": end_review,
    "end_echeck": end_echeck,
    "delete_token": vault.finish_deletion,
    "dispute_deadline": disputes.miss_deadline,
}
