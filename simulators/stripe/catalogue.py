"""Products and prices (docs.stripe.com/products-prices)."""

from __future__ import annotations

from typing import Any

from simulators.stripe.amounts import parse_amount, parse_currency, to_world
from simulators.stripe.calls import Call
from simulators.stripe.errors import StripeError, invalid
from simulators.stripe.form import Form, choice, flag, integer, listed, mapping, metadata, only, required, text
from simulators.stripe.objects import new_id, unix
from simulators.stripe.paging import chosen, page
from simulators.stripe.state import table
from simulators.stripe.webhooks import tell
from simulators.world import World

_PRODUCT = (
    *("active", "default_price", "default_price_data", "description", "id", "images", "marketing_features"),
    *("metadata", "name", "package_dimensions", "shippable", "statement_descriptor", "tax_code", "tax_details"),
    *("type", "unit_label", "url"),
)
_PRICE = (
    *("active", "billing_scheme", "currency", "currency_options", "custom_unit_amount", "lookup_key", "metadata"),
    *("nickname", "product", "product_data", "recurring", "tax_behavior", "tiers", "tiers_mode"),
    *("transfer_lookup_key", "transform_quantity", "unit_amount", "unit_amount_decimal"),
)


class Catalogue:
    def __init__(self, world: World) -> None:
        self._world = world
        self._products, self._prices = table(world, "product"), table(world, "price")

    # products

    def create_product(self, call: Call) -> dict[str, Any]:
        only(call.form, *_PRODUCT)
        shown = self._new_product(call.account, call.form, text(call.form, "id") or new_id("prod"))
        if data := mapping(call.form, "default_price_data"):
            price = self.make_price(call.account, {**data, "product": shown["id"]})
            shown["default_price"] = price["id"]
        return shown

    def update_product(self, call: Call) -> dict[str, Any]:
        only(call.form, *_PRODUCT)
        shown = self._products.find(call.account, call.id)
        before = dict(shown)
        self._describe(shown, call.form)
        shown["updated"] = unix(self._world.clock.now())
        changed = {name: value for name, value in before.items() if shown[name] != value}
        tell(self._world, call.account, "product.updated", dict(shown), changed)
        return shown

    def product(self, call: Call) -> dict[str, Any]:
        return self._products.find(call.account, call.id)

    def products(self, call: Call) -> dict[str, Any]:
        wanted = listed(call.form, "ids")
        rows = [row for row in self._products.of(call.account) if not wanted or row["id"] in wanted]
        return page("/v1/products", chosen(rows, call.form, "active", "url"), call.form)

    def delete_product(self, call: Call) -> dict[str, Any]:
        shown = self._products.find(call.account, call.id)
        if any(price["product"] == call.id for price in self._prices.of(call.account)):
            message = "This product cannot be deleted because it has one or more user-created prices."
            raise StripeError(400, message)
        self._products.remove(call.id)
        tell(self._world, call.account, "product.deleted", shown)
        return {"id": call.id, "object": "product", "deleted": True}

    # prices

    def create_price(self, call: Call) -> dict[str, Any]:
        only(call.form, *_PRICE)
        return self.make_price(call.account, call.form)

    def update_price(self, call: Call) -> dict[str, Any]:
        """What it costs cannot be changed."""
        only(
            call.form,
            "active",
            "currency_options",
            "lookup_key",
            "metadata",
            "nickname",
            "tax_behavior",
            "transfer_lookup_key",
        )
        shown, form = self._prices.find(call.account, call.id), call.form
        if "active" in form:
            shown["active"] = flag(form, "active")
        for name in ("lookup_key", "nickname"):
            if name in form:
                shown[name] = text(form, name) or None
        shown["metadata"] = metadata(form, shown["metadata"])
        tell(self._world, call.account, "price.updated", dict(shown), {})
        return shown

    def price(self, call: Call) -> dict[str, Any]:
        return self._prices.find(call.account, call.id)

    def prices(self, call: Call) -> dict[str, Any]:
        keys = listed(call.form, "lookup_keys")
        rows = [row for row in self._prices.of(call.account) if not keys or row["lookup_key"] in keys]
        return page("/v1/prices", chosen(rows, call.form, "active", "currency", "product", "type"), call.form)

    def make_price(self, account: str, form: Form) -> dict[str, Any]:
        """Also of `price_data`, which makes a product of its own from `product_data`."""
        currency = parse_currency(required(form, "currency"))
        amount = integer(form, "unit_amount")
        if amount:
            to_world(parse_amount(str(amount), "unit_amount"), currency.upper(), "unit_amount")
        product = text(form, "product")
        if product:
            self._products.find(account, product, "product", 400)
        elif data := mapping(form, "product_data"):
            product = self._new_product(account, data, new_id("prod"))["id"]
        else:
            raise invalid("Missing required param: product.", "product", "parameter_missing")
        recurring = mapping(form, "recurring")
        shown = {
            "id": new_id("price"),
            "object": "price",
            "active": flag(form, "active", True),
            "billing_scheme": "per_unit",
            "created": unix(self._world.clock.now()),
            "currency": currency,
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": text(form, "lookup_key") or None,
            "metadata": metadata(form),
            "nickname": text(form, "nickname") or None,
            "product": product,
            "recurring": _recurring(recurring) if recurring else None,
            "tax_behavior": choice(form, "tax_behavior", ("exclusive", "inclusive", "unspecified"), "unspecified"),
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "recurring" if recurring else "one_time",
            "unit_amount": amount,
            "unit_amount_decimal": str(amount),
        }
        self._prices.add(account, shown)
        tell(self._world, account, "price.created", dict(shown))
        return shown

    def _new_product(self, account: str, form: Form, id: str) -> dict[str, Any]:
        if self._products.get(account, id) is not None:
            raise StripeError(400, f"Product already exists: {id}", code="resource_already_exists", param="id")
        now = unix(self._world.clock.now())
        shown: dict[str, Any] = {
            "id": id,
            "object": "product",
            "active": True,
            "created": now,
            "default_price": None,
            "description": None,
            "images": [],
            "livemode": False,
            "marketing_features": [],
            "metadata": {},
            "name": required(form, "name"),
            "package_dimensions": None,
            "shippable": None,
            "statement_descriptor": None,
            "tax_code": None,
            "type": choice(form, "type", ("good", "service"), "service"),
            "unit_label": None,
            "updated": now,
            "url": None,
        }
        self._describe(shown, form)
        self._products.add(account, shown)
        tell(self._world, account, "product.created", dict(shown))
        return shown

    def _describe(self, shown: dict[str, Any], form: Form) -> None:
        for name in ("name", "description", "statement_descriptor", "tax_code", "unit_label", "url", "default_price"):
            if name in form:
                shown[name] = text(form, name) or None
        if "active" in form:
            shown["active"] = flag(form, "active")
        if "images" in form:
            shown["images"] = [str(url) for url in listed(form, "images")]
        shown["metadata"] = metadata(form, shown["metadata"])


def _recurring(sent: Form) -> dict[str, Any]:
    return {
        "interval": choice(sent, "interval", ("day", "month", "week", "year")),
        "interval_count": integer(sent, "interval_count", 1),
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }
