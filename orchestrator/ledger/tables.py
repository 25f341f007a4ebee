"""The ledger: accounts, journals (one money event, posted once) and transfers (one debit, one credit). Append-only."""

from piccolo.columns import BigInt, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table


class LedgerAccount(Table, tablename="ledger_account"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    kind = Varchar(length=40, null=False, default=None)
    gateway_account_id = Varchar(length=40, null=False, default="")
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
