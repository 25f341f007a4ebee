"""Fills what shoppers and invoice recipients see from payments and invoices. Pure: rows in, view models out."""

from collections.abc import Sequence
from typing import assert_never
from urllib.parse import urlsplit

import msgspec

from currency.money import Money
from orchestrator.checkouts.records import SessionRow, SessionState
from orchestrator.gateways.store import GatewayAccountRow
from orchestrator.payments.records import AttemptStatus, PaymentRow, PaymentStatus, Story
from orchestrator.settings import get_settings
from orchestrator.web import views
from orchestrator.web.accents import Look
from orchestrator.web.declines import decline_message
from orchestrator.web.locales import PageWords
from orchestrator.web.views import CheckoutState


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
        case PaymentStatus.FAILED:
            return CheckoutState.FAILED
        case PaymentStatus.CANCELED:
            return CheckoutState.WITHDRAWN
        case _ as never:
            assert_never(never)


def checkout_view(
    payment: PaymentRow,
    merchant_name: str,
    *,
    words: PageWords,
    csrf_token: str,
    return_url: str,
    test_mode: bool,
    look: Look,
    session: SessionRow | None = None,
) -> views.CheckoutView:
    """The hosted page. Its two addresses carry the language, so that the answers come in it."""
    settings = get_settings()
    origin = urlsplit(settings.public_url)
    of_invoice = (payment.source or "").startswith("inv_")
    return views.CheckoutView(
        words=words,
        merchant_name=merchant_name,
        amount=payment.amount,
        description="" if of_invoice else payment.description,
        state=checkout_state(payment, session),
        attempt_url=f"/pay/{payment.public_token}/attempt?locale={words.tag}",
        status_url=f"/pay/{payment.public_token}/status?locale={words.tag}",
        csrf_token=csrf_token,
        vault_fields_url=settings.vault.fields_url,
        page_origin=f"{origin.scheme}://{origin.netloc}",
        reference="" if of_invoice else payment.reference or "",
        invoice_number=(payment.reference or "") if of_invoice else "",
        notice=decline_message(words, payment.failure_reason) if payment.failure_reason else "",
        return_url=return_url,
        cancel_url=(payment.return_url if of_invoice else session.cancel_url if session else "") or "",
        items=tuple(
            views.ItemView(item.name, item.quantity, Money(item.amount_minor, payment.currency))
            for item in (session.line_items if session else ())
        ),
        test_mode=test_mode,
        look=look,
    )


def shopper_answer(
    payment: PaymentRow,
    story: Story,
    words: PageWords,
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
                return ShopperAnswer("failed", message=decline_message(words, payment.failure_reason))
            return ShopperAnswer("processing" if repeated else "open")
        case CheckoutState.PROCESSING:
            url = _action_url(story) if payment.status is PaymentStatus.REQUIRES_ACTION else ""
            return ShopperAnswer("requires_action", url=url) if url else ShopperAnswer("processing")
        case CheckoutState.SUCCEEDED:
            return ShopperAnswer("already_paid" if repeated else "succeeded", url=return_url)
        case CheckoutState.FAILED:
            return ShopperAnswer("failed", url=return_url, final=True)
        case CheckoutState.ALREADY_PAID | CheckoutState.EXPIRED | CheckoutState.WITHDRAWN:
            return ShopperAnswer(state.value, url=return_url)
        case _ as never:
            assert_never(never)


def _action_url(story: Story) -> str:
    waiting = [attempt for attempt in story.attempts if attempt.status is AttemptStatus.ACTION_REQUIRED]
    action = waiting[-1].next_action if waiting else None
    return str(action.get("url", "")) if action else ""
