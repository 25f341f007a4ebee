"""Adapters built from an account's credentials and the settings, and what credentials each gateway needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.errors import InvalidField
from orchestrator.gateways.adyen import AdyenGateway
from orchestrator.gateways.base import Gateway, OperationKind
from orchestrator.gateways.limiter import DEFAULT_MAX_CALLS
from orchestrator.gateways.paypal import PayPalGateway
from orchestrator.gateways.paypal_webhooks import (
    LIVE_CERT_HOSTS,
    SANDBOX_CERT_HOSTS,
    PayPalWebhookSettings,
    PayPalWebhookVerifier,
)
from orchestrator.gateways.stripe import StripeGateway
from orchestrator.gateways.transport import GatewaySession
from orchestrator.gateways.vault import VaultSettings, vault_session
from orchestrator.settings import Settings

AUTHORISE_STEPS: dict[str, tuple[OperationKind, ...]] = {
    adapter.name: adapter.authorise_steps for adapter in (StripeGateway, AdyenGateway, PayPalGateway)
}


@dataclass(frozen=True, slots=True)
class GatewayEndpoints:
    """Where one gateway is, when not at its own address, and how long to wait for it.

    An empty `base_url` means the gateway's own, by `live`. `paypal_cert_hosts` empty means PayPal's own; an entry
    `http://127.0.0.1:PORT` is for the simulators. `ca_file` (PEM): the roots of PayPal's webhook certificates, and for
    the others the roots of the TLS connection; empty means the public ones.
    """

    base_url: str = ""
    live: bool = False
    paypal_cert_hosts: tuple[str, ...] = ()
    ca_file: str = ""
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 20.0
    pool_size: int = DEFAULT_MAX_CALLS  # connections kept per session: as many as calls run at once


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One field of an account's credentials. `secret` ones are never shown again."""

    name: str
    label: str
    required: bool = False
    secret: bool = True


CREDENTIAL_FIELDS: dict[str, tuple[CredentialField, ...]] = {
    "stripe": (
        CredentialField("secret_key", "Secret key", required=True),
        CredentialField("webhook_secret", "Webhook signing secret"),
        CredentialField("webhook_secret_previous", "Previous webhook signing secret, while it is rotated"),
    ),
    "adyen": (
        CredentialField("api_key", "API key", required=True),
        CredentialField("merchant_account", "Merchant account", required=True, secret=False),
        CredentialField("hmac_key", "Webhook HMAC key (hex)"),
        CredentialField("hmac_key_previous", "Previous webhook HMAC key, while it is rotated"),
        CredentialField("webhook_username", "Webhook user name (Basic authentication)", secret=False),
        CredentialField("webhook_password", "Webhook password (Basic authentication)"),
        CredentialField("live_endpoint_prefix", "Live endpoint prefix (live mode only)", secret=False),
    ),
    "paypal": (
        CredentialField("client_id", "Client id", required=True, secret=False),
        CredentialField("client_secret", "Client secret", required=True),
        CredentialField("webhook_id", "Webhook id", secret=False),
    ),
}


def validate_credentials(gateway: str, credentials: Mapping[str, str]) -> None:
    """Raise InvalidField naming the first field that is missing, empty, unknown or malformed; or `gateway` itself."""
    fields = CREDENTIAL_FIELDS.get(gateway)
    if fields is None:
        raise InvalidField("gateway", f"must be one of {', '.join(sorted(CREDENTIAL_FIELDS))}")
    for field in fields:
        if field.required and not str(credentials.get(field.name) or "").strip():
            raise InvalidField(f"credentials.{field.name}", f"is required for {gateway}")
    known = {field.name for field in fields}
    for name in credentials:
        if name not in known:
            raise InvalidField(f"credentials.{name}", f"is not a credential of {gateway}; known are {sorted(known)}")
    for name in ("hmac_key", "hmac_key_previous"):
        if not _is_hex(credentials.get(name) or ""):
            raise InvalidField(f"credentials.{name}", "must be hexadecimal, as Adyen's Customer Area shows it")


def build_gateway(
    gateway_name: str, credentials: Mapping[str, str], endpoints: GatewayEndpoints, vault: VaultSettings
) -> Gateway:
    """One account's adapter, with its own sessions. Raises InvalidField. Nothing is called yet.

    Keep what it returns, one per gateway account, for as long as the credentials last (`connections.connect` does): a
    session is the account's pool of connections.
    """
    validate_credentials(gateway_name, credentials)
    direct = GatewaySession(
        connect_timeout_s=endpoints.connect_timeout_s,
        read_timeout_s=endpoints.read_timeout_s,
        pool_size=endpoints.pool_size,
        ca_file="" if gateway_name == "paypal" else endpoints.ca_file,
    )
    build = {"stripe": _build_stripe, "adyen": _build_adyen, "paypal": _build_paypal}[gateway_name]
    return build(credentials, endpoints, vault, direct, vault_session(vault, endpoints.pool_size))


def endpoints_from(settings: Settings, gateway: str, mode: str) -> GatewayEndpoints:
    """The settings' endpoint of `gateway` for a `test` or `live` account."""
    endpoint = settings.endpoint(gateway)
    return GatewayEndpoints(
        base_url=endpoint.base_url,
        live=mode == "live",
        paypal_cert_hosts=endpoint.cert_hosts,
        ca_file=endpoint.ca_file,
        connect_timeout_s=settings.limits.gateway_connect_timeout_s,
        read_timeout_s=settings.limits.gateway_read_timeout_s,
        pool_size=settings.limits.gateway_concurrency_max,
    )


def vault_from(settings: Settings) -> VaultSettings:
    """The settings' vault as the adapters need it."""
    vault = settings.vault
    return VaultSettings(
        proxy_url=vault.proxy_url,
        username=vault.username,
        password=vault.password.get_secret_value(),
        number_expression=vault.number_expression,
        cvc_expression=vault.cvc_expression,
        expiry_month_expression=vault.expiry_month_expression,
        expiry_year_expression=vault.expiry_year_expression,
        error_header=vault.error_header,
        not_contacted=vault.not_contacted,
        no_answer=vault.no_answer,
        unknown_token=vault.unknown_token,
        ca_file=vault.ca_file,
        connect_timeout_s=vault.connect_timeout_s,
        read_timeout_s=vault.read_timeout_s,
    )


def _build_stripe(
    credentials: Mapping[str, str],
    endpoints: GatewayEndpoints,
    vault: VaultSettings,
    direct: GatewaySession,
    through_vault: GatewaySession,
) -> Gateway:
    secrets = _present(credentials, "webhook_secret", "webhook_secret_previous")
    return StripeGateway(credentials["secret_key"], secrets, direct, through_vault, vault, endpoints.base_url)


def _build_adyen(
    credentials: Mapping[str, str],
    endpoints: GatewayEndpoints,
    vault: VaultSettings,
    direct: GatewaySession,
    through_vault: GatewaySession,
) -> Gateway:
    prefix = (credentials.get("live_endpoint_prefix") or "") if endpoints.live else ""
    if endpoints.live and not prefix and not endpoints.base_url:
        raise InvalidField(
            "credentials.live_endpoint_prefix", "is required in live mode; Adyen's Customer Area shows it"
        )
    user, password = credentials.get("webhook_username") or "", credentials.get("webhook_password") or ""
    return AdyenGateway(
        credentials["api_key"],
        credentials["merchant_account"],
        _present(credentials, "hmac_key", "hmac_key_previous"),
        (user, password) if user or password else None,
        direct,
        through_vault,
        vault,
        endpoints.base_url,
        prefix,
    )


def _build_paypal(
    credentials: Mapping[str, str],
    endpoints: GatewayEndpoints,
    vault: VaultSettings,
    direct: GatewaySession,
    through_vault: GatewaySession,
) -> Gateway:
    settings = PayPalWebhookSettings(
        webhook_id=credentials.get("webhook_id") or "",
        cert_hosts=endpoints.paypal_cert_hosts or (LIVE_CERT_HOSTS if endpoints.live else SANDBOX_CERT_HOSTS),
        ca_file=endpoints.ca_file,
    )
    return PayPalGateway(
        credentials["client_id"],
        credentials["client_secret"],
        PayPalWebhookVerifier(settings),
        direct,
        through_vault,
        vault,
        endpoints.base_url,
        endpoints.live,
    )


def _present(credentials: Mapping[str, str], *names: str) -> tuple[str, ...]:
    return tuple(value for name in names if (value := credentials.get(name)))


def _is_hex(text: str) -> bool:
    try:
        bytes.fromhex(text)
    except ValueError:
        return False
    return True
