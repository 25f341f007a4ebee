"""Routes of recipients: who gets parts of payments, what they are owed, and what was sent to them."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, get, patch, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.ledger import JournalBody, journal_body
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import Input, Metadata, MoneyBody, Name, money_body
from orchestrator.ledger import journals
from orchestrator.ledger.journals import JournalFilter
from orchestrator.recipients import service, store
from orchestrator.recipients.records import (
    OnboardingState,
    RecipientAccountRow,
    RecipientRow,
    SplitTransferRow,
    TransferKind,
    TransferState,
)
from orchestrator.recipients.service import NewRecipient, RecipientView
from routing.outcomes import OutcomeKind

READ, WRITE = "payments:read", "payments:write"
_SHARED: dict[str, Any] = {"responses": PROBLEMS, "tags": ["recipients"]}

Reference = Annotated[str, Meta(max_length=120, description="Your own, such as a seller's number.")]
AccountId = Annotated[str, Meta(min_length=1, max_length=40)]
GatewayRecipientId = Annotated[str, Meta(min_length=1, max_length=120, examples=["acct_1032D82eZvKYlo2C"])]


class RecipientAccountInput(Input):
    """Under which id a gateway knows the recipient: a connected account (Stripe), a balance account (Adyen), a
    merchant id (PayPal)."""

    gateway_account_id: AccountId
    recipient: GatewayRecipientId


Accounts = Annotated[list[RecipientAccountInput], Meta(max_length=service.ACCOUNTS_MAX)]


class CreateRecipient(Input):
    """A recipient of parts of payments."""

    name: Name
    reference: Reference | None = None
    metadata: Metadata = msgspec.field(default_factory=dict)
    accounts: Accounts = msgspec.field(default_factory=list)


class UpdateRecipient(Input):
    """What is left out stays as it is; `accounts` are added to those there are, or change their ids."""

    name: Name | None = None
    reference: Reference | None = None
    metadata: Metadata | None = None
    accounts: Accounts | None = None


class RecipientAccountBody(msgspec.Struct, kw_only=True):
    """How the recipient stands at a gateway account. `missing` says, in the gateway's words, what it lacks."""

    gateway_account_id: str
    recipient: str
    state: OnboardingState
    missing: str
    checked_at: datetime | None


class RecipientBody(msgspec.Struct, kw_only=True):
    """A recipient. `balances`: its parts that it does not have yet, by currency; negative is what it owes you.

    `accounts` and `balances` are left out (null) in lists.
    """

    id: str
    object: str = "recipient"
    name: str
    reference: str | None
    metadata: dict[str, str]
    accounts: list[RecipientAccountBody] | None
    balances: list[MoneyBody] | None
    created_at: datetime
    updated_at: datetime


class SplitTransferBody(msgspec.Struct, kw_only=True):
    """A part sent after the capture (`transfer`), or taken back (`reversal`)."""

    id: str
    object: str = "split_transfer"
    payment_id: str
    operation_id: str
    kind: TransferKind
    reverses_id: str | None
    amount: MoneyBody
    state: TransferState
    outcome: OutcomeKind | None
    gateway_account_id: str
    gateway_transfer_id: str
    detail: str
    created_at: datetime
    settled_at: datetime | None


@post("/recipients", guards=[needs(WRITE)], operation_class=Keyed, summary="Create a recipient", **_SHARED)
async def create_recipient(request: ApiRequest, data: JSONBody[CreateRecipient]) -> Response[RecipientBody]:
    """Create a recipient. Each gateway is asked whether it can be paid there."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> RecipientBody:
        new = NewRecipient(merchant_id, data.name, data.reference, data.metadata, _ids(data.accounts))
        return _view_body(await service.create(new, idempotency_id))

    return await answer_once(request, work, lambda found_id: _found(merchant_id, found_id))


@get("/recipients", guards=[needs(READ)], summary="List recipients", **_SHARED)
async def list_recipients(
    request: ApiRequest, limit: Limit = PAGE_DEFAULT, starting_after: StartingAfter = None
) -> Page[RecipientBody]:
    """Newest first."""
    size = page_size(limit)
    rows = await store.recipients_of(merchant_of(request), limit=size + 1, before_id=starting_after)
    return page([_body(row) for row in rows], size)


@get("/recipients/{recipient_id:str}", guards=[needs(READ)], summary="Get a recipient", **_SHARED)
async def get_recipient(request: ApiRequest, recipient_id: FromPath[str]) -> RecipientBody:
    """The recipient with its accounts and balances."""
    return await _found(merchant_of(request), recipient_id)


@patch("/recipients/{recipient_id:str}", guards=[needs(WRITE)], summary="Change a recipient", **_SHARED)
async def update_recipient(
    request: ApiRequest, recipient_id: FromPath[str], data: JSONBody[UpdateRecipient]
) -> RecipientBody:
    """Change what is given. What was sent before keeps the id that it was sent to."""
    view = await service.update(
        merchant_of(request),
        recipient_id,
        name=data.name,
        reference=data.reference,
        metadata=data.metadata,
        accounts=None if data.accounts is None else _ids(data.accounts),
    )
    return _view_body(view)


@post(
    "/recipients/{recipient_id:str}/refresh",
    guards=[needs(WRITE)],
    operation_class=Keyed,
    status_code=200,
    summary="Ask the gateways about a recipient",
    **_SHARED,
)
async def refresh_recipient(request: ApiRequest, recipient_id: FromPath[str]) -> Response[RecipientBody]:
    """Ask each gateway again whether the recipient can be paid there."""
    merchant_id = merchant_of(request)

    async def work(_: str) -> RecipientBody:
        return _view_body(await service.refresh(merchant_id, recipient_id))

    return await answer_once(request, work, status=200)


@get("/recipients/{recipient_id:str}/entries", guards=[needs(READ)], summary="List a recipient's entries", **_SHARED)
async def list_entries(
    request: ApiRequest,
    recipient_id: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    since: Annotated[datetime | None, QueryParameter(name="since")] = None,
    until: Annotated[datetime | None, QueryParameter(name="until")] = None,
) -> Page[JournalBody]:
    """The journals that changed what the recipient is owed, the last one first."""
    merchant_id, size = merchant_of(request), page_size(limit)
    await service.get(merchant_id, recipient_id)
    which = JournalFilter(recipient_id=recipient_id, since=since, until=until, before_id=starting_after or "")
    return page([journal_body(row) for row in await journals.page(merchant_id, which, size + 1)], size)


@get(
    "/recipients/{recipient_id:str}/transfers", guards=[needs(READ)], summary="List transfers to a recipient", **_SHARED
)
async def list_transfers(
    request: ApiRequest, recipient_id: FromPath[str], limit: Limit = PAGE_DEFAULT, starting_after: StartingAfter = None
) -> Page[SplitTransferBody]:
    """Parts sent after captures and taken back after refunds, newest first."""
    size = page_size(limit)
    await service.get(merchant_of(request), recipient_id)
    rows = await store.transfers_of_recipient(recipient_id, limit=size + 1, before_id=starting_after)
    return page([_transfer_body(row) for row in rows], size)


def _ids(accounts: list[RecipientAccountInput]) -> dict[str, str]:
    return {account.gateway_account_id: account.recipient for account in accounts}


async def _found(merchant_id: str, recipient_id: str) -> RecipientBody:
    return _view_body(await service.get(merchant_id, recipient_id))


def _view_body(view: RecipientView) -> RecipientBody:
    body = _body(view.recipient)
    body.accounts = [_account_body(row) for row in view.accounts]
    body.balances = [money_body(balance) for balance in view.balances]
    return body


def _body(row: RecipientRow) -> RecipientBody:
    return RecipientBody(
        id=row.id,
        name=row.name,
        reference=row.reference,
        metadata=row.metadata,
        accounts=None,
        balances=None,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _account_body(row: RecipientAccountRow) -> RecipientAccountBody:
    return RecipientAccountBody(
        gateway_account_id=row.gateway_account_id,
        recipient=row.gateway_recipient_id,
        state=row.state,
        missing=row.missing,
        checked_at=row.checked_at,
    )


def _transfer_body(row: SplitTransferRow) -> SplitTransferBody:
    return SplitTransferBody(
        id=row.id,
        payment_id=row.payment_id,
        operation_id=row.operation_id,
        kind=row.kind,
        reverses_id=row.reverses_id,
        amount=money_body(row.amount),
        state=row.state,
        outcome=row.outcome,
        gateway_account_id=row.gateway_account_id,
        gateway_transfer_id=row.gateway_transfer_id,
        detail=row.detail,
        created_at=row.created_at,
        settled_at=row.settled_at,
    )


ROUTES = [
    create_recipient,
    list_recipients,
    get_recipient,
    update_recipient,
    refresh_recipient,
    list_entries,
    list_transfers,
]
