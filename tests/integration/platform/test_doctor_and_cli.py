"""What an operator types: the commands explain themselves, and doctor says what to do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator import doctor, settings
from orchestrator.access import service as access
from orchestrator.errors import Unauthorized
from orchestrator.gateways import accounts

ROOT = Path(__file__).parents[3]


def clearway(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "orchestrator.cli", *words]
    env = {**os.environ, "COLUMNS": "200", **environment}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


async def test_doctor_finds_a_migrated_database_and_its_broker_well(database: str) -> None:
    settings.get_settings.cache_clear()
    found = {finding.part: finding for finding in await doctor.examine()}
    assert {part: found[part].state for part in ("PostgreSQL", "migrations", "broker")} == dict.fromkeys(
        ("PostgreSQL", "migrations", "broker"), doctor.State.OK
    )


async def test_doctor_says_how_to_run_a_missing_clock(database: str) -> None:
    settings.get_settings.cache_clear()
    found = {finding.part: finding for finding in await doctor.examine()}
    assert found["clock"].state is doctor.State.WARNING
    assert "clearway clock" in found["clock"].remedy


async def test_a_check_that_breaks_is_a_finding(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: settings.Settings) -> list[doctor.Finding]:
        raise LookupError("no such account")

    monkeypatch.setattr(doctor, "CHECKS", [broken])
    found = {finding.part: finding for finding in await doctor.examine()}
    assert found["broken"].state is doctor.State.FAILED
    assert "no such account" in found["broken"].detail


def test_doctor_exits_with_1_when_the_database_is_not_there() -> None:
    done = clearway("doctor", DATABASE_URL="postgresql://nobody@127.0.0.1:1/x", BROKER_URL="")
    assert done.returncode == 1
    assert "start PostgreSQL and check DATABASE_URL" in done.stdout


def test_doctor_says_that_accounts_cannot_be_known_without_the_database() -> None:
    done = clearway("doctor", DATABASE_URL="postgresql://nobody@127.0.0.1:1/x", BROKER_URL="")
    assert "mend PostgreSQL first" in done.stdout
    assert "see the logs" not in done.stdout


async def test_doctor_names_each_account_whose_credentials_cannot_be_unsealed(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.get_settings.cache_clear()
    merchant = await access.create_merchant("Acme GmbH", {})
    for label in ("one", "two"):
        credentials = {"secret_key": "sk_test_1", "webhook_secret": "whsec_1"}
        await accounts.add(merchant.id, "stripe", label, credentials)
    monkeypatch.setenv("CLEARWAY_SECRET_KEY", "another-key-of-enough-characters-0123456789")
    settings.get_settings.cache_clear()
    found = {finding.part: finding for finding in await doctor.examine()}
    for label in ("one", "two"):
        finding = found[f"stripe account '{label}'"]
        assert finding.state is doctor.State.FAILED
        assert "CLEARWAY_SECRET_KEY" in finding.remedy
    monkeypatch.undo()
    settings.get_settings.cache_clear()


async def finding_of_the_drop(monkeypatch: pytest.MonkeyPatch, directory: Path | str) -> doctor.Finding:
    monkeypatch.setenv("CLEARWAY_EINVOICE_DROP_DIR", str(directory))
    settings.get_settings.cache_clear()
    found = {finding.part: finding for finding in await doctor.examine()}["e-invoice drop"]
    monkeypatch.undo()
    settings.get_settings.cache_clear()
    return found


async def test_doctor_tries_whether_e_invoices_can_be_left(
    database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = await finding_of_the_drop(monkeypatch, tmp_path)
    assert (found.state, list(tmp_path.iterdir())) == (doctor.State.OK, [])
    found = await finding_of_the_drop(monkeypatch, tmp_path / "typo")
    assert (found.state, "CLEARWAY_EINVOICE_DROP_DIR" in found.remedy) == (doctor.State.WARNING, True)


async def test_doctor_fails_where_e_invoices_cannot_be_left(
    database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file in the place of the directory: nobody can write there, whoever runs this."""
    (tmp_path / "file").write_text("")
    found = await finding_of_the_drop(monkeypatch, tmp_path / "file")
    assert (found.state, "Not a directory" in found.detail) == (doctor.State.FAILED, True)


async def finding_of_the_vault(monkeypatch: pytest.MonkeyPatch, **given: str) -> doctor.Finding:
    for name, value in given.items():
        monkeypatch.setenv(f"CLEARWAY_VAULT__{name.upper()}", value)
    return {finding.part: finding for finding in await doctor._vault(settings.read_settings())}["card vault"]


async def test_doctor_says_that_an_envelope_without_its_address_cannot_work(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await finding_of_the_vault(monkeypatch, shape="envelope", proxy_url="http://127.0.0.1:1")
    assert found.state is doctor.State.FAILED
    assert "ENVELOPE_URL is empty" in found.detail
    assert "set CLEARWAY_VAULT__ENVELOPE_URL" in found.remedy


async def test_doctor_says_that_an_envelopes_address_is_not_used_without_its_shape(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = await finding_of_the_vault(monkeypatch, envelope_url="https://vault.example/proxy")
    assert found.state is doctor.State.FAILED
    assert "CLEARWAY_VAULT__SHAPE=envelope" in found.remedy


async def test_doctor_reaches_for_the_envelopes_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as vault:
        url = f"http://127.0.0.1:{vault.getsockname()[1]}/proxy"
        found = await finding_of_the_vault(monkeypatch, shape="envelope", envelope_url=url)
    assert (found.state, found.detail) == (doctor.State.OK, f"{url[7:-6]} answers")


async def test_a_revoked_key_opens_nothing(database: str) -> None:
    merchant = await access.create_merchant("Acme GmbH", {})
    secret = await access.create_api_key(merchant.id, "leaked")
    done = clearway("key", "revoke", secret, DATABASE_URL=database, BROKER_URL="")
    assert (done.returncode, done.stdout.startswith("revoked  key_")) == (0, True)
    with pytest.raises(Unauthorized):
        await access.authenticate(secret)


def test_up_takes_its_port_from_the_environment() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = clearway("up", CLEARWAY_LISTEN_PORT=str(port))
    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr


def test_doctor_lists_every_problem_of_the_configuration() -> None:
    done = clearway("doctor", DATABASE_URL="mysql://x", CLEARWAY_SECRET_KEY="short")
    assert done.returncode == 1
    assert "DATABASE_URL must begin with" in done.stdout
    assert "CLEARWAY_SECRET_KEY each key needs" in done.stdout


@pytest.mark.parametrize("command", ["up", "demo", "api", "worker", "clock", "migrate", "doctor"])
def test_every_command_has_help(command: str) -> None:
    done = clearway(command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_a_process_with_a_bad_configuration_ends_with_the_list_and_no_traceback() -> None:
    done = clearway("api", DATABASE_URL="mysql://x")
    assert done.returncode == 1
    assert "DATABASE_URL must begin with" in done.stderr
    assert "Traceback" not in done.stderr


def test_migrate_check_says_when_nothing_is_pending(migrated_database: str) -> None:
    done = clearway("migrate", "--check", DATABASE_URL=migrated_database, BROKER_URL="")
    assert (done.returncode, done.stdout.strip()) == (0, "The database is up to date.")
