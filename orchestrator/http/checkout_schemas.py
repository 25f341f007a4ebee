"""Checkout sessions and payment links as the API shows and takes them."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from currency.money import Money
from orchestrator.checkouts.links import NewLink
from orchestrator.checkouts.records import LineItem, LinkView, SessionState, SessionView
from orchestrator.checkouts.service import LASTS_MAX, LASTS_MIN, NewSession
from orchestrator.errors import InvalidField
from orchestrator.http.authentication_schemas import AskedAuthenticationBody, AuthenticationInput, asked_body
from orchestrator.http.schemas import (
    CurrencyCode,
    Input,
    Locale,
    Metadata,
    MinorUnits,
    MoneyBody,
    MoneyInput,
    money_body,
    require_address,
    require_currency,
)
from orchestrator.payments.records import PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.settings import get_settings

USES_MAX = 1_000_000

WebAddress = Annotated[
    str,
    Meta(
        max_length=2000,
        pattern=r"^https?://[!-~]+$(?!\n)",
        description="ASCII, other characters percent-encoded (RFC 3986).",
        examples=["https://shop.example/ok"],
    ),
]
Moment = Annotated[datetime, Meta(tz=True, examples=["2026-11-24T12:00:00Z"])]
Reference = Annotated[str, Meta(max_length=120, description="Your own, such as an order number.", examples=["A-1042"])]
Uses = Annotated[int, Meta(ge=1, le=USES_MAX)]
CaptureMethod = Literal["automatic", "manual"]


class LineItemInput(Input):
    """One line of what is sold. `amount` is of the whole line, in minor units of the session's currency."""

    name: Annotated[str, Meta(min_length=1, max_length=200, examples=["Wool socks"])]
    amount: MinorUnits
    quantity: Annotated[int, Meta(ge=1, le=1_000_000)] = 1


class CreateCheckoutSession(Input):
    """A hosted page for one payment. Line items, where given, must sum to the amount."""

    amount: MoneyInput
    line_items: Annotated[list[LineItemInput], Meta(max_length=100)] = msgspec.field(default_factory=list)
    customer_id: Annotated[str, Meta(max_length=40)] | None = None
    success_url: WebAddress | None = None
    cancel_url: WebAddress | None = None
    expires_at: (
        Annotated[
            datetime,
            Meta(
                tz=True,
                description=f"{int(LASTS_MIN.total_seconds() // 60)} minutes to {LASTS_MAX.days} days from now; "
                "24 hours where left out.",
            ),
        ]
        | None
    ) = None
    locale: Locale = "en"
    methods: Annotated[list[Literal["card"]], Meta(min_length=1, max_length=1, description="What the page offers.")] = (
        msgspec.field(default_factory=lambda: ["card"])
    )
    capture_method: CaptureMethod = "automatic"
    reference: Reference | None = None
    description: Annotated[str, Meta(max_length=300)] = ""
    metadata: Metadata = msgspec.field(default_factory=dict)
    authentication: AuthenticationInput | None = None

    def as_session(self, merchant_id: str) -> NewSession:
        """Raises InvalidField."""
        require_address(self.success_url, "success_url")
        require_address(self.cancel_url, "cancel_url")
        payment = NewPayment(
            merchant_id=merchant_id,
            amount=self.amount.as_money(),
            capture_method=self.capture_method,
            customer_id=self.customer_id,
            reference=self.reference,
            description=self.description,
            locale=self.locale,
            return_url=self.success_url,
            metadata=self.metadata,
            authentication=self.authentication.as_asked() if self.authentication else None,
        )
        return NewSession(
            payment,
            line_items=tuple(LineItem(item.name, item.quantity, item.amount) for item in self.line_items),
            methods=tuple(self.methods),
            cancel_url=self.cancel_url,
            expires_at=self.expires_at,
        )


class ChosenAmountInput(Input):
    """The payer chooses the amount, from `min` to `max` in minor units."""

    currency: CurrencyCode
    min: MinorUnits
    max: MinorUnits


class CreatePaymentLink(Input):
    """A reusable address to pay at: give either `amount`, or `chosen_amount` for the payer to choose."""

    amount: MoneyInput | None = None
    chosen_amount: ChosenAmountInput | None = None
    max_uses: Uses | None = None
    expires_at: Moment | None = None
    description: Annotated[str, Meta(max_length=300, description="Shown on the page.")] = ""
    reference: Reference | None = None
    success_url: WebAddress | None = None
    capture_method: CaptureMethod = "automatic"
    metadata: Metadata = msgspec.field(default_factory=dict)
    authentication: AuthenticationInput | None = None

    def as_link(self, merchant_id: str) -> NewLink:
        """Raises InvalidField."""
        require_address(self.success_url, "success_url")
        fixed, chosen = self.amount, self.chosen_amount
        if (fixed is None) == (chosen is None):
            raise InvalidField("amount", "give either `amount` or `chosen_amount`")
        if chosen is not None:
            require_currency(chosen.currency, "chosen_amount.currency")
        money = fixed.as_money() if fixed else None
        return NewLink(
            merchant_id=merchant_id,
            currency=money.currency if money else chosen.currency if chosen else "",
            amount_minor=money.minor if money else None,
            amount_min_minor=chosen.min if chosen else None,
            amount_max_minor=chosen.max if chosen else None,
            uses_max=self.max_uses,
            expires_at=self.expires_at,
            description=self.description,
            reference=self.reference,
            success_url=self.success_url,
            capture_method=self.capture_method,
            metadata=self.metadata,
            authentication=self.authentication.as_asked() if self.authentication else None,
        )


class ChangePaymentLink(Input):
    """What is given is set; null takes a bound away. The amount never changes: make another link for another."""

    active: bool | UnsetType = UNSET
    max_uses: Uses | UnsetType | None = UNSET
    expires_at: Moment | UnsetType | None = UNSET
    description: Annotated[str, Meta(max_length=300)] | UnsetType = UNSET
    success_url: WebAddress | UnsetType | None = UNSET
    metadata: Metadata | UnsetType = UNSET

    def as_values(self) -> dict[str, Any]:
        """The columns to set. Raises InvalidField."""
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        values = {name: value for name, value in given.items() if value is not UNSET}
        require_address(values.get("success_url"), "success_url")
        if "max_uses" in values:
            values["uses_max"] = values.pop("max_uses")
        return values


class LineItemBody(msgspec.Struct, kw_only=True):
    """One line of what is sold; `amount` is of the whole line."""

    name: str
    quantity: int
    amount: MoneyBody


class CheckoutSessionBody(msgspec.Struct, kw_only=True):
    """A checkout session. Send the shopper to `url`. `payment_id` is its one payment, made with it."""

    id: str
    object: str = "checkout_session"
    status: SessionState
    url: str
    payment_id: str
    payment_status: PaymentStatus
    payment_link_id: str | None
    amount: MoneyBody
    line_items: list[LineItemBody]
    customer_id: str | None
    success_url: str | None
    cancel_url: str | None
    methods: list[str]
    capture_method: str
    locale: str
    reference: str | None
    description: str
    metadata: dict[str, str]
    authentication: AskedAuthenticationBody | None
    expires_at: datetime
    created_at: datetime
    closed_at: datetime | None


class ChosenAmountBody(msgspec.Struct, kw_only=True):
    """Between which amounts the payer chooses."""

    min: MoneyBody
    max: MoneyBody


class PaymentLinkBody(msgspec.Struct, kw_only=True):
    """A payment link. `uses` were paid; `uses_open` are of visitors who are paying now, each for half an hour."""

    id: str
    object: str = "payment_link"
    url: str
    active: bool
    amount: MoneyBody | None
    chosen_amount: ChosenAmountBody | None
    max_uses: int | None
    uses: int
    uses_open: int
    expires_at: datetime | None
    description: str
    reference: str | None
    success_url: str | None
    capture_method: str
    metadata: dict[str, str]
    authentication: AskedAuthenticationBody | None
    created_at: datetime
    updated_at: datetime


def session_body(view: SessionView) -> CheckoutSessionBody:
    session, payment = view.session, view.payment
    return CheckoutSessionBody(
        id=session.id,
        status=session.state,
        url=f"{get_settings().public_url}/pay/{payment.public_token}",
        payment_id=payment.id,
        payment_status=payment.status,
        payment_link_id=session.payment_link_id,
        amount=money_body(payment.amount),
        line_items=[
            LineItemBody(
                name=item.name,
                quantity=item.quantity,
                amount=MoneyBody(amount=item.amount_minor, currency=payment.currency),
            )
            for item in session.line_items
        ],
        customer_id=payment.customer_id,
        success_url=payment.return_url,
        cancel_url=session.cancel_url,
        methods=session.methods,
        capture_method=payment.capture_method,
        locale=payment.locale,
        reference=payment.reference,
        description=payment.description,
        metadata=payment.metadata,
        authentication=asked_body(payment.authentication),
        expires_at=session.expires_at,
        created_at=session.created_at,
        closed_at=session.closed_at,
    )


def link_body(view: LinkView) -> PaymentLinkBody:
    link, chosen = view.link, None
    if link.amount_min_minor is not None and link.amount_max_minor is not None:
        chosen = ChosenAmountBody(
            min=money_body(Money(link.amount_min_minor, link.currency)),
            max=money_body(Money(link.amount_max_minor, link.currency)),
        )
    return PaymentLinkBody(
        id=link.id,
        url=f"{get_settings().public_url}/l/{link.public_token}",
        active=link.active,
        amount=money_body(link.amount) if link.amount else None,
        chosen_amount=chosen,
        max_uses=link.uses_max,
        uses=view.uses,
        uses_open=view.uses_open,
        expires_at=link.expires_at,
        description=link.description,
        reference=link.reference,
        success_url=link.success_url,
        capture_method=link.capture_method,
        metadata=link.metadata,
        authentication=asked_body(link.authentication),
        created_at=link.created_at,
        updated_at=link.updated_at,
    )
