"""VAT ids and what registers said of them, as the API shows them."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from invoicing.vat_ids import VatIdState, compact_vat_id
from orchestrator.http.schemas import Input
from orchestrator.tax_ids import service
from orchestrator.tax_ids.at_issue import VatIdPolicy
from orchestrator.tax_ids.store import AnswerRow, OnInvoiceRow, VatIdRow


class VatIdAnswerBody(msgspec.Struct, kw_only=True):
    """What a register said. `proof` is its number for the question (VIES: request identifier), given where it was asked
    in the name of your own VAT id, `asked_by`. `name` and `address` are as registered, where the country tells."""

    register: str
    state: VatIdState
    answered_at: datetime
    asked_by: str
    proof: str
    name: str
    address: str


class VatIdCheckBody(msgspec.Struct, kw_only=True):
    """How a VAT id stands. A register that is silent later takes back nothing of what it said: `checked_at` is when it
    said so. `detail` says why there is no answer, or what was amiss with it; `next_check_at` when it is asked again."""

    vat_id: str
    state: VatIdState
    detail: str
    checked_at: datetime | None
    proof: str
    name: str
    address: str
    tries: Annotated[int, Meta(description="Without an answer, one after the other.")]
    last_asked_at: datetime | None
    next_check_at: datetime | None


class InvoiceVatIdBody(msgspec.Struct, kw_only=True):
    """What was known of the buyer's VAT id when the invoice was issued: the evidence for a tax office, which never
    changes; `later_answer` is the first one that came after the issue."""

    object: str = "invoice_vat_id_check"
    invoice_id: str
    vat_id: str
    state_at_issue: VatIdState
    untaxed: Annotated[bool, Meta(description="By reverse charge or as an intra-Community supply.")]
    kept_at: datetime
    answer: VatIdAnswerBody | None
    later_answer: VatIdAnswerBody | None


class VatIdPolicyInput(Input):
    """`allow`: a sale goes untaxed unless a register said that the buyer's VAT id is invalid. `require`: a register
    must have said within 90 days that it is valid."""

    policy: VatIdPolicy


class VatIdPolicyBody(msgspec.Struct, kw_only=True):
    """What an untaxed sale to another EU country needs."""

    policy: VatIdPolicy


def vat_id_check_body(vat_id: str, row: VatIdRow | None) -> VatIdCheckBody | None:
    """None where the text is no VAT id that we know. Of one that was there before checks were, nothing is known."""
    if not service.is_followed(vat_id):
        return None
    check = row.as_check() if row else None
    answer = row.answer if row else None
    return VatIdCheckBody(
        vat_id=compact_vat_id(vat_id),
        state=check.state if check else VatIdState.PENDING,
        detail=service.why(row, vat_id),
        checked_at=check.checked_at if check else None,
        proof=answer.proof if answer else "",
        name=answer.name if answer else "",
        address=answer.address if answer else "",
        tries=row.tries if row else 0,
        last_asked_at=row.asked_at if row else None,
        next_check_at=row.due_at if row else None,
    )


def on_invoice_body(row: OnInvoiceRow) -> InvoiceVatIdBody:
    return InvoiceVatIdBody(
        invoice_id=row.invoice_id,
        vat_id=row.vat_id,
        state_at_issue=row.state,
        untaxed=row.untaxed,
        kept_at=row.kept_at,
        answer=_answer_body(row.answer),
        later_answer=_answer_body(row.later_answer),
    )


def _answer_body(row: AnswerRow | None) -> VatIdAnswerBody | None:
    if row is None:
        return None
    return VatIdAnswerBody(
        register=row.register,
        state=row.state,
        answered_at=row.answered_at,
        asked_by=row.asked_by,
        proof=row.proof,
        name=row.name,
        address=row.address,
    )
