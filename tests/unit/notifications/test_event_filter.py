"""Which events an endpoint is told."""

from __future__ import annotations

import pytest

from orchestrator.errors import InvalidField
from orchestrator.events import EventType
from orchestrator.notifications.event_filter import as_like, check, lets_pass


def test_an_empty_filter_lets_all_pass() -> None:
    assert all(lets_pass([], event.value) for event in EventType)


def test_a_family_is_every_event_that_begins_with_it() -> None:
    assert lets_pass(["payment.*"], "payment.captured")
    assert not lets_pass(["payment.*"], "refund.succeeded")
    assert not lets_pass(["payment.*"], "paymentx.captured")


def test_an_exact_type_is_no_other() -> None:
    assert lets_pass(["invoice.paid", "payment.failed"], "payment.failed")
    assert not lets_pass(["payment.failed"], "payment.failed_over")


@pytest.mark.parametrize("wanted", ["*", ".*", "payment", "payment.", "payment.*.x", "Payment.*", "", "payments.*"])
def test_what_no_event_can_be_is_refused_by_its_place(wanted: str) -> None:
    with pytest.raises(InvalidField, match=r"event_types\[1\].*payment\.\*"):
        check(["payment.*", wanted])


def test_an_entry_given_twice_counts_once() -> None:
    assert check(["payment.*", "invoice.paid", "payment.*"]) == ["payment.*", "invoice.paid"]


def test_the_database_is_asked_for_the_same_types() -> None:
    assert as_like(["payment.*", "payment.failed_over", "webhook_endpoint.*"]) == [
        "payment.%",
        "payment.failed\\_over",
        "webhook\\_endpoint.%",
    ]
