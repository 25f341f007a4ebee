"""The merchant's profile: what its documents print of it, and the few numbers by which it does business."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from invoicing.vat_ids import check_vat_id
from orchestrator import clock_port
from orchestrator.access import audit
from orchestrator.access import service as access
from orchestrator.access import store as access_store
from orchestrator.access.store import MerchantRow
from orchestrator.db import transaction
from orchestrator.errors import InvalidField


async def change(merchant_id: str, given: Mapping[str, Any]) -> MerchantRow:
    """Set these fields, for documents that are drafted from now on; what was before is in the audit log.

    Raises InvalidInvoice (`vat_id`), InvalidField (`timezone`).
    """
    if given.get("vat_id"):
        check_vat_id(given["vat_id"], "vat_id")
    if given.get("timezone") and given["timezone"] not in available_timezones():
        raise InvalidField("timezone", "must be a name of the IANA time zone database such as Europe/Berlin")
    before, after = {}, {}
    async with transaction():
        for name, value in given.items():
            was = await access_store.put_in_profile(merchant_id, name, value)
            if was != value:
                before[name], after[name] = was, value
        if after:
            kind, now = audit.Action.SETTING_CHANGED, clock_port.now()
            await audit.record(merchant_id, kind, merchant_id, now, before=before, after=after)
    return await access.get_merchant(merchant_id)
