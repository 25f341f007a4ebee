"""The chart of accounts as data: what each kind of account means, its normal side, and when it must be zero.

Accounts exist per merchant and currency, and by kind also per gateway account, recipient of splits or customer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AccountKind(StrEnum):
    """The kinds of accounts; CHART says what each means."""

    CUSTOMER_RECEIVABLE = "customer_receivable"
    CUSTOMER_CREDIT = "customer_credit"
    SALES = "sales"
    TAX = "tax"
    GATEWAY_CLEARING = "gateway_clearing"
    PAYOUT_TRANSIT = "payout_transit"
    BANK = "bank"
    RESERVE = "reserve"
    FEES = "fees"
    REFUNDS = "refunds"
    DISPUTES = "disputes"
    CHARGEBACKS = "chargebacks"
    DISPUTE_FEES = "dispute_fees"
    SPLIT_PAYABLE = "split_payable"
    DISCOUNT = "discount"
    WRITE_OFF = "write_off"
    FX_POSITION = "fx_position"
    FX_DIFFERENCE = "fx_difference"
    CASH_ROUNDING = "cash_rounding"
    ORPHAN_SUSPENSE = "orphan_suspense"


class Side(StrEnum):
    """Where an account normally stands: debit is what we have or spent, credit what we owe or earned."""

    DEBIT = "debit"
    CREDIT = "credit"
    EITHER = "either"


class Dimension(StrEnum):
    """What accounts of a kind are kept apart by, beside merchant and currency."""

    NONE = "none"
    GATEWAY_ACCOUNT = "gateway account"
    RECIPIENT = "recipient"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class AccountMeaning:
    """One row of the chart. `zero_when` is empty where nothing ever brings the account back to zero."""

    side: Side
    means: str
    zero_when: str = ""
    kept_by: Dimension = Dimension.NONE


CHART: dict[AccountKind, AccountMeaning] = {
    AccountKind.CUSTOMER_RECEIVABLE: AccountMeaning(
        Side.DEBIT, "what customers owe by issued invoices", "no invoice is open"
    ),
    AccountKind.CUSTOMER_CREDIT: AccountMeaning(
        Side.CREDIT,
        "what customers paid beyond what they owed, or was credited to them",
        "all of it is used or given back",
        Dimension.CUSTOMER,
    ),
    AccountKind.SALES: AccountMeaning(
        Side.CREDIT, "contra account: the general ledger has the revenue, this has its other side"
    ),
    AccountKind.TAX: AccountMeaning(Side.CREDIT, "tax on issued invoices, for the general ledger to declare"),
    AccountKind.GATEWAY_CLEARING: AccountMeaning(
        Side.DEBIT,
        "what a gateway owes us; equals the gateway's own books but for fees not yet reported",
        "all that was captured is paid out",
        Dimension.GATEWAY_ACCOUNT,
    ),
    AccountKind.PAYOUT_TRANSIT: AccountMeaning(
        Side.DEBIT, "paid out by a gateway, not yet at the bank", "every payout has arrived", Dimension.GATEWAY_ACCOUNT
    ),
    AccountKind.BANK: AccountMeaning(Side.DEBIT, "what came in at the bank"),
    AccountKind.RESERVE: AccountMeaning(
        Side.DEBIT,
        "held back by a gateway as a security",
        "the gateway has released every reserve",
        Dimension.GATEWAY_ACCOUNT,
    ),
    AccountKind.FEES: AccountMeaning(
        Side.DEBIT, "what gateways charge for payments, from their reports", kept_by=Dimension.GATEWAY_ACCOUNT
    ),
    AccountKind.REFUNDS: AccountMeaning(Side.DEBIT, "given back to customers out of our own part"),
    AccountKind.DISPUTES: AccountMeaning(
        Side.DEBIT,
        "withdrawn by a gateway for disputes that are not decided",
        "every dispute is decided",
        Dimension.GATEWAY_ACCOUNT,
    ),
    AccountKind.CHARGEBACKS: AccountMeaning(Side.DEBIT, "lost in disputes"),
    AccountKind.DISPUTE_FEES: AccountMeaning(
        Side.DEBIT, "what gateways charge for disputes, less what they gave back", kept_by=Dimension.GATEWAY_ACCOUNT
    ),
    AccountKind.SPLIT_PAYABLE: AccountMeaning(
        Side.CREDIT,
        "a recipient's parts of payments that it does not have yet; a debit balance is what it owes us",
        "all its parts are sent, and those of refunds taken back",
        Dimension.RECIPIENT,
    ),
    AccountKind.DISCOUNT: AccountMeaning(Side.DEBIT, "given up for paying early"),
    AccountKind.WRITE_OFF: AccountMeaning(
        Side.DEBIT, "given up because it will not be paid, less what was paid after all"
    ),
    AccountKind.FX_POSITION: AccountMeaning(
        Side.EITHER,
        "money exchanged: a debit in the currency that came, a credit in the one that went",
        "the balances of all currencies together, valued at the rates of their conversions",
    ),
    AccountKind.FX_DIFFERENCE: AccountMeaning(
        Side.EITHER, "gained (credit) or lost (debit) by a rate that was another than booked"
    ),
    AccountKind.CASH_ROUNDING: AccountMeaning(
        Side.EITHER, "gained (credit) or lost (debit) by invoices rounded to what can be paid in cash"
    ),
    AccountKind.ORPHAN_SUSPENSE: AccountMeaning(
        Side.EITHER,
        "money that a gateway reports and no payment of ours explains",
        "every report line is explained",
        Dimension.GATEWAY_ACCOUNT,
    ),
}


def chart_table() -> str:
    """The chart as a Markdown table; `python -m orchestrator.ledger.chart` prints it for docs/ledger.md."""
    rows = [
        f"| `{kind.value}` | {row.side.value} | {row.kept_by.value} | {row.means} | {row.zero_when or 'never'} |"
        for kind, row in CHART.items()
    ]
    head = "| account | normal side | one for each | what it means | must be zero when |\n|---|---|---|---|---|"
    return "\n".join([head, *rows])


if __name__ == "__main__":
    print(chart_table())
