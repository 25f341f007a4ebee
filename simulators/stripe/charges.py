"""Charges: read, found and listed. Those made outside of PaymentIntents, in the dashboard, are there too."""

from __future__ import annotations

from typing import Any

from simulators.stripe.amounts import from_world
from simulators.stripe.calls import Call
from simulators.stripe.errors import missing_resource
from simulators.stripe.form import metadata, only, text
from simulators.stripe.objects import PaymentMethod, StripeCharge, unix
from simulators.stripe.paging import chosen, page
from simulators.stripe.payment_shapes import show_charge
from simulators.stripe.search import found_by
from simulators.stripe.state import state_of
from simulators.stripe.webhooks import tell
from simulators.world import Card, Charge, World


def find_charge(world: World, account: str, id: str, param: str = "id", status: int = 404) -> StripeCharge:
    """Raises StripeError."""
    adopt_foreign(world, account)
    charge = state_of(world).charges.get(id)
    if charge is None or charge.account != account:
        raise missing_resource("charge", id, param, status)
    return charge


def adopt_foreign(world: World, account: str) -> None:
    """Charges of the shared world that were put there by hand become Stripe's own."""
    known = state_of(world).charges
    for ledger in world.charges_of("stripe", account):
        if ledger.id not in known:
            known[ledger.id] = _adopted(ledger)


def charges_of(world: World, account: str) -> list[StripeCharge]:
    """Newest first."""
    adopt_foreign(world, account)
    return [charge for charge in reversed(state_of(world).charges.values()) if charge.account == account]


class Charges:
    def __init__(self, world: World) -> None:
        self._world = world

    def retrieve(self, call: Call) -> dict[str, Any]:
        return show_charge(find_charge(self._world, call.account, call.id))

    def update(self, call: Call) -> dict[str, Any]:
        only(
            call.form,
            "customer",
            "description",
            "fraud_details",
            "metadata",
            "receipt_email",
            "shipping",
            "transfer_group",
        )
        charge = find_charge(self._world, call.account, call.id)
        charge.metadata = metadata(call.form, charge.metadata)
        charge.description = text(call.form, "description", charge.description)
        tell(self._world, call.account, "charge.updated", show_charge(charge))
        return show_charge(charge)

    def list_all(self, call: Call) -> dict[str, Any]:
        rows = [show_charge(charge) for charge in charges_of(self._world, call.account)]
        rows = chosen(rows, call.form, "payment_intent", "customer", "transfer_group")
        return page("/v1/charges", rows, call.form)

    def search(self, call: Call) -> dict[str, Any]:
        rows = [show_charge(charge) for charge in charges_of(self._world, call.account)]
        return found_by("/v1/charges/search", rows, call.form)


def _adopted(ledger: Charge) -> StripeCharge:
    at = ledger.authorised_at
    card = Card("4242424242424242", 12, at.year + 3)
    method = PaymentMethod("pm_" + ledger.id.partition("_")[2], ledger.account, "card", unix(at), card=card)
    return StripeCharge(
        ledger.id, ledger.payment_id, from_world(ledger.amount_minor, ledger.currency), ledger.currency.lower(),
        unix(at), method, ledger, {},
        amount_captured=from_world(ledger.captured_minor, ledger.currency),
        amount_refunded=from_world(ledger.refunded_minor, ledger.currency),
        captures=1,
    )  # fmt: skip
