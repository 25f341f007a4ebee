"""Every query on the ledger. Rows are only ever added."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from orchestrator.db import fetch
from orchestrator.ids import new_id
from orchestrator.ledger.tables import LedgerJournal

REVERSED = ":reversed"  # ends the key of the journal that takes another one back


class ReferencesLike(Protocol):
    """The ids by which a journal is known; see `ledger.service.References`."""

    @property
    def gateway_account_id(self) -> str: ...
    @property
    def payment_id(self) -> str: ...
    @property
    def attempt_id(self) -> str: ...
    @property
    def operation_id(self) -> str: ...
    @property
    def gateway_payment_id(self) -> str: ...
    @property
    def gateway_operation_id(self) -> str: ...


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


# One statement, for it is part of every payment. It writes nothing while an account is missing.
_POST = """
    WITH entry AS (
        SELECT e.*, d.id AS debit_id, c.id AS credit_id
        FROM jsonb_to_recordset($13::jsonb) AS e (id varchar, debit_kind varchar, debit_account varchar,
            debit_recipient varchar, credit_kind varchar, credit_account varchar, credit_recipient varchar,
            amount_minor bigint, currency varchar)
        JOIN ledger_account d ON (d.merchant_id, d.kind, d.gateway_account_id, d.recipient_id, d.currency)
            = ($2, e.debit_kind, e.debit_account, e.debit_recipient, e.currency)
        JOIN ledger_account c ON (c.merchant_id, c.kind, c.gateway_account_id, c.recipient_id, c.currency)
            = ($2, e.credit_kind, e.credit_account, e.credit_recipient, e.currency)
    ), journal AS (
        INSERT INTO ledger_journal (id, merchant_id, journal_key, kind, occurred_at, memo, gateway_account_id,
            payment_id, attempt_id, operation_id, gateway_payment_id, gateway_operation_id)
        SELECT $1, $2, $3::varchar, $4::varchar, $5::timestamptz, $6::text, $7::varchar, $8::varchar, $9::varchar,
            $10::varchar, $11::varchar, $12::varchar
        WHERE (SELECT count(*) FROM entry) = $14
        ON CONFLICT (journal_key) DO NOTHING RETURNING id
    ), transfer AS (
        INSERT INTO ledger_transfer (id, journal_id, debit_account_id, credit_account_id, amount_minor, currency)
        SELECT entry.id, journal.id, debit_id, credit_id, amount_minor, currency FROM entry, journal
    )
    SELECT (SELECT count(*) FROM entry) AS entries, (SELECT count(*) FROM journal) AS journals"""
_OPEN_ACCOUNT = (
    "INSERT INTO ledger_account (id, merchant_id, kind, gateway_account_id, recipient_id, currency) "
    "VALUES ($1, $2, $3, $4, $5, $6) "
    "ON CONFLICT (merchant_id, kind, gateway_account_id, recipient_id, currency) DO NOTHING"
)


async def post(
    journal_key: str,
    merchant_id: str,
    kind: str,
    at: datetime,
    memo: str,
    references: ReferencesLike,
    transfers: Sequence[NewTransfer],
) -> bool:
    """Add a journal with its transfers; False when its key is known, and then nothing was added.

    Accounts are opened when they are first used.
    """
    values = (
        new_id("jr"),
        merchant_id,
        journal_key,
        kind,
        at,
        memo,
        references.gateway_account_id,
        references.payment_id,
        references.attempt_id,
        references.operation_id,
        references.gateway_payment_id,
        references.gateway_operation_id,
        msgspec.json.encode(transfers).decode(),
        len(transfers),
    )
    posted = (await fetch(_POST, *values))[0]
    if posted["entries"] < len(transfers):
        for transfer in transfers:
            for account in (
                (transfer.debit_kind, transfer.debit_account, transfer.debit_recipient),
                (transfer.credit_kind, transfer.credit_account, transfer.credit_recipient),
            ):
                await fetch(_OPEN_ACCOUNT, new_id("la"), merchant_id, *account, transfer.currency)
        posted = (await fetch(_POST, *values))[0]
    return bool(posted["journals"])


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
