"""PayPal's resources as JSON: orders, authorizations, captures and refunds, with their links."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from simulators.fees import fee_minor
from simulators.paypal.state import Authorization, Capture, Order, OrderStatus, Refund
from simulators.paypal.wire import processor_code, to_paypal

Json = dict[str, Any]
_AUTHORIZATION_LIFETIME = timedelta(days=29)


def order(it: Order, base_url: str) -> Json:
    unit: Json = {
        "reference_id": it.reference_id,
        "amount": to_paypal(it.minor, it.currency),
        "payee": {"merchant_id": "CLEARWAYSYM22"},
    }
    unit |= _given(custom_id=it.custom_id, invoice_id=it.invoice_id)
    if payments := _payments(it, base_url):
        unit["payments"] = payments
    body: Json = {
        "id": it.id,
        "intent": it.intent,
        "status": it.status,
        "purchase_units": [unit],
        "create_time": stamp(it.created_at),
        "links": order_links(it, base_url),
    }
    if it.card:
        shown = {name: it.card[name] for name in ("name", "last_digits", "brand", "expiry") if it.card.get(name)}
        body["payment_source"] = {"card": {**shown, "type": "CREDIT"}}
    return body


def order_links(it: Order, base_url: str) -> list[Json]:
    url = f"{base_url}/v2/checkout/orders/{it.id}"
    links = [_link(url, "self", "GET")]
    if it.status is OrderStatus.PAYER_ACTION_REQUIRED:
        links.append(_link(f"{base_url}/challenge/{it.id}", "payer-action", "GET"))
    elif it.status is not OrderStatus.COMPLETED:
        verb = it.intent.lower()
        links.append(_link(f"{url}/{verb}", verb, "POST"))
    return links


def _payments(it: Order, base_url: str) -> Json:
    payments: Json = {}
    if it.authorization:
        payments["authorizations"] = [authorization(it.authorization, base_url)]
    if it.captures:
        payments["captures"] = [capture(c, base_url) for c in it.captures]
    if refunds := [refund(r, base_url) for c in it.captures for r in c.refunds]:
        payments["refunds"] = refunds
    return payments


def authorization(it: Authorization, base_url: str) -> Json:
    owner = it.order
    url = f"{base_url}/v2/payments/authorizations/{it.id}"
    links = [_link(url, "self", "GET"), _link(f"{base_url}/v2/checkout/orders/{owner.id}", "up", "GET")]
    if authorization_status(it) == "CREATED":
        links += [_link(f"{url}/capture", "capture", "POST"), _link(f"{url}/void", "void", "POST")]
    return {
        "id": it.id,
        "status": authorization_status(it),
        "amount": to_paypal(owner.minor, owner.currency),
        **_given(invoice_id=owner.invoice_id, custom_id=owner.custom_id),
        "processor_response": _processor_response(it.declined_for),
        "expiration_time": stamp(it.at + _AUTHORIZATION_LIFETIME),
        "create_time": stamp(it.at),
        "update_time": stamp(it.at),
        "links": links,
    }


def authorization_status(it: Authorization) -> str:
    if it.declined_for:
        return "DENIED"
    charge = it.order.charge
    if charge is not None and charge.voided:
        return "VOIDED"
    done = [c for c in it.order.captures if not c.declined_for]
    if not done:
        return "CREATED"
    taken = sum(c.minor for c in done)
    return "CAPTURED" if taken >= it.order.minor or any(c.final for c in done) else "PARTIALLY_CAPTURED"


def capture(it: Capture, base_url: str) -> Json:
    owner = it.order
    url = f"{base_url}/v2/payments/captures/{it.id}"
    links = [_link(url, "self", "GET"), _link(f"{url}/refund", "refund", "POST")]
    if owner.authorization:
        links.append(_link(f"{base_url}/v2/payments/authorizations/{owner.authorization.id}", "up", "GET"))
    body: Json = {
        "id": it.id,
        "status": capture_status(it),
        "amount": to_paypal(it.minor, owner.currency),
        "final_capture": it.final,
        **_given(invoice_id=it.invoice_id or owner.invoice_id, custom_id=owner.custom_id),
        "processor_response": _processor_response(it.declined_for),
        "create_time": stamp(it.at),
        "update_time": stamp(it.at),
        "links": links,
    }
    if not it.declined_for:
        fee = fee_minor("paypal", it.minor, owner.currency)
        body["seller_receivable_breakdown"] = {
            "gross_amount": to_paypal(it.minor, owner.currency),
            "paypal_fee": to_paypal(fee, owner.currency),
            "net_amount": to_paypal(it.minor - fee, owner.currency),
        }
    return body


def capture_status(it: Capture) -> str:
    if it.declined_for:
        return "DECLINED"
    if not it.refunds:
        return "COMPLETED"
    return "REFUNDED" if it.refunded_minor >= it.minor else "PARTIALLY_REFUNDED"


def refund(it: Refund, base_url: str) -> Json:
    url = f"{base_url}/v2/payments/refunds/{it.id}"
    up = f"{base_url}/v2/payments/captures/{it.capture.id}"
    return {
        "id": it.id,
        "status": "COMPLETED",
        "amount": to_paypal(it.minor, it.capture.order.currency),
        **_given(invoice_id=it.invoice_id or it.capture.order.invoice_id, custom_id=it.custom_id),
        "create_time": stamp(it.at),
        "update_time": stamp(it.at),
        "links": [_link(url, "self", "GET"), _link(up, "up", "GET")],
    }


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _processor_response(declined_for: str) -> Json:
    if declined_for:
        return {"response_code": processor_code(declined_for)}
    return {"response_code": "0000", "avs_code": "Y", "cvv_code": "M"}


def _given(**fields: str) -> Json:
    return {name: value for name, value in fields.items() if value}


def _link(href: str, rel: str, method: str) -> Json:
    return {"href": href, "rel": rel, "method": method}
