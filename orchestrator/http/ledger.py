"""Routes of the ledger: accounts with balances at any time, journals, their export, and the last verification."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream

from currency.money import Money
from orchestrator.errors import NotFound
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import MoneyBody, money_body
from orchestrator.ledger import journals, service, verification
from orchestrator.ledger.balances import BalanceRow
from orchestrator.ledger.chart import CHART, AccountKind, Side
from orchestrator.ledger.journals import JournalFilter, JournalRow
from orchestrator.ledger.service import JournalKind

_SHARED: dict[str, Any] = {"guards": [needs("finance")], "responses": PROBLEMS, "tags": ["ledger"]}


class LedgerAccountBody(msgspec.Struct, kw_only=True):
    """An account and its balance: debits less credits. `docs/ledger.md` says what each kind means."""

    id: str
    object: str = "ledger_account"
    kind: AccountKind
    normal_side: Side
    gateway_account_id: str
    recipient_id: str
    balance: MoneyBody


class JournalTransferBody(msgspec.Struct, kw_only=True):
    """One transfer: the debit account grows by the amount, the credit account gives it."""

    id: str
    debit: str
    debit_account_id: str
    credit: str
    credit_account_id: str
    recipient_id: str
    amount: MoneyBody


class JournalBody(msgspec.Struct, kw_only=True):
    """One money event, posted once by its `journal_key`."""

    id: str
    object: str = "journal"
    journal_key: str
    kind: str
    occurred_at: datetime
    memo: str
    payment_id: str
    attempt_id: str
    operation_id: str
    gateway_account_id: str
    gateway_payment_id: str
    gateway_operation_id: str
    transfers: list[JournalTransferBody]


class CheckBody(msgspec.Struct, kw_only=True):
    """What one check looks at, and how much it found of this merchant."""

    name: str
    looks_at: str
    findings: int


class FindingBody(msgspec.Struct, kw_only=True):
    """Something that is not as it must be: what it is about, and the two sides that differ."""

    check: str
    subject: str
    detail: str
    expected: str
    actual: str


class VerificationBody(msgspec.Struct, kw_only=True):
    """The last run of `clearway ledger verify`, as far as it concerns this merchant."""

    id: str
    object: str = "ledger_verification"
    ok: bool
    started_at: datetime
    finished_at: datetime
    checks: list[CheckBody]
    findings: list[FindingBody]


PaymentId = Annotated[str, QueryParameter(name="payment_id", max_length=40)]
AccountId = Annotated[str, QueryParameter(name="account_id", max_length=40, description="`la_…` of an account.")]
AccountOf = Annotated[AccountKind | None, QueryParameter(name="account", description="A kind of account.")]
RecipientId = Annotated[str, QueryParameter(name="recipient_id", max_length=40)]
Kind = Annotated[JournalKind | None, QueryParameter(name="kind", description="What kind of event.")]
Since = Annotated[datetime | None, QueryParameter(name="since", description="Occurred then or later.")]
Until = Annotated[datetime | None, QueryParameter(name="until", description="Occurred before.")]


@get("/ledger/accounts", summary="List ledger accounts", **_SHARED)
async def list_accounts(
    request: ApiRequest,
    as_of: Annotated[
        datetime | None,
        QueryParameter(name="as_of", description="Balances of what had occurred by then; UTC without an offset."),
    ] = None,
) -> Page[LedgerAccountBody]:
    """Every account that was ever used, with its balance. A report that comes later may add to an earlier time."""
    rows = await service.balances(merchant_of(request), _zoned(as_of))
    return Page(data=[_account_body(row) for row in rows], has_more=False)


@get("/ledger/journals", summary="List journals", **_SHARED)
async def list_journals(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    payment_id: PaymentId = "",
    account_id: AccountId = "",
    account: AccountOf = None,
    recipient_id: RecipientId = "",
    kind: Kind = None,
    since: Since = None,
    until: Until = None,
) -> Page[JournalBody]:
    """Money events with their transfers, the one posted last first."""
    which = JournalFilter(
        payment_id=payment_id,
        account_id=account_id,
        account_kind=account.value if account else "",
        recipient_id=recipient_id,
        kind=kind.value if kind else "",
        since=_zoned(since),
        until=_zoned(until),
        before_id=starting_after or "",
    )
    size = page_size(limit)
    rows = await journals.page(merchant_of(request), which, size + 1)
    return page([journal_body(row) for row in rows], size)


@get("/ledger/journals.csv", media_type="text/csv", summary="Export journals as CSV", **_SHARED)
async def export_journals(
    request: ApiRequest,
    payment_id: PaymentId = "",
    account_id: AccountId = "",
    account: AccountOf = None,
    recipient_id: RecipientId = "",
    kind: Kind = None,
    since: Since = None,
    until: Until = None,
) -> Stream:
    """A line for each transfer, with the same filters as the list; amounts are decimals of major units."""
    which = JournalFilter(
        payment_id=payment_id,
        account_id=account_id,
        account_kind=account.value if account else "",
        recipient_id=recipient_id,
        kind=kind.value if kind else "",
        since=_zoned(since),
        until=_zoned(until),
    )
    return Stream(
        journals.export_csv(merchant_of(request), which),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="journals.csv"'},
    )


@get("/ledger/verification", summary="Get the last verification", **_SHARED)
async def get_verification(request: ApiRequest) -> VerificationBody:
    """What `clearway ledger verify` last found, which the clock also runs once a day."""
    merchant_id = merchant_of(request)
    run = await verification.last()
    if run is None:
        raise NotFound("ledger verification", "last")
    own = [finding for finding in run.findings if finding.merchant_id == merchant_id]
    return VerificationBody(
        id=run.id,
        ok=not own,
        started_at=run.started_at,
        finished_at=run.finished_at,
        checks=[
            CheckBody(
                name=check.name,
                looks_at=check.looks_at,
                findings=sum(finding.check == check.name for finding in own),
            )
            for check in run.checks
        ],
        findings=[
            FindingBody(check=f.check, subject=f.subject, detail=f.detail, expected=f.expected, actual=f.actual)
            for f in own
        ],
    )


def _zoned(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _account_body(row: BalanceRow) -> LedgerAccountBody:
    kind = AccountKind(row.kind)
    return LedgerAccountBody(
        id=row.id,
        kind=kind,
        normal_side=CHART[kind].side,
        gateway_account_id=row.gateway_account_id,
        recipient_id=row.recipient_id,
        balance=money_body(Money(row.balance_minor, row.currency)),
    )


def journal_body(row: JournalRow) -> JournalBody:
    """A journal as the API shows it."""
    return JournalBody(
        id=row.id,
        journal_key=row.journal_key,
        kind=row.kind,
        occurred_at=row.occurred_at,
        memo=row.memo,
        payment_id=row.payment_id,
        attempt_id=row.attempt_id,
        operation_id=row.operation_id,
        gateway_account_id=row.gateway_account_id,
        gateway_payment_id=row.gateway_payment_id,
        gateway_operation_id=row.gateway_operation_id,
        transfers=[
            JournalTransferBody(
                id=transfer.id,
                debit=transfer.debit,
                debit_account_id=transfer.debit_account_id,
                credit=transfer.credit,
                credit_account_id=transfer.credit_account_id,
                recipient_id=transfer.recipient_id,
                amount=money_body(Money(transfer.amount_minor, transfer.currency)),
            )
            for transfer in row.transfers
        ],
    )


ROUTES = [list_accounts, list_journals, export_journals, get_verification]
