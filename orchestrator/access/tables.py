"""Who may act and who did: merchants, API keys, console users and sessions, the audit log, and kept replies."""

from piccolo.columns import (
    JSON,
    JSONB,
    Array,
    BigInt,
    DoublePrecision,
    ForeignKey,
    Integer,
    OnDelete,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.table import Table


class Merchant(Table, tablename="merchant"):
    id = Varchar(length=40, primary_key=True, default=None)
    name = Varchar(length=200, null=False, default=None)
    profile = JSONB(null=False, default=None)  # address, VAT id, e-mail, bank reference: what its documents print
    created_at = Timestamptz(null=False, default=None)


class ApiKey(Table, tablename="api_key"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = ForeignKey(Merchant, on_delete=OnDelete.restrict, null=False)
    name = Varchar(length=100, null=False, default=None)
    key_hash = Varchar(length=64, null=False, default=None, unique=True)
    key_hint = Varchar(length=20, null=False, default=None)  # the first characters, to recognise it by
    scopes = Array(base_column=Varchar(length=40), null=False, default=list)
    created_at = Timestamptz(null=False, default=None)
    revoked_at = Timestamptz(null=True, default=None)
    expires_at = Timestamptz(null=True, default=None)  # of its own, or when the overlap of a rotation ends
    last_used_at = Timestamptz(null=True, default=None)  # to the minute
    replaced_by = Varchar(length=40, null=True, default=None)  # the key that a rotation made


class IdempotencyRecord(Table, tablename="idempotency_record"):
    id = Varchar(length=64, primary_key=True, default=None)  # SHA-256 over merchant, route and key
    merchant_id = Varchar(length=40, null=False, default=None)
    route = Varchar(length=120, null=False, default=None)
    fingerprint = Varchar(length=64, null=False, default=None)
    resource_id = Varchar(length=40, null=True, default=None)  # what the work made, written with it
    status = Integer(null=True, default=None)  # of the reply; none while in flight
    body = Text(null=True, default=None)
    claimed_at = Timestamptz(null=False, default=None)
    expires_at = Timestamptz(null=False, default=None)


class ConsoleUser(Table, tablename="console_user"):
    """A person. What they may do is said by their memberships."""

    id = Varchar(length=40, primary_key=True, default=None)
    email = Varchar(length=320, null=False, default=None, unique=True)  # in lower case
    name = Varchar(length=100, null=False, default="")
    password_hash = Text(null=True, default=None)  # argon2id, with its parameters; none until the link was used
    sealed_totp_secret = Text(null=True, default=None)
    totp_confirmed_at = Timestamptz(null=True, default=None)  # asked for from then on
    totp_last_step = BigInt(null=False, default=0)  # no code is taken twice
    link_hash = Varchar(length=64, null=True, default=None, unique=True)  # of the link that sets a password
    link_expires_at = Timestamptz(null=True, default=None)
    disabled_at = Timestamptz(null=True, default=None)
    created_at = Timestamptz(null=False, default=None)
    password_changed_at = Timestamptz(null=True, default=None)
    last_login_at = Timestamptz(null=True, default=None)


class RecoveryCode(Table, tablename="recovery_code"):
    """Instead of a TOTP code, once."""

    id = Varchar(length=40, primary_key=True, default=None)
    user_id = ForeignKey(ConsoleUser, on_delete=OnDelete.restrict, null=False)
    code_hash = Varchar(length=64, null=False, default=None)
    used_at = Timestamptz(null=True, default=None)


class Membership(Table, tablename="membership"):
    """What a user is at a merchant."""

    id = Varchar(length=40, primary_key=True, default=None)
    user_id = ForeignKey(ConsoleUser, on_delete=OnDelete.restrict, null=False)
    merchant_id = ForeignKey(Merchant, on_delete=OnDelete.restrict, null=False)
    role = Varchar(length=20, null=False, default=None)
    created_at = Timestamptz(null=False, default=None)
    disabled_at = Timestamptz(null=True, default=None)


class ConsoleSession(Table, tablename="console_session"):
    """Somebody at the console: a user, or an API key in a demo or evaluation."""

    id = Varchar(length=64, primary_key=True, default=None)  # SHA-256 of what the cookie holds
    user_id = ForeignKey(ConsoleUser, on_delete=OnDelete.restrict, null=True)
    key_id = ForeignKey(ApiKey, on_delete=OnDelete.restrict, null=True)
    merchant_id = ForeignKey(Merchant, on_delete=OnDelete.restrict, null=True)
    handle = Varchar(length=40, null=False, default=None)  # names it on pages; says nothing of the cookie
    stage = Varchar(length=10, null=False, default=None)  # totp: the second factor is still to come
    created_at = Timestamptz(null=False, default=None)
    last_seen_at = Timestamptz(null=False, default=None)  # to the minute
    expires_at = Timestamptz(null=False, default=None)
    ended_at = Timestamptz(null=True, default=None)
    ip = Varchar(length=45, null=False, default="")
    browser = Varchar(length=200, null=False, default="")


class LoginThrottle(Table, tablename="login_throttle"):
    """Guesses at one door, counted before they are looked at."""

    id = Varchar(length=64, primary_key=True, default=None)  # SHA-256 of the door: an account, an address, a device
    tries = Integer(null=False, default=None)
    last_try_at = Timestamptz(null=False, default=None)
    blocked_until = Timestamptz(null=True, default=None)


class AuditEntry(Table, tablename="audit_entry"):
    """Who did what, when and from where. Only ever added; each names the hash of the one before."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    sequence = BigInt(null=False, default=None)  # of the merchant: 1, 2, 3 without gaps
    actor_kind = Varchar(length=10, null=False, default=None)
    actor_id = Varchar(length=40, null=False, default="")
    action = Varchar(length=60, null=False, default=None)
    object_id = Varchar(length=80, null=False, default="")
    before = JSON(null=True, default=None)  # as text, not JSONB: the hash is over these very characters
    after = JSON(null=True, default=None)
    ip = Varchar(length=45, null=False, default="")
    created_at = Timestamptz(null=False, default=None)
    previous_hash = Varchar(length=64, null=False, default=None)
    hash = Varchar(length=64, null=False, default=None)


class AuditHead(Table, tablename="audit_head"):
    """The last entry of each merchant's chain; two entries queue for its row."""

    merchant_id = Varchar(length=40, primary_key=True, default=None)
    sequence = BigInt(null=False, default=None)
    hash = Varchar(length=64, null=False, default=None)


class RateBucket(Table, tablename="rate_bucket"):
    """The tokens that are left to one caller; processes take some at a time. Unlogged: a crash refills them."""

    id = Varchar(length=80, primary_key=True, default=None)
    tokens = DoublePrecision(null=False, default=None)
    refilled_at = Timestamptz(null=False, default=None)
