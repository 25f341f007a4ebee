"""Meridian as a gateway of Clearway."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from currency.exponents import Encoding, Notation
from orchestrator.errors import InvalidField
from orchestrator.gateways.kinds import CredentialField, GatewayKind
from tests.fourth_gateway.meridian.adapter import MeridianGateway
from tests.fourth_gateway.meridian.capabilities import CAPABILITIES


def _check(credentials: Mapping[str, str], live: bool) -> None:
    mine, other = ("live", "test") if live else ("test", "live")
    if credentials["api_key"].startswith(f"mk_{other}_"):
        raise InvalidField("credentials.api_key", f"is a {other} key, and the account is in {mine} mode")


KIND = GatewayKind(
    name="meridian",
    authorise_steps=MeridianGateway.authorise_steps,
    capabilities=CAPABILITIES,
    credential_fields=(
        CredentialField("api_key", "API key", required=True),
        CredentialField("webhook_secret", "Webhook secret"),
        CredentialField("webhook_secret_previous", "Previous webhook secret, while it is rotated"),
    ),
    build=MeridianGateway,
    check=_check,
    live_hosts=("api.meridian.example",),
    setup_notes=("Ask Meridian to approve raw card numbers for the account.",),
    encoding=Encoding(Notation.MINOR, carried=frozenset({"EUR", "GBP", "JPY", "KWD", "USD"})),
    declines=files(__package__).joinpath("declines.csv").read_text("utf-8"),
)
