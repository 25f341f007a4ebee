"""The work list of what waits for a person."""

from __future__ import annotations

import msgspec

from orchestrator.db import fetch
from orchestrator.payments.records import OperationRow

_FIELDS = ", ".join(f"'{name}', o.{name}" for name in OperationRow.__struct_fields__ if name != "exchange")
_WAITING = f"""
    SELECT json_build_object('exchange', NULL, {_FIELDS}) AS it
    FROM operation o JOIN payment p ON p.id = o.payment_id
    WHERE p.merchant_id = $1 AND ($2::varchar IS NULL OR o.id < $2) AND (
        o.state = 'needs_review'
        OR (o.state = 'settled' AND o.outcome = 'declined' AND (o.review IS NULL OR o.review->>'verdict' = 'look_again')
            AND (o.cause = 'surplus' OR (p.status = 'needs_review' AND o.kind IN ('void', 'capture'))))
    )
    ORDER BY o.id DESC LIMIT $3"""  # noqa: S608 - the names of our own fields
_operation = msgspec.json.Decoder(OperationRow)


async def waiting(merchant_id: str, *, limit: int, before_id: str | None) -> list[OperationRow]:
    """Newest first; `before_id` continues a page."""
    rows = await fetch(_WAITING, merchant_id, before_id, limit)
    return [_operation.decode(row["it"]) for row in rows]
