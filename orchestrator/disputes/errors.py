"""Refusals of disputes."""

from __future__ import annotations

from orchestrator.errors import ClearwayError


class DisputeNotOpen(ClearwayError):
    """The dispute waits for no answer of ours."""

    status = 409
    code = "dispute_not_open"


class EvidenceTooLarge(ClearwayError):
    """The files are more than one answer takes."""

    status = 413
    code = "evidence_too_large"


class Unread(Exception):
    """The gateway did not tell how a dispute stands: asked again later, by whoever rang."""


class ImpossibleNews(Exception):
    """What was heard contradicts what is known: a person looks, and nothing is changed."""
