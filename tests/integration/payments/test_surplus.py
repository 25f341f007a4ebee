"""What was taken twice goes back once: not where a dispute took it already, and it pays and refunds nothing else."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from kept_shop import only
from late_shop import balance, hear, operation, paid, refused_beside, told
from payment_shop import Shop, story_of

from invoicing import service as invoicing
from invoicing.documents import BankAccount, DraftInvoice, Line, Party
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import NetDays
from orchestrator import clock_port
from orchestrator.billing import applying, paying
from orchestrator.billing import service as billing
from orchestrator.db import transaction
from orchestrator.errors import Conflict
from orchestrator.gateways.base import OperationKind
from orchestrator.ledger import verification
from orchestrator.ledger.checks import CHECKS
from orchestrator.ledger.service import AccountKey, AccountKind, Entry, JournalKind, References, post
from orchestrator.payments import driver, reviews, service
from orchestrator.payments.records import Cause, OperationRow, OperationState, PaymentRow, PaymentStatus, Verdict
from orchestrator.payments.tables import Operation
from orchestrator.refunds import service as refunds
from routing.outcomes import OutcomeKind

pytestmark = pytest.mark.asyncio(loop_scope="session")

DRAFT = DraftInvoice(
    seller=Party(name="Nordlicht GmbH", country="DE", address_lines=("Hafen 1",), postal_code="20457", city="Hamburg"),
    buyer=Party(name="Sakura Books Ltd", country="DE"),
    currency="EUR",
    lines=(Line("Requests", Decimal(100), Decimal(1), TaxTreatment(TaxKind.VAT, 1900)),),
    terms=NetDays(30),
    bank=BankAccount(holder="Nordlicht GmbH", iban="DE89370400440532013000"),
)


async def dispute(shop: Shop, payment: PaymentRow, kind: JournalKind = JournalKind.DISPUTE) -> None:
    """As booked when a gateway withdraws the money for a dispute, or gives it back."""
    clearing = AccountKey(AccountKind.GATEWAY_CLEARING, shop.accounts["stripe"])
    disputed = AccountKey(AccountKind.DISPUTES, shop.accounts["stripe"])
    sides = (disputed, clearing) if kind is JournalKind.DISPUTE else (clearing, disputed)
    async with transaction():
        await post(
            f"dispute:{payment.id}:{kind.value}",
            [Entry(*sides, payment.amount)],
            merchant_id=shop.merchant_id,
            kind=kind,
            at=clock_port.now(),
            memo="",
            references=References(payment_id=payment.id),
        )


async def given_back(payment: PaymentRow) -> list[OperationRow]:
    return [op for op in (await story_of(payment)).operations if op.kind is OperationKind.REFUND]


async def surplus_under_dispute(shop: Shop) -> tuple[PaymentRow, OperationRow]:
    """A payment that was taken twice, of which a dispute withdrew one before the second was heard of."""
    await only(shop, "stripe")
    payment = await paid(shop)
    late_id = await refused_beside(shop, payment)
    await dispute(shop, payment)
    await hear(payment, late_id, OutcomeKind.APPROVED)
    (refund,) = await given_back(payment)
    return payment, refund


async def test_a_surplus_does_not_go_back_while_a_dispute_has_the_money(shop: Shop) -> None:
    payment, refund = await surplus_under_dispute(shop)
    await driver.drive(payment.id)
    assert await given_back(payment) == [refund]
    assert (refund.outcome, refund.decline and refund.decline["reason"]) == (OutcomeKind.DECLINED, "payment_disputed")
    assert [charge["refunded_minor"] for charge in await shop.charges(payment)] == [0]
    assert await balance(shop, "refunds") == 0
    assert "payment.needs_review" in await told(payment)
    assert [op.id for op in await reviews.waiting(shop.merchant_id, limit=10)] == [refund.id]


async def test_what_was_never_sent_cannot_be_said_to_have_happened(shop: Shop) -> None:
    payment, refund = await surplus_under_dispute(shop)
    with pytest.raises(Conflict, match="never sent"):
        await reviews.resolve_review(shop.merchant_id, payment.id, refund.id, Verdict.APPROVED, "x", "usr_1")


async def test_a_person_lets_it_be_where_the_dispute_gave_the_money_back(shop: Shop) -> None:
    payment, refund = await surplus_under_dispute(shop)
    await reviews.resolve_review(shop.merchant_id, payment.id, refund.id, Verdict.DECLINED, "dispute lost", "usr_1")
    assert await reviews.waiting(shop.merchant_id, limit=10) == []
    assert len(await given_back(payment)) == 1
    assert (await service.get(shop.merchant_id, payment.id)).status is PaymentStatus.CAPTURED


async def test_a_person_has_it_sent_once_the_dispute_is_won(shop: Shop) -> None:
    payment, refund = await surplus_under_dispute(shop)
    await dispute(shop, payment, JournalKind.DISPUTE_REVERSAL)
    await reviews.resolve_review(shop.merchant_id, payment.id, refund.id, Verdict.LOOK_AGAIN, "won", "usr_1")
    async with transaction():
        earlier = clock_port.now() - timedelta(seconds=2)
        await Operation.update({Operation.settled_at: earlier}).where(Operation.id == refund.id)
    await driver.drive(payment.id)
    assert [(op.cause, op.approved) for op in await given_back(payment)] == [
        (Cause.SURPLUS, False),
        (Cause.SURPLUS, True),
    ]
    assert (await balance(shop, "sales"), await balance(shop, "refunds")) == (-2 * 1999, 0)  # one of three charges


async def test_asked_for_too_early_it_is_held_back_again(shop: Shop) -> None:
    payment, refund = await surplus_under_dispute(shop)
    await reviews.resolve_review(shop.merchant_id, payment.id, refund.id, Verdict.LOOK_AGAIN, "perhaps", "usr_1")
    async with transaction():
        earlier = clock_port.now() - timedelta(seconds=2)
        await Operation.update({Operation.settled_at: earlier}).where(Operation.id == refund.id)
    await driver.drive(payment.id)
    assert [op.approved for op in await given_back(payment)] == [False, False]
    assert await balance(shop, "refunds") == 0


async def test_a_refund_whose_request_was_lost_is_not_sent_again_once_a_dispute_took_the_money(shop: Shop) -> None:
    await only(shop, "stripe")
    payment = await paid(shop)
    await shop.tell("/scenarios", gateway="stripe", operation="refund", behaviour="lose_request", times=1)
    view = await refunds.create(shop.merchant_id, payment.id, 500, "")
    await dispute(shop, payment)
    async with transaction():
        due = {Operation.expires_at: clock_port.now() - timedelta(seconds=1)}
        await Operation.update(due).where(Operation.id == view.refund.operation_id)
    await driver.drive(payment.id)
    (refund,) = await given_back(payment)
    assert refund.state is OperationState.UNKNOWN
    assert [charge["refunded_minor"] for charge in await shop.charges(payment)] == [0]


async def test_an_invoice_is_paid_by_no_more_than_was_owed_though_it_was_taken_twice(shop: Shop) -> None:
    await only(shop, "stripe")
    draft = await billing.create_draft(shop.merchant_id, "cus_1", DRAFT)
    invoice = await billing.finalize(shop.merchant_id, draft.id, send_mail=False)
    asked = await paying.payment_for(invoice)
    payment = await service.pay(asked.public_token, await shop.card())
    twice = await hear(payment, await refused_beside(shop, payment), OutcomeKind.APPROVED)
    assert twice.amount_captured_minor == 2 * payment.amount_minor
    await applying.apply_payment(payment.id)
    (applied,) = await invoicing.list_payments(shop.merchant_id, invoice.id)
    assert applied.amount == payment.amount
    assert await balance(shop, "customer_credit") == 0


async def paid_twice(shop: Shop) -> PaymentRow:
    """An invoice's payment that was taken twice, and the invoice is paid by it."""
    await only(shop, "stripe")
    draft = await billing.create_draft(shop.merchant_id, "cus_1", DRAFT)
    asked = await paying.payment_for(await billing.finalize(shop.merchant_id, draft.id, send_mail=False))
    payment = await service.pay(asked.public_token, await shop.card())
    late_id = await refused_beside(shop, payment)
    twice = await hear(payment, late_id, OutcomeKind.APPROVED)
    await applying.apply_payment(payment.id)
    return twice


async def test_a_surplus_that_went_back_leaves_nothing_on_the_customers_account(shop: Shop) -> None:
    payment = await paid_twice(shop)
    assert payment.amount_refunded_minor == payment.amount_minor
    assert (await balance(shop, "customer_receivable"), await balance(shop, "refunds")) == (0, 0)
    assert await receivable_findings(shop) == []


async def test_a_surplus_whose_refund_the_gateway_took_back_is_on_the_customers_account_again(shop: Shop) -> None:
    payment = await paid_twice(shop)
    (refund,) = await given_back(payment)
    await hear(payment, refund.id, OutcomeKind.DECLINED)
    assert await balance(shop, "customer_receivable") == -payment.amount_minor
    assert await balance(shop, "refunds") == 0
    assert await receivable_findings(shop) == []  # it waits for a person, and is the customer's until then


async def test_what_a_merchant_refunds_of_an_invoice_is_a_refund_not_a_surplus(shop: Shop) -> None:
    payment = await paid_twice(shop)
    await refunds.create(shop.merchant_id, payment.id, 100, "")
    assert (await balance(shop, "customer_receivable"), await balance(shop, "refunds")) == (0, 100)


async def receivable_findings(shop: Shop) -> list[str]:
    found = await verification.run([], checks=[check for check in CHECKS if check.name == "receivable"])
    return [f"{finding.expected} / {finding.actual}" for finding in found.findings]


async def test_an_invoice_is_not_paid_by_what_came_after_its_payment_was_canceled(shop: Shop) -> None:
    await only(shop, "stripe")
    draft = await billing.create_draft(shop.merchant_id, "cus_1", DRAFT)
    invoice = await billing.finalize(shop.merchant_id, draft.id, send_mail=False)
    payment = await paying.payment_for(invoice)
    canceled = await service.cancel(shop.merchant_id, payment.id)
    await hear(canceled, await refused_beside(shop, canceled), OutcomeKind.APPROVED)
    await applying.apply_payment(payment.id)
    assert await invoicing.list_payments(shop.merchant_id, invoice.id) == []
    assert await balance(shop, "customer_receivable") == invoice.total.minor
    assert await receivable_findings(shop) == []


async def test_a_merchants_refund_comes_out_of_the_kept_money_beside_the_surplus(shop: Shop) -> None:
    await only(shop, "stripe")
    payment = await paid(shop)
    await shop.tell("/scenarios", gateway="stripe", operation="refund", behaviour="http_429", times=1)
    await hear(payment, await refused_beside(shop, payment), OutcomeKind.APPROVED)
    capture = await operation(payment, OperationKind.CAPTURE)
    await refunds.create(shop.merchant_id, payment.id, None, "")
    asked = [op for op in await given_back(payment) if op.cause is Cause.NONE]
    assert [(op.target_operation_id, op.amount_minor) for op in asked] == [(capture.id, 1999)]
