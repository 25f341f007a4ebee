"""Reports as the simulated gateways write them, through import and reconciliation to the ledger."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest
import settlement_samples as samples

from currency.money import Money
from orchestrator.db import transaction
from orchestrator.ledger.service import AccountKey, AccountKind, Entry, JournalKind, References, balances, post
from orchestrator.reconciliation.breaks import BreakKind, FeeModel
from orchestrator.reconciliation.export import RowStatus, to_csv, to_xlsx
from orchestrator.reconciliation.lines import ReportOwner
from orchestrator.reconciliation.reports import reconciliation_report
from orchestrator.reconciliation.service import import_file, list_breaks, list_files, reconcile
from orchestrator.reconciliation.states import FileState
from simulators.fees import fee_minor
from simulators.reports import adyen_settlement, paypal_stl, stripe_payout
from simulators.reports.lines import Batch, CurrencyTotal, LineKind, SettlementLine

pytestmark = pytest.mark.usefixtures("books")

MER, GA = "mer_1", "ga_1"
AT = datetime(2026, 1, 10, 12, tzinfo=UTC)
SOON, LATE = AT + timedelta(days=1), AT + timedelta(days=5)
GATEWAYS = [("stripe", stripe_payout), ("adyen", adyen_settlement), ("paypal", paypal_stl)]
FEES = {
    "stripe": FeeModel(150, {"EUR": 25, "JPY": 25}),
    "adyen": FeeModel(120, {"EUR": 12, "JPY": 12}),
    "paypal": FeeModel(249, {"EUR": 35, "JPY": 35}),
}


def a_sim_line(
    gateway: str, number: int, *, refund: bool = False, currency: str = "EUR", extra: int = 0
) -> SettlementLine:
    amount = 700 if refund else 2000
    return SettlementLine(
        kind=LineKind.REFUND if refund else LineKind.PAYMENT,
        payment_id=f"pi_{number}",
        movement_id=f"re_r{number}" if refund else f"ch_{number}",
        parent_id=f"ch_{number}" if refund else "",
        reference=f"att_{number}",
        payment_reference=f"pay_{number}",
        operation_reference=f"op_{'r' if refund else 'c'}{number}",
        amount_minor=amount,
        fee_minor=0 if refund else fee_minor(gateway, amount, currency) + extra,
        currency=currency,
        decimals=0 if currency == "JPY" else 2,
        occurred_at=AT,
    )


def a_batch(*lines: SettlementLine, number: int = 1) -> Batch:
    totals = []
    for currency in dict.fromkeys(line.currency for line in lines):
        own = [line for line in lines if line.currency == currency]
        paid = sum(line.net_minor for line in own)
        totals.append(CurrencyTotal(currency, own[0].decimals, 0, paid, 0, f"po_{number}{currency}", f"TX{number}"))
    return Batch("MerchantX", number, AT + timedelta(hours=6), lines, tuple(totals))


async def record(number: int, *, refund: bool = False, currency: str = "EUR") -> None:
    """What our ledger holds of a capture or refund."""
    clearing, other = AccountKey(AccountKind.GATEWAY_CLEARING, GA), AccountKey(AccountKind.SALES)
    amount = Money(700 if refund else 2000, currency)
    entry = Entry(other, clearing, amount) if refund else Entry(clearing, other, amount)
    async with transaction():
        await post(
            f"{'refund' if refund else 'capture'}:{number}",
            [entry],
            merchant_id=MER,
            kind=JournalKind.REFUND if refund else JournalKind.PAYMENT,
            at=AT,
            references=References(
                gateway_account_id=GA,
                payment_id=f"pay_{number}",
                attempt_id=f"att_{number}",
                operation_id=f"op_{'r' if refund else 'c'}{number}",
                gateway_payment_id=f"pi_{number}",
                gateway_operation_id=f"re_r{number}" if refund else f"ch_{number}",
            ),
        )


async def balance(kind: AccountKind, currency: str = "EUR") -> int:
    return sum(row.balance_minor for row in await balances(MER) if row.kind == kind.value and row.currency == currency)


async def take_in(writer: ModuleType, batch: Batch) -> FileState:
    result = await import_file(MER, GA, writer.file_name(batch), writer.write(batch), AT + timedelta(hours=7))
    assert result.error == ""
    return result.state


@pytest.mark.parametrize(("gateway", "writer"), GATEWAYS)
async def test_a_paid_out_batch_leaves_nothing_open(gateway: str, writer: ModuleType) -> None:
    await record(1)
    await record(1, refund=True)
    await record(2, currency="JPY")
    batch = a_batch(a_sim_line(gateway, 1), a_sim_line(gateway, 1, refund=True), a_sim_line(gateway, 2, currency="JPY"))
    assert await take_in(writer, batch) is FileState.PARSED
    result = await reconcile(MER, SOON, fee_models={GA: FEES[gateway]})
    assert (result.breaks_by_kind, result.matched, result.expected) == ({}, 5, 0)
    for currency in ("EUR", "JPY"):
        assert await balance(AccountKind.GATEWAY_CLEARING, currency) == 0
        assert await balance(AccountKind.FEES, currency) == fee_minor(gateway, 2000, currency)
    assert await balance(AccountKind.PAYOUT_TRANSIT) == 2000 - 700 - fee_minor(gateway, 2000, "EUR")


@pytest.mark.parametrize(("gateway", "writer"), GATEWAYS)
async def test_every_kind_of_difference_is_found_once(gateway: str, writer: ModuleType) -> None:
    await record(1)
    await record(2)
    await take_in(writer, a_batch(a_sim_line(gateway, 1, extra=3), a_sim_line(gateway, 9)))
    for _ in range(2):
        result = await reconcile(MER, LATE, fee_models={GA: FEES[gateway]})
        assert result.breaks_by_kind == {
            BreakKind.FEE_MISMATCH: 1,
            BreakKind.MISSING_IN_LEDGER: 1,
            BreakKind.MISSING_AT_GATEWAY: 1,
        }
    found = {row.kind: row for row in await list_breaks(MER)}
    assert len(found) == len(await list_breaks(MER)) == 3
    fee = found["fee_mismatch"]
    assert (fee.expected_minor, fee.actual_minor) == (
        fee_minor(gateway, 2000, "EUR"),
        fee_minor(gateway, 2000, "EUR") + 3,
    )
    assert await balance(AccountKind.ORPHAN_SUSPENSE) == -2000
    assert await balance(AccountKind.GATEWAY_CLEARING) == 2000  # the capture that the gateway does not show


@pytest.mark.parametrize(("gateway", "writer"), GATEWAYS)
async def test_the_same_file_again_changes_nothing(gateway: str, writer: ModuleType) -> None:
    content = writer.write(a_batch(a_sim_line(gateway, 1)))
    first = await import_file(MER, GA, "a.csv", content, AT)
    before = await balances(MER)
    again = await import_file(MER, GA, "b.csv", content, SOON)
    assert (again.file_id, again.already_imported, again.new_lines) == (first.file_id, True, 0)
    assert await balances(MER) == before


async def test_two_imports_of_a_file_at_once_store_it_once() -> None:
    content = samples.ADYEN.encode()
    results = await asyncio.gather(*(import_file(MER, GA, "a.csv", content, AT) for _ in range(4)))
    assert sorted(result.new_lines for result in results) == [0, 0, 0, 5]
    assert await balance(AccountKind.FEES, "GBP") == 12 + 18 + 18


async def test_lines_of_an_earlier_file_are_not_counted_again() -> None:
    first = a_batch(a_sim_line("adyen", 1))
    await take_in(adyen_settlement, first)
    longer = adyen_settlement.write(first) + b"\n"
    result = await import_file(MER, GA, "again.csv", longer, SOON)
    assert (result.lines, result.new_lines) == (2, 0)


async def test_a_line_that_comes_again_with_other_money_is_a_break_and_posts_nothing() -> None:
    await take_in(stripe_payout, a_batch(a_sim_line("stripe", 1)))
    fees = await balance(AccountKind.FEES)
    await import_file(MER, GA, "other.csv", stripe_payout.write(a_batch(a_sim_line("stripe", 1, extra=5))), SOON)
    await reconcile(MER, SOON)
    assert BreakKind.DUPLICATE_LINE in {row.kind for row in await list_breaks(MER)}
    assert await balance(AccountKind.FEES) == fees


async def test_a_break_clears_when_the_lost_notice_arrives() -> None:
    await take_in(stripe_payout, a_batch(a_sim_line("stripe", 1)))
    await reconcile(MER, SOON)
    assert await balance(AccountKind.ORPHAN_SUSPENSE) == -2000
    await record(1)
    result = await reconcile(MER, LATE)
    assert result.breaks_by_kind == {}
    assert await list_breaks(MER) == []
    assert [row.resolution for row in await list_breaks(MER, state=None)] == ["cleared"]
    assert await balance(AccountKind.ORPHAN_SUSPENSE) == 0
    assert await balance(AccountKind.GATEWAY_CLEARING) == 0


async def test_an_unreadable_file_is_kept_as_failed_with_its_remedy() -> None:
    result = await import_file(MER, GA, "x.csv", b"a,b\n1,2\n", AT)
    assert (result.state, result.new_lines) == (FileState.FAILED, 0)
    assert [(file.state, file.error) for file in await list_files(MER)] == [(FileState.FAILED, result.error)]


async def test_another_gateways_report_is_refused_and_posts_nothing() -> None:
    batch = a_batch(a_sim_line("adyen", 1))
    name, content = adyen_settlement.file_name(batch), adyen_settlement.write(batch)
    result = await import_file(MER, GA, name, content, AT, owner=ReportOwner("stripe"))
    assert (result.state, result.new_lines) == (FileState.FAILED, 0)
    assert "a report of adyen" in result.error
    assert await balance(AccountKind.FEES) == 0


async def test_another_merchant_accounts_report_of_the_same_gateway_is_refused_and_posts_nothing() -> None:
    batch = a_batch(a_sim_line("adyen", 1))
    name, content = adyen_settlement.file_name(batch), adyen_settlement.write(batch)
    result = await import_file(MER, GA, name, content, AT, owner=ReportOwner("adyen", "SomebodyElse"))
    assert (result.state, result.new_lines) == (FileState.FAILED, 0)
    assert "the account is SomebodyElse" in result.error
    assert await balance(AccountKind.FEES) == 0


async def test_a_bad_row_does_not_block_the_file() -> None:
    content = samples.ADYEN.replace(",5.00,1,GBP", ",five,1,GBP").encode()
    result = await import_file(MER, GA, "x.csv", content, AT)
    assert (result.state, result.new_lines) == (FileState.PARSED_WITH_ERRORS, 4)
    assert result.error.startswith("line 2: ")


async def test_the_report_tells_of_every_line_and_movement() -> None:
    for number in (1, 2):
        await record(number)
    await take_in(stripe_payout, a_batch(a_sim_line("stripe", 1), a_sim_line("stripe", 9)))
    await reconcile(MER, SOON)
    rows = await reconciliation_report(MER, SOON)
    assert sorted((row.status, row.kind, row.line_type) for row in rows) == [
        (RowStatus.BREAK, "missing_in_ledger", "payment"),
        (RowStatus.EXPECTED, "not_due", "payment"),
        (RowStatus.MATCHED, "attempt_id", "payment"),
        (RowStatus.MATCHED, "batch_total", "payout"),
    ]
    assert to_csv(rows).count(b"\n") == 5
    assert to_xlsx(rows)[:2] == b"PK"


async def test_what_a_person_resolved_stays_resolved() -> None:
    await take_in(stripe_payout, a_batch(a_sim_line("stripe", 9)))
    await reconcile(MER, SOON)
    async with transaction() as connection:
        await connection.execute(
            "UPDATE settlement_break SET state = 'resolved', resolved_at = $1, resolution = 'accepted'", SOON
        )
    assert (await reconcile(MER, LATE)).breaks_by_kind == {}
    assert await list_breaks(MER) == []
    (row,) = [row for row in await reconciliation_report(MER, LATE) if row.kind == "missing_in_ledger"]
    assert (row.status, row.reason.startswith("Resolved (accepted): ")) == (RowStatus.MATCHED, True)


async def test_merchants_do_not_see_each_others_breaks() -> None:
    await take_in(stripe_payout, a_batch(a_sim_line("stripe", 9)))
    await reconcile(MER, SOON)
    assert (await reconcile("mer_2", SOON)).lines == 0
    assert await list_breaks("mer_2") == []
