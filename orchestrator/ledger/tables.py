"""The ledger: accounts, journals (one money event, posted once) and transfers (one debit, one credit). Append-only."""

from piccolo.columns import JSONB, BigInt, BigSerial, Date, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table


class LedgerAccount(Table, tablename="ledger_account"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    kind = Varchar(length=40, null=False, default=None)
    gateway_account_id = Varchar(length=40, null=False, default="")
    recipient_id = Varchar(length=40, null=False, default="")  # of split payables
    currency = Varchar(length=3, null=False, default=None)


class LedgerJournal(Table, tablename="ledger_journal"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    journal_key = Varchar(length=160, null=False, default=None, unique=True)
    kind = Varchar(length=30, null=False, default=None)
    occurred_at = Timestamptz(null=False, default=None)
    memo = Text(null=False, default="")
    gateway_account_id = Varchar(length=40, null=False, default="")
    payment_id = Varchar(length=40, null=False, default="")
    attempt_id = Varchar(length=40, null=False, default="")
    operation_id = Varchar(length=40, null=False, default="")
    gateway_payment_id = Varchar(length=120, null=False, default="")
    gateway_operation_id = Varchar(length=120, null=False, default="")


class LedgerTransfer(Table, tablename="ledger_transfer"):
    id = Varchar(length=40, primary_key=True, default=None)
    journal_id = ForeignKey(LedgerJournal, on_delete=OnDelete.restrict, null=False)
    debit_account_id = ForeignKey(LedgerAccount, on_delete=OnDelete.restrict, null=False)
    credit_account_id = ForeignKey(LedgerAccount, on_delete=OnDelete.restrict, null=False)
    amount_minor = BigInt(null=False, default=None)
    currency = Varchar(length=3, null=False, default=None)


class LedgerDay(Table, tablename="ledger_day"):
    """A projection: what moved on an account in one day (UTC, by when it occurred). Can be rebuilt from transfers."""

    id = BigSerial(primary_key=True)
    account_id = ForeignKey(LedgerAccount, on_delete=OnDelete.restrict, null=False)
    day = Date(null=False, default=None)
    debits_minor = BigInt(null=False, default=None)
    credits_minor = BigInt(null=False, default=None)


class LedgerUnfolded(Table, tablename="ledger_unfolded"):
    """A transfer that no LedgerDay counts yet. Written by trigger with the transfer, so a balance is always both."""

    transfer_id = Varchar(length=40, primary_key=True, default=None)
    debit_account_id = Varchar(length=40, null=False, default=None)
    credit_account_id = Varchar(length=40, null=False, default=None)
    amount_minor = BigInt(null=False, default=None)
    day = Date(null=False, default=None)


class LedgerVerification(Table, tablename="ledger_verification"):
    """One run of `clearway ledger verify`: which checks ran, and what they found."""

    id = Varchar(length=40, primary_key=True, default=None)
    started_at = Timestamptz(null=False, default=None)
    finished_at = Timestamptz(null=False, default=None)
    checks = JSONB(null=False, default=None)
    findings = JSONB(null=False, default=None)
