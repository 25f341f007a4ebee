"""Credentials are checked by name, before anything is built."""

from __future__ import annotations

import pytest

from orchestrator.errors import InvalidField
from orchestrator.gateways.base import OperationKind
from orchestrator.gateways.kinds import GatewayEndpoints
from orchestrator.gateways.registry import KINDS, build_gateway, validate_credentials
from orchestrator.gateways.vault import VaultSettings

GOOD = {
    "stripe": {"secret_key": "sk_test_1"},
    "adyen": {"api_key": "key", "merchant_account": "Shop"},
    "paypal": {"client_id": "id", "client_secret": "secret"},
}


@pytest.mark.parametrize("gateway", sorted(GOOD))
def test_complete_credentials_build_an_adapter(gateway: str) -> None:
    adapter = build_gateway(gateway, GOOD[gateway], GatewayEndpoints(), VaultSettings(proxy_url="http://127.0.0.1:9"))
    assert adapter.name == gateway
    assert adapter.authorise_steps == KINDS[gateway].authorise_steps
    assert OperationKind.CONFIRM in adapter.authorise_steps
    adapter.close()


@pytest.mark.parametrize(("gateway", "field"), [(g, f) for g, fields in sorted(GOOD.items()) for f in fields])
def test_missing_field_is_named(gateway: str, field: str) -> None:
    credentials = {key: value for key, value in GOOD[gateway].items() if key != field}
    with pytest.raises(InvalidField) as refusal:
        validate_credentials(gateway, credentials)
    assert refusal.value.errors[0].field == f"credentials.{field}"


def test_unknown_field_unknown_gateway_and_bad_key_are_named() -> None:
    for gateway, credentials, field in (
        ("stripe", {**GOOD["stripe"], "secretkey": "x"}, "credentials.secretkey"),
        ("square", {}, "gateway"),
        ("adyen", {**GOOD["adyen"], "hmac_key": "not hex"}, "credentials.hmac_key"),
    ):
        with pytest.raises(InvalidField) as refusal:
            validate_credentials(gateway, credentials)
        assert refusal.value.errors[0].field == field


def test_live_adyen_needs_its_endpoint_prefix() -> None:
    with pytest.raises(InvalidField):
        build_gateway("adyen", GOOD["adyen"], GatewayEndpoints(live=True), VaultSettings())
