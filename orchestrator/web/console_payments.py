"""The console's payments: the list with its filters, and one payment's story with what can be done about it."""

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from currency.money import Money
from invoicing.store import find_invoice_by_id
from orchestrator import clock_port
from orchestrator.access.scopes import Scope
from orchestrator.billing.invoice_links import link_of
from orchestrator.disputes import store as dispute_store
from orchestrator.errors import ClearwayError, InvalidField
from orchestrator.gateways.registry import KINDS
from orchestrator.http import queries
from orchestrator.http.queries import PaymentFilter
from orchestrator.ledger import store as ledger_store
from orchestrator.notifications import store as event_store
from orchestrator.payments import capturing
from orchestrator.payments import service as payments
from orchestrator.payments.amounts import captures_of, left_minor
from orchestrator.payments.records import AttemptRow, PaymentRow, PaymentStatus, Story
from orchestrator.recipients import store as recipient_store
from orchestrator.refunds import service as refunds
from orchestrator.web import console_views
from orchestrator.web.console_desk import (
    NOTHING_SAID,
    Desk,
    Said,
    amount_of,
    cursor,
    day_of,
    done,
    older_url,
    open_desk,
)
from orchestrator.web.forms import sentence_of
from orchestrator.web.timeline import TimelineFacts, timeline_view
from orchestrator.web.wording import countdown_text
from orchestrator.webhooks import store as webhook_store

PLACE = "/console/payments"
PAGE_ROWS = 25
EVENTS_MAX = 200
FILTERS = ("status", "reference", "currency", "gateway", "amount_from", "amount_to", "from", "to")
DONE = {
    "captured": "Captured.",
    "capture_sent": "The capture was sent. What came of it stands below.",
    "canceled": "Canceled.",
    "cancel_sent": "The payment is being canceled. What came of it stands below.",
    "refund_succeeded": "The refund succeeded.",
    "refund_pending": "The refund is with the gateway, which tells later what came of it.",
    "refund_partly_succeeded": "A part of the refund succeeded. What was refused stands below.",
    "refund_failed": "The gateway refused the refund. Its reason stands below.",
    "refund_needs_review": "Nobody knows what came of the refund: it waits for a person.",
    "refund_asked": "The refund is above the limit for one person: another has to approve it, on the page Approvals.",
    "resolved": "The verdict is kept with the operation, and the payment went on from it.",
}
_CANCELABLE = frozenset(
    {
        PaymentStatus.REQUIRES_PAYMENT_METHOD,
        PaymentStatus.PROCESSING,
        PaymentStatus.REQUIRES_ACTION,
        PaymentStatus.AUTHORISED,
        PaymentStatus.PARTIALLY_CAPTURED,
    }
)


@get(PLACE)
async def payments_page(request: Request[Any, Any, Any]) -> Response[str]:
    """The newest payments that fit; htmx asks for older ones as rows only."""
    desk = await open_desk(request, Scope.PAYMENTS_READ)
    given = {name: request.query_params.get(name, "").strip()[:120] for name in FILTERS}
    error, status = "", 200
    try:
        wanted = filter_of(given)
    except ClearwayError as refused:
        wanted, error, status = PaymentFilter(), sentence_of(refused), refused.status
    found = await queries.payments_of(desk.merchant_id, wanted, limit=PAGE_ROWS + 1, before_id=cursor(request, "pay"))
    next_url = older_url(PLACE, found[PAGE_ROWS - 1].id, given) if len(found) > PAGE_ROWS else ""
    rows = console_views.PaymentRowsView(await payment_rows(found[:PAGE_ROWS]), next_url)
    if request.headers.get("hx-request"):
        return desk.page(rows)
    view = console_views.PaymentsView(desk.shell, rows, given, tuple(PaymentStatus), tuple(sorted(KINDS)), error)
    return desk.page(view, status)


def filter_of(given: dict[str, str]) -> PaymentFilter:
    """What the form's fields narrow the list to. Raises InvalidField for what cannot be read."""
    currency, status, gateway = given["currency"].upper(), given["status"], given["gateway"]
    if (given["amount_from"] or given["amount_to"]) and not currency:
        raise InvalidField("currency", "is needed to look for an amount")
    low = amount_of(given["amount_from"], currency, "amount_from")
    high = amount_of(given["amount_to"], currency, "amount_to")
    return PaymentFilter(
        status=PaymentStatus(status) if status in set(PaymentStatus) else None,
        reference=given["reference"] or None,
        currency=currency or None,
        amount_min=low.minor if low else None,
        amount_max=high.minor if high else None,
        created_from=day_of(given["from"], "from"),
        created_to=day_of(given["to"], "to", end=True),
        gateway=gateway if gateway in KINDS else None,
    )


async def payment_rows(found: list[PaymentRow]) -> tuple[console_views.PaymentRow, ...]:
    """Rows of a list, with the gateways of each: one query for all."""
    attempts = await queries.attempts_by_payment([payment.id for payment in found])
    return tuple(_row(payment, attempts.get(payment.id, [])) for payment in found)


def _row(payment: PaymentRow, attempts: list[AttemptRow]) -> console_views.PaymentRow:
    return console_views.PaymentRow(
        id=payment.id,
        url=f"{PLACE}/{payment.id}",
        created_at=payment.created_at,
        amount=payment.amount,
        status=payment.status.value,
        path=tuple(console_views.PathStep(attempt.gateway, attempt.status.value) for attempt in attempts),
        reference=payment.reference or "",
        description=payment.description,
    )


@get(PLACE + "/{payment_id:str}")
async def payment_page(request: Request[Any, Any, Any], payment_id: FromPath[str]) -> Response[str]:
    """One payment's timeline. Raises NotFound, also for another merchant's payment."""
    desk = await open_desk(request, Scope.PAYMENTS_READ)
    return await show_payment(desk, payment_id, done(request, DONE))


async def show_payment(desk: Desk, payment_id: str, said: Said = NOTHING_SAID) -> Response[str]:
    """The page of a payment, with a sentence on what a form came to. Raises NotFound."""
    payment = await payments.get(desk.merchant_id, payment_id)
    story = await payments.story(payment, exchanges=True)
    events = await event_store.events_of(desk.merchant_id, limit=EVENTS_MAX, object_id=payment_id)
    facts = TimelineFacts(
        story=story,
        accounts=desk.accounts,
        webhooks=await webhook_store.messages_of(payment_id),
        transfers=await ledger_store.transfers_of(payment_id),
        refunds=await refunds.of_payment(payment_id),
        invoice=await _invoice_link(payment),
        events=events[::-1],
        split_transfers=await recipient_store.transfers_of_payment(payment_id),
        disputes=await _disputes(payment_id),
        verbs=_verbs(story) if desk.may(Scope.PAYMENTS_WRITE) else console_views.VerbsView(),
        notice=said.notice,
        error=said.error,
    )
    return desk.page(timeline_view(facts, desk.shell), said.status)


def _verbs(story: Story) -> console_views.VerbsView:
    """What can be done now. The services decide; this is what the page offers."""
    payment = story.payment
    try:
        winner, left = capturing.capturable(story, clock_port.now())
        capturable = Money(left, payment.currency)
        several = _takes_several(winner)
    except ClearwayError:
        capturable, several = None, False
    refundable = sum(left_minor(story, capture) for capture in captures_of(story))
    return console_views.VerbsView(
        capturable=capturable,
        several=several,
        may_cancel=payment.status in _CANCELABLE and not payment.cancel_requested,
        refundable=Money(refundable, payment.currency) if refundable else None,
    )


def _takes_several(winner: AttemptRow) -> bool:
    try:
        capturing.require_several(winner, False)
    except ClearwayError:
        return False
    return True


async def _disputes(payment_id: str) -> tuple[console_views.DisputeLink, ...]:
    now = clock_port.now()
    return tuple(
        console_views.DisputeLink(
            row.id,
            row.status.value,
            row.amount,
            row.reason,
            countdown_text(row.evidence_due_at, now) if row.awaits_answer else "",
        )
        for row in await dispute_store.disputes_of_payment(payment_id)
    )


async def _invoice_link(payment: PaymentRow) -> console_views.LinkView | None:
    """The invoice that the payment is for; `source` begins with its id (billing.payment_for)."""
    if payment.source is None or not payment.source.startswith("inv_"):
        return None
    invoice = await find_invoice_by_id(payment.source.partition("/")[0])
    if invoice is None:
        return None
    return console_views.LinkView(invoice.number or invoice.id, f"/i/{link_of(invoice, clock_port.now().date())}")


ROUTES = [payments_page, payment_page]
