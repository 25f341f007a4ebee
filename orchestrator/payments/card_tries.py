"""What the card networks forbid for a card now, by its tries at all gateways of this installation for the merchant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
# So long after a run's first try was begun it has been written down, and who looks for it finds it.
WRITTEN_WITHIN = timedelta(seconds=30)
_CARDS = frozenset({Method.CARD, Method.NETWORK_TOKEN})
_OPEN = "open"


@dataclass(frozen=True, slots=True)
class Beginning:
    """A try that begins: the card's refused ones before it, and which one of a run of tries it is, from 1."""

    refused: Sequence[CardTry] = ()
    place: int = 1
    run_began_at: datetime | None = None

    @property
    def is_harmless(self) -> bool:
        """Nothing of this card was refused, and nobody else tries it now: no ceiling can be near."""
        return not self.refused and self.place == 1


async def begin(merchant_id: str, instrument: Instrument | None, now: datetime) -> Beginning:
    """Note that the card is about to be tried, for whoever begins at the same moment. Nothing for what is no card.

    One statement of its own: a card that was never refused, and that nobody else tries, costs no more.
    """
    fingerprint = _fingerprint(instrument)
    if not fingerprint:
        return Beginning()
    place, began_at, refused = await route_store.begin_try(
        merchant_id, fingerprint, now - MONTH, now, now - UNDER_WAY_AT_MOST
    )
    return Beginning(await _with_last_approval(merchant_id, fingerprint, refused, now), place, began_at)


async def refused_before(payment: PaymentRow, now: datetime) -> Beginning:
    """The same for another try of a payment, which was noted when it began."""
    fingerprint = _fingerprint(payment.instrument)
    if not fingerprint:
        return Beginning()
    refused = await route_store.refused_tries(payment.merchant_id, fingerprint, now - MONTH)
    return Beginning(await _with_last_approval(payment.merchant_id, fingerprint, refused, now))


async def ceiling_of(payment: PaymentRow, beginning: Beginning, now: datetime) -> Ceiling | None:
    """Why the payment's card may not be tried now; None where nothing stands against it. In its transaction."""
    return await ceiling_for(payment.merchant_id, payment.instrument, payment.amount, beginning, now, payment.id)


async def ceiling_for(
    merchant_id: str,
    instrument: Instrument | None,
    amount: Money,
    beginning: Beginning,
    now: datetime,
    besides_id: str,
) -> Ceiling | None:
    """The same for whatever a card is tried for; `besides_id` is that payment's or set-up's."""
    fingerprint = _fingerprint(instrument)
    if not fingerprint or beginning.is_harmless:
        return None
    tries = await _with_those_under_way(merchant_id, fingerprint, besides_id, beginning, now)
    shown = instrument if isinstance(instrument, Card | NetworkToken | KeptMethod) else None
    return ceiling(shown.brand or None if shown else None, tries, amount, now)


async def _with_those_under_way(
    merchant_id: str, fingerprint: str, besides_id: str, beginning: Beginning, now: datetime
) -> list[CardTry]:
    """The tries of a card, and those for others than `besides_id` that are under way: each may be refused yet.

    Until the end of the caller's transaction nobody else begins a try of the card: of two at the same moment the second
    sees the first. A run's first try takes no lock, so it may not be written yet: it is counted all the same. A card
    that was approved before and never refused since is let be: a merchant may charge it often.
    """
    await route_store.lock_card(merchant_id, fingerprint)
    rows = await route_store.refused_or_open_tries(
        merchant_id, fingerprint, now - MONTH, besides_id, now - UNDER_WAY_AT_MOST
    )
    tries = await _with_last_approval(merchant_id, fingerprint, rows, now)
    if tries and tries[0].kind is OutcomeKind.APPROVED and all(row["status"] == _OPEN for row in rows):
        return []
    return [*tries, *await _unwritten(merchant_id, fingerprint, beginning, now)]


async def purge(now: datetime) -> None:
    """Forget when cards were tried last, once no run of tries can go on from there."""
    await route_store.purge_starts(now - 2 * UNDER_WAY_AT_MOST)


async def _unwritten(merchant_id: str, fingerprint: str, beginning: Beginning, now: datetime) -> list[CardTry]:
    """The run's first try, where it is on its way to being written down."""
    began_at = beginning.run_began_at
    if beginning.place == 1 or began_at is None or began_at <= now - WRITTEN_WITHIN:
        return []
    if await route_store.was_tried_at(merchant_id, fingerprint, began_at):
        return []
    return [CardTry(began_at, OutcomeKind.UNKNOWN, Money(0, "EUR"))]


async def _with_last_approval(
    merchant_id: str, fingerprint: str, refused: Sequence[asyncpg.Record], now: datetime
) -> list[CardTry]:
    if not refused:
        return []
    approval = await route_store.last_approval(merchant_id, fingerprint, now - MONTH)
    approved = [_try(approval, OutcomeKind.APPROVED, now)] if approval else []
    return [*approved, *(_try(row, _kind(row), now, row["decline"]) for row in refused)]


def _fingerprint(instrument: Instrument | None) -> str:
    return instrument_fingerprint(instrument) if instrument is not None and method_behind(instrument) in _CARDS else ""


def _kind(row: asyncpg.Record) -> OutcomeKind:
    return OutcomeKind.UNKNOWN if row["status"] == _OPEN else OutcomeKind(row["status"])


def _try(row: asyncpg.Record, kind: OutcomeKind, now: datetime, decline: str | None = None) -> CardTry:
    said = msgspec.json.decode(decline) if decline else {}
    return CardTry(
        at=min(row["created_at"], now),  # who began a moment later may have been quicker
        kind=kind,
        amount=Money(row["amount_minor"], row["currency"]),
        reason=str(said.get("reason", "")),
        advice_code=str(said.get("advice_code", "")),
    )
