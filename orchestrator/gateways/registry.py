"""Gateway accounts ready to be called: adapters built from credentials and settings, one per account, kept."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.errors import InvalidField
from orchestrator.gateways.adyen import AdyenGateway
from orchestrator.gateways.base import Gateway
from orchestrator.gateways.limiter import DEFAULT_MAX_CALLS, DEFAULT_MAX_WAITING, AccountThreads
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


@dataclass(frozen=True, slots=True)
class GatewayEndpoints:
    """Where the gateways are, when not at their own addresses, and how long to wait for them.

    Empty URLs mean the real ones. `paypal_cert_hosts` empty means PayPal's own; an entry `http://127.0.0.1:PORT` is for
    the simulators. `paypal_ca_file`: PEM of the roots for PayPal's webhook certificates; empty means the public ones.
    """

    stripe_url: str = ""
    adyen_url: str = ""
    paypal_url: str = ""
    paypal_cert_hosts: tuple[str, ...] = ()
    paypal_ca_file: str = ""
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 20.0
    max_calls: int = DEFAULT_MAX_CALLS  # at once, per gateway account; also the size of its connection pool
    max_waiting: int = DEFAULT_MAX_WAITING


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
        CredentialField("live_endpoint_prefix", "Live endpoint prefix (empty: test)", secret=False),
    ),
    "paypal": (
        CredentialField("client_id", "Client id", required=True, secret=False),
        CredentialField("client_secret", "Client secret", required=True),
        CredentialField("webhook_id", "Webhook id", secret=False),
        CredentialField("environment", "`live`, or `sandbox` (the default)", secret=False),
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
    if credentials.get("environment") not in (None, "", "live", "sandbox"):
        raise InvalidField("credentials.environment", "must be `live` or `sandbox`")


def build_gateway(
    gateway_name: str, credentials: Mapping[str, str], endpoints: GatewayEndpoints, vault: VaultSettings
) -> Gateway:
    """One account's adapter, with its own sessions. Raises InvalidField. Nothing is called yet."""
    validate_credentials(gateway_name, credentials)
    direct = GatewaySession(
        connect_timeout_s=endpoints.connect_timeout_s,
        read_timeout_s=endpoints.read_timeout_s,
        pool_size=endpoints.max_calls,
    )
    build = {"stripe": _build_stripe, "adyen": _build_adyen, "paypal": _build_paypal}[gateway_name]
    return build(credentials, endpoints, vault, direct, vault_session(vault, endpoints.max_calls))


@dataclass(frozen=True, slots=True)
class AccountGateway:
    """An account's adapter and the threads in which to call it: `await account.threads.run(account.gateway.perform, call)`."""

    gateway: Gateway
    threads: AccountThreads


class GatewayRegistry:
    """The adapters of this process, one per gateway account; rebuilt when the account's credentials change."""

    def __init__(self, endpoints: GatewayEndpoints, vault: VaultSettings) -> None:
        self._endpoints = endpoints
        self._vault = vault
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[str, AccountGateway]] = {}

    def account(self, account_id: str, gateway_name: str, credentials: Mapping[str, str]) -> AccountGateway:
        """The account's adapter. Raises InvalidField. Calls under way on a replaced one run to their end."""
        fingerprint = credentials_fingerprint(gateway_name, credentials)
        with self._lock:
            kept = self._kept.get(account_id)
            if kept is not None and kept[0] == fingerprint:
                return kept[1]
            gateway = build_gateway(gateway_name, credentials, self._endpoints, self._vault)
            threads = kept[1].threads if kept else self._new_threads(account_id)
            built = AccountGateway(gateway, threads)
            self._kept[account_id] = (fingerprint, built)
        if kept is not None:
            kept[1].gateway.close()  # drops idle connections only; requests under way keep theirs
        return built

    def close(self) -> None:
        """Close all sessions and take no more calls."""
        with self._lock:
            kept, self._kept = list(self._kept.values()), {}
        for _, account in kept:
            account.threads.close()
            account.gateway.close()

    def _new_threads(self, account_id: str) -> AccountThreads:
        return AccountThreads(account_id, max_calls=self._endpoints.max_calls, max_waiting=self._endpoints.max_waiting)


def credentials_fingerprint(gateway_name: str, credentials: Mapping[str, str]) -> str:
    """A digest that changes with the credentials and tells nothing of them."""
    text = json.dumps([gateway_name, sorted(credentials.items())])
    return hashlib.sha256(text.encode()).hexdigest()


def _build_stripe(
    credentials: Mapping[str, str],
    endpoints: GatewayEndpoints,
    vault: VaultSettings,
    direct: GatewaySession,
    through_vault: GatewaySession,
) -> Gateway:
    secrets = _present(credentials, "webhook_secret", "webhook_secret_previous")
    return StripeGateway(credentials["secret_key"], secrets, direct, through_vault, vault, endpoints.stripe_url)


def _build_adyen(
    credentials: Mapping[str, str],
    endpoints: GatewayEndpoints,
    vault: VaultSettings,
    direct: GatewaySession,
    through_vault: GatewaySession,
) -> Gateway:
    user, password = credentials.get("webhook_username") or "", credentials.get("webhook_password") or ""
    return AdyenGateway(
        credentials["api_key"],
        credentials["merchant_account"],
        _present(credentials, "hmac_key", "hmac_key_previous"),
        (user, password) if user or password else None,
        direct,
        through_vault,
        vault,
        endpoints.adyen_url,
        credentials.get("live_endpoint_prefix") or "",
    )


def _build_paypal(
    credentials: Mapping[str, str],
    endpoints: GatewayEndpoints,
    vault: VaultSettings,
    direct: GatewaySession,
    through_vault: GatewaySession,
) -> Gateway:
    live = credentials.get("environment") == "live"
    settings = PayPalWebhookSettings(
        webhook_id=credentials.get("webhook_id") or "",
        cert_hosts=endpoints.paypal_cert_hosts or (LIVE_CERT_HOSTS if live else SANDBOX_CERT_HOSTS),
        ca_file=endpoints.paypal_ca_file,
    )
    return PayPalGateway(
        credentials["client_id"],
        credentials["client_secret"],
        PayPalWebhookVerifier(settings),
        direct,
        through_vault,
        vault,
        endpoints.paypal_url,
        live,
    )


def _present(credentials: Mapping[str, str], *names: str) -> tuple[str, ...]:
    return tuple(value for name in names if (value := credentials.get(name)))


def _is_hex(text: str) -> bool:
    try:
        bytes.fromhex(text)
    except ValueError:
        return False
    return True
