"""Turns an issued invoice, with all that settled it, into what its page shows."""

from collections.abc import Sequence
from datetime import date
from typing import assert_never

from markupsafe import Markup

from currency.money import Money
from invoicing.application_store import AppliedRow
from invoicing.documents import BankAccount, IssuedInvoice, Party
from invoicing.lifecycle import ApplicationKind, InvoiceState
from invoicing.rendering.content import lines_of, of_document, references_of
from invoicing.rendering.payment_codes import epc_code, in_groups, rf_reference
from invoicing.rendering.wording import Wording
from invoicing.store import InvoiceRecord
from orchestrator.billing.paying import PAYABLE, Asked
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.web.accents import Look
from orchestrator.web.invoice_views import (
    BankTransferView,
    InvoiceBadge,
    InvoiceLineView,
    InvoiceView,
    PartView,
    PartyView,
    SumView,
)
from orchestrator.web.locales import PageWords

UNDER_WAY = frozenset(
    {
        PaymentStatus.PROCESSING,
        PaymentStatus.AUTHORISED,
        PaymentStatus.PARTIALLY_CAPTURED,
        PaymentStatus.CAPTURED,
        PaymentStatus.NEEDS_REVIEW,
    }
)
BADGES = {
    InvoiceBadge.OPEN: "Open",
    InvoiceBadge.OVERDUE: "Overdue",
    InvoiceBadge.PARTLY_PAID: "Partly paid",
    InvoiceBadge.PROCESSING: "Payment in progress",
    InvoiceBadge.PAID: "Paid",
    InvoiceBadge.CREDITED: "Credited",
    InvoiceBadge.DISPUTED: "Disputed",
    InvoiceBadge.WRITTEN_OFF: "Written off",
}
SETTLED_BY = {
    ApplicationKind.PAYMENT: "Payment",
    ApplicationKind.RECEIPT: "Payment",
    ApplicationKind.RECEIPT_REVERSAL: "Correction",
    ApplicationKind.CREDIT: "Your credit",
    ApplicationKind.CREDIT_NOTE: "Credit note",
    ApplicationKind.DISCOUNT: "Discount",
    ApplicationKind.WRITE_OFF: "Written off",
    ApplicationKind.REFUND: "Refund",
    ApplicationKind.CHARGEBACK: "Chargeback",
    ApplicationKind.CORRECTION: "Correction",
}
ASKING = frozenset({InvoiceBadge.OPEN, InvoiceBadge.OVERDUE, InvoiceBadge.PARTLY_PAID, InvoiceBadge.DISPUTED})


def invoice_badge(invoice: InvoiceRecord, payment: PaymentRow | None, asked: Asked, today: date) -> InvoiceBadge:
    """The invoice's state as its buyer reads it; `payment` is the one that may be paying it now."""
    if invoice.state in PAYABLE and payment is not None and payment.status in UNDER_WAY:
        return InvoiceBadge.PROCESSING
    if invoice.state in PAYABLE and invoice.disputed_at is not None:
        return InvoiceBadge.DISPUTED
    due = min((day for day, _ in asked.parts), default=invoice.due_date)
    overdue = due is not None and due < today
    match invoice.state:
        case InvoiceState.PAID | InvoiceState.ACCEPTED:
            return InvoiceBadge.PAID
        case InvoiceState.CREDITED | InvoiceState.DECLINED:
            return InvoiceBadge.CREDITED
        case InvoiceState.UNCOLLECTIBLE:
            return InvoiceBadge.WRITTEN_OFF
        case InvoiceState.PARTLY_PAID:
            return InvoiceBadge.OVERDUE if overdue else InvoiceBadge.PARTLY_PAID
        case InvoiceState.OPEN | InvoiceState.DRAFT | InvoiceState.ISSUED:
            return InvoiceBadge.OVERDUE if overdue else InvoiceBadge.OPEN
        case _ as never:
            assert_never(never)


def invoice_view(
    invoice: InvoiceRecord,
    document: IssuedInvoice,
    badge: InvoiceBadge,
    asked: Asked,
    applied: Sequence[AppliedRow],
    *,
    words: PageWords,
    address: str,
    has_xml: bool,
    csrf_token: str,
    test_mode: bool,
    today: date,
    look: Look,
    charge_notice: str = "",
) -> InvoiceView:
    """The page of an issued invoice. `address` is the path of its link, with the signature; `charge_notice` says that
    it will be charged by itself, if it is."""
    content, totals, wording = document.content, document.totals, Wording(words.locale)
    is_asking = badge in ASKING and asked.owed.minor > 0
    return InvoiceView(
        words=words,
        number=document.number,
        badge=badge,
        badge_words=words.say(BADGES[badge]),
        issued_on=document.issue_date,
        due_on=document.due_date,
        seller=_party(content.seller, wording),
        buyer=_party(content.buyer, wording),
        references=tuple(references_of(document, wording)),
        lines=_lines(document, wording),
        sums=_sums(document, words, wording),
        total=totals.asked,
        due=asked.owed,
        now=asked.now,
        in_full=asked.suffices if asked.suffices > asked.now else None,
        settled=_settled(applied, words),
        parts=tuple(PartView(day, amount, day <= today) for day, amount in asked.parts) if is_asking else (),
        early=_early(asked, words, wording) if is_asking else "",
        notices=(
            *_notices(badge, content.seller.name, words),
            *((charge_notice,) if is_asking and charge_notice else ()),
        ),
        pdf_url=f"{address}/pdf",
        xml_url=f"{address}/xml" if has_xml else "",
        pay_url=f"{address}/pay" if is_asking else "",
        csrf_token=csrf_token,
        transfer=_transfer(content.bank, asked.now, document.number) if is_asking else None,
        paid_on=invoice.paid_at.date() if invoice.paid_at and badge is InvoiceBadge.PAID else None,
        note=content.note,
        test_mode=test_mode,
        look=look,
    )


def _party(party: Party, wording: Wording) -> PartyView:
    tax_id = f"{wording.tax_id_label(party.country)} {party.vat_id}" if party.vat_id else ""
    return PartyView(party.name, tuple(wording.address(party)), tax_id)


def _lines(document: IssuedInvoice, wording: Wording) -> tuple[InvoiceLineView, ...]:
    """Amounts are with the tax where the prices are, as on the document."""
    content, totals = document.content, document.totals
    taxes = [line.tax for line in totals.lines] if content.prices_include_tax and totals.lines else []
    return tuple(
        InvoiceLineView(
            line.description,
            wording.quantity(line.quantity, line.unit),
            wording.price(line.unit_price, content.currency),
            net + taxes[at] if taxes else net,
            wording.rate(line.tax),
            tuple(row["more"]),
        )
        for at, (line, net, row) in enumerate(
            zip(content.lines, totals.line_nets, lines_of(document, wording), strict=True)
        )
    )


def _adjustments(document: IssuedInvoice, wording: Wording) -> list[SumView]:
    """Discounts and charges of the whole document."""
    totals, gross = document.totals, document.content.prices_include_tax
    rows = [*((row, -1) for row in totals.discounts), *((row, 1) for row in totals.charges)]
    amounts = [
        Money(sign * (row.amount + row.tax if gross else row.amount).minor, row.amount.currency) for row, sign in rows
    ]
    return [
        SumView(of_document(row, sign, document, wording)[0], amount)
        for (row, sign), amount in zip(rows, amounts, strict=True)
    ]


def _sums(document: IssuedInvoice, words: PageWords, wording: Wording) -> tuple[SumView, ...]:
    totals, gross = document.totals, document.content.prices_include_tax
    adjustments = _adjustments(document, wording)
    before = [] if gross else [SumView(words.say("Subtotal"), totals.lines_net)]
    net = [SumView(words.say("Total before tax"), totals.net)] if adjustments or gross else []
    taxes = [SumView(wording.tax_row(row), row.tax, note=wording.tax_note(row.treatment)) for row in totals.taxes]
    rounding = totals.asked - totals.total
    rest = [SumView(words.say("Rounding"), rounding)] if rounding.minor else []
    return (*before, *adjustments, *net, *taxes, *rest)


def _settled(applied: Sequence[AppliedRow], words: PageWords) -> tuple[SumView, ...]:
    """What was taken off what is owed, as it is added up: a payment is less, a refund more."""
    return tuple(
        SumView(words.say(SETTLED_BY[row.kind]), -row.applied, row.applied_at.date())
        for row in applied
        if row.applied.minor
    )


def _early(asked: Asked, words: PageWords, wording: Wording) -> str:
    if asked.discount_until is None or not asked.discount.minor:
        return ""
    return words.say(
        "Pay by {date} and {amount} is enough: you save {discount}.",
        date=wording.day(asked.discount_until),
        amount=wording.money(asked.suffices),
        discount=wording.money(asked.discount),
    )


def _notices(badge: InvoiceBadge, seller: str, words: PageWords) -> tuple[str, ...]:
    match badge:
        case InvoiceBadge.PROCESSING:
            return (words.say("Your payment is being confirmed. Please do not pay again."),)
        case InvoiceBadge.DISPUTED:
            return (words.say("You have disputed this invoice. You get no reminders until that is settled."),)
        case InvoiceBadge.WRITTEN_OFF:
            sentence = "This invoice is no longer collected. Please contact {merchant} if you want to pay it."
            return (words.say(sentence, merchant=seller),)
        case InvoiceBadge.CREDITED:
            return (words.say("There is nothing left to pay on this invoice."),)
        case _:
            return ()


def _transfer(bank: BankAccount | None, amount: Money, number: str) -> BankTransferView | None:
    """As on the document: the RF reference where the code for banking apps carries it."""
    if bank is None:
        return None
    code = epc_code(bank, amount, number)
    reference = rf_reference(number) if code is not None else None
    drawn = None if code is None else Markup(code.svg_inline(border=2, svgclass="scan", lineclass=None, omitsize=True))  # noqa: S704 - squares and nothing else
    return BankTransferView(
        bank.holder, in_groups(bank.iban), bank.bic, in_groups(reference) if reference else number, drawn
    )
