"""What the pages of signing in, of one's own account, of the users and of the audit log show, as values."""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.web.console_views import Shell


@dataclass(frozen=True, slots=True)
class CodeView:
    """The second step: a code of the authenticator app, or a recovery code."""

    csrf_token: str
    error: str = ""
    next_url: str = ""


@dataclass(frozen=True, slots=True)
class LinkView:
    """Setting a password by a link."""

    csrf_token: str
    token: str
    email: str
    chars_min: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class OwnSessionRow:
    """One place where one is signed in."""

    handle: str
    began_at: datetime
    seen_at: datetime
    ip: str
    browser: str
    is_this: bool


@dataclass(frozen=True, slots=True)
class MerchantRow:
    """A merchant whose console one may enter."""

    id: str
    name: str
    role: str
    is_this: bool


@dataclass(frozen=True, slots=True)
class AccountView:
    """One's own account. `qr_svg` and `totp_secret` stand there while a second factor waits for its first code;
    `recovery_codes` once, right after it.
    """

    shell: Shell
    email: str
    role: str
    chars_min: int
    has_totp: bool
    codes_left: int
    sessions: tuple[OwnSessionRow, ...]
    merchants: tuple[MerchantRow, ...]
    may_see_users: bool = False
    may_see_audit: bool = False
    must_set_up: bool = False
    qr_svg: str = ""
    totp_secret: str = ""
    recovery_codes: tuple[str, ...] = ()
    notice: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class UserRow:
    """A member. `state` is `active`, `invited` or `disabled`."""

    id: str
    email: str
    name: str
    role: str
    state: str
    has_totp: bool
    last_login_at: datetime | None
    is_me: bool


@dataclass(frozen=True, slots=True)
class UsersView:
    """The members of the merchant. `link` is shown once, to be handed over."""

    shell: Shell
    rows: tuple[UserRow, ...]
    roles: tuple[str, ...]
    link: str = ""
    link_email: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One entry. `change` is what was before and after, as one line of text each."""

    sequence: int
    at: datetime
    who: str
    ip: str
    action: str
    object_id: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class AuditView:
    """The audit log, newest first."""

    shell: Shell
    rows: tuple[AuditRow, ...]
    action: str = ""
    next_url: str = ""
