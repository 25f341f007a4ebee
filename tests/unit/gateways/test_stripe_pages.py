"""Stripe's own page, its products, and transfers to recipients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from stripe_served import EUR, Served, refused, serving

from currency.money import Money
from orchestrator.gateways.facets import (
    Answer,
    CheckoutOrder,
    TransferOrder,
)
from routing.outcomes import OutcomeKind


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as one:
        yield one


def reason_of(answer: Answer[Any]) -> str:
    assert answer.kind is OutcomeKind.DECLINED, answer
    assert answer.decline is not None
    return answer.decline.reason


def page(status: str = "open", paid: str = "unpaid", total: int = 1230) -> dict[str, Any]:
    shown = {"id": "cs_1", "object": "checkout.session", "status": status, "payment_status": paid}
    amount = {"amount_total": total, "currency": "eur", "payment_intent": None}
    return {**shown, **amount, "url": "https://checkout.stripe.com/c/pay/cs_1"}


ORDER = CheckoutOrder(
    "key_1", "pay_1", "att_1", EUR, "Two books", "https://shop.example/done", "https://shop.example/back"
)


def test_page_is_opened_for_the_amount_and_names_our_attempt(served: Served) -> None:
    served.will_say(page())
    assert served.stripe.facets.checkout is not None
    answer = served.stripe.facets.checkout.open(ORDER)
    assert answer.value is not None
    assert (answer.value.status, answer.value.url) == ("open", "https://checkout.stripe.com/c/pay/cs_1")
    form = served.last.form
    assert form["line_items[0][price_data][unit_amount]"] == "1230"
    assert form["payment_intent_data[metadata][clearway_attempt]"] == "att_1"
    assert form["mode"] == "payment"


def test_page_of_another_amount_is_not_believed(served: Served) -> None:
    served.will_say(page(total=1231))
    assert served.stripe.facets.checkout is not None
    assert served.stripe.facets.checkout.open(ORDER).kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize(
    ("status", "paid", "kind", "ours"),
    [
        ("complete", "paid", OutcomeKind.APPROVED, "paid"),
        ("complete", "unpaid", OutcomeKind.PENDING, "open"),
        ("expired", "unpaid", OutcomeKind.APPROVED, "expired"),
        ("open", "unpaid", OutcomeKind.APPROVED, "open"),
    ],
)
def test_page_is_paid_only_when_the_money_is_there(
    served: Served, status: str, paid: str, kind: OutcomeKind, ours: str
) -> None:
    served.will_say(page(status, paid))
    assert served.stripe.facets.checkout is not None
    answer = served.stripe.facets.checkout.fetch("cs_1")
    assert answer.value is not None
    assert (answer.kind, answer.value.status) == (kind, ours)


def test_page_that_is_paid_already_is_not_expired_but_told(served: Served) -> None:
    served.will_say((400, refused("")), page("complete", "paid"))
    assert served.stripe.facets.checkout is not None
    answer = served.stripe.facets.checkout.expire("cs_1", "key_1")
    assert answer.value is not None
    assert answer.value.status == "paid"


def test_product_and_price_are_made_under_our_key(served: Served) -> None:
    served.will_say({"id": "prod_1", "object": "product"}, {"id": "price_1", "unit_amount": 1230, "currency": "eur"})
    catalogue = served.stripe.facets.catalogue
    assert catalogue is not None
    assert catalogue.create_product("prd_1", "Two books", "key_1").value == "prod_1"
    assert catalogue.create_price("prod_1", EUR, "key_2").value == "price_1"
    assert [one.headers["idempotency-key"] for one in served.asked] == ["key_1", "key_2"]


def test_amount_that_stripe_cannot_state_makes_no_price(served: Served) -> None:
    assert served.stripe.facets.catalogue is not None
    answer = served.stripe.facets.catalogue.create_price("prod_1", Money(1001, "KWD"), "key_1")
    assert (reason_of(answer), served.asked) == ("currency_not_supported", [])


def transfer_order(recipient: str = "acct_1") -> TransferOrder:
    return TransferOrder("key_1", recipient, Money(1000, "EUR"), "ch_1", "pay_1", "line-1")


def test_transfer_is_tied_to_its_charge_and_can_be_taken_back(served: Served) -> None:
    moved = {"amount": 1000, "currency": "eur"}
    served.will_say({"id": "tr_1", **moved}, {"id": "trr_1", **moved})
    transfers = served.stripe.facets.transfers
    assert transfers is not None
    assert transfers.transfer(transfer_order()).value == "tr_1"
    form = served.last.form
    assert (form["source_transaction"], form["transfer_group"], form["destination"]) == ("ch_1", "pay_1", "acct_1")
    assert transfers.reverse("tr_1", Money(1000, "EUR"), "key_2").value == "trr_1"
    assert served.last.path == "/v1/transfers/tr_1/reversals"


def test_transfer_of_another_amount_is_unknown(served: Served) -> None:
    served.will_say({"id": "tr_1", "amount": 999, "currency": "eur"})
    assert served.stripe.facets.transfers is not None
    assert served.stripe.facets.transfers.transfer(transfer_order()).kind is OutcomeKind.UNKNOWN


def test_transfer_to_nobody_is_refused_before_any_call(served: Served) -> None:
    assert served.stripe.facets.transfers is not None
    assert reason_of(served.stripe.facets.transfers.transfer(transfer_order(""))) == "merchant_config"
    assert served.asked == []


@pytest.mark.parametrize(
    ("transfers", "payouts", "ready"), [("active", True, True), ("inactive", True, False), ("active", False, False)]
)
def test_recipient_is_ready_when_it_can_receive_and_be_paid_out(
    served: Served, transfers: str, payouts: bool, ready: bool
) -> None:
    needs = {"disabled_reason": "requirements.past_due", "past_due": ["external_account"], "currently_due": []}
    shown = {"id": "acct_1", "capabilities": {"transfers": transfers}, "payouts_enabled": payouts}
    served.will_say({**shown, "requirements": needs})
    assert served.stripe.facets.transfers is not None
    told = served.stripe.facets.transfers.recipient("acct_1").value
    assert told is not None
    assert told.ready is ready
    assert told.missing == ("" if ready else "requirements.past_due, external_account")


@pytest.mark.parametrize(("status", "code"), [(404, "resource_missing"), (403, "account_invalid")])
def test_recipient_that_never_connected_is_not_ready(served: Served, status: int, code: str) -> None:
    served.will_say((status, refused(code)))
    assert served.stripe.facets.transfers is not None
    told = served.stripe.facets.transfers.recipient("acct_1").value
    assert told is not None
    assert not told.ready
