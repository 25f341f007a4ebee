"""What Stripe is said to do is all said, and its codes are all known."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from orchestrator.gateways.capabilities import Missing, Supported, Verb
from orchestrator.gateways.credentials import Method
from orchestrator.gateways.declines import decline_for, is_mapped
from orchestrator.gateways.stripe.capabilities import CAPABILITIES

# Another request holds the object: ours may be the second one of two, so it is looked up before anything else.
STRICTER = {"lock_timeout": "unknown_outcome"}
REFERENCE = Path(__file__).parents[3] / "../shared/reference/decline_codes.csv"


def test_every_verb_and_method_is_declared_with_a_source() -> None:
    assert set(CAPABILITIES.verbs) == set(Verb)
    assert set(CAPABILITIES.methods) == set(Method)
    declared = [*CAPABILITIES.verbs.values(), *CAPABILITIES.methods.values()]
    assert all(isinstance(one, Supported | Missing) and one.source.startswith("https://") for one in declared)


@pytest.mark.skipif(not REFERENCE.exists(), reason="the shared reference is not here")
def test_every_code_of_the_reference_has_its_reason() -> None:
    rows = [row for row in csv.DictReader(REFERENCE.read_text().splitlines()) if row["scheme"] == "stripe"]
    # The SDK's exceptions are no codes: what was on the wire is judged, by `settle` and `by_status`.
    rows = [row for row in rows if row["field"] != "exception"]
    assert len(rows) > 100
    for row in rows:
        field = row["field"].replace(".", "_")
        expected = STRICTER.get(row["code"], row["reason"])
        assert decline_for("stripe", field, row["code"]).reason == expected, row


@pytest.mark.parametrize(
    "code",
    [
        "lost_or_stolen_card",
        "expired_or_canceled_card",
        "charge_for_pending_refund_disputed",
        "insufficient_funds",
        "declined",
        "merchant_request",
        "unknown",
    ],
)
def test_every_reason_of_a_failed_refund_is_known(code: str) -> None:
    assert is_mapped("stripe", "refund", code)
