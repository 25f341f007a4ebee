"""The simulated vault: tokens, the fields page, and a forward proxy that says truly how far a request came."""

from __future__ import annotations

import base64
import re
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from sim_driving import Receiver, Simulators

from simulators.issuer import passes_luhn
from simulators.network_tokens import card_behind, network_token_for, new_cryptogram, spend_cryptogram
from simulators.vault.app import VAULT_ACCOUNT
from simulators.world import Card, World

CARD = {"number": "4242424242424242", "expiry_month": 3, "expiry_year": 2031, "cvc": "123", "holder": "Ada Obi"}


@pytest.fixture
def receiver(simulators: Simulators, receiver: Receiver) -> Receiver:
    """One that the vault may reach."""
    simulators.post("/vault/destinations", url=receiver.url)
    return receiver


@pytest.fixture
def through_vault(simulators: Simulators) -> Iterator[requests.Session]:
    with _session(simulators, VAULT_ACCOUNT["password"]) as session:
        yield session


@pytest.fixture
def token(simulators: Simulators) -> str:
    return str(_tokenise(simulators, CARD).json()["token"])


@contextmanager
def _session(simulators: Simulators, password: str) -> Iterator[requests.Session]:
    where = urlsplit(simulators.urls["vault"]).netloc
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"http": f"http://{VAULT_ACCOUNT['username']}:{password}@{where}"}
        yield session


def _tokenise(simulators: Simulators, card: dict[str, Any], **headers: str) -> requests.Response:
    sent = headers or {"X-Vault-Key": VAULT_ACCOUNT["api_key"]}
    return requests.post(simulators.urls["vault"] + "/v1/tokens", json=card, headers=sent, timeout=10)


@contextmanager
def _destination(simulators: Simulators, behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that takes one connection and does with it what it is told."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                behave(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        simulators.post("/vault/destinations", url=url)
        yield url
        thread.join()


# tokens


def test_a_card_becomes_a_token_that_shows_only_what_may_be_shown(simulators: Simulators) -> None:
    shown = _tokenise(simulators, CARD).json()
    assert re.fullmatch(r"tok_[0-9a-f]+", shown.pop("token"))
    assert shown == {
        "brand": "visa", "last4": "4242", "bin": "42424242", "expiry_month": 3, "expiry_year": 2031,
        "holder": "Ada Obi", "issuer_country": "US",
    }  # fmt: skip


@pytest.mark.parametrize(("field", "value"), [("number", "42"), ("expiry", "13"), ("cvc", "1")])
def test_what_cannot_be_a_card_is_refused_by_field(simulators: Simulators, field: str, value: str) -> None:
    answer = _tokenise(simulators, {**CARD, "expiry_month" if field == "expiry" else field: value})
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)


def test_neither_a_wrong_key_nor_another_page_gets_a_token(simulators: Simulators) -> None:
    assert _tokenise(simulators, CARD, **{"X-Vault-Key": "guess"}).status_code == 401
    assert _tokenise(simulators, CARD, Origin="http://127.0.0.1:1").status_code == 401


def test_the_fields_page_itself_may_tokenise(simulators: Simulators) -> None:
    assert _tokenise(simulators, CARD, Origin=simulators.urls["vault"]).status_code == 201


# the fields page


def test_the_fields_page_labels_every_input_and_may_be_framed_by_its_origin_only(simulators: Simulators) -> None:
    query = {"origin": "http://shop.example", "locale": "de-DE"}
    page = requests.get(simulators.urls["vault"] + "/fields", params=query, timeout=10)
    inputs, labels = re.findall(r'<input id="(\w+)"', page.text), re.findall(r'<label for="(\w+)"', page.text)
    assert inputs == labels == ["number", "expiry", "cvc", "holder"]
    assert 'lang="de"' in page.text
    assert "Kartennummer" in page.text
    assert "{{" not in page.text
    assert "frame-ancestors http://shop.example" in page.headers["content-security-policy"]


@pytest.mark.parametrize("origin", ["", "*", "javascript:alert(1)", "http://a; script-src *", "http://a/</script>"])
def test_the_fields_page_wants_a_true_origin(simulators: Simulators, origin: str) -> None:
    page = requests.get(simulators.urls["vault"] + "/fields", params={"origin": origin}, timeout=10)
    assert page.status_code == 400


# the proxy


def test_the_proxy_reveals_the_card_in_json(
    through_vault: requests.Session, token: str, receiver: Receiver
) -> None:  # fmt: skip
    sent = {"number": f"{token}.number", "cvc": f"{token}.cvc", "expiry": f"{token}.expiry_year-{token}.expiry_month"}
    answer = through_vault.post(receiver.url, json=sent, headers={"Idempotency-Key": "k"}, timeout=10)
    [(headers, body)] = receiver.taken
    assert answer.status_code == 200
    assert body == b'{"number": "4242424242424242", "cvc": "123", "expiry": "2031-03"}'
    assert headers["idempotency-key"] == "k"
    assert "proxy-authorization" not in headers


def test_the_proxy_reveals_the_card_in_a_form(
    through_vault: requests.Session, token: str, receiver: Receiver
) -> None:  # fmt: skip
    sent = {"card[number]": f"{token}.number", "card[exp_year]": f"{token}.expiry_year_2", "holder": "Ada & co"}
    through_vault.post(receiver.url, data=sent, timeout=10)
    form = parse_qs(receiver.taken[0][1].decode())
    assert form == {"card[number]": ["4242424242424242"], "card[exp_year]": ["31"], "holder": ["Ada & co"]}


def test_the_destinations_answer_comes_back_as_it_is(through_vault: requests.Session, receiver: Receiver) -> None:
    receiver.status = 402
    answer = through_vault.post(receiver.url, json={}, timeout=10)
    assert (answer.status_code, answer.headers.get("X-Vault-Error")) == (402, None)


def test_an_unknown_token_is_named_as_such_and_nothing_is_sent(
    through_vault: requests.Session, receiver: Receiver
) -> None:  # fmt: skip
    answer = through_vault.post(receiver.url, json={"number": f"tok_{'0' * 32}.number"}, timeout=10)
    assert (answer.status_code, answer.headers["X-Vault-Error"], receiver.taken) == (400, "unknown-token", [])


def test_a_refused_connection_is_destination_not_contacted(
    simulators: Simulators, through_vault: requests.Session
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    simulators.post("/vault/destinations", url=f"http://127.0.0.1:{port}/")
    answer = through_vault.post(f"http://127.0.0.1:{port}/", json={}, timeout=10)
    assert (answer.status_code, answer.headers["X-Vault-Error"]) == (502, "destination-not-contacted")


def test_a_destination_that_hangs_up_at_once_is_no_answer(
    simulators: Simulators, through_vault: requests.Session
) -> None:
    with _destination(simulators, lambda connection: None) as url:
        answer = through_vault.post(url, json={"a": 1}, timeout=10)
    assert (answer.status_code, answer.headers["X-Vault-Error"]) == (504, "destination-no-answer")


def test_a_destination_that_hangs_up_after_the_request_is_no_answer(
    simulators: Simulators, through_vault: requests.Session
) -> None:
    def listen(connection: socket.socket) -> None:
        connection.recv(65536)

    with _destination(simulators, listen) as url:
        answer = through_vault.post(url, json={"a": 1}, timeout=10)
    assert (answer.status_code, answer.headers["X-Vault-Error"]) == (504, "destination-no-answer")


def test_half_an_answer_is_no_answer(simulators: Simulators, through_vault: requests.Session) -> None:
    def half(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")

    with _destination(simulators, half) as url:
        answer = through_vault.post(url, json={"a": 1}, timeout=10)
    assert (answer.status_code, answer.headers["X-Vault-Error"]) == (504, "destination-no-answer")


def test_a_gateway_that_lost_its_reply_and_then_fell_is_told_apart(
    simulators: Simulators, through_vault: requests.Session
) -> None:
    simulators.register("stripe", {"secret_key": "sk_test_behind_the_vault"})
    url = simulators.urls["stripe"] + "/v1/payment_intents"
    headers, data = {"Authorization": "Bearer sk_test_behind_the_vault"}, {"amount": "100", "currency": "eur"}
    assert through_vault.post(url, data=data, headers=headers, timeout=10).status_code == 200
    simulators.post("/scenarios", gateway="stripe", operation="create", behaviour="lose_reply")
    lost = through_vault.post(url, data=data, headers=headers, timeout=10)
    simulators.post("/outage", gateway="stripe", on=True)
    refused = through_vault.post(url, data=data, headers=headers, timeout=10)
    simulators.post("/outage", gateway="stripe", on=False)
    assert (lost.status_code, refused.status_code) == (504, 502)
    assert through_vault.post(url, data=data, headers=headers, timeout=10).status_code == 200


def test_wrong_proxy_credentials_are_a_407(simulators: Simulators, receiver: Receiver) -> None:
    with _session(simulators, "guess") as session:
        assert session.post(receiver.url, json={}, timeout=10).status_code == 407
    assert receiver.taken == []


def test_only_hosts_on_the_list_are_reached(through_vault: requests.Session) -> None:
    answer = through_vault.post("http://shop.example/", json={}, timeout=10)
    assert (answer.status_code, answer.headers["X-Vault-Error"]) == (400, "destination-not-allowed")


def test_fifty_at_once_all_come_through(simulators: Simulators, token: str) -> None:
    simulators.register("stripe", {"secret_key": "sk_test_fifty"})
    headers = {"Authorization": "Bearer sk_test_fifty"}

    def pay(n: int) -> str:
        with _session(simulators, VAULT_ACCOUNT["password"]) as session:
            card = {"type": "card", "card][number": f"{token}.number", "card][exp_month": f"{token}.expiry_month"}
            card["card][exp_year"] = f"{token}.expiry_year"
            form = {f"payment_method_data[{name}]": value for name, value in card.items()}
            form |= {"amount": "100", "currency": "eur", "confirm": "true", "allowed_payment_method_types[0]": "card"}
            url = simulators.urls["stripe"] + "/v1/payment_intents"
            return str(session.post(url, data=form, headers=headers, timeout=30).json()["status"])

    with ThreadPoolExecutor(50) as pool:
        assert set(pool.map(pay, range(150))) == {"succeeded"}


# what else may stand in a request, and for how long


def _pay_through(simulators: Simulators, session: requests.Session, token: str, key: str) -> requests.Response:
    simulators.register("stripe", {"secret_key": key})
    card = {"number": f"{token}.number", "exp_month": f"{token}.expiry_month", "exp_year": f"{token}.expiry_year"}
    form = {f"payment_method_data[card][{name}]": value for name, value in {**card, "cvc": f"{token}.cvc"}.items()}
    form |= {"payment_method_data[type]": "card", "amount": "100", "currency": "eur", "confirm": "true"}
    form["allowed_payment_method_types[0]"] = "card"
    headers = {"Authorization": f"Bearer {key}"}
    return session.post(simulators.urls["stripe"] + "/v1/payment_intents", data=form, headers=headers, timeout=10)


def test_a_cvc_is_forgotten_once_it_authorised_a_payment(
    simulators: Simulators, through_vault: requests.Session, token: str
) -> None:
    assert _pay_through(simulators, through_vault, token, "sk_test_cvc_once").json()["status"] == "succeeded"
    again = _pay_through(simulators, through_vault, token, "sk_test_cvc_once")
    assert (again.status_code, again.headers["X-Vault-Error"]) == (400, "unknown-field")


def test_a_declined_payment_leaves_the_cvc_for_another_gateway(
    simulators: Simulators, through_vault: requests.Session, receiver: Receiver
) -> None:
    declined = _tokenise(simulators, {**CARD, "number": "4000000000000002"}).json()["token"]
    assert _pay_through(simulators, through_vault, declined, "sk_test_cvc_declined").status_code == 402
    through_vault.post(receiver.url, data=f"{declined}.cvc", timeout=10)
    assert receiver.taken[0][1] == b"123"


def test_a_cvc_is_forgotten_after_an_hour(
    simulators: Simulators, through_vault: requests.Session, token: str, receiver: Receiver
) -> None:
    simulators.post("/clock", advance_seconds=3601)
    answer = through_vault.post(receiver.url, data=f"{token}.cvc", timeout=10)
    assert (answer.headers["X-Vault-Error"], receiver.taken) == ("unknown-field", [])
    assert through_vault.post(receiver.url, data=f"{token}.number", timeout=10).status_code == 200


def test_a_network_token_comes_with_a_cryptogram_of_its_own_each_time(
    simulators: Simulators, through_vault: requests.Session, token: str, receiver: Receiver
) -> None:
    for _ in range(2):
        body = f"{token}.network_token|{token}.cryptogram|{token}.eci"
        through_vault.post(receiver.url, data=body, timeout=10)
    (number, first, eci), (same, second, _) = (body.decode().split("|") for _, body in receiver.taken)
    assert number == same != CARD["number"]
    assert (passes_luhn(number), number[:6], eci) == (True, "424242", "07")
    assert first != second
    key = {"X-Vault-Key": VAULT_ACCOUNT["api_key"]}
    shown = requests.post(f"{simulators.urls['vault']}/v1/tokens/{token}/network-token", headers=key, timeout=10)
    assert (shown.json()["last4"], shown.json()["expiry_year"]) == (number[-4:], 2032)


def test_a_cryptogram_is_good_for_one_authorisation_of_its_token() -> None:
    world = World()
    issued = network_token_for(world, Card("4242424242424242", 3, 2031))
    cryptogram = new_cryptogram(world, issued)
    assert card_behind(world, issued.number) == "4242424242424242"
    assert not spend_cryptogram(world, "4242424242424242", new_cryptogram(world, issued))
    assert spend_cryptogram(world, issued.number, cryptogram)
    assert not spend_cryptogram(world, issued.number, cryptogram)


def test_a_deleted_token_is_unknown(
    simulators: Simulators, through_vault: requests.Session, token: str, receiver: Receiver
) -> None:
    url, key = f"{simulators.urls['vault']}/v1/tokens/{token}", {"X-Vault-Key": VAULT_ACCOUNT["api_key"]}
    assert requests.get(url, headers=key, timeout=10).json()["last4"] == "4242"
    assert requests.delete(url, headers=key, timeout=10).status_code == 204
    answer = through_vault.post(receiver.url, data=f"{token}.number", timeout=10)
    assert answer.headers["X-Vault-Error"] == "unknown-token"


# the envelope


def _wrapped(simulators: Simulators, url: str, body: str | dict[str, Any], **headers: str) -> requests.Response:
    sent = {"X-Vault-Key": VAULT_ACCOUNT["api_key"], "X-Proxy-Url": url, **headers}
    return requests.request("POST", simulators.urls["vault"] + "/v1/proxy", data=body, headers=sent, timeout=10)


def test_the_envelope_reveals_braced_expressions_and_answers_as_the_destination_did(
    simulators: Simulators, token: str, receiver: Receiver
) -> None:
    receiver.status = 402
    body = f'{{"number": "{{{{ {token}.number }}}}", "left": "{token}.number"}}'
    answer = _wrapped(simulators, receiver.url, body, **{"Content-Type": "application/json", "Idempotency-Key": "k"})
    [(headers, taken)] = receiver.taken
    assert (answer.status_code, answer.headers.get("X-Vault-Error")) == (402, None)
    assert taken == f'{{"number": "4242424242424242", "left": "{token}.number"}}'.encode()
    assert headers["idempotency-key"] == "k"
    assert "x-vault-key" not in headers


def test_the_envelope_reveals_in_an_encoded_form(simulators: Simulators, token: str, receiver: Receiver) -> None:
    _wrapped(
        simulators, receiver.url, {"card[number]": f"{{{{ {token}.number }}}}", "c": f"{{{{{token}.cryptogram}}}}"}
    )
    form = parse_qs(receiver.taken[0][1].decode())
    assert form["card[number]"] == ["4242424242424242"]
    assert len(base64.b64decode(form["c"][0])) == 20


def test_the_envelope_uses_the_method_that_it_is_told(simulators: Simulators) -> None:
    simulators.register("stripe", {"secret_key": "sk_test_enveloped"})
    url = simulators.urls["stripe"] + "/v1/payment_intents/pi_none"
    answer = _wrapped(simulators, url, "", **{"X-Proxy-Method": "GET", "Authorization": "Bearer sk_test_enveloped"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "resource_missing")


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ({"X-Vault-Key": "guess"}, 401, "unauthorized"),
        ({"X-Proxy-Url": ""}, 400, "destination-missing"),
        ({"X-Proxy-Url": "http://shop.example/"}, 400, "destination-not-allowed"),
        ({"X-Proxy-Method": "TRACE"}, 400, "method-not-allowed"),
    ],
)
def test_a_wrong_envelope_is_named_as_such(
    simulators: Simulators, headers: dict[str, str], status: int, error: str
) -> None:
    answer = _wrapped(simulators, simulators.urls["stripe"], "{}", **headers)
    assert (answer.status_code, answer.headers["X-Vault-Error"]) == (status, error)


def test_an_unknown_field_is_named_and_nothing_is_sent(simulators: Simulators, token: str, receiver: Receiver) -> None:
    answer = _wrapped(simulators, receiver.url, f"{{{{ {token}.pin }}}}")
    assert (answer.status_code, answer.headers["X-Vault-Error"], receiver.taken) == (400, "unknown-field", [])


def test_a_vault_in_trouble_says_that_it_is_the_vault(simulators: Simulators, token: str, receiver: Receiver) -> None:
    simulators.post("/scenarios", gateway="vault", operation="forward", behaviour="http_500")
    answer = _wrapped(simulators, receiver.url, "{}")
    assert (answer.status_code, answer.headers["X-Vault-Error"], receiver.taken) == (500, "vault-failed", [])


# TLS that is opened on the way


@pytest.fixture
def through_tls(simulators: Simulators, tmp_path: Path) -> Iterator[requests.Session]:
    """A session that trusts the vault's authority and sends https through the proxy."""
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(requests.get(simulators.urls["vault"] + "/simulator/ca", timeout=10).content)
    with _session(simulators, VAULT_ACCOUNT["password"]) as session:
        session.proxies["https"], session.verify = session.proxies["http"], str(trusted)
        yield session


def test_the_proxy_opens_tls_and_reveals_the_card(
    simulators: Simulators, through_tls: requests.Session, token: str
) -> None:
    simulators.register("stripe", {"secret_key": "sk_test_opened"})
    card = {"number": f"{token}.number", "exp_month": f"{token}.expiry_month", "exp_year": f"{token}.expiry_year"}
    form = {f"payment_method_data[card][{name}]": value for name, value in card.items()}
    form |= {"payment_method_data[type]": "card", "amount": "100", "currency": "eur", "confirm": "true"}
    form["allowed_payment_method_types[0]"] = "card"
    url = simulators.urls["stripe"].replace("http://", "https://") + "/v1/payment_intents?a=b"
    for _ in range(2):  # on one connection
        paid = through_tls.post(url, data=form, headers={"Authorization": "Bearer sk_test_opened"}, timeout=10)
        assert (paid.status_code, paid.json()["status"]) == (200, "succeeded")


def test_a_client_that_does_not_trust_the_vault_sends_nothing(
    simulators: Simulators, through_tls: requests.Session
) -> None:
    through_tls.verify = True
    with pytest.raises(requests.exceptions.SSLError):
        through_tls.get(simulators.urls["stripe"].replace("http://", "https://"), timeout=10)


def test_a_tunnel_wants_the_right_password(simulators: Simulators, through_tls: requests.Session) -> None:
    through_tls.proxies["https"] = through_tls.proxies["https"].replace(VAULT_ACCOUNT["password"], "guess")
    with pytest.raises(requests.exceptions.ProxyError, match="407"):
        through_tls.get(simulators.urls["stripe"].replace("http://", "https://"), timeout=10)


def test_a_tunnel_to_an_unlisted_host_is_answered_by_the_vault(through_tls: requests.Session) -> None:
    answer = through_tls.get("https://shop.example/", timeout=10)
    assert (answer.status_code, answer.headers["X-Vault-Error"]) == (400, "destination-not-allowed")


def test_an_outage_closes_open_tunnels(simulators: Simulators, through_tls: requests.Session) -> None:
    url = simulators.urls["stripe"].replace("http://", "https://")
    assert through_tls.get(url, timeout=10).status_code == 404
    simulators.post("/outage", gateway="vault", on=True)
    with pytest.raises(requests.ConnectionError):
        through_tls.get(url, timeout=10)
    simulators.post("/outage", gateway="vault", on=False)
    assert through_tls.get(url, timeout=10).status_code == 404
