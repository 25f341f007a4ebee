"""Rotating the key that seals secrets: everything is found, nothing is lost, and the old key is let go only then."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from http_driving import Api

from orchestrator.access import resealing, secrets
from orchestrator.access.resealing import SealedColumn, Tally
from orchestrator.access_cli import _sealing_report
from orchestrator.db import fetch
from orchestrator.settings import get_settings

OLD, NEW = "o" * 40, "n" * 40
ACCOUNTS = SealedColumn("gateway_account", "sealed_credentials")
STRIPE = {"gateway": "stripe", "credentials": {"secret_key": "sk_test_abc"}, "verify": False}


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def configure(text: str) -> None:
        monkeypatch.setenv("CLEARWAY_SECRET_KEY", text)
        get_settings.cache_clear()

    return configure


async def accounts(api: Api, count: int) -> None:
    for number in range(count):
        answer = await api.post("/v1/gateway-accounts", {**STRIPE, "label": f"No. {number}"})
        assert answer.status_code == 201


async def reseal(*, dry_run: bool = False) -> Tally:
    return await resealing.reseal(ACCOUNTS, dry_run=dry_run, step=lambda _: None)


async def sealed() -> list[str]:
    return [row["sealed_credentials"] for row in await fetch("SELECT sealed_credentials FROM gateway_account")]


async def test_everything_opens_with_the_new_key_alone(
    api: Api, keys: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "BATCH", 2)
    keys(OLD)
    await accounts(api, 5)
    keys(f"{NEW},{OLD}")
    tally = await reseal()
    assert (tally.newest, tally.older, tally.unreadable) == (0, 5, 0)
    keys(NEW)
    assert [secrets.unseal(text) for text in await sealed()] == [{"secret_key": "sk_test_abc"}] * 5
    assert (await reseal()).newest == 5


async def test_a_dry_run_changes_nothing_and_says_that_the_old_key_is_needed(
    api: Api, keys: Callable[[str], None]
) -> None:
    keys(OLD)
    await accounts(api, 2)
    keys(f"{NEW},{OLD}")
    before = await sealed()
    tally = await reseal(dry_run=True)
    assert (tally.older, await sealed()) == (2, before)
    assert "Old keys are still needed" in _sealing_report([tally], [tally], dry_run=True)


async def test_work_that_was_broken_off_goes_on_where_it_was(
    api: Api, keys: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "BATCH", 2)
    keys(OLD)
    await accounts(api, 5)
    keys(f"{NEW},{OLD}")

    def pull_the_plug(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await resealing.reseal(ACCOUNTS, dry_run=False, step=pull_the_plug)
    tally = await reseal()
    assert (tally.newest, tally.older) == (2, 3)
    after = await reseal(dry_run=True)
    assert "may be taken out" in _sealing_report([tally], [after], dry_run=False)


async def test_what_no_key_opens_is_left_and_told(api: Api, keys: Callable[[str], None]) -> None:
    keys(OLD)
    await accounts(api, 1)
    keys(NEW)
    before = await sealed()
    tally = await reseal()
    assert (tally.unreadable, await sealed()) == (1, before)
    assert "put it back" in _sealing_report([tally], [tally], dry_run=False)


def test_bytes_are_sealed_and_opened_and_never_when_changed(keys: Callable[[str], None]) -> None:
    data = bytes(range(256))
    box = secrets.seal_bytes(data)
    assert secrets.unseal_bytes(box) == data
    with pytest.raises(secrets.SecretUnreadable):
        secrets.unseal_bytes(box[:-5] + b"AAAAA")


async def test_a_sealed_field_inside_json_is_sealed_anew_and_the_rest_stays(
    api: Api, keys: Callable[[str], None]
) -> None:
    keys(OLD)
    payment = (await api.post("/v1/payments", {"amount": {"amount": 100, "currency": "EUR"}})).json()["id"]
    kept = msgspec.json.encode({"sealed_iban": secrets.seal({"iban": "hush"}), "holder": "Ada"}).decode()
    await fetch("UPDATE payment SET instrument = $2 WHERE id = $1", payment, kept)
    keys(f"{NEW},{OLD}")
    column = next(one for one in resealing.SEALED_COLUMNS if one.table == "payment")
    tally = await resealing.reseal(column, dry_run=False, step=lambda _: None)
    keys(NEW)
    found = msgspec.json.decode((await fetch("SELECT instrument FROM payment"))[0]["instrument"])
    assert tally.older == 1
    assert (secrets.unseal(found["sealed_iban"]), found["holder"]) == ({"iban": "hush"}, "Ada")


async def test_every_sealed_column_is_among_those_that_are_sealed_anew(database: str) -> None:
    rows = await fetch(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND column_name LIKE 'sealed%'"
    )
    registered = {(one.table, one.column) for one in resealing.SEALED_COLUMNS}
    assert {(row["table_name"], row["column_name"]) for row in rows} <= registered
