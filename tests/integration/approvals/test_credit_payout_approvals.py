"""Payouts of customers' credit above the merchant's limit are recorded by two people, and once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from approval_office import Office

from currency.money import Money
from orchestrator.approvals.policy import ApprovalNeeded
from orchestrator.billing import credit_payouts
from orchestrator.billing.credit_payouts import NewPayout
from orchestrator.jobs import approved
from orchestrator.notifications import store as events

TODAY = str(datetime.now(UTC).date())
PATH = "/v1/customer-credits/payouts"


@pytest.fixture
async def limited(office: Office) -> Office:
    answer = await office.put(office.anna, "/v1/merchant/approval-policy", {"refund_limits": {"EUR": 5000}})
    assert answer.status_code == 200, answer.text
    return office


async def with_credit(office: Office, minor: int) -> str:
    made = await office.anna.post("/v1/customers", {"name": "Beta GmbH", "email": "ap@b.example", "country": "DE"})
    customer = str(made.json()["id"])
    money = {"amount": {"amount": minor, "currency": "EUR"}, "reference": "in", "received_on": TODAY}
    answer = await office.anna.post("/v1/receipts", {**money, "customer_id": customer})
    assert answer.status_code == 201, answer.text
    return customer


def payout(customer: str, minor: int, reference: str = "out") -> dict[str, Any]:
    amount = {"amount": minor, "currency": "EUR"}
    return {"customer_id": customer, "amount": amount, "reference": reference, "paid_on": TODAY}


async def recorded(office: Office) -> list[tuple[str, int]]:
    rows = (await office.anna.get(PATH)).json()["data"]
    return [(row["reference"], row["amount"]["amount"]) for row in rows]


async def approve(office: Office, asked: httpx.Response) -> dict[str, Any]:
    approval = asked.json()["id"]
    decided = await office.ben.post(f"/v1/approvals/{approval}/approve")
    assert decided.status_code == 200, decided.text
    await approved.look(approval)
    return dict((await office.anna.get(f"/v1/approvals/{approval}")).json())


async def test_a_payout_above_the_limit_waits_for_another(limited: Office) -> None:
    customer = await with_credit(limited, 9000)
    asked = await limited.anna.post(PATH, payout(customer, 6000))
    assert (asked.status_code, asked.json()["kind"], asked.json()["subject"]) == (202, "credit_payout", customer)
    assert asked.json()["details"] == {"amount_minor": 6000, "currency": "EUR", "reference": "out", "paid_on": TODAY}
    assert await recorded(limited) == []
    own = await limited.anna.post(f"/v1/approvals/{asked.json()['id']}/approve")
    assert (own.status_code, own.json()["code"]) == (403, "approval_own_request")
    done = await approve(limited, asked)
    assert (done["state"], await recorded(limited)) == ("executed", [("out", 6000)])
    again = await limited.anna.post(PATH, payout(customer, 6000))
    assert (again.status_code, again.json()["id"]) == (201, done["result_id"])
    told = await events.events_of(limited.anna.merchant_id, limit=50, object_id=done["id"])
    assert [event.type for event in reversed(told)] == ["approval.requested", "approval.approved", "approval.executed"]


async def test_within_the_limit_it_is_recorded_at_once_and_many_small_ones_are_one_large_one(limited: Office) -> None:
    customer = await with_credit(limited, 9000)
    first = await limited.anna.post(PATH, payout(customer, 3000, "one"))
    second = await limited.anna.post(PATH, payout(customer, 2000, "two"))
    third = await limited.anna.post(PATH, payout(customer, 1, "three"))
    assert [first.status_code, second.status_code, third.status_code] == [201, 201, 202]
    assert await recorded(limited) == [("two", 2000), ("one", 3000)]


async def test_the_same_request_again_is_the_same_approval_and_another_waits(limited: Office) -> None:
    customer = await with_credit(limited, 20_000)
    asked = [await limited.anna.post(PATH, payout(customer, 6000)) for _ in range(2)]
    assert asked[0].json()["id"] == asked[1].json()["id"]
    other = await limited.anna.post(PATH, payout(customer, 7000, "other"))
    assert (other.status_code, other.json()["code"]) == (409, "conflict")


async def test_more_than_the_credit_is_refused_before_anybody_is_asked(limited: Office) -> None:
    customer = await with_credit(limited, 5500)
    asked = await limited.anna.post(PATH, payout(customer, 6000))
    assert (asked.status_code, asked.json()["errors"][0]["field"]) == (422, "amount.amount")


async def test_credit_that_was_spent_meanwhile_is_not_paid_out(limited: Office) -> None:
    customer = await with_credit(limited, 9000)
    asked = await limited.anna.post(PATH, payout(customer, 6000))
    small = await limited.anna.post(PATH, payout(customer, 5000, "small"))
    assert small.status_code == 201
    done = await approve(limited, asked)
    assert (done["state"], "4000" in done["failure"]) == ("failed", True)
    assert await recorded(limited) == [("small", 5000)]


async def test_an_approved_payout_is_recorded_once(limited: Office) -> None:
    customer = await with_credit(limited, 20_000)
    asked = await limited.anna.post(PATH, payout(customer, 6000))
    await limited.ben.post(f"/v1/approvals/{asked.json()['id']}/approve")
    await asyncio.gather(*(approved.look(asked.json()["id"]) for _ in range(4)))
    assert await recorded(limited) == [("out", 6000)]


async def test_no_way_leads_around_the_approval(limited: Office) -> None:
    customer = await with_credit(limited, 9000)
    new = NewPayout(customer, Money(6000, "EUR"), "out", datetime.now(UTC).date())
    with pytest.raises(ApprovalNeeded, match="second person"):
        await credit_payouts.pay_out(limited.anna.merchant_id, new)


async def test_merchants_without_a_limit_need_none(office: Office) -> None:
    customer = await with_credit(office, 9000)
    assert (await office.anna.post(PATH, payout(customer, 9000))).status_code == 201
