"""Settings: every problem is said at once, in the names that one types."""

from __future__ import annotations

import pytest

from orchestrator.settings import Mode, SettingsError, read_settings

KEY = "k" * 32


def problems(monkeypatch: pytest.MonkeyPatch, **environment: str) -> list[str]:
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    return caught.value.problems


def test_all_problems_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    found = problems(
        monkeypatch,
        BROKER_URL="kafka://somewhere",
        CLEARWAY_SECRET_KEY="short",
        CLEARWAY_LISTEN_PORT="many",
        CLEARWAY_VAULT__PROXY_URL="nowhere",
        SMTP_URL="smtp://mail.example",
    )
    names = {problem.split(" ")[0] for problem in found}
    assert names == {
        "DATABASE_URL",
        "BROKER_URL",
        "CLEARWAY_SECRET_KEY",
        "CLEARWAY_LISTEN_PORT",
        "CLEARWAY_VAULT__PROXY_URL",
        "CLEARWAY_MAIL_FROM",
    }


def test_a_misspelt_name_is_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems(monkeypatch, CLEARWAY_PUBLC_URL="https://pay.example") == [
        "CLEARWAY_PUBLC_URL is not a setting; did you mean CLEARWAY_PUBLIC_URL?"
    ]


def test_names_that_kubernetes_sets_for_a_service_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARWAY_PORT", "tcp://10.0.0.1:8000")
    monkeypatch.setenv("CLEARWAY_SERVICE_HOST", "10.0.0.1")
    assert read_settings().listen_port == 8000


def test_production_refuses_a_public_url_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    found = problems(monkeypatch, CLEARWAY_MODE="production", CLEARWAY_PUBLIC_URL="http://pay.example")
    assert found == ["CLEARWAY_PUBLIC_URL must be https:// in production: payers type into pages under it"]


def test_production_without_a_secret_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLEARWAY_SECRET_KEY")
    assert problems(monkeypatch, CLEARWAY_MODE="production") == ["CLEARWAY_SECRET_KEY is missing"]


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://clearway:hunter2@db/clearway")
    assert "hunter2" not in repr(read_settings())


def test_a_refused_secret_is_not_repeated_in_the_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "hunter2" not in "".join(problems(monkeypatch, DATABASE_URL="mysql://root:hunter2@db/x"))


def test_the_broker_is_the_database_when_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@db/d")
    assert read_settings().broker == "postgresql://u@db/d"


def test_simulators_stand_in_only_in_the_demo() -> None:
    allowed = {mode for mode in Mode if read_settings(mode=mode, secret_key=KEY).allows_simulators}
    assert allowed == {Mode.DEMO}


def test_hosts_of_certificates_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARWAY_PAYPAL__CERT_HOSTS", "127.0.0.1, api.paypal.example")
    assert read_settings().paypal.cert_hosts == ("127.0.0.1", "api.paypal.example")
