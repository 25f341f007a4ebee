"""What a merchant wants a second pair of eyes for. To want less of it takes a second pair of eyes."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator import clock_port
from orchestrator.approvals import service, store
from orchestrator.approvals.states import ApprovalKind
from orchestrator.approvals.store import ApprovalRow
from orchestrator.db import transaction
from orchestrator.errors import ClearwayError


class ApprovalNeeded(ClearwayError):
    """The merchant wants a second pair of eyes for what goes above `limit` (minor units). `route` is where to ask."""

    status = 409
    code = "approval_needed"

    def __init__(self, what: str, limit: int, currency: str, route: str, span: str = "") -> None:
        super().__init__(
            f"{what} above {limit} {currency} (minor units){span} need the approval of a second person. Ask for it "
            f"with {route}, and have another user or key approve it."
        )


def is_stricter(new: Mapping[str, int], old: Mapping[str, int]) -> bool:
    """Whether everything that needed an approval before still does."""
    return all(currency in new and new[currency] <= limit for currency, limit in old.items())


def needs_approval(limits: Mapping[str, int], currency: str, given_minor: int, amount_minor: int) -> bool:
    """Whether money that goes back does: what was `given` before counts (all refunds of a payment, or what a customer
    was paid out lately), so that many small ones are not let through."""
    limit = limits.get(currency)
    return limit is not None and given_minor + amount_minor > limit


async def set_refund_limits(merchant_id: str, limits: dict[str, int]) -> ApprovalRow | None:
    """Set above which amounts (minor units by currency) refunds, and payouts of customers' credit, need an approval; at
    once where that is stricter.

    Else the request for it. Raises Conflict while another one is open.
    """
    async with transaction():
        old = await store.refund_limits(merchant_id)
        if not is_stricter(limits, old):
            payload = {"new": limits, "previous": old}
            return await service.ask(ApprovalKind.POLICY, merchant_id, merchant_id, payload, payload)
        await store.put_refund_limits(merchant_id, limits, service.actor_name(), clock_port.now())
    return None


async def change(row: ApprovalRow) -> None:
    """Do what was approved."""
    async with transaction():
        now = clock_port.now()
        await store.put_refund_limits(row.merchant_id, row.payload["new"], row.decided_by or "", now)
        await service.executed(row.id, row.merchant_id, now)
