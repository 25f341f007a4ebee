"""What is known of the buyer's VAT id when an invoice is issued is kept with it; the policy says what must be known."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from vat_desk import AUSTRIAN, OTHER_AUSTRIAN, OWN, VAT, Day, Desk, ask, rung

from invoicing.errors import InvalidInvoice
from invoicing.lifecycle import InvoiceState
from invoicing.store import InvoiceRecord
from orchestrator.db import fetch
from orchestrator.tax_ids import at_issue
from orchestrator.tax_ids.at_issue import VatIdPolicy
from orchestrator.tax_ids.store import OnInvoiceRow


async def evidence(desk: Desk, invoice: InvoiceRecord) -> OnInvoiceRow:
    found = await at_issue.kept(desk.merchant_id, invoice.id)
    assert found is not None
    return found


async def refused(desk: Desk, vat_id: str = AUSTRIAN) -> InvalidInvoice:
    with pytest.raises(InvalidInvoice) as refusal:
        await desk.issue(vat_id)
    assert refusal.value.field == "buyer.vat_id"
    assert await fetch("SELECT 1 FROM invoice WHERE number IS NOT NULL") == []
    return refusal.value


async def test_the_proof_that_was_known_is_kept_with_the_invoice(desk: Desk, vies: Any) -> None:
    await desk.customer()
    await ask()
    kept = await evidence(desk, await desk.issue())
    assert kept.answer is not None
    assert (kept.vat_id, kept.state.value, kept.untaxed) == (AUSTRIAN, "valid", True)
    assert (kept.answer.proof[:4], kept.answer.asked_by, kept.later_answer) == ("WAPI", OWN, None)


async def test_an_id_that_is_waiting_holds_nothing_up_and_the_later_answer_joins_it(
    desk: Desk, vies: Any, day: Day
) -> None:
    await vies.silence("AT", "MS_UNAVAILABLE")
    await desk.customer()
    await ask()
    invoice = await desk.issue()
    assert invoice.state is InvoiceState.OPEN
    assert ((await evidence(desk, invoice)).state.value, (await evidence(desk, invoice)).answer) == (
        "unavailable",
        None,
    )
    await vies.silence("AT", "")
    day.pass_(minutes=1)
    await ask()
    later = (await evidence(desk, invoice)).later_answer
    assert later is not None
    assert (later.state.value, later.proof[:4]) == ("valid", "WAPI")


async def test_what_is_answered_later_changes_nothing_that_was_kept(desk: Desk, vies: Any, day: Day) -> None:
    await desk.customer()
    await ask()
    invoice = await desk.issue()
    before = await evidence(desk, invoice)
    await vies.take_out(AUSTRIAN)
    day.pass_(days=91)
    await desk.issue()
    await ask()
    after = await evidence(desk, invoice)
    assert (after.state, after.answer) == (before.state, before.answer)
    assert after.later_answer is not None
    assert after.later_answer.state.value == "invalid"


@pytest.mark.parametrize("verb", ["UPDATE vat_id_on_invoice SET state = 'valid'", "DELETE FROM vat_id_on_invoice"])
async def test_postgresql_refuses_to_change_what_was_kept(desk: Desk, vies: Any, verb: str) -> None:
    await desk.issue()
    with pytest.raises(asyncpg.RaiseError, match="only ever added"):
        await fetch(verb)


async def test_postgresql_refuses_to_change_or_lose_an_answer(desk: Desk, vies: Any) -> None:
    await desk.customer()
    await ask()
    await desk.issue()
    with pytest.raises(asyncpg.RaiseError, match="only ever added"):
        await fetch("UPDATE vat_id_answer SET state = 'invalid'")
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await fetch("DELETE FROM vat_id_answer")


async def test_an_id_that_is_not_registered_lets_nothing_go_untaxed(desk: Desk, vies: Any) -> None:
    await vies.take_out(AUSTRIAN)
    await desk.customer()
    await ask()
    assert "not registered" in (await refused(desk)).message


async def test_a_taxed_sale_needs_no_id_and_keeps_what_is_known(desk: Desk, vies: Any) -> None:
    await at_issue.set_policy(desk.merchant_id, VatIdPolicy.REQUIRE)
    await vies.take_out(AUSTRIAN)
    await desk.customer()
    await ask()
    kept = await evidence(desk, await desk.issue(tax=VAT))
    assert (kept.state.value, kept.untaxed) == ("invalid", False)


async def test_a_strict_merchant_issues_nothing_untaxed_before_the_register_said_so(desk: Desk, vies: Any) -> None:
    await at_issue.set_policy(desk.merchant_id, VatIdPolicy.REQUIRE)
    refusal = await refused(desk)
    assert "check-vat-id" in refusal.message
    assert await rung() == ["AT"]  # the draft had it asked
    await ask()
    assert (await evidence(desk, await desk.issue())).state.value == "valid"


async def test_a_strict_merchant_waits_for_a_silent_register(desk: Desk, vies: Any) -> None:
    await at_issue.set_policy(desk.merchant_id, VatIdPolicy.REQUIRE)
    await vies.silence("AT", "MS_MAX_CONCURRENT_REQ")
    await desk.draft()
    await ask()
    assert "MS_MAX_CONCURRENT_REQ" in (await refused(desk)).message


async def test_for_a_strict_merchant_an_answer_counts_for_ninety_days(desk: Desk, vies: Any, day: Day) -> None:
    await at_issue.set_policy(desk.merchant_id, VatIdPolicy.REQUIRE)
    await desk.customer()
    await ask()
    day.pass_(days=90)
    assert "2026-11-02" in (await refused(desk)).message
    await ask()
    assert (await evidence(desk, await desk.issue())).state.value == "valid"


async def test_a_policy_that_cannot_be_read_is_the_strict_one(desk: Desk, vies: Any) -> None:
    from orchestrator.access import store as access

    await access.put_in_profile(desk.merchant_id, "vat_id_policy", ["allow"])
    assert await at_issue.policy_of(desk.merchant_id) is VatIdPolicy.REQUIRE


async def test_an_old_answer_is_asked_for_again_when_it_is_used(desk: Desk, vies: Any, day: Day) -> None:
    await desk.customer()
    await ask()
    await desk.issue()
    assert await ask() is None
    day.pass_(days=90)
    await desk.issue()
    await ask()
    assert len(await vies.asked()) == 2


async def test_a_buyer_who_is_no_customer_with_the_id_is_asked_about_too(desk: Desk, vies: Any) -> None:
    invoice = await desk.issue(OTHER_AUSTRIAN)
    await ask()
    later = (await evidence(desk, invoice)).later_answer
    assert later is not None
    assert later.state.value == "valid"


async def test_another_merchant_sees_nothing_of_the_evidence(desk: Desk, vies: Any) -> None:
    invoice = await desk.issue()
    assert await at_issue.kept("mer_other", invoice.id) is None


async def test_a_refusal_gives_the_number_back(desk: Desk, vies: Any) -> None:
    await vies.take_out(OTHER_AUSTRIAN)
    first = await desk.issue()
    await desk.customer(OTHER_AUSTRIAN)
    await ask()
    with pytest.raises(InvalidInvoice):
        await desk.issue(OTHER_AUSTRIAN)
    second = await desk.issue()
    assert (first.number, second.number) == ("INV-2026-00001", "INV-2026-00002")
