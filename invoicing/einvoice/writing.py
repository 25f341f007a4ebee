"""Writes an issued document as the XML of a format: CII or UBL, by factur-x, from one set of business terms."""

from __future__ import annotations

import copy

from invoicing.documents import IssuedInvoice
from invoicing.einvoice.business_terms import BusinessTerms, business_terms
from invoicing.einvoice.formats import EN16931, PROFILES, Format, Profile, Syntax

_FLAVOURS = {Syntax.CII: "factur-x", Syntax.UBL: "ubl-2.1"}


def write_xml(document: IssuedInvoice, form: Format, *, payment_reference: str = "") -> bytes:
    """The e-invoice, not yet validated. The same document gives the same bytes. Raises NotExpressible."""
    return serialize(business_terms(document, form, payment_reference=payment_reference), form)


def serialize(terms: BusinessTerms, form: Format) -> bytes:
    """The XML of business terms. They are left as they were."""
    from facturx import generate_xml  # half a second that only those who write should pay

    profile = PROFILES[form]
    # factur-x writes the guideline of the plain standard only, and changes what it is given.
    given = {key: value for key, value in copy.deepcopy(terms).items() if key != "BT-24"}
    written: bytes = generate_xml(
        given, flavor=_FLAVOURS[profile.syntax], level="en16931", check_xsd=False, check_schematron=False
    )
    return _corrected(written, profile, terms["BT-5"])


def _corrected(xml: bytes, profile: Profile, currency: str) -> bytes:
    """What factur-x 7.8 gets wrong: it writes the guideline of the plain standard, EUR as the currency of the rounding
    amount in UBL, and `nil` on a delivery of which nothing is said, which the schema forbids. The guideline comes
    before any text of the invoice, and no text can be mistaken for the others: it has no bare `<`."""
    xml = xml.replace(f">{EN16931}<".encode(), f">{profile.guideline}<".encode(), 1)
    xml = xml.replace(b'<ram:ApplicableHeaderTradeDelivery xsi:nil="true"/>', b"<ram:ApplicableHeaderTradeDelivery/>")
    return xml.replace(
        b'<cbc:PayableRoundingAmount currencyID="EUR">',
        f'<cbc:PayableRoundingAmount currencyID="{currency}">'.encode(),
    )
