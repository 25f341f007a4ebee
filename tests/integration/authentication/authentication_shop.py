"""What tests of strong authentication share: a shopper at the bank's page, and attempts as the API shows them."""

from __future__ import annotations

from typing import Any

from kept_shop import only
from msgspec import structs
from payment_shop import Shop, euros, story_of
from shopper_pages_async import visit

from orchestrator.access.store import MerchantRow, merchant
from orchestrator.http.authentication_schemas import AuthenticationBody, authentication_body
from orchestrator.payments import service
from orchestrator.payments.authentication_records import PaymentAuthentication
from orchestrator.payments.instruments import Card
from orchestrator.payments.records import AttemptRow, PaymentRow
from orchestrator.payments.service import NewPayment
from orchestrator.settings import get_settings
from routing import store as routing_store
from routing.authentication import Wanted

ON_REQUEST = "4000000000003055"  # answers a challenge, and is charged without one (docs.stripe.com/testing)
DECLINED_AFTER = "4000008400001629"  # challenged by Stripe, and declined by the issuer after it

REQUIRED = PaymentAuthentication(asked=Wanted.REQUIRED)
EXEMPT = PaymentAuthentication(asked=Wanted.EXEMPT)

__all__ = ["DECLINED_AFTER", "EXEMPT", "ON_REQUEST", "REQUIRED", "Shop", "only"]


async def card_of(shop: Shop, number: str, issued_in: str = "DE") -> Card:
    return structs.replace(await shop.card(number), issuer_country=issued_in)


async def pay(shop: Shop, card: Card, minor: int = 2500, **more: Any) -> PaymentRow:
    return await service.create(NewPayment(shop.merchant_id, euros(minor), instrument=card, **more))


async def attempts_of(payment: PaymentRow) -> list[AttemptRow]:
    return (await story_of(payment)).attempts


async def shown(payment: PaymentRow) -> list[AuthenticationBody]:
    """The authentication of each attempt, as the API shows it."""
    bodies = [authentication_body(attempt.authentication) for attempt in await attempts_of(payment)]
    return [body for body in bodies if body is not None]


async def pass_challenge(payment: PaymentRow) -> PaymentRow:
    """The shopper gives the right password at the bank's page, and comes back."""
    action = (await attempts_of(payment))[-1].next_action
    assert action is not None, payment
    brought = await visit(action["url"], get_settings().public_url)
    return await service.complete(payment.id, brought)


async def rules(shop: Shop, document: dict[str, Any]) -> None:
    """Put a rule set in force."""
    from orchestrator import clock_port
    from orchestrator.ids import new_id

    id, now = new_id("rls"), clock_port.now()
    await routing_store.insert_rule_set(id, shop.merchant_id, document, now)
    await routing_store.activate(shop.merchant_id, id, now)


async def row_of(merchant_id: str) -> MerchantRow:
    found = await merchant(merchant_id)
    assert found is not None
    return found
