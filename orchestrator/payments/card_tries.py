"""What the card networks forbid for a card now, by its tries at all gateways of this installation for the merchant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

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

UNDER_WAY_AT_MOST = timedelta(minutes=10)  # a try without an answer for longer is unknown, or the shopper is gone
_CARDS = frozenset({Method.CARD, Method.NETWORK_TOKEN})


async def tries_of(merchant_id: str, instrument: Instrument | None, now: datetime) -> list[CardTry]:
    """The refused tries that may count, and the last approval after which they begin; none for what is no card.

    A card that was never refused costs one look into an index that has nothing of it.
    """
    if instrument is None or method_behind(instrument) not in _CARDS:
        return []
    fingerprint = instrument_fingerprint(instrument)
    refused = await route_store.refused_tries(merchant_id, fingerprint, now - MONTH) if fingerprint else []
    return await _with_last_approval(merchant_id, fingerprint, refused, now)


async def tries_with_those_under_way(payment: PaymentRow, now: datetime) -> list[CardTry]:
    """The tries of a payment's card, and those of other payments that are under way: each may be refused yet.

    In the caller's transaction, until whose end nobody else begins a try of the card: of two at the same moment the
    second sees the first.
    """
    if payment.instrument is None:
        return []
    merchant_id, fingerprint = payment.merchant_id, instrument_fingerprint(payment.instrument)
    await route_store.lock_card(merchant_id, fingerprint)
    refused_or_open = await route_store.refused_or_open_tries(
        merchant_id, fingerprint, now - MONTH, payment.id, now - UNDER_WAY_AT_MOST
    )
    return await _with_last_approval(merchant_id, fingerprint, refused_or_open, now)


async def _with_last_approval(
    merchant_id: str, fingerprint: str, refused: Sequence[asyncpg.Record], now: datetime
) -> list[CardTry]:
    if not refused:
        return []
    approval = await route_store.last_approval(merchant_id, fingerprint, now - MONTH)
    approved = [_try(approval, OutcomeKind.APPROVED, now)] if approval else []
    return [*approved, *(_try(row, OutcomeKind(row["status"]), now, row["decline"]) for row in refused)]


def ceiling_for(payment: PaymentRow, tries: Sequence[CardTry], now: datetime) -> Ceiling | None:
    """Why the payment's card may not be tried now; None where nothing stands against it."""
    if not tries:
        return None
    shown = payment.instrument if isinstance(payment.instrument, Card | NetworkToken | KeptMethod) else None
    return ceiling(shown.brand or None if shown else None, tries, payment.amount, now)


def _try(row: asyncpg.Record, kind: OutcomeKind, now: datetime, decline: str | None = None) -> CardTry:
    said = msgspec.json.decode(decline) if decline else {}
    return CardTry(
        at=min(row["created_at"], now),  # who began a moment later may have been quicker
        kind=kind,
        amount=Money(row["amount_minor"], row["currency"]),
        reason=str(said.get("reason", "")),
        advice_code=str(said.get("advice_code", "")),
    )
