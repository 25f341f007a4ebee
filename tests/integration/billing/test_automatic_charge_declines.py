"""What follows a charge that came to nothing: another try, a word to the buyer, or neither; always told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from charging_desk import (
    Payer,
    charge_of,
    draft_of,
    kept_charges,
    make_due,
    now,
    payer,
    payments_of,
    ring,
    ring_until_paid,
    told,
)
from kept_shop import customer, home, method_of, only, pay_and_save
from msgspec import structs
from payment_shop import CHALLENGED, Shop, story_of
from shopper_pages_async import visit

from invoicing.lifecycle import InvoiceState
from invoicing.store import InvoiceRecord
from invoicing.terms import AgreedTerms, Instalment, NetDays
from orchestrator import clock_port
from orchestrator.access.tables import Merchant
from orchestrator.billing import invoice_links, paying
from orchestrator.billing import service as billing
from orchestrator.billing.automatic_charge import letter as automatic_charge_letter
from orchestrator.billing.automatic_charge import service as automatic_charge
from orchestrator.billing.automatic_charge import work as automatic_charge_work
from orchestrator.billing.automatic_charge.states import ChargeState
from orchestrator.billing.delivery import store as deliveries
from orchestrator.billing.delivery.states import DeliveryKind
from orchestrator.billing.reminders import policy as reminders_policy
from orchestrator.billing.reminders import service as reminders
from orchestrator.billing.sending import WRITERS
from orchestrator.customers import kept_methods
from orchestrator.customers.tables import PaymentMethod
from orchestrator.gateways.credentials import Initiator
from orchestrator.outbox import Later, Outbox
from orchestrator.payments import service
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from tests.built_application import application

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def declines(shop: Shop, reason: str, times: int = 1) -> None:
    await shop.tell(
        "/scenarios", gateway="stripe", operation="confirm", behaviour="decline", reason=reason, times=times
    )


async def letters(invoice: InvoiceRecord) -> list[str]:
    """What the buyer was to be mailed of charges that came to nothing."""
    rows = await deliveries.of_object(invoice.merchant_id, invoice.id)
    written = [await WRITERS[row.kind](row) for row in rows if row.kind is DeliveryKind.CHARGE]
    return [letter.paragraphs[0] for letter in written if letter is not None]


async def test_a_soft_decline_is_tried_again_on_the_days_of_the_pattern_and_then_given_up(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    await declines(shop, "insufficient_funds", times=10)
    pauses = []
    for _ in range(3):
        begun = clock_port.now()
        answer = await ring(invoice)
        assert isinstance(answer, Later)
        pauses.append(round((answer.at - begun) / timedelta(days=1)))
        assert (await charge_of(invoice)).state is ChargeState.RETRYING
        assert await ring(invoice) == answer  # before its time nothing is tried
        await make_due(invoice)
    assert (pauses, await letters(invoice)) == ([1, 3, 5], [])
    assert await ring(invoice) is None
    assert ((await charge_of(invoice)).state, (await charge_of(invoice)).reason) == (
        ChargeState.FAILED,
        "insufficient_funds",
    )
    made = await payments_of(invoice)
    assert (len(made), {row.status for row in made}, len({row.id for row in made})) == (4, {PaymentStatus.FAILED}, 4)
    said = await told(invoice, "invoice.charge_failed")
    assert [data["next_try_at"] is None for data in said] == [True, False, False, False]
    assert {data["reason"] for data in said} == {"insufficient_funds"}
    assert await letters(invoice) == ["Your saved payment method could not be charged. Please pay this invoice online."]
    assert await kept_charges(shop, invoice) == []


async def test_a_later_try_that_succeeds_pays_the_invoice(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    await declines(shop, "do_not_honor")
    await ring(invoice)
    await make_due(invoice)
    assert await ring_until_paid(invoice) is None
    assert (await kept_charges(shop, invoice), (await now(invoice)).state) == ([11900], InvoiceState.PAID)
    assert (await charge_of(invoice)).state is ChargeState.DONE


async def test_the_merchants_own_pattern_counts(shop: Shop) -> None:
    await Merchant.update({Merchant.profile: '{"automatic_charge_retry_after_days": [2]}'}).where(
        Merchant.id == shop.merchant_id
    )
    invoice = await (await payer(shop)).invoice()
    await declines(shop, "insufficient_funds", times=2)
    begun, answer = clock_port.now(), await ring(invoice)
    assert isinstance(answer, Later)
    assert round((answer.at - begun) / timedelta(days=1)) == 2
    await make_due(invoice)
    assert (await ring(invoice), (await charge_of(invoice)).state) == (None, ChargeState.FAILED)


@pytest.mark.parametrize("reason", ["stolen_card", "expired_card", "lost_card"])
async def test_a_hard_decline_ends_it_at_once(shop: Shop, reason: str) -> None:
    invoice = await (await payer(shop)).invoice()
    await declines(shop, reason)
    assert await ring(invoice) is None
    assert ((await charge_of(invoice)).state, (await charge_of(invoice)).reason) == (ChargeState.FAILED, reason)
    (said,) = await told(invoice, "invoice.charge_failed")
    assert (said["reason"], said["next_try_at"], said["tries"]) == (reason, None, 1)
    assert len(await letters(invoice)) == 1
    await make_due(invoice)  # even then
    assert len(await payments_of(invoice)) == 1


@pytest.mark.parametrize("gateway", ["stripe", "adyen"])
async def test_a_bank_that_wants_to_see_the_buyer_gets_them_to_the_page(shop: Shop, gateway: str) -> None:
    person = await payer_with_challenged_card(shop, gateway)
    invoice = await person.invoice()
    assert await ring(invoice) is None
    assert (await charge_of(invoice)).state is ChargeState.NEEDS_ACTION
    (said,) = await told(invoice, "invoice.charge_needs_action")
    assert said["reason"] == "authentication_required"
    assert "/i/" in said["pay_url"]
    assert await told(invoice, "invoice.charge_failed") == []
    assert await letters(invoice) == [
        "Your saved payment method could not be charged without you. Please pay this invoice online."
    ]
    asked = await paying.payment_for(await now(invoice))
    assert asked.status is PaymentStatus.REQUIRES_PAYMENT_METHOD
    await service.pay(asked.public_token, await shop.card())
    assert await kept_charges(shop, invoice) == [11900]
    if gateway == "stripe":  # Adyen tells of captures by webhook
        await ring(invoice)
        assert ((await now(invoice)).state, await letters(invoice)) == (InvoiceState.PAID, [])


async def test_a_challenge_that_nobody_is_there_to_take_is_called_off_and_the_page_has_another(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some gateways ask for one where others refuse; here they are asked as if the buyer were there."""
    person = await payer_with_challenged_card(shop, "stripe")
    invoice = await person.invoice()
    create = service.create

    async def create_with_buyer(new: NewPayment, **how: Any) -> PaymentRow:
        return await create(replace(new, initiator=Initiator.CUSTOMER), **how)

    with monkeypatch.context() as asked_so:
        asked_so.setattr(service, "create", create_with_buyer)
        assert await ring(invoice) is None
    (payment,) = await payments_of(invoice)
    assert (payment.status, (await charge_of(invoice)).state) == (PaymentStatus.CANCELED, ChargeState.NEEDS_ACTION)
    assert len(await told(invoice, "invoice.charge_needs_action")) == 1
    asked = await paying.payment_for(await now(invoice))
    assert (asked.id != payment.id, asked.status) == (True, PaymentStatus.REQUIRES_PAYMENT_METHOD)


async def payer_with_challenged_card(shop: Shop, gateway: str) -> Payer:
    """They were there when it was kept; its bank wants to see them each time."""
    await only(shop, gateway)
    person = await customer(shop)
    paid = await pay_and_save(shop, await shop.card(CHALLENGED), person.id)
    action = (await story_of(paid)).attempts[-1].next_action
    assert action is not None
    await service.complete(paid.id, await visit(action["url"], home()))
    method = await method_of(paid)
    await automatic_charge.switch_on(shop.merchant_id, person.id, method.id)
    return Payer(shop, person.id, method)


async def test_a_method_that_is_gone_is_told_of_and_charges_nothing(shop: Shop) -> None:
    person = await payer(shop)
    invoice = await person.invoice()
    await kept_methods.detach(shop.merchant_id, person.method.id)
    assert await ring(invoice) is None
    (said,) = await told(invoice, "invoice.charge_failed")
    assert (said["reason"], said["payment"], said["next_try_at"]) == ("payment_method_not_active", None, None)
    assert (await payments_of(invoice), len(await letters(invoice))) == ([], 1)


async def test_a_method_whose_agreement_was_changed_is_not_charged(shop: Shop) -> None:
    person = await payer(shop)
    invoice = await person.invoice()
    await PaymentMethod.update({PaymentMethod.agreement: "card_on_file"}).where(PaymentMethod.id == person.method.id)
    await ring(invoice)
    (said,) = await told(invoice, "invoice.charge_failed")
    assert (said["reason"], await payments_of(invoice)) == ("agreement_missing", [])


async def test_a_default_that_was_taken_away_is_told_of(shop: Shop) -> None:
    person = await payer(shop)
    await kept_methods.make_default(shop.merchant_id, person.method.id)
    await automatic_charge.switch_on(shop.merchant_id, person.customer_id, "default")
    invoice = await person.invoice()
    await kept_methods.detach(shop.merchant_id, person.method.id)
    await ring(invoice)
    (said,) = await told(invoice, "invoice.charge_failed")
    assert said["reason"] == "no_default_payment_method"


async def test_another_method_can_take_over_after_a_hard_decline(shop: Shop) -> None:
    person = await payer(shop)
    invoice = await person.invoice()
    await declines(shop, "stolen_card")
    await ring(invoice)
    better = await payer(shop, "5555555555554444")
    await PaymentMethod.update({PaymentMethod.customer_id: person.customer_id}).where(
        PaymentMethod.id == better.method.id
    )
    await automatic_charge.switch_on(shop.merchant_id, person.customer_id, better.method.id)
    await automatic_charge.set_for_invoice(shop.merchant_id, invoice.id, True)
    await ring_until_paid(invoice)
    assert await kept_charges(shop, invoice) == [11900]


async def test_the_next_instalment_is_tried_on_its_day_though_the_first_was_given_up(shop: Shop) -> None:
    person = await payer(shop)
    parts = (Instalment(due=NetDays(30), share_bps=5000), Instalment(due=NetDays(60), share_bps=5000))
    invoice = await person.invoice(terms=AgreedTerms(instalments=parts))
    await declines(shop, "lost_card")
    answer = await ring(invoice)
    assert isinstance(answer, Later)
    assert ((await charge_of(invoice)).state, await automatic_charge.is_pending(invoice.id)) == (
        ChargeState.FAILED,
        False,
    )
    (said,) = await told(invoice, "invoice.charge_failed")
    assert said["next_try_at"] is None
    assert await ring(invoice) == answer
    assert len(await payments_of(invoice)) == 1


async def test_a_charge_that_somebody_cancels_is_not_tried_again(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    await declines(shop, "do_not_honor")
    await ring(invoice)
    await make_due(invoice)
    await shop.tell("/scenarios", gateway="stripe", operation="capture", behaviour="http_429", times=1)
    await automatic_charge_work.look(invoice.id)
    (_, payment) = await payments_of(invoice)
    assert payment.status is PaymentStatus.AUTHORISED
    await service.cancel(shop.merchant_id, payment.id)
    assert await ring(invoice) is None
    assert ((await charge_of(invoice)).state, (await charge_of(invoice)).reason) == (ChargeState.FAILED, "canceled")
    assert await kept_charges(shop, invoice) == []


async def test_nobody_is_reminded_while_a_charge_is_pending_and_then_they_are(shop: Shop) -> None:
    invoice = await (await payer(shop)).invoice()
    await declines(shop, "insufficient_funds")
    await ring(invoice)
    assert await automatic_charge.is_pending(invoice.id)
    assert await reminders.look(invoice.id) is None
    await Outbox.delete().where(Outbox.topic == reminders_policy.REMIND)
    await make_due(invoice)
    await declines(shop, "stolen_card")
    await ring(invoice)
    assert not await automatic_charge.is_pending(invoice.id)
    assert await Outbox.exists().where(Outbox.topic == reminders_policy.REMIND, Outbox.subject == invoice.id)
    assert isinstance(await reminders.look(invoice.id), Later)


@pytest.mark.parametrize(
    ("locale", "words"), [("en", "ending in 4242 will be charged automatically: "), ("de", "mit den Endziffern 4242")]
)
async def test_the_buyer_reads_beforehand_what_is_charged_and_when(shop: Shop, locale: str, words: str) -> None:
    person = await payer(shop)
    wanted = structs.replace(draft_of(NetDays(30)), locale=locale)
    draft = await billing.create_draft(shop.merchant_id, person.customer_id, wanted)
    invoice = await billing.finalize(shop.merchant_id, draft.id, send_mail=False)
    notice = await automatic_charge_letter.charge_notice(invoice)
    assert words in notice
    assert invoice.due_date is not None
    assert str(invoice.due_date.year) in notice
    await automatic_charge.set_for_invoice(shop.merchant_id, invoice.id, False)
    assert await automatic_charge_letter.charge_notice(invoice) == ""


async def test_the_mail_that_brings_the_invoice_says_so(shop: Shop) -> None:
    person = await payer(shop)
    draft = await billing.create_draft(shop.merchant_id, person.customer_id, draft_of(NetDays(30)))
    invoice = await billing.finalize(shop.merchant_id, draft.id)
    (row,) = await deliveries.of_object(shop.merchant_id, invoice.id)
    letter = await WRITERS[row.kind](row)
    assert letter is not None
    assert await automatic_charge_letter.charge_notice(invoice) in letter.paragraphs


async def test_the_page_says_what_will_be_charged_and_when_in_the_visitors_language(shop: Shop) -> None:
    person = await payer(shop)
    invoice = await person.invoice(due=False)
    transport = httpx.ASGITransport(application())
    async with httpx.AsyncClient(transport=transport, base_url="http://clearway.test") as client:
        path = f"/i/{invoice_links.link_of(invoice, clock_port.now().date())}"
        html = (await client.get(path, headers={"accept-language": "de"})).text
        assert await automatic_charge_letter.charge_notice(invoice, "de") in html
        assert "4242 wird automatisch belastet" in html
        await automatic_charge.set_for_invoice(shop.merchant_id, invoice.id, False)
        assert "automatisch belastet" not in (await client.get(path, headers={"accept-language": "de"})).text
