"""The simulated Stripe: connected accounts, and what of a charge goes to them and comes back."""

from __future__ import annotations

from typing import Any

import pytest
import stripe
from sim_driving import Simulators
from sim_stripe_shop import Shop, open_shop


@pytest.fixture
def shop(simulators: Simulators) -> Shop:
    return open_shop(simulators)


@pytest.fixture
def seller(shop: Shop) -> str:
    asked = {"transfers": {"requested": True}}
    return str(shop.api.accounts.create({"type": "express", "country": "DE", "capabilities": asked}).id)


def sold(shop: Shop, seller: str, **more: Any) -> Any:
    return shop.pay(transfer_data={"destination": seller}, **more)


def test_a_destination_charge_makes_a_transfer_and_keeps_the_fee(shop: Shop, seller: str) -> None:
    charge = shop.charge(sold(shop, seller, application_fee_amount=300))
    transfer = shop.api.transfers.retrieve(charge.transfer)
    assert (transfer.destination, transfer.amount, transfer.source_transaction) == (seller, 2000, charge.id)
    fee = shop.api.application_fees.retrieve(charge.application_fee)
    assert (fee.amount, fee.account, fee.originating_transaction) == (300, seller, charge.id)
    [split] = shop.simulators.charges_of(shop.account)[0]["splits"]
    assert (split["account"], split["minor"], split["reference"]) == (seller, 2000, transfer.id)


def test_a_part_may_be_transferred_instead_of_a_fee_kept(shop: Shop, seller: str) -> None:
    charge = shop.charge(shop.pay(transfer_data={"destination": seller, "amount": 1500}))
    assert shop.api.transfers.retrieve(charge.transfer).amount == 1500


def test_nothing_is_transferred_before_the_capture(shop: Shop, seller: str) -> None:
    intent = sold(shop, seller, capture_method="manual")
    assert shop.api.transfers.list().data == []
    shop.api.payment_intents.capture(intent.id, {"amount_to_capture": 600})
    assert [row.amount for row in shop.api.transfers.list().data] == [600]


@pytest.mark.parametrize(("amount", "transfer_back", "fee_back"), [(500, 500, 75), (2000, 2000, 300)])
def test_a_refund_takes_its_part_of_transfer_and_fee_back(
    shop: Shop, seller: str, amount: int, transfer_back: int, fee_back: int
) -> None:
    intent = sold(shop, seller, application_fee_amount=300)
    order = {"payment_intent": intent.id, "amount": amount, "reverse_transfer": True, "refund_application_fee": True}
    refund = shop.api.refunds.create(order)
    charge = shop.charge(intent)
    transfer = shop.api.transfers.retrieve(charge.transfer)
    assert (transfer.amount_reversed, transfer.reversed) == (transfer_back, amount == 2000)
    assert transfer.reversals.data[0].id == refund.transfer_reversal
    assert shop.api.application_fees.retrieve(charge.application_fee).amount_refunded == fee_back


def test_an_unknown_recipient_is_refused(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such destination") as refused:
        sold(shop, "acct_nowhere")
    assert refused.value.param == "transfer_data[destination]"


def test_a_recipient_without_the_capability_is_refused(shop: Shop) -> None:
    seller = shop.api.accounts.create({"type": "express", "country": "DE"}).id
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sold(shop, seller)
    assert refused.value.code == "insufficient_capabilities_for_transfer"


def test_an_account_of_the_control_api_is_a_recipient(shop: Shop, simulators: Simulators) -> None:
    seller = simulators.register("stripe", {"secret_key": "sk_test_seller_of_things", "country": "FR"})
    account = shop.api.accounts.retrieve(seller)
    assert (account.country, account.charges_enabled) == ("FR", True)
    assert shop.charge(sold(shop, seller)).transfer


def test_charges_and_transfers_may_be_separate(shop: Shop, seller: str) -> None:
    source = shop.pay().latest_charge
    order = {"amount": 1200, "currency": "eur", "destination": seller, "source_transaction": source}
    transfer = shop.api.transfers.create(order)
    with pytest.raises(stripe.InvalidRequestError, match="must not exceed"):
        shop.api.transfers.create(order)
    reversal = shop.api.transfers.reversals.create(transfer.id, {"amount": 200})
    assert (reversal.amount, shop.api.transfers.retrieve(transfer.id).amount_reversed) == (200, 200)
    with pytest.raises(stripe.InvalidRequestError, match="greater than the unreversed amount"):
        shop.api.transfers.reversals.create(transfer.id, {"amount": 1100})


def test_a_transfer_without_a_source_needs_the_money(shop: Shop, seller: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.api.transfers.create({"amount": 1200, "currency": "eur", "destination": seller})
    assert refused.value.code == "balance_insufficient"


def test_the_platform_acts_for_its_accounts_and_no_others(shop: Shop, seller: str) -> None:
    direct = shop.api.payment_intents.create({"amount": 900, "currency": "eur"}, {"stripe_account": seller})
    assert shop.api.payment_intents.retrieve(direct.id, {}, {"stripe_account": seller}).id == direct.id
    with pytest.raises(stripe.InvalidRequestError):
        shop.api.payment_intents.retrieve(direct.id)
    with pytest.raises(stripe.PermissionError):
        shop.api.payment_intents.list({}, {"stripe_account": "acct_nowhere"})


def test_transfers_and_fees_are_balance_transactions(shop: Shop, seller: str) -> None:
    sold(shop, seller, application_fee_amount=300)
    rows = {row.type: row.amount for row in shop.api.balance_transactions.list().data}
    assert rows == {"charge": 2000, "transfer": -2000, "application_fee": 300}
