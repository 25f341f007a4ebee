"""Columns of the stored rule sets and of the circuit breakers' state."""

from piccolo.columns import JSONB, BigInt, Timestamptz, Varchar
from piccolo.constraints import Check, Unique
from piccolo.table import Table


class RuleSetRow(Table, tablename="rule_set"):
    """One version of a merchant's routing rules. Immutable once active; at most one active a merchant."""

    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    version = BigInt(null=False, default=None)
    state = Varchar(length=10, null=False, default=None)
    document = JSONB(null=False, default=None)
    created_at = Timestamptz(null=False, default=None)
    activated_at = Timestamptz(null=True, default=None)

    rule_set_merchant_version_key = Unique([merchant_id, version])
    rule_set_state_check = Check("state IN ('draft', 'active', 'retired')")


class BreakerStateRow(Table, tablename="breaker_state"):
    """The circuit breaker of one gateway account, shared by all processes."""

    account_id = Varchar(length=40, primary_key=True, default=None)
    state = Varchar(length=10, null=False, default=None)
    failures = BigInt(null=False, default=None)
    opened_at = Timestamptz(null=True, default=None)
    updated_at = Timestamptz(null=False, default=None)

    breaker_state_state_check = Check("state IN ('closed', 'open', 'half_open')")
    breaker_state_failures_check = Check("failures >= 0")


# Partial indexes are outside of Piccolo's auto migrations (its issue 1188): a hand-written migration runs these.
RAW_INDEXES = (
    "CREATE UNIQUE INDEX IF NOT EXISTS rule_set_one_active_idx ON rule_set (merchant_id) WHERE state = 'active'",
)
