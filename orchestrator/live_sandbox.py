"""`clearway doctor --live-sandbox`: the contract suite, asked of the real sandboxes with the user's own test keys.

Here: what the environment gives, what of it is refused, the suite's run as a child process, and its report as a table.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orchestrator.errors import InvalidField
from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.registry import kind_of, validate_credentials
from orchestrator.gateways.vault import Envelope, VaultSettings, VaultShape

PREFIX = "CLEARWAY_SANDBOX_"
WEBHOOK_URL = f"{PREFIX}WEBHOOK_URL"
VAULT = f"{PREFIX}VAULT_"
NO_CVC = "none"  # for the CVC's expression, where the vault lets go of it after one payment
CARDS = ("approved", "declined", "challenged")
ROOT = Path(__file__).parents[1]
SUITE = ROOT / "tests" / "contract"
REPORT = Path("build") / "live_sandbox.json"
TRANSCRIPTS = Path("build") / "live_sandbox"
_TOOLS = ("pytest", "jsonschema")
_LIVE = re.compile(r"(sk|rk|pk)_live_")
_STRIPE_TEST_KEY = re.compile(r"(sk|rk)_test_\w+")
RESULTS = {"passed": "green", "failed": "red", "not reached": "yellow", "not possible here": "dim"}
RESULTS_BAD = ("failed", "not reached")


@dataclass(frozen=True, slots=True)
class Key:
    """One variable of a gateway. `credential` is the adapter's name of it; `where` is the place that shows it."""

    name: str
    where: str
    credential: str = ""
    required: bool = False


# https://docs.stripe.com/keys, https://docs.adyen.com/development-resources/api-credentials,
# https://developer.paypal.com/apps-scopes-and-credentials
KEYS: dict[str, tuple[Key, ...]] = {
    "stripe": (
        Key("SECRET_KEY", "dashboard.stripe.com/test/apikeys, Secret key, sk_test_…", "secret_key", required=True),
        Key("RECIPIENT", "a connected test account, acct_…, for splits and transfers"),
        Key("URL", "a stand-in on 127.0.0.1 instead of the sandbox"),
    ),
    "adyen": (
        Key("API_KEY", "ca-test.adyen.com, Developers > API credentials > API key", "api_key", required=True),
        Key("MERCHANT_ACCOUNT", "ca-test.adyen.com, the account below the company", "merchant_account", required=True),
        Key("REPORT_USERNAME", "a report user of the test company account", "report_username"),
        Key("REPORT_PASSWORD", "the report user's password", "report_password"),
        Key("BALANCE_PLATFORM_API_KEY", "the test balance platform's API key", "balance_platform_api_key"),
        Key("BALANCE_ACCOUNT", "our own balance account on it, BA…", "balance_account"),
        Key("RECIPIENT", "another balance account, BA…, for splits and transfers"),
        Key("URL", "a stand-in on 127.0.0.1 instead of the sandbox"),
    ),
    "paypal": (
        Key("CLIENT_ID", "developer.paypal.com, Apps & Credentials, Sandbox", "client_id", required=True),
        Key("CLIENT_SECRET", "the same page, Secret", "client_secret", required=True),
        Key("RECIPIENT", "another sandbox business account's merchant id, for splits"),
        Key("URL", "a stand-in on 127.0.0.1 instead of the sandbox"),
    ),
}


class SandboxRefused(Exception):
    """The environment cannot be used; nothing was called. `problems` has one line for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SandboxAccount:
    """One gateway's test account as the environment gives it. `url` is empty for the real sandbox."""

    credentials: dict[str, str] = field(repr=False)
    recipient: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class SandboxVault:
    """The user's own vault, and its tokens of three test cards: approved, declined for funds, asked for 3-D Secure."""

    settings: VaultSettings = field(repr=False)
    tokens: dict[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """Who is asked, and why the others are not. `secrets` must never be written anywhere."""

    accounts: dict[str, SandboxAccount]
    skipped: dict[str, str]
    webhook_url: str = ""
    vault: SandboxVault | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        kept = [
            account.credentials[one.name]
            for gateway, account in self.accounts.items()
            for one in kind_of(gateway).credential_fields
            if one.secret and one.name in account.credentials
        ]
        return tuple(kept) + ((self.vault.settings.password, self.vault.settings.envelope.key) if self.vault else ())


def read_plan(environment: Mapping[str, str], chosen: Sequence[str] = ()) -> Plan:
    """The plan for the gateways chosen (all where none is). Raises SandboxRefused with everything that is wrong."""
    given = {name: value.strip() for name, value in environment.items() if name.startswith(PREFIX) and value.strip()}
    problems = [f"{name} is none of the names that are read; see docs/sandbox.md" for name in given.keys() - _known()]
    problems += [
        f"{name} is a live key. Only test keys are taken here: real money would move" for name in _live_ones(given)
    ]
    problems += [f"--gateway {name}: must be one of {', '.join(KEYS)}" for name in chosen if name not in KEYS]
    accounts: dict[str, SandboxAccount] = {}
    skipped: dict[str, str] = {}
    for gateway in KEYS:
        missing = _missing(gateway, given)
        if chosen and gateway not in chosen:
            skipped[gateway] = "not asked for"
        elif missing:
            skipped[gateway] = f"missing: {'; '.join(missing)}"
        else:
            accounts[gateway], wrong = _account(gateway, given)
            problems += wrong
    vault, wrong = _vault(given)
    problems += wrong + _wrong_webhook(given.get(WEBHOOK_URL, ""))
    if not accounts and not problems:
        problems = [f"{gateway}: {reason}" for gateway, reason in skipped.items()]
    if problems:
        raise SandboxRefused(sorted(problems))
    return Plan(accounts, skipped, given.get(WEBHOOK_URL, "").rstrip("/"), vault)


def run(gateways: Sequence[str], verbs: Sequence[str], console: Console | None = None) -> bool:
    """Run the suite, print the table. True when nothing failed and every gateway asked was reached."""
    out = console or Console(highlight=False)
    if lacking := _lacking():
        out.print(escape(lacking))
        return False
    try:
        plan = read_plan(os.environ, gateways)
        if strange := [verb for verb in verbs if verb not in list(Verb)]:
            raise SandboxRefused([f"--verb {verb}: must be one of {', '.join(Verb)}" for verb in strange])
    except SandboxRefused as refused:
        out.print("Nothing was called. To mend:")
        for problem in refused.problems:
            out.print(f"  - {escape(problem)}", soft_wrap=True)
        return False
    for gateway, reason in plan.skipped.items():
        out.print(f"{gateway} is left out: {escape(reason)}", soft_wrap=True)
    out.print(f"Asking {', '.join(plan.accounts)}. It takes some minutes; Ctrl-C stops and tidies up.")
    report = _play(list(plan.accounts), verbs)
    if report is None:
        out.print("The suite ended without a report: see what it printed above.")
        return False
    return show(report, out)


def show(report: dict[str, Any], out: Console) -> bool:
    """Print a report. True when it has neither failures nor gateways that were not reached."""
    cases: list[dict[str, Any]] = report["cases"]
    out.print(_matrix(cases))
    for title, results in (
        ("What went wrong", ("failed", "not reached")),
        ("Left out, and why", ("not possible here",)),
    ):
        if rows := [case for case in cases if case["result"] in results]:
            out.print(_reasons(title, rows))
    for difference in dict.fromkeys(difference for case in cases for difference in case["differences"]):
        out.print(f"  differs from the contract: {escape(difference)}", soft_wrap=True)
    for note in report["notes"]:
        out.print(escape(note), soft_wrap=True)
    counted = Counter(case["result"] for case in cases)
    out.print(", ".join(f"{counted[result]} {result}" for result in RESULTS))
    out.print(f"{REPORT}: every case; {TRANSCRIPTS}/: what was said, without secrets and personal data", soft_wrap=True)
    return report["complete"] and bool(counted["passed"]) and not any(counted[result] for result in RESULTS_BAD)


def _matrix(cases: list[dict[str, Any]]) -> Table:
    """Verb by gateway: how many cases came to each result, and how many differences the wire showed."""
    gateways = list(dict.fromkeys(case["gateway"] for case in cases))
    table = Table("Verb", *gateways, title="Live sandbox", title_justify="left")
    for verb in dict.fromkeys(case["verb"] for case in cases):
        own = [[c for c in cases if (c["verb"], c["gateway"]) == (verb, gateway)] for gateway in gateways]
        table.add_row(verb, *map(_cell, own))
    return table


def _cell(cases: list[dict[str, Any]]) -> str:
    counted = Counter(case["result"] for case in cases)
    found = len({difference for case in cases for difference in case["differences"]})
    parts = [f"[{RESULTS[result]}]{counted[result]} {result}[/]" for result in RESULTS if counted[result]]
    return ", ".join(parts + ([f"[yellow]wire: {found}[/]"] if found else [])) or "[dim]no such verb[/]"


def _reasons(title: str, cases: list[dict[str, Any]]) -> Table:
    """One row for each reason of a gateway."""
    table = Table("Gateway", "Cases", "Result", "Why", title=title, title_justify="left")
    alike: dict[tuple[str, str, str], list[str]] = {}
    for case in cases:
        name = f"{case['verb']} {case['case']}"
        alike.setdefault((case["gateway"], case["result"], case["reason"]), []).append(name)
    for (gateway, result, reason), names in alike.items():
        shown = "\n".join(names) if len(names) < 3 else f"{len(names)} cases"
        table.add_row(gateway, escape(shown), f"[{RESULTS[result]}]{result}[/]", escape(reason))
    return table


def _play(gateways: list[str], verbs: Sequence[str]) -> dict[str, Any] | None:
    """The suite in a child, which prints a line for each case. Ctrl-C reaches it too; it is waited for."""
    report = ROOT / REPORT
    report.unlink(missing_ok=True)
    shutil.rmtree(ROOT / TRANSCRIPTS, ignore_errors=True)
    # Without pytest's own terminal: what it prints of a failure may quote what nobody should read.
    command = [sys.executable, "-m", "pytest", "-o", "addopts=", "-p", "no:terminal", "-p", "no:cacheprovider"]
    command += [str(SUITE), f"--live-sandbox={','.join(gateways)}", f"--live-verbs={','.join(verbs)}"]
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"
    }  # meant for other runs
    with subprocess.Popen(command, cwd=ROOT, env=environment) as child:
        while True:
            try:
                child.wait()
                break
            except KeyboardInterrupt:
                continue
    return json.loads(report.read_text()) if report.exists() else None


def _lacking() -> str:
    if not (SUITE / "live_suite.py").exists():
        return (
            "The contract suite is in Clearway's repository (tests/contract), and an installed package has none. "
            "Get the source, run `make setup` in it, then `.venv/bin/clearway doctor --live-sandbox` there."
        )
    missing = [name for name in _TOOLS if importlib.util.find_spec(name) is None]
    return f"The suite needs {' and '.join(missing)}: run `make setup`." if missing else ""


def _known() -> set[str]:
    names = {f"{PREFIX}{gateway.upper()}_{key.name}" for gateway, keys in KEYS.items() for key in keys}
    names |= {f"{VAULT}{one.name.upper()}" for one in fields(VaultSettings) if one.name != "envelope"}
    names |= {f"{VAULT}ENVELOPE_{one.name.upper()}" for one in fields(Envelope)}
    return names | {f"{VAULT}TOKEN_{card.upper()}" for card in CARDS} | {WEBHOOK_URL}


def _live_ones(given: Mapping[str, str]) -> list[str]:
    return [name for name, value in given.items() if _LIVE.search(value)]


def _missing(gateway: str, given: Mapping[str, str]) -> list[str]:
    names = {f"{PREFIX}{gateway.upper()}_{key.name}": key for key in KEYS[gateway] if key.required}
    return [f"{name} ({key.where})" for name, key in names.items() if name not in given]


def _account(gateway: str, given: Mapping[str, str]) -> tuple[SandboxAccount, list[str]]:
    prefix = f"{PREFIX}{gateway.upper()}_"
    values = {key: given.get(prefix + key.name, "") for key in KEYS[gateway]}
    credentials = {key.credential: value for key, value in values.items() if key.credential and value}
    url = given.get(f"{prefix}URL", "")
    wrong = []
    if url and not _is_loopback(url):
        wrong.append(f"{prefix}URL: only http://127.0.0.1:PORT may stand in for the sandbox")
    key = credentials.get("secret_key", "")
    if gateway == "stripe" and not _LIVE.match(key) and not _STRIPE_TEST_KEY.fullmatch(key):
        wrong.append(f"{prefix}SECRET_KEY must begin with sk_test_ or rk_test_")
    try:
        validate_credentials(gateway, credentials, live=False)
    except InvalidField as error:
        if not _LIVE.match(key):
            wrong.append(f"{gateway}: {error.detail}")
    return SandboxAccount(credentials, given.get(f"{prefix}RECIPIENT", ""), url.rstrip("/")), wrong


def _vault(given: Mapping[str, str]) -> tuple[SandboxVault | None, list[str]]:
    """The user's own vault: VaultSettings by the same names, in capitals."""
    ours = {name.removeprefix(VAULT).lower(): value for name, value in given.items() if name.startswith(VAULT)}
    if not ours:
        return None, []
    tokens = {card: ours.pop(f"token_{card}") for card in CARDS if f"token_{card}" in ours}
    envelope = {name: ours.pop(f"envelope_{name}") for name in list(Envelope.__slots__) if f"envelope_{name}" in ours}
    if not tokens:
        return None, [f"{VAULT}TOKEN_APPROVED is missing: the vault's token of a test card"]
    if not ours.get("proxy_url") and not envelope.get("url"):
        return None, [f"{VAULT}PROXY_URL or {VAULT}ENVELOPE_URL is missing"]
    try:
        times: dict[str, Any] = {name: float(ours.pop(name)) for name in list(ours) if name.endswith("_timeout_s")}
        shape = VaultShape(ours.pop("shape", VaultShape.TRANSPORT))
    except ValueError as error:
        return None, [f"{VAULT}…: {error}"]
    known = {one.name for one in fields(VaultSettings)}
    texts: dict[str, Any] = {name: value for name, value in ours.items() if name in known}
    settings = replace(VaultSettings(shape=shape, envelope=Envelope(**envelope)), **texts, **times)
    return SandboxVault(settings, tokens), []


def _wrong_webhook(url: str) -> list[str]:
    if not url or urlsplit(url).scheme == "https" or _is_loopback(url):
        return []
    return [f"{WEBHOOK_URL} must be an https:// address that the gateways can reach"]


def _is_loopback(url: str) -> bool:
    parts = urlsplit(url)
    return (parts.scheme, parts.hostname) == ("http", "127.0.0.1") and parts.username is None
