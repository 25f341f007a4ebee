"""What has happened to an account's charges and is in no settlement yet, as the lines that its gateway will write."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace

from simulators.adyen import state as adyen_state
from simulators.currencies import exponent_of
from simulators.disputes import Dispute, disputes_of
from simulators.fees import (
    DISPUTE_FEE_HUNDREDTHS,
    RETURNS_DISPUTE_FEE,
    Fee,
    Pricing,
    capture_fee,
    fixed_minor,
    pricing_of,
    refund_fee,
)
from simulators.issuer import brand_of
from simulators.paypal import state as paypal_state
from simulators.rates import converted_minor, rate_of, settlement_currency
from simulators.reports.lines import Conversion, LineKind, SettlementLine
from simulators.stripe import state as stripe_state
from simulators.world import Charge, ChargeEvent, World

Key = tuple[str, str, int]
"""Gateway, charge id, position of the event among the charge's events."""

_KINDS = {
    "captured": LineKind.PAYMENT,
    "capture_failed": LineKind.CAPTURE_FAILURE,
    "refunded": LineKind.REFUND,
    "refund_failed": LineKind.REFUND_FAILURE,
    "refunded_reversed": LineKind.REFUND_FAILURE,
    "dispute_withdrawn": LineKind.CHARGEBACK,
    "dispute_reinstated": LineKind.CHARGEBACK_REVERSAL,
}


@dataclass(frozen=True, slots=True)
class Moved:
    """A charge, the position of the event among its events, and what the report says of it.

    `dispute_fee_minor` is the part of a dispute's fee that this movement is about, in the charge's currency.
    """

    charge: Charge
    position: int
    line: SettlementLine
    dispute_fee_minor: int = 0

    @property
    def key(self) -> Key:
        return (self.charge.gateway, self.charge.id, self.position)

    @property
    def event(self) -> ChargeEvent:
        return self.charge.events[self.position]


@dataclass(slots=True)
class _Told:
    """What a charge's events have said up to one of them."""

    captures: int = 0
    last_capture: str = ""
    withdrawn: set[str] = field(default_factory=set)  # disputes


def unsettled(
    world: World, settled: Set[Key], settled_dispute_fees: Mapping[str, int], gateway: str, account: str
) -> list[Moved]:
    """In order of charge, then of time. Raises ValueError where a conversion has no rate or the account's `pricing` is
    none."""
    found: list[Moved] = []
    for charge in world.charges_of(gateway, account):
        waiting = [n for n, event in enumerate(charge.events) if _waits(charge, n, event, settled)]
        fees = _dispute_fees(world, charge, waiting, settled_dispute_fees)
        told = _Told()
        for position, event in enumerate(charge.events):
            kind = _kind(charge, event, told)
            if kind is not None and position in waiting:
                fee = fees.get(position, 0)
                found.append(Moved(charge, position, _line(world, charge, event, kind, told, fee), fee))
    return found


def undone(moved: list[Moved]) -> set[Key]:
    """Of Adyen: captures and refunds that failed before they were settled, and their failures. No report has them."""
    keys: set[Key] = set()
    for failure in moved:
        kind = {"capture_failed": "captured", "refund_failed": "refunded"}.get(failure.event.kind)
        if failure.charge.gateway != "adyen" or kind is None:
            continue
        for m in moved:
            if (m.charge.id, m.event.kind, m.event.id) == (failure.charge.id, kind, failure.event.id):
                keys |= {m.key, failure.key}
    return keys


def _waits(charge: Charge, position: int, event: ChargeEvent, settled: Set[Key]) -> bool:
    return event.kind in _KINDS and (charge.gateway, charge.id, position) not in settled


def _kind(charge: Charge, event: ChargeEvent, told: _Told) -> LineKind | None:
    kind = _KINDS.get(event.kind)
    if kind is LineKind.PAYMENT:
        told.captures += 1
        told.last_capture = event.id or charge.id
    if kind is LineKind.CHARGEBACK and charge.gateway == "adyen" and event.id in told.withdrawn:
        return LineKind.SECOND_CHARGEBACK
    if kind is LineKind.CHARGEBACK:
        told.withdrawn.add(event.id)
    return kind


def _dispute_fees(world: World, charge: Charge, waiting: list[int], settled_fees: Mapping[str, int]) -> dict[int, int]:
    """The fee by position: what the books say of each dispute and no report has said yet.

    It is taken with the first withdrawal; who gives it back does so with the money.
    """
    by_position: dict[int, int] = {}
    for dispute in disputes_of(world).of(charge.gateway, charge.account):
        own = [n for n in waiting if charge.events[n].id == dispute.id and "dispute" in charge.events[n].kind]
        if dispute.charge_id != charge.id or not own:
            continue
        due = dispute.fee_minor - settled_fees.get(dispute.id, 0)
        if charge.gateway in RETURNS_DISPUTE_FEE:
            fee = fixed_minor(DISPUTE_FEE_HUNDREDTHS[charge.gateway], charge.currency)
            signs = {n: 1 if charge.events[n].kind == "dispute_withdrawn" else -1 for n in own}
            by_position |= {n: sign * fee for n, sign in signs.items()}
            due -= fee * sum(signs.values())
        by_position[own[0]] = by_position.get(own[0], 0) + due
    return by_position


def _line(
    world: World, charge: Charge, event: ChargeEvent, kind: LineKind, told: _Told, dispute_fee_minor: int
) -> SettlementLine:
    dispute = disputes_of(world).get(event.id) if kind.is_dispute else None
    plain = SettlementLine(
        kind=kind,
        payment_id=charge.payment_id or charge.id,  # of a Stripe charge its intent; a foreign one has none
        movement_id=event.id or charge.id,
        parent_id="" if kind is LineKind.PAYMENT else _parent(world, charge, event, told, dispute),
        reference=charge.reference,
        payment_reference=charge.payment_reference,
        operation_reference=event.reference,
        amount_minor=event.minor,
        fee_minor=dispute_fee_minor,
        currency=charge.currency,
        decimals=exponent_of(charge.currency),
        occurred_at=event.at,
        brand=brand_of_charge(world, charge),
        method=charge.method,
        number=told.captures,
        dispute_reason=dispute.reason if dispute else "",
    )
    target = settlement_currency(world, charge.gateway, charge.account, charge.currency)
    if target == charge.currency:
        return _with_fee(world, charge, plain)
    rate = rate_of(charge.gateway, charge.currency, target, event.at)
    leg = Conversion(event.minor, charge.currency, plain.decimals, 0, target, exponent_of(target), 0, rate)
    if charge.gateway == "paypal":
        return _net_converted(_with_fee(world, charge, plain), leg)
    return _gross_converted(world, charge, plain, leg)


def _net_converted(line: SettlementLine, leg: Conversion) -> SettlementLine:
    minor = converted_minor(line.net_minor, leg.source, leg.currency, leg.rate)
    return replace(line, conversion=replace(leg, source_minor=line.net_minor, minor=minor))


def _gross_converted(world: World, charge: Charge, line: SettlementLine, leg: Conversion) -> SettlementLine:
    """A dispute's fee is in the books of the charge's currency, and is converted with it."""

    def turned(minor: int) -> int:
        return converted_minor(minor, leg.source, leg.currency, leg.rate)

    amount_minor, fee_minor = turned(line.amount_minor), turned(line.fee_minor)
    leg = replace(leg, source_minor=line.net_minor, minor=line.kind.sign * amount_minor - fee_minor)
    there = replace(
        line,
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        currency=leg.currency,
        decimals=leg.decimals,
        conversion=leg,
    )
    return _with_fee(world, charge, there)


def _with_fee(world: World, charge: Charge, line: SettlementLine) -> SettlementLine:
    if line.kind is LineKind.PAYMENT:
        fee = capture_fee(world, charge, line.brand, line.amount_minor, line.currency)
    elif line.kind is LineKind.REFUND:
        fee = refund_fee(world, charge, line.brand, line.amount_minor)
    else:
        return line
    if charge.gateway == "stripe" and pricing_of(world, "stripe", charge.account) is Pricing.INTERCHANGE:
        return replace(line, fee=fee, fee_minor=fee.markup_minor)  # what the networks cost comes as a row of its own
    return replace(line, fee=fee if fee != Fee() else None, fee_minor=fee.total_minor)


def _parent(world: World, charge: Charge, event: ChargeEvent, told: _Told, dispute: Dispute | None) -> str:
    """Stripe: the charge. PayPal: the capture, of which an authorization may have several. Adyen: the last capture."""
    if charge.gateway == "paypal":
        refund = paypal_state.state_of(world).refunds.get(event.id)
        if refund:
            return refund.capture.id
        return (dispute.facts.get("capture") if dispute else None) or told.last_capture
    return charge.id if charge.gateway == "stripe" else told.last_capture


def brand_of_charge(world: World, charge: Charge) -> str:
    """Lower-case; Visa where nobody knows."""
    if charge.gateway == "stripe":
        made = stripe_state.state_of(world).charges.get(charge.id)
        card = made.method.card if made else None
        return brand_of(card.number) if card else "visa"
    return adyen_state.state_of(world).brands.get(charge.id, "visa")
