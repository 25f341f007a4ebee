"""What the card networks forbid for a card now, by its tries at all gateways of this installation for the merchant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from currency.money import Money
from orchestrator.gateways.credentials import Method
from orchestrator.payments import route_store
from orchestrator.payments.instruments import (
    Card,
    Instrument,
    KeptMethod,
    NetworkToken,
    instrument_fingerprint,
    method_behind,
)
from orchestrator.payments.records import PaymentRow
from routing.network_limits import MONTH, CardTry, Ceiling, ceiling
from routing.outcomes import OutcomeKind

_CARDS = frozenset({Method.CARD, Method.NETWORK_TOKEN})


async def tries_of(merchant_id: str, instrument: Instrument | None, now: datetime) -> list[CardTry]:
    """The refused tries that may count, and the last approval after which they begin; none for what is no card.

    A card that was never refused costs one look into an index that has nothing of it.
    """
    if instrument is None or method_behind(instrument) not in _CARDS:
        return []
    fingerprint = instrument_fingerprint(instrument)
    refused = await route_store.refused_tries(merchant_id, fingerprint, now - MONTH) if fingerprint else []
    if not refused:
        return []
    approval = await route_store.last_approval(merchant_id, fingerprint, now - MONTH)
    approved = [_try(approval, OutcomeKind.APPROVED)] if approval else []
    return [*approved, *(_try(row, OutcomeKind(row["status"]), row["decline"]) for row in refused)]


def ceiling_for(payment: PaymentRow, tries: Sequence[CardTry], now: datetime) -> Ceiling | None:
    """Why the payment's card may not be tried now; None where nothing stands against it."""
    if not tries:
        return None
    shown = payment.instrument if isinstance(payment.instrument, Card | NetworkToken | KeptMethod) else None
    return ceiling(shown.brand or None if shown else None, tries, payment.amount, now)


def _try(row: asyncpg.Record, kind: OutcomeKind, decline: str | None = None) -> CardTry:
    said = msgspec.json.decode(decline) if decline else {}
    return CardTry(
        at=row["created_at"],
        kind=kind,
        amount=Money(row["amount_minor"], row["currency"]),
        reason=str(said.get("reason", "")),
        advice_code=str(said.get("advice_code", "")),
    )
