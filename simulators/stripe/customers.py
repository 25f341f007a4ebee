"""Customers, and the payment methods that they keep."""

from __future__ import annotations

from typing import Any

from simulators.stripe.calls import Call
from simulators.stripe.errors import StripeError
from simulators.stripe.form import Form, integer, mapping, metadata, only, required, text
from simulators.stripe.method_shapes import NO_ADDRESS, show_method
from simulators.stripe.methods import (
    attach,
    detach,
    find_method,
    make_method,
    methods_of_customer,
    redisplay,
    update_card,
)
from simulators.stripe.objects import new_id, unix
from simulators.stripe.paging import chosen, page
from simulators.stripe.search import found_by
from simulators.stripe.state import state_of, table
from simulators.stripe.webhooks import tell
from simulators.world import World

_CUSTOMER = (
    *("address", "balance", "business_name", "cash_balance", "default_source", "description", "email"),
    *("individual_name", "invoice_prefix", "invoice_settings", "metadata", "name", "next_invoice_sequence"),
    *("payment_method", "phone", "preferred_locales", "shipping", "source", "tax", "tax_exempt", "tax_id_data"),
    *("test_clock", "validate"),
)
_METHOD = (
    *("allow_redisplay", "billing_details", "card", "customer", "ideal", "metadata", "payment_method", "paypal"),
    *("radar_options", "sepa_debit", "type"),
)


class Customers:
    def __init__(self, world: World) -> None:
        self._world = world
        self._table = table(world, "customer")

    def create(self, call: Call) -> dict[str, Any]:
        only(call.form, *_CUSTOMER)
        shown = self._table.add(call.account, _new_customer(unix(self._world.clock.now())))
        _describe(shown, call.form)
        if method := text(call.form, "payment_method"):
            attach(self._world, find_method(self._world, call.account, method), shown["id"])
        tell(self._world, call.account, "customer.created", dict(shown))
        return shown

    def update(self, call: Call) -> dict[str, Any]:
        only(call.form, *_CUSTOMER)
        shown = self._table.find(call.account, call.id)
        before = dict(shown)
        _describe(shown, call.form)
        changed = {name: value for name, value in before.items() if shown[name] != value}
        tell(self._world, call.account, "customer.updated", dict(shown), changed)
        return shown

    def retrieve(self, call: Call) -> dict[str, Any]:
        return self._table.find(call.account, call.id)

    def list_all(self, call: Call) -> dict[str, Any]:
        return page("/v1/customers", chosen(self._living(call.account), call.form, "email"), call.form)

    def search(self, call: Call) -> dict[str, Any]:
        return found_by("/v1/customers/search", self._living(call.account), call.form)

    def delete(self, call: Call) -> dict[str, Any]:
        """The customer's payment methods go with it; it may still be retrieved, as deleted."""
        shown = self._table.find(call.account, call.id)
        if shown.get("deleted"):
            self._table.find(call.account, "")
        for method in methods_of_customer(self._world, call.account, call.id):
            detach(self._world, method)
        tell(self._world, call.account, "customer.deleted", shown)
        return self._table.add(call.account, {"id": call.id, "object": "customer", "deleted": True})

    def methods(self, call: Call) -> dict[str, Any]:
        self._table.find(call.account, call.id)
        return _methods_page(self._world, f"/v1/customers/{call.id}/payment_methods", call, call.id)

    def method(self, call: Call) -> dict[str, Any]:
        for method in methods_of_customer(self._world, call.account, call.id):
            if method.id == call.sub:
                return show_method(method)
        raise StripeError(404, f"No such payment_method: '{call.sub}'", code="resource_missing")

    def _living(self, account: str) -> list[dict[str, Any]]:
        return [shown for shown in self._table.of(account) if not shown.get("deleted")]


class PaymentMethods:
    def __init__(self, world: World) -> None:
        self._world = world

    def create(self, call: Call) -> dict[str, Any]:
        only(call.form, *_METHOD)
        return show_method(make_method(self._world, call.account, call.form))

    def retrieve(self, call: Call) -> dict[str, Any]:
        return show_method(find_method(self._world, call.account, call.id))

    def update(self, call: Call) -> dict[str, Any]:
        """Expiry and billing details of one that is attached."""
        only(call.form, "allow_redisplay", "billing_details", "card", "metadata", "payto", "us_bank_account")
        method, form = find_method(self._world, call.account, call.id), call.form
        if not method.customer:
            message = "You must save this PaymentMethod to a customer before you can update it."
            raise StripeError(400, message)
        method.metadata = metadata(form, method.metadata)
        method.allow_redisplay = redisplay(form, method.allow_redisplay)
        method.billing = {**method.billing, **mapping(form, "billing_details")}
        if (sent := mapping(form, "card")) and method.card is not None:
            month = integer(sent, "exp_month", method.card.expiry_month)
            year = integer(sent, "exp_year", method.card.expiry_year)
            method.card = type(method.card)(method.card.number, month, year, method.card.cvc, method.card.holder)
        tell(self._world, call.account, "payment_method.updated", show_method(method), {})
        return show_method(method)

    def attach(self, call: Call) -> dict[str, Any]:
        only(call.form, "customer", "customer_account")
        method = find_method(self._world, call.account, call.id)
        return show_method(attach(self._world, method, required(call.form, "customer")))

    def detach(self, call: Call) -> dict[str, Any]:
        only(call.form)
        return show_method(detach(self._world, find_method(self._world, call.account, call.id)))

    def list_all(self, call: Call) -> dict[str, Any]:
        """Of a customer: without one there are none to list."""
        customer = text(call.form, "customer")
        if customer:
            table(self._world, "customer").find(call.account, customer, "customer", 400)
        return _methods_page(self._world, "/v1/payment_methods", call, customer)

    def mandate(self, call: Call) -> dict[str, Any]:
        return table(self._world, "mandate").find(call.account, call.id)

    def renew_card(self, id: str, sent: dict[str, Any]) -> dict[str, Any]:
        """What the card networks do on their own: {exp_month, exp_year, number?}. Raises StripeError 400."""
        method = state_of(self._world).methods.get(id)
        if method is None or method.card is None or not method.customer:
            raise StripeError(400, f"{id} is no card that is attached to a customer", param="id")
        month, year = sent.get("exp_month"), sent.get("exp_year")
        if not isinstance(month, int) or not isinstance(year, int) or not 1 <= month <= 12:
            raise StripeError(400, "Give exp_month (1 to 12) and exp_year as numbers", param="exp_month")
        update_card(self._world, method, str(sent.get("number", "")), month, year)
        return show_method(method)


def _methods_page(world: World, url: str, call: Call, customer: str) -> dict[str, Any]:
    methods = methods_of_customer(world, call.account, customer) if customer else []
    return page(url, chosen([show_method(method) for method in methods], call.form, "type"), call.form)


def _new_customer(created: int) -> dict[str, Any]:
    id = new_id("cus")
    return {
        "id": id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": created,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": id[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def _describe(shown: dict[str, Any], form: Form) -> None:
    for name in ("description", "email", "name", "phone"):
        if name in form:
            shown[name] = text(form, name) or None
    if "address" in form:
        shown["address"] = {**NO_ADDRESS, **mapping(form, "address")} if mapping(form, "address") else None
    if "shipping" in form:
        shown["shipping"] = mapping(form, "shipping") or None
    if default := text(mapping(form, "invoice_settings"), "default_payment_method"):
        shown["invoice_settings"] = {**shown["invoice_settings"], "default_payment_method": default}
    if "preferred_locales" in form:
        shown["preferred_locales"] = list(mapping(form, "preferred_locales").values())
    shown["metadata"] = metadata(form, shown["metadata"])
