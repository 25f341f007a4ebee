"""Refunds (docs.stripe.com/refunds): at once for most, later for banks and for two test cards, failed later for one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from simulators.disputes import DisputeKind, disputes_of
from simulators.stripe import cards, connect
from simulators.stripe.amounts import parse_amount, to_world
from simulators.stripe.calls import Call
from simulators.stripe.charges import find_charge
from simulators.stripe.disputes import close_refunded_inquiry
from simulators.stripe.errors import StripeError, invalid, missing_resource
from simulators.stripe.form import choice, flag, metadata, only, required, text
from simulators.stripe.objects import StripeCharge, StripeRefund, new_id, unix
from simulators.stripe.paging import chosen, page
from simulators.stripe.payment_shapes import show_charge, show_refund
from simulators.stripe.state import state_of
from simulators.stripe.webhooks import tell
from simulators.world import ChargeEvent, World

_CREATE = (
    *("amount", "charge", "currency", "customer", "instructions_email", "metadata", "origin", "payment_intent"),
    *("reason", "refund_application_fee", "reverse_transfer"),
)
_REASONS = ("duplicate", "fraudulent", "requested_by_customer")
_FAILS_AFTER = timedelta(hours=1)
_BANK_TAKES = timedelta(days=3)
_MAY_CANCEL = timedelta(minutes=30)  # docs.stripe.com/testing: refunds of test payments
_BANKED = ("ideal", "sepa_debit")


class Refunds:
    def __init__(self, world: World) -> None:
        self._world = world
        self._all = state_of(world).refunds

    def create(self, call: Call) -> dict[str, Any]:
        only(call.form, *_CREATE)
        form, charge = call.form, self._refundable(call)
        left = charge.amount_captured - charge.amount_refunded
        reason, tags = choice(form, "reason", _REASONS, ""), metadata(form)
        if left <= 0:
            message = f"Charge {charge.id} has already been refunded."
            raise StripeError(400, message, code="charge_already_refunded")
        amount = parse_amount(text(form, "amount") or str(left))
        minor = to_world(amount, charge.currency.upper())
        if amount > left:
            message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
            raise StripeError(400, message, param="amount")
        reverses, returns_fee = flag(form, "reverse_transfer"), flag(form, "refund_application_fee")
        if (reverses and not charge.transfer) or (returns_fee and not charge.application_fee):
            param = "reverse_transfer" if reverses and not charge.transfer else "refund_application_fee"
            raise invalid("This charge has no transfer or no application fee to give back.", param)
        refund = StripeRefund(
            new_id("re" if charge.method.type == "card" else "pyr"), call.account, charge.id, charge.intent_id, amount,
            charge.currency, unix(self._world.clock.now()), reason, tags, charge.method.type,
        )  # fmt: skip
        self._all[refund.id] = refund
        charge.amount_refunded += amount
        self._world.refund(charge.ledger, minor, refund.id, tags.get("clearway_operation", ""))
        if reverses:
            refund.transfer_reversal = connect.reverse_for_refund(self._world, charge, amount)
        if returns_fee:
            connect.refund_fee(self._world, charge, amount)
        self._plan(refund, charge)
        tell(self._world, call.account, "refund.created", show_refund(refund))
        tell(self._world, call.account, "charge.refunded", show_charge(charge))
        close_refunded_inquiry(self._world, charge)
        return show_refund(refund)

    def retrieve(self, call: Call) -> dict[str, Any]:
        return show_refund(self._find(call.account, call.id))

    def update(self, call: Call) -> dict[str, Any]:
        only(call.form, "metadata")
        refund = self._find(call.account, call.id)
        refund.metadata = metadata(call.form, refund.metadata)
        tell(self._world, call.account, "refund.updated", show_refund(refund))
        return show_refund(refund)

    def list_all(self, call: Call) -> dict[str, Any]:
        own = [show_refund(refund) for refund in reversed(self._all.values()) if refund.account == call.account]
        return page("/v1/refunds", chosen(own, call.form, "payment_intent", "charge"), call.form)

    def cancel(self, call: Call) -> dict[str, Any]:
        """Only a card's refund that has not been sent yet."""
        refund = self._find(call.account, call.id)
        age = self._world.clock.now().timestamp() - refund.created
        if refund.status != "pending" or refund.method_type != "card" or age > _MAY_CANCEL.total_seconds():
            message = f"You cannot cancel this refund because it has a status of {refund.status}."
            raise StripeError(400, message, code="status_transition_invalid")
        take_back(self._world, refund, "canceled", "")
        return show_refund(refund)

    def _find(self, account: str, id: str) -> StripeRefund:
        refund = self._all.get(id)
        if refund is None or refund.account != account:
            raise missing_resource("refund", id)
        return refund

    def _refundable(self, call: Call) -> StripeCharge:
        charge = self._named(call)
        if charge.disputed and any(
            d.charge_id == charge.id and d.kind is DisputeKind.CHARGEBACK for d in disputes_of(self._world).values()
        ):
            message = f"Charge {charge.id} has been charged back; cannot issue a refund."
            raise StripeError(400, message, code="charge_disputed")
        return charge

    def _named(self, call: Call) -> StripeCharge:
        if charge_id := text(call.form, "charge"):
            charge = find_charge(self._world, call.account, charge_id, "charge", 400)
        else:
            id = required(call.form, "payment_intent")
            intent = state_of(self._world).intents.get(id)
            if intent is None or intent.account != call.account:
                raise missing_resource("payment_intent", id, "payment_intent", 400)
            if intent.good_charge is None or not intent.good_charge.amount_captured:
                message = f"This PaymentIntent ({id}) does not have a successful charge to refund."
                raise StripeError(400, message, param="payment_intent")
            charge = intent.good_charge
        if not charge.amount_captured:
            raise StripeError(400, f"Charge {charge.id} has not been captured.", code="charge_not_refundable")
        return charge

    def _plan(self, refund: StripeRefund, charge: StripeCharge) -> None:
        number = charge.method.card.number if charge.method.card else ""
        now = self._world.clock.now()
        if number == cards.REFUND_FAILS:
            self._world.at(now + _FAILS_AFTER, "stripe", "fail_refund", refund=refund.id)
        if number == cards.REFUND_PENDS or refund.method_type in _BANKED:
            refund.status = "pending"
            takes = _FAILS_AFTER if number else _BANK_TAKES
            self._world.at(now + takes, "stripe", "finish_refund", refund=refund.id)


def finish(world: World, refund: StripeRefund) -> None:
    if refund.status != "pending":
        return
    refund.status = "succeeded"
    tell(world, refund.account, "refund.updated", show_refund(refund), {"status": "pending"})


def take_back(world: World, refund: StripeRefund, status: str, reason: str) -> None:
    """The money did not reach the holder, or was not to: it is the merchant's again (docs.stripe.com/refunds)."""
    charge, before = state_of(world).charges[refund.charge_id], refund.status
    minor = to_world(refund.amount, refund.currency.upper())
    refund.status, refund.failure_reason = status, reason
    charge.amount_refunded -= refund.amount
    _reinstate(world, charge, minor, refund.id)
    event = "refund.failed" if status == "failed" else "refund.updated"
    tell(world, refund.account, event, show_refund(refund), {"status": before})
    tell(world, refund.account, "charge.refund.updated", show_refund(refund), {"status": before})


def _reinstate(world: World, charge: StripeCharge, minor: int, id: str) -> None:
    ledger = charge.ledger
    ledger.refunded_minor -= minor
    world.book("stripe", ledger.account, ledger.currency).refunded_minor -= minor
    ledger.events.append(ChargeEvent("refund_failed", minor, world.clock.now(), id))
