"""The console's menu: areas, the sections in them, and which scope opens which."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.access.scopes import Scope


class Section(StrEnum):
    """The parts of the console, by the last part of their address."""

    ATTENTION = "attention"
    PAYMENTS = "payments"
    DISPUTES = "disputes"
    CUSTOMERS = "customers"
    INVOICES = "invoices"
    BRANDING = "branding"
    RECONCILIATION = "reconciliation"
    LEDGER = "ledger"
    APPROVALS = "approvals"
    GATEWAYS = "gateways"
    ROUTING = "routing"
    WEBHOOKS = "webhooks"
    ENDPOINTS = "endpoints"
    KEYS = "keys"
    USERS = "users"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Area:
    """Sections that belong together."""

    label: str
    sections: tuple[Section, ...]


_LABELS = {
    Section.ATTENTION: "Needs attention",
    Section.GATEWAYS: "Gateway accounts",
    Section.ROUTING: "Routing rules",
    Section.WEBHOOKS: "Webhooks in",
    Section.ENDPOINTS: "Webhooks out",
    Section.KEYS: "API keys",
    Section.AUDIT: "Audit log",
}
_SCOPES = {
    Section.ATTENTION: Scope.PAYMENTS_READ,
    Section.PAYMENTS: Scope.PAYMENTS_READ,
    Section.DISPUTES: Scope.PAYMENTS_READ,
    Section.CUSTOMERS: Scope.PAYMENTS_READ,
    Section.INVOICES: Scope.INVOICES_READ,
    Section.BRANDING: Scope.INVOICES_READ,
    Section.RECONCILIATION: Scope.FINANCE_READ,
    Section.LEDGER: Scope.FINANCE_READ,
    Section.APPROVALS: Scope.FINANCE_READ,
    Section.GATEWAYS: Scope.OPERATE_READ,
    Section.ROUTING: Scope.OPERATE_READ,
    Section.WEBHOOKS: Scope.OPERATE_READ,
    Section.ENDPOINTS: Scope.OPERATE_READ,
    Section.KEYS: Scope.KEYS,
    Section.USERS: Scope.USERS,
    Section.AUDIT: Scope.AUDIT_READ,
}
_AREAS = (
    Area("Attention", (Section.ATTENTION,)),
    Area("Payments", (Section.PAYMENTS, Section.DISPUTES, Section.CUSTOMERS)),
    Area("Invoices", (Section.INVOICES, Section.BRANDING)),
    Area("Finance", (Section.RECONCILIATION, Section.LEDGER, Section.APPROVALS)),
    Area("Gateways", (Section.GATEWAYS, Section.ROUTING, Section.WEBHOOKS, Section.ENDPOINTS)),
    Area("Access", (Section.KEYS, Section.USERS, Section.AUDIT)),
)


@dataclass(frozen=True, slots=True)
class Navigation:
    """The menu with the place one is at; None on pages outside of every section."""

    here: Section | None

    def areas(self, scopes: Collection[str] | None) -> tuple[Area, ...]:
        """What somebody with these scopes may open; everything where they are not known."""
        kept = (Area(area.label, tuple(s for s in area.sections if _may(s, scopes))) for area in _AREAS)
        return tuple(area for area in kept if area.sections)

    def is_at(self, area: Area) -> bool:
        """Whether one is in this area."""
        return self.here in area.sections

    def url_of(self, section: Section) -> str:
        """The address of a section."""
        return f"/console/{section}"

    def label_of(self, section: Section) -> str:
        """What the menu calls it."""
        return _LABELS.get(section, section.value.capitalize())


def _may(section: Section, scopes: Collection[str] | None) -> bool:
    return scopes is None or _SCOPES[section] in scopes
