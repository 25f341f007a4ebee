"""A customer's VAT id is asked about when it is set; what VIES says is kept, and its silence harms nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from vat_desk import AUSTRIAN, ITALIAN, OTHER_AUSTRIAN, OWN, VAT, Day, Desk, ask, rung

from invoicing.vat_ids import VatIdState
from orchestrator import outbox
from orchestrator.db import fetch
from orchestrator.jobs.bells import bells
from orchestrator.outbox import Later
from orchestrator.tax_ids import asking, service
from orchestrator.tax_ids.asking import PAUSES, REST
from simulators.scenarios import Behaviour, Scenario


async def test_a_new_id_is_asked_about_and_its_proof_is_kept(desk: Desk, vies: Any) -> None:
    customer = await desk.customer("at u135-85627")
    assert (await rung(), await desk.state(customer)) == (["AT"], "pending")
    assert await ask() is None
    row = await desk.standing(customer)
    assert row.answer is not None
    assert (row.state, row.vat_id, row.answer.state) == (VatIdState.VALID, AUSTRIAN, VatIdState.VALID)
    assert (row.answer.name, row.answer.asked_by) == ("Trader ATU13585627", OWN)
    assert row.answer.proof.startswith("WAPI")
    assert (await vies.asked()) == [{"vat_id": AUSTRIAN, "requester": OWN, "answer": "valid"}]
    assert [(each["state"], each["vat_id"]) for each in await desk.told(customer)] == [("valid", AUSTRIAN)]


async def test_a_workers_actor_answers_the_bell_and_strikes_it_out(desk: Desk, vies: Any, day: Day) -> None:
    customer = await desk.customer()
    due = await outbox.take_due(day.now)
    inside: Any = bells.fn.__wrapped__  # type: ignore[attr-defined] # as its process runs it, in a loop of its own
    await inside([(bell.topic, bell.subject, bell.version) for bell in due if bell.topic == service.TOPIC])
    assert (await desk.state(customer), await rung()) == ("valid", [])


async def test_an_id_that_is_not_registered_is_invalid_and_not_asked_about_again(desk: Desk, vies: Any) -> None:
    await vies.take_out(AUSTRIAN)
    customer = await desk.customer()
    assert await ask() is None
    row = await desk.standing(customer)
    assert (row.state, row.due_at, row.answer.name if row.answer else None) == (VatIdState.INVALID, None, "")


@pytest.mark.parametrize(
    "error",
    ["MS_UNAVAILABLE", "MS_MAX_CONCURRENT_REQ", "GLOBAL_MAX_CONCURRENT_REQ", "TIMEOUT", "VAT_BLOCKED", "IP_BLOCKED"],
)
async def test_a_register_that_does_not_work_the_question_says_nothing_of_the_id(
    desk: Desk, vies: Any, day: Day, error: str
) -> None:
    await vies.silence("AT", error)
    customer = await desk.customer()
    assert await ask() == Later(day.now + PAUSES[0])
    row = await desk.standing(customer)
    assert (row.state, row.detail, row.tries) == (VatIdState.UNAVAILABLE, error, 1)
    assert [each["state"] for each in await desk.told(customer)] == ["unavailable"]


async def test_silence_is_met_with_growing_pauses_and_ends_with_the_answer(desk: Desk, vies: Any, day: Day) -> None:
    await vies.silence("AT", "MS_UNAVAILABLE")
    customer = await desk.customer()
    for pause in (*PAUSES, PAUSES[-1], PAUSES[-1]):
        assert await ask() == Later(day.now + pause)
        assert await ask() == Later(day.now + pause)  # a bell that rings before asks nothing
        day.now += pause
    await vies.silence("AT", "")
    assert await ask() is None
    assert (await desk.standing(customer)).tries == 0
    assert [each["state"] for each in await desk.told(customer)] == ["unavailable", "valid"]
    assert len(await vies.asked()) == len(PAUSES) + 3


async def test_a_network_without_vies_is_a_silent_register(desk: Desk, vies: Any) -> None:
    vies.listener.close()
    customer = await desk.customer()
    await ask()
    assert await desk.state(customer) == "unavailable"
    assert "Connect" in (await desk.standing(customer)).detail


async def test_a_register_that_hangs_is_left_after_a_while(desk: Desk, vies: Any) -> None:
    vies.world.scenarios.append(Scenario("vies", "lookup", Behaviour.HANG, seconds=300))
    customer = await desk.customer()
    await asyncio.wait_for(ask(), 60)
    assert (await desk.standing(customer)).detail == "no answer within 2 s"


async def test_a_silent_register_takes_back_nothing_of_what_it_said(desk: Desk, vies: Any, day: Day) -> None:
    customer = await desk.customer()
    await ask()
    answered_at = day.now
    day.pass_(days=91)
    await desk.issue()
    await vies.silence("AT", "MS_UNAVAILABLE")
    await ask()
    row = await desk.standing(customer)
    assert (row.as_check().state, row.as_check().checked_at) == (VatIdState.VALID, answered_at)
    assert (row.detail, row.tries) == ("MS_UNAVAILABLE", 1)
    assert len(await desk.told(customer)) == 1


async def test_a_country_at_rest_is_left_alone_while_others_are_asked(desk: Desk, vies: Any, day: Day) -> None:
    await vies.silence("AT", "MS_UNAVAILABLE")
    for vat_id in (AUSTRIAN, OTHER_AUSTRIAN):
        await desk.customer(vat_id)
    italian = await desk.customer(ITALIAN)
    assert await ask("AT") == Later(day.now + REST)
    assert await ask("AT") == Later(day.now + REST, tried=False)
    assert await ask("IT") is None
    assert await desk.state(italian) == "valid"
    assert len(await vies.asked()) == 2
    day.now += REST
    await ask("AT")
    assert [each["vat_id"] for each in await vies.asked() if each["answer"] != "valid"] == [AUSTRIAN, OTHER_AUSTRIAN]


async def test_a_sellers_own_id_that_is_not_taken_costs_the_proof_only(desk: Desk, vies: Any) -> None:
    await vies.take_out(OWN)
    customer = await desk.customer()
    await ask()
    row = await desk.standing(customer)
    assert row.answer is not None
    assert (row.state, row.answer.proof, row.answer.asked_by) == (VatIdState.VALID, "", "")
    assert row.detail == "INVALID_REQUESTER_INFO"


async def test_ids_that_vies_does_not_have_wait_and_are_asked_nowhere(desk: Desk, vies: Any) -> None:
    for vat_id in ("GB980780684", "CHE107787577IVA", "NO995525828MVA"):
        customer = await desk.customer(vat_id)
        assert (await desk.state(customer), (await desk.standing(customer)).due_at) == ("pending", None)
    assert await rung() == []


async def test_northern_ireland_and_greece_are_asked_by_their_prefixes(desk: Desk, vies: Any) -> None:
    for vat_id in ("XI980780684", "EL094259216"):
        customer = await desk.customer(vat_id)
        await ask(vat_id[:2])
        assert await desk.state(customer) == "valid"
    assert [each["vat_id"] for each in await vies.asked()] == ["XI980780684", "EL094259216"]


async def test_an_id_that_is_not_well_formed_is_invalid_without_being_asked_about(desk: Desk, vies: Any) -> None:
    customer = await desk.customer("DE136695978")
    assert (await desk.state(customer), await rung()) == ("invalid", [])
    assert "mistyped" in (await desk.standing(customer)).detail


async def test_what_is_no_vat_id_is_followed_nowhere(desk: Desk, vies: Any) -> None:
    await desk.customer("12-3456789")
    await desk.customer("")
    assert await fetch("SELECT 1 FROM vat_id") == []


async def test_two_customers_with_one_id_are_one_question_and_both_are_told(desk: Desk, vies: Any) -> None:
    customers = [await desk.customer(), await desk.customer()]
    await ask()
    assert len(await vies.asked()) == 1
    assert [len(await desk.told(each)) for each in customers] == [1, 1]


async def test_another_merchants_id_is_a_question_of_its_own(desk: Desk, vies: Any, day: Day) -> None:
    from orchestrator.access import service as access

    second = Desk((await access.create_merchant("Other Ltd", {})).id, day)
    await desk.customer()
    theirs = await second.customer()
    await ask()
    assert [each["requester"] for each in await vies.asked()] == [OWN, ""]
    row = await second.standing(theirs)
    assert row.answer is not None
    assert row.answer.proof == ""


async def test_checks_that_are_off_leave_the_id_waiting_until_they_are_on(
    desk: Desk, vies: Any, day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestrator.settings import get_settings

    url = vies.listener.url
    monkeypatch.setenv("CLEARWAY_VAT__VIES_URL", "")
    get_settings.cache_clear()
    customer = await desk.customer()
    await asking.look_around(day.now)
    assert (await rung(), await ask()) == ([], None)
    assert await desk.state(customer) == "pending"
    monkeypatch.setenv("CLEARWAY_VAT__VIES_URL", url)
    get_settings.cache_clear()
    await asking.look_around(day.now)
    assert await rung() == ["AT"]
    await ask()
    assert await desk.state(customer) == "valid"


async def test_an_id_that_no_customer_has_any_more_is_taken_out_with_its_answers(desk: Desk, vies: Any) -> None:
    customer = await desk.customer()
    await ask()
    await desk.change(customer, ITALIAN)
    assert [row["vat_id"] for row in await fetch("SELECT vat_id FROM vat_id")] == [ITALIAN]
    assert await fetch("SELECT 1 FROM vat_id_answer") == []


async def test_an_erased_customers_id_is_kept_only_with_the_documents_that_rest_on_it(desk: Desk, vies: Any) -> None:
    from orchestrator.customers import erasure
    from orchestrator.payments import of_customers

    with_invoice, without = await desk.customer(), await desk.customer(ITALIAN)
    await ask("AT")
    await ask("IT")
    await desk.issue(AUSTRIAN)
    for customer in (with_invoice, without):
        await erasure.erase(desk.merchant_id, customer, of_customers.open_payments)
    assert [row["vat_id"] for row in await fetch("SELECT vat_id FROM vat_id")] == [AUSTRIAN]
    assert len(await fetch("SELECT 1 FROM vat_id_answer")) == 1


async def test_ids_of_drafts_that_were_never_issued_are_taken_out_after_a_while(
    desk: Desk, vies: Any, day: Day
) -> None:
    await desk.draft(ITALIAN, VAT)
    await desk.customer(AUSTRIAN)
    day.now += timedelta(days=89)
    await asking.look_around(day.now)
    assert len(await fetch("SELECT 1 FROM vat_id")) == 2
    day.now += timedelta(days=2)
    await asking.look_around(day.now)
    assert [row["vat_id"] for row in await fetch("SELECT vat_id FROM vat_id")] == [AUSTRIAN]
