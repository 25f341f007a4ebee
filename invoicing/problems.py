"""What may keep a document from being drawn as it should be. None of it takes back the document or its number."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class ProblemKind(StrEnum):
    """No PDF; one that was drawn with our template instead of the merchant's; one that has no e-invoice in it."""

    PDF = "pdf"
    TEMPLATE = "template"
    E_INVOICE = "e_invoice"


class OpenProblem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a document, how often it was found so, and since when."""

    kind: ProblemKind
    message: str
    times: int
    first_at: datetime
    last_at: datetime
