"""PayPal's resources as JSON: orders, authorizations, captures and refunds, with their links."""

from __future__ import annotations

from simulators.fees import fee_minor
from simulators.paypal.declines import processor_response
from simulators.paypal.instruments import brand_name
from simulators.paypal.state import Authorization, Capture, Instrument, Order, OrderStatus, Refund, State, Unit
from simulators.paypal.wire import WITHOUT_DECIMALS, Json, given, link, merchant_id_of, stamp, to_paypal

_VAULT_PATH = "/v3/vault/payment-tokens/"


def order(it: Order, state: State) -> Json:
    body: Json = {
        "id": it.id,
        "intent": it.intent,
        "status": it.status,
        "purchase_units": [_unit(unit, state) for unit in it.units],
        "create_time": stamp(it.created_at),
        "links": order_links(it, state),
    }
    body |= given(processing_instruction=it.instruction, payer=it.payer)
    if it.updated_at:
        body["update_time"] = stamp(it.updated_at)
    if it.instrument:
        body["payment_source"] = {it.instrument.method: source(it.instrument, it, state)}
    return body


def minimal_order(it: Order, state: State) -> Json:
    """What Prefer: return=minimal leaves: id, status and links (and the source where the payer must act)."""
    body: Json = {"id": it.id, "status": it.status, "links": order_links(it, state)}
    if it.instrument and it.status is OrderStatus.PAYER_ACTION_REQUIRED:
        body["payment_source"] = {it.instrument.method: source(it.instrument, it, state)}
    return body


def order_links(it: Order, state: State) -> list[Json]:
    url = f"{state.base_url}/v2/checkout/orders/{it.id}"
    links = [link(url, "self", "GET")]
    verb = it.intent.lower()
    match it.status:
        case OrderStatus.PAYER_ACTION_REQUIRED:
            links.append(link(payer_url(it, state), "payer-action", "GET"))
        case OrderStatus.CREATED:
            links.append(link(f"{state.base_url}/checkoutnow?token={it.id}", "approve", "GET"))
            links += [link(url, "update", "PATCH"), link(f"{url}/{verb}", verb, "POST")]
        case OrderStatus.APPROVED:
            links += [link(url, "update", "PATCH"), link(f"{url}/{verb}", verb, "POST")]
    return links


def payer_url(it: Order, state: State) -> str:
    """The page on which the payer of the order acts."""
    method = it.instrument.method if it.instrument else "paypal"
    page = {"card": f"/challenge/{it.id}", "ideal": f"/payment/ideal?token={it.id}"}
    return state.base_url + page.get(method, f"/checkoutnow?token={it.id}")


def unit_as_requested(it: Unit) -> Json:
    """A purchase unit as the merchant would send it."""
    amount = {**to_paypal(it.minor, it.currency), **given(breakdown=it.breakdown)}
    return {
        "reference_id": it.reference_id,
        "amount": amount,
        **it.shown,
        **given(custom_id=it.custom_id, invoice_id=it.invoice_id, soft_descriptor=it.soft_descriptor),
        **given(payee=it.payee, payment_instruction=it.instruction),
    }


def _unit(it: Unit, state: State) -> Json:
    shown = unit_as_requested(it)
    shown["payee"] = payee(it)
    payments = given(
        authorizations=[authorization(each, state, in_order=True) for each in it.authorizations],
        captures=[capture(each, state, in_order=True) for each in it.captures],
        refunds=[refund(each, state) for c in it.captures for each in c.refunds],
    )
    return shown | given(payments=payments)


def payee(it: Unit) -> Json:
    return it.payee or {"merchant_id": merchant_id_of(it.order.account)}


def source(it: Instrument, owner: Order, state: State) -> Json:
    shown = dict(it.shown)
    if it.authentication is not None:
        result = it.authentication
        secure = given(enrollment_status=result.enrolled, authentication_status=result.status)
        shown["authentication_result"] = {"liability_shift": result.liability_shift, **given(three_d_secure=secure)}
    if it.method == "paypal" and owner.payer:
        shown |= {"email_address": owner.payer["email_address"], "account_id": owner.payer["payer_id"]}
        shown |= {"account_status": "VERIFIED", "name": owner.payer["name"], "address": owner.payer["address"]}
    if it.saved_token:
        url = f"{state.base_url}{_VAULT_PATH}{it.saved_token}"
        links = [link(url, "self", "GET"), link(url, "delete", "DELETE")]
        vaulted = {"id": it.saved_token, "status": "VAULTED", "customer": {"id": it.customer_id}, "links": links}
        shown["attributes"] = {"vault": vaulted}
    return shown


# payments


def authorization(it: Authorization, state: State, *, in_order: bool = False) -> Json:
    url = f"{state.base_url}/v2/payments/authorizations/{it.id}"
    up = f"{state.base_url}/v2/checkout/orders/{it.order.id}"
    status = authorization_status(it)
    links = [link(url, "self", "GET")]
    if status in ("CREATED", "PARTIALLY_CAPTURED"):
        links += [link(f"{url}/{verb}", verb, "POST") for verb in ("capture", "void", "reauthorize")]
    body: Json = {
        "id": it.id,
        "status": status,
        "amount": to_paypal(it.minor, it.unit.currency),
        **given(invoice_id=it.unit.invoice_id, custom_id=it.unit.custom_id),
        "seller_protection": _protection(it.order),
        "expiration_time": stamp(it.expires_at),
        "create_time": stamp(it.at),
        "update_time": stamp(it.updated_at or it.at),
        "links": [*links, link(up, "up", "GET")],
        **_network_reference(it.unit),
    }
    if in_order:
        return body | _processor(it.order, it.declined_for)
    related = {"order_id": it.order.id}
    return body | {"payee": payee(it.unit), "supplementary_data": {"related_ids": related}}


def authorization_status(it: Authorization) -> str:
    if it.declined_for:
        return "DENIED"
    if it.voided:
        return "VOIDED"
    good = [c for c in it.captures if c.is_good]
    if not good:
        return "CREATED"
    return "CAPTURED" if it.captured_minor >= it.minor or any(c.final for c in good) else "PARTIALLY_CAPTURED"


def capture(it: Capture, state: State, *, in_order: bool = False) -> Json:
    url = f"{state.base_url}/v2/payments/captures/{it.id}"
    links = [link(url, "self", "GET"), link(f"{url}/refund", "refund", "POST")]
    if it.authorization:
        links.append(link(f"{state.base_url}/v2/payments/authorizations/{it.authorization.id}", "up", "GET"))
    else:
        links.append(link(f"{state.base_url}/v2/checkout/orders/{it.order.id}", "up", "GET"))
    body: Json = {
        "id": it.id,
        "status": capture_status(it),
        **given(status_details=given(reason=it.pending_for)),
        "amount": to_paypal(it.minor, it.unit.currency),
        "final_capture": it.final,
        **given(invoice_id=it.invoice_id or it.unit.invoice_id, custom_id=it.unit.custom_id),
        "seller_protection": _protection(it.order),
        "disbursement_mode": it.unit.instruction.get("disbursement_mode", "INSTANT"),
        **_processor(it.order, it.declined_for),
        "create_time": stamp(it.at),
        "update_time": stamp(it.updated_at or it.at),
        "links": links,
        **_network_reference(it.unit),
    }
    if it.is_good and not it.pending_for:
        body["seller_receivable_breakdown"] = _receivable(it)
    if in_order:
        return body
    related = {"order_id": it.order.id, **given(authorization_id=it.authorization.id if it.authorization else "")}
    return body | {"payee": payee(it.unit), "supplementary_data": {"related_ids": related}}


def capture_status(it: Capture) -> str:
    if it.declined_for or it.failed:
        return "DECLINED"
    if it.pending_for:
        return "PENDING"
    if it.reversed:
        return "REFUNDED"
    if not it.refunded_minor:
        return "COMPLETED"
    return "REFUNDED" if it.refunded_minor >= it.minor else "PARTIALLY_REFUNDED"


def _receivable(it: Capture) -> Json:
    """Gross less PayPal's fee and the platform's is net, also where the currency has no decimals to show."""
    currency = it.unit.currency
    fee = _shown(fee_minor("paypal", it.minor, currency), currency)
    net = it.minor - fee - it.platform_fee_minor
    body: Json = {
        "gross_amount": to_paypal(it.minor, currency),
        "paypal_fee": to_paypal(fee, currency),
        "net_amount": to_paypal(net, currency),
    }
    if it.platform_fee_minor:
        platform = {"merchant_id": merchant_id_of(it.order.account)}
        body["platform_fees"] = [{"amount": to_paypal(it.platform_fee_minor, currency), "payee": platform}]
    return body


def _shown(minor: int, currency: str) -> int:
    """The whole units of it, in a currency that PayPal keeps without decimals and ISO 4217 does not."""
    hundredths = currency in WITHOUT_DECIMALS and currency != "JPY"
    return minor - minor % 100 if hundredths else minor


def refund(it: Refund, state: State) -> Json:
    url = f"{state.base_url}/v2/payments/refunds/{it.id}"
    up = f"{state.base_url}/v2/payments/captures/{it.capture.id}"
    unit = it.capture.unit
    body: Json = {
        "id": it.id,
        "status": it.status,
        "amount": to_paypal(it.minor, unit.currency),
        **given(invoice_id=it.invoice_id or unit.invoice_id, custom_id=it.custom_id, note_to_payer=it.note),
        "seller_payable_breakdown": _payable(it),
        "create_time": stamp(it.at),
        "update_time": stamp(it.updated_at or it.at),
        "links": [link(url, "self", "GET"), link(up, "up", "GET")],
    }
    if it.status == "PENDING":
        body["status_details"] = {"reason": "ECHECK"}
    return body


def _payable(it: Refund) -> Json:
    """PayPal keeps its fee when a payment is refunded: paypal.com/us/legalhub/useragreement-full, "Refunds"."""
    currency = it.capture.unit.currency
    so_far = it.capture.refunds[: it.capture.refunds.index(it) + 1] if it in it.capture.refunds else [it]
    total = sum(refund.minor for refund in so_far if refund.status != "FAILED")
    body: Json = {
        "gross_amount": to_paypal(it.minor, currency),
        "paypal_fee": to_paypal(0, currency),
        "net_amount": to_paypal(it.minor - it.platform_fee_minor, currency),
        "total_refunded_amount": to_paypal(total, currency),
    }
    if it.platform_fee_minor:
        body["platform_fees"] = [{"amount": to_paypal(it.platform_fee_minor, currency)}]
    return body


def _processor(owner: Order, declined_for: str) -> Json:
    """Codes of a processor come with cards only."""
    if owner.instrument is None or owner.instrument.card is None:
        return {}
    return {"processor_response": processor_response(declined_for)}


def _network_reference(unit: Unit) -> Json:
    charge, instrument = unit.charge, unit.order.instrument
    if charge is None or not charge.network_transaction_id or instrument is None or instrument.card is None:
        return {}
    reference = {
        "id": charge.network_transaction_id,
        "date": charge.authorised_at.strftime("%m%d"),
        "network": brand_name(instrument.card.number),
    }
    return {"network_transaction_reference": reference}


def _protection(owner: Order) -> Json:
    """Only wallet payments are covered by PayPal's seller protection without more ado."""
    if owner.instrument is None or owner.instrument.method != "paypal":
        return {"status": "NOT_ELIGIBLE"}
    return {"status": "ELIGIBLE", "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"]}
