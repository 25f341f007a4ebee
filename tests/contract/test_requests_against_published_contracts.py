"""What the real SDKs put on the wire for us, against the gateways' published OpenAPI documents."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from currency.money import Money
from orchestrator.gateways.base import OperationCall, OperationKind
from orchestrator.gateways.credentials import CardCredential
from orchestrator.gateways.kinds import GatewayEndpoints
from orchestrator.gateways.registry import build_gateway
from orchestrator.gateways.vault import VaultSettings

CONTRACTS = Path(__file__).parents[2] / "../shared/contracts"
ADYEN = CONTRACTS / "adyen-CheckoutService-v72.json"
ORDERS = CONTRACTS / "paypal-checkout_orders_v2.json"
PAYMENTS = CONTRACTS / "paypal-payments_payment_v2.json"

pytestmark = pytest.mark.skipif(not CONTRACTS.exists(), reason="the shared contracts are not here")

CREDENTIALS = {
    "stripe": {"secret_key": "sk_test_1"},
    "adyen": {"api_key": "key", "merchant_account": "Shop"},
    "paypal": {"client_id": "id", "client_secret": "secret"},
}


@dataclass
class Recorder:
    """Answers everything with a token or nothing much, and keeps (method, path, headers, body)."""

    url: str = ""
    taken: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)

    def only(self) -> tuple[str, str, dict[str, str], str]:
        kept = [one for one in self.taken if one[1] != "/v1/oauth2/token"]
        assert len(kept) == 1, kept
        return kept[0]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    kept = Recorder()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            path = self.path.removeprefix(kept.url)  # absolute when we stand in for the vault's proxy
            kept.taken.append((self.command, path, {k.lower(): v for k, v in self.headers.items()}, body))
            answer = b'{"access_token": "a", "token_type": "Bearer", "expires_in": 900}'
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    kept.url = f"http://127.0.0.1:{server.server_port}"
    yield kept
    server.shutdown()
    server.server_close()


def sent(recorder: Recorder, gateway: str, kind: OperationKind, **given: Any) -> tuple[str, str, dict[str, str], str]:
    """The request that one operation puts on the wire."""
    fields: dict[str, Any] = {
        "amount": Money(1230, "EUR"),
        "gateway_payment_id": "PAY1",
        "gateway_operation_id": "AUTH1",
        "credential": CardCredential("tok_1", "visa", "4242", 3, 2030, holder="Ada"),
        "return_url": "https://shop.example/return",
        "action_result": {"redirectResult": "X6"},
    }
    vault = VaultSettings(recorder.url, "user", "pass")
    adapter = build_gateway(gateway, CREDENTIALS[gateway], GatewayEndpoints(base_url=recorder.url), vault)
    adapter.perform(OperationCall(kind, "op_1", "pay_1", "att_1", **(fields | given)))
    adapter.close()
    return recorder.only()


def check(document: Path, schema: str, body: str) -> dict[str, Any]:
    """The body, once it fits the named schema of the document."""
    components = json.loads(document.read_text())["components"]
    value: dict[str, Any] = json.loads(body)
    Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": components}).validate(value)
    return value


@pytest.mark.parametrize(
    ("kind", "path", "schema"),
    [
        (OperationKind.COMPLETE, "/v72/payments/details", "PaymentDetailsRequest"),
        (OperationKind.CAPTURE, "/v72/payments/PAY1/captures", "PaymentCaptureRequest"),
        (OperationKind.VOID, "/v72/payments/PAY1/cancels", "PaymentCancelRequest"),
        (OperationKind.REFUND, "/v72/payments/PAY1/refunds", "PaymentRefundRequest"),
    ],
)
def test_adyen_requests_fit_its_contract(recorder: Recorder, kind: OperationKind, path: str, schema: str) -> None:
    _, sent_path, headers, body = sent(recorder, "adyen", kind)
    assert (sent_path, headers["idempotency-key"]) == (path, "op_1")
    check(ADYEN, schema, body)


def test_adyen_payment_fits_its_contract_and_is_captured_by_hand(recorder: Recorder) -> None:
    _, path, headers, body = sent(recorder, "adyen", OperationKind.CONFIRM)
    assert (path, headers["idempotency-key"]) == ("/v72/payments", "op_1")
    request = json.loads(body)
    method = request.pop("paymentMethod")  # its schema is a union that a card's own fields fit several times
    check(ADYEN, "CardDetails", json.dumps(method))
    components = json.loads(ADYEN.read_text())["components"]
    known = components["schemas"]["PaymentRequest"]["properties"]
    assert set(request) <= set(known)
    for name in ("amount", "browserInfo", "metadata"):
        schema = {**known[name], "components": components}
        Draft202012Validator(schema).validate(request[name])
    assert request["additionalData"]["manualCapture"] == "true"
    assert (request["reference"], method["number"]) == ("att_1", "tok_1.number")


def test_adyen_void_without_an_id_goes_by_our_reference(recorder: Recorder) -> None:
    _, path, _, body = sent(recorder, "adyen", OperationKind.VOID, gateway_payment_id="")
    assert path == "/v72/cancels"
    assert check(ADYEN, "StandalonePaymentCancelRequest", body)["paymentReference"] == "att_1"


@pytest.mark.parametrize(
    ("kind", "path", "document", "schema"),
    [
        (OperationKind.CREATE, "/v2/checkout/orders", ORDERS, "order_request"),
        (OperationKind.CONFIRM, "/v2/checkout/orders/PAY1/authorize", ORDERS, "order_authorize_request"),
        (OperationKind.CAPTURE, "/v2/payments/authorizations/AUTH1/capture", PAYMENTS, "capture_request"),
        (OperationKind.REFUND, "/v2/payments/captures/AUTH1/refund", PAYMENTS, "refund_request"),
    ],
)
def test_paypal_requests_fit_its_contract(
    recorder: Recorder, kind: OperationKind, path: str, document: Path, schema: str
) -> None:
    _, sent_path, headers, body = sent(recorder, "paypal", kind)
    assert (sent_path, headers["paypal-request-id"]) == (path, "op_1")
    assert headers["prefer"] == "return=representation"
    value = json.loads(body)
    card = value.get("payment_source", {}).get("card", {})
    if card:  # what the vault puts in place of the expressions
        assert (card["number"], card["security_code"]) == ("tok_1.number", "tok_1.cvc")
        card |= {"number": "4242424242424242", "security_code": "737"}
    check(document, schema, json.dumps(value))


def test_paypal_void_carries_the_key_too(recorder: Recorder) -> None:
    _, path, headers, _ = sent(recorder, "paypal", OperationKind.VOID)
    assert (path, headers["paypal-request-id"]) == ("/v2/payments/authorizations/AUTH1/void", "op_1")


def test_paypal_token_is_never_fetched_through_the_vault(recorder: Recorder) -> None:
    sent(recorder, "paypal", OperationKind.CONFIRM)
    through_vault = {path: "proxy-authorization" in headers for _, path, headers, _ in recorder.taken}
    assert through_vault == {"/v1/oauth2/token": False, "/v2/checkout/orders/PAY1/authorize": True}


@pytest.mark.parametrize(
    ("kind", "path", "through_vault"),
    [
        (OperationKind.CREATE, "/v1/payment_intents", False),
        (OperationKind.CONFIRM, "/v1/payment_intents/PAY1/confirm", True),
        (OperationKind.CAPTURE, "/v1/payment_intents/PAY1/capture", False),
        (OperationKind.VOID, "/v1/payment_intents/PAY1/cancel", False),
        (OperationKind.REFUND, "/v1/refunds", False),
    ],
)
def test_stripe_requests_carry_the_operation_as_key_and_only_the_card_goes_through_the_vault(
    recorder: Recorder, kind: OperationKind, path: str, through_vault: bool
) -> None:
    _, sent_path, headers, _ = sent(recorder, "stripe", kind)
    assert (sent_path, headers["idempotency-key"]) == (path, "op_1")
    assert ("proxy-authorization" in headers) is through_vault
    assert "x-stripe-client-telemetry" not in headers


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
def test_same_operation_is_the_same_bytes_each_time(recorder: Recorder, gateway: str) -> None:
    first = sent(recorder, gateway, OperationKind.CONFIRM)
    recorder.taken.clear()
    second = sent(recorder, gateway, OperationKind.CONFIRM)
    assert first[3] == second[3]
