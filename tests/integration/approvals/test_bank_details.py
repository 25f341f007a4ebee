"""Where a merchant is paid is changed by two people, slowly and loudly."""

from __future__ import annotations

from datetime import timedelta

import pytest
from approval_office import Office

from orchestrator import clock_port
from orchestrator.access import service as access
from orchestrator.jobs import approved
from orchestrator.notifications import store as events
from orchestrator.outbox import Outbox

OWN = "DE89370400440532013000"
THEIRS = {"holder": "Acme GmbH", "iban": "GB82 WEST 1234 5698 7654 32"}


async def bank_of(office: Office) -> str:
    return str((await access.get_merchant(office.anna.merchant_id)).profile["bank"]["iban"])


def at(monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    moment = clock_port.now() + timedelta(hours=hours)
    monkeypatch.setattr(clock_port, "now", lambda: moment)


async def asked(office: Office) -> str:
    answer = await office.put(office.anna, "/v1/merchant/bank-details", THEIRS)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def test_a_stolen_session_cannot_redirect_money_by_itself(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks, tries to approve as itself and as a key that it made, and waits as long as it likes."""
    from dataclasses import replace

    approval = await asked(office)
    assert (await office.anna.post(f"/v1/approvals/{approval}/approve")).status_code == 403
    second = replace(office.anna, secret=await access.create_api_key(office.anna.merchant_id, "second me"))
    assert (await second.post(f"/v1/approvals/{approval}/approve")).status_code == 403
    at(monkeypatch, 24 * 30)
    await approved.look(approval)
    assert await bank_of(office) == OWN
    invoice = (await office.anna.get("/v1/merchant/bank-details")).json()
    assert (invoice["iban"], invoice["change"]) == (OWN, None)


async def test_every_admin_and_the_merchant_are_told_when_it_is_asked_for(office: Office) -> None:
    approval = await asked(office)
    (subject,) = [row["subject"] for row in await Outbox.select().where(Outbox.topic == "approval.mail")]
    await approved.write(subject)
    told = [message for message in await office.mails() if approval in str(message)]
    assert len(told) == 1
    assert "billing@acme.example" in str(told[0])
    assert "5432" in str(told[0])
    (event,) = await events.events_of(office.anna.merchant_id, limit=5, object_id=approval)
    assert (event.type, event.data["iban_ends"]) == ("approval.requested", "5432")
    assert "WEST" not in str(event.data)


async def test_an_approved_change_has_its_effect_only_after_the_cooling_time(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = await asked(office)
    decided = await office.ben.post(f"/v1/approvals/{approval}/approve")
    assert decided.json()["state"] == "approved"
    await approved.look(approval)
    at(monkeypatch, 47)
    await approved.look(approval)
    assert await bank_of(office) == OWN
    at(monkeypatch, 2)
    await approved.look(approval)
    assert await bank_of(office) == "GB82WEST12345698765432"


async def test_within_the_cooling_time_anybody_can_stop_it(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = await asked(office)
    await office.ben.post(f"/v1/approvals/{approval}/approve")
    stopped = await office.anna.post(f"/v1/approvals/{approval}/reject", {"note": "not us"})
    assert stopped.json()["state"] == "rejected"
    at(monkeypatch, 72)
    await approved.look(approval)
    assert await bank_of(office) == OWN


async def test_two_changes_are_not_open_at_once(office: Office) -> None:
    first = await asked(office)
    assert await asked(office) == first
    other = await office.put(
        office.ben, "/v1/merchant/bank-details", {"holder": "X", "iban": "FR1420041010050500013M02606"}
    )
    assert (other.status_code, other.json()["code"]) == (409, "conflict")


async def test_a_wrong_digit_is_refused(office: Office) -> None:
    wrong = {"holder": "Acme GmbH", "iban": "DE89370400440532013001"}
    answer = await office.put(office.anna, "/v1/merchant/bank-details", wrong)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "iban")


async def test_details_changed_otherwise_meanwhile_are_left_as_they_are(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestrator.db import fetch

    approval = await asked(office)
    await office.ben.post(f"/v1/approvals/{approval}/approve")
    await fetch("UPDATE merchant SET profile = profile - 'bank'")
    at(monkeypatch, 49)
    await approved.look(approval)
    done = (await office.anna.get(f"/v1/approvals/{approval}")).json()
    assert done["state"] == "failed"
