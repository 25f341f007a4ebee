"""How a request gets to the gateway by way of the vault: as an envelope, with the card only named."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from orchestrator.gateways.credentials import CardCredential, NetworkTokenCredential
from orchestrator.gateways.facets import Endpoint, ForwardRequest
from orchestrator.gateways.transport import record
from orchestrator.gateways.vault import Envelope, VaultSettings, VaultShape, expressions_for, vault_session

DESTINATION = "https://gateway.example/v1/payments?x=1"


class Vault:
    """A vault that keeps what it was sent."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.url = ""


@pytest.fixture
def vault() -> Iterator[Vault]:
    kept = Vault()

    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"] or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            kept.seen.append((self.command, self.path, headers, body))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_PATCH = _take

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    kept.url = f"http://127.0.0.1:{server.server_port}/proxy"
    yield kept
    server.shutdown()
    server.server_close()


def settings(vault: Vault, **changed: str) -> VaultSettings:
    envelope = Envelope(url=vault.url, key="vault-key", **changed)
    return VaultSettings(shape=VaultShape.ENVELOPE, envelope=envelope)


def test_envelope_goes_to_the_vault_and_names_destination_and_method(vault: Vault) -> None:
    http = vault_session(settings(vault), 1)
    http.patch(DESTINATION, json={"number": "{{ tok_1.number }}"}, headers={"Idempotency-Key": "op_1"})
    method, path, headers, body = vault.seen[0]
    assert (method, path) == ("POST", "/proxy")
    assert headers["x-proxy-url"] == DESTINATION
    assert headers["x-proxy-method"] == "PATCH"
    assert headers["x-vault-key"] == "vault-key"
    assert headers["idempotency-key"] == "op_1"
    assert body == b'{"number": "{{ tok_1.number }}"}'


def test_vault_that_wants_no_method_header_gets_the_method_itself(vault: Vault) -> None:
    vault_session(settings(vault, method_header=""), 1).patch(DESTINATION, json={})
    assert vault.seen[0][0] == "PATCH"


def test_prefix_stands_before_the_gateways_headers_but_not_before_those_of_the_body(vault: Vault) -> None:
    http = vault_session(settings(vault, header_prefix="x-forward-header-"), 1)
    http.post(DESTINATION, json={}, headers={"Authorization": "Bearer of-the-gateway"})
    _, _, headers, _ = vault.seen[0]
    assert headers["x-forward-header-authorization"] == "Bearer of-the-gateway"
    assert "authorization" not in headers
    assert headers["content-type"] == "application/json"


def test_what_is_recorded_is_the_request_and_not_its_envelope(vault: Vault) -> None:
    http = vault_session(settings(vault), 1)
    exchange = record(lambda: http.post(DESTINATION, json={"a": 1})).last()
    assert exchange is not None
    assert (exchange.method, exchange.url) == ("POST", DESTINATION)
    assert "vault-key" not in str(exchange.redacted())


def test_braces_of_the_vaults_own_expressions_stay() -> None:
    card = CardCredential("tok_1", "visa", "4242", 3, 2030)
    shown = expressions_for(card, VaultSettings(number_expression="{{ {token}.number }}"))
    assert shown.number == "{{ tok_1.number }}"


def test_network_token_is_an_expression_with_a_cryptogram_only_while_the_customer_is_there() -> None:
    present = NetworkTokenCredential("tok_1", "visa", "4242", 3, 2030)
    absent = NetworkTokenCredential("tok_1", "visa", "4242", 3, 2030, has_cryptogram=False)
    assert expressions_for(present, VaultSettings()).number == "tok_1.network_token"
    assert expressions_for(present, VaultSettings()).cryptogram == "tok_1.cryptogram"
    assert expressions_for(absent, VaultSettings()).cryptogram == ""


def test_keys_are_not_shown_where_settings_are(vault: Vault) -> None:
    shown = repr(VaultSettings("https://vault.example", "us-er", "pass-word", envelope=Envelope(key="vault-key")))
    assert "pass-word" not in shown
    assert "vault-key" not in shown
    request = ForwardRequest("POST", DESTINATION, {"Authorization": "Bearer secret"}, "application/json", "{}")
    assert "secret" not in repr(request)
    assert "whsec" not in repr(Endpoint("we_1", DESTINATION, True, {"webhook_secret": "whsec_1"}))
