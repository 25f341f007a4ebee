"""Fills what shoppers and invoice recipients see from payments and invoices. Pure: rows in, view models out."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import assert_never
from urllib.parse import urlsplit

import msgspec
from babel.numbers import format_decimal, format_percent

from currency.currencies import exponent_of
from currency.formatting import format_money, locale_of
from currency.money import Money
from invoicing.catalogues import catalogue_of
from invoicing.documents import IssuedInvoice, Line, Party, TaxTotal, to_minor
from invoicing.lifecycle import InvoiceState
from invoicing.store import InvoiceRecord
from invoicing.tax import BPS, RULES, TaxTreatment
from orchestrator.checkouts.records import SessionRow, SessionState
from orchestrator.gateways.store import GatewayAccountRow
from orchestrator.payments.records import AttemptStatus, PaymentRow, PaymentStatus, Story
from orchestrator.settings import get_settings
from orchestrator.web import views
from orchestrator.web.locales import decline_message
from orchestrator.web.views import CheckoutState, InvoiceBadge


class ShopperAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the checkout's script is told. `final`: this payment takes no further card."""

    status: str
    url: str = ""
    message: str = ""
    final: bool = False


def in_test_mode(accounts: Sequence[GatewayAccountRow]) -> bool:
    """Whether no money can move: simulators stand in, or every account is a gateway's test account."""
    return get_settings().allows_simulators or (bool(accounts) and all(row.mode == "test" for row in accounts))


def checkout_state(payment: PaymentRow, session: SessionRow | None = None) -> CheckoutState:
    """Which panel is in front. For a shopper an authorised payment is a success: the capture is ours to make."""
    if session is not None and session.state is SessionState.EXPIRED:
        return CheckoutState.EXPIRED
    if payment.cancel_requested and payment.status is not PaymentStatus.CANCELED:
        return CheckoutState.PROCESSING
    match payment.status:
        case PaymentStatus.REQUIRES_PAYMENT_METHOD:
            return CheckoutState.OPEN
        case PaymentStatus.PROCESSING | PaymentStatus.REQUIRES_ACTION | PaymentStatus.NEEDS_REVIEW:
            return CheckoutState.PROCESSING
        case PaymentStatus.AUTHORISED | PaymentStatus.PARTIALLY_CAPTURED | PaymentStatus.CAPTURED:
            return CheckoutState.SUCCEEDED
        case PaymentStatus.FAILED | PaymentStatus.CANCELED:
            return CheckoutState.FAILED
        case _ as never:
            assert_never(never)


def checkout_view(
    payment: PaymentRow,
    merchant_name: str,
    *,
    locale: str,
    csrf_token: str,
    return_url: str,
    test_mode: bool,
    session: SessionRow | None = None,
) -> views.CheckoutView:
    """The hosted page. Its two addresses carry the language, so that the answers come in it."""
    settings = get_settings()
    origin = urlsplit(settings.public_url)
    of_invoice = (payment.source or "").startswith("inv_")
    return views.CheckoutView(
        locale=locale,
        merchant_name=merchant_name,
        amount=payment.amount,
        description="" if of_invoice else payment.description,
        state=checkout_state(payment, session),
        attempt_url=f"/pay/{payment.public_token}/attempt?locale={locale}",
        status_url=f"/pay/{payment.public_token}/status?locale={locale}",
        csrf_token=csrf_token,
        vault_fields_url=settings.vault.fields_url,
        page_origin=f"{origin.scheme}://{origin.netloc}",
        reference="" if of_invoice else payment.reference or "",
        invoice_number=(payment.reference or "") if of_invoice else "",
        notice=decline_message(locale, payment.failure_reason) if payment.failure_reason else "",
        return_url=return_url,
        cancel_url=session.cancel_url or "" if session else "",
        items=tuple(
            views.ItemView(item.name, item.quantity, Money(item.amount_minor, payment.currency))
            for item in (session.line_items if session else ())
        ),
        test_mode=test_mode,
    )


def shopper_answer(
    payment: PaymentRow,
    story: Story,
    locale: str,
    *,
    return_url: str,
    repeated: bool = False,
    session: SessionRow | None = None,
) -> ShopperAnswer:
    """Where the payment stands, in the script's words. `repeated`: the shopper tried to pay what needs no paying."""
    state = checkout_state(payment, session)
    match state:
        case CheckoutState.OPEN:
            if payment.failure_reason:
                return ShopperAnswer("failed", message=decline_message(locale, payment.failure_reason))
            return ShopperAnswer("processing" if repeated else "open")
        case CheckoutState.PROCESSING:
            url = _action_url(story) if payment.status is PaymentStatus.REQUIRES_ACTION else ""
            return ShopperAnswer("requires_action", url=url) if url else ShopperAnswer("processing")
        case CheckoutState.SUCCEEDED:
            return ShopperAnswer("already_paid" if repeated else "succeeded", url=return_url)
        case CheckoutState.FAILED:
            return ShopperAnswer("failed", url=return_url, final=True)
        case CheckoutState.ALREADY_PAID | CheckoutState.EXPIRED:
            return ShopperAnswer(state.value, url=return_url)
        case _ as never:
            assert_never(never)


def _action_url(story: Story) -> str:
    waiting = [attempt for attempt in story.attempts if attempt.status is AttemptStatus.ACTION_REQUIRED]
    action = waiting[-1].next_action if waiting else None
    return str(action.get("url", "")) if action else ""


# --- invoices ----------------------------------------------------------------------------------------------------

PAYABLE = frozenset({InvoiceState.OPEN, InvoiceState.PARTLY_PAID})
UNDER_WAY = frozenset(
    {
        PaymentStatus.PROCESSING,
        PaymentStatus.AUTHORISED,
        PaymentStatus.PARTIALLY_CAPTURED,
        PaymentStatus.CAPTURED,
        PaymentStatus.NEEDS_REVIEW,
    }
)


def invoice_badge(invoice: InvoiceRecord, payment: PaymentRow | None, today: date) -> InvoiceBadge:
    """The invoice's state as its buyer reads it; `payment` is the one that may be paying it now."""
    if invoice.state in PAYABLE and payment is not None and payment.status in UNDER_WAY:
        return InvoiceBadge.PROCESSING
    overdue = invoice.due_date is not None and invoice.due_date < today
    match invoice.state:
        case InvoiceState.PAID | InvoiceState.ACCEPTED:
            return InvoiceBadge.PAID
        case InvoiceState.CREDITED | InvoiceState.DECLINED:
            return InvoiceBadge.CREDITED
        case InvoiceState.UNCOLLECTIBLE:
            return InvoiceBadge.OVERDUE
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
    *,
    locale: str,
    csrf_token: str,
    test_mode: bool,
) -> views.InvoiceView:
    """The public page of an issued invoice."""
    content, totals = document.content, document.totals
    address = f"/i/{invoice.public_token}"
    may_pay = invoice.state in PAYABLE and badge is not InvoiceBadge.PROCESSING
    bank = content.bank
    return views.InvoiceView(
        locale=locale,
        number=document.number,
        badge=badge,
        issued_on=document.issue_date,
        due_on=document.due_date,
        seller=_party(content.seller, locale),
        buyer=_party(content.buyer, locale),
        lines=tuple(
            _line(line, net, content.currency, locale)
            for line, net in zip(content.lines, totals.line_nets, strict=True)
        ),
        subtotal=totals.net,
        taxes=tuple(_tax_line(row, locale) for row in totals.taxes),
        total=totals.total,
        paid=invoice.paid,
        due=invoice.owed,
        pdf_url=f"{address}/pdf",
        pay_url=f"{address}/pay" if may_pay else "",
        csrf_token=csrf_token,
        transfer=views.BankTransferView(bank.holder, bank.iban, bank.bic, document.number) if bank else None,
        paid_on=invoice.paid_at.date() if invoice.paid_at else None,
        note=content.note,
        test_mode=test_mode,
    )


def _party(party: Party, locale: str) -> views.PartyView:
    place = " ".join(part for part in (party.postal_code, party.city) if part)
    country = locale_of(locale).territories.get(party.country, party.country)
    return views.PartyView(party.name, tuple(filter(None, (*party.address_lines, place, country))), party.vat_id)


def _line(line: Line, net: Money, currency: str, locale: str) -> views.InvoiceLineView:
    quantity = format_decimal(line.quantity, locale=locale_of(locale), decimal_quantization=False)
    price = _unit_price(line.unit_price, currency, locale)
    return views.InvoiceLineView(line.description, quantity, price, net, _rate(line.tax, locale))


def _unit_price(price: Decimal, currency: str, locale: str) -> str:
    """Money where it is a whole number of minor units, else every decimal that it has, with the currency's code."""
    minor = to_minor(price, currency)
    if Decimal(minor).scaleb(-exponent_of(currency)) == price:
        return format_money(Money(minor, currency), locale)
    return f"{format_decimal(price, locale=locale_of(locale), decimal_quantization=False)}\u00a0{currency}"


def _rate(treatment: TaxTreatment, locale: str) -> str:
    return format_percent(Decimal(treatment.rate_bps) / BPS, locale=locale_of(locale), decimal_quantization=False)


def _tax_line(row: TaxTotal, locale: str) -> views.TaxLineView:
    words = catalogue_of(locale)
    rule = RULES[row.treatment.kind]
    notes = [words.gettext(note) for note in rule.notes]
    if row.treatment.reason:
        notes.append(row.treatment.reason)
    label = " · ".join([f"{words.gettext(rule.label)} {_rate(row.treatment, locale)}", *notes])
    return views.TaxLineView(label, row.tax)
