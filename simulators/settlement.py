"""Closes a batch: writes the gateway's own report of what moved since the last one, takes the fees, pays out."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

from simulators.adyen import state as adyen_state
from simulators.adyen import webhooks as adyen_webhooks
from simulators.currencies import exponent_of
from simulators.fees import fee_minor
from simulators.paypal import state as paypal_state
from simulators.paypal.wire import new_id
from simulators.reports import adyen_settlement, paypal_stl, stripe_payout
from simulators.reports.lines import Batch, CurrencyTotal, LineKind, SettlementLine
from simulators.world import Charge, ChargeEvent, World

_WRITERS: Mapping[str, ModuleType] = {"stripe": stripe_payout, "adyen": adyen_settlement, "paypal": paypal_stl}
_KINDS = {"captured": LineKind.PAYMENT, "refunded": LineKind.REFUND}


@dataclass(slots=True)
class _Progress:
    """How far the settling of a world has come."""

    settled: set[tuple[str, str, int]] = field(default_factory=set)  # gateway, charge id, position of the event
    batches: dict[tuple[str, str], int] = field(default_factory=dict)  # by gateway and account, the last number
    carried: dict[tuple[str, str, str], int] = field(default_factory=dict)  # and currency, minor units


Movement = tuple[Charge, int, SettlementLine]
"""A charge, the position of the event among its events, and what the report says of it."""


def settle(
    world: World,
    gateway: str,
    account: str,
    omit_reference: str | None,
    overcharge: Mapping[str, Any] | None,
    reports_dir: Path,
) -> dict[str, Any]:
    """Settles every capture and refund of the account that is not settled yet, all its currencies in one file.

    `omit_reference`: movements of the payment with this reference wait for the next batch. `overcharge`: {"reference",
    "extra_minor"}: the gateway keeps that much more for this payment than its fee model says. Returns {"path", "name",
    "lines", "payouts": [{"currency", "amount_minor", "id", "bank_reference"}]}; `lines` counts captures and refunds.
    Raises ValueError where the overcharged payment is not in the batch or the file cannot state a currency.
    """
    progress = world.part("settlement", _Progress)
    moved = [m for m in _unsettled(world, progress, gateway, account) if not _is_omitted(m, omit_reference)]
    if overcharge:
        moved = _overcharged(moved, str(overcharge["reference"]), int(overcharge["extra_minor"]))
    batch = _close(world, progress, gateway, account, [line for _, _, line in moved])
    writer = _WRITERS[gateway]
    content: bytes = writer.write(batch)
    name: str = writer.file_name(batch)
    path = reports_dir / gateway / quote(account, safe="") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    _book(world, progress, gateway, batch, moved)
    if gateway == "adyen":
        _announce(world, account, name, content)
    payouts = [
        {"currency": t.currency, "amount_minor": t.payout_minor, "id": t.payout_id, "bank_reference": t.bank_reference}
        for t in batch.totals
        if t.payout_minor
    ]
    return {"path": str(path), "name": name, "lines": len(batch.lines), "payouts": payouts}


def _unsettled(world: World, progress: _Progress, gateway: str, account: str) -> Iterator[Movement]:
    for charge in world.charges_of(gateway, account):
        last_capture = ""
        for position, event in enumerate(charge.events):
            if event.kind == "captured":
                last_capture = event.id or charge.id
            if event.kind in _KINDS and (gateway, charge.id, position) not in progress.settled:
                yield charge, position, _line(world, charge, event, last_capture)


def _line(world: World, charge: Charge, event: ChargeEvent, last_capture: str) -> SettlementLine:
    kind = _KINDS[event.kind]
    is_refund = kind is LineKind.REFUND
    parent = _refunded_capture(world, charge, event) or last_capture
    return SettlementLine(
        kind=kind,
        payment_id=_payment_id(charge),
        movement_id=event.id or charge.id,
        parent_id=parent if is_refund else "",
        reference=charge.reference,
        payment_reference=charge.payment_reference,
        operation_reference=event.reference,
        amount_minor=event.minor,
        fee_minor=0 if is_refund else fee_minor(charge.gateway, event.minor, charge.currency),
        currency=charge.currency,
        decimals=exponent_of(charge.currency),
        occurred_at=event.at,
        brand=adyen_state.state_of(world).brands.get(charge.id, "visa"),
    )


def _payment_id(charge: Charge) -> str:
    """A Stripe charge belongs to a PaymentIntent (none in the case of a foreign one); elsewhere it is the payment."""
    return charge.payment_id or charge.id


def _refunded_capture(world: World, charge: Charge, event: ChargeEvent) -> str:
    """PayPal refunds one capture, of which an authorization may have several."""
    if charge.gateway != "paypal":
        return ""
    refund = paypal_state.state_of(world).refunds.get(event.id)
    return refund.capture.id if refund else ""


def _is_omitted(movement: Movement, reference: str | None) -> bool:
    return bool(reference) and movement[0].reference == reference


def _overcharged(moved: list[Movement], reference: str, extra_minor: int) -> list[Movement]:
    for n, (charge, position, line) in enumerate(moved):
        if line.reference == reference and line.kind is LineKind.PAYMENT:
            dearer = replace(line, fee_minor=line.fee_minor + extra_minor)
            return [*moved[:n], (charge, position, dearer), *moved[n + 1 :]]
    raise ValueError(f"no captured payment with reference {reference} is waiting to be settled")


def _close(world: World, progress: _Progress, gateway: str, account: str, lines: list[SettlementLine]) -> Batch:
    carried = {c for (g, a, c), minor in progress.carried.items() if (g, a) == (gateway, account) and minor}
    totals = [
        _total(gateway, currency, progress.carried.get((gateway, account, currency), 0), lines)
        for currency in sorted(carried | {line.currency for line in lines})
    ]
    ordered = sorted(lines, key=lambda line: (line.currency, line.occurred_at))
    number = progress.batches.get((gateway, account), 0) + 1
    return Batch(account, number, world.clock.now(), tuple(ordered), tuple(totals))


def _total(gateway: str, currency: str, opening_minor: int, lines: list[SettlementLine]) -> CurrencyTotal:
    """Stripe takes a negative payout from the bank account; the other two carry what is missing to the next batch."""
    available = opening_minor + sum(line.net_minor for line in lines if line.currency == currency)
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


def _book(world: World, progress: _Progress, gateway: str, batch: Batch, moved: list[Movement]) -> None:
    account = batch.account
    for charge, position, line in moved:
        progress.settled.add((gateway, charge.id, position))
        if line.kind is LineKind.PAYMENT:
            charge.settled_minor += line.amount_minor
        charge.events.append(ChargeEvent("settled", line.amount_minor, batch.closed_at, line.movement_id))
        world.book(gateway, account, line.currency).fees_minor += line.fee_minor
    for total in batch.totals:
        world.book(gateway, account, total.currency).paid_out_minor += total.payout_minor
        progress.carried[gateway, account, total.currency] = total.closing_minor
    progress.batches[gateway, account] = batch.number


def _announce(world: World, account: str, name: str, content: bytes) -> None:
    """REPORT_AVAILABLE: the address is in the unsigned `reason`, as at Adyen."""
    state = adyen_state.state_of(world)
    state.reports[account, name] = content
    base_url = state.base_url or world.urls.get("adyen", "")
    url = f"{base_url}/reports/download/MerchantAccount/{account}/{name}"
    item = adyen_webhooks.account_item(account, "REPORT_AVAILABLE", world.clock.now(), psp_reference=name, reason=url)
    world.notify("adyen", account, "REPORT_AVAILABLE", adyen_webhooks.encoded(item))
