"""What `clearway ledger verify` finds: nothing in sound books, and each kind of damage by its own check."""

from __future__ import annotations

import contextlib

import pytest_asyncio
from split_shop import Market

from currency.money import Money
from orchestrator import clock_port
from orchestrator.db import fetch, transaction
from orchestrator.disputes.tables import Dispute
from orchestrator.ids import new_id
from orchestrator.ledger import rules, verification
from orchestrator.ledger import service as ledger
from orchestrator.ledger.checks import CHECKS
from orchestrator.ledger.service import AccountKey, AccountKind, Entry, JournalKind
from orchestrator.notifications import store as events
from orchestrator.recipients.shares import Wish
from orchestrator.reconciliation import books
from orchestrator.reconciliation.tables import SettlementFile, SettlementLineRow, SettlementMatch
from orchestrator.refunds import service as refunds


async def corrupt(*statements: str) -> None:
    """Do what neither the triggers nor the constraints allow."""
    async with transaction() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            await connection.execute(statement)


@pytest_asyncio.fixture(loop_scope="session")
async def sound(market: Market) -> Market:
    """A market with a payment of parts, a refund, a payment that a report confirms, and a dispute that was lost."""
    first = await market.pay(1999, Wish(market.ada, bps=5000))
    await market.send_all()
    await refunds.create(market.merchant_id, first.id, 400, "")
    await market.send_all()
    second = await market.pay(2500)
    await report_of(market, second.id)
    await dispute_of(market, second.id)
    assert await market.findings() == []
    return market


async def report_of(market: Market, payment_id: str) -> None:
    """A report line of the payment with a fee, imported and matched."""
    now, account_id = clock_port.now(), market.shop.accounts["stripe"]
    (journal,) = await fetch("SELECT journal_key FROM ledger_journal WHERE payment_id = $1", payment_id)
    shared = {"merchant_id": market.merchant_id, "gateway_account_id": account_id}
    file = SettlementFile(
        id="sf_1", name="r.csv", sha256="0", state="parsed", imported_at=now, content=b"", lines=1, **shared
    )
    await SettlementFile.insert(file)
    line = SettlementLineRow(
        id="sl_1", file_id="sf_1", row_no=1, line_key="k", natural_key="k", row_hash="h", line_type="payment",
        gateway_type="charge", gross_minor=2500, gross_currency="EUR", fee_minor=50, fee_currency="EUR",
        net_minor=2450, net_currency="EUR", occurred_at=now, raw_row={}, **shared,
    )  # fmt: skip
    await SettlementLineRow.insert(line)
    async with transaction():
        cost = Entry(AccountKey(AccountKind.FEES, account_id), rules.clearing(account_id), Money(50, "EUR"))
        await ledger.post("settlement:sl_1:fee", [cost], merchant_id=market.merchant_id, kind=JournalKind.FEE, at=now)
    match = SettlementMatch(
        id="sm_1", line_id="sl_1", movement_id=journal["journal_key"], basis="known", status="matched",
        matched_at=now, **shared,
    )  # fmt: skip
    await SettlementMatch.insert(match)


async def dispute_of(market: Market, payment_id: str) -> None:
    """A chargeback of 2500 that was lost, with its two journals."""
    now, account_id = clock_port.now(), market.shop.accounts["stripe"]
    held = AccountKey(AccountKind.DISPUTES, account_id)
    row = Dispute(
        id="dsp_1", merchant_id=market.merchant_id, gateway_account_id=account_id, gateway="stripe",
        gateway_dispute_id="du_1", payment_id=payment_id, kind="chargeback", status="lost", amount_minor=2500,
        currency="EUR", reason="fraud", withdrawn_minor=2500, written_off_minor=2500, withdrawals=1, postings=2,
        version=1, created_at=now, updated_at=now,
    )  # fmt: skip
    await Dispute.insert(row)
    async with transaction():
        for number, kind, entry in (
            (1, JournalKind.DISPUTE, Entry(held, rules.clearing(account_id), Money(2500, "EUR"))),
            (2, JournalKind.DISPUTE_LOSS, Entry(AccountKey(AccountKind.CHARGEBACKS), held, Money(2500, "EUR"))),
        ):
            await ledger.post(f"dispute:dsp_1:{number}:x", [entry], merchant_id=market.merchant_id, kind=kind, at=now)


OF_CAPTURE = "(SELECT id FROM ledger_journal WHERE journal_key LIKE 'capture:%' ORDER BY id LIMIT 1)"
OF_REFUND = "(SELECT id FROM ledger_journal WHERE journal_key LIKE 'refund:%')"

PAID_INVOICE = (
    "INSERT INTO invoice (id, merchant_id, customer_id, state, currency, net_minor, tax_minor, total_minor, "
    "rounding_minor, paid_minor, credited_minor, discount_minor, written_off_minor, credit_notes_minor, locale, draft, "
    "public_token, created_at) SELECT 'inv_x', merchant_id, '', 'draft', 'EUR', 1, 0, 1, 0, 1, 0, 0, 0, 0, 'en', "
    "'{}', 'x', now() FROM ledger_journal LIMIT 1"
)

DAMAGES: dict[str, tuple[str, list[str]]] = {
    "a journal is lost": (
        "operations",
        [
            f"DELETE FROM ledger_transfer WHERE journal_id = {OF_REFUND}",
            "DELETE FROM ledger_journal WHERE journal_key LIKE 'refund:%'",
        ],
    ),
    "a journal has another amount": (
        "operations",
        [f"UPDATE ledger_transfer SET amount_minor = amount_minor + 1 WHERE journal_id = {OF_CAPTURE}"],
    ),
    "an operation did not happen after all": (
        "operations",
        ["UPDATE operation SET outcome = 'declined' WHERE kind = 'refund'"],
    ),
    "an operation is gone": ("operations", ["DELETE FROM operation WHERE kind = 'refund'"]),
    "a dispute has another amount": ("disputes", ["UPDATE dispute SET withdrawn_minor = 2400, written_off_minor = 0"]),
    "a dispute is gone": ("disputes", ["DELETE FROM dispute"]),
    "a reversal of nothing": (
        "reversals",
        [
            "INSERT INTO ledger_journal (id, merchant_id, journal_key, kind, occurred_at) "
            "SELECT 'jr_x', merchant_id, 'capture:op_x:reversed', 'reversal', occurred_at FROM ledger_journal LIMIT 1"
        ],
    ),
    "a reversal that is no mirror": (
        "reversals",
        [
            "INSERT INTO ledger_journal (id, merchant_id, journal_key, kind, occurred_at) SELECT 'jr_x', merchant_id, "
            f"journal_key || ':reversed', 'reversal', occurred_at FROM ledger_journal WHERE id = {OF_CAPTURE}",
            "INSERT INTO ledger_transfer (id, journal_id, debit_account_id, credit_account_id, amount_minor, currency) "
            "SELECT 'tr_x', 'jr_x', credit_account_id, debit_account_id, 1, currency FROM ledger_transfer "
            f"WHERE journal_id = {OF_CAPTURE} ORDER BY id LIMIT 1",
        ],
    ),
    "a journal without transfers": (
        "journals",
        [
            "INSERT INTO ledger_journal (id, merchant_id, journal_key, kind, occurred_at) "
            "SELECT 'jr_x', merchant_id, 'x', 'fee', occurred_at FROM ledger_journal LIMIT 1"
        ],
    ),
    "a transfer in another currency than its accounts": (
        "journals",
        [f"UPDATE ledger_transfer SET currency = 'USD' WHERE journal_id = {OF_REFUND}"],
    ),
    "an account of another merchant": (
        "journals",
        ["UPDATE ledger_account SET merchant_id = 'mer_other' WHERE kind = 'sales'"],
    ),
    "a conversion past the position account": (
        "journals",
        [f"UPDATE ledger_journal SET kind = 'conversion' WHERE id = {OF_CAPTURE}"],
    ),
    "what was not folded yet is lost": ("projection", ["DELETE FROM ledger_unfolded"]),
    "a payment's captured amount is wrong": (
        "payments",
        ["UPDATE payment SET amount_captured_minor = 1 WHERE amount_minor = 1999"],
    ),
    "a payment's refunded amount is wrong": (
        "payments",
        ["UPDATE payment SET amount_refunded_minor = 1 WHERE amount_minor = 2500"],
    ),
    "a report line has another amount than its match": ("clearing", ["UPDATE settlement_line SET gross_minor = 2499"]),
    "a match has no journal": ("clearing", ["UPDATE settlement_match SET movement_id = 'capture:op_x'"]),
    "a fee was not posted": ("clearing", ["UPDATE settlement_line SET fee_minor = 51"]),
    "a fee of no line": (
        "clearing",
        ["UPDATE ledger_journal SET journal_key = 'settlement:sl_2:fee' WHERE kind = 'fee'"],
    ),
    "a receivable that no invoice explains": (
        "receivable",
        ["UPDATE ledger_account SET kind = 'customer_receivable' WHERE kind = 'sales'"],
    ),
    "credit that nobody paid": (
        "customer_credit",
        ["UPDATE ledger_account SET kind = 'customer_credit' WHERE kind = 'sales'"],
    ),
    "an invoice that is paid by nothing": ("settled", [PAID_INVOICE]),
    "a recipient's part is changed": (
        "split_payables",
        [
            "UPDATE operation SET splits = jsonb_set(splits, '{0,amount_minor}', '1') "
            "WHERE kind = 'capture' AND splits IS NOT NULL",
        ],
    ),
    "a transfer to a recipient is gone": ("split_payables", ["DELETE FROM split_transfer WHERE kind = 'reversal'"]),
}


class Enough(Exception):
    """Ends a transaction whose damage has been seen."""


async def found_after(statements: list[str]) -> set[str]:
    """The checks that find something once the statements are carried out, which are then undone."""
    found: set[str] = set()
    with contextlib.suppress(Enough):
        async with transaction() as connection:
            await connection.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                changed = await connection.execute(statement)
                assert not changed.endswith(" 0"), f"nothing was damaged: {statement}"
            for check in CHECKS:
                if await verification.look(check, ["stripe"]):
                    found.add(check.name)
            raise Enough
    return found


async def test_each_kind_of_damage_is_found_by_its_check(sound: Market) -> None:
    unseen = {damage for damage, (check, how) in DAMAGES.items() if check not in await found_after(how)}
    assert unseen == set()
    assert await sound.findings() == []


def test_each_check_has_a_damage_that_it_is_tried_on() -> None:
    assert {check for check, _ in DAMAGES.values()} == {check.name for check in CHECKS}


async def test_the_result_is_kept_and_told_once_a_day(sound: Market) -> None:
    await fetch("DELETE FROM ledger_verification")
    await corrupt("UPDATE payment SET amount_captured_minor = 1 WHERE amount_minor = 1999")
    await books.verify("ledger")
    kept = await verification.last()
    assert kept is not None
    (finding,) = kept.findings
    assert (finding.check, finding.merchant_id) == ("payments", sound.merchant_id)
    (event,) = await events.events_of(sound.merchant_id, limit=5, object_id=kept.id)
    assert (event.type, event.data) == ("incident.ledger_findings", {"findings": {"payments": 1}})
    await books.verify("ledger")
    again = await verification.last()
    assert again is not None
    assert again.id == kept.id


async def test_a_conversion_posted_by_its_rule_is_sound(sound: Market) -> None:
    entries = rules.converted(
        Money(100, "EUR"), Money(108, "USD"), AccountKey(AccountKind.BANK), AccountKey(AccountKind.BANK)
    )
    async with transaction():
        await ledger.post(
            f"conversion:{new_id('x')}", entries, merchant_id=sound.merchant_id, kind=JournalKind.CONVERSION,
            at=clock_port.now(),
        )  # fmt: skip
    assert await sound.findings() == []
