"""What is done about a payment at the console: capture, cancel, refund. Asked back first, and then done once."""

from typing import Any

from litestar import Request, Response, post
from litestar.params import FromPath

from currency.formatting import format_money
from currency.money import Money
from orchestrator.access.scopes import Scope
from orchestrator.errors import ClearwayError
from orchestrator.payments import service as payments
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.refunds import four_eyes
from orchestrator.refunds import service as refunds
from orchestrator.web import replies
from orchestrator.web.console_desk import Desk, Said, amount_of, ask_back, is_confirmed, once, posted
from orchestrator.web.console_payments import PLACE, show_payment
from orchestrator.web.forms import BODY_MAX_BYTES, text_of
from orchestrator.web.locales import DEFAULT_LOCALE

REASON_CHARS_MAX = 500


@post(PLACE + "/{payment_id:str}/capture", request_max_body_size=BODY_MAX_BYTES)
async def capture(request: Request[Any, Any, Any], payment_id: FromPath[str]) -> Response[Any]:
    """Take an authorised payment's money, all of it or a part. Raises NotFound."""
    desk, form = await posted(request, Scope.PAYMENTS_WRITE)
    payment = await payments.get(desk.merchant_id, payment_id)
    address, final = f"{PLACE}/{payment_id}", text_of(form, "more") != "yes"
    try:
        amount = amount_of(text_of(form, "amount"), payment.currency)
        if not is_confirmed(form):
            what = _shown(amount) if amount else "all that is authorised"
            rest = "No other capture follows: the rest is let go." if final else "Other captures may follow."
            return ask_back(
                desk, form, f"Capture {what}?", (_about(payment), rest), f"{address}/capture", "Capture", address
            )

        async def work(claim: str) -> str:
            minor = amount.minor if amount else None
            done = await payments.capture(desk.merchant_id, payment_id, minor, claim, final=final)
            taken = done.status in (PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_CAPTURED)
            return "captured" if taken else "capture_sent"

        word = await once(desk, form, f"{address}/capture", work)
    except ClearwayError as refused:
        return await show_payment(desk, payment_id, Said.no(refused))
    return replies.redirect(f"{address}?done={word}")


@post(PLACE + "/{payment_id:str}/cancel", request_max_body_size=BODY_MAX_BYTES)
async def cancel(request: Request[Any, Any, Any], payment_id: FromPath[str]) -> Response[Any]:
    """Give a payment up. Raises NotFound."""
    desk, form = await posted(request, Scope.PAYMENTS_WRITE)
    payment = await payments.get(desk.merchant_id, payment_id)
    address = f"{PLACE}/{payment_id}"
    if not is_confirmed(form):
        lines = (
            _about(payment),
            "What is authorised is let go, and the customer pays nothing more. It stays canceled.",
        )
        return ask_back(desk, form, "Cancel this payment?", lines, f"{address}/cancel", "Cancel the payment", address)

    async def work(claim: str) -> str:
        done = await payments.cancel(desk.merchant_id, payment_id, claim)
        return "canceled" if done.status is PaymentStatus.CANCELED else "cancel_sent"

    try:
        word = await once(desk, form, f"{address}/cancel", work)
    except ClearwayError as refused:
        return await show_payment(desk, payment_id, Said.no(refused))
    return replies.redirect(f"{address}?done={word}")


@post(PLACE + "/{payment_id:str}/refund", request_max_body_size=BODY_MAX_BYTES)
async def refund(request: Request[Any, Any, Any], payment_id: FromPath[str]) -> Response[Any]:
    """Give money back, or ask for it where it takes two. Raises NotFound."""
    desk, form = await posted(request, Scope.PAYMENTS_WRITE)
    payment = await payments.get(desk.merchant_id, payment_id)
    address, reason = f"{PLACE}/{payment_id}", text_of(form, "reason").strip()[:REASON_CHARS_MAX]
    try:
        amount = amount_of(text_of(form, "amount"), payment.currency)
        minor = amount.minor if amount else None
        if not is_confirmed(form):
            what = _shown(amount) if amount else "all that is left"
            takes_two = await four_eyes.is_needed(desk.merchant_id, payment_id, minor)
            lines = (_about(payment), f"Reason: {reason}" if reason else "No reason is given.", _consequence(takes_two))
            return ask_back(desk, form, f"Refund {what}?", lines, f"{address}/refund", "Refund", address)
        word = await once(
            desk, form, f"{address}/refund", lambda claim: _refund(desk, payment_id, minor, reason, claim)
        )
    except ClearwayError as refused:
        return await show_payment(desk, payment_id, Said.no(refused))
    return replies.redirect(f"{address}?done={word}")


async def _refund(desk: Desk, payment_id: str, minor: int | None, reason: str, claim: str) -> str:
    if await four_eyes.is_needed(desk.merchant_id, payment_id, minor):
        await four_eyes.ask(desk.merchant_id, payment_id, minor, reason, claim)
        return "refund_asked"
    made = await refunds.create(desk.merchant_id, payment_id, minor, reason, claim)
    return f"refund_{made.status.value}"


def _consequence(takes_two: bool) -> str:
    if takes_two:
        return "It is above the limit for one person: another has to approve it before it is made."
    return "It goes to the gateway at once, and cannot be taken back."


def _about(payment: PaymentRow) -> str:
    reference = f", reference {payment.reference}" if payment.reference else ""
    return f"Payment {payment.id} of {_shown(payment.amount)}{reference}."


def _shown(amount: Money) -> str:
    return format_money(amount, DEFAULT_LOCALE)


ROUTES = [capture, cancel, refund]
