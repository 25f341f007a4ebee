"""`clearway doctor`: one line for every part, and where one is missing, what to do about it."""

from __future__ import annotations

import asyncio
import ctypes.util
import importlib.util
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

import asyncpg
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orchestrator.clock_port import now
from orchestrator.errors import ClearwayError
from orchestrator.fx import standing as fx
from orchestrator.gateways import connections
from orchestrator.gateways import store as gateways
from orchestrator.gateways.store import GatewayAccountRow
from orchestrator.settings import Mode, Settings, SettingsError, get_settings
from orchestrator.webhooks import store as webhooks
from orchestrator.webhooks import watch_store

CONNECT_TIMEOUT_S = 5
FC_LIST_TIMEOUT_S = 20
# What WeasyPrint loads by name; without the last one subsetting fonts takes several times longer.
LIBRARIES = {
    "pango-1.0": ("libpango-1.0-0", True),
    "pangoft2-1.0": ("libpangoft2-1.0-0", True),
    "harfbuzz-subset": ("libharfbuzz-subset0", False),
}
# One language of each script that invoices are written in.
SCRIPTS = {"Latin": "de", "Greek": "el", "Cyrillic": "ru", "Arabic": "ar", "Hebrew": "he", "Japanese": "ja"}
SCRIPTS |= {"Chinese": "zh-cn", "Korean": "ko", "Thai": "th", "Devanagari": "hi"}


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen of one part. `remedy` is a sentence or a command. FAILED makes the exit code 1."""

    part: str
    state: State
    detail: str
    remedy: str = ""


def run(console: Console | None = None) -> bool:
    """Print the table. True when nothing required fails."""
    findings = asyncio.run(examine())
    table = Table("Part", "State", "What was seen", "What to do", show_lines=False, expand=False)
    colours = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "red"}
    for found in findings:
        state = f"[{colours[found.state]}]{found.state}[/]"
        table.add_row(found.part, state, escape(found.detail), escape(found.remedy))
    (console or Console()).print(table)
    return all(found.state is not State.FAILED for found in findings)


async def examine() -> list[Finding]:
    """All findings, in the order of the table. A check that breaks is a finding too."""
    findings = [_python(), *_libraries(), *_fonts()]
    try:
        settings = get_settings()
    except SettingsError as error:
        remedy = "set it in the environment; docs/configuration.md"
        return findings + [Finding("configuration", State.FAILED, problem, remedy) for problem in error.problems]
    findings += [Finding("configuration", State.OK, f"{settings.mode} mode, secret key set"), _public_url(settings)]
    for check in CHECKS:
        try:
            findings += await check(settings)
        except Exception as error:
            name = getattr(check, "__name__", str(check)).strip("_").replace("_", " ")
            findings.append(Finding(name, State.FAILED, f"{type(error).__name__}: {error}", "see the logs"))
    return findings


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    state = State.OK if sys.version_info >= (3, 11) else State.FAILED
    return Finding("Python", state, version, "" if state is State.OK else "install Python 3.11 or newer")


def _libraries() -> list[Finding]:
    found = []
    for name, (package, required) in LIBRARIES.items():
        if ctypes.util.find_library(name):
            found.append(Finding(f"lib{name}", State.OK, "found"))
            continue
        state = State.FAILED if required else State.WARNING
        cost = "PDF documents cannot be made" if required else "PDF documents take several times longer"
        found.append(Finding(f"lib{name}", state, f"missing: {cost}", f"sudo apt-get install {package}"))
    return found


def _fonts() -> list[Finding]:
    if shutil.which("fc-list") is None:
        return [Finding("fonts", State.WARNING, "fc-list is missing", "sudo apt-get install fontconfig")]
    missing = [script for script, language in SCRIPTS.items() if not _has_font(language)]
    if not missing:
        return [Finding("fonts", State.OK, f"for {len(SCRIPTS)} scripts")]
    remedy = "sudo apt-get install fonts-noto-core fonts-noto-cjk"
    return [Finding("fonts", State.WARNING, f"none for {', '.join(missing)}: boxes in documents", remedy)]


def _has_font(language: str) -> bool:
    command = ["fc-list", f":lang={language}", "family"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FC_LIST_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    return bool(done.stdout.strip())


def _public_url(settings: Settings) -> Finding:
    host = urlsplit(settings.public_url).hostname
    if settings.mode is Mode.PRODUCTION and host in {"127.0.0.1", "localhost"}:
        remedy = "set CLEARWAY_PUBLIC_URL: payers and gateways' webhooks come to it"
        return Finding("public URL", State.WARNING, settings.public_url, remedy)
    return Finding("public URL", State.OK, settings.public_url)


async def _database(settings: Settings) -> list[Finding]:
    try:
        connection = await asyncpg.connect(settings.database_url.get_secret_value(), timeout=CONNECT_TIMEOUT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        remedy = "start PostgreSQL and check DATABASE_URL; or try `clearway up` without it"
        return [Finding("PostgreSQL", State.FAILED, f"{type(error).__name__}: {error}", remedy)]
    try:
        version = await connection.fetchval("SHOW server_version")
        found = [Finding("PostgreSQL", State.OK, str(version)), await _migrations()]
        return [*found, *await _heartbeats(connection, settings), await _outbox(connection, settings)]
    finally:
        await connection.close()


async def _migrations() -> Finding:
    from orchestrator import migrations

    steps = await migrations.pending()
    if not steps:
        return Finding("migrations", State.OK, "up to date")
    return Finding("migrations", State.FAILED, f"{len(steps)} pending, first: {steps[0]}", "clearway migrate")


async def _heartbeats(connection: asyncpg.Connection, settings: Settings) -> list[Finding]:
    """The clock beats by itself; a worker beats when a bell of the clock reaches it through the broker."""
    if await connection.fetchval("SELECT to_regclass('heartbeat')") is None:
        return [Finding("clock", State.WARNING, "no heartbeat table", "clearway migrate")]
    rows = await connection.fetch("SELECT name, at FROM heartbeat")
    beats = {row["name"]: row["at"] for row in rows}
    return [
        _heartbeat(part, beats.get(part), settings.limits.clock_heartbeat_max_age_s) for part in ("clock", "worker")
    ]


def _heartbeat(part: str, last: datetime | None, age_max_s: int) -> Finding:
    remedy = f"run `clearway {part}`; `clearway up` runs it"
    if last is None:
        return Finding(part, State.WARNING, "has never run", remedy)
    age_s = (now() - last).total_seconds()
    state = State.OK if age_s <= age_max_s else State.WARNING
    return Finding(part, state, f"last heartbeat {age_s:.0f} s ago", "" if state is State.OK else remedy)


async def _outbox(connection: asyncpg.Connection, settings: Settings) -> Finding:
    if await connection.fetchval("SELECT to_regclass('outbox')") is None:
        return Finding("outbox", State.WARNING, "no table", "clearway migrate")
    oldest, parked = await connection.fetchrow(
        "SELECT min(due_at) FILTER (WHERE parked_at IS NULL), count(parked_at) FROM outbox"
    )
    if parked:
        return Finding("outbox", State.WARNING, f"{parked} parked after many tries", "look at them in the console")
    lag_s = (now() - oldest).total_seconds() if oldest else 0
    if lag_s > settings.limits.outbox_lag_max_s:
        remedy = "run `clearway clock` and `clearway worker`, or more workers"
        return Finding("outbox", State.WARNING, f"{lag_s:.0f} s behind", remedy)
    return Finding("outbox", State.OK, "nothing overdue")


async def _broker(settings: Settings) -> list[Finding]:
    parts = urlsplit(settings.broker)
    if parts.scheme in {"postgresql", "postgres"}:
        return [await _postgres_broker(settings)]
    port = parts.port or {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671}[parts.scheme]
    return [await _reach("broker", parts.hostname or "127.0.0.1", port, "start it, and check BROKER_URL", State.FAILED)]


async def _postgres_broker(settings: Settings) -> Finding:
    try:
        connection = await asyncpg.connect(settings.broker, timeout=CONNECT_TIMEOUT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        return Finding("broker", State.FAILED, f"{type(error).__name__}: {error}", "check BROKER_URL")
    try:
        if await connection.fetchval("SELECT to_regclass('dramatiq.queue')") is None:
            return Finding("broker", State.FAILED, "its tables are missing", "clearway migrate")
        return Finding("broker", State.OK, "on PostgreSQL")
    finally:
        await connection.close()


async def _smtp(settings: Settings) -> list[Finding]:
    url = settings.smtp_url.get_secret_value()
    if not url:
        return [
            Finding(
                "mail", State.WARNING, "SMTP_URL is not set: no mail is sent", "set SMTP_URL and CLEARWAY_MAIL_FROM"
            )
        ]
    parts = urlsplit(url)
    port = parts.port or {"smtp": 25, "smtp+starttls": 587, "smtps": 465}[parts.scheme]
    return [await _reach("mail", parts.hostname or "", port, "check SMTP_URL", State.WARNING)]


async def _reach(part: str, host: str, port: int, remedy: str, otherwise: State) -> Finding:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
    except (OSError, TimeoutError, socket.gaierror) as error:
        return Finding(part, otherwise, f"{host}:{port}: {type(error).__name__} {error}", remedy)
    return Finding(part, State.OK, f"{host}:{port} answers")


async def _vault(settings: Settings) -> list[Finding]:
    vault = settings.vault
    enveloped = vault.shape == "envelope"
    url, name = (vault.envelope_url, "ENVELOPE_URL") if enveloped else (vault.proxy_url, "PROXY_URL")
    if not url and (enveloped or vault.envelope_url):
        other = "ENVELOPE_URL is empty" if enveloped else "ENVELOPE_URL is set, and nothing is sent there"
        remedy = f"set CLEARWAY_VAULT__{name}, or CLEARWAY_VAULT__SHAPE={'transport' if enveloped else 'envelope'}"
        return [Finding("card vault", State.FAILED, f"CLEARWAY_VAULT__SHAPE is {vault.shape}, but __{other}", remedy)]
    if not url:
        remedy = "set CLEARWAY_VAULT__PROXY_URL and __FIELDS_URL: cards are charged and typed in through a vault"
        return [Finding("card vault", State.WARNING, "not configured", remedy)]
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return [await _reach("card vault", parts.hostname or "", port, f"check CLEARWAY_VAULT__{name}", State.FAILED)]


async def _gateway_accounts(settings: Settings) -> list[Finding]:
    """Each account is asked with its own credentials."""
    try:
        rows = await gateways.every_account()
    except (OSError, asyncpg.PostgresError) as error:
        remedy = "mend PostgreSQL first: the accounts are in it"
        return [Finding("gateway accounts", State.FAILED, f"not known: {type(error).__name__}", remedy)]
    if not rows:
        remedy = "add one: POST /v1/gateway-accounts"
        return [Finding("gateway accounts", State.WARNING, "none: no payment can be taken", remedy)]
    found = [await _gateway_account(row) for row in rows]
    connections.close_all()
    return found


async def _gateway_account(row: GatewayAccountRow) -> Finding:
    part = f"{row.gateway} account {row.label!r}"
    if not row.enabled:
        return Finding(part, State.WARNING, "switched off", f"POST /v1/gateway-accounts/{row.id}/enable")
    try:
        trouble = await (await connections.connect(row.id)).probe()
    except ClearwayError as error:  # credentials that cannot be unsealed: no call can be made with them
        return Finding(part, State.FAILED, error.code, error.detail)
    remedy = "check its credentials, and the gateway's status page" if trouble else ""
    return Finding(part, State.WARNING if trouble else State.OK, trouble or "answers", remedy)


async def _payment_page(settings: Settings) -> list[Finding]:
    """What shoppers get under the public address, compared with what was authorised (PCI DSS 11.6.1)."""
    from orchestrator.payments import store as payments
    from orchestrator.web.inspection import inspect

    part = "payment page"
    try:
        token = await payments.newest_token()
    except (OSError, asyncpg.PostgresError) as error:
        return [Finding(part, State.WARNING, f"not known: {type(error).__name__}", "mend PostgreSQL first")]
    if token is None:
        return [Finding(part, State.OK, "not looked at: there is no payment yet")]
    try:
        found = await asyncio.to_thread(inspect, settings.public_url, token, settings.vault.fields_url)
    except OSError as error:
        return [Finding(part, State.WARNING, f"{type(error).__name__}: {error}", "start `clearway api`")]
    if not found:
        return [Finding(part, State.OK, "scripts and headers as authorised")]
    remedy = "find out who changed them; after a change of yours: clearway scripts --authorise FILE"
    return [Finding(part, State.FAILED, problem, remedy) for problem in found]


async def _webhooks(settings: Settings) -> list[Finding]:
    """What gateways tell us: whether it comes, and whether it can be worked."""
    try:
        labels = {row.id: f"webhooks of {row.label!r}" for row in await gateways.every_account()}
        watched, counted = await watch_store.watches(), await webhooks.counts_by_account()
    except (OSError, asyncpg.PostgresError) as error:
        return [Finding("webhooks in", State.FAILED, f"not known: {type(error).__name__}", "mend PostgreSQL first")]
    found = []
    for row in watched:
        part = labels.get(row.gateway_account_id, row.gateway_account_id)
        at = f"/v1/gateway-accounts/{row.gateway_account_id}/webhook-endpoint"
        if row.silent_since is not None:
            detail = f"silent since {row.silent_since:%Y-%m-%d %H:%M} UTC while payments go through"
            found.append(Finding(part, State.WARNING, detail, f"POST {at}/check"))
        if row.endpoint_enabled is False:
            found.append(Finding(part, State.WARNING, row.endpoint_problem, f"POST {at}/enable"))
    parked = sum(row.parked for row in counted)
    if parked:
        remedy = "GET /v1/received-webhooks?state=parked says why; POST …/{id}/replay applies one again"
        found.append(Finding("webhooks in", State.WARNING, f"{parked} parked", remedy))
    return found or [Finding("webhooks in", State.OK, "none parked, no account silent")]


async def _e_invoice_drop(settings: Settings) -> list[Finding]:
    """Workers leave e-invoices there; a file without a name shows whether they can, and nobody picks it up."""
    part, directory = "e-invoice drop", settings.einvoice_drop_dir
    if directory is None:
        return [Finding(part, State.OK, "not set up: e-invoices go by mail")]
    remedy = "make it, writable for whoever runs `clearway worker`; or unset CLEARWAY_EINVOICE_DROP_DIR"
    try:
        with await asyncio.to_thread(tempfile.TemporaryFile, dir=directory):
            return [Finding(part, State.OK, f"{directory} is writable")]
    except FileNotFoundError:  # the first e-invoice would make it, where perhaps nobody looks
        return [Finding(part, State.WARNING, f"{directory} is not there", remedy)]
    except OSError as error:
        return [Finding(part, State.FAILED, f"{directory}: {error.strerror or error}", remedy)]


async def _rates(settings: Settings) -> list[Finding]:
    """How old the newest published rates are."""
    part, url = "exchange rates", settings.fx.ecb_url
    try:
        found = await fx.standing(now())
    except (OSError, asyncpg.PostgresError) as error:
        return [Finding(part, State.WARNING, f"not known: {type(error).__name__}", "mend PostgreSQL first")]
    detail = f"newest of {found.published_on}, {found.age_days} days old"
    if found.error:
        detail += f"; fetching failed {found.failures} times: {found.error}"
    if not found.stale:
        return [Finding(part, State.OK, detail)]
    remedy = "let workers reach it, or enter rates: POST /v1/rates" if url else "set CLEARWAY_FX__ECB_URL"
    return [Finding(part, State.WARNING, f"{detail}: too old to convert by", remedy)]


async def _simulators(settings: Settings) -> list[Finding]:
    if importlib.util.find_spec("simulators") is None:
        return [Finding("simulators", State.OK, "not installed: only the demo needs them")]
    return [Finding("simulators", State.OK, "there; only the demo uses them")]


CHECKS: tuple[Callable[[Settings], Awaitable[list[Finding]]], ...] = (
    _database,
    _broker,
    _smtp,
    _vault,
    _gateway_accounts,
    _webhooks,
    _payment_page,
    _e_invoice_drop,
    _rates,
    _simulators,
)
