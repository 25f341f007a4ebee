"""What PostgreSQL itself refuses of approvals, one statement each, for a migration: above all, to be one's own second
pair of eyes, and to have something else done than what was looked at.
"""

from __future__ import annotations

from enum import StrEnum

from orchestrator.approvals.states import OPEN, ApprovalKind, ApprovalState


def _listed(words: type[StrEnum] | tuple[StrEnum, ...]) -> str:
    return ", ".join(f"'{word.value}'" for word in words)


CONSTRAINTS: tuple[str, ...] = (
    "ALTER TABLE approval_request ADD CONSTRAINT approval_request_kind_check "
    "CHECK (kind IN ('refund', 'bank_details', 'policy'))",
    f"ALTER TABLE approval_request ADD CONSTRAINT approval_request_state_check "
    f"CHECK (state IN ({_listed(ApprovalState)}))",
    "ALTER TABLE approval_request ADD CONSTRAINT approval_request_four_eyes_check CHECK "
    "(state NOT IN ('approved', 'executed', 'failed') OR (decided_by IS NOT NULL AND decided_by <> requested_by))",
    # one open request for a thing: two of them, each small, are not one that is large
    f"CREATE UNIQUE INDEX approval_request_open_key ON approval_request (merchant_id, kind, subject) "
    f"WHERE state IN ({_listed(OPEN)})",
    "CREATE INDEX approval_request_merchant_idx ON approval_request (merchant_id, id DESC)",
    """CREATE FUNCTION approval_request_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.merchant_id, NEW.kind, NEW.subject, NEW.payload, NEW.requested_by, NEW.requested_at) IS DISTINCT FROM
       (OLD.merchant_id, OLD.kind, OLD.subject, OLD.payload, OLD.requested_by, OLD.requested_at)
       OR OLD.state NOT IN ('pending', 'approved') THEN
        RAISE EXCEPTION 'approval request % may not be changed any more', OLD.id;
    END IF;
    RETURN NEW;
END $$""",
    "CREATE TRIGGER approval_request_is_fixed BEFORE UPDATE ON approval_request "
    "FOR EACH ROW EXECUTE FUNCTION approval_request_is_fixed()",
    "ALTER TABLE approval_request DROP CONSTRAINT approval_request_kind_check",
    f"ALTER TABLE approval_request ADD CONSTRAINT approval_request_kinds_check "
    f"CHECK (kind IN ({_listed(ApprovalKind)}))",
)
