"""Kept with a payment, then charged again, by the customer and by the merchant; once, and only as was agreed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from kept_shop import charge, customer, debit, home, method_of, only, pay, pay_and_save, saving
from payment_shop import CHALLENGED, STOLEN, Shop, story_of
from shopper_pages_async import PAYS, visit

from orchestrator import outbox
from orchestrator.access import service as access
from orchestrator.customers import kept_methods, method_store, mirroring
from orchestrator.customers.kept_methods import MethodStatus, TokenState
from orchestrator.customers.method_store import MethodRow
from orchestrator.customers.tables import PaymentMethod, PaymentMethodToken
from orchestrator.db import transaction
from orchestrator.errors import InvalidField, NotFound
from orchestrator.gateways.credentials import Agreement, Initiator
from orchestrator.notifications import store as events
from orchestrator.payments import driver, kept, routes, service, settling, store
from orchestrator.payments.instruments import PayPalWallet
from orchestrator.payments.kept import AgreementMissing, MethodNotActive, NetworkTransactionMissing
from orchestrator.payments.records import PaymentRow, PaymentStatus, SettledBy
from orchestrator.settings import get_settings
from routing.outcomes import Outcome, OutcomeKind

pytestmark = pytest.mark.asyncio(loop_scope="session")
GATEWAYS = ("stripe", "adyen", "paypal")
DONE = (PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED)  # Adyen tells of captures by webhook


async def kept_card(shop: Shop, gateway: str, **how: Any) -> MethodRow:
    """A card that was kept with a payment at one gateway."""
    await only(shop, gateway)
    payment = await pay_and_save(shop, await shop.card(), (await customer(shop)).id, **how)
    assert payment.status in DONE, payment
    method = await method_of(payment)
    await only(shop, *GATEWAYS)
    return method


async def mirrored(shop: Shop, method: MethodRow, to: str) -> None:
    token = await mirroring.mirror(shop.merchant_id, method.id, shop.accounts[to])
    assert await mirroring.mirror_token(token.id) is None
    row = await method_store.token(token.id)
    assert row is not None
    assert row.state == TokenState.KEPT, row


async def gateways_of(payment: PaymentRow) -> list[str]:
    return [attempt.gateway for attempt in (await story_of(payment)).attempts]


async def bells(topic: str, subject: str) -> int:
    return int(await outbox.Outbox.count().where(outbox.Outbox.topic == topic, outbox.Outbox.subject == subject))


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("by_merchant", [False, True], ids=["by customer", "by merchant"])
async def test_card_that_was_kept_with_a_payment_is_charged_again(shop: Shop, gateway: str, by_merchant: bool) -> None:
    method = await kept_card(shop, gateway)
    assert (method.status, method.last4, method.agreement) == ("active", "4242", "unscheduled")
    payment = await charge(shop, method, by_merchant=by_merchant)
    assert payment.status in DONE, payment
    assert [one["gateway"] for one in await shop.kept(payment)] == [gateway]
    assert payment.customer_id == method.customer_id


async def test_rules_see_who_issued_a_card_that_was_kept(shop: Shop) -> None:
    method = await kept_card(shop, "stripe")
    payment = await charge(shop, method, by_merchant=True)
    facts = routes.facts_of_payment(payment, None)
    assert facts is not None
    card = await shop.card()
    assert (facts.bin, facts.issuer_country, facts.brand) == (card.bin, card.issuer_country, card.brand)
    assert card.bin


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_card_whose_bank_wanted_to_see_the_customer_is_kept_after_that(shop: Shop, gateway: str) -> None:
    await only(shop, gateway)
    payment = await pay_and_save(shop, await shop.card(CHALLENGED), (await customer(shop)).id)
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    assert await method_store.method_of_payment(payment.id) is None
    action = (await story_of(payment)).attempts[-1].next_action
    assert action is not None
    payment = await service.complete(payment.id, await visit(action["url"], home()))
    assert payment.status in DONE
    assert (await method_of(payment)).status == MethodStatus.ACTIVE


@pytest.mark.parametrize("gateway", ["adyen", "paypal"])
async def test_wallet_that_was_kept_is_charged_by_the_merchant(shop: Shop, gateway: str) -> None:
    await only(shop, gateway)
    payment = await pay_and_save(shop, PayPalWallet(), (await customer(shop)).id)
    action = (await story_of(payment)).attempts[-1].next_action
    assert action is not None
    payment = await service.complete(payment.id, await visit(action["url"], home(), press=PAYS[gateway]))
    assert payment.status in DONE, payment
    if await method_store.method_of_payment(payment.id) is None:  # the gateway tells of it apart from the approval
        await kept.keep_late(payment.id)
    again = await charge(shop, await method_of(payment), by_merchant=True)
    # Adyen has received it, and tells by webhook what PayPal says
    assert again.status in (DONE if gateway == "paypal" else (*DONE, PaymentStatus.PROCESSING)), again


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_declined_payment_keeps_nothing(shop: Shop, gateway: str) -> None:
    await only(shop, gateway)
    payment = await pay_and_save(shop, await shop.card(STOLEN), (await customer(shop)).id)
    assert payment.status is PaymentStatus.FAILED
    assert await method_store.method_of_payment(payment.id) is None
    assert await bells(kept.KEEP, payment.id) == 0


async def test_nothing_is_kept_that_was_not_to_be(shop: Shop) -> None:
    person = await customer(shop)
    await pay(shop, await shop.card(), customer_id=person.id)
    assert await method_store.methods_of(person.id, limit=5) == []


async def test_news_of_one_approval_heard_by_two_at_once_makes_one_method(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply was lost; a look-up and a webhook both find that the payment was approved."""
    monkeypatch.setenv("CLEARWAY_LIMITS__PAYMENT_DEADLINE_S", "2")
    get_settings.cache_clear()
    await only(shop, "stripe")
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="lose_reply")
    person = await customer(shop)
    creating = asyncio.create_task(pay_and_save(shop, await shop.card(), person.id))
    payment = await creating if creating.done() else None
    while payment is None:
        found = await store.payments_of(shop.merchant_id, limit=1)
        if found and any(op.state == "unknown" for op in (await story_of(found[0])).operations):
            payment = found[0]
        await asyncio.sleep(0.05)
    story = await story_of(payment)
    operation = next(op for op in story.operations if op.open)
    told = Outcome(
        OutcomeKind.APPROVED, payment.amount, "pi_heard", "ch_heard", gateway_token="pm_heard", gateway_customer="cus_1"
    )

    async def hear(by: SettledBy) -> None:
        async with transaction():
            locked = await store.lock_payment(payment.id)
            assert locked is not None
            await settling.settle(await store.story_of(locked), operation.id, told, by, locked.updated_at)

    await asyncio.gather(*(hear(by) for by in (SettledBy.LOOK_UP, SettledBy.WEBHOOK, SettledBy.LOOK_UP)))
    await creating
    methods = await method_store.methods_of(person.id, limit=10)
    assert len(methods) == 1
    assert [token.gateway_token for token in await method_store.tokens_of(methods[0].id)] == ["pm_heard"]
    told_of = [e for e in await events.events_of(shop.merchant_id, limit=100) if e.type == "payment_method.saved"]
    assert len(told_of) == 1


async def test_card_is_found_among_what_the_gateway_keeps_where_no_answer_gave_its_token(shop: Shop) -> None:
    await only(shop, "adyen")
    person = await customer(shop)
    payment = await pay_and_save(shop, await shop.card(), person.id)
    method = await method_of(payment)
    await PaymentMethodToken.delete().where(PaymentMethodToken.payment_method_id == method.id)
    await PaymentMethod.delete().where(PaymentMethod.id == method.id)
    assert await kept.keep_late(payment.id) is None
    found = await method_of(payment)
    assert (found.last4, found.customer_id) == ("4242", person.id)
    assert (await charge(shop, found)).status in DONE


async def test_charge_fails_over_to_the_mirrored_token_when_the_first_gateway_is_down(shop: Shop) -> None:
    method = await kept_card(shop, "stripe", other_gateways=True)
    await mirrored(shop, method, "adyen")
    await shop.tell("/outage", gateway="stripe", on=True)
    payment = await charge(shop, method)
    await shop.tell("/outage", gateway="stripe", on=False)
    assert await gateways_of(payment) == ["stripe", "adyen"]
    assert [one["gateway"] for one in await shop.kept(payment)] == ["adyen"]


async def test_charge_by_the_merchant_fails_over_with_the_networks_id_of_the_first_payment(shop: Shop) -> None:
    method = await kept_card(shop, "stripe", other_gateways=True)
    assert method.network_transaction_id
    await mirrored(shop, method, "adyen")
    await shop.tell("/outage", gateway="stripe", on=True)
    payment = await charge(shop, method, by_merchant=True)
    await shop.tell("/outage", gateway="stripe", on=False)
    assert [one["gateway"] for one in await shop.kept(payment)] == ["adyen"]


async def test_accounts_without_a_token_are_left_out_and_the_charge_stops_there(shop: Shop) -> None:
    method = await kept_card(shop, "stripe")
    await shop.tell("/outage", gateway="stripe", on=True)
    payment = await charge(shop, method)
    await shop.tell("/outage", gateway="stripe", on=False)
    assert (payment.status, await gateways_of(payment)) == (PaymentStatus.FAILED, ["stripe"])
    assert payment.plan is not None
    why = {reason["account_id"]: reason["why"] for reason in payment.plan["reasons"] if not reason["kept"]}
    assert why.keys() == {shop.accounts["adyen"], shop.accounts["paypal"]}
    assert all("no token" in one for one in why.values())


async def test_merchant_charges_only_under_an_agreement_that_covers_it(shop: Shop) -> None:
    on_file = await kept_card(shop, "stripe", agreement=Agreement.CARD_ON_FILE)
    with pytest.raises(AgreementMissing, match="card_on_file"):
        await charge(shop, on_file, by_merchant=True)
    assert (await charge(shop, on_file)).status in DONE
    agreed = await kept_card(shop, "stripe", agreement=Agreement.SUBSCRIPTION)
    with pytest.raises(AgreementMissing, match="subscription"):
        await charge(shop, agreed, by_merchant=True, agreement=Agreement.UNSCHEDULED)
    assert (await charge(shop, agreed, by_merchant=True, agreement=Agreement.SUBSCRIPTION)).status in DONE


async def test_another_gateway_is_not_charged_by_the_merchant_without_the_networks_id(shop: Shop) -> None:
    method = await kept_card(shop, "stripe", other_gateways=True)
    await mirrored(shop, method, "adyen")
    await PaymentMethod.update({PaymentMethod.network_transaction_id: ""}).where(PaymentMethod.id == method.id)
    payment = await charge(shop, method, by_merchant=True)  # Stripe knows the first payment itself
    assert await gateways_of(payment) == ["stripe"]
    assert payment.plan is not None
    assert [step["account_id"] for step in payment.plan["steps"]] == [shop.accounts["stripe"]]
    forgotten = {PaymentMethodToken.state: TokenState.FORGOTTEN.value}
    await PaymentMethodToken.update(forgotten).where(
        PaymentMethodToken.payment_method_id == method.id,
        PaymentMethodToken.gateway_account_id == shop.accounts["stripe"],
    )
    with pytest.raises(NetworkTransactionMissing):
        await charge(shop, method, by_merchant=True)


async def test_first_payment_of_a_kept_card_teaches_the_networks_id(shop: Shop) -> None:
    method = await kept_card(shop, "stripe")
    known = method.network_transaction_id
    await PaymentMethod.update({PaymentMethod.network_transaction_id: ""}).where(PaymentMethod.id == method.id)
    await charge(shop, method)
    learned = (await kept_methods.get(shop.merchant_id, method.id)).network_transaction_id
    assert learned
    assert learned != known
    await charge(shop, await kept_methods.get(shop.merchant_id, method.id))
    assert (await kept_methods.get(shop.merchant_id, method.id)).network_transaction_id == learned


async def test_decline_of_a_charge_by_the_merchant_is_judged_as_one(shop: Shop) -> None:
    """insufficient_funds: the customer could bring another card; without them it is tried again another day."""
    method = await kept_card(shop, "stripe", other_gateways=True)
    await mirrored(shop, method, "adyen")
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="decline", reason="do_not_honor")
    payment = await charge(shop, method, by_merchant=True)
    decline = (await story_of(payment)).attempts[0].decline
    assert decline is not None
    assert decline["action_mit"] != decline["action_cit"]
    assert (await gateways_of(payment) == ["stripe"]) is (decline["action_mit"] != "failover_now")


async def test_detached_method_is_not_charged(shop: Shop) -> None:
    method = await kept_card(shop, "stripe")
    await kept_methods.detach(shop.merchant_id, method.id)
    with pytest.raises(MethodNotActive, match="detaching"):
        await charge(shop, method)


async def test_another_merchants_method_is_not_found(shop: Shop) -> None:
    method = await kept_card(shop, "stripe")
    other = await access.create_merchant("Other Ltd", {})
    elsewhere = Shop(other.id, shop.accounts, shop.world, shop.vault)
    with pytest.raises(NotFound):
        await charge(elsewhere, method)


async def test_method_is_charged_for_its_own_customer_only(shop: Shop) -> None:
    method = await kept_card(shop, "stripe")
    with pytest.raises(InvalidField, match="customer_id"):
        await charge(shop, method, customer_id=(await customer(shop)).id)


async def test_merchant_charges_nothing_that_is_not_kept(shop: Shop) -> None:
    with pytest.raises(InvalidField, match="initiator"):
        await pay(shop, await shop.card(), initiator=Initiator.MERCHANT)


async def test_saving_needs_a_customer(shop: Shop) -> None:
    with pytest.raises(InvalidField, match="customer_id"):
        await pay(shop, await shop.card(), saving=saving())


async def test_wallet_is_not_kept_without_showing_where_the_customer_consented(shop: Shop) -> None:
    with pytest.raises(InvalidField, match="shopper"):
        await pay(shop, PayPalWallet(), saving=saving(), customer_id=(await customer(shop)).id)


async def test_payment_goes_on_where_the_gateway_cannot_name_the_customer(shop: Shop) -> None:
    await only(shop, "stripe")
    await shop.tell("/scenarios", gateway="stripe", operation="customer", behaviour="http_429")
    payment = await pay_and_save(shop, await shop.card(), (await customer(shop)).id)
    assert payment.status in DONE, payment


async def test_consent_for_other_gateways_has_the_card_spread_to_them(shop: Shop) -> None:
    method = await kept_card(shop, "stripe", other_gateways=True)
    assert await bells(kept_methods.SPREAD, method.id) == 1
    assert await mirroring.spread(method.id) is None
    states = {token.gateway_account_id: token.state for token in await method_store.tokens_of(method.id)}
    assert states == {
        shop.accounts["stripe"]: "kept",
        shop.accounts["adyen"]: "requested",
        shop.accounts["paypal"]: "requested",
    }


async def test_bank_account_is_not_kept_before_its_debit_is_approved(shop: Shop) -> None:
    await only(shop, "adyen")
    person = await customer(shop)
    payment = await pay_and_save(shop, debit(), person.id)
    assert payment.status is PaymentStatus.PROCESSING
    await driver.drive(payment.id)
    assert await method_store.methods_of(person.id, limit=5) == []  # nothing is kept before the debit is approved
