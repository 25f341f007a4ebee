"""Payouts: what is in them, how they arrive, and those that the clock makes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_sim_settlement import ACCOUNT, captured, close
from test_sim_settlement_rows import account

from simulators.payouts import PayoutStatus, payouts_of
from simulators.settlement import handlers, schedule_payouts, settle
from simulators.timekeeper import Timekeeper
from simulators.webhooks import Sender
from simulators.world import World

DAY_S = 86_400
MORNING = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.mark.parametrize("gateway", ["adyen", "paypal"])
def test_a_payout_arrives_by_the_clock(gateway: str, tmp_path: Path) -> None:
    world = World()
    captured(world, gateway, 1)
    close(world, gateway, tmp_path)
    [payout] = payouts_of(world).values()
    world.clock.reach(payout.arrival - timedelta(hours=1))
    assert payouts_of(world)[payout.id].status is PayoutStatus.IN_TRANSIT
    world.clock.reach(payout.arrival)
    assert payouts_of(world)[payout.id].status is PayoutStatus.PAID


def test_a_debt_that_was_carried_is_a_movement_of_the_payout(tmp_path: Path) -> None:
    world = World()
    charge = captured(world, "adyen", 1)
    close(world, "adyen", tmp_path)
    world.refund(charge, 1999, "REF1")
    close(world, "adyen", tmp_path)
    captured(world, "adyen", 2, 5000)
    close(world, "adyen", tmp_path)
    last = list(payouts_of(world).values())[-1]
    assert [(m.kind, m.net_minor) for m in last.movements] == [("carried", -1999), ("captured", 4928)]


def scheduled(world: World, reports_dir: Path) -> Timekeeper:
    table: dict[str, Any] = {"settlement": handlers(reports_dir)}
    return Timekeeper(world, Sender(world, {}, {}), table)


async def test_a_daily_payout_pays_what_is_older_than_its_delay(tmp_path: Path) -> None:
    world = account("paypal", payout_schedule="daily")
    world.clock.reach(MORNING + timedelta(days=365))
    schedule_payouts(world, "paypal", ACCOUNT)
    schedule_payouts(world, "paypal", ACCOUNT)
    assert len(world.timers.waiting()) == 1
    timekeeper = scheduled(world, tmp_path)
    captured(world, "paypal", 1, 5000)
    await timekeeper.advance(2 * DAY_S)
    assert list(payouts_of(world)) == []  # two midnights, but not two days
    captured(world, "paypal", 2, 7000)
    await timekeeper.advance(DAY_S)
    [payout] = payouts_of(world).values()
    assert [m.reference for m in payout.movements] == ["att_1"]
    assert (payout.created.hour, payout.created.minute) == (0, 0)
    await timekeeper.advance(5 * DAY_S)
    assert [m.reference for p in payouts_of(world).values() for m in p.movements] == ["att_1", "att_2"]
    assert len(list(tmp_path.rglob("*.CSV"))) == 2


async def test_a_schedule_that_is_taken_back_ends(tmp_path: Path) -> None:
    world = account("adyen", payout_schedule="daily", payout_delay_days="0")
    schedule_payouts(world, "adyen", ACCOUNT)
    captured(world, "adyen", 1)
    world.register_account("adyen", ACCOUNT, {})
    await scheduled(world, tmp_path).advance(3 * DAY_S)
    assert list(payouts_of(world)) == []
    assert world.timers.waiting() == []


def test_a_schedule_that_is_none_is_refused() -> None:
    for options in ({"payout_schedule": "hourly"}, {"payout_schedule": "daily", "payout_delay_days": "soon"}):
        with pytest.raises(ValueError, match="payout_"):
            schedule_payouts(account("stripe", **options), "stripe", ACCOUNT)


def test_an_account_without_a_schedule_has_no_timer() -> None:
    world = account("stripe")
    schedule_payouts(world, "stripe", ACCOUNT)
    assert world.timers.waiting() == []


def test_stripe_tells_of_its_payout(tmp_path: Path) -> None:
    world = World()
    captured(world, "stripe", 1)
    settle(world, "stripe", ACCOUNT, None, None, tmp_path)
    assert "payout.created" in [notice.event for notice in world.notices]
