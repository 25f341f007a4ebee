"""The vault: how a request names card data it never holds, how it gets there, and how the vault says what it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never
from urllib.parse import quote, urlsplit

import requests

from orchestrator.gateways.credentials import CardCredential, NetworkTokenCredential
from orchestrator.gateways.declines import decline_for
from orchestrator.gateways.transport import Exchange, GatewaySession, Reply
from routing.outcomes import Outcome, OutcomeKind

# Headers that say how the body is to be read: the vault needs them as they are.
_OF_THE_BODY = frozenset({"content-type", "content-length", "content-encoding", "transfer-encoding"})


class VaultShape(StrEnum):
    """How a request reaches the gateway by way of the vault."""

    TRANSPORT = "transport"  # an HTTP(S) forward proxy under the SDK, as VGS
    ENVELOPE = "envelope"  # sent to the vault's own URL, which is told the destination, as Basis Theory, Yuno, Gr4vy


@dataclass(frozen=True, slots=True)
class Envelope:
    """How an envelope names its destination. The gateway's own headers go along, each with `header_prefix` before it.

    With `method_header` the envelope is a POST and the header has the method; without it the method is kept.
    """

    url: str = ""
    destination_header: str = "X-Proxy-Url"
    method_header: str = "X-Proxy-Method"
    key_header: str = "X-Vault-Key"
    key: str = field(default="", repr=False)
    header_prefix: str = ""


@dataclass(frozen=True, slots=True)
class VaultSettings:
    """Where the vault's proxy is and how it speaks. Vendors differ in all of it, so all of it is configuration.

    In the `*_expression` templates `{token}` is replaced. `ca_file`: the CA of a proxy that opens TLS (VGS), in PEM.
    `read_timeout_s` must be longer than the proxy's own, so that its "no answer" is heard.
    """

    proxy_url: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    number_expression: str = "{token}.number"
    cvc_expression: str = "{token}.cvc"
    expiry_month_expression: str = "{token}.expiry_month"
    expiry_year_expression: str = "{token}.expiry_year"
    network_token_expression: str = "{token}.network_token"  # noqa: S105 - a name of a field
    cryptogram_expression: str = "{token}.cryptogram"
    error_header: str = "X-Vault-Error"
    not_contacted: str = "destination-not-contacted"
    no_answer: str = "destination-no-answer"
    not_allowed: str = "destination-not-allowed"
    unknown_token: str = "unknown-token"  # noqa: S105 - the vault's word for an error
    unknown_field: str = "unknown-field"
    ca_file: str = ""
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 40.0
    shape: VaultShape = VaultShape.TRANSPORT
    envelope: Envelope = Envelope()


@dataclass(frozen=True, slots=True)
class CardExpressions:
    """What stands in a request where card data will be. `cvc` and `cryptogram` are empty when there is none."""

    number: str
    cvc: str
    expiry_month: str
    expiry_year: str
    cryptogram: str = ""


class VaultError(StrEnum):
    """What the proxy says went wrong on its side."""

    NOT_CONTACTED = "not_contacted"
    NO_ANSWER = "no_answer"
    NOT_ALLOWED = "not_allowed"  # the destination is not on the vault's list
    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105 - the name of an error
    UNKNOWN_FIELD = "unknown_field"  # the token has no such field (any more): a CVC is kept for one authorisation
    REFUSED = "refused"  # our proxy credentials are wrong
    UNRECOGNISED = "unrecognised"


def expressions_for(card: CardCredential | NetworkTokenCredential, vault: VaultSettings) -> CardExpressions:
    """The expressions that the proxy replaces with this card's data, or with a network token and its cryptogram.

    A network token's expiry is its own, not the card's, and no secret: it stands as it is.
    """
    token = card.vault_token
    if isinstance(card, NetworkTokenCredential):
        return CardExpressions(
            number=_filled(vault.network_token_expression, token),
            cvc="",
            expiry_month=str(card.expiry_month),
            expiry_year=str(card.expiry_year),
            cryptogram=_filled(vault.cryptogram_expression, token) if card.has_cryptogram else "",
        )
    return CardExpressions(
        number=_filled(vault.number_expression, token),
        cvc=_filled(vault.cvc_expression, token) if card.has_cvc else "",
        expiry_month=_filled(vault.expiry_month_expression, token),
        expiry_year=_filled(vault.expiry_year_expression, token),
    )


def vault_session(vault: VaultSettings, pool_size: int) -> GatewaySession:
    """A session whose every request goes through the vault."""
    if vault.shape is VaultShape.ENVELOPE:
        return EnvelopeSession(vault, pool_size)
    session = GatewaySession(
        connect_timeout_s=vault.connect_timeout_s,
        read_timeout_s=vault.read_timeout_s,
        pool_size=pool_size,
        ca_file=vault.ca_file,
    )
    proxy = _with_credentials(vault)
    session.proxies = {"http": proxy, "https": proxy}
    return session


class EnvelopeSession(GatewaySession):
    """Sends each request to the vault's URL; headers say where it is meant for. The SDK above does not notice."""

    def __init__(self, vault: VaultSettings, pool_size: int) -> None:
        super().__init__(
            connect_timeout_s=vault.connect_timeout_s,
            read_timeout_s=vault.read_timeout_s,
            pool_size=pool_size,
            ca_file=vault.ca_file,
        )
        self._envelope = vault.envelope

    def on_the_wire(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request as the vault wants it."""
        envelope, wrapped = self._envelope, request.copy()
        if envelope.header_prefix:
            for name in [name for name in wrapped.headers if name.lower() not in _OF_THE_BODY]:
                wrapped.headers[f"{envelope.header_prefix}{name}"] = wrapped.headers.pop(name)
        wrapped.headers[envelope.destination_header] = request.url or ""
        wrapped.headers[envelope.key_header] = envelope.key
        if envelope.method_header:
            wrapped.headers[envelope.method_header] = request.method or ""
            wrapped.method = "POST"
        wrapped.url = envelope.url
        return wrapped


def read_vault_error(reply: Reply, vault: VaultSettings) -> VaultError | None:
    """What the proxy reported; None when the answer is the gateway's own."""
    if reply.status == 407:
        return VaultError.REFUSED
    word = _header(reply.headers, vault.error_header)
    if not word:
        return None
    known = {
        vault.not_contacted: VaultError.NOT_CONTACTED,
        vault.no_answer: VaultError.NO_ANSWER,
        vault.not_allowed: VaultError.NOT_ALLOWED,
        vault.unknown_token: VaultError.UNKNOWN_TOKEN,
        vault.unknown_field: VaultError.UNKNOWN_FIELD,
    }
    return known.get(word, VaultError.UNRECOGNISED)


def vault_outcome(error: VaultError, gateway: str, exchange: Exchange) -> Outcome:
    """What an operation came to when the proxy answered in the gateway's place.

    Only the proxy's explicit "not contacted" (or its refusal of us) proves that the gateway has nothing; a word that
    is not known proves nothing.
    """
    kept = exchange.redacted()
    match error:
        case VaultError.NOT_CONTACTED:
            return Outcome(OutcomeKind.NOT_REACHED, detail="the vault could not contact the gateway", exchange=kept)
        case VaultError.REFUSED:
            detail = "the vault refused our proxy credentials"
            return Outcome(OutcomeKind.NOT_REACHED, detail=detail, exchange=kept, vault_failed=True)
        case VaultError.NOT_ALLOWED:
            detail = "the gateway's address is not on the vault's list of destinations: add it there"
            return Outcome(OutcomeKind.NOT_REACHED, detail=detail, exchange=kept, vault_failed=True)
        case VaultError.UNKNOWN_FIELD:
            decline = decline_for(
                gateway, "clearway", "unknown_vault_token", "the vault has no such field of this card"
            )
            return Outcome(OutcomeKind.DECLINED, decline=decline, detail=decline.gateway_message, exchange=kept)
        case VaultError.UNKNOWN_TOKEN:
            decline = decline_for(gateway, "clearway", "unknown_vault_token", "the vault does not know this card")
            return Outcome(OutcomeKind.DECLINED, decline=decline, detail=decline.gateway_message, exchange=kept)
        case VaultError.NO_ANSWER | VaultError.UNRECOGNISED:
            return Outcome(
                OutcomeKind.UNKNOWN, detail=f"the vault had no answer from the gateway ({error})", exchange=kept
            )
        case _:
            assert_never(error)


def _filled(expression: str, token: str) -> str:
    """Not `format`: the braces of `{{ {token}.number }}` are the vault's."""
    return expression.replace("{token}", token)


def _with_credentials(vault: VaultSettings) -> str:
    parts = urlsplit(vault.proxy_url)
    if not vault.username:
        return vault.proxy_url
    return f"{parts.scheme}://{quote(vault.username, safe='')}:{quote(vault.password, safe='')}@{parts.netloc}"


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")
