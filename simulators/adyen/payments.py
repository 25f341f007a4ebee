"""Taking a payment at Adyen: authorise, refuse or challenge a card, then tell by webhook."""

from __future__ import annotations

import secrets
from typing import Any

from simulators.adyen.state import Challenge, State
from simulators.adyen.webhooks import builder, payment_item
from simulators.adyen.wire import AmountRefused, brand_name, error, from_adyen, new_reference, refusal_of, to_adyen
from simulators.asgi import Response, json_response
from simulators.issuer import VerdictKind, brand_of, judge, passes_luhn
from simulators.world import Charge, World

Body = dict[str, Any]
_REQUIRED = (("reference", "130", "Reference Missing"), ("returnUrl", "14_030", "Return URL is missing."))


def pay(world: World, state: State, account: str, body: Body, declined_for: str | None) -> Response:
    """POST /payments. A refusal is an HTTP 200; only a request that cannot be tried is a 422."""
    for name, code, message in _REQUIRED:
        if not body.get(name):
            return error(422, code, message)
    method = body.get("paymentMethod") or {}
    number = str(method.get("number", ""))
    try:
        minor, currency = from_adyen(body.get("amount"))
    except AmountRefused as refused:
        return error(422, refused.code, refused.message)
    if problem := _card_problem(method, number):
        return problem
    metadata = body.get("metadata") or {}
    payment_reference = str(body.get("merchantOrderReference") or metadata.get("clearway_payment", ""))
    reference = str(body["reference"])
    charge = Charge("adyen", account, new_reference(), reference, payment_reference, minor, currency, world.clock.now())
    verdict = judge(number)
    brand = brand_name(brand_of(number))
    if not declined_for and verdict.kind is VerdictKind.CHALLENGE:
        return _challenged(state, charge, brand, body)
    reason = declined_for or verdict.reason
    return _decided(world, state, charge, brand, reason, auto_capture=_captures_by_itself(body))


def complete(world: World, state: State, account: str, body: Body, declined_for: str | None) -> Response:
    """POST /payments/details with details.redirectResult: the result of the challenge, the same however often asked."""
    redirect_result = str((body.get("details") or {}).get("redirectResult", ""))
    challenge = state.by_result(redirect_result)
    if challenge is None or challenge.passed is None or challenge.charge.account != account:
        return error(422, "174", "Unable to decrypt data")
    if challenge.recorded:
        return json_response(_result(challenge.charge, challenge.brand, state.refused_for.get(challenge.charge.id, "")))
    challenge.recorded = True
    reason = declined_for or ("" if challenge.passed else "authentication_failed")
    return _decided(world, state, challenge.charge, challenge.brand, reason, auto_capture=challenge.auto_capture)


def _card_problem(method: Body, number: str) -> Response | None:
    if method.get("type") not in ("scheme", "card"):
        return error(422, "14_002", "Required field 'paymentMethod.type' is not provided or not supported.")
    if not passes_luhn(number):
        return error(422, "101", "Invalid card number")
    month, year = str(method.get("expiryMonth", "")), str(method.get("expiryYear", ""))
    if not (month.isdigit() and 1 <= int(month) <= 12 and year.isdigit() and len(year) == 4):
        return error(422, "140", "Invalid expiry date")
    cvc = str(method.get("cvc", ""))
    if cvc and not (cvc.isdigit() and len(cvc) in (3, 4)):
        return error(422, "103", "CVC is not the right length")
    return None


def _captures_by_itself(body: Body) -> bool:
    """An account of the simulator captures at once, unless the request asks for manual or delayed capture.

    A delayed capture is never carried out here: it waits for a capture request, as a manual one does.
    """
    manual = str((body.get("additionalData") or {}).get("manualCapture", "")).lower() == "true"
    return not manual and not body.get("captureDelayHours")


def _challenged(state: State, charge: Charge, brand: str, body: Body) -> Response:
    """No pspReference is told yet, as in Adyen's own RedirectShopper answers."""
    id = secrets.token_hex(12)
    state.challenges[id] = Challenge(
        charge, brand, str(body["returnUrl"]), _captures_by_itself(body), "eyJ" + secrets.token_urlsafe(48)
    )
    url = f"{state.base_url}/challenge/{id}"
    action = {"type": "redirect", "method": "GET", "paymentMethodType": "scheme", "url": url}
    return json_response({"resultCode": "RedirectShopper", "action": action})


def _decided(world: World, state: State, charge: Charge, brand: str, reason: str, *, auto_capture: bool) -> Response:
    charge.declined = bool(reason)
    charge.authorised_at = world.clock.now()
    world.add_charge(charge)
    state.brands[charge.id] = brand
    if reason:
        state.refused_for[charge.id] = reason
    elif auto_capture:
        world.capture(charge, charge.amount_minor, charge.id)
    text = refusal_of(reason).text if reason else "000000:1111:03/2030"
    item = payment_item(charge, "AUTHORISATION", charge.authorised_at, success=not reason, reason=text, brand=brand)
    world.notify("adyen", charge.account, "AUTHORISATION", builder(item))
    return json_response(_result(charge, brand, reason))


def _result(charge: Charge, brand: str, reason: str) -> Body:
    result: Body = {
        "pspReference": charge.id,
        "resultCode": "Refused" if reason else "Authorised",
        "amount": to_adyen(charge.amount_minor, charge.currency),
        "merchantReference": charge.reference,
        "paymentMethod": {"brand": brand, "type": "scheme"},
    }
    if reason:
        refusal = refusal_of(reason)
        result |= {"refusalReason": refusal.text, "refusalReasonCode": refusal.code}
    return result
