"""Routes of reminders: the letters, when they go out, and of whom nobody is reminded."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from invoicing.reminder_store import ReminderFilter, ReminderRow
from invoicing.reminders import Policy, ReminderStep
from orchestrator.billing.reminders import charges as reminders_charges
from orchestrator.billing.reminders import letters as reminders_letters
from orchestrator.billing.reminders import policy as reminders_policy
from orchestrator.billing.reminders import service as reminders
from orchestrator.customers import service as customers
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.invoice_schemas import InvoiceBody, invoice_body
from orchestrator.http.invoices import READ, WRITE, found_invoice
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.pdf_answers import pdf_answer
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import Input, MoneyBody, MoneyInput, money_body


class ReminderStepInput(Input):
    """A letter `offset_days` after the due date, before it where negative. Level 0 is the notice before or on that day;
    later ones give `deadline_days` more, and may ask for a fee (by the invoice's currency) and, where the invoice's
    terms do, for late interest and the fixed sum. `note` is printed as it is."""

    offset_days: Annotated[int, Meta(examples=[14])]
    level: Annotated[int, Meta(examples=[2])]
    deadline_days: Annotated[int, Meta(examples=[7])] = 0
    fees: Annotated[list[MoneyInput], Meta(max_length=50)] = msgspec.field(default_factory=list)
    with_late_charge: bool = False
    note: Annotated[str, Meta(max_length=500)] = ""


class ReminderPolicyInput(Input):
    """The letters in their order; without any, nobody is reminded. At least `min_days_between` days are between two
    letters about an invoice, and between its issue and the first."""

    steps: Annotated[list[ReminderStepInput], Meta(max_length=10)]
    min_days_between: int = 3
    on_business_days: bool = False


class ReminderStepBody(msgspec.Struct, kw_only=True):
    """A letter of the policy."""

    offset_days: int
    level: int
    deadline_days: int
    fees: list[MoneyBody]
    with_late_charge: bool
    note: str


class ReminderPolicyBody(msgspec.Struct, kw_only=True):
    """When the merchant reminds, and what for."""

    object: str = "reminder_policy"
    steps: list[ReminderStepBody]
    min_days_between: int
    on_business_days: bool


class ReminderBody(msgspec.Struct, kw_only=True):
    """A letter as it was written; it never changes. `part_due` is when the part of the invoice was due that it is about
    (the invoice's due date, without instalments). A `fee` in another currency than `total` is not in it. `problem` says
    why no late charge could be worked out."""

    id: str
    object: str = "reminder"
    number: str
    invoice_id: str
    customer_id: str | None
    level: int
    issued_on: date
    deadline: date
    part_due: date
    owed: MoneyBody
    interest: MoneyBody
    fee: MoneyBody | None
    total: MoneyBody
    law: str
    note: str
    problem: str
    manual: bool
    created_at: datetime


class InvoiceRemindersBody(msgspec.Struct, kw_only=True):
    """Whether reminders of an invoice, or of its customer, are paused, and when the next one is due by itself."""

    object: str = "invoice_reminders"
    invoice_id: str
    paused: bool
    next_on: date | None


class CustomerReminders(Input):
    """Whether the customer is reminded by itself."""

    enabled: bool


class CustomerRemindersBody(msgspec.Struct, kw_only=True):
    """Whether the customer is reminded by itself."""

    object: str = "customer_reminders"
    customer_id: str
    enabled: bool


@get(
    "/reminder-policy", guards=[needs(READ)], responses=PROBLEMS, tags=["reminders"], summary="Get the reminder policy"
)
async def get_reminder_policy(request: ApiRequest) -> ReminderPolicyBody:
    """The merchant's, or the default one: 3 days before, and 3, 14 and 28 days after the due date, without fees."""
    return _policy_body(await reminders_policy.get(merchant_of(request)))


@put(
    "/reminder-policy", guards=[needs(WRITE)], responses=PROBLEMS, tags=["reminders"], summary="Set the reminder policy"
)
async def set_reminder_policy(request: ApiRequest, data: JSONBody[ReminderPolicyInput]) -> ReminderPolicyBody:
    """What counts from now on, also for invoices that are open already. No level is sent twice by it."""
    policy = Policy(
        steps=tuple(_step(step, f"steps[{index}]") for index, step in enumerate(data.steps)),
        min_days_between=data.min_days_between,
        on_business_days=data.on_business_days,
    )
    await reminders_policy.put(merchant_of(request), policy)
    return _policy_body(policy)


@get("/reminders", guards=[needs(READ)], responses=PROBLEMS, tags=["reminders"], summary="List reminders")
async def list_reminders(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    invoice_id: Annotated[str | None, QueryParameter(name="invoice_id", max_length=40)] = None,
    customer_id: Annotated[str | None, QueryParameter(name="customer_id", max_length=40)] = None,
    level: Annotated[int | None, QueryParameter(ge=0, le=20)] = None,
) -> Page[ReminderBody]:
    """Newest first, narrowed by all that is given."""
    size = page_size(limit)
    wanted = ReminderFilter(invoice_id=invoice_id, customer_id=customer_id, level=level)
    rows = await reminders.list_reminders(merchant_of(request), wanted, limit=size + 1, before_id=starting_after)
    return page([_body(row) for row in rows], size)


@get(
    "/reminders/{reminder_id:str}",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["reminders"],
    summary="Get a reminder",
)
async def get_reminder(request: ApiRequest, reminder_id: FromPath[str]) -> ReminderBody:
    """The letter as it was written."""
    return _body(await reminders.get(merchant_of(request), reminder_id))


@get(
    "/reminders/{reminder_id:str}/pdf",
    guards=[needs(READ)],
    responses=PROBLEMS,
    media_type="application/pdf",
    tags=["reminders"],
    summary="Get a reminder's PDF",
)
async def get_reminder_pdf(request: ApiRequest, reminder_id: FromPath[str]) -> Response[bytes]:
    """The letter as a PDF: the same bytes each time."""
    return pdf_answer(reminder_id, await reminders_letters.pdf_of(merchant_of(request), reminder_id))


@get(
    "/invoices/{invoice_id:str}/reminders",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["reminders"],
    summary="Get an invoice's reminders",
)
async def get_invoice_reminders(request: ApiRequest, invoice_id: FromPath[str]) -> InvoiceRemindersBody:
    """Whether they are paused, and when the next one is due. Those that were written are at `/v1/reminders`."""
    return await _standing(merchant_of(request), invoice_id)


@post(
    "/invoices/{invoice_id:str}/reminders",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["reminders"],
    summary="Send an invoice's reminder",
)
async def remind(request: ApiRequest, invoice_id: FromPath[str]) -> Response[ReminderBody]:
    """Write and send the next level now, whatever its day, also where reminders are paused."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> ReminderBody:
        return _body(await reminders.send_next(merchant_id, invoice_id, idempotency_id))

    async def rebuild(reminder_id: str) -> ReminderBody:
        return _body(await reminders.get(merchant_id, reminder_id))

    return await answer_once(request, work, rebuild)


@post(
    "/invoices/{invoice_id:str}/reminders/pause",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["reminders"],
    summary="Pause an invoice's reminders",
)
async def pause_reminders(request: ApiRequest, invoice_id: FromPath[str]) -> Response[InvoiceRemindersBody]:
    """No reminder of this invoice goes out by itself until they are resumed."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> InvoiceRemindersBody:
        await reminders_policy.pause_invoice(merchant_id, invoice_id, idempotency_id)
        return await _standing(merchant_id, invoice_id)

    return await answer_once(request, work, lambda found_id: _standing(merchant_id, found_id), status=200)


@post(
    "/invoices/{invoice_id:str}/reminders/resume",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["reminders"],
    summary="Resume an invoice's reminders",
)
async def resume_reminders(request: ApiRequest, invoice_id: FromPath[str]) -> Response[InvoiceRemindersBody]:
    """Reminders go on: one letter, the highest that is due, not before `min_days_between` days from now."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> InvoiceRemindersBody:
        await reminders_policy.resume_invoice(merchant_id, invoice_id, idempotency_id)
        return await _standing(merchant_id, invoice_id)

    return await answer_once(request, work, lambda found_id: _standing(merchant_id, found_id), status=200)


@post(
    "/invoices/{invoice_id:str}/late-charges",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["reminders"],
    summary="Bill an invoice's late charges",
)
async def bill_late_charges(request: ApiRequest, invoice_id: FromPath[str]) -> Response[InvoiceBody]:
    """Draft an invoice over the interest and fees that reminders have claimed and no other invoice has, outside the
    scope of VAT. Finalize it, or change it first; deleted, it has billed nothing."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> InvoiceBody:
        return invoice_body(await reminders_charges.draft_late_charges(merchant_id, invoice_id, idempotency_id))

    async def rebuild(found_id: str) -> InvoiceBody:
        return invoice_body(await found_invoice(merchant_id, found_id))

    return await answer_once(request, work, rebuild)


@get(
    "/customers/{customer_id:str}/reminders",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["reminders"],
    summary="Get a customer's reminders",
)
async def get_customer_reminders(request: ApiRequest, customer_id: FromPath[str]) -> CustomerRemindersBody:
    """Whether the customer is reminded by itself."""
    return await _of_customer(merchant_of(request), customer_id)


@put(
    "/customers/{customer_id:str}/reminders",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    tags=["reminders"],
    summary="Set a customer's reminders",
)
async def set_customer_reminders(
    request: ApiRequest, customer_id: FromPath[str], data: JSONBody[CustomerReminders]
) -> CustomerRemindersBody:
    """Take a customer out of the reminders, or in again; it counts for all invoices."""
    merchant_id = merchant_of(request)
    await customers.get(merchant_id, customer_id)
    await reminders_policy.set_customer(merchant_id, customer_id, is_reminded=data.enabled)
    return await _of_customer(merchant_id, customer_id)


async def _of_customer(merchant_id: str, customer_id: str) -> CustomerRemindersBody:
    await customers.get(merchant_id, customer_id)
    enabled = await reminders_policy.is_reminded_of(merchant_id, customer_id)
    return CustomerRemindersBody(customer_id=customer_id, enabled=enabled)


async def _standing(merchant_id: str, invoice_id: str) -> InvoiceRemindersBody:
    found = await reminders.standing(merchant_id, invoice_id)
    return InvoiceRemindersBody(invoice_id=invoice_id, paused=found.is_paused, next_on=found.next_on)


def _step(given: ReminderStepInput, path: str) -> ReminderStep:
    return ReminderStep(
        offset_days=given.offset_days,
        level=given.level,
        deadline_days=given.deadline_days,
        fees=tuple(fee.as_money(f"{path}.fees[{index}]") for index, fee in enumerate(given.fees)),
        with_late_charge=given.with_late_charge,
        note=given.note,
    )


def _policy_body(policy: Policy) -> ReminderPolicyBody:
    steps = [
        ReminderStepBody(
            offset_days=step.offset_days,
            level=step.level,
            deadline_days=step.deadline_days,
            fees=[money_body(fee) for fee in step.fees],
            with_late_charge=step.with_late_charge,
            note=step.note,
        )
        for step in policy.steps
    ]
    return ReminderPolicyBody(
        steps=steps, min_days_between=policy.min_days_between, on_business_days=policy.on_business_days
    )


def _body(row: ReminderRow) -> ReminderBody:
    letter = row.letter
    return ReminderBody(
        id=row.id,
        number=row.number,
        invoice_id=row.invoice_id,
        customer_id=row.customer_id or None,
        level=row.level,
        issued_on=row.issued_on,
        deadline=row.deadline,
        part_due=row.part_due,
        owed=money_body(letter.owed),
        interest=money_body(letter.interest),
        fee=money_body(letter.fee) if letter.fee is not None else None,
        total=money_body(letter.total),
        law=letter.law,
        note=letter.note,
        problem=letter.problem,
        manual=row.by_hand,
        created_at=row.created_at,
    )


ROUTES = [
    get_reminder_policy,
    set_reminder_policy,
    list_reminders,
    get_reminder,
    get_reminder_pdf,
    get_invoice_reminders,
    remind,
    pause_reminders,
    resume_reminders,
    bill_late_charges,
    get_customer_reminders,
    set_customer_reminders,
]
