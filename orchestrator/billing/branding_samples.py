"""Documents that were never issued, to see a merchant's branding and templates on before they are used."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import msgspec

from invoicing.documents import (
    Adjustment,
    BankAccount,
    Delivery,
    DocumentAdjustment,
    DocumentType,
    DraftInvoice,
    IssuedInvoice,
    Line,
    Party,
    Period,
    PrecedingInvoice,
    compute,
)
from invoicing.rendering import Branding, InvoiceView
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import AgreedTerms, DiscountStep, DueOnReceipt, EarlyPayment, NetDays, due_date
from orchestrator import clock_port
from orchestrator.access import service as access
from orchestrator.access.store import MerchantRow
from orchestrator.billing import pdf
from orchestrator.billing.parties import seller_of
from orchestrator.errors import Busy, InvalidField
from orchestrator.settings import get_settings

NUMBER = "SAMPLE-00042"
TIMEOUT_S = 30  # at most, for one page or two; what takes longer would not do for a long document
_IBAN = "DE89370400440532013000"  # the example of the registry of IBANs; nobody's account
_BUYER = Party(
    name="Sample Customer Ltd",
    country="IE",
    address_lines=("1 Example Street", "Floor 2"),
    postal_code="D02 X285",
    city="Dublin",
    email="accounts@customer.example",
    legal_registration_id="123456",
    contact_name="Sam Example",
)

_drawing: set[str] = set()  # merchants with a sample under way in this process: one of each at a time


async def draw(
    merchant_id: str,
    kind: DocumentType,
    look: Branding,
    template: str | None = None,
    *,
    locale: str | None = None,
    bare: bool = False,
) -> bytes:
    """A sample as PDF, drawn within `pdf_timeout_s` and TIMEOUT_S. It has everything on it, or as little as can be.

    Raises InvalidField where the template fails on it or takes too long, DrawingFailed, Busy.
    """
    if merchant_id in _drawing:
        raise Busy("Another sample of this merchant is being drawn. Wait for its end.")
    _drawing.add(merchant_id)
    try:
        merchant = await access.get_merchant(merchant_id)
        document = sample_of(merchant, kind, clock_port.now().date(), locale=locale, bare=bare)
        url = f"{get_settings().public_url}/i/sample"
        last_day = None if bare else document.due_date
        view = InvoiceView(document=document, pay_url=url, branding=look, template=template, valid_until=last_day)
        limit_s = min(TIMEOUT_S, get_settings().limits.pdf_timeout_s)
        drawing = await pdf.draw(view, document.content.locale, limit_s)
    finally:
        _drawing.discard(merchant_id)
    if drawing.template_problem:
        which = "that has only what it must" if bare else "with everything on it"
        raise InvalidField("template", f"fails on a document {which}: {_bare_of_field(drawing.template_problem)}")
    return drawing.pdf


def sample_of(
    merchant: MerchantRow, kind: DocumentType, today: date, *, locale: str | None = None, bare: bool = False
) -> IssuedInvoice:
    """A document of the merchant's as it might be issued today. Raises InvalidInvoice for a profile that no document
    could be issued with."""
    seller = _seller(merchant)
    tax = _tax(merchant)
    draft = _bare(seller, tax) if bare else _full(seller, tax, merchant, today)
    preceding = (PrecedingInvoice(number="INV-00041", issue_date=today),) if kind is DocumentType.CREDIT_NOTE else ()
    content = msgspec.structs.replace(draft, type=kind, preceding=preceding, locale=locale or seller.locale)
    return IssuedInvoice(
        number=NUMBER,
        issue_date=today,
        due_date=due_date(content.terms, today),
        content=content,
        totals=compute(content),
    )


def _seller(merchant: MerchantRow) -> Party:
    return seller_of(msgspec.structs.replace(merchant, profile={"country": "DE", **merchant.profile}))


def _tax(merchant: MerchantRow) -> TaxTreatment:
    rate_bps = merchant.profile.get("domestic_rate_bps")
    return TaxTreatment(TaxKind.VAT, rate_bps) if type(rate_bps) is int and rate_bps else TaxTreatment(TaxKind.ZERO)


def _bare(seller: Party, tax: TaxTreatment) -> DraftInvoice:
    line = Line("Sample", Decimal(1), Decimal(100), tax)
    buyer = Party(name="Sample Customer", country=seller.country)
    return DraftInvoice(seller=seller, buyer=buyer, currency="EUR", lines=(line,), terms=DueOnReceipt())


def _full(seller: Party, tax: TaxTreatment, merchant: MerchantRow, today: date) -> DraftInvoice:
    bank = merchant.profile.get("bank") or {"holder": merchant.name, "iban": _IBAN}
    month = Period(today - timedelta(days=30), today)
    lines = (
        Line(
            "Sample service\nWith a second line that describes it",
            Decimal("12.5"),
            Decimal(140),
            tax,
            unit="HUR",
            discounts=(Adjustment(reason="Loyalty", percent=Decimal("2.5")),),
            charges=(Adjustment(reason="Night shift", amount=Decimal(80)),),
            period=month,
            seller_item_id="SRV-200",
            order_line="10",
        ),
        Line("Sample goods", Decimal(3), Decimal("24.90"), tax, note="A note on this line"),
        Line("Sample at no tax", Decimal(1), Decimal(19), TaxTreatment(TaxKind.ZERO)),
    )
    early = EarlyPayment(steps=(DiscountStep(10, 200), DiscountStep(14, 100)))
    return DraftInvoice(
        seller=seller,
        buyer=_BUYER,
        currency="EUR",
        lines=lines,
        terms=AgreedTerms(due=NetDays(30), early_payment=early),
        discounts=(DocumentAdjustment(reason="Seasonal discount", percent=Decimal(5)),),
        charges=(DocumentAdjustment(reason="Freight", amount=Decimal(45), tax=tax),),
        delivery=Delivery(country="IE", name="Sample Warehouse", address_lines=("2 Example Quay",), city="Cork"),
        period=month,
        supply_date=today,
        purchase_order="PO-7781",
        contract="C-2024-9",
        project="Sample project",
        buyer_reference="REF-1",
        note="This is a sample. It was never issued.",
        bank=msgspec.convert(bank, BankAccount),
    )


def _bare_of_field(problem: str) -> str:
    return problem.removeprefix("template: ")
