"""While a question is out: the id changes, the worker dies, another worker comes. No answer lands where it was not
asked for, none is lost for good, and no country is asked twice at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

import pytest
from odd_register import VALID, OddRegister
from vat_desk import AUSTRIAN, ITALIAN, OTHER_AUSTRIAN, Day, Desk, ask

from invoicing.vat_ids import VatIdCheck, VatIdState
from orchestrator.customers import service as customers
from orchestrator.db import engine, fetch, in_transaction, transaction
from orchestrator.outbox import Later
from orchestrator.tax_ids import asking, service, store
from orchestrator.tax_ids.asking import LEASE_MARGIN_S, PAUSE
from simulators.scenarios import Behaviour, Scenario


async def asked_and_open(odd: OddRegister) -> asyncio.Task[Later | None]:
    """A worker whose question has reached the register, and waits for the answer."""
    odd.answers.clear()
    odd.came.clear()
    worker = asyncio.create_task(ask())
    assert await asyncio.to_thread(odd.came.wait, 10)
    return worker


async def test_an_answer_about_the_old_id_never_lands_on_the_new_one(desk: Desk, odd: OddRegister) -> None:
    customer = await desk.customer()
    worker = await asked_and_open(odd)
    await desk.change(customer, ITALIAN)
    odd.answers.set()
    await worker
    row = await desk.standing(customer)
    assert (row.vat_id, row.state.value, row.answer) == (ITALIAN, "pending", None)
    assert await desk.told(customer) == []


async def test_an_id_that_is_set_again_meanwhile_is_asked_about_anew(desk: Desk, odd: OddRegister) -> None:
    """The answer that is still out was ordered before the customer had another id: it counts for nobody."""
    customer = await desk.customer()
    worker = await asked_and_open(odd)
    await desk.change(customer, ITALIAN)
    await desk.change(customer, AUSTRIAN)
    odd.first = [{**VALID, "valid": False}]
    odd.answers.set()
    await worker
    assert await desk.state(customer) == "valid"
    assert [each["vatNumber"] for each in odd.asked] == [AUSTRIAN[2:]] * 2
    assert [each["state"] for each in await desk.told(customer)] == ["valid"]


async def test_an_answer_stays_with_the_customer_that_has_the_id_still(desk: Desk, odd: OddRegister) -> None:
    gone, stays = await desk.customer(), await desk.customer()
    worker = await asked_and_open(odd)
    await desk.change(gone, ITALIAN)
    odd.answers.set()
    await worker
    assert (await desk.state(gone), await desk.state(stays)) == ("pending", "valid")
    assert (len(await desk.told(gone)), len(await desk.told(stays))) == (0, 1)


async def test_a_check_called_for_while_the_id_changes_is_of_the_id_that_is_there(desk: Desk, vies: Any) -> None:
    """Under the customer's lock: a check that read the old id before the change never brings it back."""
    customer = await desk.customer()
    await asyncio.gather(
        desk.change(customer, ITALIAN), *(customers.check_vat_id(desk.merchant_id, customer) for _ in range(4))
    )
    assert (await desk.standing(customer)).vat_id == ITALIAN


async def test_what_is_lost_between_answer_and_commit_is_asked_again(
    desk: Desk, vies: Any, day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = await desk.customer()

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as killed:
        killed.setattr(store, "lock", dies)
        with pytest.raises(asyncio.CancelledError):
            await ask()
    assert (await desk.state(customer), len(await vies.asked())) == ("pending", 1)
    waiting = await ask()  # the lane is the dead one's until its lease is over
    assert waiting is not None
    assert (waiting.at > day.now, waiting.tried, len(await vies.asked())) == (True, False, 1)
    day.now = waiting.at
    await ask()
    assert (await desk.state(customer), len(await vies.asked())) == ("valid", 2)
    assert len(await fetch("SELECT 1 FROM vat_id_answer")) == 1


async def test_many_workers_ask_one_country_one_at_a_time(
    desk: Desk, vies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vies.world.scenarios.append(Scenario("vies", "lookup", Behaviour.DELAY, times=None, seconds=0.02))
    for vat_id in (AUSTRIAN, OTHER_AUSTRIAN, "ATU65033803", "ATU57477929", ITALIAN):
        await desk.customer(vat_id)
    monkeypatch.setattr(asking, "AT_ONCE_MAX", 9)  # as if in processes of their own
    for _ in range(6):
        await asyncio.gather(*(ask(country) for country in ("AT", "AT", "AT", "AT", "IT", "IT")))
    assert await vies.most_at_once() == {"AT": 1, "IT": 1}
    asked = [each["vat_id"] for each in await vies.asked()]
    assert (len(asked), len(set(asked))) == (5, 5)


async def test_a_worker_that_was_too_long_away_asks_no_more(desk: Desk, odd: OddRegister, day: Day) -> None:
    """Its lease ran out and another has the country: the slow one's answer is kept, and it leaves the rest alone."""
    for vat_id in (AUSTRIAN, OTHER_AUSTRIAN):
        await desk.customer(vat_id)
    worker = await asked_and_open(odd)
    day.now += timedelta(seconds=2 * 2 + LEASE_MARGIN_S + 1)
    taken = await store.take_lane("AT", 7, day.now + timedelta(minutes=1), day.now)
    odd.answers.set()
    assert (taken, await worker) == (True, Later(day.now + timedelta(minutes=1), tried=False))
    assert [each["vatNumber"] for each in odd.asked] == [AUSTRIAN[2:]]


async def test_registers_that_hang_take_few_places_of_a_process(desk: Desk, odd: OddRegister, day: Day) -> None:
    for vat_id in (AUSTRIAN, ITALIAN, "FR40303265045"):
        await desk.customer(vat_id)
    odd.answers.clear()
    at_work = [asyncio.create_task(ask(country)) for country in ("AT", "IT")]
    await asyncio.to_thread(odd.came.wait, 10)
    assert await ask("FR") == Later(day.now + PAUSE, tried=False)
    odd.answers.set()
    await asyncio.gather(*at_work)
    assert await ask("FR") is None
    assert len(odd.asked) == 3


async def test_a_turn_ends_and_the_rest_is_asked_in_the_next(
    desk: Desk, vies: Any, day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "TURN_S", 0.0)
    for vat_id in (AUSTRIAN, OTHER_AUSTRIAN):
        await desk.customer(vat_id)
    assert await ask() == Later(day.now)
    assert await vies.asked() == []


async def test_an_id_taken_out_and_set_at_the_same_moment_is_there_once(desk: Desk, vies: Any) -> None:
    pairs = [(await desk.customer(AUSTRIAN), await desk.customer(ITALIAN)) for _ in range(3)]
    for _ in range(5):
        await asyncio.gather(
            *(desk.change(first, ITALIAN) for first, _ in pairs),
            *(desk.change(second, AUSTRIAN) for _, second in pairs),
        )
        await asyncio.gather(
            *(desk.change(first, AUSTRIAN) for first, _ in pairs),
            *(desk.change(second, ITALIAN) for _, second in pairs),
        )
    assert [(await desk.standing(first)).vat_id for first, _ in pairs] == [AUSTRIAN] * 3
    assert len(await fetch("SELECT 1 FROM vat_id")) == 2


async def test_an_id_that_is_being_given_to_a_customer_is_not_taken_out(desk: Desk, vies: Any, day: Day) -> None:
    """Nobody has it yet, but somebody is about to: whoever tidies up meanwhile leaves it."""
    async with transaction():
        before = await service.known(desk.merchant_id, AUSTRIAN, day.now)
    async with transaction():
        row = await service.known(desk.merchant_id, AUSTRIAN, day.now)
        await asyncio.wait_for(asyncio.create_task(beside(store.forget(row.id))), 60)
        await store.hold("cus_1", row.id, day.now)
    assert (await desk.standing("cus_1")).id == before.id


async def test_an_id_that_is_being_taken_out_is_added_anew_for_who_comes_then(desk: Desk, vies: Any, day: Day) -> None:
    async with transaction():
        before = await service.known(desk.merchant_id, AUSTRIAN, day.now)
    async with transaction():
        await store.forget(before.id)
        comes = asyncio.create_task(beside(service.follow(desk.merchant_id, "cus_1", AUSTRIAN, day.now)))
        assert not (await asyncio.wait({comes}, timeout=0.2))[0]
    await asyncio.wait_for(comes, 60)
    after = await desk.standing("cus_1")
    assert (after.vat_id, after.id == before.id) == (AUSTRIAN, False)


async def beside(work: Coroutine[Any, Any, None]) -> None:
    """In a transaction of its own, while the caller's is open."""
    engine().current_transaction.set(None)
    async with transaction():
        await work


async def test_a_register_is_asked_outside_any_transaction(desk: Desk, vies: Any, day: Day) -> None:
    seen: list[bool] = []

    class Looks:
        async def check(self, vat_id: str, *, asked_by: str, now: datetime) -> VatIdCheck:
            seen.append(in_transaction())
            return VatIdCheck(vat_id=vat_id, state=VatIdState.VALID, checked_at=now)

    customer = await desk.customer()
    assert await asking.ask(await desk.standing(customer), Looks())
    assert (seen, await desk.state(customer)) == ([False], "valid")
