"""What Adyen answers about a payment: the result, and additionalData as far as this world knows it.

ResponseAdditionalDataCommon, …Card and …Sepa of CheckoutService v72. All its values are strings.
"""

from __future__ import annotations

import base64
import secrets
import uuid
from typing import Any

from simulators.adyen.orders import Instrument, Order
from simulators.adyen.refusals import NOT_AUTHENTICATED, Refusal
from simulators.adyen.wire import to_adyen
from simulators.issuer import country_of
from simulators.world import Charge

_FROM_MPI = ("eci", "cavv", "dsTransID", "threeDSVersion")


def answer_of(order: Order, charge: Charge, refusal: Refusal | None, additional: dict[str, str]) -> dict[str, Any]:
    """The body of an answer to /payments and /payments/details."""
    answer: dict[str, Any] = {
        "additionalData": additional,
        "pspReference": charge.id,
        "resultCode": refusal.result if refusal else "Authorised",
        "amount": to_adyen(charge.amount_minor, charge.currency),
        "merchantReference": charge.reference,
        "paymentMethod": _shown_method(order.instrument),
    }
    if refusal and refusal.text:
        answer |= {"refusalReason": refusal.text, "refusalReasonCode": refusal.code}
    return answer


def additional_data(order: Order, charge: Charge, refusal: Refusal | None, was_challenged: bool) -> dict[str, str]:
    """For an approval (`refusal` is None or says a part), a refusal, or an outcome that is still to come."""
    extra = {"shopperReference": order.shopper_reference} if order.shopper_reference else {}
    if order.instrument.type == "sepadirectdebit":
        return extra | _mandate(order, charge)
    if order.instrument.card is None:
        return extra
    is_approved = refusal is None or refusal.result == "PartiallyAuthorised"
    was_seen = was_challenged and (refusal is None or refusal.code != NOT_AUTHENTICATED.code)
    extra |= _card_data(order.instrument) | _authentication(order.instrument, was_challenged, was_seen, is_approved)
    extra |= {"scaExemptionRequested": order.exemption} if order.exemption else {}
    if refusal is not None and refusal.is_final_no:
        return extra | {"refusalReasonRaw": refusal.text}
    return extra | _approval(charge) if is_approved else extra


def _shown_method(instrument: Instrument) -> dict[str, str]:
    if instrument.card is None:
        return {"type": instrument.type}
    return {"brand": instrument.brand, "type": "networkToken" if instrument.type == "networkToken" else "scheme"}


def _mandate(order: Order, charge: Charge) -> dict[str, str]:
    sequence = "RCUR" if order.instrument.stored else ("FRST" if order.keeps_method else "OOFF")
    return {
        "sepadirectdebit.mandateId": charge.id,
        "sepadirectdebit.dateOfSignature": charge.authorised_at.date().isoformat(),
        "sepadirectdebit.sequenceType": sequence,
    }


def _card_data(instrument: Instrument) -> dict[str, str]:
    card = instrument.card
    assert card is not None
    return {
        "cardSummary": card.number[-4:],
        "cardBin": card.number[:6],
        "expiryDate": f"{card.expiry_month}/{card.expiry_year}",
        "paymentMethod": instrument.brand,
        "issuerCountry": country_of(card.number),
    }


def _authentication(instrument: Instrument, was_challenged: bool, was_seen: bool, is_approved: bool) -> dict[str, str]:
    authenticated = was_seen or instrument.is_authenticated
    return {
        "threeDOffered": _word(was_challenged or bool(instrument.authentication)),
        "threeDAuthenticated": _word(authenticated),
        "liabilityShift": _word(is_approved and authenticated),
        **(_proof(instrument) if was_seen else {}),
        **{name: value for name, value in instrument.authentication if name in _FROM_MPI},
    }


def _proof(instrument: Instrument) -> dict[str, str]:
    """What an account gets that has 3-D Secure data in its responses switched on."""
    assert instrument.card is not None
    return {
        "eci": "02" if instrument.brand == "mc" else "05",
        "cavv": base64.b64encode(secrets.token_bytes(20)).decode(),
        "dsTransID": str(uuid.uuid4()),
        "threeDSVersion": "2.2.0",
    }


def _approval(charge: Charge) -> dict[str, str]:
    return {
        "authCode": f"{secrets.randbelow(10**6):06d}",
        "networkTxReference": charge.network_transaction_id,
        "refusalReasonRaw": "AUTHORISED",
        "authorisedAmountValue": str(to_adyen(charge.amount_minor, charge.currency)["value"]),
        "authorisedAmountCurrency": charge.currency,
    }


def _word(value: bool) -> str:
    return "true" if value else "false"
