"""Connect: connected accounts, destination charges, transfers, reversals and application fees.

docs.stripe.com/connect/destination-charges and docs.stripe.com/connect/separate-charges-and-transfers. A connected
account can take transfers at once: its onboarding is not simulated.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from simulators.stripe.account_shapes import account_shown
from simulators.stripe.amounts import parse_amount, parse_currency, to_world
from simulators.stripe.calls import Call
from simulators.stripe.errors import StripeError, invalid, missing_resource
from simulators.stripe.form import Form, choice, flag, mapping, metadata, only, required, text
from simulators.stripe.objects import Intent, StripeCharge, new_id, unix
from simulators.stripe.paging import chosen, page
from simulators.stripe.state import state_of, table
from simulators.stripe.webhooks import tell
from simulators.world import Split, World

_ACCOUNT = (
    *("account_token", "business_profile", "business_type", "capabilities", "company", "controller", "country"),
    *("default_currency", "documents", "email", "external_account", "groups", "individual", "metadata", "settings"),
    *("tos_acceptance", "type"),
)
_TRANSFER = (
    *("amount", "currency", "description", "destination", "metadata", "source_transaction", "source_type"),
    "transfer_group",
)


# what payments and refunds need


def check_recipients(world: World, intent: Intent, form: Form) -> None:
    """`transfer_data` and `application_fee_amount` of an intent. Raises StripeError 400."""
    if sent := mapping(form, "transfer_data"):
        destination = text(sent, "destination") or (intent.transfer_data or {}).get("destination", "")
        recipient(world, intent.account, destination, "transfer_data[destination]")
        intent.transfer_data = {"destination": destination}
        if "amount" in sent:
            amount = parse_amount(text(sent, "amount"), "transfer_data[amount]")
            if amount > intent.amount:
                raise invalid("The transfer_data[amount] cannot exceed the amount.", "transfer_data[amount]")
            intent.transfer_data["amount"] = amount
    if "application_fee_amount" in form:
        fee = parse_amount(text(form, "application_fee_amount"), "application_fee_amount")
        if not intent.transfer_data or "amount" in intent.transfer_data:
            message = "Can only apply an application_fee_amount with transfer_data[destination] and without its amount."
            raise invalid(message, "application_fee_amount")
        if fee > intent.amount:
            raise invalid("The application_fee_amount must be at most the amount.", "application_fee_amount")
        intent.application_fee_amount = fee


def recipient(world: World, platform: str, id: str, param: str) -> dict[str, Any]:
    """A connected account, or one registered on the control API. Raises StripeError 400."""
    shown = table(world, "account").get(platform, id)
    if shown is None and ("stripe", id) in world.accounts and id != platform:
        shown = table(world, "account").add(platform, account_shown(id, world.country_of("stripe", id), world))
    if shown is None:
        raise StripeError(400, f"No such destination: '{id}'", code="resource_missing", param=param)
    if shown["capabilities"].get("transfers") != "active":
        message = (
            "Your destination account needs to have at least one of the following capabilities enabled: transfers, "
            "crypto_transfers, legacy_payments"
        )
        raise StripeError(400, message, code="insufficient_capabilities_for_transfer", param=param)
    return shown


def pay_recipients(world: World, charge: StripeCharge, captured: int) -> None:
    """A destination charge hands on what is captured, less the application fee, which stays with the platform."""
    data = charge.transfer_data
    if not data:
        return
    amount = min(int(data.get("amount", captured)), captured)
    transfer = _transfer(
        world, charge.account, amount, charge.currency, str(data["destination"]), charge.id,
        charge.transfer_group or f"group_{charge.intent_id}", {}, "",
    )  # fmt: skip
    charge.transfer, charge.transfer_group = charge.transfer or transfer["id"], transfer["transfer_group"]
    if charge.application_fee_amount and not charge.application_fee:
        charge.application_fee = _fee(world, charge, transfer)["id"]


def reverse_for_refund(world: World, charge: StripeCharge, amount: int) -> str:
    """The part of the charge's transfer that the refunded part of the charge is; the id of the reversal."""
    transfer = table(world, "transfer").get(charge.account, charge.transfer)
    if transfer is None:
        raise StripeError(400, "This charge does not have an associated transfer.", param="reverse_transfer")
    left = transfer["amount"] - transfer["amount_reversed"]
    share = min(transfer["amount"] * amount // charge.amount_captured, left)
    if charge.amount_refunded >= charge.amount_captured:
        share = left
    reversal = _reverse(world, charge.account, transfer, share, {}, "")
    return str(reversal["id"])


def refund_fee(world: World, charge: StripeCharge, amount: int) -> None:
    """The part of the application fee that the refunded part of the charge is."""
    fee = table(world, "application_fee").get(charge.account, charge.application_fee)
    if fee is None:
        raise StripeError(400, "This charge has no application fee.", param="refund_application_fee")
    left = fee["amount"] - fee["amount_refunded"]
    share = (
        left if charge.amount_refunded >= charge.amount_captured else fee["amount"] * amount // charge.amount_captured
    )
    _refund_of_fee(world, charge.account, fee, min(share, left), {})


class Connect:
    def __init__(self, world: World) -> None:
        self._world = world

    # accounts

    def own_account(self, call: Call) -> dict[str, Any]:
        return account_shown(call.account, self._world.country_of("stripe", call.account), self._world, "standard")

    def account(self, call: Call) -> dict[str, Any]:
        if call.id == call.account:
            return self.own_account(call)
        try:
            return recipient(self._world, call.account, call.id, "account")
        except StripeError as error:
            if error.error.get("code") != "resource_missing":
                return table(self._world, "account").find(call.account, call.id)
        message = f"The provided key does not have access to account '{call.id}' (or that account does not exist)."
        raise StripeError(403, message, code="account_invalid")

    def create_account(self, call: Call) -> dict[str, Any]:
        only(call.form, *_ACCOUNT)
        form = call.form
        kind = choice(form, "type", ("custom", "express", "standard"), "standard")
        country = text(form, "country") or self._world.country_of("stripe", call.account)
        shown = account_shown("acct_" + new_id("a")[2:18], country, self._world, kind)
        asked = mapping(form, "capabilities")
        shown["capabilities"] = {name: "active" for name in asked if flag(mapping(asked, name), "requested")}
        shown["email"], shown["metadata"] = text(form, "email") or None, metadata(form)
        shown["business_type"] = text(form, "business_type") or None
        return table(self._world, "account").add(call.account, shown)

    def accounts(self, call: Call) -> dict[str, Any]:
        return page("/v1/accounts", table(self._world, "account").of(call.account), call.form)

    # transfers

    def create_transfer(self, call: Call) -> dict[str, Any]:
        only(call.form, *_TRANSFER)
        form = call.form
        amount, currency = parse_amount(required(form, "amount")), parse_currency(required(form, "currency"))
        to_world(amount, currency.upper())
        destination = required(form, "destination")
        recipient(self._world, call.account, destination, "destination")
        source, group = text(form, "source_transaction"), text(form, "transfer_group")
        if source:
            charge = state_of(self._world).charges.get(source)
            if charge is None or charge.account != call.account:
                raise missing_resource("charge", source, "source_transaction", 400)
            given = sum(t["amount"] - t["amount_reversed"] for t in self._of_charge(charge))
            if amount > charge.amount_captured - given:
                message = (
                    f"Transfers of this transaction must not exceed the source amount of {charge.amount_captured}."
                )
                raise StripeError(400, message, param="amount")
            group = group or charge.transfer_group or f"group_{charge.intent_id}"
        elif (
            to_world(amount, currency.upper())
            > self._world.book("stripe", call.account, currency.upper()).balance_minor
        ):
            message = "You have insufficient available funds in your Stripe account."
            raise StripeError(400, message, code="balance_insufficient")
        return _transfer(
            self._world, call.account, amount, currency, destination, source, group, metadata(form),
            text(form, "description"),
        )  # fmt: skip

    def transfer(self, call: Call) -> dict[str, Any]:
        return table(self._world, "transfer").find(call.account, call.id)

    def transfers(self, call: Call) -> dict[str, Any]:
        rows = chosen(table(self._world, "transfer").of(call.account), call.form, "destination", "transfer_group")
        return page("/v1/transfers", rows, call.form)

    def reverse(self, call: Call) -> dict[str, Any]:
        only(call.form, "amount", "description", "metadata", "refund_application_fee")
        transfer = table(self._world, "transfer").find(call.account, call.id)
        left = transfer["amount"] - transfer["amount_reversed"]
        amount = parse_amount(text(call.form, "amount") or str(left or 1))
        if amount > left:
            message = f"Amount for reversal ({amount}) is greater than the unreversed amount on transfer ({left})."
            raise StripeError(400, message, param="amount")
        return _reverse(
            self._world, call.account, transfer, amount, metadata(call.form), text(call.form, "description")
        )

    def reversals(self, call: Call) -> dict[str, Any]:
        table(self._world, "transfer").find(call.account, call.id)
        rows = [r for r in table(self._world, "transfer_reversal").of(call.account) if r["transfer"] == call.id]
        return page(f"/v1/transfers/{call.id}/reversals", rows, call.form)

    def reversal(self, call: Call) -> dict[str, Any]:
        return table(self._world, "transfer_reversal").find(call.account, call.sub)

    # fees

    def fee(self, call: Call) -> dict[str, Any]:
        return table(self._world, "application_fee").find(call.account, call.id)

    def fees(self, call: Call) -> dict[str, Any]:
        rows = chosen(table(self._world, "application_fee").of(call.account), call.form, "charge")
        return page("/v1/application_fees", rows, call.form)

    def refund_fee(self, call: Call) -> dict[str, Any]:
        only(call.form, "amount", "metadata")
        fee = table(self._world, "application_fee").find(call.account, call.id)
        left = fee["amount"] - fee["amount_refunded"]
        amount = parse_amount(text(call.form, "amount") or str(left or 1))
        if amount > left:
            message = f"Refund amount ({amount}) is greater than unrefunded amount on application fee ({left})"
            raise StripeError(400, message, param="amount")
        return _refund_of_fee(self._world, call.account, fee, amount, metadata(call.form))

    def _of_charge(self, charge: StripeCharge) -> list[dict[str, Any]]:
        rows = table(self._world, "transfer").of(charge.account)
        return [transfer for transfer in rows if transfer["source_transaction"] == charge.id]


def _transfer(
    world: World, account: str, amount: int, currency: str, destination: str, source: str, group: str,
    tags: dict[str, str], description: str,
) -> dict[str, Any]:  # fmt: skip
    id = new_id("tr")
    shown = {
        "id": id,
        "object": "transfer",
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": f"txn_{id[3:]}",
        "created": unix(world.clock.now()),
        "currency": currency,
        "description": description or None,
        "destination": destination,
        "destination_payment": new_id("py"),
        "livemode": False,
        "metadata": tags,
        "reversals": {"object": "list", "data": [], "has_more": False, "url": f"/v1/transfers/{id}/reversals"},
        "reversed": False,
        "source_transaction": source or None,
        "source_type": "card",
        "transfer_group": group or None,
    }
    table(world, "transfer").add(account, shown)
    if charge := state_of(world).charges.get(source):
        split = Split(destination, to_world(amount, currency.upper()), "transfer", id)
        charge.ledger.splits = (*charge.ledger.splits, split)
    tell(world, account, "transfer.created", dict(shown))
    return shown


def _reverse(
    world: World, account: str, transfer: dict[str, Any], amount: int, tags: dict[str, str], description: str
) -> dict[str, Any]:
    id = new_id("trr")
    reversal = {
        "id": id,
        "object": "transfer_reversal",
        "amount": amount,
        "balance_transaction": f"txn_{id[4:]}",
        "created": unix(world.clock.now()),
        "currency": transfer["currency"],
        "destination_payment_refund": new_id("pyr"),
        "metadata": tags,
        "source_refund": None,
        "transfer": transfer["id"],
    }
    table(world, "transfer_reversal").add(account, reversal)
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    held = transfer["reversals"]
    transfer["reversals"] = {**held, "data": [reversal, *held["data"]][:10]}
    if charge := state_of(world).charges.get(str(transfer["source_transaction"])):
        minor = to_world(amount, charge.currency.upper())
        charge.ledger.splits = tuple(
            replace(s, minor=s.minor - minor) if s.reference == transfer["id"] else s for s in charge.ledger.splits
        )
    tell(world, account, "transfer.reversed", dict(transfer))
    return reversal


def _fee(world: World, charge: StripeCharge, transfer: dict[str, Any]) -> dict[str, Any]:
    id = new_id("fee")
    shown = {
        "id": id,
        "object": "application_fee",
        "account": transfer["destination"],
        "amount": charge.application_fee_amount,
        "amount_refunded": 0,
        "application": "ca_simulated",
        "balance_transaction": f"txn_{id[4:]}",
        "charge": transfer["destination_payment"],
        "created": unix(world.clock.now()),
        "currency": charge.currency,
        "fee_source": {"charge": charge.id, "type": "charge"},
        "livemode": False,
        "originating_transaction": charge.id,
        "refunded": False,
        "refunds": {"object": "list", "data": [], "has_more": False, "url": f"/v1/application_fees/{id}/refunds"},
    }
    table(world, "application_fee").add(charge.account, shown)
    tell(world, charge.account, "application_fee.created", dict(shown))
    return shown


def _refund_of_fee(
    world: World, account: str, fee: dict[str, Any], amount: int, tags: dict[str, str]
) -> dict[str, Any]:
    id = new_id("fr")
    shown = {
        "id": id,
        "object": "fee_refund",
        "amount": amount,
        "balance_transaction": f"txn_{id[3:]}",
        "created": unix(world.clock.now()),
        "currency": fee["currency"],
        "fee": fee["id"],
        "metadata": tags,
    }
    table(world, "fee_refund").add(account, shown)
    fee["amount_refunded"] += amount
    fee["refunded"] = fee["amount_refunded"] == fee["amount"]
    fee["refunds"] = {**fee["refunds"], "data": [shown, *fee["refunds"]["data"]][:10]}
    tell(world, account, "application_fee.refunded", dict(fee))
    return shown
