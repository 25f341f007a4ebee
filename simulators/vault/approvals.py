"""Whether a gateway's answer says that the card was authorised: the moment at which a CVC must be forgotten."""

from __future__ import annotations

import json
from typing import Any


def says_authorised(status: int, body: bytes) -> bool:
    """PCI DSS 4.0.1, requirement 3.3.1: a CVC is not kept once the authorisation is complete. A refusal by one gateway
    leaves it for the next, until its time is up. Knows the answers of the three simulated gateways; of any other, every
    success counts."""
    if not 200 <= status < 300:
        return False
    try:
        answer = json.loads(body)
    except ValueError:
        return True
    return not (isinstance(answer, dict) and _says_otherwise(answer))


def _says_otherwise(answer: dict[str, Any]) -> bool:
    if answer.get("object") in ("payment_intent", "setup_intent"):
        return answer.get("status") not in ("succeeded", "requires_capture", "processing")
    if "resultCode" in answer:
        return answer["resultCode"] not in ("Authorised", "Received", "Pending")
    if "purchase_units" in answer:
        return not _took_paypal_card(answer)
    return False


def _took_paypal_card(order: dict[str, Any]) -> bool:
    made = [
        movement["status"]
        for unit in order["purchase_units"]
        for kind in ("authorizations", "captures")
        for movement in unit.get("payments", {}).get(kind, [])
    ]
    return any(status not in ("DENIED", "DECLINED") for status in made)
