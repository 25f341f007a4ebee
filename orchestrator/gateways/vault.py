"""The vault's forward proxy: how a request names card data it never holds, and how the proxy says what it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never
from urllib.parse import quote, urlsplit

from orchestrator.gateways.credentials import CardCredential
from orchestrator.gateways.declines import decline_for
from orchestrator.gateways.transport import Exchange, GatewaySession, Reply
from routing.outcomes import Outcome, OutcomeKind


@dataclass(frozen=True, slots=True)
class VaultSettings:
    """Where the forward proxy is and how it speaks. Vendors differ in all of it, so all of it is configuration.

    The `*_expression` templates take `{token}`. `ca_file`: the CA of a proxy that opens TLS (VGS), in PEM.
    `read_timeout_s` must be longer than the proxy's own, so that its "no answer" is heard.
    """

    proxy_url: str = ""
    username: str = ""
    password: str = ""
    number_expression: str = "{token}.number"
    cvc_expression: str = "{token}.cvc"
    expiry_month_expression: str = "{token}.expiry_month"
    expiry_year_expression: str = "{token}.expiry_year"
    error_header: str = "X-Vault-Error"
    not_contacted: str = "destination-not-contacted"
    no_answer: str = "destination-no-answer"
    unknown_token: str = "unknown-token"  # noqa: S105 - the vault's word for an error
    ca_file: str = ""
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 40.0


@dataclass(frozen=True, slots=True)
class CardExpressions:
    """What stands in a request where card data will be. `cvc` is empty when the credential has none."""

    number: str
    cvc: str
    expiry_month: str
    expiry_year: str


class VaultError(StrEnum):
    """What the proxy says went wrong on its side."""

    NOT_CONTACTED = "not_contacted"
    NO_ANSWER = "no_answer"
    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105 - the name of an error
    REFUSED = "refused"  # our proxy credentials are wrong
    UNRECOGNISED = "unrecognised"


def expressions_for(card: CardCredential, vault: VaultSettings) -> CardExpressions:
    """The expressions that the proxy replaces with this card's data."""
    token = card.vault_token
    return CardExpressions(
        number=vault.number_expression.format(token=token),
        cvc=vault.cvc_expression.format(token=token) if card.has_cvc else "",
        expiry_month=vault.expiry_month_expression.format(token=token),
        expiry_year=vault.expiry_year_expression.format(token=token),
    )


def vault_session(vault: VaultSettings, pool_size: int) -> GatewaySession:
    """A session whose every request goes through the proxy."""
    session = GatewaySession(
        connect_timeout_s=vault.connect_timeout_s,
        read_timeout_s=vault.read_timeout_s,
        pool_size=pool_size,
        ca_file=vault.ca_file,
    )
    proxy = _with_credentials(vault)
    session.proxies = {"http": proxy, "https": proxy}
    return session


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
        vault.unknown_token: VaultError.UNKNOWN_TOKEN,
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
            return Outcome(OutcomeKind.NOT_REACHED, detail="the vault refused our proxy credentials", exchange=kept)
        case VaultError.UNKNOWN_TOKEN:
            decline = decline_for(gateway, "clearway", "unknown_vault_token", "the vault does not know this card")
            return Outcome(OutcomeKind.DECLINED, decline=decline, detail=decline.gateway_message, exchange=kept)
        case VaultError.NO_ANSWER | VaultError.UNRECOGNISED:
            return Outcome(
                OutcomeKind.UNKNOWN, detail=f"the vault had no answer from the gateway ({error})", exchange=kept
            )
        case _:
            assert_never(error)


def _with_credentials(vault: VaultSettings) -> str:
    parts = urlsplit(vault.proxy_url)
    if not vault.username:
        return vault.proxy_url
    return f"{parts.scheme}://{quote(vault.username, safe='')}:{quote(vault.password, safe='')}@{parts.netloc}"


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")
