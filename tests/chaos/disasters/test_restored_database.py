"""The database is not the one that was left: restored from a backup, or a copy that runs somewhere else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from payment_shop import Shop, euros, story_of

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.embedded_postgres import Server
from orchestrator.gateways import connections
from orchestrator.gateways.tables import GatewayAccount
from orchestrator.installation import service, store
from orchestrator.installation.service import InstallationFrozen, NotOurs
from orchestrator.outbox import Outbox
from orchestrator.payments import driver
from orchestrator.payments import service as payments
from orchestrator.payments.records import OperationState, PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.payments.tables import Operation
from orchestrator.refunds import service as refunds

pytestmark = pytest.mark.asyncio(loop_scope="session")
ROOT = Path(__file__).parents[3]


async def run_for_a_while(beats: int = 5) -> None:
    """As the clock does, every two seconds."""
    for _ in range(beats):
        await service.keep_watch(clock_port.now())


async def restore(mark: int = 1) -> None:
    """What a backup of two hours ago says of the installation."""
    async with transaction() as connection:
        await connection.execute("UPDATE installation SET mark = $1", mark)
    service.forget()


async def pay(shop: Shop, capture_method: str = "automatic") -> PaymentRow:
    new = NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card(), capture_method=capture_method)
    return await payments.create(new)


async def test_a_database_that_only_goes_forward_is_left_alone(shop: Shop) -> None:
    await run_for_a_while()
    service.restart()
    await run_for_a_while()
    assert (await pay(shop)).status is PaymentStatus.CAPTURED


async def test_a_mark_that_moves_on_while_one_looks_is_no_restore(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await run_for_a_while()
    look = store.installation

    async def slow_look() -> store.InstallationRow | None:
        seen = await look()
        monkeypatch.setattr(store, "installation", look)
        await run_for_a_while()  # the clock, meanwhile
        return seen

    monkeypatch.setattr(store, "installation", slow_look)
    service.forget()
    await service.require_thawed()


async def test_a_restored_database_takes_no_payment(shop: Shop) -> None:
    await run_for_a_while()
    await restore()
    with pytest.raises(InstallationFrozen, match="older than it was"):
        await pay(shop)
    assert await payments.store.payments_of(shop.merchant_id, limit=5) == []


async def test_a_restored_database_is_noticed_by_a_process_that_starts_afterwards(shop: Shop) -> None:
    await run_for_a_while()
    service.restart()
    await restore()
    with pytest.raises(InstallationFrozen):
        await pay(shop)


async def test_a_restored_database_is_noticed_where_no_file_was_kept(shop: Shop, installation: Path) -> None:
    await run_for_a_while()
    await pay(shop)
    row = await store.installation()
    assert row is not None
    (installation / store.FILE).write_text(json.dumps({"id": row.id, "mark": 0}))
    await restore()
    with pytest.raises(InstallationFrozen):
        await pay(shop)


async def test_the_clock_does_not_move_a_restored_database_on(shop: Shop) -> None:
    await run_for_a_while()
    await restore()
    service.restart()
    await run_for_a_while(beats=20)
    row = await store.installation()
    assert row is not None
    assert (row.mark, row.frozen_at is not None) == (1, True)


async def test_neither_capture_nor_refund_is_sent_from_a_restored_database(shop: Shop) -> None:
    await run_for_a_while()
    captured, authorised = await pay(shop), await pay(shop, "manual")
    await restore()
    with pytest.raises(InstallationFrozen):
        await payments.capture(shop.merchant_id, authorised.id, None)
    with pytest.raises(InstallationFrozen):
        await refunds.create(shop.merchant_id, captured.id, None, "")
    assert sum(c["refunded_minor"] + c["captured_minor"] for c in await shop.charges(authorised)) == 0


async def test_an_unknown_outcome_is_read_but_not_sent_again_while_frozen(shop: Shop) -> None:
    await run_for_a_while()
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="lose_request")
    payment = await pay(shop)
    await restore()
    await make_due(payment)
    assert (await driver.drive(payment.id)).status is PaymentStatus.PROCESSING
    assert await shop.charges(payment) == []


async def test_a_payment_that_waits_for_the_thaw_goes_on_after_it(shop: Shop) -> None:
    await run_for_a_while()
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="lose_reply")
    payment = await pay(shop)
    await restore()
    await make_due(payment)
    payment = await driver.drive(payment.id)  # found authorised; the capture waits
    assert payment.status is PaymentStatus.AUTHORISED
    assert await Outbox.count().where(Outbox.topic == driver.TOPIC, Outbox.subject == payment.id) == 1
    await service.thaw("Ada", clock_port.now())
    assert (await driver.drive(payment.id)).status is PaymentStatus.CAPTURED
    assert [op.state for op in (await story_of(payment)).operations] == [OperationState.SETTLED] * 3


async def test_after_the_thaw_the_clock_goes_on_and_nothing_freezes_again(shop: Shop) -> None:
    await run_for_a_while()
    await restore()
    with pytest.raises(InstallationFrozen):
        await pay(shop)
    await service.thaw("Ada", clock_port.now())
    await run_for_a_while()
    service.restart()
    assert (await pay(shop)).status is PaymentStatus.CAPTURED


async def test_a_copy_elsewhere_does_not_use_live_accounts(
    shop: Shop, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run_for_a_while()
    await make_live(shop.accounts["stripe"])
    elsewhere(tmp_path_factory.mktemp("elsewhere"), monkeypatch)
    with pytest.raises(NotOurs):
        await connections.connect(shop.accounts["stripe"])
    payment = await pay(shop)  # the test accounts of the copy work
    assert [a.gateway for a in (await story_of(payment)).attempts] == ["stripe", "adyen"]
    assert [c["gateway"] for c in await shop.charges(payment)] == ["adyen"]


async def test_another_machine_of_the_same_installation_is_told_so_by_its_environment(
    shop: Shop, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run_for_a_while()
    row = await store.installation()
    assert row is not None
    monkeypatch.setenv("CLEARWAY_INSTALLATION_ID", row.id)
    elsewhere(tmp_path_factory.mktemp("elsewhere"), monkeypatch)
    await service.require_bound("live")
    await service.require_thawed()


async def test_a_dump_that_was_restored_beside_the_original_is_frozen_until_an_operator_has_compared(
    shop: Shop, installation: Path, postgres_server: Server
) -> None:
    await run_for_a_while()
    payment = await pay(shop)
    url = await copy_of_the_database(postgres_server.url)
    refused = clearway("thaw", database_url=url)
    assert refused.returncode == 1
    assert "restored or copied" in refused.stdout
    assert "newest call" in refused.stdout
    thawed = clearway("thaw", "--compared-by", "Ada Lovelace", database_url=url)
    assert thawed.returncode == 0, thawed.stderr
    assert clearway("thaw", database_url=url).returncode == 0
    assert payment.status is PaymentStatus.CAPTURED


async def test_what_a_gateway_tells_of_a_lost_payment_is_shown_before_the_thaw(shop: Shop) -> None:
    from orchestrator import thaw

    await run_for_a_while()
    await restore()
    lost = "att_" + "0" * 32
    async with transaction() as connection:
        await connection.execute(
            "INSERT INTO webhook_delivery (id, gateway_account_id, headers, body, received_at) "
            "VALUES ('wha_1', $1, '{}', '', now())",
            shop.accounts["adyen"],
        )
        await connection.execute(
            "INSERT INTO webhook_message (id, delivery_id, gateway_account_id, event_key, event_type, kind, content, "
            "state, note, duplicates, received_at) VALUES ('whm_1', 'wha_1', $1, 'k', 'AUTHORISATION', "
            "'payment.authorised', $2::jsonb, 'ignored', '', 0, now())",
            shop.accounts["adyen"],
            json.dumps({"reference": lost, "gateway_payment_id": "PSP1"}),
        )
    found = await thaw.compare()
    assert [(u.gateway, u.reference, u.gateway_payment_id) for u in found.unknown] == [("adyen", lost, "PSP1")]
    assert any("PSP1" in line for line in thaw.told(found))


async def make_due(payment: PaymentRow) -> None:
    now = clock_port.now()
    async with transaction():
        values = {Operation.expires_at: now - timedelta(seconds=1), Operation.sent_at: now - timedelta(minutes=1)}
        await Operation.update(values).where(Operation.payment_id == payment.id, Operation.state != "settled")


async def make_live(account_id: str) -> None:
    async with transaction():
        await GatewayAccount.update({GatewayAccount.mode: "live"}).where(GatewayAccount.id == account_id)


def elsewhere(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process on another machine."""
    from orchestrator.settings import get_settings

    monkeypatch.setenv("CLEARWAY_STATE_DIR", str(state_dir))
    get_settings.cache_clear()
    service.restart()
    connections.close_all()


async def copy_of_the_database(url: str) -> str:
    """A second database in the same cluster, as a restore of a dump beside the original makes it."""
    from orchestrator import db

    await db.close_pool()
    name = "clearway_restored"
    admin = await asyncpg.connect(url.replace("/clearway?", "/postgres?"))
    try:
        await admin.execute(f"DROP DATABASE IF EXISTS {name}")
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE clearway")
    finally:
        await admin.close()
        await db.start_pool()
    return url.replace("/clearway?", f"/{name}?")


def clearway(*words: str, database_url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", *words],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=180,
    )
