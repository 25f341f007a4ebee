"""A card kept at one gateway is mirrored to another: with consent, once, and undone when it is detached."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from typing import Any

import pytest
from payment_shop import Shop, euros

from orchestrator import clock_port
from orchestrator.customers import kept_methods, method_store, mirroring
from orchestrator.customers import service as customers
from orchestrator.customers.kept_methods import Consent, MethodStatus, TokenState
from orchestrator.customers.method_store import MethodRow, TokenRow
from orchestrator.customers.tables import PaymentMethod, PaymentMethodToken
from orchestrator.errors import InvalidField, NotFound
from orchestrator.gateways import connections
from orchestrator.gateways.base import CaptureMode, OperationCall, OperationKind
from orchestrator.gateways.credentials import (
    Agreement,
    CardCredential,
    Method,
    SavedCredential,
    Shopper,
    StoredUse,
)
from orchestrator.gateways.facets import CustomerOrder, SavedMethod, SaveOrder
from orchestrator.gateways.tables import GatewayAccount
from orchestrator.outbox import Later
from routing.outcomes import OutcomeKind

pytestmark = pytest.mark.asyncio(loop_scope="session")
USE = StoredUse(agreement=Agreement.UNSCHEDULED)
OPPOSITE = {"stripe": "adyen", "adyen": "stripe"}


def consent(*, other_gateways: bool = True) -> Consent:
    return Consent("Keep my card for later orders.", clock_port.now(), other_gateways=other_gateways)


async def saved_at(shop: Shop, gateway: str, customer_id: str) -> SavedMethod:
    """A card of the vault, kept at one gateway."""
    connection = await connections.connect(shop.accounts[gateway])
    methods = connection.gateway.facets.methods
    assert methods is not None
    card = await shop.card()
    credential = CardCredential(card.vault_token, "visa", "4242", 12, 2030, holder="Ada Example")
    shopper = Shopper(email="ada@example.com", name="Ada Example", country="DE")
    key = secrets.token_hex(8)
    customer = await connection.ask(lambda _: methods.save_customer(CustomerOrder(f"{key}_c", customer_id, shopper)))
    assert customer.value is not None, customer
    order = SaveOrder(key, f"pm_{key}", credential, customer.value, USE, shopper=shopper)
    answer = await connection.ask(lambda _: methods.save(order))
    assert answer.value is not None, answer
    return answer.value


async def kept(shop: Shop, gateway: str, **how: Any) -> MethodRow:
    person = await customers.create(
        shop.merchant_id, "Ada Example", "ada@example.com", country="DE", locale="en", profile={}
    )
    saved = await saved_at(shop, gateway, person.id)
    return await kept_methods.keep(shop.merchant_id, person.id, shop.accounts[gateway], saved, consent(**how), USE)


async def mirrored(shop: Shop, method: MethodRow, to: str) -> TokenRow:
    token = await mirroring.mirror(shop.merchant_id, method.id, shop.accounts[to])
    assert await mirroring.mirror_token(token.id) is None
    row = await method_store.token(token.id)
    assert row is not None
    return row


async def token_of(token_id: str) -> TokenRow:
    row = await method_store.token(token_id)
    assert row is not None
    return row


async def forgotten_at(shop: Shop, gateway: str, token: TokenRow) -> None:
    """The customer, or somebody at the gateway, removes the credential there."""
    connection = await connections.connect(shop.accounts[gateway])
    methods = connection.gateway.facets.methods
    assert methods is not None
    answer = await connection.ask(
        lambda _: methods.detach(token.gateway_token, token.gateway_customer, f"{token.id}_by_hand")
    )
    assert answer.kind is OutcomeKind.APPROVED


async def lost_on_the_way_to(shop: Shop, gateway: str) -> tuple[MethodRow, TokenRow]:
    """A card kept at Stripe whose mirroring was carried out, without us hearing of it."""
    method = await kept(shop, "stripe")
    token = await mirroring.mirror(shop.merchant_id, method.id, shop.accounts[gateway])
    await shop.tell("/scenarios", gateway="stripe", operation="forward", behaviour="lose_reply")
    assert isinstance(await mirroring.mirror_token(token.id), Later)
    return method, await token_of(token.id)


async def listed(shop: Shop, token: TokenRow) -> list[str]:
    """What the gateway of the token keeps for its customer."""
    connection = await connections.connect(token.gateway_account_id)
    methods = connection.gateway.facets.methods
    assert methods is not None
    answer = await connection.ask(lambda _: methods.saved(token.gateway_customer))
    assert answer.kind is OutcomeKind.APPROVED, answer
    return [saved.gateway_token for saved in answer.value or ()]


@pytest.mark.parametrize("gateway", ["stripe", "adyen"])
async def test_mirrored_card_can_be_charged_at_the_other_gateway(shop: Shop, gateway: str) -> None:
    method = await kept(shop, gateway)
    token = await mirrored(shop, method, OPPOSITE[gateway])
    assert token.state == TokenState.KEPT, token
    assert token.gateway_token in await listed(shop, token)
    connection = await connections.connect(token.gateway_account_id)
    call = OperationCall(
        OperationKind.CONFIRM,
        f"op_{secrets.token_hex(8)}",
        "pay_1",
        f"att_{secrets.token_hex(8)}",
        euros(1999),
        credential=SavedCredential(token.gateway_token, token.gateway_customer, brand="visa", last4="4242"),
        stored_use=USE,
        capture=CaptureMode.MANUAL,
        gateway_customer=token.gateway_customer,
    )
    if OperationKind.CREATE in connection.gateway.authorise_steps:
        created = await connection.perform(
            replace(call, kind=OperationKind.CREATE, operation_id=call.operation_id + "c")
        )
        call = replace(call, gateway_payment_id=created.gateway_payment_id)
    outcome = await connection.perform(call)
    assert outcome.kind is OutcomeKind.APPROVED, outcome


async def test_card_can_be_mirrored_to_paypal(shop: Shop) -> None:
    token = await mirrored(shop, await kept(shop, "stripe"), "paypal")
    assert token.state == TokenState.KEPT, token
    assert token.gateway_token in await listed(shop, token)


async def test_without_consent_for_other_gateways_nothing_is_mirrored(shop: Shop) -> None:
    method = await kept(shop, "stripe", other_gateways=False)
    with pytest.raises(InvalidField, match="consent"):
        await mirroring.mirror(shop.merchant_id, method.id, shop.accounts["adyen"])


async def test_gateway_that_forwards_nothing_is_no_source(shop: Shop) -> None:
    method = await kept(shop, "paypal")
    with pytest.raises(InvalidField, match="forward"):
        await mirroring.mirror(shop.merchant_id, method.id, shop.accounts["stripe"])


async def test_another_merchants_method_is_not_there(shop: Shop) -> None:
    method = await kept(shop, "stripe")
    with pytest.raises(NotFound):
        await mirroring.mirror("mer_other", method.id, shop.accounts["adyen"])


async def test_mirroring_twice_keeps_one_token(shop: Shop) -> None:
    method = await kept(shop, "stripe")
    first, second = (
        await mirrored(shop, method, "adyen"),
        await mirroring.mirror(shop.merchant_id, method.id, shop.accounts["adyen"]),
    )
    assert first.id == second.id
    assert len(await listed(shop, first)) == 1


async def test_lost_answer_is_looked_for_before_the_card_is_sent_again(shop: Shop) -> None:
    method = await kept(shop, "stripe")
    token = await mirroring.mirror(shop.merchant_id, method.id, shop.accounts["adyen"])
    await shop.tell("/scenarios", gateway="stripe", operation="forward", behaviour="lose_reply")
    assert isinstance(await mirroring.mirror_token(token.id), Later)
    sent = await method_store.token(token.id)
    assert sent is not None
    assert sent.state == TokenState.SENT
    assert await mirroring.mirror_token(token.id) is None
    row = await method_store.token(token.id)
    assert row is not None
    assert row.state == TokenState.KEPT
    assert await listed(shop, row) == [row.gateway_token]


async def test_gateway_that_is_down_is_asked_again_later(shop: Shop) -> None:
    method = await kept(shop, "stripe")
    token = await mirroring.mirror(shop.merchant_id, method.id, shop.accounts["adyen"])
    await shop.tell("/outage", gateway="stripe", on=True)
    try:
        assert isinstance(await mirroring.mirror_token(token.id), Later)
    finally:
        await shop.tell("/outage", gateway="stripe", on=False)
    assert await mirroring.mirror_token(token.id) is None
    row = await method_store.token(token.id)
    assert row is not None
    assert row.state == TokenState.KEPT


async def test_detaching_makes_every_gateway_forget_the_card(shop: Shop) -> None:
    method = await kept(shop, "stripe")
    await mirrored(shop, method, "adyen")
    await kept_methods.detach(shop.merchant_id, method.id)
    assert await kept_methods.forget_tokens(method.id) is None
    tokens = await method_store.tokens_of(method.id)
    assert [token.state for token in tokens] == [TokenState.FORGOTTEN, TokenState.FORGOTTEN]
    for token in tokens:
        assert await listed(shop, token) == []
    assert (await kept_methods.get(shop.merchant_id, method.id)).status == MethodStatus.DETACHED


async def test_card_that_got_through_while_it_was_detached_is_forgotten_too(shop: Shop) -> None:
    method = await kept(shop, "stripe")
    token = await mirroring.mirror(shop.merchant_id, method.id, shop.accounts["adyen"])
    await shop.tell("/scenarios", gateway="stripe", operation="forward", behaviour="lose_reply")
    await mirroring.mirror_token(token.id)
    await kept_methods.detach(shop.merchant_id, method.id)
    assert isinstance(await kept_methods.forget_tokens(method.id), Later)  # it waits for the mirroring to be settled
    assert await mirroring.mirror_token(token.id) is None
    assert await kept_methods.forget_tokens(method.id) is None
    row = await method_store.token(token.id)
    assert row is not None
    assert row.state == TokenState.FORGOTTEN
    assert await listed(shop, row) == []


async def test_consent_without_words_is_refused(shop: Shop) -> None:
    person = await customers.create(shop.merchant_id, "Ada", "ada@example.com", country=None, locale="en", profile={})
    saved = SavedMethod("pm_1", "cus_1")
    with pytest.raises(InvalidField, match=r"consent\.text"):
        await kept_methods.keep(
            shop.merchant_id, person.id, shop.accounts["stripe"], saved, Consent(" ", clock_port.now()), USE
        )


async def test_two_workers_at_one_token_keep_it_once(shop: Shop) -> None:
    method = await kept(shop, "stripe")
    token = await mirroring.mirror(shop.merchant_id, method.id, shop.accounts["adyen"])
    await asyncio.gather(*(mirroring.mirror_token(token.id) for _ in range(4)))
    while await mirroring.mirror_token(token.id) is not None:
        pass
    row = await token_of(token.id)
    assert row.state == TokenState.KEPT
    assert await listed(shop, row) == [row.gateway_token]


async def test_late_word_of_another_worker_changes_nothing_that_is_kept(shop: Shop) -> None:
    token = await mirrored(shop, await kept(shop, "stripe"), "adyen")
    waiting = (TokenState.REQUESTED, TokenState.SENT)
    assert not await method_store.set_token_state(token.id, waiting, TokenState.FAILED, detail="declined")
    assert (await token_of(token.id)).state == TokenState.KEPT


async def test_worker_that_was_overtaken_cannot_call_it_unsent(shop: Shop) -> None:
    _, token = await lost_on_the_way_to(shop, "adyen")
    sent = (TokenState.SENT,)
    overtaken = token.tries - 1
    assert not await method_store.set_token_state(token.id, sent, TokenState.REQUESTED, tries=overtaken)
    assert (await token_of(token.id)).state == TokenState.SENT


async def test_card_is_recognised_where_the_gateway_does_not_say_when_it_ends(shop: Shop) -> None:
    method, token = await lost_on_the_way_to(shop, "adyen")
    unsaid = {PaymentMethod.expiry_year: 0, PaymentMethod.expiry_month: 0}
    await PaymentMethod.update(unsaid).where(PaymentMethod.id == method.id)
    await shop.tell("/outage", gateway="stripe", on=True)  # so that only looking can help
    try:
        assert await mirroring.mirror_token(token.id) is None
    finally:
        await shop.tell("/outage", gateway="stripe", on=False)
    assert (await token_of(token.id)).state == TokenState.KEPT


async def test_refusal_of_a_second_request_says_nothing_of_the_first(shop: Shop) -> None:
    method, token = await lost_on_the_way_to(shop, "paypal")
    gone = {PaymentMethodToken.gateway_token: "pm_gone"}  # so the second is refused; PayPal lists by no name of ours
    await PaymentMethodToken.update(gone).where(
        PaymentMethodToken.payment_method_id == method.id, PaymentMethodToken.mirrored_from.is_null()
    )
    assert isinstance(await mirroring.mirror_token(token.id), Later)
    assert (await token_of(token.id)).state == TokenState.SENT


async def test_what_may_be_kept_somewhere_is_never_called_detached(shop: Shop) -> None:
    method, token = await lost_on_the_way_to(shop, "paypal")
    source = (await method_store.tokens_of(method.id))[0]
    await kept_methods.detach(shop.merchant_id, method.id)
    await forgotten_at(shop, "stripe", source)
    for _ in range(mirroring.TRIES_MAX + 1):
        assert isinstance(await mirroring.mirror_token(token.id), Later)
    assert isinstance(await kept_methods.forget_tokens(method.id), Later)
    assert (await kept_methods.get(shop.merchant_id, method.id)).status == MethodStatus.DETACHING


async def test_card_whose_answer_was_lost_is_kept_by_the_second_request_where_nobody_can_be_asked(shop: Shop) -> None:
    _, token = await lost_on_the_way_to(shop, "paypal")
    assert await mirroring.mirror_token(token.id) is None
    row = await token_of(token.id)
    assert row.state == TokenState.KEPT
    assert await listed(shop, row) == [row.gateway_token]


async def test_card_is_not_sent_blindly_once_the_other_gateway_may_have_forgotten_the_key(shop: Shop) -> None:
    _, token = await lost_on_the_way_to(shop, "paypal")
    long_ago = clock_port.now() - mirroring.KEY_KEPT
    await PaymentMethodToken.update({PaymentMethodToken.created_at: long_ago}).where(PaymentMethodToken.id == token.id)
    assert isinstance(await mirroring.mirror_token(token.id), Later)
    assert (await token_of(token.id)).state == TokenState.SENT


async def test_error_that_the_forwarding_gateway_remembers_is_got_over(shop: Shop) -> None:
    """Stripe gives a stored 500 again for the same key (https://docs.stripe.com/api/idempotent_requests)."""
    method = await kept(shop, "stripe")
    token = await mirroring.mirror(shop.merchant_id, method.id, shop.accounts["adyen"])
    await shop.tell("/scenarios", gateway="stripe", operation="forward", behaviour="http_500")
    assert isinstance(await mirroring.mirror_token(token.id), Later)
    assert await mirroring.mirror_token(token.id) is None
    assert (await token_of(token.id)).state == TokenState.KEPT


async def test_account_that_cannot_be_opened_does_not_keep_the_others_from_forgetting(shop: Shop) -> None:
    method = await kept(shop, "stripe")
    token = await mirrored(shop, method, "adyen")
    sealed = {GatewayAccount.sealed_credentials: "broken"}
    await GatewayAccount.update(sealed).where(GatewayAccount.id == shop.accounts["stripe"])
    connections.close_all()
    await kept_methods.detach(shop.merchant_id, method.id)
    assert isinstance(await kept_methods.forget_tokens(method.id), Later)
    assert (await token_of(token.id)).state == TokenState.FORGOTTEN
    assert await listed(shop, token) == []


async def test_credential_that_two_methods_share_is_forgotten_with_the_second(shop: Shop) -> None:
    """Adyen gives the same token again for a card that it keeps for the shopper already."""
    person = await customers.create(shop.merchant_id, "Ada", "ada@example.com", country="DE", locale="en", profile={})
    saved = await saved_at(shop, "adyen", person.id)
    keep = [
        await kept_methods.keep(shop.merchant_id, person.id, shop.accounts["adyen"], saved, consent(), USE)
        for _ in range(2)
    ]
    for method, left in zip(keep, ([saved.gateway_token], []), strict=True):
        await kept_methods.detach(shop.merchant_id, method.id)
        assert await kept_methods.forget_tokens(method.id) is None
        assert await listed(shop, (await method_store.tokens_of(method.id))[0]) == left


async def test_card_of_another_method_is_not_taken_for_the_lost_one(shop: Shop) -> None:
    method = await kept(shop, "stripe")
    token = await mirroring.mirror(shop.merchant_id, method.id, shop.accounts["adyen"])
    saved = await saved_at(shop, "adyen", method.customer_id)  # the same card, kept there by its owner
    await kept_methods.keep(shop.merchant_id, method.customer_id, shop.accounts["adyen"], saved, consent(), USE)
    await method_store.set_token_state(
        token.id, (TokenState.REQUESTED,), TokenState.SENT, gateway_customer=saved.gateway_customer
    )
    await shop.tell("/outage", gateway="stripe", on=True)
    try:
        assert isinstance(await mirroring.mirror_token(token.id), Later)
    finally:
        await shop.tell("/outage", gateway="stripe", on=False)
    assert (await token_of(token.id)).gateway_token == ""


async def test_only_cards_are_mirrored(shop: Shop) -> None:
    person = await customers.create(shop.merchant_id, "Ada", "ada@example.com", country="DE", locale="en", profile={})
    saved = SavedMethod("pm_sepa", "cus_1", Method.SEPA_DEBIT)
    method = await kept_methods.keep(shop.merchant_id, person.id, shop.accounts["stripe"], saved, consent(), USE)
    with pytest.raises(InvalidField, match="card"):
        await mirroring.mirror(shop.merchant_id, method.id, shop.accounts["adyen"])


async def test_another_merchants_account_is_no_destination(shop: Shop) -> None:
    method = await kept(shop, "stripe")
    elsewhere = {GatewayAccount.merchant_id: "mer_other"}
    await GatewayAccount.update(elsewhere).where(GatewayAccount.id == shop.accounts["adyen"])
    with pytest.raises(NotFound):
        await mirroring.mirror(shop.merchant_id, method.id, shop.accounts["adyen"])


async def test_detaching_while_the_card_is_on_its_way_leaves_it_nowhere(shop: Shop) -> None:
    method = await kept(shop, "stripe")
    token = await mirroring.mirror(shop.merchant_id, method.id, shop.accounts["adyen"])
    await asyncio.gather(mirroring.mirror_token(token.id), kept_methods.detach(shop.merchant_id, method.id))
    while await kept_methods.forget_tokens(method.id) is not None:
        await mirroring.mirror_token(token.id)
    row = await token_of(token.id)
    assert row.state in (TokenState.FORGOTTEN, TokenState.FAILED)
    if row.gateway_customer:
        assert await listed(shop, row) == []


async def test_answer_is_read_though_the_other_account_is_left_alone_meanwhile(shop: Shop) -> None:
    token = await mirroring.mirror(shop.merchant_id, (await kept(shop, "stripe")).id, shop.accounts["adyen"])
    await shop.tell("/scenarios", gateway="stripe", operation="forward", behaviour="delay", seconds=1)
    forwarding = asyncio.create_task(mirroring.mirror_token(token.id))
    stripe = (await connections.connect(shop.accounts["stripe"])).threads
    while not stripe._taken:  # until the request to forward is on its way
        await asyncio.sleep(0.01)
    (await connections.connect(shop.accounts["adyen"])).threads.pause(2)
    assert await forwarding is None
    assert (await token_of(token.id)).state == TokenState.KEPT
