"""People at the console of a shop, each in a browser of their own, and what happened in the shop."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from payment_shop import Shop, euros
from web_driving import Visitor

from orchestrator import clock_port
from orchestrator.access import users
from orchestrator.access.scopes import Role
from orchestrator.db import fetch
from orchestrator.ids import new_id
from orchestrator.payments import service as payments
from orchestrator.payments.records import PaymentRow
from orchestrator.payments.service import NewPayment
from tests.built_application import application

PASSWORD = "correct horse battery 9"


@dataclass
class Colleague:
    """A user who is signed in."""

    visitor: Visitor
    user_id: str
    email: str

    async def opens(self, path: str) -> str:
        answer = await self.visitor.open(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:400])
        return answer.text

    async def submits(self, path: str, page: str, **fields: str) -> httpx.Response:
        return await self.visitor.submit(path, page, **fields)

    async def confirms(self, asked: httpx.Response) -> httpx.Response:
        """Press the button of the page that asks back."""
        assert asked.status_code == 200, asked.text
        return await self.visitor.client.post(action_of(asked), data=fields_of(asked))


def action_of(answer: httpx.Response) -> str:
    found = re.search(r'<form class="answers" method="post" action="([^"]+)"', answer.text)
    assert found is not None, answer.text[:2000]
    return found[1]


def fields_of(answer: httpx.Response) -> dict[str, str]:
    form = answer.text.split('<form class="answers"')[1]
    return dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form))


@asynccontextmanager
async def signed_in(merchant_id: str, role: Role, email: str = "") -> AsyncIterator[Colleague]:
    address = email or f"{role.value}@acme.example"
    row, link = await users.invite(merchant_id, address, role)
    assert link is not None
    await users.accept_link(link, PASSWORD)
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://clearway.test") as client:
        visitor = Visitor(client)
        page = "/console/login"
        answer = await visitor.submit(page, page, email=address, password=PASSWORD)
        assert answer.status_code == 303, answer.text
        yield Colleague(visitor, row.id, address)


async def paid(shop: Shop, minor: int = 2000, capture_method: str = "automatic", reference: str = "c-1") -> PaymentRow:
    new = NewPayment(
        shop.merchant_id,
        euros(minor),
        capture_method=capture_method,
        instrument=await shop.card(),
        reference=reference,
    )
    return await payments.create(new)


async def left_to_a_person(shop: Shop) -> tuple[PaymentRow, str]:
    """A payment whose confirmation nobody could settle: as the resolver leaves it."""
    payment = await paid(shop, capture_method="manual")
    rows = await fetch(
        "UPDATE operation SET state = 'needs_review', outcome = NULL, settled_at = NULL, settled_by = NULL, "
        "evidence = $2 WHERE payment_id = $1 AND kind = 'confirm' RETURNING id, attempt_id",
        payment.id,
        '[{"at": "2026-11-23T09:14:02+00:00", "asked": "look_up", "answer": "the gateway knows nothing of it"}]',
    )
    await fetch("UPDATE attempt SET status = 'unknown' WHERE id = $1", rows[0]["attempt_id"])
    await fetch("UPDATE payment SET status = 'needs_review' WHERE id = $1", payment.id)
    return payment, rows[0]["id"]


async def disputed(shop: Shop, payment: PaymentRow, due_days: int = 5) -> str:
    """A dispute on record. What gateways tell of real ones is tried elsewhere."""
    from datetime import timedelta

    from currency.money import Money
    from orchestrator.disputes import store
    from orchestrator.disputes.records import new_dispute
    from orchestrator.gateways.facets import Dispute, DisputeStatus

    now = clock_port.now()
    told = Dispute(
        dispute_id=new_id("dp"),
        status=DisputeStatus.NEEDS_RESPONSE,
        amount=Money(payment.amount_minor, payment.currency),
        reason="not_received",
        evidence_due_at=now + timedelta(days=due_days, hours=1),
    )
    row = new_dispute(shop.merchant_id, shop.accounts["stripe"], "stripe", told, now)
    await store.insert(row)
    await fetch("UPDATE dispute SET payment_id = $2 WHERE id = $1", row.id, payment.id)
    return row.id


async def confirms_twice(who: Colleague, asked: httpx.Response) -> tuple[httpx.Response, httpx.Response]:
    """Press the button of the page that asks back, twice."""
    return await who.confirms(asked), await who.confirms(asked)
