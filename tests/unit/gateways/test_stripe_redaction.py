"""What is kept of what was said with Stripe: nothing that pays, opens or names anyone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from stripe_served import Served, call, intent, refused, serving

from orchestrator.gateways.base import CaptureMode, OperationKind
from orchestrator.gateways.credentials import (
    Browser,
    IdealCredential,
    Mandate,
    NetworkTokenCredential,
    SepaDebitCredential,
    Shopper,
    StoredUse,
)
from orchestrator.gateways.facets import CustomerOrder

PRIVATE = (
    "DE89370400440532013000",
    "Ada Lovelace",
    "ada@example.com",
    "203.0.113.7",
    "Mozilla/5.0",
    "secret_words",
    "tok_",
    "sk_test",
    "Lovelace-Straat",
)
MANDATE = Mandate("M1", datetime(2026, 5, 1, tzinfo=UTC), "203.0.113.7", "Mozilla/5.0")
SHOPPER = Shopper(
    "ada@example.com",
    "Ada Lovelace",
    "203.0.113.7",
    browser=Browser("text/html", "Mozilla/5.0", "nl-NL", 24, 900, 1600, 0),
)
CHARGE = {
    "id": "ch_1",
    "billing_details": {
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "address": {"line1": "Lovelace-Straat 1"},
    },
    "payment_method_details": {"type": "ideal", "ideal": {"bank": "ing", "verified_name": "Ada Lovelace"}},
    "receipt_email": "ada@example.com",
}
NEXT = {
    "type": "redirect_to_url",
    "redirect_to_url": {"url": "https://hooks.stripe.com/r/1?client_secret=pi_1_secret_words12"},
}


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as one:
        yield one


def assert_private(exchange: dict[str, object]) -> None:
    assert exchange["request"]
    assert exchange["reply"]
    assert [word for word in PRIVATE if word in str(exchange)] == []


@pytest.mark.parametrize(
    "credential",
    [
        call(OperationKind.CONFIRM).credential,
        NetworkTokenCredential("tok_9", "visa", "1111", 8, 2031, "Ada Lovelace", "05"),
        SepaDebitCredential("DE89370400440532013000", "Ada Lovelace", "ada@example.com", MANDATE),
        IdealCredential("Ada Lovelace"),
    ],
)
def test_confirmation_is_kept_without_credential_and_person(served: Served, credential: Any) -> None:
    served.will_say(
        intent(
            status="succeeded",
            amount_received=1230,
            client_secret="pi_1_secret_words12",
            latest_charge=CHARGE,
            receipt_email="ada@example.com",
        )
    )
    asked = call(
        OperationKind.CONFIRM,
        credential=credential,
        capture=CaptureMode.AUTOMATIC,
        save=StoredUse(),
        shopper=SHOPPER,
    )
    exchange = served.stripe.perform(asked).exchange
    assert_private(exchange)
    assert "1230" in str(exchange)
    assert "pi_1" in str(exchange)


def test_place_of_authentication_is_kept_without_its_secret(served: Served) -> None:
    served.will_say(intent(status="requires_action", next_action=NEXT))
    outcome = served.stripe.perform(call(OperationKind.CONFIRM))
    assert_private(outcome.exchange)
    assert outcome.next_action is not None
    assert outcome.next_action.url.endswith("secret_words12")  # the customer is sent there all the same


def test_refusal_is_kept_without_what_it_repeats(served: Served) -> None:
    served.will_say((400, refused("parameter_unknown", "Key sk_test_abcdefgh of ada@example.com")))
    assert_private(served.stripe.perform(call(OperationKind.CONFIRM)).exchange)


def test_customer_is_kept_without_name_and_address(served: Served) -> None:
    served.will_say({"id": "cus_1", "name": "Ada Lovelace", "email": "ada@example.com"})
    assert served.stripe.facets.methods is not None
    assert_private(served.stripe.facets.methods.save_customer(CustomerOrder("key_1", "c_1", SHOPPER)).exchange)
