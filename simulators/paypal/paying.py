"""Where an order's money is asked for: the issuer's or payer's verdict, authorizations, captures, and what is kept."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from simulators.issuer import VerdictKind, country_of, judge, region_of
from simulators.paypal import resources, vault
from simulators.paypal.declines import refuse_as
from simulators.paypal.sandbox import REJECTING_NAMES
from simulators.paypal.state import Authorization, Capture, Instrument, Order, OrderStatus, State, Unit
from simulators.paypal.webhooks import tell
from simulators.paypal.wire import Refused, new_id
from simulators.world import Charge, Split, World

AUTHORIZATION_LASTS = timedelta(days=29)  # developer.paypal.com/payment-methods/auth-honor
REVIEW_LASTS = timedelta(days=1)  # PayPal does not say how long it reviews
PENDING = "pending"
PENDING_THEN_DENIED = "pending_then_denied"
"""Reasons of a scenario: the capture is PENDING_REVIEW, and completed or denied a day later."""


def refuse(state: State, order: Order, declined_for: str | None) -> None:
    """Raises Refused where the reason asks for an issue, or where the wallet's payer is declined."""
    is_wallet = order.instrument is not None and order.instrument.method == "paypal"
    redirect = resources.payer_url(order, state) if is_wallet else ""
    refuse_as(declined_for, redirect)
    if is_wallet and declined_for and declined_for not in (PENDING, PENDING_THEN_DENIED):
        raise Refused("INSTRUMENT_DECLINED", redirect=redirect)


def complete(world: World, state: State, order: Order, declined_for: str | None) -> None:
    """Authorizes or captures every unit, by the order's intent. Raises Refused; then nothing has changed."""
    instrument = order.instrument
    assert instrument is not None
    reason = declined_for or _verdict(instrument)
    refuse(state, order, reason)
    for index, unit in enumerate(order.units):
        if unit.invoice_id and state.invoices.get((order.account, unit.invoice_id), order.id) != order.id:
            raise Refused("DUPLICATE_INVOICE_ID", f"/purchase_units/{index}/invoice_id")
    order.status = OrderStatus.COMPLETED
    order.updated_at = world.clock.now()
    is_declined = bool(reason) and reason not in (PENDING, PENDING_THEN_DENIED)
    if instrument.store and not is_declined:
        vault.save_from_order(world, state, order)
    for index, unit in enumerate(order.units):
        unit.charge = _charge(world, order, unit, index, is_declined)
        if unit.invoice_id and not is_declined:
            state.invoices[order.account, unit.invoice_id] = order.id
        if order.intent == "AUTHORIZE":
            _authorize(world, state, unit, reason if is_declined else "")
        else:
            capture = Capture(new_id(), unit, unit.minor, world.clock.now(), platform_fee_minor=unit.platform_fee_minor)
            record_capture(world, state, capture, reason)
    if any(unit.payee for unit in order.units):
        tell(world, order.account, "CHECKOUT.ORDER.COMPLETED", resources.order(order, state))


def _verdict(instrument: Instrument) -> str:
    """The issuer's reason to decline, empty for none."""
    if instrument.card is None:
        return ""
    if code := REJECTING_NAMES.get(instrument.card.holder):
        return f"code:{code}"
    if instrument.authentication and instrument.authentication.status in ("N", "R"):
        return "authentication_failed"
    verdict = judge(instrument.card.number)
    return verdict.reason if verdict.kind is VerdictKind.DECLINE else ""


def _charge(world: World, order: Order, unit: Unit, index: int, is_declined: bool) -> Charge:
    """The first unit's charge goes by the order's id, as PayPal's reports refer to it."""
    instrument = order.instrument
    assert instrument is not None
    card = instrument.card
    region = region_of(country_of(card.number), world.country_of("paypal", order.account)) if card else "domestic"
    now = world.clock.now()
    return world.add_charge(
        Charge(
            "paypal",
            order.account,
            new_id() if index else order.id,
            unit.custom_id or unit.invoice_id,
            "" if unit.reference_id == "default" else unit.reference_id,
            unit.minor,
            unit.currency,
            now,
            declined=is_declined,
            payment_id=order.id if index else "",
            method=instrument.method,
            region=region,
            splits=_splits(order, unit),
            expires_at=now + AUTHORIZATION_LASTS if order.intent == "AUTHORIZE" else None,
            network_transaction_id=_network_id() if card and not is_declined else "",
            stored_token=instrument.vault_id,
        )
    )


def _splits(order: Order, unit: Unit) -> tuple[Split, ...]:
    if not unit.payee:
        return ()
    fee = unit.platform_fee_minor
    to_seller = Split(unit.payee["merchant_id"], unit.minor - fee, "payee", unit.reference_id)
    return (to_seller, Split(order.account, fee, "platform_fee", unit.reference_id)) if fee else (to_seller,)


def _network_id() -> str:
    """Fifteen digits, as Visa's transaction id has."""
    return str(secrets.randbelow(9 * 10**14) + 10**14)


def _authorize(world: World, state: State, unit: Unit, reason: str) -> None:
    now = world.clock.now()
    made = Authorization(new_id(), unit, unit.minor, now, now + AUTHORIZATION_LASTS, reason)
    keep_authorization(world, state, made)


def keep_authorization(world: World, state: State, made: Authorization) -> None:
    """Records it, sets its end, and tells; of a denied one PayPal has no event to tell."""
    made.unit.authorizations.append(made)
    state.authorizations[made.id] = made
    if not made.declined_for:
        world.at(made.expires_at, "paypal", "expire_authorization", authorization=made.id)
        tell(world, made.order.account, "PAYMENT.AUTHORIZATION.CREATED", resources.authorization(made, state))


def record_capture(world: World, state: State, capture: Capture, reason: str | None) -> Capture:
    """Books a capture, or notes that it is declined or pending, and tells."""
    if reason in (PENDING, PENDING_THEN_DENIED):
        capture.pending_for = "PENDING_REVIEW"
    else:
        capture.declined_for = reason or ""
    capture.unit.captures.append(capture)
    if capture.authorization is not None:
        capture.authorization.captures.append(capture)
    state.captures[capture.id] = capture
    if capture.pending_for:
        due: datetime = world.clock.now() + REVIEW_LASTS
        world.at(due, "paypal", "end_review", capture=capture.id, denied=reason == PENDING_THEN_DENIED)
        tell(world, capture.order.account, "PAYMENT.CAPTURE.PENDING", resources.capture(capture, state))
    elif capture.declined_for:
        tell(world, capture.order.account, "PAYMENT.CAPTURE.DECLINED", resources.capture(capture, state))
    else:
        book_capture(world, state, capture)
    return capture


def book_capture(world: World, state: State, capture: Capture) -> None:
    """The money is there."""
    charge = capture.unit.charge
    assert charge is not None
    reference = capture.invoice_id if capture.authorization is not None else ""
    world.capture(charge, capture.minor, capture.id, reference)
    tell(world, capture.order.account, "PAYMENT.CAPTURE.COMPLETED", resources.capture(capture, state))
