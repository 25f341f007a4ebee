"""What the buyer reads of automatic charges: that it is going to happen, and that it could not be done."""

from __future__ import annotations

from datetime import date

from currency.formatting import format_date, format_money
from invoicing.catalogues import catalogue_of
from invoicing.store import InvoiceRecord, find_invoice_by_id
from orchestrator import clock_port
from orchestrator.access import service as access
from orchestrator.billing import invoice_links
from orchestrator.billing.automatic_charge import plan, store
from orchestrator.billing.automatic_charge.states import PENDING, WAITS_FOR_BUYER, ChargeState
from orchestrator.billing.automatic_charge.store import ChargeRow
from orchestrator.billing.delivery.letters import Letter
from orchestrator.billing.delivery.store import DeliveryRow
from orchestrator.billing.paying import PAYABLE, due_now
from orchestrator.customers import method_store
from orchestrator.customers import store as customer_store


async def charge_notice(invoice: InvoiceRecord, in_locale: str = "") -> str:
    """That the invoice will be charged, what is charged, and when; in the buyer's language unless another is said, for
    its mail and its page. Nothing where it is not charged by itself."""
    charge, document = await store.find(invoice.id), invoice.document
    if charge is None or charge.state not in PENDING or document is None:
        return ""
    setting = await store.setting(charge.customer_id)
    customer = await customer_store.customer(charge.customer_id)
    if setting is None or customer is None:
        return ""
    method = await method_store.method(setting.payment_method_id or customer.default_payment_method_id or "")
    if method is None:
        return ""
    locale = in_locale or document.content.locale
    days = ", ".join(format_date(day, locale) for day in await _days(invoice, charge))
    say = catalogue_of(locale).gettext
    if not method.last4:
        return say("Your saved payment method will be charged automatically: {date}").format(date=days)
    words = say("The payment method ending in {last4} will be charged automatically: {date}")
    return words.format(last4=method.last4, date=days)


async def _days(invoice: InvoiceRecord, charge: ChargeRow) -> list[date]:
    """What was declined is tried again on a day of its own."""
    days = plan.days_of(invoice)[charge.part :]
    if charge.state is ChargeState.RETRYING and charge.due_at is not None:
        zone = plan.zone_of((await access.get_merchant(invoice.merchant_id)).profile)
        return [charge.due_at.astimezone(zone).date(), *days[1:]]
    return days


async def write_charge(row: DeliveryRow) -> Letter | None:
    """That the charge came to nothing, and where to pay. Nothing where that is past."""
    charge, invoice = await store.find(row.object_id), await find_invoice_by_id(row.object_id)
    if charge is None or charge.state not in WAITS_FOR_BUYER:
        return None
    if invoice is None or invoice.document is None or invoice.state not in PAYABLE:
        return None
    content, today = invoice.document.content, clock_port.now().date()
    say, locale = catalogue_of(content.locale).gettext, content.locale
    title = f"{say('Invoice')} {invoice.number}"
    if charge.state is ChargeState.NEEDS_ACTION:
        what = say("Your saved payment method could not be charged without you. Please pay this invoice online.")
    else:
        what = say("Your saved payment method could not be charged. Please pay this invoice online.")
    return Letter(
        locale=locale,
        seller=content.seller.name,
        subject=f"{title} – {content.seller.name}",
        heading=title,
        paragraphs=(what,),
        facts=((say("Amount due"), format_money(due_now(invoice, today), locale)),),
        button=(say("View and pay the invoice"), invoice_links.url_of(invoice, today)),
    )
