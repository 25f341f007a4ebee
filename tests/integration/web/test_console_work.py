"""The console's work lists: what needs attention, reviews, disputes, approvals, the ledger, customers."""

from __future__ import annotations

import pytest
from console_people import disputed, left_to_a_person, paid, signed_in
from payment_shop import Shop

from orchestrator import clock_port, outbox
from orchestrator.access import audit_store
from orchestrator.access import service as access
from orchestrator.access.scopes import Role
from orchestrator.approvals import store as approvals
from orchestrator.approvals.states import ApprovalState
from orchestrator.billing.delivery import service as deliveries
from orchestrator.billing.delivery.states import DeliveryKind
from orchestrator.customers import kept_methods
from orchestrator.customers import service as customers
from orchestrator.customers.kept_methods import Consent
from orchestrator.db import fetch, transaction
from orchestrator.events import EventType
from orchestrator.gateways.credentials import Agreement, StoredUse
from orchestrator.gateways.facets import SavedMethod
from orchestrator.notifications.service import record
from orchestrator.payments import reviews
from orchestrator.payments import service as payments
from orchestrator.payments.records import PaymentStatus, SettledBy
from orchestrator.reconciliation import books
from orchestrator.refunds import four_eyes

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def park(topic: str, subject: str, error: str) -> int:
    rows = await fetch(
        "INSERT INTO outbox (topic, subject, due_at, version, tries, parked_at, error) "
        "VALUES ($1, $2, $3, 1, 25, $3, $4) RETURNING id",
        topic,
        subject,
        clock_port.now(),
        error,
    )
    return int(rows[0]["id"])


async def test_what_waits_for_a_person_is_on_one_page_and_counted_in_the_menu(shop: Shop) -> None:
    payment, operation_id = await left_to_a_person(shop)
    await park("payment.moved", payment.id, "TimeoutError: too slow")
    async with transaction():
        await record(
            EventType.LATE_SUCCESS, shop.merchant_id, payment.id, {"operation": operation_id}, clock_port.now()
        )
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        html = await operator.opens("/console/attention")
        for words in (f"operations/{operation_id}", "TimeoutError: too slow", "Late success"):
            assert words in html
        assert ">2<span" in html.split("bar-end")[0]
    async with signed_in(shop.merchant_id, Role.FINANCE) as finance:
        html = await finance.opens("/console/attention")
        assert f"operations/{operation_id}" in html
        assert "TimeoutError" not in html


async def test_a_quiet_shop_says_that_nothing_waits(shop: Shop) -> None:
    async with signed_in(shop.merchant_id, Role.VIEWER) as viewer:
        html = await viewer.opens("/console/attention")
    assert "Nothing waits for a person" in html
    assert "count-bad" not in html


async def test_parked_work_of_another_merchant_is_neither_shown_nor_tried(shop: Shop) -> None:
    stranger = await access.create_merchant("Stranger", {})
    payment = await paid(shop)
    own, common = await park("payment.moved", payment.id, "secret of the shop"), await park("housekeeping", "", "other")
    async with signed_in(stranger.id, Role.OPERATOR) as operator:
        html = await operator.opens("/console/attention")
        assert payment.id not in html
        assert "secret of the shop" not in html
        assert "housekeeping" in html
        assert "other" not in html.split("housekeeping")[1].split("</tr>")[0]
        page = "/console/attention"
        assert (await operator.submits(f"{page}/try-again", page, row=str(own))).status_code == 409
        assert (await operator.submits(f"{page}/try-again", page, row=str(common))).status_code == 303
    assert await outbox.parked() == 1


async def test_parked_work_on_documents_is_shown_to_their_merchant_alone(shop: Shop) -> None:
    stranger = await access.create_merchant("Stranger", {})
    async with transaction():
        mail = await deliveries.request(
            shop.merchant_id, object_id="inv_1", kind=DeliveryKind.DOCUMENT, to="ap@beta.example"
        )
    await fetch("UPDATE outbox SET parked_at = due_at, error = 'its worker was killed' WHERE subject = $1", mail.id)
    await park("reminders.reschedule", f"{shop.merchant_id}:cus_1", "a policy that cannot be read")
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        html = await operator.opens("/console/attention")
        assert ("its worker was killed" in html, "a policy that cannot be read" in html) == (True, True)
    async with signed_in(stranger.id, Role.OPERATOR, "eve@stranger.example") as other:
        html = await other.opens("/console/attention")
        assert ("its worker was killed" in html, "a policy that cannot be read" in html) == (False, False)


async def test_parked_work_is_tried_again_by_a_button(shop: Shop) -> None:
    payment = await paid(shop)
    row = await park("payment.moved", payment.id, "x")
    page = "/console/attention"
    async with signed_in(shop.merchant_id, Role.VIEWER) as viewer:
        assert (await viewer.submits(f"{page}/try-again", page, row=str(row))).status_code == 403
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        assert (await operator.submits(f"{page}/try-again", page, row=str(row))).status_code == 303
    assert await outbox.parked() == 0
    [entry] = await audit_store.latest(shop.merchant_id, limit=10, action="work.tried_again")
    assert (entry.actor_kind, entry.object_id, entry.after) == ("user", payment.id, '{"topic":"payment.moved"}')


async def test_a_person_settles_a_review_with_a_note_after_being_asked_back(shop: Shop) -> None:
    payment, operation_id = await left_to_a_person(shop)
    page = f"/console/payments/{payment.id}/operations/{operation_id}"
    async with signed_in(shop.merchant_id, Role.FINANCE) as finance:
        assert "the gateway knows nothing of it" in await finance.opens(page)
        without = await finance.submits(f"{page}/resolve", page, verdict="approved")
        assert (without.status_code, "Note is needed" in without.text) == (422, True)
        asked = await finance.submits(f"{page}/resolve", page, verdict="approved", note="seen in the dashboard")
        assert [op.id for op in await reviews.waiting(shop.merchant_id, limit=5)] == [operation_id]
        settled = await finance.confirms(asked)
        assert (settled.status_code, settled.headers["location"]) == (
            303,
            f"/console/payments/{payment.id}?done=resolved",
        )
    assert await reviews.waiting(shop.merchant_id, limit=5) == []
    operation = (await payments.story(payment)).operation(operation_id)
    assert operation.settled_by is SettledBy.PERSON
    assert operation.review is not None
    assert (operation.review["note"], operation.review["actor"]) == ("seen in the dashboard", f"user:{finance.user_id}")
    assert (await payments.get(shop.merchant_id, payment.id)).status is PaymentStatus.AUTHORISED


async def test_an_operator_sees_the_evidence_but_gives_no_verdict(shop: Shop) -> None:
    payment, operation_id = await left_to_a_person(shop)
    page = f"/console/payments/{payment.id}/operations/{operation_id}"
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        assert "Settle it" not in await operator.opens(page)
        refused = await operator.submits(f"{page}/resolve", "/console/account", verdict="approved", note="x")
        assert refused.status_code == 403
    assert len(await reviews.waiting(shop.merchant_id, limit=5)) == 1


async def test_disputes_stand_by_the_day_on_which_an_answer_is_due(shop: Shop) -> None:
    payment = await paid(shop)
    later, sooner = await disputed(shop, payment, 9), await disputed(shop, payment, 2)
    async with signed_in(shop.merchant_id, Role.VIEWER) as viewer:
        html = await viewer.opens("/console/disputes")
        assert html.index(sooner) < html.index(later)
        assert "2 days left" in html
        assert "9 days left" in html
        assert "must be answered within three days" in await viewer.opens("/console/attention")
        assert "Answer with evidence" not in await viewer.opens(f"/console/disputes/{sooner}")
        for verb in ("accept", "evidence"):
            refused = await viewer.submits(f"/console/disputes/{sooner}/{verb}", "/console/account", once="0" * 32)
            assert refused.status_code == 403


async def test_evidence_needs_the_tick_and_files_that_are_what_they_say(shop: Shop) -> None:
    dispute_id = await disputed(shop, await paid(shop))
    page = f"/console/disputes/{dispute_id}"
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        without = await operator.submits(f"{page}/evidence", page, explanation="It was delivered.")
        assert without.status_code == 422
        assert "must be ticked" in without.text
        assert "It was delivered." in without.text
        wrong = await operator.visitor.client.post(
            f"{page}/evidence",
            data={"_csrf_token": await operator.visitor.token_on(page), "sure": "yes", "kind_1": "receipt"},
            files={"file_1": ("proof.pdf", b"<html>no pdf</html>", "application/pdf")},
        )
        assert wrong.status_code == 422
    assert await fetch("SELECT id FROM dispute_action") == []


async def test_giving_in_is_asked_back(shop: Shop) -> None:
    dispute_id = await disputed(shop, await paid(shop))
    page = f"/console/disputes/{dispute_id}"
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        asked = await operator.submits(f"{page}/accept", page)
        assert "It cannot be taken back." in asked.text
    assert await fetch("SELECT id FROM dispute_action") == []


async def test_nobody_approves_what_they_asked_for_and_another_does(shop: Shop) -> None:
    payment = await paid(shop)
    page = f"/console/payments/{payment.id}"
    await approvals.put_refund_limits(shop.merchant_id, {"EUR": 1000}, "shell:", clock_port.now())
    async with (
        signed_in(shop.merchant_id, Role.ADMIN) as ada,
        signed_in(shop.merchant_id, Role.FINANCE) as bob,
        signed_in(shop.merchant_id, Role.VIEWER) as viewer,
    ):
        await ada.confirms(await ada.submits(f"{page}/refund", page, reason="goodwill"))
        [row] = await approvals.approvals_of(shop.merchant_id, limit=5)
        own = await ada.opens("/console/approvals")
        assert "Withdraw…" in own
        assert "Approve…" not in own
        approve = f"/console/approvals/{row.id}/approve"
        forced = await ada.submits(approve, "/console/approvals", once="0" * 32)
        assert (forced.status_code, "You asked for this yourself" in forced.text) == (403, True)
        assert "Approve…" not in await viewer.opens("/console/approvals")
        assert (await viewer.submits(approve, "/console/account", once="0" * 32)).status_code == 403
        seen = await bob.opens("/console/approvals")
        for words in ("€20.00", "goodwill", ada.email, "Approve…"):
            assert words in seen
        asked = await bob.submits(approve, "/console/approvals", note="as agreed")
        assert ada.email in asked.text
        assert (await bob.confirms(asked)).headers["location"] == "/console/approvals?done=approved"
    after = await approvals.approval(row.id)
    assert after is not None
    assert (after.state, after.note, after.decided_by) == (ApprovalState.APPROVED, "as agreed", f"user:{bob.user_id}")


async def test_a_request_is_rejected_with_a_note(shop: Shop) -> None:
    payment = await paid(shop)
    row = await four_eyes.ask(shop.merchant_id, payment.id, None, "why not")
    async with signed_in(shop.merchant_id, Role.FINANCE) as bob:
        asked = await bob.submits(f"/console/approvals/{row.id}/reject", "/console/approvals", note="no")
        assert (await bob.confirms(asked)).status_code == 303
    after = await approvals.approval(row.id)
    assert after is not None
    assert (after.state, after.note) == (ApprovalState.REJECTED, "no")


async def test_the_ledger_shows_balances_of_a_day_journals_and_their_export(shop: Shop) -> None:
    payment = await paid(shop, 2000)
    async with signed_in(shop.merchant_id, Role.VIEWER) as viewer:
        html = await viewer.opens("/console/ledger")
        assert "€20.00" in html
        assert "-€20.00" in html
        assert f"payment={payment.id}" not in html
        before = await viewer.opens("/console/ledger?as_of=2020-01-01")
        assert "€0.00" in before
        assert "No journal fits" in await viewer.opens("/console/ledger?kind=payout")
        export = await viewer.visitor.open(f"/console/ledger/journals.csv?payment={payment.id}")
        assert export.headers["content-type"].startswith("text/csv")
        assert "gateway_clearing" in export.text
        assert payment.id in export.text
        assert "Verify now" not in html
        assert (await viewer.submits("/console/ledger/verify", "/console/account")).status_code == 403
        assert (await viewer.visitor.open("/console/ledger?as_of=2026-02-31")).status_code == 422


async def test_finance_has_the_ledger_verified_now_however_lately_it_was(shop: Shop) -> None:
    await paid(shop)
    await books.verify("")
    first = (await fetch("SELECT count(*) FROM ledger_verification"))[0]["count"]
    async with signed_in(shop.merchant_id, Role.FINANCE) as finance:
        answer = await finance.submits("/console/ledger/verify", "/console/ledger")
        assert answer.headers["location"] == "/console/ledger?done=verify"
        rows = await fetch("SELECT subject FROM outbox WHERE topic = $1 AND subject = $2", books.VERIFY, books.NOW)
        assert len(rows) == 1
        assert len(await audit_store.latest(shop.merchant_id, limit=10, action="ledger.verification_asked")) == 1
        assert await books.verify(rows[0]["subject"]) is None
        assert "Holds" in await finance.opens("/console/ledger")
    assert (await fetch("SELECT count(*) FROM ledger_verification"))[0]["count"] == first + 1


async def test_a_customers_page_has_methods_and_payments_and_detaches_after_asking(shop: Shop) -> None:
    customer = await customers.create(
        shop.merchant_id, "Ada Lovelace", "ada@harp.example", country="DE", locale="en", profile={}
    )
    consent = Consent("Keep it for later orders.", clock_port.now())
    use = StoredUse(agreement=Agreement.UNSCHEDULED)
    saved = SavedMethod("pm_1", "cus_1", brand="visa", last4="4242")
    method = await kept_methods.keep(shop.merchant_id, customer.id, shop.accounts["stripe"], saved, consent, use)
    page, detach = f"/console/customers/{customer.id}", f"/console/payment-methods/{method.id}/detach"
    async with signed_in(shop.merchant_id, Role.VIEWER) as viewer:
        html = await viewer.opens(page)
        assert "•••• 4242" in html
        assert "Detach…" not in html
        assert customer.id in await viewer.opens("/console/customers?email=ADA@harp.example")
        assert (await viewer.submits(detach, "/console/account", once="0" * 32)).status_code == 403
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        asked = await operator.submits(detach, page)
        assert "Detach Visa •••• 4242?" in asked.text
        assert (await operator.confirms(asked)).headers["location"] == f"{page}?done=detached"
        assert "Detaching" in await operator.opens(page)
