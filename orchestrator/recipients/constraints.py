"""What PostgreSQL itself refuses of recipients and their transfers, and the indexes, one statement each."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.recipients.records import OnboardingState, TransferKind, TransferState
from routing.outcomes import OutcomeKind


def _one_of(table: str, column: str, words: type[StrEnum], otherwise: str = "") -> str:
    listed = ", ".join(f"'{word.value}'" for word in words)
    return f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_check CHECK ({otherwise}{column} IN ({listed}))"


CONSTRAINTS: tuple[str, ...] = (
    "CREATE INDEX recipient_merchant_idx ON recipient (merchant_id, id DESC)",
    _one_of("recipient_account", "state", OnboardingState),
    "CREATE UNIQUE INDEX recipient_account_key ON recipient_account (recipient_id, gateway_account_id)",
    _one_of("split_transfer", "kind", TransferKind),
    _one_of("split_transfer", "state", TransferState),
    _one_of("split_transfer", "outcome", OutcomeKind, "outcome IS NULL OR "),
    "ALTER TABLE split_transfer ADD CONSTRAINT split_transfer_amount_check CHECK (amount_minor > 0)",
    "ALTER TABLE split_transfer ADD CONSTRAINT split_transfer_reverses_check CHECK "
    "((kind = 'reversal') = (reverses_id IS NOT NULL))",
    "ALTER TABLE split_transfer ADD CONSTRAINT split_transfer_settled_check CHECK "
    "(state <> 'settled' OR (outcome IS NOT NULL AND settled_at IS NOT NULL))",
    "CREATE INDEX split_transfer_payment_idx ON split_transfer (payment_id)",
    "CREATE INDEX split_transfer_recipient_idx ON split_transfer (recipient_id, id DESC)",
    # a part is sent once for each capture or refund, however often news of that comes
    "CREATE UNIQUE INDEX split_transfer_once_key ON split_transfer (operation_id, kind, recipient_id, "
    "coalesce(reverses_id, ''))",
)
