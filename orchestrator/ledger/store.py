"""Every query on the ledger. Rows are only ever added."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from orchestrator.db import fetch, hold
from orchestrator.ids import new_id
from orchestrator.ledger.tables import LedgerJournal

REVERSED = ":reversed"  # ends the key of the journal that takes another one back


class MovementRow(msgspec.Struct, frozen=True):
    """Money that moved at a gateway, as our ledger has it: its journal's `kind`; the amount is positive."""

    journal_key: str
    kind: str
    gateway_account_id: str
    amount_minor: int
    currency: str
    payment_id: str
    attempt_id: str
    operation_id: str
    gateway_payment_id: str
    gateway_operation_id: str
    occurred_at: datetime


class TransferRow(msgspec.Struct, frozen=True):
    """One transfer with the names of its two accounts."""

    journal_key: str
    kind: str
    debit: str
    credit: str
    amount_minor: int
    currency: str
    occurred_at: datetime
    memo: str


class NewTransfer(msgspec.Struct, frozen=True):
    """A transfer between two accounts of the merchant, each by its kind, gateway account and recipient."""

    id: str
    debit_kind: str
    debit_account: str
    debit_recipient: str
    credit_kind: str
    credit_account: str
    credit_recipient: str
    amount_minor: int
    currency: str


class NewJournal(msgspec.Struct, frozen=True):
    """A money event with its transfers and the ids by which it is known; see `ledger.service.References`."""

    id: str
    journal_key: str
    kind: str
    memo: str
    gateway_account_id: str
    payment_id: str
    attempt_id: str
    operation_id: str
    gateway_payment_id: str
    gateway_operation_id: str
    transfers: Sequence[NewTransfer]


# One statement, for it is part of every payment. It writes nothing while an account is missing. Accounts are looked up
# one by one, in their index: how many there are in JSON is more than the planner can know.
_ACCOUNT_OF = """
    (SELECT a.id FROM ledger_account a WHERE (a.merchant_id, a.kind, a.gateway_account_id, a.recipient_id, a.currency)
        = ($1, e.{0}_kind, e.{0}_account, e.{0}_recipient, e.currency)) AS {0}_id"""
_POST = f"""
    WITH given AS (
        SELECT * FROM jsonb_to_recordset($3::jsonb) AS j (id varchar, journal_key varchar, kind varchar, memo text,
            gateway_account_id varchar, payment_id varchar, attempt_id varchar, operation_id varchar,
            gateway_payment_id varchar, gateway_operation_id varchar, transfers jsonb)
    ), entry AS MATERIALIZED (
        SELECT given.id AS journal_id, e.id, amount_minor, currency, {_ACCOUNT_OF.format("debit")},
            {_ACCOUNT_OF.format("credit")}
        FROM given, jsonb_to_recordset(transfers) AS e (id varchar, debit_kind varchar, debit_account varchar,
            debit_recipient varchar, credit_kind varchar, credit_account varchar, credit_recipient varchar,
            amount_minor bigint, currency varchar)
    ), missing AS (
        SELECT count(*) AS accounts FROM entry WHERE debit_id IS NULL OR credit_id IS NULL
    ), journal AS (
        INSERT INTO ledger_journal (id, merchant_id, journal_key, kind, occurred_at, memo, gateway_account_id,
            payment_id, attempt_id, operation_id, gateway_payment_id, gateway_operation_id)
        SELECT given.id, $1, journal_key, kind, $2::timestamptz, memo, gateway_account_id,
            payment_id, attempt_id, operation_id, gateway_payment_id, gateway_operation_id
        FROM given, missing WHERE accounts = 0
        ON CONFLICT (journal_key) DO NOTHING RETURNING id
    ), transfer AS (
        INSERT INTO ledger_transfer (id, journal_id, debit_account_id, credit_account_id, amount_minor, currency)
        SELECT entry.id, journal.id, debit_id, credit_id, amount_minor, currency
        FROM entry JOIN journal ON journal.id = entry.journal_id
    )
    SELECT (SELECT accounts FROM missing) AS missing, (SELECT count(*) FROM journal) AS journals"""  # noqa: S608
_OPEN_ACCOUNT = (
    "INSERT INTO ledger_account (id, merchant_id, kind, gateway_account_id, recipient_id, currency) "
    "VALUES ($1, $2, $3, $4, $5, $6) "
    "ON CONFLICT (merchant_id, kind, gateway_account_id, recipient_id, currency) DO NOTHING"
)


async def post(journals: Sequence[NewJournal], merchant_id: str, at: datetime) -> int:
    """Add the journals of which the key is not known, with their transfers; how many those are.

    Accounts are opened when they are first used.
    """
    given = msgspec.json.encode(journals).decode()
    posted = (await fetch(_POST, merchant_id, at, given))[0]
    if posted["missing"]:
        await hold(f"accounts of {merchant_id}")  # two that open each other's accounts crosswise would deadlock
        for account in sorted({account for journal in journals for account in _accounts_of(journal)}):
            await fetch(_OPEN_ACCOUNT, new_id("la"), merchant_id, *account)
        posted = (await fetch(_POST, merchant_id, at, given))[0]
    return int(posted["journals"])


def _accounts_of(journal: NewJournal) -> Iterator[tuple[str, str, str, str]]:
    for it in journal.transfers:
        yield it.debit_kind, it.debit_account, it.debit_recipient, it.currency
        yield it.credit_kind, it.credit_account, it.credit_recipient, it.currency


async def gateway_movements(merchant_id: str, gateway_account_id: str | None = None) -> list[MovementRow]:
    """Captures, refunds, disputes' money and transfers that stand, oldest first: what a gateway's reports must show."""
    rows = await LedgerJournal.raw(
        "SELECT j.journal_key, CASE WHEN j.kind = 'split_transfer' AND m.is_debited THEN 'split_reversal' "
        "ELSE j.kind END AS kind, j.gateway_account_id, m.amount_minor, m.currency, j.payment_id, j.attempt_id, "
        "j.operation_id, j.gateway_payment_id, j.gateway_operation_id, j.occurred_at FROM ledger_journal j "
        # a journal with parts of recipients has several transfers, and is one movement at the gateway
        "JOIN LATERAL (SELECT t.currency, sum(t.amount_minor)::bigint AS amount_minor, "
        "bool_or(a.id = t.debit_account_id) AS is_debited FROM ledger_transfer t "
        "JOIN ledger_account a ON a.id IN (t.debit_account_id, t.credit_account_id) AND a.kind = 'gateway_clearing' "
        "WHERE t.journal_id = j.id GROUP BY t.currency) m ON true "
        "WHERE j.merchant_id = {} AND (j.kind IN ('payment', 'refund', 'dispute', 'dispute_reversal') "
        # what a gateway shared out by itself is part of the capture's movement; a transfer of ours is one of its own
        "OR (j.kind = 'split_transfer' AND j.journal_key LIKE 'split_transfer:%')) "
        "AND NOT EXISTS (SELECT 1 FROM ledger_journal r WHERE r.journal_key = j.journal_key || {}) "
        "AND ({} = '' OR j.gateway_account_id = {}) ORDER BY j.occurred_at, j.id",
        merchant_id,
        REVERSED,
        gateway_account_id or "",
        gateway_account_id or "",
    )
    return msgspec.convert(rows, list[MovementRow])


async def sides_of(journal_key: str) -> list[NewTransfer]:
    """The transfers of one journal, as they were posted."""
    rows = await fetch(
        "SELECT t.id, d.kind AS debit_kind, d.gateway_account_id AS debit_account, d.recipient_id AS debit_recipient, "
        "c.kind AS credit_kind, c.gateway_account_id AS credit_account, c.recipient_id AS credit_recipient, "
        "t.amount_minor, t.currency FROM ledger_journal j JOIN ledger_transfer t ON t.journal_id = j.id "
        "JOIN ledger_account d ON d.id = t.debit_account_id JOIN ledger_account c ON c.id = t.credit_account_id "
        "WHERE j.journal_key = $1 ORDER BY t.id",
        journal_key,
    )
    return msgspec.convert([dict(row) for row in rows], list[NewTransfer])


async def withheld_minor(payment_id: str) -> int:
    """What gateways hold back of the payment for disputes, or have given to the customer. In minor units."""
    rows = await LedgerJournal.raw(
        "SELECT COALESCE(sum(CASE j.kind WHEN 'dispute' THEN t.amount_minor ELSE -t.amount_minor END), 0)::bigint AS n "
        "FROM ledger_journal j JOIN ledger_transfer t ON t.journal_id = j.id "
        "WHERE j.payment_id = {} AND j.kind IN ('dispute', 'dispute_reversal')",
        payment_id,
    )
    return int(rows[0]["n"])


async def transfers_of(payment_id: str) -> list[TransferRow]:
    """Everything the ledger has for a payment, oldest first."""
    rows = await LedgerJournal.raw(
        "SELECT j.journal_key, j.kind, d.kind AS debit, c.kind AS credit, t.amount_minor, t.currency, j.occurred_at, "
        "j.memo FROM ledger_journal j JOIN ledger_transfer t ON t.journal_id = j.id "
        "JOIN ledger_account d ON d.id = t.debit_account_id JOIN ledger_account c ON c.id = t.credit_account_id "
        "WHERE j.payment_id = {} ORDER BY j.occurred_at, t.id",
        payment_id,
    )
    return msgspec.convert(rows, list[TransferRow])
