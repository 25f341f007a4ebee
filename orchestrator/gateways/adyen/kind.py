"""Adyen as a gateway of Clearway."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.errors import InvalidField
from orchestrator.gateways.adyen.adapter import AdyenGateway
from orchestrator.gateways.adyen.capabilities import CAPABILITIES
from orchestrator.gateways.base import Gateway
from orchestrator.gateways.kinds import AccountSetup, CredentialField, GatewayKind


def _build(setup: AccountSetup) -> Gateway:
    credentials, endpoints = setup.credentials, setup.endpoints
    prefix = (credentials.get("live_endpoint_prefix") or "") if endpoints.live else ""
    if endpoints.live and not prefix and not endpoints.base_url:
        raise InvalidField(
            "credentials.live_endpoint_prefix", "is required in live mode; Adyen's Customer Area shows it"
        )
    user, password = credentials.get("webhook_username") or "", credentials.get("webhook_password") or ""
    return AdyenGateway(
        credentials["api_key"],
        credentials["merchant_account"],
        setup.present("hmac_key", "hmac_key_previous"),
        (user, password) if user or password else None,
        setup.direct,
        setup.through_vault,
        setup.vault,
        endpoints.base_url,
        prefix,
    )


def _check(credentials: Mapping[str, str], live: bool) -> None:
    for name in ("hmac_key", "hmac_key_previous"):
        if not _is_hex(credentials.get(name) or ""):
            raise InvalidField(f"credentials.{name}", "must be hexadecimal, as Adyen's Customer Area shows it")


def _is_hex(text: str) -> bool:
    try:
        bytes.fromhex(text)
    except ValueError:
        return False
    return True


KIND = GatewayKind(
    name="adyen",
    authorise_steps=AdyenGateway.authorise_steps,
    capabilities=CAPABILITIES,
    credential_fields=(
        CredentialField("api_key", "API key", required=True),
        CredentialField("merchant_account", "Merchant account", required=True, secret=False),
        CredentialField("hmac_key", "Webhook HMAC key (hex)"),
        CredentialField("hmac_key_previous", "Previous webhook HMAC key, while it is rotated"),
        CredentialField("webhook_username", "Webhook user name (Basic authentication)", secret=False),
        CredentialField("webhook_password", "Webhook password (Basic authentication)"),
        CredentialField("live_endpoint_prefix", "Live endpoint prefix (live mode only)", secret=False),
    ),
    build=_build,
    check=_check,
    live_hosts=(".adyenpayments.com", "-live.adyen.com"),
)
