"""A settlement report with disputes in it: its rows are matched with the ledger, and its fees are booked apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from dispute_desk import GATEWAYS, Desk
from test_dispute_flow import ANSWER, LOST, WON

from orchestrator import clock_port
from orchestrator.disputes import service
from orchestrator.reconciliation.service import import_file, list_breaks, reconcile

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def settled(desk: Desk, gateway: str) -> int:
    """The report of all that has happened, imported and reconciled; how many breaks there are."""
    answer = await desk.shop.tell("/settle", gateway=gateway, account=desk.names[gateway])
    path = Path(answer["path"])
    account_id, now = desk.shop.accounts[gateway], clock_port.now()
    result = await import_file(desk.merchant_id, account_id, path.name, path.read_bytes(), now)
    assert result.error == ""
    await reconcile(desk.merchant_id, now)
    return len(await list_breaks(desk.merchant_id))


async def balance_at(desk: Desk, gateway: str) -> int:
    """What is left at the gateway after its payout, all fees taken."""
    answer = await desk.shop.world.get("/books", params={"gateway": gateway, "account": desk.names[gateway]})
    return sum(book["balance_minor"] for book in answer.json())


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_lost_dispute_leaves_no_break_and_its_fee_is_known(desk: Desk, gateway: str) -> None:
    await desk.paid(gateway, 9000)
    payment = await desk.paid(gateway)
    row = await desk.opened(gateway, payment.id, reason="not_received")
    await desk.decided(row.gateway_dispute_id, "lost")
    await desk.hand_in(await desk.told(LOST[gateway], row.gateway_dispute_id))
    assert await settled(desk, gateway) == 0
    assert await desk.balance("gateway_clearing") == await balance_at(desk, gateway)
    fee = await desk.balance("dispute_fees")
    assert fee > 0
    assert await desk.balance("chargebacks") == 2000
    if gateway != "paypal":  # whose report has the fee in a row of its own, which does not name the dispute
        assert (await desk.dispute(gateway, row.gateway_dispute_id)).fee_minor == fee


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_won_dispute_leaves_no_break(desk: Desk, gateway: str) -> None:
    await desk.paid(gateway, 9000)
    payment = await desk.paid(gateway)
    row = await desk.opened(gateway, payment.id, reason="not_received")
    await service.submit_evidence(desk.merchant_id, row.id, ANSWER)
    await desk.decided(row.gateway_dispute_id, "won")
    await desk.hand_in(await desk.told(WON[gateway], row.gateway_dispute_id))
    assert await settled(desk, gateway) == 0
    assert await desk.balance("gateway_clearing") == await balance_at(desk, gateway)
    assert (await desk.balance("disputes"), await desk.balance("chargebacks")) == (0, 0)


async def test_a_chargeback_that_we_never_heard_of_is_a_break(desk: Desk) -> None:
    await desk.paid("stripe", 9000)
    payment = await desk.paid("stripe")
    await desk.disputed("stripe", payment.id)
    assert await settled(desk, "stripe") == 1
    (found,) = await list_breaks(desk.merchant_id)
    assert found.kind == "missing_in_ledger"
