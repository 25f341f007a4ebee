"""PayPal's published test values: names that make a card fail, cards of 3-D Secure, and the mock response header."""

from __future__ import annotations

import json

from simulators.paypal.state import Authentication

# developer.paypal.com/tools/sandbox/card-testing: the card holder's name, case-sensitive
REJECTING_NAMES = {
    "CCREJECT-REFUSED": "0500",
    "CCREJECT-SF": "9500",
    "CCREJECT-EC": "5400",
    "CCREJECT-IRC": "5180",
    "CCREJECT-IF": "5120",
    "CCREJECT-LS": "9520",
    "CCREJECT-IA": "1330",
    "CCREJECT-BANK_ERROR": "5100",
    "CCREJECT-CVV_F": "00N7",
}
"""To the processor's response code."""

_SUCCESS = Authentication("POSSIBLE", "Y", "Y")
_FAILED = Authentication("NO", "Y", "N")
_ATTEMPTED = Authentication("POSSIBLE", "Y", "A")
_UNAVAILABLE = Authentication("NO", "Y", "U")
_REJECTED = Authentication("NO", "Y", "R")

# developer.paypal.com/docs/multiparty/checkout/advanced/customize/3d-secure/test, of July 2024 and of February
FRICTIONLESS = {
    **dict.fromkeys(("4868719196829038", "5329879707824603", "6507720016523241"), _SUCCESS),
    **dict.fromkeys(("4868719158130060", "5329879769571910", "6507720026574622"), _FAILED),
    **dict.fromkeys(("4868719581920723", "5329879715396727", "6507720036528600"), _ATTEMPTED),
    **dict.fromkeys(("4868719033482561", "5329879705777613", "6507720046586499"), _UNAVAILABLE),
    **dict.fromkeys(("4868719081564153", "5319541865518409"), _REJECTED),
    **dict.fromkeys(("4868719460707704", "5329879786234393"), _SUCCESS),
    **dict.fromkeys(("4868719115514992", "5329879785160250"), Authentication("UNKNOWN", "Y", "U")),
    **dict.fromkeys(("4868719796782421", "5329879743856650"), _FAILED),
    **dict.fromkeys(("4868719041085422", "5329879703852350"), _ATTEMPTED),
    **dict.fromkeys(("4868719494697210", "5329879747163939"), Authentication("NO")),
    **dict.fromkeys(("4868719632978803", "5329879761823947"), Authentication("NO", "U")),
}
"""What 3-D Secure comes to without asking anybody, by card number."""

STEP_UP = frozenset({"4868719166101368", "5329879735316929"})
"""Cards whose holder is asked: test case 7 of the same page."""

CHALLENGE_PASSED = _SUCCESS
CHALLENGE_FAILED = _FAILED


def mocked_issue(header: str) -> str:
    """The issue that a PayPal-Mock-Response header orders, empty for none or for a header that is not understood.

    developer.paypal.com/negative-testing/request-headers
    """
    try:
        body = json.loads(header)
    except ValueError:
        return ""
    ordered = body.get("mock_application_codes") if isinstance(body, dict) else None
    return ordered if isinstance(ordered, str) else ""
