"""PayPal as a gateway of Clearway."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.gateways.base import Gateway
from orchestrator.gateways.facets import Facets
from orchestrator.gateways.kinds import AccountSetup, CredentialField, GatewayKind
from orchestrator.gateways.paypal.adapter import PayPalGateway
from orchestrator.gateways.paypal.capabilities import CAPABILITIES
from orchestrator.gateways.paypal.checkout import PayPalCheckout
from orchestrator.gateways.paypal.connection import PayPalConnection
from orchestrator.gateways.paypal.disputes import PayPalDisputes
from orchestrator.gateways.paypal.endpoints import PayPalEndpoints
from orchestrator.gateways.paypal.forwarding import PayPalMirror
from orchestrator.gateways.paypal.methods import PayPalSavedMethods
from orchestrator.gateways.paypal.settlement import PayPalSettlements
from orchestrator.gateways.paypal.webhooks import (
    LIVE_CERT_HOSTS,
    SANDBOX_CERT_HOSTS,
    PayPalWebhookSettings,
    PayPalWebhookVerifier,
)


def _build(setup: AccountSetup) -> Gateway:
    credentials, endpoints = setup.credentials, setup.endpoints
    settings = PayPalWebhookSettings(
        webhook_ids=setup.present("webhook_id", "webhook_id_previous"),
        cert_hosts=endpoints.cert_hosts or (LIVE_CERT_HOSTS if endpoints.live else SANDBOX_CERT_HOSTS),
        ca_file=endpoints.ca_file,
    )
    connection = PayPalConnection(
        credentials["client_id"],
        credentials["client_secret"],
        setup.direct,
        setup.through_vault,
        endpoints.base_url,
        endpoints.live,
    )
    return PayPalGateway(connection, PayPalWebhookVerifier(settings), setup.vault, _facets(connection, setup))


def _facets(connection: PayPalConnection, setup: AccountSetup) -> Facets:
    return Facets(
        methods=PayPalSavedMethods(connection, setup.vault),
        disputes=PayPalDisputes(connection),
        settlements=PayPalSettlements(connection),
        endpoints=PayPalEndpoints(connection),
        mirror=PayPalMirror(connection),
        checkout=PayPalCheckout(connection),
    )


def _check(credentials: Mapping[str, str], live: bool) -> None:
    """Nothing in PayPal's credentials says which mode they are of: the sandbox refuses live ones and the reverse."""


KIND = GatewayKind(
    name="paypal",
    authorise_steps=PayPalGateway.authorise_steps,
    capabilities=CAPABILITIES,
    credential_fields=(
        CredentialField("client_id", "Client id", required=True, secret=False),
        CredentialField("client_secret", "Client secret", required=True),
        CredentialField("webhook_id", "Webhook id", secret=False),
        CredentialField("webhook_id_previous", "Webhook id before the present one", secret=False),
    ),
    build=_build,
    check=_check,
    roots_are_for_webhooks=True,
    live_hosts=("api-m.paypal.com", "api.paypal.com"),
    split_recipients_max=1,
)
