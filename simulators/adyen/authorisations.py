"""Deciding a payment and writing it down: the issuer's word, the charge, the webhook, and what comes by itself later.

A payment that is captured by itself, at once or after a delay, is told by its AUTHORISATION only: CAPTURE is the result
of a capture request (CheckoutService v72; github.com/Adyen/adyen-magento/issues/640).
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from simulators.adyen import tokens
from simulators.adyen.answers import additional_data, answer_of
from simulators.adyen.orders import Instrument, Order
from simulators.adyen.refusals import AUTHENTICATION_REQUIRED, PAST_EXPIRY, PLAIN, Refusal, refusal_for
from simulators.adyen.state import Payment, state_of
from simulators.adyen.webhooks import encoded, payment_item
from simulators.adyen.wire import new_reference, to_adyen
from simulators.issuer import Verdict, VerdictKind, answers_challenge, country_of, judge, region_of
from simulators.world import Charge, World

VALIDITY = timedelta(days=28)  # how long an authorisation waits: as long as the longest captureDelayHours
UNCLEAR_FOR = timedelta(hours=1)  # how long a payment with the test value PENDING is, Adyen does not say
DEBIT_TAKES = timedelta(days=2)  # until a SEPA core debit is collected
DISPUTED_AFTER = timedelta(minutes=1)  # the capture of a payment that was made to be disputed

# docs.adyen.com/development-resources/testing/3d-secure-2-authentication: cards enrolled in 3-D Secure 2
_ENROLLED = frozenset({"5454545454545454", "371449635398431", "5000550000000029", "4360000001000005"})
_UNCLEAR = ("Received", "Pending", "PresentToShopper")


def new_charge(world: World, order: Order) -> Charge:
    """Not recorded yet."""
    instrument, now = order.instrument, world.clock.now()
    home = country_of(instrument.card.number) if instrument.card else instrument.iban[:2] or "NL"
    return Charge(
        "adyen",
        order.account,
        new_reference(),
        order.reference,
        order.payment_reference,
        order.minor,
        order.currency,
        now,
        method=instrument.method,
        region=region_of(home, world.country_of("adyen", order.account)),
        splits=order.splits,
        network_transaction_id=_network_transaction_id(instrument, now),
        stored_token=instrument.stored,
    )


def needs_challenge(order: Order) -> bool:
    """Whether the card's bank wants to see the shopper first: never on a payment made without one."""
    card = order.instrument.card
    if card is None or _is_without_shopper(order) or order.requested or order.instrument.is_authenticated:
        return False
    if order.attempts_authentication == "never" or order.instrument.type == "networkToken":
        return False
    if order.attempts_authentication == "always" and answers_challenge(card.number):
        return True
    return card.number in _ENROLLED or _judged(order).kind is VerdictKind.CHALLENGE


def verdict_on(world: World, order: Order, declined_for: str | None) -> Refusal | None:
    """None for approval. Raises RequestRefused where a scenario orders an error."""
    if declined_for:
        return refusal_for(declined_for)
    if order.requested:
        is_part = order.requested.result == "PartiallyAuthorised"
        return None if is_part and not order.takes_less else order.requested
    if order.instrument.card is None:
        return None
    verdict = _judged(order)
    if verdict.kind is VerdictKind.DECLINE:
        return refusal_for(verdict.reason)
    if _is_past(order, world.clock.now()):
        return PAST_EXPIRY
    if order.instrument.type == "networkToken" and not _token_may_be_charged(order):
        return PLAIN
    unseen = _is_without_shopper(order) or order.attempts_authentication == "never"
    if verdict.kind is VerdictKind.CHALLENGE and unseen and not order.instrument.is_authenticated:
        return AUTHENTICATION_REQUIRED
    return None


def decide(
    world: World, order: Order, charge: Charge, refusal: Refusal | None, *, was_challenged: bool = False
) -> dict[str, Any]:
    """Records the payment under its verdict and tells it. Returns the answer to /payments."""
    state, payment = state_of(world), Payment(order, order.instrument.brand)
    state.payments[charge.id], state.brands[charge.id] = payment, payment.brand
    charge.authorised_at = world.clock.now()
    if refusal and refusal.result == "PartiallyAuthorised":
        charge.amount_minor = max(order.minor // 2, 1)
    if (after := _waits(order, refusal)) is not None:
        payment.is_pending = True
        world.charges["adyen", charge.id] = charge
        code, text = (refusal.code, refusal.text) if refusal else ("", "")
        world.at(world.clock.now() + after, "adyen", "settle_pending", psp=charge.id, code=code, text=text)
        result = refusal.result if refusal and refusal.result in _UNCLEAR else "Received"
        refusal = Refusal("", "", result)
        payment.additional = additional_data(order, charge, refusal, was_challenged)
    else:
        _conclude(world, payment, charge, refusal, was_challenged)
    payment.answer = answer_of(order, charge, refusal, payment.additional)
    return payment.answer


def settle_pending(world: World, facts: dict[str, Any]) -> None:
    """Timer: the outcome of a payment that was pending has come."""
    psp, text = str(facts["psp"]), str(facts["text"])
    payment, charge = state_of(world).payments[psp], world.charges["adyen", psp]
    if payment.is_pending and not charge.voided:
        payment.is_pending = False
        charge.authorised_at = world.clock.now()
        _conclude(world, payment, charge, Refusal(str(facts["code"]), text) if text else None, False)


def captured(world: World, charge: Charge, minor: int, id: str, reference: str = "") -> None:
    """Money taken; what the holder name of a test dispute asks for follows."""
    payment = state_of(world).payments.get(charge.id)
    is_first = not charge.captured_minor
    world.capture(charge, minor, id, reference)
    if payment is None:
        return
    payment.last_capture, payment.last_capture_reference = id, reference
    if payment.order.plan and is_first:
        world.at(world.clock.now() + DISPUTED_AFTER, "adyen", "open_planned_dispute", psp=charge.id)


def capture_delayed(world: World, facts: dict[str, Any]) -> None:
    """Timer: captureDelayHours are over."""
    charge = world.charges["adyen", str(facts["psp"])]
    if not (charge.voided or charge.captured_minor or state_of(world).payments[charge.id].is_closed):
        captured(world, charge, charge.amount_minor, charge.id)


def expire(world: World, facts: dict[str, Any]) -> None:
    """Timer: what was authorised and not captured is worth nothing any more. Told by EXPIRE."""
    charge, now = world.charges["adyen", str(facts["psp"])], world.clock.now()
    payment = state_of(world).payments[charge.id]
    left_minor = charge.amount_minor - charge.captured_minor
    is_prolonged = charge.expires_at is not None and charge.expires_at > now  # by an adjustment
    if charge.voided or payment.is_closed or not left_minor or is_prolonged:
        return
    payment.is_closed = True
    if not charge.captured_minor:
        world.void(charge, charge.id)
    item = payment_item(charge, "EXPIRE", now, success=True, brand=payment.brand)
    del item["operations"]
    item["amount"] = to_adyen(left_minor, charge.currency)
    world.notify("adyen", charge.account, "EXPIRE", encoded(item))


def prolong(world: World, charge: Charge) -> None:
    charge.expires_at = world.clock.now() + VALIDITY
    world.at(charge.expires_at, "adyen", "expire", psp=charge.id)


def _conclude(world: World, payment: Payment, charge: Charge, refusal: Refusal | None, was_challenged: bool) -> None:
    order = payment.order
    charge.declined = refusal is not None and refusal.is_final_no
    payment.additional = additional_data(order, charge, refusal, was_challenged)
    kept = tokens.keep(world, order, charge) if order.keeps_method and not charge.declined else None
    if kept:
        payment.additional |= tokens.shown_with_payment(kept)
    world.add_charge(charge)
    _tell(world, payment, charge, refusal)
    if kept:
        tokens.tell_kept(world, kept, charge, payment.brand)
    if charge.declined or not charge.amount_minor:
        return
    if order.capture_after_h == 0:
        captured(world, charge, charge.amount_minor, charge.id)
        return
    prolong(world, charge)
    if order.capture_after_h is not None:
        due = world.clock.now() + timedelta(hours=order.capture_after_h)
        world.at(due, "adyen", "capture_delayed", psp=charge.id)


def _tell(world: World, payment: Payment, charge: Charge, refusal: Refusal | None) -> None:
    reason = refusal.text if refusal and charge.declined else _authorised_text(payment)
    item = payment_item(
        charge, "AUTHORISATION", charge.authorised_at, success=not charge.declined, reason=reason, brand=payment.brand
    )
    item["additionalData"] = dict(payment.additional)
    if checkout := payment.order.checkout:
        item["additionalData"]["paymentLinkId" if checkout.startswith("PL") else "checkoutSessionId"] = checkout
    world.notify("adyen", charge.account, "AUTHORISATION", encoded(item))


def _authorised_text(payment: Payment) -> str:
    """The authorisation code, the card's last digits and its expiry: 065696:1111:03/2030."""
    card = payment.order.instrument.card
    if card is None:
        return ""
    return f"{payment.additional['authCode']}:{card.number[-4:]}:{card.expiry_month:02d}/{card.expiry_year}"


def _waits(order: Order, refusal: Refusal | None) -> timedelta | None:
    """How long the outcome stays unknown; None where it is known at once."""
    if order.instrument.type == "sepadirectdebit":
        return DEBIT_TAKES
    return UNCLEAR_FOR if refusal and refusal.result in _UNCLEAR else None


def _is_without_shopper(order: Order) -> bool:
    """ContAuth says that the details are kept ones; in one-click payments (CardOnFile) their shopper is there.

    docs.adyen.com/online-payments/tokenization/make-token-payments.
    """
    return order.interaction != "Ecommerce" and not (order.interaction == "ContAuth" and order.model == "CardOnFile")


def _judged(order: Order) -> Verdict:
    assert order.instrument.card is not None
    return judge(order.instrument.card.number)


def _is_past(order: Order, now: datetime) -> bool:
    card = order.instrument.card
    is_token = order.instrument.type == "networkToken"
    return card is not None and not is_token and (card.expiry_year, card.expiry_month) < (now.year, now.month)


def _token_may_be_charged(order: Order) -> bool:
    """With a fresh cryptogram; without the customer the network reference of the first payment will do."""
    is_mit = order.interaction == "ContAuth" and bool(order.instrument.network_reference)
    return order.instrument.cryptogram_is_good or is_mit


def _network_transaction_id(instrument: Instrument, now: datetime) -> str:
    """Visa's has fifteen digits; Mastercard's nine letters and digits and the month and day."""
    if instrument.card is None:
        return ""
    if instrument.brand == "mc":
        return f"{new_reference()[:9]}{now:%m%d}"
    return str(10**14 + secrets.randbelow(9 * 10**14))
