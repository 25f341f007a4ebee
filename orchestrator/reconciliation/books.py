"""The standing look after the ledger: its projection is kept up, and it is verified once a day."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.events import EventType
from orchestrator.gateways.registry import KINDS
from orchestrator.ledger import balances, verification
from orchestrator.notifications.service import record
from orchestrator.outbox import LEDGER_CARE, Later

FOLD, VERIFY = LEDGER_CARE
VERIFY_EVERY = timedelta(days=1)
NOW = "now"  # the subject of a verification that somebody asked for


async def fold(_: str) -> Later:
    """Take new transfers into the projected days; at once again while there is a full batch."""
    while await balances.fold() == balances.FOLD_BATCH_MAX:
        pass
    return Later(clock_port.now() + timedelta(seconds=balances.FOLD_EVERY_S))


async def verify(subject: str) -> Later | None:
    """Run all checks, unless that was done in the last day, and tell each merchant of what concerns it.

    With the subject NOW they are run in any case, once.
    """
    now, before = clock_port.now(), await verification.last()
    if subject != NOW and before is not None and before.finished_at + VERIFY_EVERY > now:
        return Later(before.finished_at + VERIFY_EVERY)
    found = await verification.run([name for name, kind in KINDS.items() if kind.splits_after_capture])
    async with transaction():
        counted = Counter((finding.merchant_id, finding.check) for finding in found.findings if finding.merchant_id)
        for merchant_id in sorted({merchant_id for merchant_id, _ in counted}):
            checks = {check: number for (owner, check), number in counted.items() if owner == merchant_id}
            await record(EventType.LEDGER_FINDINGS, merchant_id, found.id, {"findings": checks}, now)
    return None if subject == NOW else Later(now + VERIFY_EVERY)
