"""What makes a gateway known to Clearway: its name, its credentials, and how an account's adapter is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from currency.exponents import Encoding
from orchestrator.gateways.base import Gateway, OperationKind
from orchestrator.gateways.capabilities import Capabilities
from orchestrator.gateways.limiter import DEFAULT_MAX_CALLS
from orchestrator.gateways.transport import GatewaySession
from orchestrator.gateways.vault import VaultSettings


@dataclass(frozen=True, slots=True)
class GatewayEndpoints:
    """Where one gateway is, when not at its own address, and how long to wait for it.

    An empty `base_url` means the gateway's own, by `live`. `cert_hosts` (PayPal) empty means its own; an entry
    `http://127.0.0.1:PORT` is for the simulators. `ca_file` (PEM): the roots of PayPal's webhook certificates, and for
    the others the roots of the TLS connection; empty means the public ones.
    """

    base_url: str = ""
    live: bool = False
    cert_hosts: tuple[str, ...] = ()
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


@dataclass(frozen=True, slots=True)
class AccountSetup:
    """What an adapter is built from. `direct` and `through_vault` are the account's own sessions, its to close."""

    credentials: Mapping[str, str]
    endpoints: GatewayEndpoints
    vault: VaultSettings
    direct: GatewaySession
    through_vault: GatewaySession

    def present(self, *names: str) -> tuple[str, ...]:
        """The credentials of these names that are set: a secret and the previous one, while it is rotated."""
        return tuple(value for name in names if (value := self.credentials.get(name)))


@dataclass(frozen=True, slots=True)
class GatewayKind:
    """One gateway. `check` raises InvalidField for credentials whose form is wrong, or that are of the other mode.

    `live_hosts` are the addresses where real money moves (a suffix where they begin with a dot or a dash): a test
    account never calls them. `encoding` is how the gateway writes amounts; None where `currency.exponents` has its
    table. `declines` is the text of its decline table; empty where that lies in `orchestrator/gateways/<name>/`.
    """

    name: str
    authorise_steps: tuple[OperationKind, ...]
    capabilities: Capabilities
    credential_fields: tuple[CredentialField, ...]
    build: Callable[[AccountSetup], Gateway]
    check: Callable[[Mapping[str, str], bool], None]
    live_hosts: tuple[str, ...]
    setup_notes: tuple[str, ...] = ()  # what an operator must arrange with the gateway before live traffic
    checks_webhooks_alone: bool = False  # needs no network and no time for it: no thread either
    roots_are_for_webhooks: bool = False  # `ca_file` holds the roots of its webhook certificates, not of its TLS
    releases_the_rest: bool = True  # a cancel after a partial capture lets go of what is left
    splits_after_capture: bool = False  # recipients' parts are transfers after the capture, not in the payment
    split_recipients_max: int | None = None  # of one payment; None: no limit of the gateway's
    encoding: Encoding | None = None
    declines: str = ""
