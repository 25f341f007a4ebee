"""Requests with wishes about 3-D Secure, against the gateways' published OpenAPI documents."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from test_requests_against_published_contracts import ADYEN, CONTRACTS, ORDERS, Recorder, check, sent
from test_requests_against_published_contracts import recorder as recorder

from orchestrator.gateways.authentication import AuthenticationWish, ExternalAuthentication
from orchestrator.gateways.base import OperationKind
from orchestrator.gateways.credentials import Browser, Shopper
from routing.authentication import ASKABLE, Wanted

pytestmark = pytest.mark.skipif(not CONTRACTS.exists(), reason="the shared contracts are not here")

PROOF = ExternalAuthentication("authenticated", "2.2.0", "05", "AAABBWcSNIdjeUZThmNHAAAAAAA=", "ds-1")
WISHES = [
    *(AuthenticationWish(wanted) for wanted in Wanted),
    *(AuthenticationWish(Wanted.EXEMPT, exemption) for exemption in ASKABLE),
    AuthenticationWish(Wanted.REQUIRED, external=PROOF),
]
SHOPPER = Shopper(ip="203.0.113.7", browser=Browser("text/html", "Mozilla/5.0", "de-DE", 24, 1080, 1920, -60))


@pytest.mark.parametrize("wish", WISHES)
def test_adyen_payment_with_a_wish_fits_its_contract(recorder: Recorder, wish: AuthenticationWish) -> None:
    _, _, _, body = sent(recorder, "adyen", OperationKind.CONFIRM, authentication=wish, shopper=SHOPPER)
    request = json.loads(body)
    components = json.loads(ADYEN.read_text())["components"]
    known = components["schemas"]["PaymentRequest"]["properties"]
    assert set(request) <= set(known)
    for name in {"authenticationData", "threeDS2RequestData", "mpiData", "browserInfo", "additionalData"} & set(
        request
    ):
        if name in request:
            Draft202012Validator({**known[name], "components": components}).validate(request[name])
    exemption = request["additionalData"].get("scaExemption")
    assert exemption is None or f"**{exemption}**" in exemptions_of(components)
    assert (request["browserInfo"]["timeZoneOffset"], request["shopperIP"]) == (-60, "203.0.113.7")


def exemptions_of(components: dict[str, Any]) -> str:
    return str(components["schemas"]["AdditionalData3DSecure"]["properties"]["scaExemption"]["description"])


@pytest.mark.parametrize("wish", WISHES)
def test_paypal_authorisation_with_a_wish_fits_its_contract(recorder: Recorder, wish: AuthenticationWish) -> None:
    _, _, _, body = sent(recorder, "paypal", OperationKind.CONFIRM, authentication=wish, shopper=SHOPPER)
    value = json.loads(body)
    card = value["payment_source"]["card"]
    assert card["attributes"]["verification"]["method"] in ("SCA_ALWAYS", "SCA_WHEN_REQUIRED")
    card |= {"number": "4242424242424242", "security_code": "737"}  # what the vault puts in place of the expressions
    check(ORDERS, "order_authorize_request", json.dumps(value))
