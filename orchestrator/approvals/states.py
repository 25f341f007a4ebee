"""What may need a second person, and how far a request for one is."""

from enum import StrEnum


class ApprovalKind(StrEnum):
    """What is asked for. Who carries it out stands in `orchestrator.jobs.approved`."""

    REFUND = "refund"
    BANK_DETAILS = "bank_details"
    POLICY = "policy"
    CREDIT_PAYOUT = "credit_payout"


class ApprovalState(StrEnum):
    """Pending until somebody decides or time decides; approved until it has its effect."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    EXECUTED = "executed"
    FAILED = "failed"
    """Approved, and refused when it was to be carried out: the world had moved on."""


OPEN = (ApprovalState.PENDING, ApprovalState.APPROVED)
