"""What 3-D Secure came to, as an order or a setup token tells it, and whether the payment may go on.

https://developer.paypal.com/docs/checkout/advanced/customize/3d-secure/response-parameters
"""

from __future__ import annotations

from typing import Any

from routing.outcomes import Authentication

_RESULTS = {"Y": "authenticated", "A": "attempted", "N": "failed", "R": "failed"}
_SHIFTED = {"POSSIBLE": True, "YES": True, "NO": False}
_FAILED = ("N", "R")


def authentication_of(thing: dict[str, Any]) -> Authentication | None:
    """The facts in `payment_source.card`; None where the card was not authenticated or the answer does not say.

    PayPal tells neither ECI nor CAVV: its authentication serves PayPal alone.
    """
    found = _result_of(thing)
    if not found:
        return None
    status = str((found.get("three_d_secure") or {}).get("authentication_status") or "")
    return Authentication(
        result=_RESULTS.get(status, ""), liability_shifted=_SHIFTED.get(str(found.get("liability_shift")))
    )


def objection_to(thing: dict[str, Any]) -> str:
    """Why the payment must not go on: a code of ours, or `` where it may.

    PayPal leaves the decision to the merchant and would authorise. A card that cannot be authenticated (not enrolled,
    bypassed) goes on; one whose authentication failed, or did not come to an end, does not.
    """
    found = _result_of(thing)
    shift, secure = str(found.get("liability_shift") or ""), found.get("three_d_secure") or {}
    if not shift or _SHIFTED.get(shift):
        return ""
    if secure.get("authentication_status") in _FAILED:
        return "authentication_failed"
    enrolled = secure.get("enrollment_status")
    if shift == "NO":
        return "authentication_failed" if enrolled == "Y" else ""
    return "authentication_unavailable"


def _result_of(thing: dict[str, Any]) -> dict[str, Any]:
    card = (thing.get("payment_source") or {}).get("card") or {}
    return card.get("authentication_result") or {}
