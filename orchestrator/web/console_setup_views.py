"""What the console's pages of setting up show: webhook endpoints, API keys, gateway accounts, branding."""

from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.access.store import ApiKeyRow
from orchestrator.gateways.kinds import CredentialField
from orchestrator.gateways.store import GatewayAccountRow
from orchestrator.notifications.delivery_store import DeliveryRow, TryRow
from orchestrator.notifications.endpoint_store import EndpointRow
from orchestrator.web.console_views import Shell
from routing.account_store import MaintenanceWindow, Override


@dataclass(frozen=True, slots=True)
class EndpointsView:
    """The merchant's servers that are told of events. `secret` stands there once, right after the adding."""

    shell: Shell
    rows: tuple[EndpointRow, ...]
    may_operate: bool
    secret: str = ""
    secret_url: str = ""
    typed: dict[str, str] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """One event on its way to an endpoint; `event_type` empty where the event is gone."""

    row: DeliveryRow
    event_type: str
    object_id: str


@dataclass(frozen=True, slots=True)
class EndpointView:
    """One endpoint with the log of what was told to it."""

    shell: Shell
    row: EndpointRow
    deliveries: tuple[DeliveryLine, ...]
    state: str
    states: tuple[str, ...]
    may_operate: bool
    overlap_h: int
    next_url: str = ""
    secret: str = ""
    notice: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One delivery with its tries, and what was sent."""

    shell: Shell
    endpoint: EndpointRow
    line: DeliveryLine
    tries: tuple[TryRow, ...]
    body: str
    may_operate: bool
    notice: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class KeyLine:
    """An API key; `state` is active, expired or revoked."""

    row: ApiKeyRow
    state: str


@dataclass(frozen=True, slots=True)
class KeysView:
    """API keys, newest first. `scopes` are those that whoever looks may grant, with what they allow."""

    shell: Shell
    rows: tuple[KeyLine, ...]
    scopes: tuple[tuple[str, str], ...]
    next_url: str = ""
    secret: str = ""
    secret_name: str = ""
    notice: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class AccountLine:
    """A gateway account with its health in words; `held_back_for` names ways to pay, empty for all."""

    row: GatewayAccountRow
    phase: str
    failures: int
    held_back_since: datetime | None
    held_back_for: str
    heard_at: datetime | None
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccountsView:
    """The merchant's gateway accounts, in the order of their priority."""

    shell: Shell
    rows: tuple[AccountLine, ...]
    gateways: tuple[str, ...]
    may_operate: bool
    notice: str = ""


@dataclass(frozen=True, slots=True)
class AddAccountView:
    """The form for another account, with the fields of its gateway."""

    shell: Shell
    gateway: str
    fields: tuple[CredentialField, ...]
    notes: tuple[str, ...]
    typed: dict[str, str] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True)
class GatewayAccountView:
    """One account, without its credentials. `word` is an operator's that holds, `windows` are not over yet."""

    shell: Shell
    line: AccountLine
    webhook_url: str
    limits: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    fields: tuple[CredentialField, ...]
    may_operate: bool
    word: Override | None = None
    windows: tuple[MaintenanceWindow, ...] = ()
    notice: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class BrandingView:
    """How documents look. `typed` is the colour in the form, which may be one that was refused."""

    shell: Shell
    accent: str
    typed: str
    logo_url: str
    changed_at: datetime | None
    kinds: tuple[str, ...]
    own_templates: tuple[str, ...]
    may_change: bool
    notice: str = ""
    error: str = ""
