"""What each gateway is told of strong authentication, and what is read of its answers."""

from __future__ import annotations

from typing import Any

import pytest

from currency.money import Money
from orchestrator.gateways.adyen.mapping import read_authentication
from orchestrator.gateways.adyen.payment_request import payment_request
from orchestrator.gateways.authentication import AuthenticationWish, ExternalAuthentication
from orchestrator.gateways.base import OperationCall, OperationKind
from orchestrator.gateways.capabilities import Missing, Supported
from orchestrator.gateways.credentials import Agreement, CardCredential, Initiator, StoredUse
from orchestrator.gateways.paypal.sources import payment_source
from orchestrator.gateways.redaction import REMOVED, redact
from orchestrator.gateways.registry import KINDS
from orchestrator.gateways.stripe.params import confirmed_intent
from orchestrator.gateways.vault import VaultSettings
from routing.authentication import ASKABLE, Exemption, Wanted

VAULT = VaultSettings("http://127.0.0.1:9", "user", "pass")
PROOF = ExternalAuthentication("authenticated", "2.2.0", "05", "AAABBWcSNIdjeUZThmNHAAAAAAA=", "ds-1")
BY_MERCHANT = StoredUse(Initiator.MERCHANT, Agreement.UNSCHEDULED, "123456789012345")


def call(wish: AuthenticationWish, **given: Any) -> OperationCall:
    card = CardCredential("tok_1", "visa", "4242", 3, 2030)
    fields: dict[str, Any] = {"amount": Money(1230, "EUR"), "credential": card, "return_url": "https://shop.example/r"}
    return OperationCall(OperationKind.CONFIRM, "op_1", "pay_1", "att_1", **fields, authentication=wish, **given)


def stripe(wish: AuthenticationWish, **given: Any) -> dict[str, Any]:
    options = confirmed_intent(call(wish, **given), VAULT).get("payment_method_options") or {}
    return options.get("card") or {}


def adyen(wish: AuthenticationWish, **given: Any) -> dict[str, Any]:
    return payment_request(call(wish, **given), "Shop", VAULT)


def paypal(wish: AuthenticationWish, **given: Any) -> str:
    attributes = payment_source(call(wish, **given), VAULT)["card"].attributes
    return str(attributes.verification.method)


@pytest.mark.parametrize(
    ("wanted", "to_stripe", "to_adyen", "to_paypal"),
    [
        (Wanted.EXEMPT, None, None, "SCA_WHEN_REQUIRED"),
        (Wanted.PREFERRED, None, None, "SCA_WHEN_REQUIRED"),
        (Wanted.REQUIRED, "any", "always", "SCA_ALWAYS"),
        (Wanted.CHALLENGE, "challenge", "always", "SCA_ALWAYS"),
    ],
)
def test_how_much_is_wanted_in_each_gateways_words(
    wanted: Wanted, to_stripe: str | None, to_adyen: str | None, to_paypal: str
) -> None:
    wish = AuthenticationWish(wanted)
    assert stripe(wish).get("request_three_d_secure") == to_stripe
    assert adyen(wish)["authenticationData"].get("attemptAuthentication") == to_adyen
    assert paypal(wish) == to_paypal


def test_only_a_challenge_is_mandated_at_adyen() -> None:
    mandated = adyen(AuthenticationWish(Wanted.CHALLENGE))["threeDS2RequestData"]
    assert mandated == {"threeDSRequestorChallengeInd": "04"}
    assert "threeDS2RequestData" not in adyen(AuthenticationWish(Wanted.REQUIRED))


@pytest.mark.parametrize(
    ("exemption", "word"),
    [
        (Exemption.LOW_VALUE, "lowValue"),
        (Exemption.TRANSACTION_RISK_ANALYSIS, "transactionRiskAnalysis"),
        (Exemption.TRUSTED_BENEFICIARY, "trustedBeneficiary"),
        (Exemption.SECURE_CORPORATE, "secureCorporate"),
    ],
)
def test_adyen_is_asked_for_the_exemption_in_the_authorisation_itself(exemption: Exemption, word: str) -> None:
    request = adyen(AuthenticationWish(Wanted.EXEMPT, exemption))
    assert request["additionalData"]["scaExemption"] == word
    assert request["authenticationData"]["attemptAuthentication"] == "never"


@pytest.mark.parametrize("exemption", [Exemption.RECURRING, Exemption.MERCHANT_INITIATED, Exemption.OUT_OF_SCOPE])
def test_what_adyen_has_no_word_for_is_not_asked(exemption: Exemption) -> None:
    request = adyen(AuthenticationWish(Wanted.EXEMPT, exemption))
    assert "scaExemption" not in request["additionalData"]
    assert "attemptAuthentication" not in request["authenticationData"]


def test_a_proof_from_elsewhere_is_presented_and_nothing_is_asked_beside_it() -> None:
    wish = AuthenticationWish(Wanted.REQUIRED, external=PROOF)
    assert stripe(wish) == {
        "three_d_secure": {
            "ares_trans_status": "Y",
            "cryptogram": PROOF.cavv,
            "electronic_commerce_indicator": "05",
            "transaction_id": "ds-1",
            "version": "2.2.0",
        }
    }
    request = adyen(wish)
    assert request["mpiData"] == {
        "authenticationResponse": "Y",
        "directoryResponse": "Y",
        "cavv": PROOF.cavv,
        "dsTransID": "ds-1",
        "eci": "05",
        "threeDSVersion": "2.2.0",
    }
    assert "attemptAuthentication" not in request["authenticationData"]


@pytest.mark.parametrize("wish", [AuthenticationWish(Wanted.CHALLENGE), AuthenticationWish(external=PROOF)])
def test_a_charge_without_the_customer_asks_nobody(wish: AuthenticationWish) -> None:
    said = stripe(wish, stored_use=BY_MERCHANT)
    assert not {"request_three_d_secure", "three_d_secure"} & said.keys()
    assert not {"authenticationData", "mpiData", "threeDS2RequestData"} & adyen(wish, stored_use=BY_MERCHANT).keys()
    assert payment_source(call(wish, stored_use=BY_MERCHANT), VAULT)["card"].stored_credential is not None
    assert not hasattr(payment_source(call(wish, stored_use=BY_MERCHANT), VAULT)["card"], "attributes")


def test_the_proof_is_in_no_repr_and_in_no_kept_exchange() -> None:
    assert PROOF.cavv not in repr(AuthenticationWish(external=PROOF))
    wish = AuthenticationWish(external=PROOF)
    assert redact(stripe(wish)) == {"three_d_secure": stripe(wish)["three_d_secure"] | {"cryptogram": REMOVED}}
    kept = redact(adyen(wish))["mpiData"]
    assert isinstance(kept, dict)
    assert kept["cavv"] == REMOVED


@pytest.mark.parametrize(("result_code", "result"), [("Authorised", "exempted"), ("Refused", "")])
def test_an_exemption_is_granted_only_where_the_payment_is_approved(result_code: str, result: str) -> None:
    body = {"resultCode": result_code, "additionalData": {"scaExemptionRequested": "lowValue"}}
    read = read_authentication(body)
    assert read is not None
    assert (read.exemption, read.result) == ("low_value", result)


def test_each_gateway_says_what_it_can_be_told_and_why_not() -> None:
    means = {name: kind.capabilities.authentication for name, kind in KINDS.items()}
    said = {name: (type(one.external), type(one.exemption)) for name, one in means.items()}
    assert said == {
        "stripe": (Supported, Missing),
        "adyen": (Supported, Supported),
        "paypal": (Missing, Missing),
    }
    for one in means.values():
        for word in (one.external, one.exemption):
            assert word.source.startswith("https://")
        assert set(one.exemptions) <= set(ASKABLE)
        assert bool(one.exemptions) == isinstance(one.exemption, Supported)
