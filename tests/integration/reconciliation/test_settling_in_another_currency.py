"""Money taken in dollars and paid out in euros, as each gateway's report tells it: nothing stays, the loss is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import ModuleType

import pytest

from currency.money import Money
from currency.rates import Rate
from orchestrator.db import fetch, transaction
from orchestrator.fx import books as rate_books
from orchestrator.fx import store as fx_store
from orchestrator.fx.store import QuoteRow
from orchestrator.gateways.registry import KINDS
from orchestrator.ledger import verification
from orchestrator.ledger.rules import taken_back
from orchestrator.ledger.service import (
    AccountKey,
    AccountKind,
    Entry,
    JournalKind,
    References,
    balances,
    post,
    reversal_key,
)
from orchestrator.reconciliation.service import RunResult, import_file, reconcile
from simulators.reports import adyen_settlement, paypal_stl, stripe_payout
from simulators.reports.lines import Batch, Conversion, CurrencyTotal, LineKind, SettlementLine

MER, GA = "mer_1", "ga_1"
AT = datetime(2026, 1, 9, 12, tzinfo=UTC)  # a Friday, with a publication of the ECB
LATER = AT + timedelta(days=2)
GATEWAYS = [("stripe", stripe_payout), ("adyen", adyen_settlement), ("paypal", paypal_stl)]
every_gateway = pytest.mark.parametrize(("gateway", "writer"), GATEWAYS)
PAID, BACK, FEE = 20_000, 5_000, 300  # dollars, dollars, of the settlement's currency
RATE = Decimal("0.84")  # the gateway's: worse than any published


@pytest.fixture(autouse=True)
def _fresh_rates(books: str) -> Iterator[None]:
    rate_books.forget()
    yield
    rate_books.forget()


def a_line(gateway: str, *, refund: bool = False) -> SettlementLine:
    """Stripe and Adyen convert the gross, and take their fee of that; PayPal takes its fee first."""
    sign, dollars, fee = (-1, BACK, 0) if refund else (1, PAID, FEE)
    moved = sign * (dollars - fee) if gateway == "paypal" else sign * dollars
    euros = int(moved * RATE)
    return SettlementLine(
        kind=LineKind.REFUND if refund else LineKind.PAYMENT,
        payment_id="pi_1",
        movement_id="re_r1" if refund else "ch_1",
        parent_id="ch_1" if refund else "",
        reference="att_1",
        payment_reference="pay_1",
        operation_reference="op_r1" if refund else "op_c1",
        amount_minor=dollars if gateway == "paypal" else abs(euros),
        fee_minor=fee,
        currency="USD" if gateway == "paypal" else "EUR",
        decimals=2,
        occurred_at=AT,
        conversion=Conversion(dollars, "USD", 2, moved, "EUR", 2, euros, RATE),
    )


def a_batch(*lines: SettlementLine) -> Batch:
    moved: dict[str, int] = {}
    for line in lines:
        for currency, minor in line.moves.items():
            moved[currency] = moved.get(currency, 0) + minor
    totals = tuple(
        CurrencyTotal(currency, 2, 0, minor, 0, f"po_1{currency}", "TX1") for currency, minor in moved.items() if minor
    )
    return Batch("MerchantX", 1, AT + timedelta(hours=6), lines, totals)


def movement(*, refund: bool = False) -> Entry:
    clearing, other = AccountKey(AccountKind.GATEWAY_CLEARING, GA), AccountKey(AccountKind.SALES)
    return Entry(other, clearing, Money(BACK, "USD")) if refund else Entry(clearing, other, Money(PAID, "USD"))


async def record(*, refund: bool = False) -> None:
    async with transaction():
        await post(
            "refund:1" if refund else "capture:1",
            [movement(refund=refund)],
            merchant_id=MER,
            kind=JournalKind.REFUND if refund else JournalKind.PAYMENT,
            at=AT,
            references=References(
                GA, "pay_1", "att_1", "op_r1" if refund else "op_c1", "pi_1", "re_r1" if refund else "ch_1"
            ),
        )


async def take_in(gateway: str, writer: ModuleType, *, refund: bool = False) -> None:
    batch = a_batch(a_line(gateway), *([a_line(gateway, refund=True)] if refund else []))
    result = await import_file(MER, GA, writer.file_name(batch), writer.write(batch), AT + timedelta(hours=7))
    assert result.error == ""


async def run() -> RunResult:
    return await reconcile(MER, LATER, fee_models={}, attempt_states={})


async def standing() -> dict[tuple[str, str], int]:
    """What is not zero, by account and currency."""
    return {(row.kind, row.currency): row.balance_minor for row in await balances(MER) if row.balance_minor}


def worth(dollars: int) -> int:
    """In euros at the ECB's rate of the day, in whole cents."""
    published = Rate("EUR", "USD", Decimal(1), _USD, date(2026, 1, 9), "ecb")
    return round(dollars / published.value)


_USD = Decimal(0)


@pytest.fixture(autouse=True)
async def _published(_fresh_rates: None) -> None:
    global _USD
    found = (await rate_books.published()).published("USD", date(2026, 1, 9))
    assert found is not None
    _USD = found


async def findings() -> list[object]:
    """Of the checks that look at journals and report lines: there are no payments here."""
    found = (await verification.run([name for name, kind in KINDS.items() if kind.splits_after_capture])).findings
    return [finding for finding in found if finding.check in ("journals", "projection", "clearing", "reversals")]


@every_gateway
async def test_a_payment_settled_in_another_currency_leaves_nothing_at_the_gateway(
    gateway: str, writer: ModuleType
) -> None:
    await record()
    await take_in(gateway, writer)
    assert (await run()).breaks_by_kind == {}
    found = await standing()
    sold = PAID - FEE if gateway == "paypal" else PAID
    came = a_line(gateway).conversion.minor  # type: ignore[union-attr]
    assert ("gateway_clearing", "USD") not in found
    assert ("gateway_clearing", "EUR") not in found
    assert found["payout_transit", "EUR"] == (came if gateway == "paypal" else came - FEE)
    assert found["fx_position", "USD"] == sold
    assert found["fx_position", "EUR"] == -worth(sold)
    assert found["fx_difference", "EUR"] == worth(sold) - came > 0
    assert await findings() == []


@every_gateway
async def test_a_refund_goes_the_other_way(gateway: str, writer: ModuleType) -> None:
    await record()
    await record(refund=True)
    await take_in(gateway, writer, refund=True)
    assert (await run()).breaks_by_kind == {}
    found = await standing()
    sold = PAID - FEE if gateway == "paypal" else PAID
    came = sum(a_line(gateway, refund=back).conversion.minor for back in (False, True))  # type: ignore[union-attr]
    assert not {("gateway_clearing", "USD"), ("gateway_clearing", "EUR")} & found.keys()
    assert found["fx_position", "USD"] == sold - BACK
    assert found["fx_difference", "EUR"] == worth(sold) - worth(BACK) - came
    assert await findings() == []


@every_gateway
async def test_each_line_is_converted_once_however_often_it_is_looked_at(gateway: str, writer: ModuleType) -> None:
    await record()
    await take_in(gateway, writer)
    await run()
    before, journals = await standing(), await fetch("SELECT count(*) AS n FROM ledger_journal")
    await take_in(gateway, writer)
    for _ in range(3):
        await run()
    assert await standing() == before
    assert await fetch("SELECT count(*) AS n FROM ledger_journal") == journals


@every_gateway
async def test_the_report_may_come_before_the_capture_is_known(gateway: str, writer: ModuleType) -> None:
    await take_in(gateway, writer)
    assert (await run()).breaks_by_kind != {}
    await record()
    assert (await run()).breaks_by_kind == {}
    late = await standing()
    assert ("orphan_suspense", "EUR") not in late
    assert ("orphan_suspense", "USD") not in late
    sold = PAID - FEE if gateway == "paypal" else PAID
    assert (late["fx_position", "USD"], late["fx_position", "EUR"]) == (sold, -worth(sold))
    assert not {("gateway_clearing", "USD"), ("gateway_clearing", "EUR")} & late.keys()


@every_gateway
async def test_a_capture_that_is_taken_back_takes_its_difference_along(gateway: str, writer: ModuleType) -> None:
    await take_in(gateway, writer)
    await run()
    unexplained = await standing()
    await record()
    await run()
    async with transaction():
        await post(
            reversal_key("capture:1"), taken_back([movement()]), merchant_id=MER, kind=JournalKind.REVERSAL, at=LATER
        )
    await run()
    assert await standing() == unexplained
    assert await findings() == []


@every_gateway
async def test_the_difference_is_to_the_quote_that_the_payment_was_made_with(gateway: str, writer: ModuleType) -> None:
    rate = Rate("EUR", "USD", Decimal(1), Decimal("1.1"), AT.date(), "manual")
    quote = QuoteRow("fxq_1", MER, 18_182, "EUR", PAID, "USD", rate.freeze(), AT, LATER)
    await fx_store.insert_quote(quote)
    assert await fx_store.use_quote(MER, "fxq_1", "pay_1", Money(PAID, "USD"), AT)
    await record()
    await take_in(gateway, writer)
    await run()
    sold = PAID - FEE if gateway == "paypal" else PAID
    booked = round(18_182 * sold / PAID)
    found = await standing()
    assert found["fx_position", "EUR"] == -booked
    assert found["fx_difference", "EUR"] == booked - a_line(gateway).conversion.minor  # type: ignore[union-attr]


@every_gateway
async def test_without_any_rate_the_exchange_is_booked_and_no_difference_claimed(
    gateway: str, writer: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_books.ecb, "history", list)
    rate_books.forget()
    await record()
    await take_in(gateway, writer)
    assert (await run()).breaks_by_kind == {}
    found = await standing()
    assert ("fx_difference", "EUR") not in found
    assert found["fx_position", "EUR"] == -a_line(gateway).conversion.minor  # type: ignore[union-attr]
    assert not {("gateway_clearing", "USD"), ("gateway_clearing", "EUR")} & found.keys()
