"""What is declared of Adyen is what its adapter has, and its addresses are its own."""

from __future__ import annotations

import pytest

from orchestrator.errors import InvalidField
from orchestrator.gateways.adyen.capabilities import CAPABILITIES
from orchestrator.gateways.adyen.clients import addresses_of
from orchestrator.gateways.capabilities import Missing, Verb
from orchestrator.gateways.credentials import Method
from orchestrator.gateways.kinds import GatewayEndpoints
from orchestrator.gateways.registry import build_gateway, validate_credentials
from orchestrator.gateways.vault import VaultSettings

GOOD = {"api_key": "key", "merchant_account": "Shop"}


def test_every_verb_and_method_is_declared_with_its_source() -> None:
    assert set(CAPABILITIES.verbs) == set(Verb)
    assert set(CAPABILITIES.methods) == set(Method)
    for declared in (*CAPABILITIES.verbs.values(), *CAPABILITIES.methods.values()):
        assert declared.source.startswith(("https://docs.adyen.com/", "https://www.adyen.help/"))


def test_what_is_missing_is_missing_for_a_reason_and_has_no_facet() -> None:
    missing = {verb for verb, declared in CAPABILITIES.verbs.items() if isinstance(declared, Missing)}
    assert missing == {Verb.LOOK_UP, Verb.SAVE_CUSTOMER, Verb.PRODUCT_AND_PRICE, Verb.FETCH_DISPUTE, Verb.FETCH_PAYOUTS}
    adapter = build_gateway("adyen", GOOD, GatewayEndpoints(), VaultSettings())
    assert adapter.facets.catalogue is None
    assert adapter.can_look_up is False
    adapter.close()


def test_test_account_and_live_account_have_different_addresses() -> None:
    test, live = addresses_of("", ""), addresses_of("", "1797a841fbb37ca7-Shop")
    assert test.checkout == "https://checkout-test.adyen.com/v72"
    assert live.checkout == "https://1797a841fbb37ca7-Shop-checkout-live.adyenpayments.com/checkout/v72"
    assert live.disputes == "https://ca-live.adyen.com/ca/services/DisputeService/v30"
    assert live.management == "https://management-live.adyen.com/v3"
    assert live.accounts == "https://balanceplatform-api-live.adyen.com/bcl/v2"
    assert "live" not in "".join((test.disputes, test.management, test.accounts, test.transfers, test.reports))


def test_one_address_for_all_where_it_is_set() -> None:
    at = addresses_of("http://127.0.0.1:9/", "")
    for address in (at.checkout, at.disputes, at.management, at.accounts, at.transfers, at.reports):
        assert address.startswith("http://127.0.0.1:9/")


@pytest.mark.parametrize("name", ["hmac_key", "hmac_key_previous", "token_hmac_key"])
def test_key_that_is_not_hexadecimal_is_named(name: str) -> None:
    with pytest.raises(InvalidField) as refusal:
        validate_credentials("adyen", GOOD | {name: "not hex"})
    assert refusal.value.errors[0].field == f"credentials.{name}"
