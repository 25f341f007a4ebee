"""Columns of what routing keeps: rule sets, policies, breakers, what operators said of accounts, and hourly tallies."""

from piccolo.columns import JSONB, BigInt, BigSerial, Text, Timestamptz, Varchar
from piccolo.constraints import Check, Unique
from piccolo.table import Table


class RuleSetRow(Table, tablename="rule_set"):
    """One version of a merchant's routing rules. The document never changes; at most one is active a merchant."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    version = BigInt(null=False, default=None)
    state = Varchar(length=10, null=False, default=None)
    document = JSONB(null=False, default=None)
    created_at = Timestamptz(null=False, default=None)
    activated_at = Timestamptz(null=True, default=None)
    activate_at = Timestamptz(null=True, default=None)  # a draft: when it is to come in force by itself
    restores = BigInt(null=True, default=None)  # the earlier version whose document it repeats

    rule_set_merchant_version_key = Unique([merchant_id, version])
    rule_set_state_check = Check("state IN ('draft', 'active', 'retired')")


class BreakerStateRow(Table, tablename="breaker_state"):
    """The circuit breaker of a gateway account for one method, shared by all processes.

    An empty method: calls that are of no method (captures, refunds). The key is both columns, which Piccolo cannot say.
    """

    account_id = Varchar(length=40, primary_key=True, default=None)
    method = Varchar(length=30, null=False, default="")
    state = Varchar(length=10, null=False, default=None)
    failures = BigInt(null=False, default=None)
    opened_at = Timestamptz(null=True, default=None)
    updated_at = Timestamptz(null=False, default=None)

    breaker_state_state_check = Check("state IN ('closed', 'open', 'half_open')")
    breaker_state_failures_check = Check("failures >= 0")


class PolicyRow(Table, tablename="routing_policy"):
    """A version of a merchant's routing policy; the newest is in force."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    version = BigInt(null=False, default=None)
    document = JSONB(null=False, default=None)
    created_at = Timestamptz(null=False, default=None)

    routing_policy_merchant_version_key = Unique([merchant_id, version])


class OverrideRow(Table, tablename="account_override"):
    """An operator's word on an account, which counts for more than its breaker: forced on, or off."""

    account_id = Varchar(length=40, primary_key=True, default=None)
    forced = Varchar(length=3, null=False, default=None)
    reason = Text(null=False, default=None)
    actor = Varchar(length=80, null=False, default=None)  # whose word it is
    until = Timestamptz(null=True, default=None)
    set_at = Timestamptz(null=False, default=None)

    account_override_forced_check = Check("forced IN ('on', 'off')")


class MaintenanceWindowRow(Table, tablename="maintenance_window"):
    """A time in which an account takes no new payments."""

    id = Varchar(length=40, primary_key=True, default=None)
    account_id = Varchar(length=40, null=False, default=None, index=True)
    starts_at = Timestamptz(null=False, default=None)
    ends_at = Timestamptz(null=False, default=None)
    note = Text(null=False, default="")
    actor = Varchar(length=80, null=False, default=None)
    created_at = Timestamptz(null=False, default=None)

    maintenance_window_span_check = Check("starts_at < ends_at")


class TallyRow(Table, tablename="route_tally"):
    """What became of an account's tries of one kind that began in an hour. Nothing reads or writes it per payment."""

    id = BigSerial(primary_key=True)
    hour = Timestamptz(null=False, default=None)
    account_id = Varchar(length=40, null=False, default=None)
    currency = Varchar(length=3, null=False, default=None)
    method = Varchar(length=30, null=False, default=None)
    brand = Varchar(length=40, null=False, default=None)
    issuer_country = Varchar(length=2, null=False, default=None)
    tried = BigInt(null=False, default=None)  # results that say something of the gateway
    approved = BigInt(null=False, default=None)
    latency_ms = BigInt(null=True, default=None)  # 95th percentile

    route_tally_kind_key = Unique([hour, account_id, currency, method, brand, issuer_country])
    route_tally_counts_check = Check("0 <= approved AND approved <= tried")
