"""The contract cases against real sandboxes: which can be run there, how each went, and a report for the command."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import pytest
import shopper_pages
import simulated_accounts
from live_accounts import RETURN_URL, Leftovers, LiveAccount, live_account, no_shopper, not_possible
from live_wire import SandboxTap
from openapi_contract import CONTRACTS
from verb_calls import Case
from wire_contracts import problems_of
from wire_tap import Passed

from orchestrator.gateways.base import Gateway
from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.redaction import REMOVED, redact, redact_text
from orchestrator.live_sandbox import PREFIX, REPORT, ROOT, TRANSCRIPTS, Plan, read_plan

# As it was when this was imported: tests/conftest.py takes everything of ours out of the environment.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
_BY_ARRANGEMENT = "the vendor opens it for an account by arrangement"
_NO_FAULT = "a fault between here and there says nothing of the sandbox; the simulators have it"
_NO_DISPUTE = "a dispute cannot be ordered"
# By the name of the case, or by its verb where the case is not one of those that need none of it.
_IMPOSSIBLE_CASES = {
    "reply_lost": _NO_FAULT,
    "connection_refused": _NO_FAULT,
    "gateway_has_not_decided_yet": "no test card leaves it undecided",
    "gateway_has_not_decided_on_a_split_payment_yet": "no test card leaves it undecided",
    "bank_wants_to_see_the_shopper": "held to the simulators' own page; authorise_and_capture asks the same",
}
_IMPOSSIBLE_VERBS = {
    Verb.FORWARD: _BY_ARRANGEMENT,
    Verb.MIRROR: _BY_ARRANGEMENT,
    Verb.FETCH_DISPUTE: _NO_DISPUTE,
    Verb.ACCEPT_DISPUTE: _NO_DISPUTE,
    Verb.SUBMIT_EVIDENCE: _NO_DISPUTE,
}
_POSSIBLE = frozenset({"dispute_that_is_not_there"})
_DETAIL_CHARS = 400


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("live sandbox")
    group.addoption("--live-sandbox", default="", help="ask the real sandboxes of these gateways (comma-separated)")
    group.addoption("--live-verbs", default="", help="of these verbs only (comma-separated)")


def begin(config: pytest.Config) -> None:
    """Turn this run into a live one where the option asks for it. Before the test modules are imported."""
    if not is_live(config):
        return
    plan = read_plan(ENVIRONMENT, config.getoption("live_sandbox").split(","))
    simulated_accounts.RETURN_URL = RETURN_URL
    shopper_pages.answer = no_shopper
    verbs = tuple(filter(None, config.getoption("live_verbs").split(",")))
    config.pluginmanager.register(LiveSuite(plan, verbs), "live-suite")


def is_live(config: pytest.Config) -> bool:
    return bool(config.getoption("live_sandbox", ""))


class LiveSuite:
    """A pytest plugin: chooses the cases, gives them accounts, and writes the report and the transcripts."""

    def __init__(self, plan: Plan, verbs: tuple[str, ...]) -> None:
        self.plan = plan
        self._verbs = verbs
        self._taps = {g: SandboxTap(g, account, plan.vault) for g, account in plan.accounts.items()}
        self._unusable: dict[str, tuple[str, str]] = {}  # gateways by result and reason, found at the first call
        self._probed: set[str] = set()
        self._rows: dict[str, dict[str, Any]] = {}
        self._notes: list[str] = []
        self._tokens: set[str] = set()
        self._complete = False

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        chosen = [item for item in items if (case := _case_of(item)) and self._is_asked(case)]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        case = _case_of(item)
        assert case is not None
        if reason := impossible(case):
            not_possible(reason)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[None]:
        outcome: Any = yield
        self._take(item, outcome.get_result())

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._notes.append(f"not collected: {self._safe(str(report.longrepr))[-_DETAIL_CHARS:]}")

    @pytest.hookimpl(trylast=True)  # after pytest has torn down what Ctrl-C left standing, which needs the taps
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        for tap in self._taps.values():
            tap.close()
        self._complete = not self._notes and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if exitstatus == pytest.ExitCode.INTERRUPTED:
            self._notes.append("stopped before the end")
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            self._notes.append(f"no case of {', '.join(self._verbs)}")
        if not CONTRACTS.exists():
            self._notes.append("Adyen's and PayPal's contracts are not there: only Stripe's wire was compared")
        path = ROOT / REPORT
        path.parent.mkdir(exist_ok=True)
        said = {"complete": self._complete, "cases": list(self._rows.values()), "notes": self._notes}
        path.write_text(self._safe(json.dumps(said, indent=1)))

    def connecting(self, request: pytest.FixtureRequest) -> Iterator[Callable[..., LiveAccount]]:
        """The fixture `connect`: an account behind its tap; afterwards it is tidied, and its talk is written down."""
        opened: list[tuple[Gateway, Leftovers]] = []

        def make(gateway: str, read_timeout_s: float = 0) -> LiveAccount:
            account = live_account(gateway, self.plan, self._taps[gateway], read_timeout_s)
            leftovers = Leftovers(self._tokens)
            opened.append((account.gateway, leftovers))
            self._must_answer(account)
            leftovers.watch(account.gateway)
            self._taps[gateway].begin()
            return account

        case = _case_of(request.node)
        assert case is not None
        tap = self._taps[case.gateway]
        tap.begin()
        try:
            yield make
        finally:
            said, tap.spoiled = list(tap.crossed), False
            for gateway, leftovers in opened:
                self._notes += [self._safe(note) for note in leftovers.remove(gateway)]
                gateway.close()
            request.node.user_properties.append(("live", {"said": said, "not_reached": tap.not_reached}))

    def _is_asked(self, case: Case) -> bool:
        return case.gateway in self.plan.accounts and (not self._verbs or case.verb.value in self._verbs)

    def _must_answer(self, account: LiveAccount) -> None:
        """One harmless call before the first case: a gateway that refuses the key or is not there is not asked on."""
        name = account.gateway.name
        if name not in self._probed:
            self._probed.add(name)
            wrong = account.gateway.probe()
            unreachable = self._taps[name].not_reached
            if wrong:
                self._unusable[name] = ("not reached", unreachable) if unreachable else ("failed", wrong)
        if name in self._unusable:
            pytest.fail(self._unusable[name][1], pytrace=False)

    def _take(self, item: pytest.Item, report: pytest.TestReport) -> None:
        case = _case_of(item)
        assert case is not None
        row = self._rows.setdefault(
            item.nodeid,
            {
                "gateway": case.gateway,
                "verb": case.verb.value,
                "case": case.name,
                "outcome": case.outcome.value,
                "result": "passed",
                "reason": "",
                "differences": [],
            },
        )
        if report.skipped:
            row["result"], row["reason"] = "not possible here", str(report.longrepr[2]).removeprefix("Skipped: ")  # type: ignore[index]
        elif report.failed and row["result"] == "passed":
            row["result"], row["reason"] = "failed", self._safe(_told(report))
        if report.when == "teardown":
            self._finish(item, case, row)

    def _finish(self, item: pytest.Item, case: Case, row: dict[str, Any]) -> None:
        live = dict(item.user_properties).get("live", {"said": [], "not_reached": ""})
        said: list[Passed] = live["said"]  # type: ignore[index]
        if row["result"] == "failed" and case.gateway in self._unusable:
            row["result"], row["reason"] = self._unusable[case.gateway]
        elif row["result"] == "failed" and live["not_reached"]:  # type: ignore[index]
            row["result"], row["reason"] = "not reached", live["not_reached"]  # type: ignore[index]
        elif row["result"] == "passed" and not said:
            row["result"], row["reason"] = "not possible here", "nothing is asked of the gateway"
        row["reason"] = self._safe(row["reason"])
        row["differences"] = [self._safe(one) for one in _differences(said)]
        if said:
            row["transcript"] = self._write(case, said)
        if row["result"] != "not possible here" and case.gateway not in self._unusable:
            print(f"  {case.gateway} {case.verb} {case.name}: {row['result']}", flush=True)

    def _write(self, case: Case, said: list[Passed]) -> str:
        folder = ROOT / TRANSCRIPTS
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{case}.json"
        (folder / name).write_text(self._safe(json.dumps([_shown(one) for one in said], indent=1)))
        return name

    def _safe(self, text: str) -> str:
        """The text without any of the user's own secrets, wherever they may have come to stand."""
        for secret in (*self.plan.secrets, *self._tokens):
            text = text.replace(secret, REMOVED) if secret else text
        return text


def impossible(case: Case) -> str:
    """Why a case cannot be run at a sandbox at all; `` where it can be tried."""
    if case.name in _POSSIBLE:
        return ""
    return _IMPOSSIBLE_VERBS.get(case.verb) or _IMPOSSIBLE_CASES.get(case.name, "")


def _case_of(item: Any) -> Case | None:
    params = getattr(getattr(item, "callspec", None), "params", {})
    case = params.get("case")
    return case if isinstance(case, Case) else None


def _differences(said: list[Passed]) -> list[str]:
    found: dict[str, None] = {}
    for one in said:
        if one.gateway == "stripe" or CONTRACTS.exists():
            with suppress(UnicodeDecodeError):
                found |= dict.fromkeys(f"{one.gateway}: {redact_text(problem)}" for problem in problems_of(one))
    return list(found)


def _told(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = redact_text(" ".join(str(crash.message if crash else report.longrepr).split()))
    text = text.removeprefix("AssertionError: ").partition("; {'request'")[0]  # the transcript has the exchange
    if step := re.match(r"(?:Outcome|Answer)\(kind=<OutcomeKind\.(\w+)", text):
        return f"a step on the way came to {step[1].lower()}: the transcript has it"
    return text if len(text) <= _DETAIL_CHARS else f"{text[:_DETAIL_CHARS]}…"


def _shown(one: Passed) -> dict[str, object]:
    """One exchange without headers, secrets and personal data."""
    parent = "customer" if "/customers" in one.path else "it"  # a customer's `name` is a person's
    asked = {"method": one.method, "path": redact_text(one.path), "query": _kept(one.query.encode(), parent)}
    return {**asked, "body": _kept(one.body, parent), "status": one.status, "reply": _kept(one.reply, parent)}


def _kept(body: bytes, parent: str) -> object:
    if not body:
        return None
    text = body.decode("utf-8", "replace")
    with suppress(ValueError):
        return redact({parent: json.loads(text)})[parent]
    if pairs := parse_qsl(text, keep_blank_values=True):
        return redact({parent: dict(pairs)})[parent]
    return f"{len(text)} characters that are no JSON and no form"
