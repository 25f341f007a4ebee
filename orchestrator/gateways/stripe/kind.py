"""Stripe as a gateway of Clearway."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.errors import InvalidField
from orchestrator.gateways.base import Gateway
from orchestrator.gateways.kinds import AccountSetup, CredentialField, GatewayKind
from orchestrator.gateways.stripe.adapter import StripeGateway
from orchestrator.gateways.stripe.capabilities import CAPABILITIES


def _build(setup: AccountSetup) -> Gateway:
    secrets = setup.present("webhook_secret", "webhook_secret_previous")
    return StripeGateway(
        setup.credentials["secret_key"],
        secrets,
        setup.direct,
        setup.through_vault,
        setup.vault,
        setup.endpoints.base_url,
    )


def _check(credentials: Mapping[str, str], live: bool) -> None:
    key = credentials["secret_key"]
    mine, other = ("live", "test") if live else ("test", "live")
    if key.startswith((f"sk_{other}_", f"rk_{other}_")):
        raise InvalidField(
            "credentials.secret_key", f"is a {other} key, and the account is in {mine} mode: use sk_{mine}_…"
        )


KIND = GatewayKind(
    name="stripe",
    authorise_steps=StripeGateway.authorise_steps,
    capabilities=CAPABILITIES,
    credential_fields=(
        CredentialField("secret_key", "Secret key", required=True),
        CredentialField("webhook_secret", "Webhook signing secret"),
        CredentialField("webhook_secret_previous", "Previous webhook signing secret, while it is rotated"),
    ),
    build=_build,
    check=_check,
    checks_webhooks_alone=True,
    live_hosts=("api.stripe.com",),
    # exact to the cent in our hands: of a destination charge Stripe rounds what a refund takes back
    splits_after_capture=True,
)
