"""PaymentIntents, charges and refunds as the API shows them (keys of Stripe's published fixtures)."""

from __future__ import annotations

from typing import Any

from simulators.issuer import brand_of
from simulators.stripe.cards import risk_level
from simulators.stripe.declines import DeclineWords
from simulators.stripe.method_shapes import (
    IDEAL_BANK,
    show_billing,
    show_card_facts,
    show_iban,
    show_payer,
)
from simulators.stripe.objects import Intent, PaymentMethod, StripeCharge, StripeRefund
from simulators.stripe.options import asked_for_3ds, options_of
from simulators.world import Card

_MULTICAPTURE_BRANDS = frozenset({"visa", "mastercard", "amex", "discover"})


def show_intent(intent: Intent) -> dict[str, Any]:
    latest = intent.charges[-1] if intent.charges else None
    return {
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": intent.amount_capturable,
        "amount_details": {"tip": {}},
        "amount_received": intent.amount_received,
        "application": None,
        "application_fee_amount": intent.application_fee_amount,
        "automatic_payment_methods": intent.automatic_methods,
        "canceled_at": intent.canceled_at,
        "cancellation_reason": intent.cancellation_reason or None,
        "capture_method": intent.capture_method,
        "client_secret": intent.client_secret,
        "confirmation_method": intent.confirmation_method,
        "created": intent.created,
        "currency": intent.currency,
        "customer": intent.customer or None,
        "customer_account": None,
        "description": intent.description or None,
        "excluded_payment_method_types": None,
        "last_payment_error": intent.last_payment_error,
        "latest_charge": latest.id if latest else None,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": dict(intent.metadata),
        "next_action": intent.next_action,
        "on_behalf_of": intent.on_behalf_of or None,
        "payment_method": intent.payment_method or None,
        "payment_method_configuration_details": None,
        "payment_method_options": _show_options(intent),
        "payment_method_types": list(intent.method_types),
        "processing": None,
        "receipt_email": intent.receipt_email or None,
        "review": None,
        "setup_future_usage": intent.setup_future_usage or None,
        "shipping": intent.shipping,
        "source": None,
        "statement_descriptor": intent.statement_descriptor or None,
        "statement_descriptor_suffix": intent.statement_descriptor_suffix or None,
        "status": intent.status.value,
        "transfer_data": intent.transfer_data,
        "transfer_group": intent.transfer_group or None,
    }


def _show_options(intent: Intent) -> dict[str, Any]:
    words = options_of(intent.options, "card")
    card: dict[str, Any] = {"installments": None, "mandate_options": None, "network": None}
    card["request_three_d_secure"] = asked_for_3ds(intent.options)
    for name in ("request_multicapture", "request_extended_authorization", "setup_future_usage", "capture_method"):
        if name in words:
            card[name] = words[name]
    shown = {"card": card, "ideal": {}, "paypal": {"preferred_locale": None, "reference": None}, "sepa_debit": {}}
    return {name: shown[name] for name in intent.method_types if name in shown}


def show_charge(charge: StripeCharge) -> dict[str, Any]:
    decline = charge.decline
    return {
        "id": charge.id,
        "object": "charge",
        "amount": charge.amount,
        "amount_captured": charge.amount_captured,
        "amount_refunded": charge.amount_refunded,
        "application": None,
        "application_fee": charge.application_fee or None,
        "application_fee_amount": charge.application_fee_amount,
        "balance_transaction": f"txn_{charge.id.partition('_')[2]}" if charge.amount_captured else None,
        "billing_details": show_billing(charge.method),
        "calculated_statement_descriptor": "CLEARWAY SIM",
        "captured": charge.amount_captured > 0,
        "created": charge.created,
        "currency": charge.currency,
        "customer": charge.customer or None,
        "description": charge.description or None,
        "disputed": charge.disputed,
        "failure_balance_transaction": None,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(charge.metadata),
        "on_behalf_of": charge.on_behalf_of or None,
        "outcome": _show_outcome(charge, decline),
        "paid": charge.status == "succeeded",
        "payment_intent": charge.intent_id or None,
        "payment_method": charge.method.id,
        "payment_method_details": _show_details(charge),
        "receipt_email": charge.receipt_email or None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": charge.released or 0 < charge.amount_captured <= charge.amount_refunded,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": charge.statement_descriptor_suffix or None,
        "status": charge.status,
        "transfer_data": charge.transfer_data,
        "transfer_group": charge.transfer_group or None,
        **({"transfer": charge.transfer} if charge.transfer else {}),
    }


def _show_outcome(charge: StripeCharge, decline: DeclineWords | None) -> dict[str, Any]:
    number = charge.method.card.number if charge.method.card else ""
    return {
        "advice_code": (decline.advice_code or None) if decline else None,
        "network_advice_code": None,
        "network_decline_code": (decline.network_decline_code or None) if decline else None,
        "network_status": decline.network_status if decline else "approved_by_network",
        "reason": (decline.reason or decline.decline_code or None) if decline else None,
        "risk_level": risk_level(number) if charge.method.type == "card" else "not_assessed",
        "seller_message": _seller_message(decline),
        "type": decline.type if decline else "authorized",
    }


def _seller_message(decline: DeclineWords | None) -> str:
    if decline is None:
        return "Payment complete."
    if decline.type == "blocked":
        return "Stripe blocked this payment as too risky."
    return "The bank did not return any further details with this decline."


def _show_details(charge: StripeCharge) -> dict[str, Any]:
    method = charge.method
    match method.type:
        case "card":
            assert method.card is not None
            return {"card": _show_card(charge, method.card), "type": "card"}
        case "sepa_debit":
            return {"sepa_debit": {**show_iban(method), "mandate": charge.mandate or None}, "type": "sepa_debit"}
        case "paypal":
            return {"paypal": _show_paypal(charge, method), "type": "paypal"}
        case _:
            return {"ideal": _show_ideal(charge), "type": "ideal"}


def _show_card(charge: StripeCharge, card: Card) -> dict[str, Any]:
    is_held = charge.capture_before is not None
    brand = brand_of(card.number)
    return {
        **show_card_facts(charge.account, card),
        "amount_authorized": None if charge.decline else charge.amount,
        "authorization_code": None if charge.decline else str(int(charge.id[4:10], 16) % 1_000_000).zfill(6),
        **({"capture_before": charge.capture_before} if is_held else {}),
        "extended_authorization": {"status": "enabled" if charge.extended else "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": charge.mandate or None,
        "multicapture": {"status": "available" if charge.multicapture else "unavailable"},
        "network": brand,
        "network_token": {"used": charge.method.is_network_token},
        "network_transaction_id": charge.ledger.network_transaction_id or None,
        "overcapture": {"maximum_amount_capturable": charge.amount, "status": "unavailable"},
        "three_d_secure": charge.three_d_secure,
        "transaction_link_id": None,
        "wallet": None,
    }


def _show_paypal(charge: StripeCharge, method: PaymentMethod) -> dict[str, Any]:
    return {
        **show_payer(method),
        "payer_name": charge.method.billing.get("name") or "Jenny Rosen",
        "seller_protection": {
            "dispute_categories": ["fraudulent", "product_not_received"],
            "status": "eligible",
        },
        "transaction_id": charge.id[-17:].upper(),
    }


def _show_ideal(charge: StripeCharge) -> dict[str, Any]:
    return {
        **IDEAL_BANK,
        "generated_sepa_debit": charge.generated_sepa_debit or None,
        "generated_sepa_debit_mandate": charge.mandate or None,
        "iban_last4": "5264",
        "transaction_id": charge.id[-16:],
        "verified_name": charge.method.billing.get("name") or "Jenny Rosen",
    }


def may_be_captured_often(card: Card) -> bool:
    """docs.stripe.com/payments/multicapture: the brands that it is available with."""
    return brand_of(card.number) in _MULTICAPTURE_BRANDS


def show_refund(refund: StripeRefund) -> dict[str, Any]:
    return {
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "balance_transaction": f"txn_{refund.id.partition('_')[2]}",
        "charge": refund.charge_id,
        "created": refund.created,
        "currency": refund.currency,
        "customer": None,
        "customer_account": None,
        "destination_details": _destination(refund),
        **_failure(refund),
        "metadata": dict(refund.metadata),
        "payment_intent": refund.intent_id or None,
        "payment_method": None,
        "reason": refund.reason or None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": refund.status,
        "transfer_reversal": refund.transfer_reversal or None,
    }


def _failure(refund: StripeRefund) -> dict[str, Any]:
    if refund.status == "failed":
        failed = f"txn_{refund.id.partition('_')[2]}f"
        return {"failure_balance_transaction": failed, "failure_reason": refund.failure_reason}
    return {"pending_reason": "processing"} if refund.status == "pending" else {}


def _destination(refund: StripeRefund) -> dict[str, Any]:
    match refund.method_type:
        case "card":
            return {"card": {"type": "refund"}, "type": "card"}
        case "paypal":
            return {"paypal": {}, "type": "paypal"}
        case _:
            return {"eu_bank_transfer": {"reference": None, "reference_status": None}, "type": "eu_bank_transfer"}
