"""Stripe's objects as the simulator keeps them, and as the API shows them (fields of its published fixtures)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from simulators.issuer import brand_of, country_of
from simulators.stripe.errors import DeclineWords
from simulators.world import Card, Charge


class IntentStatus(StrEnum):
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_ACTION = "requires_action"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


@dataclass(slots=True)
class StripeCharge:
    """Amounts are Stripe's integers. `ledger` is the same charge in the shared world."""

    id: str
    intent_id: str
    amount: int
    currency: str
    created: int
    card: Card
    payment_method: str
    ledger: Charge
    metadata: dict[str, str]
    decline: DeclineWords | None = None
    authenticated: bool = False
    amount_captured: int = 0
    amount_refunded: int = 0
    released: bool = False


@dataclass(slots=True)
class StripeRefund:
    id: str
    charge_id: str
    intent_id: str
    amount: int
    currency: str
    created: int
    reason: str
    metadata: dict[str, str]


@dataclass(slots=True)
class Intent:
    """`currency` is lower-case as Stripe has it; `awaiting` is the card of an authentication that is under way."""

    id: str
    account: str
    amount: int
    currency: str
    created: int
    capture_method: str
    metadata: dict[str, str]
    description: str
    client_secret: str
    status: IntentStatus = IntentStatus.REQUIRES_PAYMENT_METHOD
    charges: list[StripeCharge] = field(default_factory=list)
    payment_method: str = ""
    last_payment_error: dict[str, Any] | None = None
    next_action: dict[str, Any] | None = None
    return_url: str = ""
    awaiting: Card | None = None
    was_challenged: bool = False
    canceled_at: int | None = None
    cancellation_reason: str = ""

    @property
    def amount_capturable(self) -> int:
        return self.amount if self.status is IntentStatus.REQUIRES_CAPTURE else 0

    @property
    def amount_received(self) -> int:
        return sum(charge.amount_captured for charge in self.charges)

    @property
    def good_charge(self) -> StripeCharge | None:
        """The one charge of this intent that was approved, if any."""
        return next((charge for charge in self.charges if charge.decline is None), None)


def new_id(prefix: str) -> str:
    return f"{prefix}_3{secrets.token_hex(12)}"


def unix(at: datetime) -> int:
    return int(at.timestamp())


def show_intent(intent: Intent, expand_charge: bool = False) -> dict[str, Any]:
    latest = intent.charges[-1] if intent.charges else None
    return {
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": intent.amount_capturable,
        "amount_details": {"tip": {}},
        "amount_received": intent.amount_received,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": intent.canceled_at,
        "cancellation_reason": intent.cancellation_reason or None,
        "capture_method": intent.capture_method,
        "client_secret": intent.client_secret,
        "confirmation_method": "automatic",
        "created": intent.created,
        "currency": intent.currency,
        "customer": None,
        "customer_account": None,
        "description": intent.description or None,
        "excluded_payment_method_types": None,
        "last_payment_error": intent.last_payment_error,
        "latest_charge": (show_charge(latest) if expand_charge else latest.id) if latest else None,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": dict(intent.metadata),
        "next_action": intent.next_action,
        "on_behalf_of": None,
        "payment_method": intent.payment_method or None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": intent.status.value,
        "transfer_data": None,
        "transfer_group": None,
    }


def show_charge(charge: StripeCharge) -> dict[str, Any]:
    decline = charge.decline
    return {
        "id": charge.id,
        "object": "charge",
        "amount": charge.amount,
        "amount_captured": charge.amount_captured,
        "amount_refunded": charge.amount_refunded,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": f"txn_{charge.id[3:]}" if charge.amount_captured else None,
        "billing_details": {"address": None, "email": None, "name": charge.card.holder or None, "phone": None},
        "calculated_statement_descriptor": "CLEARWAY SIM",
        "captured": charge.amount_captured > 0,
        "created": charge.created,
        "currency": charge.currency,
        "customer": None,
        "description": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(charge.metadata),
        "on_behalf_of": None,
        "outcome": _show_outcome(decline),
        "paid": decline is None,
        "payment_intent": charge.intent_id,
        "payment_method": charge.payment_method,
        "payment_method_details": {"type": "card", "card": _show_card_details(charge)},
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": charge.released or 0 < charge.amount_captured == charge.amount_refunded,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "failed" if decline else "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }


def _show_outcome(decline: DeclineWords | None) -> dict[str, Any]:
    return {
        "advice_code": decline.advice_code if decline else None,
        "network_advice_code": None,
        "network_decline_code": decline.network_decline_code if decline else None,
        "network_status": "declined_by_network" if decline else "approved_by_network",
        "reason": decline.decline_code if decline else None,
        "risk_level": "normal",
        "seller_message": "The bank did not approve the payment." if decline else "Payment complete.",
        "type": "issuer_declined" if decline else "authorized",
    }


def _show_card_details(charge: StripeCharge) -> dict[str, Any]:
    proof = {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": f"ds_{charge.id[4:16]}",
        "version": "2.2.0",
    }
    return {
        **show_card(charge.card),
        "amount_authorized": None if charge.decline else charge.amount,
        "authorization_code": None if charge.decline else str(int(charge.id[4:10], 16) % 1_000_000).zfill(6),
        "installments": None,
        "mandate": None,
        "network_transaction_id": f"{int(charge.id[4:16], 16):015d}",
        "three_d_secure": proof if charge.authenticated else None,
        "wallet": None,
    }


def show_card(card: Card) -> dict[str, Any]:
    return {
        "brand": brand_of(card.number),
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": country_of(card.number),
        "exp_month": card.expiry_month,
        "exp_year": card.expiry_year,
        "funding": "credit",
        "last4": card.number[-4:],
        "network": brand_of(card.number),
    }


def show_payment_method(id: str, card: Card, created: int) -> dict[str, Any]:
    return {
        "id": id,
        "object": "payment_method",
        "billing_details": {"address": None, "email": None, "name": card.holder or None, "phone": None},
        "card": show_card(card),
        "created": created,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def show_refund(refund: StripeRefund) -> dict[str, Any]:
    return {
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "balance_transaction": f"txn_{refund.id[3:]}",
        "charge": refund.charge_id,
        "created": refund.created,
        "currency": refund.currency,
        "customer": None,
        "customer_account": None,
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": dict(refund.metadata),
        "payment_intent": refund.intent_id,
        "payment_method": None,
        "reason": refund.reason or None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
