"""The console's payments: filters, and capture, cancel and refund with their asking back."""

from __future__ import annotations

import pytest
from console_people import confirms_twice, paid, signed_in
from payment_shop import NO_FUNDS, Shop, euros

from orchestrator.access.scopes import Role
from orchestrator.approvals import store as approvals
from orchestrator.db import fetch
from orchestrator.payments import service as payments
from orchestrator.payments.records import PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.refunds import service as refunds

pytestmark = pytest.mark.asyncio(loop_scope="session")
PLACE = "/console/payments"


async def test_the_list_is_narrowed_by_each_filter_and_keeps_it_on_the_next_page(shop: Shop) -> None:
    captured = await paid(shop, 1234, reference="order-7")
    declined = await payments.create(NewPayment(shop.merchant_id, euros(500), instrument=await shop.card(NO_FUNDS)))
    async with signed_in(shop.merchant_id, Role.VIEWER) as viewer:
        for query, is_shown, is_not in (
            ("status=captured", captured, declined),
            ("reference=order-7", captured, declined),
            ("currency=EUR&amount_from=12&amount_to=12.34", captured, declined),
            ("currency=EUR&amount_to=5,00", declined, captured),
            ("status=failed&gateway=stripe", declined, captured),
        ):
            html = await viewer.opens(f"{PLACE}?{query}")
            assert is_shown.id in html, query
            assert is_not.id not in html, query
        assert captured.id not in await viewer.opens(f"{PLACE}?from=2099-01-01")
        assert "No payment fits" in await viewer.opens(f"{PLACE}?reference=nobody")
        refused = await viewer.visitor.open(f"{PLACE}?amount_from=12")
        assert (refused.status_code, "Currency is needed" in refused.text) == (422, True)


async def test_the_list_asks_as_much_of_the_database_for_many_payments_as_for_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One query for the payments and one for all their attempts."""
    from orchestrator.http import queries

    asked = list[str]()

    async def counted(sql: str, *args: object) -> object:
        asked.append(sql)
        return await fetch(sql, *args)

    monkeypatch.setattr(queries, "fetch", counted)
    async with signed_in(shop.merchant_id, Role.VIEWER) as viewer:
        await paid(shop)
        await viewer.opens(PLACE)
        for_one, asked[:] = len(asked), []
        for _ in range(3):
            await paid(shop)
        await viewer.opens(PLACE)
        assert len(asked) == for_one == 2


async def test_a_capture_is_asked_back_and_made_once(shop: Shop) -> None:
    payment = await paid(shop, 2000, "manual")
    page = f"{PLACE}/{payment.id}"
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        asked = await operator.submits(f"{page}/capture", page, amount="12,50")
        assert "Capture €12.50?" in asked.text
        assert (await payments.get(shop.merchant_id, payment.id)).status is PaymentStatus.AUTHORISED
        first, second = await confirms_twice(operator, asked)
        assert (first.status_code, first.headers["location"]) == (303, f"{page}?done=captured")
        assert (second.status_code, "sent before" in second.text) == (409, True)
        assert "Captured." in await operator.opens(f"{page}?done=captured")
    assert (await payments.get(shop.merchant_id, payment.id)).amount_captured_minor == 1250
    assert [charge["captured_minor"] for charge in await shop.kept(payment)] == [1250]


async def test_a_refund_is_asked_back_and_made_once(shop: Shop) -> None:
    payment = await paid(shop)
    page = f"{PLACE}/{payment.id}"
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        asked = await operator.submits(f"{page}/refund", page, amount="5", reason="too blue")
        assert "Reason: too blue" in asked.text
        first, second = await confirms_twice(operator, asked)
        assert first.headers["location"] == f"{page}?done=refund_succeeded"
        assert second.status_code == 409
        assert "The refund succeeded." in await operator.opens(first.headers["location"])
    [made] = await refunds.of_payment(payment.id)
    assert (made.refund.amount_minor, made.refund.reason) == (500, "too blue")
    rows = await fetch("SELECT actor_id FROM audit_entry WHERE action = 'refund.created'")
    assert [row["actor_id"] for row in rows] == [operator.user_id]


@pytest.mark.parametrize(
    ("amount", "said"), [("20.01", "left to give back"), ("1.234", "decimals"), ("much", "plain decimal")]
)
async def test_an_amount_that_cannot_be_is_refused_in_words(shop: Shop, amount: str, said: str) -> None:
    payment = await paid(shop)
    page = f"{PLACE}/{payment.id}"
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        answer = await operator.submits(f"{page}/refund", page, amount=amount)
        if answer.status_code == 200:
            answer = await operator.confirms(answer)
        assert answer.status_code == 422
        assert said in answer.text
    assert await refunds.of_payment(payment.id) == []


async def test_a_refund_above_the_limit_becomes_a_request(shop: Shop) -> None:
    from orchestrator import clock_port

    payment = await paid(shop)
    await approvals.put_refund_limits(shop.merchant_id, {"EUR": 1000}, "shell:", clock_port.now())
    page = f"{PLACE}/{payment.id}"
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        asked = await operator.submits(f"{page}/refund", page)
        assert "another has to approve it" in asked.text
        assert (await operator.confirms(asked)).headers["location"] == f"{page}?done=refund_asked"
    assert len(await approvals.approvals_of(shop.merchant_id, limit=5)) == 1
    assert await refunds.of_payment(payment.id) == []


async def test_a_payment_is_canceled_after_asking_back(shop: Shop) -> None:
    payment = await paid(shop, capture_method="manual")
    page = f"{PLACE}/{payment.id}"
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        asked = await operator.submits(f"{page}/cancel", page)
        assert (await operator.confirms(asked)).headers["location"] == f"{page}?done=canceled"
        assert "Capture…" not in await operator.opens(page)
    assert await shop.kept(payment) == []


async def test_a_viewer_is_shown_no_verb_and_does_nothing_by_a_form(shop: Shop) -> None:
    payment = await paid(shop, capture_method="manual")
    page = f"{PLACE}/{payment.id}"
    async with signed_in(shop.merchant_id, Role.VIEWER) as viewer:
        assert "What can be done" not in await viewer.opens(page)
        for verb in ("capture", "cancel", "refund"):
            answer = await viewer.submits(f"{page}/{verb}", "/console/account", once="0" * 32)
            assert answer.status_code == 403, verb
    assert (await payments.get(shop.merchant_id, payment.id)).status is PaymentStatus.AUTHORISED


async def test_the_page_has_route_scores_events_and_the_customer(shop: Shop) -> None:
    payment = await paid(shop)
    async with signed_in(shop.merchant_id, Role.VIEWER) as viewer:
        html = await viewer.opens(f"{PLACE}/{payment.id}")
    for words in ("Route plan", "Events told", "payment.captured", "Ledger"):
        assert words in html
