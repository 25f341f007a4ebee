"""An issued document as an e-invoice that may be sent: written, held against every rule that we have, or refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from invoicing.documents import IssuedInvoice
from invoicing.einvoice.business_terms import BusinessTerms, business_terms
from invoicing.einvoice.errors import EInvoiceRefused
from invoicing.einvoice.formats import Format
from invoicing.einvoice.german_rules import german_findings
from invoicing.einvoice.peppol_rules import peppol_findings
from invoicing.einvoice.refusals import Refusal, explain
from invoicing.einvoice.validation import Finding, Validator
from invoicing.einvoice.writing import serialize


@dataclass(frozen=True, slots=True)
class EInvoice:
    """`warnings` do not keep it from being sent; `rules` names the official stylesheets that it was held against."""

    form: Format
    xml: bytes
    warnings: tuple[Refusal, ...]
    rules: tuple[str, ...]


def prepare(document: IssuedInvoice, form: Format, validator: Validator, *, payment_reference: str = "") -> EInvoice:
    """The e-invoice of a document. Blocks: call it outside of transactions, and from a thread.

    Raises EInvoiceRefused with all that is to be corrected, NotExpressible where the format has no words for the
    document, ValidatorUnavailable where nothing could be said: try again later.
    """
    terms = business_terms(document, form, payment_reference=payment_reference)
    xml = serialize(terms, form)
    refusals = explain((*_national_findings(terms, form), *validator.validate(xml, form)))
    if any(refusal.refuses for refusal in refusals):
        raise EInvoiceRefused(refusals)
    return EInvoice(form=form, xml=xml, warnings=refusals, rules=validator.official_rules(form))


def foresee(document: IssuedInvoice, form: Format) -> None:
    """What `prepare` would refuse, as far as it is known without the official rules. Takes well under a millisecond a
    line, and asks nobody. Raises EInvoiceRefused, NotExpressible."""
    refusals = explain(_national_findings(business_terms(document, form), form))
    if any(refusal.refuses for refusal in refusals):
        raise EInvoiceRefused(refusals)


def _national_findings(terms: BusinessTerms, form: Format) -> tuple[Finding, ...]:
    match form:
        case Format.FACTUR_X:
            return ()
        case Format.XRECHNUNG_CII | Format.XRECHNUNG_UBL:
            return german_findings(terms)
        case Format.PEPPOL_BIS_3:
            return peppol_findings(terms)
        case _ as never:
            assert_never(never)
