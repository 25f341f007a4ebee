"""The wire tap before a real sandbox: which host a path belongs to, and documented test cards in the vault's place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from wire_tap import Passed, WireTap

from orchestrator.gateways.adyen.clients import addresses_of
from orchestrator.gateways.transport import GatewaySession, never_sent
from orchestrator.gateways.vault import VaultSettings, vault_session
from orchestrator.live_sandbox import SandboxAccount, SandboxVault

_CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60
# Set anew for each hop, or by what really sends.
_OF_A_HOP = frozenset({"host", "connection", "keep-alive", "content-length", "transfer-encoding", "accept-encoding"})
_OF_THE_CODING = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection", "set-cookie"})


@dataclass(frozen=True)
class TestCard:
    """A card of a vendor's list. `token` is what the vendor's API takes in a number's place; `holder` may steer."""

    number: str = ""
    cvc: str = ""
    token: str = ""
    holder: str = "Ada Lovelace"
    __test__ = False


EXPIRY = (3, 2030)
# https://docs.stripe.com/testing (PaymentMethods): no permission for raw card data is needed for these.
# https://docs.adyen.com/development-resources/testing/test-card-numbers, /result-codes, /3d-secure-2-authentication
# https://developer.paypal.com/api/rest/sandbox/card-testing/ and …/checkout/advanced/customize/3d-secure/test
TEST_CARDS = {
    "stripe": {
        "approved": TestCard(token="pm_card_visa"),
        "declined": TestCard(token="pm_card_visa_chargeDeclinedInsufficientFunds"),
        "challenged": TestCard(token="pm_card_authenticationRequired"),
        "refunded later": TestCard(token="pm_card_pendingRefund"),
    },
    "adyen": {
        "approved": TestCard("4111111111111111", "737"),
        "declined": TestCard("4111111111111111", "737", holder="NOT_ENOUGH_BALANCE"),
        "challenged": TestCard("4212345678910006", "737"),
    },
    "paypal": {
        "approved": TestCard("4012888888881881", "123"),
        "declined": TestCard("4012888888881881", "123", holder="CCREJECT-IF"),
        "challenged": TestCard("4868719166101368", "123"),
    },
}
STAND_IN = "clearwaytestcard_"
"""What the tokens of the stand-in for a vault begin with; its expressions are the default ones."""


def token_of(kind: str) -> str:
    return STAND_IN + kind.replace(" ", "-")


def kind_of(expression: str) -> str:
    """The kind of test card that an expression of the stand-in asks for."""
    return expression.removeprefix(STAND_IN).partition(".")[0].replace("-", " ")


class SandboxTap(WireTap):
    """Forwards to the vendor's test hosts, never to any other; keeps what really crossed in `crossed`.

    `spoiled`: credentials are wrong on their way. `aliases`: names that the suite made up, and whose they are there.
    """

    def __init__(self, gateway: str, account: SandboxAccount, vault: SandboxVault | None) -> None:
        self.crossed: list[Passed] = []
        self.not_reached = ""
        self.spoiled = False
        self.aliases: dict[str, str] = {}
        self._hosts = dict(_hosts(gateway, account.url))
        self._vault_tokens = tuple(vault.tokens.values()) if vault else ()
        self._direct = GatewaySession(
            connect_timeout_s=_CONNECT_TIMEOUT_S, read_timeout_s=READ_TIMEOUT_S, pool_size=4, ca_file=""
        )
        self._through_vault = vault_session(vault.settings, 4) if vault else self._direct
        for session in (self._direct, self._through_vault):
            session.headers.clear()
        super().__init__(gateway, "http://127.0.0.1:9")  # the address above is never used: `pass_on` is ours

    def begin(self) -> list[Passed]:
        self.crossed, self.not_reached, self.spoiled, self.aliases = [], "", False, {}
        return super().begin()

    def pass_on(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes, int]:
        """The sandbox's answer, of which nothing is missing. Raises OSError where it gives none."""
        for made_up, real in self.aliases.items():
            target, body = target.replace(made_up, real), body.replace(made_up.encode(), real.encode())
        vaulted = any(token.encode() in body for token in self._vault_tokens)
        body = with_test_card(self.gateway, body)
        sent = {name: value for name, value in headers.items() if name not in _OF_A_HOP}
        if self.spoiled:
            sent |= {name: _spoilt(name, sent[name]) for name in ("authorization", "x-api-key") if name in sent}
        path, _, query = target.partition("?")
        said = Passed(self.gateway, method, path, query, headers, body)
        session = self._through_vault if vaulted else self._direct
        try:
            reply = session.request(method, self._host_of(path) + target, data=body or None, headers=sent)
        except OSError as error:
            if never_sent(error) and not self.not_reached:
                self.not_reached = f"{self._host_of(path)}: {_cause(error)}"
            self.crossed.append(said)
            raise
        kept = {name.lower(): value for name, value in reply.headers.items() if name.lower() not in _OF_THE_CODING}
        self.crossed.append(
            Passed(self.gateway, method, path, query, headers, body, reply.status_code, kept, reply.content)
        )
        return reply.status_code, kept, reply.content, 0

    def close(self) -> None:
        super().close()
        self._direct.close()
        self._through_vault.close()

    def _host_of(self, path: str) -> str:
        for prefix, host in self._hosts.items():
            if path.startswith(prefix):
                return host
        raise requests.exceptions.InvalidURL(f"{path} belongs to no test host of {self.gateway}")


def adapters_vault(vault: SandboxVault | None) -> VaultSettings:
    """What the adapter is told: the expressions and error words are the vault's, the way there is the tap's."""
    if vault is None:
        return VaultSettings(read_timeout_s=READ_TIMEOUT_S)
    own = vault.settings
    words = ("number", "cvc", "expiry_month", "expiry_year", "network_token", "cryptogram")
    expressions = {f"{word}_expression": getattr(own, f"{word}_expression") for word in words}
    errors = ("error_header", "not_contacted", "no_answer", "not_allowed", "unknown_token", "unknown_field")
    return VaultSettings(
        **expressions, **{name: getattr(own, name) for name in errors}, read_timeout_s=own.read_timeout_s
    )


def with_test_card(gateway: str, body: bytes) -> bytes:
    """The body with a test card of the vendor's list in place of the stand-in's expressions; any other as it is."""
    if STAND_IN.encode() not in body:
        return body
    if gateway == "stripe":
        return _stripe_form(body)
    value = json.loads(body)
    for card in _cards_in(value):
        _put(gateway, card, TEST_CARDS[gateway][kind_of(str(card["number"]))])
    return json.dumps(value).encode()


def _hosts(gateway: str, stand_in: str) -> Iterator[tuple[str, str]]:
    """Path prefixes and their hosts, the longest first."""
    if stand_in:
        yield "/", stand_in
    elif gateway == "stripe":  # a test key decides that no money moves: https://docs.stripe.com/keys
        yield "/v1/files", "https://files.stripe.com"
        yield "/v1/", "https://api.stripe.com"
    elif gateway == "adyen":
        at = addresses_of("", "")
        for address in (at.checkout, at.disputes, at.management, at.accounts, at.transfers, at.reports):
            parts = urlsplit(address)
            yield parts.path, f"{parts.scheme}://{parts.netloc}"
    else:
        yield "/", "https://api-m.sandbox.paypal.com"


def _stripe_form(body: bytes) -> bytes:
    pairs = parse_qsl(body.decode(), keep_blank_values=True)
    number = next(value for name, value in pairs if name == "payment_method_data[card][number]")
    kept = [(name, value) for name, value in pairs if not name.startswith("payment_method_data[")]
    return urlencode([*kept, ("payment_method", TEST_CARDS["stripe"][kind_of(number)].token)]).encode()


def _cards_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if str(value.get("number", "")).startswith(STAND_IN):
            yield value
        for inner in value.values():
            yield from _cards_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _cards_in(inner)


def _put(gateway: str, fields: dict[str, Any], card: TestCard) -> None:
    if gateway == "paypal":
        fields["number"] = card.number
        if "security_code" in fields:
            fields["security_code"] = card.cvc
        return
    # "test_" before a value stands for its encryption, in the test environment only:
    # https://docs.adyen.com/development-resources/testing/test-card-numbers (Encrypted card details)
    month, year = EXPIRY
    encrypted = {"encryptedCardNumber": card.number, "encryptedExpiryMonth": f"{month:02d}"}
    encrypted |= {"encryptedExpiryYear": str(year)} | ({"encryptedSecurityCode": card.cvc} if "cvc" in fields else {})
    for name in ("number", "expiryMonth", "expiryYear", "cvc"):
        fields.pop(name, None)
    fields.update({name: f"test_{value}" for name, value in encrypted.items()})


def _spoilt(name: str, value: str) -> str:
    if name == "x-api-key":
        return "AQEwrong"
    scheme = value.partition(" ")[0]
    return f"{scheme} {'d3Jvbmc6d3Jvbmc=' if scheme == 'Basic' else 'sk_test_wrong'}"


def _cause(error: OSError) -> str:
    """What is behind the layers of a connection error, without the address, which is said before it."""
    reason = getattr(error.args[0], "reason", error) if error.args else error
    return str(reason).rpartition("): ")[2][:200]
