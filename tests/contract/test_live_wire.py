"""The tap before a real sandbox: it knows the vendors' test hosts only, and puts in no card but theirs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import parse_qs, urlsplit

import coverage_matrix
import pytest
import requests
from live_accounts import not_possible
from live_suite import impossible
from live_wire import TEST_CARDS, SandboxTap, token_of, with_test_card
from simulated_accounts import GATEWAYS
from verb_calls import all_cases

from orchestrator.gateways.registry import KINDS
from orchestrator.live_sandbox import SandboxAccount


@contextmanager
def tap_of(gateway: str) -> Iterator[SandboxTap]:
    with closing(SandboxTap(gateway, SandboxAccount({}), None)) as tap:
        yield tap


@pytest.mark.parametrize(
    ("gateway", "path", "host"),
    [
        ("stripe", "/v1/payment_intents", "https://api.stripe.com"),
        ("stripe", "/v1/files", "https://files.stripe.com"),
        ("stripe", "/v1/files/file_1/contents", "https://files.stripe.com"),
        ("adyen", "/v72/payments", "https://checkout-test.adyen.com"),
        ("adyen", "/ca/services/DisputeService/v30/acceptDispute", "https://ca-test.adyen.com"),
        ("adyen", "/reports/download/MerchantAccount/Acme/r.csv", "https://ca-test.adyen.com"),
        ("adyen", "/v3/merchants/Acme/webhooks", "https://management-test.adyen.com"),
        ("adyen", "/bcl/v2/balanceAccounts/BA1", "https://balanceplatform-api-test.adyen.com"),
        ("adyen", "/btl/v4/transfers", "https://balanceplatform-api-test.adyen.com"),
        ("paypal", "/v2/checkout/orders", "https://api-m.sandbox.paypal.com"),
    ],
)
def test_path_goes_to_the_vendors_test_host(gateway: str, path: str, host: str) -> None:
    with tap_of(gateway) as tap:
        assert tap._host_of(path) == host


@pytest.mark.parametrize("gateway", ["adyen", "paypal"])
def test_no_host_is_one_where_real_money_moves(gateway: str) -> None:
    """Stripe has one host for both; there a key that is no test key is refused."""
    with tap_of(gateway) as tap:
        names = [urlsplit(host).hostname or "" for host in tap._hosts.values()]
    assert not [name for name in names for live in KINDS[gateway].live_hosts if name.endswith(live)]


@pytest.mark.parametrize(("gateway", "path"), [("adyen", "/pal/servlet/Payment/v68/authorise"), ("stripe", "/v2/x")])
def test_path_of_no_known_service_goes_nowhere(gateway: str, path: str) -> None:
    with tap_of(gateway) as tap, pytest.raises(requests.exceptions.InvalidURL):
        tap._host_of(path)


def test_stripe_gets_the_payment_method_that_stands_for_the_card() -> None:
    number = token_of("refunded later") + ".number"
    body = f"payment_method_data[type]=card&payment_method_data[card][number]={number}&return_url=a"
    sent = parse_qs(with_test_card("stripe", body.encode()).decode())
    assert sent == {"return_url": ["a"], "payment_method": ["pm_card_pendingRefund"]}


def test_adyen_gets_the_card_marked_as_a_test_encryption() -> None:
    token = token_of("approved")
    card = {"type": "scheme", "number": f"{token}.number", "cvc": f"{token}.cvc", "holderName": "Ada Lovelace"}
    card |= {"expiryMonth": f"{token}.expiry_month", "expiryYear": f"{token}.expiry_year"}
    sent = json.loads(with_test_card("adyen", json.dumps({"paymentMethod": card}).encode()))
    assert sent["paymentMethod"] == {
        "type": "scheme",
        "holderName": "Ada Lovelace",
        "encryptedCardNumber": "test_4111111111111111",
        "encryptedExpiryMonth": "test_03",
        "encryptedExpiryYear": "test_2030",
        "encryptedSecurityCode": "test_737",
    }


def test_paypal_gets_a_number_of_its_own_list() -> None:
    token = token_of("approved")
    card = {"number": f"{token}.number", "security_code": f"{token}.cvc", "expiry": "2030-03"}
    body = {"payment_source": {"card": card}}
    sent = json.loads(with_test_card("paypal", json.dumps(body).encode()))
    assert sent == {"payment_source": {"card": {**card, "number": "4012888888881881", "security_code": "123"}}}


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_body_without_a_stand_ins_card_is_left_as_it_is(gateway: str) -> None:
    body = b'{"number": "4000000000000002",  "amount": 1}'
    assert with_test_card(gateway, body) == body


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_each_gateway_has_the_three_cards_that_the_cases_pay_with(gateway: str) -> None:
    assert TEST_CARDS[gateway].keys() >= {"approved", "declined", "challenged"}


def test_every_gateway_has_cases_that_a_sandbox_can_be_asked() -> None:
    coverage_matrix.load()
    asked = {case.gateway for case in all_cases() if not impossible(case) and case.name == "as_it_goes_well"}
    assert asked == set(GATEWAYS)


def test_what_is_not_possible_is_neither_passed_nor_failed() -> None:
    with pytest.raises(pytest.skip.Exception, match="nobody is there"):
        not_possible("nobody is there")
