"""`clearway doctor --live-sandbox` from end to end, the simulators standing in for the sandboxes on 127.0.0.1."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from rich.console import Console

from orchestrator import live_sandbox
from orchestrator.live_sandbox import SandboxRefused, read_plan

ROOT = Path(__file__).parents[3]
SECRETS = {"stripe": "sk_test_51StandInOfStripe", "adyen": "AQEstandInOfAdyen", "paypal": "standInOfPayPalSecret"}
KEYS = {
    "CLEARWAY_SANDBOX_STRIPE_SECRET_KEY": SECRETS["stripe"],
    "CLEARWAY_SANDBOX_ADYEN_API_KEY": SECRETS["adyen"],
    "CLEARWAY_SANDBOX_ADYEN_MERCHANT_ACCOUNT": "StandInECOM",
    "CLEARWAY_SANDBOX_PAYPAL_CLIENT_ID": "standInOfPayPal",
    "CLEARWAY_SANDBOX_PAYPAL_CLIENT_SECRET": SECRETS["paypal"],
}


@dataclass
class StandIns:
    """The simulators, dressed up as sandboxes: their addresses, and the environment that leads to them."""

    urls: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        return KEYS | {f"CLEARWAY_SANDBOX_{name.upper()}_URL": self.urls[name] for name in SECRETS}

    def stripe(self, path: str) -> Any:
        answer = requests.get(self.urls["stripe"] + path, auth=(SECRETS["stripe"], ""), timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def is_waited_for(self) -> bool:
        """Whether the one call has come that the last trouble was for."""
        answer = requests.get(self.urls["control"] + "/scenarios", timeout=20)
        return answer.json()[-1]["times"] == 0

    def trouble(self, **scenario: Any) -> None:
        answer = requests.post(self.urls["control"] + "/scenarios", json=scenario, timeout=20)
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIns]:
    reports = tmp_path_factory.mktemp("reports")
    command = [sys.executable, "-m", "simulators", "--reports-dir", str(reports), "--die-with-parent"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        made = StandIns(json.loads(process.stdout.readline()))
        accounts = {
            "stripe": {"secret_key": SECRETS["stripe"]},
            "adyen": {"api_key": SECRETS["adyen"], "merchant_account": "StandInECOM"},
            "paypal": {"client_id": "standInOfPayPal", "client_secret": SECRETS["paypal"]},
        }
        for gateway, credentials in accounts.items():
            name = credentials.get("merchant_account", f"standin_{gateway}")
            account = {"gateway": gateway, "account": name, "credentials": credentials}
            requests.post(made.urls["control"] + "/accounts", json=account, timeout=20).raise_for_status()
        yield made
        process.terminate()
        process.wait(60)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "orchestrator.cli", "doctor", "--live-sandbox", *words]


def sandbox(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "COLUMNS": "250", **environment}
    return subprocess.run(command(*words), cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def report() -> dict[str, Any]:
    said: dict[str, Any] = json.loads((ROOT / live_sandbox.REPORT).read_text())
    return said


def row(done: subprocess.CompletedProcess[str], first: str) -> list[str]:
    """The cells of the first table row that begins so."""
    lines = [line for line in done.stdout.splitlines() if re.match(rf"│ {first}\s", line)]
    assert lines, done.stdout + done.stderr
    return [cell.strip() for cell in lines[0].strip("│").split("│")]


def await_truth(fits: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 120
    while not (found := fits()):
        assert time.monotonic() < deadline, "what was waited for never came"
        time.sleep(0.05)
    return found


@pytest.mark.slow
def test_three_sandboxes_are_asked_and_the_table_has_each_verb_and_gateway(stand_ins: StandIns) -> None:
    environment = stand_ins.environment | {"CLEARWAY_SANDBOX_WEBHOOK_URL": "http://127.0.0.1:9/hooks"}
    verbs = ("authorise", "capture", "void", "charge_saved_by_merchant", "register_endpoint", "probe", "forward")
    done = sandbox(environment, *(word for verb in verbs for word in ("--verb", verb)))
    assert done.returncode == 0, done.stdout + done.stderr
    for verb in verbs[:-1]:
        assert all(re.fullmatch(r"\d passed, \d not possible here", cell) for cell in row(done, verb)[1:]), done.stdout
    assert row(done, "forward")[3] == "no such verb"
    cases = report()["cases"]
    passed = {(case["gateway"], case["verb"], case["case"]) for case in cases if case["result"] == "passed"}
    assert passed >= {(gateway, verb, "as_it_goes_well") for gateway in SECRETS for verb in verbs[:-1]}
    assert passed >= {(gateway, "authorise", "card_without_funds") for gateway in SECRETS}
    assert passed >= {(gateway, "probe", "probe_with_refused_credentials") for gateway in SECRETS}
    assert {case["reason"] for case in cases if case["verb"] == "forward"} == {
        "the vendor opens it for an account by arrangement"
    }
    assert all(case["reason"] for case in cases if case["result"] == "not possible here")
    _nothing_is_left(stand_ins)
    _no_secret_is_kept()


def _nothing_is_left(stand_ins: StandIns) -> None:
    assert stand_ins.stripe("/v1/webhook_endpoints") == []
    customers = stand_ins.stripe("/v1/customers")
    assert customers
    for customer in customers:
        assert stand_ins.stripe(f"/v1/customers/{customer['id']}/payment_methods") == []


def _no_secret_is_kept() -> None:
    folder = ROOT / live_sandbox.TRANSCRIPTS
    kept = {path.name: path.read_text() for path in folder.iterdir()}
    assert {name.partition("-")[0] for name in kept} == set(SECRETS)
    private = (*SECRETS.values(), "4111111111111111", "4012888888881881", "ada@example.com", "Ada Lovelace", "whsec_")
    for text in (*kept.values(), json.dumps(report())):
        assert [word for word in private if word in text] == []
    [paid] = [text for name, text in kept.items() if name.startswith("paypal-authorise-approved")]
    talk = json.loads(paid)
    assert [one["status"] for one in talk][-1] in (200, 201)
    assert talk[-1]["body"]["payment_source"]["card"]["number"] == "[removed]"


@pytest.mark.slow
def test_key_that_the_gateway_refuses_fails_with_the_plain_reason_and_the_others_go_on(stand_ins: StandIns) -> None:
    environment = stand_ins.environment | {"CLEARWAY_SANDBOX_STRIPE_SECRET_KEY": "sk_test_wrong123"}
    done = sandbox(environment, "--gateway", "stripe", "--gateway", "adyen", "--verb", "void")
    assert done.returncode == 1
    refused, others = row(done, "void")[1:]
    assert re.match(r"\d failed", refused)
    assert re.match(r"\d passed, \d not possible", others)
    assert "the gateway refuses these credentials (HTTP 401)" in done.stdout
    assert "sk_test_wrong123" not in done.stdout


@pytest.mark.slow
def test_sandbox_that_is_not_there_is_not_reached(stand_ins: StandIns) -> None:
    with socket.socket() as placeholder:  # bound and not listening: refused
        placeholder.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{placeholder.getsockname()[1]}"
        environment = stand_ins.environment | {"CLEARWAY_SANDBOX_PAYPAL_URL": nobody}
        done = sandbox(environment, "--gateway", "paypal", "--verb", "capture")
    assert done.returncode == 1
    assert "not reached" in row(done, "capture")[1]
    assert "Connection refused" in done.stdout
    assert "0 failed" in done.stdout


@pytest.mark.slow
def test_own_vault_puts_the_card_in_and_a_card_without_a_token_is_left_out(stand_ins: StandIns) -> None:
    card = {"number": "4242424242424242", "expiry_month": 3, "expiry_year": 2035, "cvc": "737", "holder": "A"}
    vault = stand_ins.urls["vault"]
    answer = requests.post(f"{vault}/v1/tokens", json=card, headers={"X-Vault-Key": "vault-key"}, timeout=20)
    token = answer.json()["token"]
    names = {"PROXY_URL": vault, "USERNAME": "clearway", "PASSWORD": "vault-password", "TOKEN_APPROVED": token}
    names |= {"CVC_EXPRESSION": "none"}
    environment = stand_ins.environment | {f"CLEARWAY_SANDBOX_VAULT_{name}": value for name, value in names.items()}
    done = sandbox(environment, "--gateway", "adyen", "--verb", "authorise")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(r"\d passed, \d not possible here", row(done, "authorise")[1])
    assert "CLEARWAY_SANDBOX_VAULT_TOKEN_DECLINED is not set" in done.stdout
    [paid] = (ROOT / live_sandbox.TRANSCRIPTS).glob("adyen-authorise-approved-*")
    assert json.loads(paid.read_text())[-1]["body"]["paymentMethod"].keys() >= {"number", "expiryMonth"}
    assert "vault-password" not in done.stdout + paid.read_text()


@pytest.mark.slow
def test_users_own_recipient_stands_in_for_the_one_that_the_cases_make_up(stand_ins: StandIns) -> None:
    account = {"gateway": "stripe", "account": "acct_ofTheUser"}
    platform = {"platform": "standin_stripe", "payouts": "enabled"}
    made = requests.post(stand_ins.urls["control"] + "/accounts", json=account | {"credentials": platform}, timeout=20)
    made.raise_for_status()
    environment = stand_ins.environment | {"CLEARWAY_SANDBOX_STRIPE_RECIPIENT": "acct_ofTheUser"}
    done = sandbox(environment, "--gateway", "stripe", "--verb", "transfer", "--verb", "recipient_status")
    assert done.returncode == 0, done.stdout + done.stderr
    [moved] = (ROOT / live_sandbox.TRANSCRIPTS).glob("stripe-transfer-approved-*")
    assert json.loads(moved.read_text())[-1]["body"]["destination"] == "acct_ofTheUser"
    [asked] = (ROOT / live_sandbox.TRANSCRIPTS).glob("stripe-recipient_status-approved-*")
    assert json.loads(asked.read_text())[-1]["path"] == "/v1/accounts/acct_ofTheUser"


@pytest.mark.slow
def test_what_was_kept_is_removed_when_the_run_is_interrupted(stand_ins: StandIns) -> None:
    def kept() -> list[str]:
        return [
            method["id"]
            for customer in stand_ins.stripe("/v1/customers")
            for method in stand_ins.stripe(f"/v1/customers/{customer['id']}/payment_methods")
        ]

    stand_ins.trouble(
        gateway="stripe", operation="confirm", behaviour="delay", seconds=90, when={"account": "standin_stripe"}
    )
    words = command("--gateway", "stripe", "--verb", "charge_saved_by_merchant")
    env = {**os.environ, **stand_ins.environment}
    with subprocess.Popen(
        ["env", "--default-signal=INT", *words],  # what a shell runs in the background is deaf to it
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        await_truth(lambda: kept() and stand_ins.is_waited_for())
        said = interrupted(process)
    assert process.returncode == 1
    assert "stopped before the end" in said
    assert kept() == []


def interrupted(process: subprocess.Popen[str]) -> str:
    """What it said until its end, after Ctrl-C as a terminal sends it. One that comes while Python runs a finalizer is
    lost there, so it is pressed again after 45 seconds, while the gateway still lets the call wait."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        return process.communicate(timeout=45)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGINT)
        return process.communicate(timeout=120)[0]


def refusal(environment: dict[str, str], *chosen: str) -> list[str]:
    with pytest.raises(SandboxRefused) as refused:
        read_plan(environment, chosen)
    return refused.value.problems


@pytest.mark.parametrize("key", ["sk_live_51abc", "rk_live_51abc"])
def test_live_key_is_refused_before_anything_is_called(key: str) -> None:
    environment = KEYS | {"CLEARWAY_SANDBOX_STRIPE_SECRET_KEY": key}
    assert refusal(environment) == [
        "CLEARWAY_SANDBOX_STRIPE_SECRET_KEY is a live key. Only test keys are taken here: real money would move"
    ]
    done = sandbox(environment)
    assert (done.returncode, "Nothing was called" in done.stdout, key in done.stdout) == (1, True, False)


def test_live_key_is_found_in_whatever_name_it_stands() -> None:
    [problem] = refusal(KEYS | {"CLEARWAY_SANDBOX_PAYPAL_CLIENT_SECRET": "rk_live_1"})
    assert problem.startswith("CLEARWAY_SANDBOX_PAYPAL_CLIENT_SECRET is a live key")


def test_missing_keys_are_listed_with_where_to_find_them() -> None:
    done = sandbox({})
    assert done.returncode == 1
    for name in KEYS:
        assert name in done.stdout
    for where in ("dashboard.stripe.com/test/apikeys", "ca-test.adyen.com", "developer.paypal.com"):
        assert where in done.stdout


def test_gateway_without_keys_is_left_out_and_said_so() -> None:
    plan = read_plan({name: value for name, value in KEYS.items() if "STRIPE" in name})
    assert list(plan.accounts) == ["stripe"]
    assert "CLEARWAY_SANDBOX_ADYEN_API_KEY" in plan.skipped["adyen"]
    assert "CLEARWAY_SANDBOX_PAYPAL_CLIENT_ID" in plan.skipped["paypal"]


@pytest.mark.parametrize(
    "url", ["https://api.stripe.com", "http://10.0.0.1:80", "http://127.0.0.1@evil.example", "https://127.0.0.1:1"]
)
def test_only_this_machine_may_stand_in_for_a_sandbox(url: str) -> None:
    [problem] = refusal(KEYS | {"CLEARWAY_SANDBOX_STRIPE_URL": url})
    assert "only http://127.0.0.1:PORT" in problem


def test_misspelt_name_and_unknown_verb_are_named() -> None:
    [problem] = refusal(KEYS | {"CLEARWAY_SANDBOX_STRIPE_SECRETKEY": "x"})
    assert problem.startswith("CLEARWAY_SANDBOX_STRIPE_SECRETKEY is none of the names")
    done = sandbox(KEYS, "--verb", "authorize")
    assert (done.returncode, "--verb authorize: must be one of authorise," in done.stdout) == (1, True)


def test_key_of_another_form_is_refused() -> None:
    [problem] = refusal(KEYS | {"CLEARWAY_SANDBOX_STRIPE_SECRET_KEY": "pk_test_1"})
    assert problem == "CLEARWAY_SANDBOX_STRIPE_SECRET_KEY must begin with sk_test_ or rk_test_"


def test_own_vault_needs_a_way_there_and_a_token() -> None:
    vault = {"CLEARWAY_SANDBOX_VAULT_PROXY_URL": "https://vault.example:8443"}
    assert refusal(KEYS | vault) == [
        "CLEARWAY_SANDBOX_VAULT_TOKEN_APPROVED is missing: the vault's token of a test card"
    ]
    token = {"CLEARWAY_SANDBOX_VAULT_TOKEN_APPROVED": "tok_1", "CLEARWAY_SANDBOX_VAULT_NUMBER_EXPRESSION": "{token}"}
    plan = read_plan(KEYS | vault | token)
    assert plan.vault is not None
    assert (plan.vault.settings.proxy_url, plan.vault.settings.number_expression) == (
        "https://vault.example:8443",
        "{token}",
    )


def test_difference_on_the_wire_is_shown_and_fails_nothing(tmp_path: Path) -> None:
    difference = "stripe: POST /v1/refunds reply 200 /novelty: is not in the SDK's model"
    case = {"gateway": "stripe", "verb": "refund", "case": "as_it_goes_well", "outcome": "approved"}
    said = {**case, "result": "passed", "reason": "", "differences": [difference]}
    with Console(record=True, width=200, file=(tmp_path / "out").open("w")) as console:
        assert live_sandbox.show({"complete": True, "cases": [said], "notes": []}, console)
    text = console.export_text()
    assert difference in text
    assert "1 passed, wire: 1" in text


def test_run_in_which_nothing_passed_is_no_success(tmp_path: Path) -> None:
    with Console(file=(tmp_path / "out").open("w")) as console:
        assert not live_sandbox.show({"complete": True, "cases": [], "notes": ["no case of forward"]}, console)


def test_without_the_repository_it_says_where_the_suite_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_sandbox, "SUITE", tmp_path)
    with Console(record=True, width=200, file=(tmp_path / "out").open("w")) as console:
        assert live_sandbox.run([], [], console) is False
    assert "Clearway's repository" in console.export_text()


def test_gateway_and_verb_need_the_option() -> None:
    words = [sys.executable, "-m", "orchestrator.cli", "doctor", "--verb", "probe"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "--live-sandbox" in done.stderr) == (1, True)
