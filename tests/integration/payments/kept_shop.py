"""What tests of payment methods share: a customer, consents, one gateway at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from payment_shop import Shop, euros

from orchestrator import clock_port
from orchestrator.customers import method_store
from orchestrator.customers import service as customers
from orchestrator.customers.kept_methods import Consent
from orchestrator.customers.method_store import MethodRow
from orchestrator.customers.store import CustomerRow
from orchestrator.gateways import accounts
from orchestrator.gateways.credentials import Agreement, Browser, Initiator, Mandate, Shopper
from orchestrator.payments import service
from orchestrator.payments.instruments import Instrument, NetworkToken, Saving, SepaDebit, sepa_debit
from orchestrator.payments.records import PaymentRow
from orchestrator.payments.service import NewPayment
from orchestrator.settings import get_settings

IBAN = "DE89370400440532013000"  # https://docs.stripe.com/payments/sepa-debit/accept-a-payment
SHOPPER = Shopper(
    email="ada@example.com",
    ip="203.0.113.7",
    browser=Browser("text/html", "Mozilla/5.0", "en", 24, 900, 1600, 60),
)


async def only(shop: Shop, *gateways: str) -> None:
    """Take every other account out of routing."""
    for name, account_id in shop.accounts.items():
        await accounts.switch(shop.merchant_id, account_id, enabled=name in gateways)


async def customer(shop: Shop) -> CustomerRow:
    return await customers.create(
        shop.merchant_id, "Ada Example", "ada@example.com", country="DE", locale="en", profile={}
    )


def consent(*, other_gateways: bool = False) -> Consent:
    return Consent("Keep it for later orders.", clock_port.now(), other_gateways=other_gateways, ip="203.0.113.7")


def saving(agreement: Agreement = Agreement.UNSCHEDULED, *, other_gateways: bool = False) -> Saving:
    return Saving(agreement, consent(other_gateways=other_gateways))


async def network_token(shop: Shop, number: str) -> NetworkToken:
    """A network token of the card, as the vault holds it."""
    card = await shop.card(number)
    answer = await shop.vault.post(f"/v1/tokens/{card.vault_token}/network-token")
    answer.raise_for_status()
    told = answer.json()
    return NetworkToken(
        card.vault_token, card.brand, told["last4"], told["expiry_month"], told["expiry_year"], eci=told["eci"]
    )


def debit() -> SepaDebit:
    mandate = Mandate("MANDATE-1", datetime(2026, 11, 1, 12, tzinfo=UTC), "203.0.113.7", "Mozilla/5.0")
    return sepa_debit(IBAN, "Ada Example", "ada@example.com", mandate)


async def pay(shop: Shop, instrument: Instrument | None = None, **more: Any) -> PaymentRow:
    return await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=instrument, **more))


async def pay_and_save(shop: Shop, instrument: Instrument, customer_id: str, **how: Any) -> PaymentRow:
    agreement = how.pop("agreement", Agreement.UNSCHEDULED)
    asked = saving(agreement, other_gateways=how.pop("other_gateways", False))
    return await pay(shop, instrument, customer_id=customer_id, saving=asked, shopper=SHOPPER, **how)


async def charge(shop: Shop, method: MethodRow, *, by_merchant: bool = False, **more: Any) -> PaymentRow:
    initiator = Initiator.MERCHANT if by_merchant else Initiator.CUSTOMER
    return await pay(shop, payment_method_id=method.id, initiator=initiator, **more)


async def method_of(payment: PaymentRow) -> MethodRow:
    """The one that was kept with the payment."""
    found = await method_store.method_of_payment(payment.id)
    assert found is not None, "nothing was kept with this payment"
    return found


def home() -> str:
    return f"{get_settings().public_url}/pay/"
