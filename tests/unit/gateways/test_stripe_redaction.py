"""What is kept of what was said with Stripe: nothing that pays, opens or names anyone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from stripe_served import Served, call, intent, listed, refused, serving

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


@pytest.mark.parametrize(
    "details",
    [
        {"type": "paypal", "paypal": {"payer_name": "Ada Lovelace", "payer_email": "ada@example.com", "payer_id": "P"}},
        {"type": "paypal", "paypal": {"shipping": {"line1": "Lovelace-Straat 1"}, "verified_name": "Ada Lovelace"}},
        {"type": "card", "card": {"name": "Ada Lovelace", "fingerprint": "secret_words1"}},
        {"type": "sepa_debit", "sepa_debit": {"account_holder_name": "Ada Lovelace", "fingerprint": "secret_words1"}},
    ],
)
def test_charge_is_kept_without_who_paid_and_its_public_receipt(served: Served, details: dict[str, Any]) -> None:
    receipt = {"receipt_url": "https://pay.stripe.com/receipts/payment/secret_words"}
    charge = {"id": "ch_1", "payment_method_details": details} | receipt
    served.will_say(intent(latest_charge=charge))
    assert_private(served.stripe.perform(call(OperationKind.COMPLETE)).exchange)


def test_paid_page_is_kept_without_its_customer(served: Served) -> None:
    customer = {"name": "Ada Lovelace", "email": "ada@example.com", "address": {"city": "Lovelace-Straat"}}
    shipped = {"name": "Ada Lovelace", "address": {"line1": "Lovelace-Straat 1"}}
    page = {"id": "cs_1", "status": "complete", "payment_status": "paid", "amount_total": 1230, "currency": "eur"}
    people = {"customer_details": customer, "customer_email": "ada@example.com", "shipping_details": shipped}
    served.will_say(page | people | {"collected_information": {"shipping_details": shipped}})
    assert served.stripe.facets.checkout is not None
    exchange = served.stripe.facets.checkout.fetch("cs_1").exchange
    assert_private(exchange)
    assert "cs_1" in str(exchange)


def test_recipient_is_kept_without_its_people(served: Served) -> None:
    people = {
        "individual": {"first_name": "Ada", "last_name": "Lovelace", "dob": {"day": 10}, "phone": "+31"},
        "business_profile": {"name": "Ada Lovelace", "support_email": "ada@example.com"},
        "company": {"name": "Ada Lovelace", "address": {"line1": "Lovelace-Straat 1"}},
        "external_accounts": {"data": [{"id": "ba_1", "account_holder_name": "Ada Lovelace", "last4": "3000"}]},
        "settings": {"dashboard": {"display_name": "Ada Lovelace"}},
    }
    served.will_say({"id": "acct_1", "capabilities": {"transfers": "active"}, "payouts_enabled": True} | people)
    assert served.stripe.facets.transfers is not None
    answer = served.stripe.facets.transfers.recipient("acct_1")
    assert_private(answer.exchange)
    assert answer.value is not None
    assert answer.value.ready


def test_kept_methods_are_listed_without_their_owners(served: Served) -> None:
    owner = {"name": "Ada Lovelace", "email": "ada@example.com"}
    method = {"id": "pm_1", "type": "card", "card": {"brand": "visa", "last4": "4242"}, "billing_details": owner}
    served.will_say(listed([method], url="/v1/customers/cus_1/payment_methods"))
    assert served.stripe.facets.methods is not None
    assert_private(served.stripe.facets.methods.saved("cus_1").exchange)
