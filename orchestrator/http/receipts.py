"""Routes of receipts: money that came by no gateway, and the numbered receipts of payments."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from currency.money import Money
from currency.rates import Rate
from invoicing import application_store
from invoicing.allocation import Part
from invoicing.reversal_store import ReversalRow
from orchestrator.billing import customer_credit, printed, receipts, reversing
from orchestrator.billing.money_days import refuse_future
from orchestrator.billing.receipts import NewReceipt, ReceiptView
from orchestrator.customers import service as customers
from orchestrator.errors import InvalidField
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.invoice_schemas import ApplicationBody, application_body
from orchestrator.http.invoices import READ, WRITE, found_invoice
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.pdf_answers import PDF, pdf_answer
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import CurrencyCode, Input, MinorUnits, MoneyBody, MoneyInput, money_body

RateText = Annotated[
    str,
    Meta(
        max_length=25,
        pattern=r"^[0-9]{1,12}(\.[0-9]{1,10})?$(?!\n)",
        description="A decimal number as text, above zero.",
        examples=["1.0869"],
    ),
]


class ReceiptPartInput(Input, kw_only=True):
    """What of it is for one invoice, in the invoice's currency (minor units). With `takes_discount` the invoice's
    discount for paying early is taken."""

    invoice_id: Annotated[str, Meta(min_length=1, max_length=40)]
    amount: MinorUnits
    takes_discount: bool = False


class ReceiptConversionInput(Input, kw_only=True):
    """Where the invoices are in another currency: one unit of it is `rate` of the receipt's, as agreed with the payer.
    `booked_rate` is the one at which the invoices were booked, and gives the difference to book."""

    currency: CurrencyCode
    rate: RateText
    booked_rate: RateText | None = None
    on: date
    source: Annotated[str, Meta(min_length=1, max_length=40)] = "agreed"


class CreateReceipt(Input):
    """Money received, with a `reference` that no other receipt of its source has, such as the bank's.

    It pays what `parts` say; else the invoices whose creditor reference (ISO 11649) or number is in the `remittance`,
    what the payer wrote; else, without a remittance, the customer's open invoices, the oldest first. A remittance that
    names no invoice makes it the customer's credit, unless `unmatched` says `oldest_first`. With `payment_id` alone it
    is that payment's receipt."""

    payment_id: Annotated[str, Meta(min_length=1, max_length=40)] | None = None
    customer_id: Annotated[str, Meta(max_length=40)] = ""
    amount: MoneyInput | None = None
    source: Literal["bank", "cash", "other"] = "bank"
    reference: Annotated[str, Meta(max_length=140)] = ""
    received_on: date | None = None
    parts: Annotated[list[ReceiptPartInput], Meta(min_length=1, max_length=100)] | None = None
    conversion: ReceiptConversionInput | None = None
    remittance: Annotated[str, Meta(max_length=500, examples=["RF36 INV2 0260 0042"])] = ""
    unmatched: Literal["credit", "oldest_first"] = "credit"


class ReverseReceipt(Input):
    """Why the money went back, and on which day."""

    reason: Annotated[str, Meta(min_length=1, max_length=500, examples=["Direct debit returned: AM04"])]
    reversed_on: date


class ReversalBody(msgspec.Struct, kw_only=True):
    """That a receipt was taken back, and why; on `reversed_on` the money went."""

    reason: str
    reversed_on: date
    created_at: datetime


class ReceiptBody(msgspec.Struct, kw_only=True):
    """A numbered receipt. `credited` of it paid no invoice and is the customer's credit, unless it is reversed: then
    each application has another of the opposite sign."""

    id: str
    object: str = "receipt"
    state: Literal["recorded", "reversed"]
    number: str
    customer_id: str | None
    source: str
    reference: str
    remittance: str
    amount: MoneyBody
    credited: MoneyBody
    received_on: date
    applications: list[ApplicationBody]
    reversal: ReversalBody | None
    created_at: datetime


class CreditBalanceBody(msgspec.Struct, kw_only=True):
    """What one customer has to spend in one currency."""

    customer_id: str | None
    amount: MoneyBody


class CreditBalances(msgspec.Struct, kw_only=True):
    """The customers' credit, where there is any."""

    object: str = "list"
    data: list[CreditBalanceBody]


@post(
    "/receipts",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["receipts"],
    summary="Create a receipt",
)
async def create_receipt(request: ApiRequest, data: JSONBody[CreateReceipt]) -> Response[ReceiptBody]:
    """Record money that came by no gateway and put it to invoices; or number the receipt of a payment."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> ReceiptBody:
        if data.payment_id is not None:
            made = await receipts.receipt_of_payment(merchant_id, data.payment_id, idempotency_id)
        else:
            made = await receipts.apply_receipt(merchant_id, await _new(merchant_id, data), idempotency_id)
        return receipt_body(made)

    return await answer_once(request, work, lambda receipt_id: _found(merchant_id, receipt_id))


@post(
    "/receipts/{receipt_id:str}/reverse",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["receipts"],
    summary="Reverse a receipt",
)
async def reverse_receipt(
    request: ApiRequest, receipt_id: FromPath[str], data: JSONBody[ReverseReceipt]
) -> Response[ReceiptBody]:
    """Take back money that bounced, such as a returned direct debit, or that was entered by mistake. What it paid is
    owed again, what it gave as credit is not there any more."""
    merchant_id, reason = merchant_of(request), data.reason.strip()
    if not reason:
        raise InvalidField("reason", "must say why, such as the bank's words")

    async def work(idempotency_id: str) -> ReceiptBody:
        return receipt_body(await reversing.reverse(merchant_id, receipt_id, reason, data.reversed_on, idempotency_id))

    return await answer_once(request, work, lambda made_id: _found(merchant_id, made_id), status=200)


@get("/receipts", guards=[needs(READ)], responses=PROBLEMS, tags=["receipts"], summary="List receipts")
async def list_receipts(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    customer_id: Annotated[str | None, QueryParameter(name="customer_id", max_length=40)] = None,
) -> Page[ReceiptBody]:
    """Newest first."""
    size = page_size(limit)
    rows = await application_store.list_receipts(
        merchant_of(request), limit=size + 1, before_id=starting_after, customer_id=customer_id
    )
    return page([receipt_body(await receipts.view(row)) for row in rows], size)


@get("/receipts/{receipt_id:str}", guards=[needs(READ)], responses=PROBLEMS, tags=["receipts"], summary="Get a receipt")
async def get_receipt(request: ApiRequest, receipt_id: FromPath[str]) -> ReceiptBody:
    """The receipt with what it settled."""
    return await _found(merchant_of(request), receipt_id)


@get(
    "/receipts/{receipt_id:str}/pdf",
    guards=[needs(READ)],
    responses=PROBLEMS,
    media_type=PDF,
    tags=["receipts"],
    summary="Get a receipt's PDF",
)
async def get_receipt_pdf(request: ApiRequest, receipt_id: FromPath[str]) -> Response[bytes]:
    """The receipt as it was when the money came, in the language of its invoices or of the customer."""
    number, content = await printed.receipt_pdf(merchant_of(request), receipt_id)
    return pdf_answer(number, content)


@get(
    "/customer-credits",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["receipts"],
    summary="List customer credits",
)
async def list_customer_credits(
    request: ApiRequest,
    customer_id: Annotated[str | None, QueryParameter(name="customer_id", max_length=40)] = None,
) -> CreditBalances:
    """What customers paid beyond what they owed, by customer and currency, from the ledger."""
    found = await customer_credit.balances_of(merchant_of(request), customer_id)
    return CreditBalances(
        data=[CreditBalanceBody(customer_id=row.customer_id or None, amount=money_body(row.amount)) for row in found]
    )


async def _new(merchant_id: str, data: CreateReceipt) -> NewReceipt:
    if data.amount is None:
        raise InvalidField("amount", "is needed, unless payment_id names a payment")
    if not data.reference.strip():
        raise InvalidField("reference", "must say by what it is told from other receipts, such as the bank's reference")
    if data.received_on is None:
        raise InvalidField("received_on", "is needed: the day on which the money came")
    refuse_future("received_on", data.received_on, "tell it once the money is there")
    if data.customer_id:
        await customers.get(merchant_id, data.customer_id)
    rate, booked = _rates(data)
    return NewReceipt(
        customer_id=data.customer_id,
        amount=data.amount.as_money(),
        source=data.source,
        reference=data.reference,
        received_on=data.received_on,
        parts=await _parts(merchant_id, data.parts),
        invoice_currency=data.conversion.currency if data.conversion else "",
        rate=rate,
        booked_rate=booked,
        remittance=data.remittance.strip(),
        is_oldest_first=not data.remittance.strip() or data.unmatched == "oldest_first",
    )


async def _parts(merchant_id: str, given: list[ReceiptPartInput] | None) -> tuple[Part, ...] | None:
    if given is None:
        return None
    return tuple(
        [
            Part(
                part.invoice_id,
                Money(part.amount, (await found_invoice(merchant_id, part.invoice_id)).total.currency),
                part.takes_discount,
            )
            for part in given
        ]
    )


def _rates(data: CreateReceipt) -> tuple[Rate | None, Rate | None]:
    """From the receipt's currency to the invoices', and back as booked."""
    said = data.conversion
    if said is None or data.amount is None:
        return None, None
    received = data.amount.currency
    for name, text in (("rate", said.rate), ("booked_rate", said.booked_rate)):
        if text is not None and not Decimal(text):
            raise InvalidField(f"conversion.{name}", "must be above zero")
    rate = Rate(received, said.currency, Decimal(said.rate), Decimal(1), said.on, said.source)
    if said.booked_rate is None:
        return rate, None
    return rate, Rate(said.currency, received, Decimal(1), Decimal(said.booked_rate), said.on, said.source)


def receipt_body(made: ReceiptView) -> ReceiptBody:
    row = made.receipt
    return ReceiptBody(
        id=row.id,
        state="recorded" if made.reversal is None else "reversed",
        number=row.number,
        customer_id=row.customer_id or None,
        source=row.source,
        reference=row.reference,
        remittance=row.remittance,
        amount=money_body(row.amount),
        credited=money_body(row.credited),
        received_on=row.received_on,
        applications=[application_body(one) for one in made.applications],
        reversal=_reversal(made.reversal),
        created_at=row.created_at,
    )


def _reversal(row: ReversalRow | None) -> ReversalBody | None:
    if row is None:
        return None
    return ReversalBody(reason=row.reason, reversed_on=row.reversed_on, created_at=row.created_at)


async def _found(merchant_id: str, receipt_id: str) -> ReceiptBody:
    return receipt_body(await receipts.get(merchant_id, receipt_id))


ROUTES = [create_receipt, reverse_receipt, list_receipts, get_receipt, get_receipt_pdf, list_customer_credits]
