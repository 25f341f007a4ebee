"""Payments and refunds as the API shows and takes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypedDict

import msgspec
from msgspec import Meta

from currency.money import Money
from orchestrator.disputes.records import DisputeKind, DisputeRow
from orchestrator.gateways.credentials import Agreement, Initiator, Shopper
from orchestrator.gateways.facets import DisputeStatus
from orchestrator.http.authentication_schemas import AuthenticationBody, AuthenticationInput, authentication_body
from orchestrator.http.customers import CustomerBody
from orchestrator.http.payment_method_schemas import (
    Agreed,
    InstrumentBody,
    PaymentMethodInput,
    SavedInput,
    SavePaymentMethod,
    ShopperInput,
    instrument_body,
    instrument_from,
)
from orchestrator.http.rate_schemas import QuoteBody
from orchestrator.http.schemas import (
    CountryCode,
    Input,
    Locale,
    Metadata,
    MinorUnits,
    MoneyBody,
    MoneyInput,
    money_body,
)
from orchestrator.http.split_schemas import SplitBody, Splits, split_bodies
from orchestrator.payments.instruments import Instrument, Saving
from orchestrator.payments.records import AttemptRow, AttemptStatus, OnUnknown, PaymentRow, PaymentStatus, Story
from orchestrator.refunds.service import RefundStatus, RefundView
from orchestrator.settings import get_settings
from routing.decision import RoutePlan
from routing.scoring import Score
from routing.segments import MILLION


class PaidWith(TypedDict):
    """The fields of NewPayment that say what it is paid with."""

    instrument: Instrument | None
    payment_method_id: str | None
    initiator: Initiator
    agreement: Agreement
    saving: Saving | None
    shopper: Shopper


class CreatePayment(Input):
    """A payment. Without `payment_method` the payer brings one on the hosted page at `checkout_url`.

    `initiator` merchant: you charge a kept method without the payer, as their agreement allows.
    """

    amount: MoneyInput
    capture_method: Literal["automatic", "manual"] = "automatic"
    payment_method: PaymentMethodInput | None = None
    initiator: Literal["customer", "merchant"] = "customer"
    agreement: Agreed | None = None
    save_payment_method: SavePaymentMethod | None = None
    shopper: ShopperInput = msgspec.field(default_factory=ShopperInput)
    country: CountryCode | None = None
    customer_id: Annotated[str, Meta(max_length=40)] | None = None
    reference: Annotated[str, Meta(max_length=120, description="Your own, such as an order number.")] | None = None
    description: Annotated[str, Meta(max_length=300)] = ""
    locale: Locale = "en"
    return_url: (
        Annotated[
            str,
            Meta(
                max_length=2000,
                pattern=r"^https?://[!-~]+$(?!\n)",
                description="ASCII, other characters percent-encoded (RFC 3986). The payer's browser is sent there.",
                examples=["https://shop.example/ok"],
            ),
        ]
        | None
    ) = None
    metadata: Metadata = msgspec.field(default_factory=dict)
    on_unknown: Annotated[
        OnUnknown,
        Meta(description="What to do when no gateway tells the outcome: wait, or cancel there and go on elsewhere."),
    ] = OnUnknown.WAIT
    reauthorise: Annotated[
        bool, Meta(description="Manual capture: authorise again when an authorisation runs out before its capture.")
    ] = False
    splits: Splits = msgspec.field(default_factory=list)
    risk_score: (
        Annotated[int, Meta(ge=0, le=100, description="Of whoever scores for you; rules may look at it.")] | None
    ) = None
    quote_id: (
        Annotated[str, Meta(max_length=40, description="`fxq_…`: the amount is its `converted_amount`.")] | None
    ) = None
    authentication: AuthenticationInput | None = None

    def paid_with(self) -> PaidWith:
        """The part of a new payment that says what it is paid with, and how. Raises InvalidField."""
        given = self.payment_method
        kept = given.payment_method_id if isinstance(given, SavedInput) else None
        return PaidWith(
            instrument=None if given is None or isinstance(given, SavedInput) else instrument_from(given),
            payment_method_id=kept,
            initiator=Initiator(self.initiator),
            agreement=Agreement(self.agreement or Agreement.NONE),
            saving=self.save_payment_method.as_saving() if self.save_payment_method else None,
            shopper=self.shopper.as_shopper(),
        )


class CapturePayment(Input):
    """How much to take, in minor units of the payment's currency; all that is left when left out.

    `final`: no other capture follows, and the rest of the authorisation is released. Say false to capture more later.
    """

    amount: MinorUnits | None = None
    final: bool = True


class CreateRefund(Input):
    """How much to give back, in minor units of the payment's currency; all that is left when left out."""

    amount: MinorUnits | None = None
    reason: Annotated[str, Meta(max_length=500)] = ""


class NextActionBody(msgspec.Struct, kw_only=True):
    """What the payer must do: send the browser to `url`."""

    kind: str
    url: str
    data: dict[str, str] = {}


class FailureBody(msgspec.Struct, kw_only=True):
    """Why the payment failed: `reason` is a word of the decline taxonomy, `message` is for people."""

    reason: str
    message: str


class AttemptBody(msgspec.Struct, kw_only=True):
    """One try at one gateway account, and why it was made there."""

    id: str
    gateway: str
    gateway_account_id: str
    status: AttemptStatus
    why: str
    decline_reason: str | None
    gateway_payment_id: str
    authentication: AuthenticationBody | None
    created_at: datetime


class RouteScoreBody(msgspec.Struct, kw_only=True):
    """What an account's place rests on: `value` is compared, higher is better; what is not known is null."""

    value: int
    approval_rate: float | None
    cost: MoneyBody | None
    latency_ms: int | None
    slow: bool


class RouteReasonBody(msgspec.Struct, kw_only=True):
    """Why an account is in the plan or not; `score` where a strategy has ordered the accounts."""

    gateway_account_id: str
    gateway: str
    kept: bool
    why: str
    score: RouteScoreBody | None


class RouteBody(msgspec.Struct, kw_only=True):
    """How the gateway accounts were chosen."""

    rule: str
    rule_set_id: str
    rule_set_version: int
    require_3ds: bool
    max_attempts: int | None
    steps: list[str]
    reasons: list[RouteReasonBody]


class PaymentDisputeBody(msgspec.Struct, kw_only=True):
    """A dispute of the payment, in short; `GET /v1/disputes/{id}` has the rest."""

    id: str
    kind: DisputeKind
    status: DisputeStatus
    amount: MoneyBody
    funds_withdrawn: bool


class RefundBody(msgspec.Struct, kw_only=True):
    """A refund with the status it has by now; `operation_ids` are its calls, one for each capture it came out of."""

    id: str
    object: str = "refund"
    payment_id: str
    amount: MoneyBody
    status: RefundStatus
    reason: str
    created_at: datetime
    operation_ids: list[str]


class PaymentBody(msgspec.Struct, kw_only=True):
    """A payment. `attempts`, `next_action` and `disputes` are left out (null) in lists, where they are not expanded.

    `customer`, `refunds` and `quote` (by which the amount was converted) are null where they are not expanded.
    """

    id: str
    object: str = "payment"
    status: PaymentStatus
    amount: MoneyBody
    amount_captured: MoneyBody
    amount_refunded: MoneyBody
    capture_method: str
    payment_method: InstrumentBody | None
    next_action: NextActionBody | None
    checkout_url: str
    failure: FailureBody | None
    attempts: list[AttemptBody] | None
    route: RouteBody | None
    disputes: list[PaymentDisputeBody] | None
    refunds: list[RefundBody] | None = None
    customer: CustomerBody | None = None
    quote: QuoteBody | None = None
    country: str | None
    customer_id: str | None
    reference: str | None
    description: str
    locale: str
    return_url: str | None
    metadata: dict[str, str]
    splits: list[SplitBody]
    created_at: datetime
    updated_at: datetime


class RefundDetailBody(RefundBody, kw_only=True):
    """A refund; `payment` is null where it is not expanded."""

    payment: PaymentBody | None = None


def payment_body(
    payment: PaymentRow, story: Story | None = None, disputes: Sequence[DisputeRow] | None = None
) -> PaymentBody:
    """The payment, with its attempts where the story is given, and its disputes where they are."""
    failure = None
    if payment.failure_reason:
        failure = FailureBody(reason=payment.failure_reason, message=payment.failure_message or "")
    return PaymentBody(
        id=payment.id,
        status=payment.status,
        amount=money_body(payment.amount),
        amount_captured=MoneyBody(amount=payment.amount_captured_minor, currency=payment.currency),
        amount_refunded=MoneyBody(amount=payment.amount_refunded_minor, currency=payment.currency),
        capture_method=payment.capture_method,
        payment_method=instrument_body(payment.instrument) if payment.instrument else None,
        next_action=_next_action(story) if story else None,
        checkout_url=f"{get_settings().public_url}/pay/{payment.public_token}",
        failure=failure,
        attempts=[attempt_body(attempt) for attempt in story.attempts] if story else None,
        route=route_body(RoutePlan.from_json(payment.plan)) if payment.plan else None,
        disputes=None if disputes is None else [payment_dispute_body(row) for row in disputes],
        country=payment.country,
        customer_id=payment.customer_id,
        reference=payment.reference,
        description=payment.description,
        locale=payment.locale,
        return_url=payment.return_url,
        metadata=payment.metadata,
        splits=split_bodies(payment),
        created_at=payment.created_at,
        updated_at=payment.updated_at,
    )


def payment_dispute_body(row: DisputeRow) -> PaymentDisputeBody:
    return PaymentDisputeBody(
        id=row.id,
        kind=row.kind,
        status=row.status,
        amount=money_body(row.amount),
        funds_withdrawn=row.withdrawn_minor > 0,
    )


def refund_body(view: RefundView) -> RefundBody:
    refund = view.refund
    return RefundBody(
        id=refund.id,
        payment_id=refund.payment_id,
        amount=money_body(Money(refund.amount_minor, refund.currency)),
        status=view.status,
        reason=refund.reason,
        created_at=refund.created_at,
        operation_ids=[refund.operation_id, *refund.more_operation_ids],
    )


def route_body(plan: RoutePlan) -> RouteBody:
    """The plan without its internals."""
    return RouteBody(
        rule=plan.rule,
        rule_set_id=plan.rule_set_id,
        rule_set_version=plan.rule_set_version,
        require_3ds=plan.require_3ds,
        max_attempts=plan.max_attempts,
        steps=[step.account_id for step in plan.steps],
        reasons=[
            RouteReasonBody(
                gateway_account_id=found.account_id,
                gateway=found.gateway,
                kept=found.kept,
                why=found.why,
                score=_route_score(found.score) if found.score else None,
            )
            for found in plan.reasons
        ],
    )


def _route_score(score: Score) -> RouteScoreBody:
    return RouteScoreBody(
        value=score.value,
        approval_rate=None if score.approval_ppm is None else score.approval_ppm / MILLION,
        cost=money_body(score.cost) if score.cost else None,
        latency_ms=score.latency_ms,
        slow=score.slow,
    )


def attempt_body(attempt: AttemptRow) -> AttemptBody:
    return AttemptBody(
        id=attempt.id,
        gateway=attempt.gateway,
        gateway_account_id=attempt.gateway_account_id,
        status=attempt.status,
        why=attempt.why,
        decline_reason=str(attempt.decline["reason"]) if attempt.decline else None,
        gateway_payment_id=attempt.gateway_payment_id,
        authentication=authentication_body(attempt.authentication),
        created_at=attempt.created_at,
    )


def _next_action(story: Story) -> NextActionBody | None:
    if story.payment.status is not PaymentStatus.REQUIRES_ACTION:
        return None
    waiting: list[dict[str, Any]] = [
        attempt.next_action
        for attempt in story.attempts
        if attempt.status is AttemptStatus.ACTION_REQUIRED and attempt.next_action
    ]
    return msgspec.convert(waiting[-1], NextActionBody) if waiting else None
