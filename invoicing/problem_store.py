"""Every query on the problems of documents, but that they are read with their document (see store). Opens no
transaction."""

from __future__ import annotations

from datetime import datetime

from invoicing.drafts import DocumentType
from invoicing.problems import ProblemKind
from invoicing.tables import DocumentProblem

MAX_MESSAGE = 500

_NOTE = """
    INSERT INTO document_problem (id, merchant_id, document_id, kind, message, times, first_at, last_at)
    VALUES ({}, {}, {}, {}, {}, 1, {}, {})
    ON CONFLICT (document_id, kind) DO UPDATE SET
        message = EXCLUDED.message, last_at = EXCLUDED.last_at, solved_at = NULL,
        times = CASE WHEN document_problem.solved_at IS NULL THEN document_problem.times + 1 ELSE 1 END,
        first_at = CASE WHEN document_problem.solved_at IS NULL THEN document_problem.first_at
                        ELSE EXCLUDED.first_at END
    RETURNING times"""
_SOLVE = """
    UPDATE document_problem SET solved_at = GREATEST({}, last_at)
    WHERE merchant_id = {} AND document_id = {} AND kind = ANY({}) AND solved_at IS NULL RETURNING kind"""
_SOLVE_TEMPLATES = """
    UPDATE document_problem SET solved_at = GREATEST({}, last_at)
    FROM invoice WHERE invoice.id = document_problem.document_id AND invoice.kind = {}
    AND document_problem.merchant_id = {} AND document_problem.kind = 'template' AND solved_at IS NULL
    RETURNING document_id"""


async def note(
    problem_id: str, *, merchant_id: str, document_id: str, kind: ProblemKind, message: str, now: datetime
) -> bool:
    """Keep the problem with the document, which has each kind of it once. Whether it is news: it was not open."""
    said = message[:MAX_MESSAGE]
    rows = await DocumentProblem.raw(_NOTE, problem_id, merchant_id, document_id, kind.value, said, now, now)
    return bool(rows[0]["times"] == 1)


async def solve(merchant_id: str, document_id: str, kinds: tuple[ProblemKind, ...], now: datetime) -> list[ProblemKind]:
    """Those of the kinds that were open, and are not any more."""
    names = [kind.value for kind in kinds]
    rows = await DocumentProblem.raw(_SOLVE, now, merchant_id, document_id, names)
    return [ProblemKind(row["kind"]) for row in rows]


async def solve_templates(merchant_id: str, kind: DocumentType, now: datetime) -> list[str]:
    """The documents of the kind whose template was to blame until now."""
    rows = await DocumentProblem.raw(_SOLVE_TEMPLATES, now, kind.value, merchant_id)
    return [row["document_id"] for row in rows]
