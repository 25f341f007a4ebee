"""An account as the API shows it (keys of Stripe's published fixtures)."""

from __future__ import annotations

from typing import Any

from simulators.stripe.method_shapes import NO_ADDRESS
from simulators.stripe.objects import unix
from simulators.world import World

_CURRENCIES = {"US": "usd", "GB": "gbp", "CH": "chf", "SE": "sek", "DK": "dkk", "PL": "pln", "JP": "jpy"}


def account_shown(id: str, country: str, world: World, kind: str = "express") -> dict[str, Any]:
    """An account that has given all that is asked and may charge and be paid."""
    return {
        "id": id,
        "object": "account",
        "business_profile": _business_profile(),
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account" if kind == "standard" else "application"},
        "country": country,
        "created": unix(world.clock.now()),
        "default_currency": _CURRENCIES.get(country, "eur"),
        "details_submitted": True,
        "email": None,
        "external_accounts": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/accounts/{id}/external_accounts",
        },
        "future_requirements": _requirements(),
        "metadata": {},
        "payouts_enabled": True,
        "requirements": _requirements(),
        "settings": _settings(),
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": kind,
    }


def _requirements() -> dict[str, Any]:
    lists = ("alternatives", "currently_due", "errors", "eventually_due", "past_due", "pending_verification")
    return {"current_deadline": None, "disabled_reason": None, **{name: [] for name in lists}}


def _business_profile() -> dict[str, Any]:
    names = (
        *("annual_revenue", "estimated_worker_count", "mcc", "minority_owned_business_designation", "name"),
        *("product_description", "support_email", "support_phone", "support_url", "url"),
    )
    return {**dict.fromkeys(names), "support_address": NO_ADDRESS}


def _settings() -> dict[str, Any]:
    prefixes = ("statement_descriptor_prefix", "statement_descriptor_prefix_kana", "statement_descriptor_prefix_kanji")
    descriptors = ("statement_descriptor", "statement_descriptor_kana", "statement_descriptor_kanji", *prefixes[1:])
    return {
        "bacs_debit_payments": {"display_name": None, "service_user_number": None},
        "branding": dict.fromkeys(("icon", "logo", "primary_color", "secondary_color")),
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            **dict.fromkeys(prefixes),
        },
        "dashboard": {"display_name": "Clearway simulation", "timezone": "Etc/UTC"},
        "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": None},
        "payments": dict.fromkeys(descriptors),
        "payouts": {
            "debit_negative_balances": True,
            "schedule": {"delay_days": 2, "interval": "daily"},
            "statement_descriptor": None,
        },
        "sepa_debit_payments": {},
    }
