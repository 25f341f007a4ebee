"""Refunds above the merchant's limit are made by two people, and once."""

from __future__ import annotations

import asyncio

import pytest
from approval_office import Office

from orchestrator.approvals import service as approvals
from orchestrator.errors import ClearwayError
from orchestrator.jobs import approved
from orchestrator.refunds import service as refunds

LIMIT = {"refund_limits": {"EUR": 5000}}


@pytest.fixture
async def limited(office: Office) -> Office:
    answer = await office.put(office.anna, "/v1/merchant/approval-policy", LIMIT)
    assert answer.status_code == 200, answer.text
    return office


async def refunded(office: Office, payment_id: str) -> int:
    return int((await office.anna.get(f"/v1/payments/{payment_id}")).json()["amount_refunded"]["amount"])


async def test_a_refund_within_the_limit_is_made_at_once(limited: Office) -> None:
    payment = await limited.paid()
    answer = await limited.anna.post(f"/v1/payments/{payment}/refunds", {"amount": 5000})
    assert (answer.status_code, answer.json()["object"]) == (201, "refund")


async def test_a_refund_above_the_limit_waits_and_is_made_when_another_approves(limited: Office) -> None:
    payment = await limited.paid()
    asked = await limited.anna.post(f"/v1/payments/{payment}/refunds", {"amount": 6000, "reason": "returned"})
    approval = asked.json()
    assert (asked.status_code, approval["state"]) == (202, "pending")
    assert approval["details"] == {"amount_minor": 6000, "reason": "returned"}
    assert await refunded(limited, payment) == 0

    decided = await limited.ben.post(f"/v1/approvals/{approval['id']}/approve", {"note": "seen the parcel"})
    assert (decided.status_code, decided.json()["state"]) == (200, "approved"), decided.text
    await approved.look(approval["id"])
    done = (await limited.anna.get(f"/v1/approvals/{approval['id']}")).json()
    assert (done["state"], await refunded(limited, payment)) == ("executed", 6000)
    made = (await limited.anna.get(f"/v1/refunds/{done['result_id']}")).json()
    assert made["amount"]["amount"] == 6000


async def test_whoever_asked_cannot_approve_but_can_withdraw(limited: Office) -> None:
    payment = await limited.paid()
    approval = (await limited.anna.post(f"/v1/payments/{payment}/refunds", {"amount": 6000})).json()["id"]
    own = await limited.anna.post(f"/v1/approvals/{approval}/approve")
    assert (own.status_code, own.json()["code"]) == (403, "approval_own_request")
    withdrawn = await limited.anna.post(f"/v1/approvals/{approval}/reject")
    assert withdrawn.json()["state"] == "rejected"
    late = await limited.ben.post(f"/v1/approvals/{approval}/approve")
    assert (late.status_code, await refunded(limited, payment)) == (409, 0)


async def test_a_key_made_after_the_request_cannot_approve_it(limited: Office) -> None:
    """Whoever stole one key and may make keys is still one person."""
    from dataclasses import replace

    from orchestrator.access import service as access

    payment = await limited.paid()
    approval = (await limited.anna.post(f"/v1/payments/{payment}/refunds", {"amount": 6000})).json()["id"]
    made = replace(limited.anna, secret=await access.create_api_key(limited.anna.merchant_id, "second me"))
    answer = await made.post(f"/v1/approvals/{approval}/approve")
    assert (answer.status_code, answer.json()["code"]) == (403, "approver_too_new")


async def test_another_merchant_sees_and_decides_nothing(limited: Office) -> None:
    from http_driving import merchant_api

    payment = await limited.paid()
    approval = (await limited.anna.post(f"/v1/payments/{payment}/refunds", {"amount": 6000})).json()["id"]
    other = await merchant_api(limited.anna.client, "Other Ltd")
    assert (await other.get(f"/v1/approvals/{approval}")).status_code == 404
    assert (await other.post(f"/v1/approvals/{approval}/approve")).status_code == 404
    assert (await other.get("/v1/approvals")).json()["data"] == []


async def test_many_small_refunds_of_one_payment_do_not_pass_the_limit(limited: Office) -> None:
    payment = await limited.paid()
    answers = [await limited.anna.post(f"/v1/payments/{payment}/refunds", {"amount": 2500}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 202]
    assert await refunded(limited, payment) == 5000


async def test_small_refunds_at_the_same_moment_do_not_pass_the_limit_either(limited: Office) -> None:
    payment = await limited.paid()
    asked = (limited.anna.post(f"/v1/payments/{payment}/refunds", {"amount": 3000}) for _ in range(3))
    answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers)[0] == 201
    assert await refunded(limited, payment) == 3000


async def test_the_service_itself_refuses_to_refund_alone(limited: Office) -> None:
    payment = await limited.paid()
    with pytest.raises(ClearwayError) as refused:
        await refunds.create(limited.anna.merchant_id, payment, None, "")
    assert refused.value.code == "approval_needed"


async def test_an_approved_refund_is_made_once_however_often_its_bell_rings(limited: Office) -> None:
    payment = await limited.paid()
    approval = (await limited.anna.post(f"/v1/payments/{payment}/refunds", {"amount": 5001})).json()["id"]
    await limited.ben.post(f"/v1/approvals/{approval}/approve")
    await asyncio.gather(*(approved.look(approval) for _ in range(5)))
    assert await refunded(limited, payment) == 5001
    assert (await limited.anna.get(f"/v1/approvals/{approval}")).json()["state"] == "executed"


async def test_two_approvals_at_once_are_one(limited: Office) -> None:
    payment = await limited.paid()
    approval = (await limited.anna.post(f"/v1/payments/{payment}/refunds", {"amount": 5001})).json()["id"]
    answers = await asyncio.gather(*(limited.ben.post(f"/v1/approvals/{approval}/approve") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


async def test_the_amount_is_checked_again_when_the_refund_is_made(limited: Office) -> None:
    payment = await limited.paid()
    approval = (await limited.anna.post(f"/v1/payments/{payment}/refunds", {"amount": 9000})).json()["id"]
    small = await limited.anna.post(f"/v1/payments/{payment}/refunds", {"amount": 2000})
    assert small.status_code == 201
    await limited.ben.post(f"/v1/approvals/{approval}/approve")
    await approved.look(approval)
    done = (await limited.anna.get(f"/v1/approvals/{approval}")).json()
    assert (done["state"], await refunded(limited, payment)) == ("failed", 2000)
    assert "8000" in done["failure"]


async def test_the_same_request_again_is_the_same_approval(limited: Office) -> None:
    payment = await limited.paid()
    first = await limited.anna.post(f"/v1/payments/{payment}/refunds", {"amount": 6000}, key="k-1")
    again = await limited.anna.post(f"/v1/payments/{payment}/refunds", {"amount": 6000}, key="k-1")
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])


async def test_a_request_that_nobody_decides_on_expires(limited: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from orchestrator import clock_port

    payment = await limited.paid()
    approval = (await limited.anna.post(f"/v1/payments/{payment}/refunds", {"amount": 6000})).json()["id"]
    later = clock_port.now() + timedelta(days=8)
    monkeypatch.setattr(clock_port, "now", lambda: later)
    late = await limited.ben.post(f"/v1/approvals/{approval}/approve")
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    await approved.look(approval)
    assert (await approvals.get(limited.anna.merchant_id, approval)).state == "expired"


async def test_a_looser_limit_needs_an_approval_itself(limited: Office) -> None:
    looser = await limited.put(limited.anna, "/v1/merchant/approval-policy", {"refund_limits": {}})
    approval = looser.json()["id"]
    assert (looser.status_code, looser.json()["kind"]) == (202, "policy")
    assert (await limited.anna.get("/v1/merchant/approval-policy")).json()["refund_limits"] == {"EUR": 5000}
    await limited.ben.post(f"/v1/approvals/{approval}/approve")
    await approved.look(approval)
    assert (await limited.anna.get("/v1/merchant/approval-policy")).json()["refund_limits"] == {}


async def test_what_was_asked_for_cannot_be_changed_afterwards(limited: Office) -> None:
    """Not even by somebody who writes SQL for us: a trigger holds it."""
    from asyncpg import PostgresError

    from orchestrator.db import fetch

    payment = await limited.paid()
    approval = (await limited.anna.post(f"/v1/payments/{payment}/refunds", {"amount": 6000})).json()["id"]
    with pytest.raises(PostgresError, match="may not be changed"):
        await fetch("UPDATE approval_request SET payload = '{\"amount_minor\": 1}' WHERE id = $1", approval)
    with pytest.raises(PostgresError, match="four_eyes"):
        await fetch("UPDATE approval_request SET state = 'approved', decided_by = requested_by WHERE id = $1", approval)
