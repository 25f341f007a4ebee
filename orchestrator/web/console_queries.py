"""What the console asks over several slices' tables at once: what waits for a person, and lists in other orders."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from orchestrator.access.scopes import Scope
from orchestrator.db import fetch
from orchestrator.disputes.records import DisputeRow

# Work of the whole installation: whose it is does not show by its subject, and nobody's data is in it.
_EVERYBODYS = ("worker.heartbeat", "housekeeping", "webhook.watch", "ledger.fold", "ledger.verify")
# A parked row is a merchant's where its subject (in parts: `apr_…/approved`) names something of that merchant.
_OWN = """
    EXISTS (SELECT 1 FROM payment x WHERE x.id = o.about AND x.merchant_id = $1)
    OR EXISTS (SELECT 1 FROM event x WHERE x.id = o.about AND x.merchant_id = $1)
    OR EXISTS (SELECT 1 FROM webhook_endpoint x WHERE x.id = o.about AND x.merchant_id = $1)
    OR EXISTS (SELECT 1 FROM approval_request x WHERE x.id = o.about AND x.merchant_id = $1)
    OR EXISTS (SELECT 1 FROM dispute x WHERE x.id = o.about AND x.merchant_id = $1)
    OR EXISTS (SELECT 1 FROM payment_method x WHERE x.id = o.about AND x.merchant_id = $1)
    OR EXISTS (SELECT 1 FROM payment_method_token t JOIN payment_method x ON x.id = t.payment_method_id
               WHERE t.id = o.about AND x.merchant_id = $1)
    OR EXISTS (SELECT 1 FROM invoice x WHERE x.id = o.about AND x.merchant_id = $1)
    OR EXISTS (SELECT 1 FROM document_delivery x WHERE x.id = o.about AND x.merchant_id = $1)
    OR EXISTS (SELECT 1 FROM transmission x WHERE x.id = o.about AND x.merchant_id = $1)
    OR EXISTS (SELECT 1 FROM invoice_batch x WHERE x.id = o.about AND x.merchant_id = $1)
    OR split_part(o.about, ':', 1) = $1
    OR EXISTS (SELECT 1 FROM split_transfer x WHERE x.id = o.about AND x.merchant_id = $1)
    OR EXISTS (SELECT 1 FROM webhook_message x JOIN gateway_account g ON g.id = x.gateway_account_id
               WHERE x.id = o.about AND g.merchant_id = $1)"""
_PARKED = f"""
    SELECT o.id, o.topic, o.subject, o.tries, o.parked_at,
        CASE WHEN o.topic = ANY ($2) THEN '' ELSE o.error END AS error
    FROM (SELECT *, split_part(subject, '/', 1) AS about FROM outbox WHERE parked_at IS NOT NULL) o
    WHERE o.topic = ANY ($2) OR {_OWN} ORDER BY o.parked_at DESC LIMIT $3"""  # noqa: S608 - constants
_REVIEWS = (
    "SELECT count(*) FROM operation o JOIN payment p ON p.id = o.payment_id "
    "WHERE p.merchant_id = $1 AND o.state = 'needs_review'"
)
_OPERATING = f"""
    (SELECT count(*) FROM webhook_message m JOIN gateway_account g ON g.id = m.gateway_account_id
     WHERE g.merchant_id = $1 AND m.state = 'parked')
    + (SELECT count(*) FROM webhook_watch w JOIN gateway_account g ON g.id = w.gateway_account_id
       WHERE g.merchant_id = $1 AND (w.silent_since IS NOT NULL OR w.endpoint_enabled = false))
    + (SELECT count(*) FROM ({_PARKED}) parked)"""  # noqa: S608 - constants
PARKED_MAX = 100


class ParkedRow(msgspec.Struct, frozen=True):
    """Work that failed so often that it waits for a person. `error` is empty for work of the whole installation."""

    id: int
    topic: str
    subject: str
    tries: int
    parked_at: datetime
    error: str


async def count_waiting(merchant_id: str, scopes: Collection[str]) -> int:
    """How many things wait for a person, as far as somebody with these scopes is shown them."""
    found = 0
    if Scope.PAYMENTS_READ in scopes:
        found += int((await fetch(_REVIEWS, merchant_id))[0]["count"])
    if Scope.OPERATE_READ in scopes:
        sql = f"SELECT {_OPERATING} AS count"
        found += int((await fetch(sql, merchant_id, list(_EVERYBODYS), PARKED_MAX))[0]["count"])
    return found


async def parked_jobs(merchant_id: str) -> list[ParkedRow]:
    """Parked rows of the outbox about this merchant or about nobody, the latest first."""
    rows = await fetch(_PARKED, merchant_id, list(_EVERYBODYS), PARKED_MAX)
    return [ParkedRow(**dict(row)) for row in rows]


async def disputes_to_answer(merchant_id: str, *, limit: int) -> list[DisputeRow]:
    """Those that wait for an answer of ours, the first due first; without a date last."""
    rows = await fetch(
        "SELECT row_to_json(d.*) AS it FROM dispute d WHERE merchant_id = $1 "
        "AND status IN ('inquiry', 'needs_response') ORDER BY evidence_due_at NULLS LAST, id LIMIT $2",
        merchant_id,
        limit,
    )
    return [msgspec.json.decode(row["it"], type=DisputeRow) for row in rows]
