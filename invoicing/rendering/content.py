"""What the template of invoices and the like is given: everything on the document as texts, ready to print."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from currency.money import Money
from invoicing.documents import (
    AdjustmentTotal,
    DocumentAdjustment,
    DocumentType,
    IssuedInvoice,
    Line,
    LineTotal,
    PrecedingInvoice,
    SalesTaxTotal,
    TaxTotal,
)
from invoicing.rendering.frame import bank_of, framed, online, party_of, present, table_of
from invoicing.rendering.view import InvoiceView
from invoicing.rendering.wording import Wording
from invoicing.tax import TaxKind
from invoicing.terms import agreed_of, describe, discount_at, schedule
from invoicing.terms.early_payment import deadlines

# These countries want the words "Tax invoice" on a taxed sale (UAE: Executive Regulation of the VAT law, Art. 59;
# Australia: GST Act s 29-70; Japan: the qualified invoice).
_TITLED_TAX_INVOICE = frozenset(("AE", "SA", "BH", "OM", "AU", "NZ", "SG", "JP"))
TITLES = {
    DocumentType.INVOICE: "Invoice",
    DocumentType.CREDIT_NOTE: "Credit note",
    DocumentType.PROFORMA: "Pro forma invoice",
    DocumentType.QUOTE: "Quote",
}
# Sales tax is given by jurisdiction. In the margin scheme no tax may stand on the invoice (Directive, Art. 325).
_WITHOUT_A_RATE = frozenset((TaxKind.SALES_TAX, TaxKind.MARGIN_SCHEME))
_TALL_FROM_CHARS = 400  # a row that may be torn by the end of a page, rather than leave half of it empty
_BETWEEN_TERMS = " · "  # as `describe` has it
_SHORT_TERMS_CHARS = 40  # what is longer stands below the sums, a sentence to a line
_COMPACT_FROM_LINES = 13  # so that twenty lines and the payment part still stand on one page


def content_of(view: InvoiceView, wording: Wording) -> dict[str, Any]:
    """The names that a template may use, with their texts."""
    document = view.document
    content, say = document.content, wording.say
    payable = payable_of(document)
    is_asked = payable.minor > 0 and content.type in PAYABLE
    buyer = party_of(content.buyer, say("Customer" if content.type is DocumentType.QUOTE else "Bill to"), wording)
    return framed(
        content.seller,
        view.branding,
        document.issue_date,
        wording,
        title=title_of(document, wording),
        number=document.number,
        density="compact" if len(content.lines) >= _COMPACT_FROM_LINES else "airy",
        parties=[[party_of(content.seller, say("From"), wording)], [buyer, *_delivery(document, wording)]],
        meta=_meta(document, wording),
        terms=[] if _terms_are_short(document, wording) else _terms(document, wording).split(_BETWEEN_TERMS),
        headline=_headline(view, payable, wording),
        notice=say("This is not an invoice.") if content.type in NO_INVOICES else "",
        lines=lines_of(document, wording),
        prices_note=say("Prices include tax") if content.prices_include_tax else "",
        sums=_sums(document, payable, wording),
        plans=[*_instalments(document, payable, wording), *_early_payment(document, payable, wording)]
        if is_asked
        else [],
        tax_notes=_tax_notes(document, wording),
        note=content.note,
        bank=bank_of(content.bank, payable, document.number, wording) if is_asked else None,
        total=wording.money(document.totals.total),
        **online(view.pay_url if is_asked else None),
    )


NO_INVOICES = frozenset((DocumentType.PROFORMA, DocumentType.QUOTE))
PAYABLE = frozenset((DocumentType.INVOICE, DocumentType.PROFORMA))


def payable_of(document: IssuedInvoice) -> Money:
    """What is still to be paid at issue."""
    return document.totals.payable


def title_of(document: IssuedInvoice, wording: Wording) -> str:
    """What the document is called by its type and the law of its seller."""
    content = document.content
    taxed = document.totals.tax.minor > 0 and content.seller.country in _TITLED_TAX_INVOICE
    return wording.say("Tax invoice" if taxed and content.type is DocumentType.INVOICE else TITLES[content.type])


def _delivery(document: IssuedInvoice, wording: Wording) -> list[dict[str, Any]]:
    delivery = document.content.delivery
    if delivery is None:
        return []
    name = delivery.name or document.content.buyer.name
    return [{"heading": wording.say("Deliver to"), "name": name, "lines": wording.address(delivery), "facts": []}]


def _meta(document: IssuedInvoice, wording: Wording) -> list[tuple[str, str]]:
    content, say, day = document.content, wording.say, wording.day
    rows = [
        (say("Date of issue") if content.type is DocumentType.INVOICE else say("Date"), day(document.issue_date)),
        *((say("Corrects invoice"), _preceding(known, wording)) for known in content.preceding),
        *references_of(document, wording),
    ]
    if _terms_are_short(document, wording):
        rows.append((say("Payment terms"), _terms(document, wording)))
    return present(rows)


def references_of(document: IssuedInvoice, wording: Wording) -> list[tuple[str, str]]:
    """Days of the supply and what the buyer finds the document by, each with its name."""
    content, say, day = document.content, wording.say, wording.day
    rows = [
        (say("Date of supply"), day(content.supply_date)),
        (say("Tax point"), day(content.tax_point_date)),
        (say("Period"), wording.period(content.period)),
        (say("Your reference"), content.buyer_reference),
        (say("Purchase order"), content.purchase_order),
        (say("Sales order"), content.sales_order),
        (say("Contract"), content.contract),
        (say("Project"), content.project),
        (say("Accounting reference"), content.accounting_reference),
    ]
    return present(rows)


def _terms(document: IssuedInvoice, wording: Wording) -> str:
    if document.content.type not in PAYABLE:
        return ""
    return describe(document.content.terms, wording.words, wording.locale)


def _terms_are_short(document: IssuedInvoice, wording: Wording) -> bool:
    return len(_terms(document, wording)) <= _SHORT_TERMS_CHARS


def _preceding(known: PrecedingInvoice, wording: Wording) -> str:
    return "\n".join(part for part in (wording.apart(known.number), wording.day(known.issue_date)) if part)


def _headline(view: InvoiceView, payable: Money, wording: Wording) -> dict[str, str]:
    document, say = view.document, wording.say
    kind = document.content.type
    if kind is DocumentType.CREDIT_NOTE:
        return {"label": say("Amount credited"), "amount": wording.money(document.totals.total), "when": ""}
    if kind is DocumentType.QUOTE:
        return {
            "label": say("Total"),
            "amount": wording.money(document.totals.total),
            "when_label": say("Valid until"),
            "when": wording.day(view.valid_until),
        }
    if payable.minor <= 0:
        return {"label": say("Amount due"), "amount": say("Nothing to pay"), "when": ""}
    return {
        "label": say("Amount due"),
        "amount": wording.money(payable),
        "when_label": say("Due date"),
        "when": wording.day(document.due_date),
    }


def lines_of(document: IssuedInvoice, wording: Wording) -> list[dict[str, Any]]:
    """Each line in words; `more` is what is printed below it: item numbers, period, discounts, charges, note."""
    content, totals = document.content, document.totals
    details: tuple[LineTotal | None, ...] = totals.lines or (None,) * len(content.lines)
    carried_over = wording.say("Carried over")
    so_far = Money.zero(content.currency)
    rows = []
    for line, net, detail in zip(content.lines, totals.line_nets, details, strict=True):
        amount = net + detail.tax if detail and content.prices_include_tax else net
        so_far += amount
        carried = f"{carried_over}\u2002{wording.money(so_far)}"
        rows.append({**_line(line, detail, document, wording), "amount": wording.money(amount), "carried": carried})
    return rows


def _line(line: Line, detail: LineTotal | None, document: IssuedInvoice, wording: Wording) -> dict[str, Any]:
    say, currency = wording.say, document.content.currency
    gross = document.content.prices_include_tax
    item = [(say("Item number"), line.seller_item_id), (say("Your item number"), line.buyer_item_id)]
    item += [("GTIN" if line.standard_item_scheme == "0160" else say("Item number"), line.standard_item_id)]
    item += [(say("Purchase order line"), line.order_line), (say("Accounting reference"), line.accounting_reference)]
    adjustments = [
        *(_adjustment(row, -1, given.percent, wording, gross=gross)
          for row, given in zip(detail.discounts if detail else (), line.discounts, strict=False)),
        *(_adjustment(row, 1, given.percent, wording, gross=gross)
          for row, given in zip(detail.charges if detail else (), line.charges, strict=False)),
    ]  # fmt: skip
    more = [
        *(f"{label} {wording.apart(text)}" for label, text in item if text),
        wording.period(line.period),
        *(f"{label}: {amount}" for label, amount in adjustments),
        *map(wording.apart, line.note.splitlines()),
    ]
    has_rate = line.tax.kind not in _WITHOUT_A_RATE
    return {
        "description": line.description.splitlines(),
        "more": [text for text in more if text],
        "tall": len(line.description) + sum(map(len, more)) > _TALL_FROM_CHARS,
        "quantity": wording.quantity(line.quantity, line.unit),
        "unit_price": wording.price(line.unit_price, currency),
        "tax": wording.rate(line.tax) if has_rate else "",
    }


def _adjustment(
    row: AdjustmentTotal, sign: int, percent: Decimal | None, wording: Wording, *, gross: bool
) -> tuple[str, str]:
    """The percentage is that of the prices as they are given; the totals keep it only where those are without tax."""
    amount = row.amount + row.tax if gross else row.amount
    said = f" {wording.percent(percent)}" if percent is not None else ""
    return f"{wording.apart(row.reason)}{said}", wording.money(Money(sign * amount.minor, amount.currency))


def of_document(row: AdjustmentTotal, sign: int, document: IssuedInvoice, wording: Wording) -> tuple[str, str]:
    """A discount or charge of the document, in words, and its amount. Spread over several taxes it says whose it is."""
    percent = _percent_given(row, document.content.discounts if sign < 0 else document.content.charges)
    label, amount = _adjustment(row, sign, percent, wording, gross=document.content.prices_include_tax)
    if row.treatment is None or len(document.totals.taxes) < 2:
        return label, amount
    return f"{label} ({wording.tax_name(row.treatment)} {wording.rate(row.treatment)})", amount


def _percent_given(row: AdjustmentTotal, given: Sequence[DocumentAdjustment]) -> Decimal | None:
    """Nothing where it might be one of several."""
    percents = {
        one.percent
        for one in given
        if (one.reason, one.reason_code) == (row.reason, row.reason_code) and one.tax in {None, row.treatment}
    }
    return percents.pop() if len(percents) == 1 else row.percent


def _sums(document: IssuedInvoice, payable: Money, wording: Wording) -> list[dict[str, str]]:
    totals, say = document.totals, wording.say
    gross = document.content.prices_include_tax
    adjustments = [
        *(of_document(row, -1, document, wording) for row in totals.discounts),
        *(of_document(row, 1, document, wording) for row in totals.charges),
    ]
    rows: list[tuple[str, str, str]] = []
    if not gross:
        rows.append(("", say("Subtotal"), wording.money(totals.lines_net)))
    rows += [("", label, amount) for label, amount in adjustments]
    if adjustments and not gross:
        rows.append(("", say("Total before tax"), wording.money(totals.net)))
    taxes = [pair for row in totals.taxes for pair in _tax_rows(row, wording)]
    grand = ("grand", say("Total"), wording.money(totals.total))
    if gross:
        rows += [grand, *(("", say("Includes {tax}").format(tax=label), amount) for label, amount in taxes)]
    else:
        rows += [*(("", label, amount) for label, amount in taxes), grand]
    rows += _tax_in_its_currency(document, wording)
    if payable != totals.total:
        named = ((say("Already paid"), -totals.prepaid_minor), (say("Rounding"), totals.rounding_minor))
        rows += [("", label, wording.money(Money(minor, payable.currency))) for label, minor in named if minor]
        rows.append(("owed", say("Amount due"), wording.money(payable)))
    return [{"style": style, "label": label, "amount": amount} for style, label, amount in rows]


def _tax_rows(row: TaxTotal, wording: Wording) -> list[tuple[str, str]]:
    if row.treatment.kind is TaxKind.MARGIN_SCHEME:
        return []
    if row.treatment.kind is not TaxKind.SALES_TAX:
        return [(wording.tax_row(row), wording.money(row.tax))]
    if not row.sales_taxes:
        return [(wording.tax_name(row.treatment), wording.money(row.tax))]
    return [(_jurisdiction(part, row, wording), wording.money(part.tax)) for part in row.sales_taxes]


def _jurisdiction(part: SalesTaxTotal, row: TaxTotal, wording: Wording) -> str:
    percent = wording.percent(part.percent) if part.percent else ""
    return f"{part.name or wording.tax_name(row.treatment)} ({part.jurisdiction}) {percent}".rstrip()


def _tax_in_its_currency(document: IssuedInvoice, wording: Wording) -> list[tuple[str, str, str]]:
    """Directive 2006/112/EC, Art. 230: the tax in the currency of the state that takes it, and how it came about."""
    tax, rate = document.totals.tax_in_tax_currency, document.content.tax_rate
    if tax is None:
        return []
    label = wording.say("Tax in {currency}").format(currency=wording.apart(tax.currency))
    if rate is not None:
        label = f"{label} ({wording.rate_used(rate)})"
    return [("", label, wording.money(tax))]


def _instalments(document: IssuedInvoice, payable: Money, wording: Wording) -> list[dict[str, Any]]:
    parts = schedule(document.content.terms, payable, document.issue_date)
    if len(parts) < 2:
        return []
    say = wording.say
    rows = [(wording.day(day), wording.money(amount)) for day, amount in parts]
    return [table_of([say("Due date"), say("Amount")], rows, say("Instalments"))]


def _early_payment(document: IssuedInvoice, payable: Money, wording: Wording) -> list[dict[str, Any]]:
    agreed = agreed_of(document.content.terms)
    if agreed.early_payment is None or not agreed.early_payment.steps:
        return []
    say = wording.say
    rows = []
    for step, last_day in deadlines(
        agreed.early_payment, issue_date=document.issue_date, business_days=agreed.business_days
    ):
        settled = discount_at(document.content.terms, payable, document.issue_date, last_day)
        percent = wording.percent(Decimal(step.discount_bps) / 100)
        rows.append((wording.day(last_day), percent, wording.money(settled.discount), wording.money(settled.asked)))
    heads = [say("Paid by"), say("Discount"), say("You save"), say("You pay")]
    return [table_of(heads, rows, say("Early payment"))]


def _tax_notes(document: IssuedInvoice, wording: Wording) -> list[str]:
    notes = [wording.tax_note(row.treatment) for row in document.totals.taxes]
    return list(dict.fromkeys(note for note in notes if note))
