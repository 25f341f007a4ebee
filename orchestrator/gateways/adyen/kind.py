"""Adyen as a gateway of Clearway."""

from __future__ import annotations

import re
from collections.abc import Mapping

from orchestrator.errors import InvalidField
from orchestrator.gateways.adyen.adapter import AdyenCredentials, AdyenGateway
from orchestrator.gateways.adyen.capabilities import CAPABILITIES
from orchestrator.gateways.adyen.webhooks import WebhookSecrets
from orchestrator.gateways.base import Gateway
from orchestrator.gateways.kinds import AccountSetup, CredentialField, GatewayKind

# `[random]-[company name]` (https://docs.adyen.com/development-resources/live-endpoints/). It becomes part of a host
# name: with a slash, dot or colon in it our calls, and card data behind a vault, would go wherever it says.
_PREFIX = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")
_PREFIX_CHARS_MAX = 63 - len("-checkout-live")  # of one label of a host name (RFC 1035, 2.3.4)


def _build(setup: AccountSetup) -> Gateway:
    credentials, endpoints = setup.credentials, setup.endpoints
    prefix = (credentials.get("live_endpoint_prefix") or "") if endpoints.live else ""
    if endpoints.live and not prefix and not endpoints.base_url:
        raise InvalidField(
            "credentials.live_endpoint_prefix", "is required in live mode; Adyen's Customer Area shows it"
        )
    return AdyenGateway(
        AdyenCredentials(
            credentials["api_key"],
            WebhookSecrets(
                credentials["merchant_account"],
                setup.present("hmac_key", "hmac_key_previous", "token_hmac_key"),
                _pair(credentials, "webhook_username", "webhook_password"),
            ),
            live_endpoint_prefix=prefix,
            report_user=_pair(credentials, "report_username", "report_password"),
            balance_platform_api_key=credentials.get("balance_platform_api_key") or "",
            balance_account=credentials.get("balance_account") or "",
        ),
        setup.direct,
        setup.through_vault,
        setup.vault,
        endpoints.base_url,
    )


def _pair(credentials: Mapping[str, str], username: str, password: str) -> tuple[str, str] | None:
    pair = credentials.get(username) or "", credentials.get(password) or ""
    return pair if any(pair) else None


def _check(credentials: Mapping[str, str], live: bool) -> None:
    for name in ("hmac_key", "hmac_key_previous", "token_hmac_key"):
        if not _is_hex(credentials.get(name) or ""):
            raise InvalidField(f"credentials.{name}", "must be hexadecimal, as Adyen's Customer Area shows it")
    prefix = credentials.get("live_endpoint_prefix") or ""
    if prefix and not (_PREFIX.fullmatch(prefix) and len(prefix) <= _PREFIX_CHARS_MAX):
        raise InvalidField(
            "credentials.live_endpoint_prefix",
            "must be the prefix alone, letters, digits and dashes, such as 1797a841fbb37ca7-AdyenDemo",
        )


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
        CredentialField("token_hmac_key", "HMAC key of the token life cycle webhook (hex)"),
        CredentialField("live_endpoint_prefix", "Live endpoint prefix (live mode only)", secret=False),
        CredentialField("report_username", "Report user's name, for downloading reports", secret=False),
        CredentialField("report_password", "Report user's password"),
        CredentialField("balance_platform_api_key", "Balance platform API key, for split recipients and transfers"),
        CredentialField("balance_account", "Our own balance account on the platform", secret=False),
    ),
    build=_build,
    check=_check,
    checks_webhooks_alone=True,
    releases_the_rest=False,
    live_hosts=(".adyenpayments.com", "-live.adyen.com"),
    setup_notes=(
        "Cards in a vault need Adyen's permission to send raw card data, and the API key its role for it.",
        "Multiple partial captures are off until Adyen's support turns them on: a partial capture lets the rest go.",
        "Select the non-default event codes EXPIRE, OFFER_CLOSED, TECHNICAL_CANCEL and RECURRING_CONTRACT.",
        "Add the Recurring tokens life cycle webhook; its HMAC key is token_hmac_key.",
        "Enable networkTxReference and the 3-D Secure result under Additional data settings.",
        "Generate the settlement details report daily; a report user downloads it.",
    ),
)
