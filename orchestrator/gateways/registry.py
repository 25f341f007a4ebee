"""The gateways that there are, and adapters built from an account's credentials and the settings."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from importlib.metadata import entry_points
from urllib.parse import urlsplit

from currency.exponents import add_encoding
from orchestrator.errors import InvalidField
from orchestrator.gateways.adyen.kind import KIND as ADYEN
from orchestrator.gateways.base import Gateway
from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.credentials import Method
from orchestrator.gateways.declines import add_rows, checked_table
from orchestrator.gateways.kinds import AccountSetup, GatewayEndpoints, GatewayKind
from orchestrator.gateways.paypal.kind import KIND as PAYPAL
from orchestrator.gateways.stripe.kind import KIND as STRIPE
from orchestrator.gateways.transport import GatewaySession
from orchestrator.gateways.vault import Envelope, VaultSettings, VaultShape, vault_session
from orchestrator.settings import Settings

INSTALLED = "clearway.gateways"  # the entry points by which an installed package brings a gateway of its own
KINDS: dict[str, GatewayKind] = {}

_NAME = re.compile(r"[a-z][a-z0-9]{1,19}")  # the column has room for 20; names of file formats are `<gateway>_…`


def register(kind: GatewayKind) -> None:
    """Make a gateway known, with its decline table and its way to write amounts.

    Raises ValueError that says what is missing; the gateway is not known then.
    """
    if not _NAME.fullmatch(kind.name):
        raise ValueError(f"{kind.name!r} is no name of a gateway: 2 to 20 lower-case letters and digits")
    if kind.name in KINDS:
        raise ValueError(f"{kind.name}: a gateway of that name is registered already")
    said = (*kind.capabilities.verbs, *kind.capabilities.methods)
    unsaid = [word.value for word in (*Verb, *Method) if word not in said]
    if unsaid:
        raise ValueError(f"{kind.name}: its capabilities do not say whether it has {', '.join(unsaid)}")
    declines = checked_table(kind.name, kind.declines)
    add_encoding(kind.name, kind.encoding)  # the last that may refuse, so that nothing is half known
    add_rows(declines)
    KINDS[kind.name] = kind


for _kind in (STRIPE, ADYEN, PAYPAL):
    register(_kind)


def kind_of(gateway: str) -> GatewayKind:
    """Raises InvalidField for a gateway that there is not."""
    kind = KINDS.get(gateway)
    if kind is None:
        raise InvalidField("gateway", f"must be one of {', '.join(sorted(KINDS))}")
    return kind


def validate_credentials(gateway: str, credentials: Mapping[str, str], *, live: bool = False) -> None:
    """Raise InvalidField naming the first field that is missing, empty, unknown or malformed; or `gateway` itself."""
    kind = kind_of(gateway)
    for field in kind.credential_fields:
        if field.required and not str(credentials.get(field.name) or "").strip():
            raise InvalidField(f"credentials.{field.name}", f"is required for {gateway}")
    known = {field.name for field in kind.credential_fields}
    for name in credentials:
        if name not in known:
            raise InvalidField(f"credentials.{name}", f"is not a credential of {gateway}; known are {sorted(known)}")
    kind.check(credentials, live)


def build_gateway(
    gateway_name: str, credentials: Mapping[str, str], endpoints: GatewayEndpoints, vault: VaultSettings
) -> Gateway:
    """One account's adapter, with its own sessions. Raises InvalidField. Nothing is called yet.

    Keep what it returns, one per gateway account, for as long as the credentials last (`connections.connect` does): a
    session is the account's pool of connections.
    """
    validate_credentials(gateway_name, credentials, live=endpoints.live)
    check_address(kind_of(gateway_name), endpoints)
    direct = GatewaySession(
        connect_timeout_s=endpoints.connect_timeout_s,
        read_timeout_s=endpoints.read_timeout_s,
        pool_size=endpoints.pool_size,
        ca_file="" if kind_of(gateway_name).roots_are_for_webhooks else endpoints.ca_file,
    )
    through_vault = vault_session(vault, endpoints.pool_size)
    return kind_of(gateway_name).build(AccountSetup(credentials, endpoints, vault, direct, through_vault))


def check_address(kind: GatewayKind, endpoints: GatewayEndpoints) -> None:
    """Raise InvalidField where a live account would talk to a simulator, or a test account to where real money is."""
    host = (urlsplit(endpoints.base_url).hostname or "").rstrip(".") if endpoints.base_url else ""
    if endpoints.live and host and _is_this_machine(host):
        raise InvalidField(
            "mode", f"live, but {kind.name}'s address is set to {host}, a simulator's: unset it, or use test mode"
        )
    if not endpoints.live and any(host == live or host.endswith(live) for live in kind.live_hosts if host):
        raise InvalidField("mode", f"test, but {kind.name}'s address is set to {host}, where real money moves")


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return not address.is_global


def endpoints_from(settings: Settings, gateway: str, mode: str) -> GatewayEndpoints:
    """The settings' endpoint of `gateway` for a `test` or `live` account."""
    endpoint = settings.endpoint(gateway)
    return GatewayEndpoints(
        base_url=endpoint.base_url,
        live=mode == "live",
        cert_hosts=endpoint.cert_hosts,
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
        network_token_expression=vault.network_token_expression,
        cryptogram_expression=vault.cryptogram_expression,
        error_header=vault.error_header,
        not_contacted=vault.not_contacted,
        no_answer=vault.no_answer,
        not_allowed=vault.not_allowed,
        unknown_token=vault.unknown_token,
        unknown_field=vault.unknown_field,
        ca_file=vault.ca_file,
        connect_timeout_s=vault.connect_timeout_s,
        read_timeout_s=vault.read_timeout_s,
        shape=VaultShape(vault.shape),
        envelope=Envelope(
            url=vault.envelope_url,
            destination_header=vault.envelope_destination_header,
            method_header=vault.envelope_method_header,
            key_header=vault.envelope_key_header,
            key=vault.envelope_key.get_secret_value(),
            header_prefix=vault.envelope_header_prefix,
        ),
    )


for _entry in entry_points(group=INSTALLED):  # last, so that a package that imports this module finds it whole
    register(_entry.load())
