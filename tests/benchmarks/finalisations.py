"""How many drafts of a batch one process issues in a second, against a loop that takes a number and keeps the document
as a newcomer writes it: a transaction for each."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import asyncpg
import msgspec
from rich.progress import track

from invoicing.documents import DraftInvoice, IssuedInvoice, Line, Party, compute
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import NetDays, due_date
from orchestrator.supervisor import POSTGRES, Supervisor, port_is_free
from tests.benchmarks.result import Better, Result

PER_MINUTE_MIN = 10_000
DRAFTS, WARM_UP, ROUNDS = 1_000, 50, 3
CUSTOMERS = 100
LINES = 5
AT_ONCE = 8  # drafts that are being made, before anything is measured
_VAT = TaxTreatment(TaxKind.VAT, 1900)
_SELLER = Party(
    name="Nordlicht GmbH", country="DE", address_lines=("Speicherstraße 14",), city="Hamburg", postal_code="20457",
    vat_id="DE136695976", email="rechnung@nordlicht.example",
)  # fmt: skip
_NEWCOMERS_TABLES = """
    CREATE TABLE bare_series (merchant_id text PRIMARY KEY, next_seq bigint NOT NULL);
    INSERT INTO bare_series VALUES ('mer_1', 1);
    CREATE TABLE bare_invoice (id text PRIMARY KEY, merchant_id text NOT NULL, number text NOT NULL,
        document jsonb NOT NULL, issued_at timestamptz NOT NULL, UNIQUE (merchant_id, number));"""


def measure() -> list[Result]:
    """Documents of five lines to a hundred customers with VAT ids; ledger, event, reminder and mail are written with
    them, and no PDF is drawn. In rounds that alternate with the bare loop on the same database."""
    with _database():
        ours, bare = asyncio.run(_rates())
    goal = PER_MINUTE_MIN / 60
    return [Result("finalisations_per_second", ours, bare, "1/s", goal, Better.HIGHER, absolute=True)]


@contextmanager
def _database() -> Iterator[None]:
    """A PostgreSQL of its own with all tables, and this process set up to use it."""
    port = next(number for number in range(18300, 18400) if port_is_free(number))
    with tempfile.TemporaryDirectory(prefix="clearway-bench-") as folder:
        Path(folder).chmod(0o711)
        environment = {"CLEARWAY_MODE": "demo", "CLEARWAY_LOG_LEVEL": "warning", "DATABASE_URL": ""}
        with Supervisor(Path(folder), port=port, environment=environment) as supervisor:
            supervisor.start(POSTGRES)
            supervisor.migrate()
            os.environ.update(supervisor.environment)
            yield


async def _rates() -> tuple[float, float]:
    from orchestrator import db
    from orchestrator.access import service as access

    await db.start_pool()
    merchant_id = (await access.create_merchant("Bench", {})).id
    customers = [await _customer(merchant_id, number) for number in range(CUSTOMERS)]
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    await connection.execute(_NEWCOMERS_TABLES)
    await _ours(await _begun(merchant_id, customers, WARM_UP), WARM_UP)
    await _newcomers(connection, WARM_UP)
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in track(range(ROUNDS), description="finalisations", transient=True):
        batch_id = await _begun(merchant_id, customers, DRAFTS)
        rates[0].append(await _ours(batch_id, DRAFTS))
        rates[1].append(await _newcomers(connection, DRAFTS))
    await connection.close()
    await db.close_pool()
    return sorted(rates[0])[ROUNDS // 2], sorted(rates[1])[ROUNDS // 2]


async def _customer(merchant_id: str, number: int) -> tuple[str, Party]:
    from orchestrator.customers import service as customers

    name, email = f"Bäckerei {number}", f"{number}@buyer.example"
    buyer = Party(
        name=name, country="DE", address_lines=(f"Graben {number}",), city="Köln", postal_code="50667", email=email,
        vat_id="DE129273398",
    )  # fmt: skip
    made = await customers.create(
        merchant_id, name=name, email=email, country="DE", locale="de", profile={"vat_id": buyer.vat_id}
    )
    return made.id, buyer


async def _begun(merchant_id: str, customers: list[tuple[str, Party]], count: int) -> str:
    """A batch of so many new drafts, not worked at yet."""
    from orchestrator.billing import batches, service

    async def make(number: int) -> str:
        customer_id, buyer = customers[number % len(customers)]
        async with turn:
            return (await service.create_draft(merchant_id, customer_id, _draft(buyer, number))).id

    turn = asyncio.Semaphore(AT_ONCE)
    ids = await asyncio.gather(*(make(number) for number in range(count)))
    return (await batches.begin(merchant_id, ids)).batch.id


async def _ours(batch_id: str, count: int) -> float:
    from invoicing.batch_store import ItemState, count_by_state
    from orchestrator.billing import batches

    began = time.perf_counter()
    while await batches.work(batch_id) is not None:
        pass
    taken_s = time.perf_counter() - began
    if await count_by_state(batch_id) != {ItemState.ISSUED: count}:
        raise RuntimeError("not every draft was issued")
    return count / taken_s


async def _newcomers(connection: asyncpg.Connection, count: int) -> float:
    now = datetime.now(UTC)
    drafts = [_draft(_SELLER, number) for number in range(count)]
    began = time.perf_counter()
    for number, content in enumerate(drafts):
        async with connection.transaction():
            seq = await connection.fetchval(
                "UPDATE bare_series SET next_seq = next_seq + 1 WHERE merchant_id = 'mer_1' RETURNING next_seq - 1"
            )
            document = IssuedInvoice(
                number=f"INV-{seq:05}",
                issue_date=now.date(),
                due_date=due_date(content.terms, now.date()),
                content=content,
                totals=compute(content),
            )
            await connection.execute(
                "INSERT INTO bare_invoice VALUES ($1, 'mer_1', $2, $3, $4)",
                f"inv_{now.timestamp()}_{number}",
                document.number,
                msgspec.json.encode(document).decode(),
                now,
            )
    return count / (time.perf_counter() - began)


def _draft(buyer: Party, number: int) -> DraftInvoice:
    lines = tuple(
        Line(
            f"Consulting day {place}, workshop and follow-up", Decimal("1.5"), Decimal(number % 90 + 100 + place), _VAT
        )
        for place in range(LINES)
    )
    return DraftInvoice(seller=_SELLER, buyer=buyer, currency="EUR", lines=lines, terms=NetDays(30), locale="de")
