"""Closes a batch: writes the gateway's own report of what moved since the last one, takes the fees, pays out.

By order (POST /settle), or each midnight for an account whose credential `payout_schedule` is "daily": then of what is
older than `payout_delay_days` (two by default).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

from simulators.adyen import state as adyen_state
from simulators.adyen import webhooks as adyen_webhooks
from simulators.currencies import exponent_of
from simulators.fees import PROCESSING_HUNDREDTHS, Pricing, fixed_minor, pricing_of
from simulators.payouts import Movement, Payout, payouts_of, statements_of
from simulators.paypal.wire import new_id
from simulators.reports import adyen_settlement, paypal_stl, stripe_payout
from simulators.reports.lines import Batch, CurrencyTotal, LineKind, SettlementLine, dearer
from simulators.reports.unsettled import Key, Moved, undone, unsettled
from simulators.stripe import payouts as stripe_payouts
from simulators.world import ChargeEvent, World

SCHEDULER = "settlement"
"""Whose timers the daily payouts are: the name to register `handlers` by."""
DEFAULT_DELAY_DAYS = 2
_WRITERS: Mapping[str, ModuleType] = {"stripe": stripe_payout, "adyen": adyen_settlement, "paypal": paypal_stl}
_ANNOUNCE: Mapping[str, Callable[[World, Payout], None]] = {"stripe": stripe_payouts.announce}
"""Adyen tells of the report instead of the payout, PayPal of neither."""


@dataclass(slots=True)
class _Progress:
    """How far the settling of a world has come."""

    settled: set[Key] = field(default_factory=set)
    batches: dict[tuple[str, str], int] = field(default_factory=dict)  # by gateway and account, the last number
    carried: dict[tuple[str, str, str], int] = field(default_factory=dict)  # and currency, minor units
    dispute_fees: dict[str, int] = field(default_factory=dict)  # by dispute, what reports have said of its fee


def settle(
    world: World,
    gateway: str,
    account: str,
    omit_reference: str | None,
    overcharge: Mapping[str, Any] | None,
    reports_dir: Path,
    before: datetime | None = None,
) -> dict[str, Any]:
    """Settles every movement of the account that is not settled yet, all its currencies in one file.

    `omit_reference`: movements of the payment with this reference wait for the next batch. `overcharge`: {"reference",
    "extra_minor"}: the gateway keeps that much more for this payment than its fee model says. `before`: only what is
    older. Returns {"path", "name", "lines", "payouts": [{"currency", "amount_minor", "id", "bank_reference"}]}; `lines`
    counts movements and the account's own fees. Raises ValueError where the overcharged payment is not in the batch,
    the file cannot state a currency, or a conversion has no rate; then nothing has changed.
    """
    progress = world.part("settlement", _Progress)
    moved, dropped = _waiting(world, progress, gateway, account, omit_reference, before)
    if overcharge:
        moved = _overcharged(moved, str(overcharge["reference"]), int(overcharge["extra_minor"]))
    lines = [m.line for m in moved]
    lines += _account_fees(world, gateway, account, lines)
    batch = _close(world, progress, gateway, account, lines)
    name, path, content = _write(gateway, batch, reports_dir)
    _book(world, progress, gateway, batch, moved)
    progress.settled |= dropped
    payouts = _pay_out(world, gateway, batch, moved)
    if gateway == "adyen":
        _announce_report(world, account, name, content)
    shown = [
        {"currency": p.currency, "amount_minor": p.minor, "id": p.id, "bank_reference": p.bank_reference}
        for p in payouts
    ]
    return {"path": str(path), "name": name, "lines": len(batch.lines), "payouts": shown}


def schedule_payouts(world: World, gateway: str, account: str) -> None:
    """Begins the daily payouts of an account that is to have them. To be called when it is registered.

    Raises ValueError for a schedule other than "daily" and a delay that is no number of days.
    """
    if not _is_scheduled(world, gateway, account):
        return
    _delay(world, gateway, account)
    due = world.clock.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    facts = {"of": gateway, "account": account}
    if not any(t.gateway == SCHEDULER and t.facts == facts for t in world.timers.waiting()):
        world.at(due, SCHEDULER, "pay_out", **facts)


def handlers(reports_dir: Path) -> dict[str, Callable[[World, dict[str, Any]], None]]:
    """What the scheduler's timers call."""
    return {"pay_out": partial(_pay_out_when_due, reports_dir)}


def _pay_out_when_due(reports_dir: Path, world: World, facts: dict[str, Any]) -> None:
    """A day on which nothing is due has no report."""
    gateway, account = str(facts["of"]), str(facts["account"])
    schedule_payouts(world, gateway, account)
    if not _is_scheduled(world, gateway, account):
        return
    before = world.clock.now() - _delay(world, gateway, account)
    progress = world.part("settlement", _Progress)
    if _waiting(world, progress, gateway, account, None, before)[0]:
        settle(world, gateway, account, None, None, reports_dir, before)


def _is_scheduled(world: World, gateway: str, account: str) -> bool:
    schedule = world.accounts.get((gateway, account), {}).get("payout_schedule", "")
    if schedule not in ("", "manual", "daily"):
        raise ValueError(f"payout_schedule of {gateway} {account} is {schedule!r}: it may be daily or manual")
    return schedule == "daily"


def _delay(world: World, gateway: str, account: str) -> timedelta:
    days = world.accounts[gateway, account].get("payout_delay_days", str(DEFAULT_DELAY_DAYS))
    if not (days.isascii() and days.isdigit()):
        raise ValueError(f"payout_delay_days of {gateway} {account} is {days!r}: it must be a number of days")
    return timedelta(days=int(days))


def _waiting(
    world: World, progress: _Progress, gateway: str, account: str, omit: str | None, before: datetime | None
) -> tuple[list[Moved], set[Key]]:
    """What is to be settled, and what is never to be: it failed before."""
    found = unsettled(world, progress.settled, progress.dispute_fees, gateway, account)
    due = [m for m in found if not (omit and m.charge.reference == omit) and (before is None or m.event.at < before)]
    dropped = undone(due)
    return [m for m in due if m.key not in dropped], dropped


def _overcharged(moved: list[Moved], reference: str, extra_minor: int) -> list[Moved]:
    for n, m in enumerate(moved):
        if m.line.reference == reference and m.line.kind is LineKind.PAYMENT:
            return [*moved[:n], replace(m, line=dearer(m.line, extra_minor)), *moved[n + 1 :]]
    raise ValueError(f"no captured payment with reference {reference} is waiting to be settled")


def _account_fees(world: World, gateway: str, account: str, lines: list[SettlementLine]) -> list[SettlementLine]:
    """On the interchange list: Adyen's processing fee for payments and refunds, Stripe's network costs.

    Both are rows of their own that name no payment.
    """
    if pricing_of(world, gateway, account) is Pricing.BLENDED:
        return []
    now, fees = world.clock.now(), []
    for currency in sorted({line.currency for line in lines}):
        own = [line for line in lines if line.currency == currency]
        if gateway == "adyen":
            count = sum(line.kind in (LineKind.PAYMENT, LineKind.REFUND) for line in own)
            minor = count * fixed_minor(PROCESSING_HUNDREDTHS["adyen"], currency)
            text = f"Transaction Fees {now:%B %Y}"
        else:
            minor = sum(line.fee.network_minor for line in own if line.fee) if gateway == "stripe" else 0
            text = f"Card payments ({now:%Y-%m-%d}): Transaction network costs"
        if minor:
            fees.append(_account_fee(minor, currency, now, text))
    return fees


def _account_fee(minor: int, currency: str, at: datetime, text: str) -> SettlementLine:
    id = f"fee_{secrets.token_hex(12)}"
    return SettlementLine(
        LineKind.FEE, "", id, "", "", "", "", minor, 0, currency, exponent_of(currency), at,
        brand="", method="", description=text,
    )  # fmt: skip


def _close(world: World, progress: _Progress, gateway: str, account: str, lines: list[SettlementLine]) -> Batch:
    carried = {c for (g, a, c), minor in progress.carried.items() if (g, a) == (gateway, account) and minor}
    totals = [
        _total(gateway, currency, progress.carried.get((gateway, account, currency), 0), lines)
        for currency in sorted(carried.union(*(line.moves for line in lines)))
    ]
    ordered = sorted(lines, key=lambda line: (line.currency, line.occurred_at))
    number = progress.batches.get((gateway, account), 0) + 1
    return Batch(account, number, world.clock.now(), tuple(ordered), tuple(totals))


def _total(gateway: str, currency: str, opening_minor: int, lines: list[SettlementLine]) -> CurrencyTotal:
    """Stripe takes a negative payout from the bank account; the other two carry what is missing to the next batch."""
    available = opening_minor + sum(line.moves.get(currency, 0) for line in lines)
    payout = available if gateway == "stripe" else max(available, 0)
    id, bank_reference = _payout_ids(gateway)
    return CurrencyTotal(currency, exponent_of(currency), opening_minor, payout, available - payout, id, bank_reference)


def _payout_ids(gateway: str) -> tuple[str, str]:
    digits = str(secrets.randbelow(9 * 10**12) + 10**12)
    if gateway == "stripe":
        return f"po_{secrets.token_hex(12)}", f"STRIPE {digits}"
    if gateway == "adyen":
        return f"TX{digits}XT", f"TX{digits}XT"
    return new_id(), digits


def _write(gateway: str, batch: Batch, reports_dir: Path) -> tuple[str, Path, bytes]:
    writer = _WRITERS[gateway]
    content: bytes = writer.write(batch)
    name: str = writer.file_name(batch)
    path = reports_dir / gateway / quote(batch.account, safe="") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return name, path, content


def _book(world: World, progress: _Progress, gateway: str, batch: Batch, moved: list[Moved]) -> None:
    """What a conversion takes from one balance and brings to another counts as paid out of the one, and the other has
    paid out that much more than it took: each balance comes out right by itself."""
    account = batch.account
    for m in moved:
        progress.settled.add(m.key)
        if m.line.kind is LineKind.PAYMENT:
            m.charge.settled_minor += m.event.minor
        if m.dispute_fee_minor:
            known = progress.dispute_fees.get(m.event.id, 0)
            progress.dispute_fees[m.event.id] = known + m.dispute_fee_minor
        m.charge.events.append(ChargeEvent("settled", m.event.minor, batch.closed_at, m.line.movement_id))
    for line in batch.lines:
        fee_minor = line.amount_minor if line.kind is LineKind.FEE else 0 if line.kind.is_dispute else line.fee_minor
        world.book(gateway, account, line.currency).fees_minor += fee_minor
        if conversion := line.conversion:
            world.book(gateway, account, conversion.source).paid_out_minor += conversion.source_minor
            world.book(gateway, account, conversion.currency).paid_out_minor -= conversion.minor
    for total in batch.totals:
        world.book(gateway, account, total.currency).paid_out_minor += total.payout_minor
        progress.carried[gateway, account, total.currency] = total.closing_minor
    progress.batches[gateway, account] = batch.number


def _pay_out(world: World, gateway: str, batch: Batch, moved: list[Moved]) -> list[Payout]:
    """A payout arrives at the next midnight."""
    midnight = batch.closed_at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    made = []
    for total in batch.totals:
        if total.payout_minor:
            payout = Payout(
                total.payout_id, gateway, batch.account, total.currency, total.payout_minor, batch.closed_at, midnight,
                tuple(_movements(batch, total, moved)), bank_reference=total.bank_reference,
            )  # fmt: skip
            made.append(payout)
            payouts_of(world)[payout.id] = payout
            lines = tuple(line for line in batch.lines if total.currency in line.moves)
            statements_of(world)[payout.id] = replace(batch, lines=lines, totals=(total,))
            if tell := _ANNOUNCE.get(gateway):
                tell(world, payout)
    return made


def _movements(batch: Batch, total: CurrencyTotal, moved: Iterable[Moved]) -> Iterable[Movement]:
    if total.opening_minor:
        opening = total.opening_minor
        yield Movement("", -1, "carried", opening, 0, currency=total.currency, net_minor=opening)
    for m in moved:
        if total.currency in m.line.moves:
            yield _movement(m.line, total, m.event.kind, m.charge.id, m.position)
    for line in batch.lines:
        if line.kind is LineKind.FEE and line.currency == total.currency:
            yield _movement(line, total, "fee", "", -1)


def _movement(line: SettlementLine, total: CurrencyTotal, kind: str, charge_id: str, position: int) -> Movement:
    return Movement(
        charge_id, position, kind, line.gross_minor, line.fee_minor, line.movement_id, line.payment_id, line.reference,
        line.currency, line.moves[total.currency], str(line.conversion.rate) if line.conversion else "",
    )  # fmt: skip


def _announce_report(world: World, account: str, name: str, content: bytes) -> None:
    """REPORT_AVAILABLE: the address is in the unsigned `reason`, as at Adyen."""
    state = adyen_state.state_of(world)
    state.reports[account, name] = content
    base_url = state.base_url or world.urls.get("adyen", "")
    url = f"{base_url}/reports/download/MerchantAccount/{account}/{name}"
    item = adyen_webhooks.account_item(account, "REPORT_AVAILABLE", world.clock.now(), psp_reference=name, reason=url)
    world.notify("adyen", account, "REPORT_AVAILABLE", adyen_webhooks.encoded(item))
