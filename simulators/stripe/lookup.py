"""An object of any kind by its id, as the API shows it: what `expand` puts in place of the id."""

from __future__ import annotations

from typing import Any

from simulators.disputes import disputes_of
from simulators.payouts import payouts_of
from simulators.stripe.balance import payout_shown, transactions
from simulators.stripe.checkout_shapes import line_items_shown, show_session
from simulators.stripe.dispute_shapes import show_dispute
from simulators.stripe.method_shapes import show_method, show_setup
from simulators.stripe.payment_shapes import show_charge, show_intent, show_refund
from simulators.stripe.state import state_of
from simulators.world import World

_TABLES = {
    "acct": "account",
    "cus": "customer",
    "fee": "application_fee",
    "file": "file",
    "fr": "fee_refund",
    "link": "file_link",
    "mandate": "mandate",
    "price": "price",
    "prod": "product",
    "setatt": "setup_attempt",
    "tr": "transfer",
    "trr": "transfer_reversal",
}


def object_of(world: World, account: str, id: str) -> dict[str, Any] | None:
    """None where there is no such object of the account."""
    prefix = id.partition("_")[0]
    if prefix in _TABLES:
        return state_of(world).tables[_TABLES[prefix]].get(account, id)
    if prefix == "txn":
        return next((row for row in transactions(world, account) if row["id"] == id), None)
    return _of_own_life(world, account, id, prefix)


def included(world: World, account: str, shown: dict[str, Any], name: str) -> Any:
    """Lists and objects that are in an answer only when they are asked for."""
    kind = shown.get("object")
    if kind == "charge" and name == "refunds":
        rows = [show_refund(r) for r in reversed(state_of(world).refunds.values()) if r.charge_id == shown["id"]]
        url = f"/v1/charges/{shown['id']}/refunds"
        return {"object": "list", "data": rows[:10], "has_more": len(rows) > 10, "url": url}
    if kind == "charge" and name == "dispute":
        return next((d.id for d in disputes_of(world).values() if d.charge_id == shown["id"]), None)
    if kind == "checkout.session" and name == "line_items":
        return line_items_shown(state_of(world).sessions[shown["id"]], world)
    return None


def _of_own_life(world: World, account: str, id: str, prefix: str) -> dict[str, Any] | None:
    state = state_of(world)
    if prefix == "pi" and (intent := state.intents.get(id)) and intent.account == account:
        return show_intent(intent)
    if prefix in ("ch", "py") and (charge := state.charges.get(id)) and charge.account == account:
        return show_charge(charge)
    if prefix in ("re", "pyr") and (refund := state.refunds.get(id)) and refund.account == account:
        return show_refund(refund)
    if prefix == "pm" and (method := state.methods.get(id)) and method.account == account:
        return show_method(method)
    if prefix == "seti" and (setup := state.setups.get(id)) and setup.account == account:
        return show_setup(setup)
    if prefix == "cs" and (session := state.sessions.get(id)) and session.account == account:
        return show_session(session, world.urls.get("stripe", ""))
    if prefix == "du" and (dispute := disputes_of(world).get(id)) and dispute.account == account:
        return show_dispute(world, dispute)
    if prefix == "po" and (payout := payouts_of(world).get(id)) and payout.account == account:
        return payout_shown(payout)
    return None
