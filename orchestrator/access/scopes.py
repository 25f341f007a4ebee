"""What one may be allowed to do: scopes, and the roles that are sets of them. docs/access.md shows both."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from types import MappingProxyType


class Scope(StrEnum):
    """One thing that a key or a user may do. The words are part of the API and never change."""

    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"
    INVOICES_READ = "invoices:read"
    INVOICES_WRITE = "invoices:write"
    FINANCE_READ = "finance:read"
    FINANCE = "finance"
    OPERATE_READ = "operate:read"
    OPERATE = "operate"
    AUDIT_READ = "audit:read"
    KEYS = "keys"
    USERS = "users"
    CONSOLE = "console"


MEANING: MappingProxyType[Scope, str] = MappingProxyType(
    {
        Scope.PAYMENTS_READ: "see payments, refunds, customers and events",
        Scope.PAYMENTS_WRITE: "create, capture, cancel and refund payments",
        Scope.INVOICES_READ: "see invoices",
        Scope.INVOICES_WRITE: "draft, issue, send and credit invoices",
        Scope.FINANCE_READ: "see the console's reconciliation, ledger and approvals",
        Scope.FINANCE: "import settlement reports, resolve breaks, read the ledger; holds `finance:read`",
        Scope.OPERATE_READ: "see the console's webhooks and gateway accounts",
        Scope.OPERATE: "change gateway accounts, routing rules and webhook endpoints; holds `operate:read`",
        Scope.AUDIT_READ: "read the audit log",
        Scope.KEYS: "create, rotate and revoke API keys",
        Scope.USERS: "invite users, change their roles, disable them",
        Scope.CONSOLE: "sign in to the console with the API key, where that is allowed; there it holds every `…:read`",
    }
)

_HOLDS: MappingProxyType[Scope, frozenset[Scope]] = MappingProxyType(
    {Scope.FINANCE: frozenset({Scope.FINANCE_READ}), Scope.OPERATE: frozenset({Scope.OPERATE_READ})}
)
_SEEN_IN_CONSOLE = frozenset({Scope.PAYMENTS_READ, Scope.INVOICES_READ, Scope.FINANCE_READ, Scope.OPERATE_READ})


class Role(StrEnum):
    """What a user is at a merchant."""

    ADMIN = "admin"
    FINANCE = "finance"
    OPERATOR = "operator"
    DEVELOPER = "developer"
    VIEWER = "viewer"


ROLE_SCOPES: MappingProxyType[Role, frozenset[Scope]] = MappingProxyType(
    {
        Role.ADMIN: frozenset(Scope),
        Role.FINANCE: frozenset(
            {
                Scope.PAYMENTS_READ,
                Scope.INVOICES_READ,
                Scope.INVOICES_WRITE,
                Scope.FINANCE,
                Scope.FINANCE_READ,
                Scope.AUDIT_READ,
            }
        ),
        Role.OPERATOR: _SEEN_IN_CONSOLE | {Scope.PAYMENTS_WRITE, Scope.OPERATE},
        Role.DEVELOPER: frozenset(
            {
                Scope.PAYMENTS_READ,
                Scope.PAYMENTS_WRITE,
                Scope.INVOICES_READ,
                Scope.INVOICES_WRITE,
                Scope.OPERATE_READ,
                Scope.KEYS,
            }
        ),
        Role.VIEWER: _SEEN_IN_CONSOLE,
    }
)


def held(scopes: Iterable[str]) -> frozenset[str]:
    """The scopes with those that they hold. A word that is no scope any more is kept, and allows nothing."""
    given = frozenset(scopes)
    return given.union(*(_HOLDS.get(Scope(word), frozenset()) for word in given if word in _WORDS))


def held_at_the_console(scopes: Iterable[str]) -> frozenset[str]:
    """The same for a key that signed in: with `console` it sees every page, and changes what its other scopes allow."""
    return held(scopes) | _SEEN_IN_CONSOLE


def role_table() -> str:
    """The roles and what they may do, in Markdown: docs/access.md holds it, and a test holds it to this."""
    head = f"| scope | {' | '.join(Role)} | allows one to |\n|---|{':-:|' * len(Role)}---|"
    lines = (
        f"| `{scope}` | {' | '.join('✓' if scope in ROLE_SCOPES[role] else '' for role in Role)} | {MEANING[scope]} |"
        for scope in Scope
    )
    return "\n".join((head, *lines))


_WORDS = frozenset(scope.value for scope in Scope)
