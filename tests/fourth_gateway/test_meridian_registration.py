"""A gateway from elsewhere is known once it is registered, and is refused with a reason while something is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from currency import exponents
from currency.exponents import ENCODINGS, ISO_MINOR_UNITS, UnknownEncoding, currencies_of, to_gateway_minor
from currency.money import Money
from orchestrator.errors import InvalidField
from orchestrator.gateways import capability_table, declines, registry
from orchestrator.gateways.capabilities import Capabilities, Verb
from orchestrator.gateways.declines import is_mapped
from orchestrator.gateways.kinds import GatewayEndpoints, GatewayKind
from orchestrator.gateways.vault import VaultSettings
from orchestrator.settings import Endpoint, SettingsError, read_settings
from routing.outcomes import RetryAction
from tests.fourth_gateway.meridian.kind import KIND

ROOT = Path(__file__).parents[2]
PRODUCT = ("currency", "routing", "invoicing", "orchestrator", "simulators")


def without(verb: Verb) -> Capabilities:
    kept = {known: said for known, said in KIND.capabilities.verbs.items() if known is not verb}
    return replace(KIND.capabilities, verbs=kept)


@pytest.mark.usefixtures("registered")
def test_a_registered_gateway_has_its_codes_its_amounts_and_its_column_in_the_table() -> None:
    assert registry.kind_of("meridian") is KIND
    assert declines.decline_for("meridian", "decline_code", "M05").action_cit is RetryAction.FAILOVER_NOW
    assert to_gateway_minor(Money(1234, "KWD"), "meridian") == 1234
    assert currencies_of("meridian") == {"EUR", "GBP", "JPY", "KWD", "USD"}
    assert "| Stripe | Adyen | Paypal | Meridian |".casefold() in capability_table.page().casefold()


@pytest.mark.usefixtures("registered")
def test_its_credentials_are_checked_like_any_others() -> None:
    for credentials, live, field in (
        ({}, False, "credentials.api_key"),
        ({"api_key": "mk_live_1"}, False, "credentials.api_key"),
        ({"api_key": "mk_test_1"}, True, "credentials.api_key"),
        ({"api_key": "mk_test_1", "apikey": "x"}, False, "credentials.apikey"),
    ):
        with pytest.raises(InvalidField) as refusal:
            registry.validate_credentials("meridian", credentials, live=live)
        assert refusal.value.errors[0].field == field


@pytest.mark.usefixtures("registered")
def test_a_test_account_is_not_pointed_to_where_real_money_moves() -> None:
    with pytest.raises(InvalidField, match="where real money moves"):
        registry.build_gateway(
            "meridian",
            {"api_key": "mk_test_1"},
            GatewayEndpoints(base_url="https://api.meridian.example/v1"),
            VaultSettings(),
        )


@pytest.mark.usefixtures("registered")
def test_it_cannot_be_registered_twice() -> None:
    with pytest.raises(ValueError, match="meridian: a gateway of that name is registered already"):
        registry.register(KIND)


def test_it_is_not_known_before_it_is_registered() -> None:
    with pytest.raises(InvalidField, match="must be one of adyen, paypal, stripe"):
        registry.kind_of("meridian")


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (replace(KIND, name="Meridian Pay"), "is no name of a gateway"),
        (replace(KIND, name="meridian_pay"), "is no name of a gateway"),
        (replace(KIND, name="m" * 21), "is no name of a gateway"),
        (replace(KIND, name="stripe"), "registered already"),
        (replace(KIND, capabilities=without(Verb.VOID)), "do not say whether it has void"),
        (replace(KIND, encoding=None), "how it writes amounts is not said"),
        (replace(KIND, declines=""), "no row meridian,clearway,amount_not_representable"),
        (replace(KIND, declines=KIND.declines.replace("meridian,http,429", "meridian,http,430")), "no row .*http,429"),
        (replace(KIND, declines=KIND.declines + "stripe,http,429,do_not_honor,none,none\n"), "has a row of stripe"),
        (replace(KIND, declines=KIND.declines.replace("do_not_honor", "dont_honor")), "reason 'dont_honor'"),
        (replace(KIND, declines=KIND.declines.replace("fraud_never", "never")), "row meridian.*'never' is not a valid"),
        (
            replace(KIND, declines=KIND.declines + "meridian,http,400,invalid_request\n"),
            "this row lacks one: meridian,http",
        ),
        (replace(KIND, declines=KIND.declines.replace(",action_mit", ",action")), "needs the columns .*action_mit"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_registered(kind: GatewayKind, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        registry.register(kind)
    assert sorted(registry.KINDS) == ["adyen", "paypal", "stripe"]
    assert "meridian" not in ENCODINGS
    assert not is_mapped("meridian", "clearway", "amount_not_representable")


def test_a_table_of_amounts_is_never_replaced() -> None:
    for name in ("stripe", "paypal_stl"):
        with pytest.raises(ValueError, match="another table"):
            exponents.add_encoding(name, ISO_MINOR_UNITS)


def test_a_gateway_without_a_table_of_amounts_never_gets_one_by_silence() -> None:
    with pytest.raises(UnknownEncoding):
        to_gateway_minor(Money(100, "EUR"), "meridian")
    with pytest.raises(ValueError, match="is not said"):
        exponents.add_encoding("meridian", None)


def test_a_gateway_of_an_installed_package_is_there_in_every_process(tmp_path: Path) -> None:
    """By its entry point: what an installer writes for a package that declares one."""
    about = tmp_path / "meridian_for_clearway-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: meridian-for-clearway\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[clearway.gateways]\nmeridian = tests.fourth_gateway.meridian.kind:KIND\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    program = "from orchestrator.gateways.registry import KINDS; print(*KINDS)"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["stripe", "adyen", "paypal", "meridian"], done.stderr


def test_its_address_is_set_like_those_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARWAY_GATEWAYS__MERIDIAN__BASE_URL", "http://127.0.0.1:7001")
    settings = read_settings()
    assert settings.endpoint("meridian").base_url == "http://127.0.0.1:7001"
    assert settings.endpoint("another") == Endpoint()


def test_a_gateway_with_settings_of_its_own_has_no_second_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARWAY_GATEWAYS__STRIPE__BASE_URL", "http://127.0.0.1:7001")
    with pytest.raises(SettingsError, match="CLEARWAY_GATEWAYS has stripe, which is set by CLEARWAY_STRIPE__"):
        read_settings()


def test_no_file_of_the_product_knows_meridian() -> None:
    files = [path for package in PRODUCT for path in (ROOT / package).rglob("*") if path.suffix in (".py", ".csv")]
    assert len(files) > 100
    assert [str(path) for path in files if "meridian" in path.read_text("utf-8").lower()] == []
