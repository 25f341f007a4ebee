"""PaymentMethods, mandates and SetupIntents as the API shows them (keys of Stripe's published fixtures)."""

from __future__ import annotations

from typing import Any

from simulators.issuer import brand_of, country_of
from simulators.stripe.bank_accounts import bank_code_of
from simulators.stripe.cards import cvc_check, fingerprint, funding_of
from simulators.stripe.objects import PaymentMethod, Setup
from simulators.stripe.options import asked_for_3ds
from simulators.world import Card

NO_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
IDEAL_BANK = {"bank": "ing", "bic": "INGBNL2A"}


def show_method(method: PaymentMethod) -> dict[str, Any]:
    return {
        "id": method.id,
        "object": "payment_method",
        "allow_redisplay": method.allow_redisplay,
        "billing_details": show_billing(method),
        method.type: _show_details(method),
        "created": method.created,
        "customer": method.customer or None,
        "customer_account": None,
        "livemode": False,
        "metadata": dict(method.metadata),
        "type": method.type,
    }


def show_billing(method: PaymentMethod) -> dict[str, Any]:
    given = method.billing
    address = given.get("address")
    name = given.get("name") or (method.card.holder if method.card else "")
    return {
        "address": {**NO_ADDRESS, **(address if isinstance(address, dict) else {})},
        "email": given.get("email") or None,
        "name": name or None,
        "phone": given.get("phone") or None,
        "tax_id": given.get("tax_id") or None,
    }


def _show_details(method: PaymentMethod) -> dict[str, Any]:
    match method.type:
        case "card":
            assert method.card is not None
            return _show_card(method, method.card)
        case "sepa_debit":
            origin = {"charge": method.generated_from or None, "setup_attempt": None}
            return {**show_iban(method), "generated_from": origin if method.generated_from else None}
        case "paypal":
            return show_payer(method)
        case _:
            return {"bank": None, "bic": None}


def _show_card(method: PaymentMethod, card: Card) -> dict[str, Any]:
    brand = brand_of(card.number)
    return {
        **show_card_facts(method.account, card),
        "display_brand": brand,
        "generated_from": None,
        "networks": {"available": [brand], "preferred": None},
        "three_d_secure_usage": {"supported": brand in ("visa", "mastercard", "amex", "discover", "diners", "jcb")},
        "wallet": None,
    }


def show_card_facts(account: str, card: Card) -> dict[str, Any]:
    """What a PaymentMethod and a charge say alike."""
    return {
        "brand": brand_of(card.number),
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": cvc_check(card),
        },
        "country": country_of(card.number),
        "exp_month": card.expiry_month,
        "exp_year": card.expiry_year,
        "fingerprint": fingerprint(account, card.number),
        "funding": funding_of(card.number),
        "last4": card.number[-4:],
        "regulated_status": "unregulated",
    }


def show_iban(method: PaymentMethod) -> dict[str, Any]:
    return {
        "bank_code": bank_code_of(method.iban),
        "branch_code": None,
        "country": method.iban[:2],
        "fingerprint": fingerprint(method.account, method.iban),
        "last4": method.iban[-4:],
    }


def show_payer(method: PaymentMethod) -> dict[str, Any]:
    """Who pays is known only once he has agreed at PayPal."""
    known = bool(method.wallet)
    return {
        "country": "DE" if known else None,
        "payer_email": "buyer@example.com" if known else None,
        "payer_id": method.wallet or None,
    }


def mandate_shown(id: str, method: PaymentMethod, acceptance: dict[str, Any], accepted_at: int) -> dict[str, Any]:
    """A mandate of several uses. `acceptance` is the request's `mandate_data[customer_acceptance]`."""
    kind = str(acceptance.get("type", "online"))
    sent = acceptance.get("online") if isinstance(acceptance.get("online"), dict) else {}
    assert isinstance(sent, dict)
    online = {"ip_address": sent.get("ip_address"), "user_agent": sent.get("user_agent")}
    accepted: dict[str, Any] = {"accepted_at": accepted_at, "type": kind}
    accepted[kind] = online if kind == "online" else {}
    details: dict[str, Any] = {"type": method.type}
    match method.type:
        case "sepa_debit":
            details["sepa_debit"] = {"reference": id[-16:].upper(), "url": f"https://hooks.stripe.com/mandates/{id}"}
        case "paypal":
            details["paypal"] = {"billing_agreement_id": f"B-{id[-17:].upper()}", "payer_id": method.wallet or None}
        case _:
            details["card"] = {}
    return {
        "id": id,
        "object": "mandate",
        "customer_acceptance": accepted,
        "livemode": False,
        "multi_use": {},
        "payment_method": method.id,
        "payment_method_details": details,
        "status": "active",
        "type": "multi_use",
    }


def show_setup(setup: Setup) -> dict[str, Any]:
    return {
        "id": setup.id,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": setup.automatic_methods,
        "cancellation_reason": setup.cancellation_reason or None,
        "client_secret": setup.client_secret,
        "created": setup.created,
        "customer": setup.customer or None,
        "customer_account": None,
        "description": setup.description or None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": setup.last_setup_error,
        "latest_attempt": setup.latest_attempt or None,
        "livemode": False,
        "mandate": setup.mandate or None,
        "metadata": dict(setup.metadata),
        "next_action": setup.next_action,
        "on_behalf_of": None,
        "payment_method": setup.payment_method or None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": asked_for_3ds(setup.options)}},
        "payment_method_types": list(setup.method_types),
        "single_use_mandate": None,
        "status": setup.status.value,
        "usage": setup.usage,
    }
