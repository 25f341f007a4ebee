"""One PayPal REST app as it is called: two SDK clients, the access token they share, and plain requests beside them."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from paypalserversdk.configuration import Configuration, Environment, Server
from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials
from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient

from orchestrator.gateways.answers import answer_from, answer_of, by_status, invalid_call, probe_result, settle
from orchestrator.gateways.facets import Answer
from orchestrator.gateways.paypal.mapping import GATEWAY
from orchestrator.gateways.transport import GatewaySession, Reply, Tape, record
from orchestrator.gateways.vault import VaultSettings
from routing.outcomes import Outcome, OutcomeKind

T = TypeVar("T")

TOKEN_PATH = "/v1/oauth2/token"  # noqa: S105 - a path
AS_WRITTEN = "return=representation"  # without it an answer is a stub without the payments


@dataclass(frozen=True, slots=True)
class PlainRequest:
    """A call that the SDK has no method for. `key` is the PayPal-Request-Id; `content` is sent as it is."""

    method: str
    path: str
    key: str = ""
    json_body: object = None
    content: bytes = b""
    content_type: str = "application/json"
    query: Mapping[str, str] = field(default_factory=dict)


class PayPalConnection:
    """The access token is fetched directly, never through the vault, and shared by everything. Thread-safe."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        direct: GatewaySession,
        through_vault: GatewaySession,
        base_url: str = "",
        live: bool = False,
    ) -> None:
        self.client_id = client_id
        self._sessions = (direct, through_vault)
        self._token: Any = None
        self._token_lock = threading.Lock()
        self._configure = _configuration(client_id, client_secret, base_url, live, self._provide_token)
        self._connect()
        self.base_url: str = self._configure(direct).get_base_uri()

    def client(self, in_vault: bool) -> Any:
        """The SDK's client for what goes through the vault, or past it. Ask when sending: a new token replaces both."""
        return self.through_vault if in_vault else self.direct

    def record(self, send: Callable[[], object]) -> Tape:
        """Run a call; a token that PayPal no longer takes (401: nothing was processed) is replaced once."""
        used = self._token
        tape = record(send)
        exchange = tape.last(skip=TOKEN_PATH)
        if used is None or exchange is None or exchange.reply is None or exchange.reply.status != 401:
            return tape
        with self._token_lock:
            if self._token is used:
                self._token = None
                self._connect()  # each client also keeps the token for itself
        return record(send)

    def request(self, plain: PlainRequest) -> Tape:
        """Send a plain request with the SDK's own token, recorded like the SDK's calls."""
        return self.record(lambda: self._send(plain))

    def bearer(self) -> str:
        """An access token, good for some hours. Raises what the SDK or the network raise where there is none."""
        return str(self._provide_token(None, self.direct.oauth_2).access_token)

    def assertion(self, merchant_id: str) -> str:
        """The PayPal-Auth-Assertion for a seller who let us act for it: a JWT without signature.

        https://developer.paypal.com/platforms/checkout/issue-refund/
        """
        parts = ({"alg": "none"}, {"iss": self.client_id, "payer_id": merchant_id})
        encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        return ".".join([*encoded, ""])

    def probe(self) -> str:
        """Fetch a fresh access token: `` or one line that says what is wrong."""
        return probe_result(record(lambda: self.direct.oauth_2.fetch_token()))

    def close(self) -> None:
        for session in self._sessions:
            session.close()

    def _connect(self) -> None:
        direct, through_vault = self._sessions
        self.direct = PaypalServersdkClient(config=self._configure(direct))
        self.through_vault = PaypalServersdkClient(config=self._configure(through_vault))

    def _send(self, plain: PlainRequest) -> object:
        headers = {"Authorization": f"Bearer {self.bearer()}", "Accept": "application/json"}
        if plain.key:
            headers["PayPal-Request-Id"] = plain.key
        content = plain.content if plain.json_body is None else json.dumps(plain.json_body).encode()
        if content:
            headers["Content-Type"] = plain.content_type
        url = self.base_url + plain.path
        return self._sessions[0].request(
            plain.method, url, params=dict(plain.query), data=content or None, headers=headers
        )

    def _provide_token(self, held: Any, auth: Any) -> Any:
        """The SDK asks here before each call. Locked, because the SDK's own refresh is not and fetches several."""
        with self._token_lock:
            if self._token is None or auth.is_token_expired(self._token):
                self._token = self.direct.oauth_2.fetch_token()
            return self._token


def outcome_of_call(tape: Tape, read: Callable[[Reply], Outcome], vault: VaultSettings | None = None) -> Outcome:
    """The outcome of one call; `vault` is given when it went through the proxy."""
    if tape.last(skip=TOKEN_PATH) is None:
        return _no_token(tape)
    return settle(tape, GATEWAY, read, vault=vault, skip=TOKEN_PATH)


def answer_of_call(tape: Tape, read: Callable[[Reply], Answer[T]], vault: VaultSettings | None = None) -> Answer[T]:
    """The answer of one call that is no operation."""
    if tape.last(skip=TOKEN_PATH) is None:
        return answer_from(_no_token(tape))
    return answer_of(tape, GATEWAY, read, vault=vault, skip=TOKEN_PATH)


def _no_token(tape: Tape) -> Outcome:
    """The call itself was never made, for want of a token. Refused credentials are a decline, the rest NOT_REACHED."""
    token = tape.last()
    if token is None:
        return invalid_call(GATEWAY, f"the request could not be built: {tape.raised!r}")
    if token.reply is not None and 400 <= token.reply.status < 500:
        refused = settle(tape, GATEWAY, lambda reply: by_status(GATEWAY, reply, "PayPal gave no access token"))
        if refused.kind is not OutcomeKind.UNKNOWN:
            return refused
    return Outcome(
        OutcomeKind.NOT_REACHED, detail="no access token from PayPal: nothing sent", exchange=token.redacted()
    )


def _configuration(
    client_id: str, client_secret: str, base_url: str, live: bool, token_provider: Callable[[Any, Any], Any]
) -> Callable[[GatewaySession], Configuration]:
    """Makes the SDK's configuration for a session; by hand, since `from_environment` overwrites the environment."""
    environment = Environment.PRODUCTION if live else Environment.SANDBOX

    class OwnConfiguration(Configuration):  # type: ignore[misc]
        """The address table of this account only: the SDK's is one for the whole process."""

        environments = {environment: {Server.DEFAULT: base_url}} if base_url else Configuration.environments

    credentials = ClientCredentialsAuthCredentials(client_id, client_secret, o_auth_token_provider=token_provider)
    return lambda session: OwnConfiguration(
        http_client_instance=session,
        max_retries=0,
        environment=environment,
        client_credentials_auth_credentials=credentials,
    )
