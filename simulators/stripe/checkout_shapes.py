"""Checkout Sessions and their line items as the API shows them (keys of Stripe's published fixtures)."""

from __future__ import annotations

from typing import Any

from simulators.stripe.objects import Session
from simulators.stripe.state import table
from simulators.world import World

_NOTHING = (
    *("after_expiration", "allow_promotion_codes", "billing_address_collection", "client_secret"),
    *("collected_information", "consent", "consent_collection", "currency_conversion", "customer_account"),
    *("integration_identifier", "invoice", "origin_context", "payment_link", "payment_method_collection"),
    *("payment_method_configuration_details", "permissions", "recovered_from", "saved_payment_method_options"),
    *("setup_intent", "shipping_address_collection", "shipping_cost", "submit_type", "subscription"),
    "wallet_options",
)


def show_session(session: Session, base_url: str) -> dict[str, Any]:
    return {
        "id": session.id,
        "object": "checkout.session",
        **dict.fromkeys(_NOTHING),
        "adaptive_pricing": {"enabled": False},
        "amount_subtotal": session.amount,
        "amount_total": session.amount,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": session.cancel_url or None,
        "client_reference_id": session.client_reference_id or None,
        "created": session.created,
        "currency": session.currency,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": session.customer or None,
        "customer_creation": None if session.customer else session.customer_creation,
        "customer_details": session.details,
        "customer_email": session.customer_email or None,
        "discounts": [],
        "expires_at": session.expires_at,
        "invoice_creation": {"enabled": False, "invoice_data": _invoice_data()},
        "livemode": False,
        "locale": session.locale or None,
        "managed_payments": {"enabled": False},
        "metadata": dict(session.metadata),
        "mode": "payment",
        "payment_intent": session.intent or None,
        "payment_method_options": {},
        "payment_method_types": list(session.method_types),
        "payment_status": session.payment_status,
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": session.status,
        "success_url": session.success_url,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{base_url}/c/pay/{session.id}" if session.status == "open" else None,
    }


def _invoice_data() -> dict[str, Any]:
    names = ("account_tax_ids", "custom_fields", "description", "footer", "issuer", "rendering_options")
    return {**dict.fromkeys(names), "metadata": {}}


def line_items_shown(session: Session, world: World) -> dict[str, Any]:
    rows = []
    for n, (price, quantity) in enumerate(session.lines):
        product = table(world, "product").get(session.account, str(price["product"])) or {}
        amount = int(price["unit_amount"]) * quantity
        rows.append(
            {
                "id": f"li_{session.id[-20:]}{n}",
                "object": "item",
                "adjustable_quantity": None,
                "amount_discount": 0,
                "amount_subtotal": amount,
                "amount_tax": 0,
                "amount_total": amount,
                "currency": session.currency,
                "description": product.get("name"),
                "metadata": {},
                "price": price,
                "quantity": quantity,
            }
        )
    url = f"/v1/checkout/sessions/{session.id}/line_items"
    return {"object": "list", "data": rows, "has_more": False, "url": url}
