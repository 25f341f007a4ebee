"""A kept method is charged once when an invoice falls due, by whom it was agreed, and for what is owed then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from charging_desk import (
    charge_of,
    findings,
    kept_charges,
    make_due,
    now,
    payer,
    payments_of,
    ring,
    ring_until_paid,
)
from kept_shop import only
from msgspec import structs
from payment_shop import VISA, Shop, story_of

from currency.money import Money
from invoicing.lifecycle import InvoiceState
from invoicing.store import InvoiceRecord
from invoicing.terms import AgreedTerms, Instalment, NetDays
from orchestrator import clock_port
from orchestrator.access import audit_store
from orchestrator.billing import applying, paying, settling
from orchestrator.billing import service as billing
from orchestrator.billing.automatic_charge import service as automatic_charge
from orchestrator.billing.automatic_charge import store as automatic_charge_store
from orchestrator.billing.automatic_charge import work as automatic_charge_work
from orchestrator.billing.automatic_charge.states import ChargeState
from orchestrator.customers import kept_methods, method_store, mirroring
from orchestrator.customers.kept_methods import TokenState
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.gateways.credentials import Agreement, Initiator
from orchestrator.outbox import Later, Outbox
from orchestrator.payments import driver, service
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.refunds import service as refunds

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_invoice_is_charged_on_its_due_date_and_not_before(shop: Shop) -> None:
    person = await payer(shop)
    due = await person.invoice()
    early = await person.invoice(due=False)
    assert early.due_date is not None
    due_at = datetime.combine(early.due_date, time(), UTC)
    assert await ring(early) == Later(due_at)
    (bell,) = await Outbox.select().where(Outbox.topic == automatic_charge.TOPIC, Outbox.subject == early.id)
    assert (bell["due_at"], await payments_of(early)) == (due_at, [])
    assert await ring_until_paid(due) is None
    (payment,) = await payments_of(due)
    assert (payment.status, payment.usage.initiator) == (PaymentStatus.CAPTURED, Initiator.MERCHANT)
    assert (await kept_charges(shop, due), (await now(due)).state) == ([11900], InvoiceState.PAID)
    assert (await charge_of(due)).state is ChargeState.DONE
    assert await ring(due) is None
    assert len(await payments_of(due)) == 1
    assert await findings() == []


async def test_nothing_is_charged_that_was_not_switched_on(shop: Shop) -> None:
    person = await payer(shop)
    await automatic_charge.switch_off(shop.merchant_id, person.customer_id)
    invoice = await person.invoice()
    assert await ring(invoice) is None
    assert await payments_of(invoice) == []


async def test_many_workers_at_once_charge_once(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    await asyncio.gather(*(automatic_charge_work.look(invoice.id) for _ in range(6)))
    assert await ring_until_paid(invoice) is None
    assert (len(await payments_of(invoice)), await kept_charges(shop, invoice)) == (1, [11900])
    assert (await now(invoice)).state is InvoiceState.PAID


@pytest.mark.parametrize("head_start_s", [0.0, 0.02, 0.1])
async def test_who_pays_on_the_page_as_the_bell_rings_pays_once(shop: Shop, head_start_s: float) -> None:
    invoice = await (await payer(shop)).invoice()
    asked = await paying.payment_for(invoice)
    card = await shop.card("5555555555554444")

    async def ring_later() -> None:
        await asyncio.sleep(head_start_s)
        await automatic_charge_work.look(invoice.id)

    await asyncio.gather(service.pay(asked.public_token, card), ring_later(), return_exceptions=True)
    for _ in range(2):
        await ring(invoice)
    assert await kept_charges(shop, invoice) == [11900]
    assert ((await now(invoice)).state, (await now(invoice)).owed.minor) == (InvoiceState.PAID, 0)
    assert await findings() == []


async def test_a_payment_that_is_under_way_on_the_page_is_waited_for(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="delay", seconds=4)
    asked = await paying.payment_for(invoice)
    paid = asyncio.create_task(service.pay(asked.public_token, await shop.card()))
    while (await service.get(shop.merchant_id, asked.id)).status is PaymentStatus.REQUIRES_PAYMENT_METHOD:
        await asyncio.sleep(0.02)
    assert isinstance(await ring(invoice), Later)
    assert (await charge_of(invoice)).state is ChargeState.SCHEDULED
    assert (await paid).status is PaymentStatus.CAPTURED
    assert await ring_until_paid(invoice) is None
    assert ([row.id for row in await payments_of(invoice)], (await charge_of(invoice)).reason) == (
        [asked.id],
        "nothing_owed",
    )


async def test_what_is_captured_and_not_applied_yet_is_not_charged_again(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    asked = await paying.payment_for(invoice)
    await service.pay(asked.public_token, await shop.card())
    assert isinstance(await automatic_charge_work.look(invoice.id), Later)
    assert len(await payments_of(invoice)) == 1


async def test_news_of_the_pages_payment_rings_the_bell_that_waits_for_it(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    asked = await paying.payment_for(invoice)
    await Outbox.delete().where(Outbox.topic == automatic_charge.TOPIC)
    await automatic_charge_work.payment_moved(asked.id)
    assert await Outbox.exists().where(Outbox.topic == automatic_charge.TOPIC, Outbox.subject == invoice.id)


async def test_the_pages_payment_that_nobody_began_gives_way(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    asked = await paying.payment_for(invoice)
    await ring_until_paid(invoice)
    assert (await service.get(shop.merchant_id, asked.id)).status is PaymentStatus.CANCELED
    with pytest.raises(Conflict):
        await service.pay(asked.public_token, await shop.card())
    assert await kept_charges(shop, invoice) == [11900]


async def test_the_page_shows_the_automatic_payment_and_makes_no_other(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    await automatic_charge_work.look(invoice.id)
    (payment,) = await payments_of(invoice)
    assert (await paying.payment_for(invoice)).id == payment.id


async def test_a_page_that_saw_the_invoice_before_it_was_paid_asks_for_nothing_more(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    await ring_until_paid(invoice)
    with pytest.raises(Conflict):
        await paying.payment_for(invoice)
    assert len(await payments_of(invoice)) == 1


async def test_what_is_charged_is_what_is_owed_at_that_moment(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    before = await paying.payment_for(invoice)
    await settling.write_off(shop.merchant_id, invoice.id, Money(900, "EUR"))
    await ring_until_paid(invoice)
    assert await kept_charges(shop, invoice) == [11000]
    assert (await service.get(shop.merchant_id, before.id)).status is PaymentStatus.CANCELED
    assert (await now(invoice)).state is InvoiceState.PAID


async def test_a_worker_that_is_behind_what_happened_charges_nothing(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    seen = await charge_of(invoice)
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="decline", reason="do_not_honor")
    await ring(invoice)
    assert len(await payments_of(invoice)) == 1
    assert isinstance(await automatic_charge_work._charge(seen, clock_port.now()), Later)
    assert (len(await payments_of(invoice)), await kept_charges(shop, invoice)) == (1, [])


async def test_each_instalment_is_charged_on_its_day(shop: Shop) -> None:
    person = await payer(shop)
    parts = (Instalment(due=NetDays(30), share_bps=4000), Instalment(due=NetDays(60), share_bps=6000))
    invoice = await person.invoice(terms=AgreedTerms(instalments=parts))
    answer = await ring_until_paid(invoice)
    assert (await kept_charges(shop, invoice), (await now(invoice)).state) == ([4760], InvoiceState.PARTLY_PAID)
    assert invoice.due_date is not None
    assert answer == Later(datetime.combine(invoice.due_date, time(), UTC))
    assert await ring(invoice) == answer
    await make_due(invoice)
    assert await ring_until_paid(invoice) is None
    assert await kept_charges(shop, invoice) == [4760, 7140]
    assert ((await now(invoice)).state, (await charge_of(invoice)).state) == (InvoiceState.PAID, ChargeState.DONE)
    assert await findings() == []


async def test_a_refund_opens_the_invoice_and_nobody_is_charged_by_itself(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    await ring_until_paid(invoice)
    (payment,) = await payments_of(invoice)
    await refunds.create(shop.merchant_id, payment.id, None, "")
    await applying.apply_payment(payment.id)
    assert (await now(invoice)).state is InvoiceState.OPEN
    assert await ring(invoice) is None
    assert len(await payments_of(invoice)) == 1
    await automatic_charge.set_for_invoice(shop.merchant_id, invoice.id, True)  # somebody wants it
    assert await ring_until_paid(invoice) is None
    assert (await kept_charges(shop, invoice), (await now(invoice)).state) == ([11900], InvoiceState.PAID)
    assert await findings() == []


async def test_what_was_given_back_before_the_due_date_is_not_taken_again_then(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice(due=False)
    asked = await paying.payment_for(invoice)
    await service.pay(asked.public_token, await shop.card())
    await applying.apply_payment(asked.id)
    await refunds.create(shop.merchant_id, asked.id, None, "")
    await applying.apply_payment(asked.id)
    await make_due(invoice)
    assert await ring(invoice) is None
    assert ((await charge_of(invoice)).reason, len(await payments_of(invoice))) == ("money_went_back", 1)


async def test_a_contested_invoice_waits(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    await billing.set_disputed(shop.merchant_id, invoice.id, True, "wrong")
    assert isinstance(await ring(invoice), Later)
    assert await payments_of(invoice) == []
    await billing.set_disputed(shop.merchant_id, invoice.id, False)
    await ring_until_paid(invoice)
    assert await kept_charges(shop, invoice) == [11900]


async def test_one_invoice_can_be_left_out_before_and_after_its_issue(shop: Shop) -> None:
    person = await payer(shop)
    invoice = await person.invoice()
    assert await automatic_charge.is_pending(invoice.id)
    await automatic_charge.set_for_invoice(shop.merchant_id, invoice.id, False)
    assert not await automatic_charge.is_pending(invoice.id)
    assert (await ring(invoice), await payments_of(invoice)) == (None, [])
    draft = await billing.create_draft(shop.merchant_id, person.customer_id, invoice.draft)
    await automatic_charge.set_for_invoice(shop.merchant_id, draft.id, False)
    issued = await billing.finalize(shop.merchant_id, draft.id, send_mail=False)
    assert (await charge_of(issued)).state is ChargeState.OFF
    again = await automatic_charge.set_for_invoice(shop.merchant_id, invoice.id, True)
    assert again.state is ChargeState.SCHEDULED
    await ring_until_paid(invoice)
    assert await kept_charges(shop, invoice) == [11900]


async def test_a_draft_that_was_left_out_can_be_taken_in_again(shop: Shop) -> None:
    person = await payer(shop)
    draft = await billing.create_draft(shop.merchant_id, person.customer_id, (await person.invoice()).draft)
    for enabled in (False, True):
        await automatic_charge.set_for_invoice(shop.merchant_id, draft.id, enabled)
    issued = await billing.finalize(shop.merchant_id, draft.id, send_mail=False)
    assert (await charge_of(issued)).state is ChargeState.SCHEDULED


async def test_an_invoice_from_before_is_charged_only_where_somebody_takes_it_in(shop: Shop) -> None:
    person = await payer(shop)
    await automatic_charge.switch_off(shop.merchant_id, person.customer_id)
    invoice = await person.invoice()
    await automatic_charge.switch_on(shop.merchant_id, person.customer_id, person.method.id)
    assert (await ring(invoice), await payments_of(invoice)) == (None, [])
    await automatic_charge.set_for_invoice(shop.merchant_id, invoice.id, True)
    assert await ring_until_paid(invoice) is None
    assert await kept_charges(shop, invoice) == [11900]


async def test_a_customer_who_no_longer_agrees_is_charged_no_more(shop: Shop) -> None:
    person = await payer(shop)
    invoice = await person.invoice()
    await automatic_charge.switch_off(shop.merchant_id, person.customer_id)
    assert ((await charge_of(invoice)).state, await automatic_charge.is_pending(invoice.id)) == (ChargeState.OFF, False)
    await make_due(invoice)
    assert (await ring(invoice), await payments_of(invoice)) == (None, [])
    with pytest.raises(InvalidField, match=r"enabled: .*PUT /v1/customers"):
        await automatic_charge.set_for_invoice(shop.merchant_id, invoice.id, True)


async def test_what_is_off_while_a_charge_is_under_way_is_not_tried_again(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="delay", seconds=4)
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="decline")
    charging = asyncio.create_task(automatic_charge_work.look(invoice.id))
    while (await charge_of(invoice)).state is not ChargeState.CHARGING:
        await asyncio.sleep(0.02)
    await automatic_charge.set_for_invoice(shop.merchant_id, invoice.id, False)
    await charging
    assert (await ring(invoice), (await charge_of(invoice)).state) == (None, ChargeState.OFF)
    assert len(await payments_of(invoice)) == 1


async def test_only_what_the_customer_agreed_to_can_be_switched_on(shop: Shop) -> None:
    person = await payer(shop)
    other = await payer(shop, "5555555555554444")
    with pytest.raises(InvalidField, match="payment_method_id: is another customer's"):
        await automatic_charge.switch_on(shop.merchant_id, person.customer_id, other.method.id)
    with pytest.raises(InvalidField, match=r"payment_method_id: was kept as card_on_file.*unscheduled"):
        await payer(shop, agreement=Agreement.CARD_ON_FILE)
    with pytest.raises(InvalidField, match="payment_method_id: cannot be default"):
        await automatic_charge.switch_on(shop.merchant_id, person.customer_id, "default")
    with pytest.raises(NotFound):
        await automatic_charge.switch_on(shop.merchant_id, person.customer_id, "pm_none")
    await kept_methods.detach(shop.merchant_id, person.method.id)
    with pytest.raises(InvalidField, match=r"payment_method_id: is detach.*name an active one"):
        await automatic_charge.switch_on(shop.merchant_id, person.customer_id, person.method.id)


async def test_the_default_method_is_the_one_of_the_day_of_the_charge(shop: Shop) -> None:
    person = await payer(shop)
    await kept_methods.make_default(shop.merchant_id, person.method.id)
    await automatic_charge.switch_on(shop.merchant_id, person.customer_id, automatic_charge.DEFAULT)
    invoice = await person.invoice()
    await ring_until_paid(invoice)
    (payment,) = await payments_of(invoice)
    assert payment.instrument is not None
    assert await kept_charges(shop, invoice) == [11900]


async def test_a_gateway_that_is_down_is_gone_past_as_ever(shop: Shop) -> None:
    person = await payer(shop, VISA, other_gateways=True)
    await only(shop, "stripe", "adyen")
    token = await mirroring.mirror(shop.merchant_id, person.method.id, shop.accounts["adyen"])
    await mirroring.mirror_token(token.id)
    row = await method_store.token(token.id)
    assert row is not None
    assert row.state == TokenState.KEPT
    invoice = await person.invoice()
    await shop.tell("/outage", gateway="stripe", on=True)
    await automatic_charge_work.look(invoice.id)
    (payment,) = await payments_of(invoice)
    assert [attempt.gateway for attempt in (await story_of(payment)).attempts] == ["stripe", "adyen"]
    assert [one["gateway"] for one in await shop.charges(payment)] == ["adyen"]


async def test_an_unknown_outcome_is_waited_for_and_nothing_new_begins(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="lose_reply")
    await shop.tell("/scenarios", gateway="stripe", operation="lookup", behaviour="http_500", times=2)
    charging = asyncio.create_task(automatic_charge_work.look(invoice.id))
    async with asyncio.timeout(90):
        while not (found := await payments_of(invoice)) or not any(
            op.state == "unknown" for op in (await story_of(found[0])).operations
        ):
            await asyncio.sleep(0.02)
    for _ in range(3):
        assert isinstance(await automatic_charge_work.look(invoice.id), Later)
    async with asyncio.timeout(90):
        while not charging.done():  # as the payment's own bell does
            await driver.drive(found[0].id)
            await asyncio.sleep(0.1)
    await charging
    await ring_until_paid(invoice)
    assert (len(await payments_of(invoice)), await kept_charges(shop, invoice)) == (1, [11900])


async def test_a_restored_database_charges_nobody(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator.installation import service as installation

    invoice = await (await payer(shop)).invoice()

    async def refuse() -> None:
        raise installation.InstallationFrozen("restored")

    monkeypatch.setattr(installation, "require_thawed", refuse)
    assert isinstance(await ring(invoice), Later)
    assert await payments_of(invoice) == []


async def _less_is_owed(invoice: InvoiceRecord) -> None:
    await settling.write_off(invoice.merchant_id, invoice.id, Money(900, "EUR"))


async def _it_is_left_out(invoice: InvoiceRecord) -> None:
    await automatic_charge.set_for_invoice(invoice.merchant_id, invoice.id, False)


async def _it_is_contested(invoice: InvoiceRecord) -> None:
    await billing.set_disputed(invoice.merchant_id, invoice.id, True, "wrong")


async def _another_worker_tries_and_is_declined(invoice: InvoiceRecord) -> None:
    seen = await charge_of(invoice)
    assert await automatic_charge_store.move(
        seen, structs.replace(seen, state=ChargeState.RETRYING, tries=1, due_at=clock_port.now() + timedelta(days=1))
    )


@pytest.mark.parametrize(
    "happens", [_less_is_owed, _it_is_left_out, _it_is_contested, _another_worker_tries_and_is_declined]
)
async def test_what_changes_between_the_look_and_the_payment_leaves_nothing_charged(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, happens: Callable[[InvoiceRecord], Awaitable[None]]
) -> None:
    invoice = await (await payer(shop)).invoice()
    create = service.create

    async def create_later(*asked: Any, **how: Any) -> PaymentRow:
        await happens(invoice)
        return await create(*asked, **how)

    monkeypatch.setattr(service, "create", create_later)
    assert isinstance(await automatic_charge_work.look(invoice.id), Later)
    assert await payments_of(invoice) == []


async def test_a_page_that_is_paid_between_the_look_and_the_payment_is_the_only_one_that_charges(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = await (await payer(shop)).invoice()
    create, card = service.create, await shop.card()

    async def create_later(new: NewPayment, **how: Any) -> PaymentRow:
        monkeypatch.setattr(service, "create", create)
        asked = await paying.payment_for(invoice)
        await service.pay(asked.public_token, card)
        await applying.apply_payment(asked.id)
        return await create(new, **how)

    monkeypatch.setattr(service, "create", create_later)
    assert isinstance(await automatic_charge_work.look(invoice.id), Later)
    assert await ring(invoice) is None
    assert (len(await payments_of(invoice)), await kept_charges(shop, invoice)) == (1, [11900])


async def test_who_is_charged_by_itself_and_who_no_longer_is_in_the_audit_log(shop: Shop) -> None:
    person = await payer(shop)
    invoice = await person.invoice(due=False)
    await automatic_charge.set_for_invoice(shop.merchant_id, invoice.id, False)
    await automatic_charge.set_for_invoice(shop.merchant_id, invoice.id, False)
    await automatic_charge.set_for_invoice(shop.merchant_id, invoice.id, True)
    await automatic_charge.switch_off(shop.merchant_id, person.customer_id)
    await automatic_charge.switch_off(shop.merchant_id, person.customer_id)
    rows = await audit_store.in_order(shop.merchant_id, 1, 500)
    found = [
        (row.action.removeprefix("automatic_charge."), row.object_id)
        for row in rows
        if row.object_id in (invoice.id, person.customer_id)
    ]
    assert found == [
        ("on", person.customer_id),
        ("off", invoice.id),
        ("on", invoice.id),
        ("off", person.customer_id),
    ]
