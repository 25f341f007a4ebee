"""Payments of before: what stood in the column of the card is an instrument afterwards, and reads as that card."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest_asyncio

from orchestrator.payments.instruments import Card, Instrument

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "orchestrator" / "piccolo_migrations"
SWITCH = "orchestrator_2026_11_23t07_18_30_804842"
RUNNER = """
import asyncio, sys
from piccolo.conf.apps import AppConfig
from orchestrator import migrations
asyncio.run(migrations.migrate([AppConfig(app_name="orchestrator", migrations_folder_path=sys.argv[1])]))
"""
COLUMNS = """id, merchant_id, amount_minor, currency, status, capture_method, amount_captured_minor,
    amount_refunded_minor, card, round, hosted, cancel_requested, locale, metadata, credit_kind, public_token,
    created_at, updated_at"""
VALUES = """$1, 'mer_1', 1999, 'EUR', 'captured', 'automatic', 1999, 0, $2, 1, false, false, 'en', '{}', 'sales', $1,
    now(), now()"""


@pytest_asyncio.fixture(loop_scope="session")
async def empty_database(migrated_database: str) -> AsyncIterator[str]:
    admin = await asyncpg.connect(migrated_database)
    await admin.execute("DROP DATABASE IF EXISTS for_instruments WITH (FORCE)")
    await admin.execute("CREATE DATABASE for_instruments")
    yield urlsplit(migrated_database)._replace(path="/for_instruments").geturl()
    await admin.execute("DROP DATABASE for_instruments WITH (FORCE)")
    await admin.close()


def migrate(url: str, folder: Path) -> None:
    environment = {**os.environ, "DATABASE_URL": url}
    command = [sys.executable, "-c", RUNNER, str(folder)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


async def test_card_of_a_payment_of_before_is_its_instrument(empty_database: str, tmp_path: Path) -> None:
    before = tmp_path / "piccolo_migrations"
    later = [path.name for path in FOLDER.iterdir() if path.name >= SWITCH and path.suffix == ".py"]
    shutil.copytree(FOLDER, before, ignore=lambda *_: [name for name in later if name != "__init__.py"])
    migrate(empty_database, before)
    card = {"vault_token": "tok_1", "brand": "visa", "last4": "4242", "expiry_month": 12, "expiry_year": 2030}
    connection = await asyncpg.connect(empty_database)
    insert = f"INSERT INTO payment ({COLUMNS}) VALUES ({VALUES})"
    await connection.execute(insert, "pay_1", json.dumps(card))
    await connection.execute(insert, "pay_2", None)
    migrate(empty_database, FOLDER)
    found = await connection.fetch("SELECT instrument, usage FROM payment ORDER BY id")
    await connection.close()
    assert msgspec.json.decode(found[0]["instrument"], type=Instrument) == Card("tok_1", "visa", "4242", 12, 2030)
    assert (found[1]["instrument"], found[1]["usage"]) == (None, "{}")
