"""Adyen's words into ours: result codes, modifications, errors, kept credentials. Pure functions over its JSON.

Shapes as of Checkout API v72.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from currency.exponents import from_gateway_minor
from currency.money import Money
from orchestrator.gateways.adyen.authentication import exemption_named
from orchestrator.gateways.answers import answer_from, approved, by_status, declined, not_done_yet
from orchestrator.gateways.base import OperationCall, OperationKind
from orchestrator.gateways.credentials import Method, brand_of
from orchestrator.gateways.declines import UNMAPPED, decline_for, first_mapped, narrow
from orchestrator.gateways.facets import Answer, SavedMethod
from orchestrator.gateways.transport import Reply
from routing.outcomes import Authentication, Decline, NextAction, Outcome, OutcomeKind, RetryAction

GATEWAY = "adyen"

T = TypeVar("T")

# What Adyen calls the brands that have another name here (docs.adyen.com/development-resources/paymentmethodvariant).
_BRANDS = {"mc": "mastercard"}
_KEPT_METHODS = {
    "sepadirectdebit": Method.SEPA_DEBIT,
    "ideal": Method.IDEAL,
    "paypal": Method.PAYPAL,
    "networkToken": Method.NETWORK_TOKEN,
}
_AUTHENTICATION_REFUSED = "11"  # refusal reason "3D Not Authenticated"
_ATTEMPTED_ECI = ("01", "06")  # Mastercard, Visa: the issuer did not take part
_RAW_CODE = re.compile(r"\s*([0-9A-Z]{2})\b")


def read_reply(call: OperationCall, reply: Reply) -> Outcome:
    """The outcome of an operation from Adyen's answer (status below 500). Raises on an unexpected shape."""
    if reply.status >= 400:
        return read_error(reply, call.gateway_payment_id)
    if reply.body is None:
        raise ValueError("no JSON object")
    if call.kind in (OperationKind.CONFIRM, OperationKind.COMPLETE):
        return read_payment(call, reply.body)
    return _read_modification(call, reply.body)


def read_payment(call: OperationCall, body: dict[str, Any]) -> Outcome:
    """What `/payments` or `/payments/details` answered. Raises ValueError on an unknown result code."""
    if (doubtful := _of_another_payment(call, body)) is not None:
        return doubtful
    outcome = read_result(body, call.amount, call.gateway_payment_id, brand_of(call.credential))
    if outcome.kind not in (OutcomeKind.APPROVED, OutcomeKind.PENDING):
        return outcome
    kept = read_kept(body, call.gateway_customer)
    return replace(
        outcome,
        network_transaction_id=kept.network_transaction_id,
        gateway_token=kept.gateway_token,
        gateway_customer=kept.gateway_customer if kept.gateway_token else "",
    )


def read_result(body: dict[str, Any], asked: Money, known_psp: str, brand: str) -> Outcome:
    """The outcome by result code, with what strong authentication came to. `asked` is zero for a card check."""
    psp = str(body.get("pspReference") or known_psp)
    match body["resultCode"]:
        case "Authorised":
            # The amount is optional in the answer; another amount has its own result code, PartiallyAuthorised.
            said = money_of(body["amount"]) if body.get("amount") else asked
            outcome = approved(asked, said, payment_id=psp, operation_id=psp)
        case "PartiallyAuthorised":
            partial = money_of(body["amount"]) if body.get("amount") else None
            detail = "authorised for another amount: not an approval, void it"
            decline = decline_for(GATEWAY, "result_code", "PartiallyAuthorised")
            return Outcome(OutcomeKind.UNKNOWN, partial, psp, psp, decline, detail=detail)
        case "Pending" | "Received":
            outcome = Outcome(OutcomeKind.PENDING, gateway_payment_id=psp, detail="Adyen will tell by webhook")
        case "RedirectShopper" | "IdentifyShopper" | "ChallengeShopper" | "PresentToShopper":
            return _read_action(body, psp)
        case "Refused" | "Error" | "Cancelled":
            outcome = declined(read_decline(body, brand), payment_id=psp, operation_id=psp)
        case other:
            raise ValueError(f"result code {other}")
    return replace(outcome, authentication=read_authentication(body))


def read_decline(body: dict[str, Any], brand: str = "") -> Decline:
    """The decline in a refused payment: `refusalReasonCode` first, else the result code; narrowed by what the network
    itself said, where Adyen passes it on (raw response code, Mastercard advice).

    Facts: docs.adyen.com/development-resources/refusal-reasons and …/raw-acquirer-responses.
    """
    code, result = str(body.get("refusalReasonCode") or ""), str(body.get("resultCode") or "")
    # A refusal code that is not in the table is not retried as if it were a plain refusal.
    field, value = ("refusal_reason_code", code) if code not in ("", "0") else ("result_code", result)
    decline = decline_for(GATEWAY, field, value, str(body.get("refusalReason") or ""))
    data = body.get("additionalData") or {}
    advice = str(data.get("merchantAdviceCode") or "").split(":")[0].strip()[:2]
    raw = _RAW_CODE.match(str(data.get("refusalReasonRaw") or ""))
    layers = ((brand, "response_code", raw[1] if raw else ""), (brand, "advice_code", advice))
    return replace(narrow(decline, *layers), advice_code=advice)


def read_authentication(body: Mapping[str, Any]) -> Authentication | None:
    """What 3-D Secure came to (Checkout v72, ResponseAdditionalData3DSecure); None where nothing is said."""
    data = body.get("additionalData") or {}
    told = {name: _told(data.get(name)) for name in ("eci", "cavv", "dsTransID", "threeDSVersion", "liabilityShift")}
    shifted = {"true": True, "false": False}.get(told["liabilityShift"].lower())
    read = Authentication(
        result=_authentication_result(body, data, told["eci"]),
        version=told["threeDSVersion"],
        eci=told["eci"],
        cavv=told["cavv"],
        ds_transaction_id=told["dsTransID"],
        liability_shifted=shifted,
        exemption=exemption_named(_told(data.get("scaExemptionRequested"))),
    )
    return None if read == Authentication() else read


def read_kept(body: Mapping[str, Any], customer: str) -> SavedMethod:
    """The credential in a payment's answer; without a token where Adyen has not kept it, or tells by webhook only."""
    data = body.get("additionalData") or {}
    month, _, year = _told(data.get("expiryDate")).partition("/")
    shown = body.get("paymentMethod") or {}
    brand = str(shown.get("brand") or _told(data.get("paymentMethod")))
    return SavedMethod(
        gateway_token=_first(data, "tokenization.storedPaymentMethodId", "recurring.recurringDetailReference"),
        gateway_customer=_first(data, "tokenization.shopperReference", "recurring.shopperReference") or customer,
        method=_KEPT_METHODS.get(str(shown.get("type") or "scheme"), Method.CARD),
        brand=_BRANDS.get(brand, brand),
        last4=_told(data.get("cardSummary"))[-4:],
        expiry_month=_number(month),
        expiry_year=_full_year(year),
        network_transaction_id=_told(data.get("networkTxReference")),
        setup_id=str(body.get("pspReference") or ""),
    )


def read_stored(resource: Mapping[str, Any], customer: str) -> SavedMethod:
    """A StoredPaymentMethodResource. Raises LookupError without an id."""
    brand = str(resource.get("brand") or "")
    iban = str(resource.get("iban") or "")
    return SavedMethod(
        gateway_token=str(resource["id"]),
        gateway_customer=str(resource.get("shopperReference") or customer),
        method=_KEPT_METHODS.get(str(resource.get("type") or ""), Method.CARD),
        brand=_BRANDS.get(brand, brand),
        last4=str(resource.get("lastFour") or iban[-4:]),
        expiry_month=_number(resource.get("expiryMonth")),
        expiry_year=_full_year(resource.get("expiryYear")),
        network_transaction_id=_told(resource.get("networkTxReference")),
        setup_id=str(resource.get("firstPspReference") or ""),
    )


def read_error(reply: Reply, known_psp: str = "") -> Outcome:
    """The outcome of an error reply: Adyen's own code first, else the HTTP status.

    The older services call the text `message`, the newer ones `detail` (docs.adyen.com/errors). With the header
    `transient-error: true` the same request may be sent again: it tells nothing of one that was sent before
    (docs.adyen.com/development-resources/api-idempotency).
    """
    body = reply.body or {}
    code, message = str(body.get("errorCode") or ""), str(body.get("message") or body.get("detail") or "")
    psp = str(known_psp or body.get("pspReference") or "")  # an error has a reference of its own
    if reply.status in (401, 403, 409, 429) or not code:
        return replace(by_status(GATEWAY, reply, message), gateway_payment_id=psp)
    decline = first_mapped(GATEWAY, [("error_code", code), ("http", str(reply.status))], message)
    transient = any(name.lower() == "transient-error" and value == "true" for name, value in reply.headers.items())
    if transient or decline.action_cit is RetryAction.UNKNOWN_INQUIRE or decline.reason == UNMAPPED:
        # 704 and its like: a request of this reference exists already, and this answer does not tell its outcome.
        return Outcome(OutcomeKind.UNKNOWN, gateway_payment_id=psp, detail=f"Adyen error {code}: {message}")
    return declined(replace(decline, gateway_code=code), payment_id=psp)


def object_of(reply: Reply) -> dict[str, Any]:
    """The JSON object of a good reply. Raises ValueError where there is none."""
    if reply.body is None:
        raise ValueError("no JSON object")
    return reply.body


def error_answer(reply: Reply) -> Answer[Any] | None:
    """The answer to a call that is no operation, where the reply is an error; None where it is not."""
    return answer_from(read_error(reply)) if reply.status >= 400 else None


def money_of(amount: Mapping[str, Any]) -> Money:
    """Adyen's `{value, currency}`."""
    return from_gateway_minor(amount["value"], amount["currency"], GATEWAY)


def _of_another_payment(call: OperationCall, body: dict[str, Any]) -> Outcome | None:
    """What to make of an answer that is not proven to be about our attempt; None where it is.

    `/payments/details` answers for whatever result is in the address that the shopper came back by, and that may be
    another payment's. An answer that names none (merchantReference and pspReference are optional in Checkout v72) is
    believed under the pspReference that we know; else the webhook decides, which is signed.
    """
    named, completes = str(body.get("merchantReference") or ""), call.kind is OperationKind.COMPLETE
    if named and named != call.attempt_id:
        if completes:
            return not_done_yet(call.gateway_payment_id, "what the shopper brought back is another payment's")
        return Outcome(OutcomeKind.UNKNOWN, detail=f"Adyen answered about {named}, not {call.attempt_id}")
    known = named or (call.gateway_payment_id and body.get("pspReference") == call.gateway_payment_id)
    if known or not completes or body.get("action"):
        return None
    detail = f"{body['resultCode']}, of a payment that the answer does not name: Adyen will tell by webhook"
    return Outcome(OutcomeKind.PENDING, gateway_payment_id=call.gateway_payment_id, detail=detail)


def _read_modification(call: OperationCall, body: dict[str, Any]) -> Outcome:
    """Captures, cancels and refunds are only `received`; their outcome comes by webhook (Checkout v72, status enum)."""
    if body["status"] != "received":
        raise ValueError(f"modification status {body['status']}")
    said = money_of(body["amount"]) if body.get("amount") else call.amount
    return Outcome(
        OutcomeKind.PENDING,
        amount=said,
        gateway_payment_id=body.get("paymentPspReference") or call.gateway_payment_id,
        gateway_operation_id=body["pspReference"],
        detail="received by Adyen, the outcome comes by webhook",
    )


def _read_action(body: dict[str, Any], psp: str) -> Outcome:
    action = body.get("action") or {}
    url = action.get("url") or ""
    if action.get("type") != "redirect" or not url:
        # Native 3-D Secure needs Adyen's own component; without the shopper's action nothing is authorised.
        decline = decline_for(
            GATEWAY, "clearway", "action_not_offered", f"action {action.get('type')} is not a redirect"
        )
        return declined(decline, payment_id=psp)
    data = {str(key): str(value) for key, value in (action.get("data") or {}).items()}
    data |= {"method": str(action.get("method") or "GET")}
    if action.get("paymentData"):
        data["paymentData"] = str(action["paymentData"])
    return Outcome(OutcomeKind.ACTION_REQUIRED, gateway_payment_id=psp, next_action=NextAction("redirect", url, data))


def _authentication_result(body: Mapping[str, Any], data: Mapping[str, Any], eci: str) -> str:
    if str(data.get("threeDAuthenticated")).lower() == "true":
        attempted = eci in _ATTEMPTED_ECI or _told(data.get("threeDAuthenticatedResponse")) == "A"
        return "attempted" if attempted else "authenticated"
    if str(body.get("refusalReasonCode") or "") == _AUTHENTICATION_REFUSED:
        return "failed"
    # it tells what was asked for, also of a payment that the issuer refused for want of authentication
    granted = _told(data.get("scaExemptionRequested")) and body.get("resultCode") == "Authorised"
    return "exempted" if granted else ""


def _first(data: Mapping[str, Any], *names: str) -> str:
    return next((told for name in names if (told := _told(data.get(name)))), "")


def _told(value: object) -> str:
    """The text, or nothing where Adyen says that it has none."""
    text = "" if value is None else str(value).strip()
    return "" if text == "N/A" else text


def _number(text: object) -> int:
    plain = str(text or "").strip()
    return int(plain) if plain.isascii() and plain.isdigit() else 0


def _full_year(text: object) -> int:
    """The list of stored methods has the last two digits only."""
    year = _number(text)
    return year + 2000 if 0 < year < 100 else year
