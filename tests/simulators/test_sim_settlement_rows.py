"""What each gateway's file says of disputes, conversions, failures and interchange, column by column."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from test_sim_settlement import ACCOUNT, Row, captured, close, payouts, stl_body, stl_records, table

from simulators.disputes import Dispute, DisputeKind, disputes_of, reinstate, withdraw
from simulators.fees import Fee, capture_fee, fee_minor, price_of, refund_fee
from simulators.payouts import payouts_of, statements_of
from simulators.rates import MARKUP_BPS, converted_minor, rate_of
from simulators.world import Charge, ChargeEvent, World

GATEWAYS = ("stripe", "adyen", "paypal")
MORNING = datetime(2026, 11, 23, 9, tzinfo=UTC)


def account(gateway: str, **options: str) -> World:
    world = World()
    world.register_account(gateway, ACCOUNT, options)
    return world


def disputed(world: World, charge: Charge, minor: int, fee_minor: int) -> Dispute:
    now = world.clock.now()
    dispute = Dispute(
        "PP-D-1", charge.gateway, ACCOUNT, charge.id, minor, charge.currency, "not_received", DisputeKind.CHARGEBACK,
        now, now,
    )  # fmt: skip
    disputes_of(world)[dispute.id] = dispute
    withdraw(world, dispute, minor, fee_minor)
    return dispute


def cells(row: Row, *names: str) -> tuple[str, ...]:
    return tuple(row[name] for name in names)


def stl(content: bytes, code: str) -> list[Row]:
    return [row for row in stl_body(content) if row["Transaction Event Code"] == code]


# disputes


def test_stripes_dispute_takes_the_amount_and_the_fee_in_one_row(tmp_path: Path) -> None:
    world = World()
    dispute = disputed(world, captured(world, "stripe", 1, 5000), 2000, 1500)
    dispute_row = table(close(world, "stripe", tmp_path)[1])[1]
    assert cells(dispute_row, "reporting_category", "gross", "fee", "net") == ("dispute", "-20.00", "15.00", "-35.00")
    assert cells(dispute_row, "source_id", "charge_id", "dispute_reason") == (dispute.id, "ch_1", "not_received")
    reinstate(world, dispute, 1500)
    [won] = table(close(world, "stripe", tmp_path)[1])
    assert cells(won, "reporting_category", "gross", "fee", "net") == ("dispute_reversal", "20.00", "-15.00", "35.00")
    assert won["balance_transaction_id"] != dispute_row["balance_transaction_id"]


def test_stripe_tells_a_fee_that_came_and_went_within_one_batch(tmp_path: Path) -> None:
    world = World()
    reinstate(world, disputed(world, captured(world, "stripe", 1, 5000), 2000, 1500), 1500)
    rows = table(close(world, "stripe", tmp_path)[1])
    assert [row["fee"] for row in rows] == ["1.00", "15.00", "-15.00"]


def test_adyens_chargeback_is_reversed_and_comes_a_second_time(tmp_path: Path) -> None:
    world = World()
    dispute = disputed(world, captured(world, "adyen", 1, 34999), 34999, 750)
    reinstate(world, dispute)
    withdraw(world, dispute, 34999)
    rows = table(close(world, "adyen", tmp_path)[1])
    assert [row["Type"] for row in rows] == (
        ["Settled", "Chargeback", "ChargebackReversed", "SecondChargeback", "Balancetransfer"]
    )
    first, back, second = rows[1:4]
    names = ("Gross Debit (GC)", "Gross Credit (GC)", "Net Debit (NC)", "Net Credit (NC)", "Commission (NC)")
    assert cells(first, *names) == ("349.99", "", "357.49", "", "7.50")  # as in Adyen's own sample
    assert cells(back, *names) == ("", "349.99", "", "349.99", "")
    assert cells(second, *names) == ("349.99", "", "349.99", "", "")
    assert cells(first, "Psp Reference", "Modification Reference", "Dispute Reference") == (
        "PSP1",
        dispute.id,
        dispute.id,
    )


def test_a_card_dispute_at_paypal_has_its_fee_in_a_row_of_its_own(tmp_path: Path) -> None:
    world = World()
    dispute = disputed(world, captured(world, "paypal", 1, 50_000), 30_000, 1600)
    _, content = close(world, "paypal", tmp_path)
    [taken], [fee] = stl(content, "T1201"), stl(content, "T0106")
    names = ("Transaction ID", "PayPal Reference ID", "Transaction Debit or Credit", "Gross Transaction Amount")
    assert cells(taken, *names) == ("PPD1", "CAP1", "DR", "30000")
    assert cells(fee, *names) == ("PPD1FEE", "PPD1", "DR", "1600")
    reinstate(world, dispute)
    _, content = close(world, "paypal", tmp_path)
    assert cells(stl(content, "T1202")[0], *names) == ("PPD1", "CAP1", "CR", "30000")
    assert stl(content, "T0106") == []


def test_a_buyers_dispute_at_paypal_is_a_hold(tmp_path: Path) -> None:
    world = World()
    charge = captured(world, "paypal", 1, 5000)
    charge.method = "paypal"
    reinstate(world, disputed(world, charge, 2000, 0))
    _, content = close(world, "paypal", tmp_path)
    sides = [(row["Transaction Event Code"], row["Transaction Debit or Credit"]) for row in stl_body(content)]
    assert sides == [("T0006", "CR"), ("T1110", "DR"), ("T1111", "CR"), ("T0400", "DR")]


# what failed


def failed(world: World, charge: Charge, kind: str, minor: int, id: str) -> None:
    """As the gateways' simulators book it."""
    book = world.book(charge.gateway, ACCOUNT, charge.currency)
    if kind == "capture_failed":
        charge.captured_minor, book.captured_minor = charge.captured_minor - minor, book.captured_minor - minor
    else:
        charge.refunded_minor, book.refunded_minor = charge.refunded_minor - minor, book.refunded_minor - minor
    charge.events.append(ChargeEvent(kind, minor, world.clock.now(), id))


def test_adyen_says_nothing_of_a_capture_that_failed_before_it_was_settled(tmp_path: Path) -> None:
    world = World()
    failed(world, captured(world, "adyen", 1, 1999), "capture_failed", 1999, "CAP1")
    captured(world, "adyen", 2, 1000)
    report, content = close(world, "adyen", tmp_path)
    assert report["lines"] == 1
    assert b"CAP1" not in content
    assert world.book("adyen", ACCOUNT, "EUR").balance_minor == 0
    assert close(world, "adyen", tmp_path)[0]["lines"] == 0


@pytest.mark.parametrize(
    ("kind", "type"), [("capture_failed", "SettledReversed"), ("refunded_reversed", "RefundedReversed")]
)
def test_adyen_reverses_what_it_has_settled(kind: str, type: str, tmp_path: Path) -> None:
    world = World()
    charge = captured(world, "adyen", 1, 1999)
    world.refund(charge, 500, "REF1", "op_refund_1")
    close(world, "adyen", tmp_path)
    id, amount = ("CAP1", 1999) if kind == "capture_failed" else ("REF1", 500)
    failed(world, charge, kind, amount, id)
    row = table(close(world, "adyen", tmp_path)[1])[0]
    assert cells(row, "Type", "Modification Reference") == (type, id)


def test_stripe_gives_a_failed_refund_back(tmp_path: Path) -> None:
    world = World()
    charge = captured(world, "stripe", 1, 1999)
    world.refund(charge, 500, "re_1")
    failed(world, charge, "refund_failed", 500, "re_1")
    rows = table(close(world, "stripe", tmp_path)[1])
    assert [cells(row, "reporting_category", "net", "balance_transaction_id") for row in rows[1:]] == [
        ("refund", "-5.00", "txn_1"),
        ("refund_failure", "5.00", "txn_1f"),
    ]


# conversion


def test_a_rate_is_worse_than_the_middle_and_drifts_a_little() -> None:
    there, back = rate_of("stripe", "USD", "EUR", MORNING), rate_of("stripe", "EUR", "USD", MORNING)
    lost = 1 - there * back
    assert abs(lost - 2 * Decimal(MARKUP_BPS["stripe"]) / 10_000) < Decimal("0.001")
    days = {rate_of("stripe", "USD", "EUR", MORNING + timedelta(days=n)) for n in range(30)}
    assert len(days) > 20
    assert max(days) / min(days) < Decimal("1.011")
    with pytest.raises(ValueError, match="XAU"):
        rate_of("stripe", "XAU", "EUR", MORNING)


@pytest.mark.parametrize(
    ("minor", "source", "target", "rate", "converted"),
    [
        (1000, "EUR", "USD", "1.1", 1100),
        (105, "EUR", "USD", "0.5", 53),  # 52.5 cents
        (-105, "EUR", "USD", "0.5", -53),
        (5000, "JPY", "EUR", "0.00563", 2815),
        (2815, "EUR", "JPY", "177.40", 4994),  # 4993.81
        (1000, "EUR", "KWD", "0.3563", 3563),
    ],
)
def test_a_conversion_rounds_half_up_to_the_targets_exponent(
    minor: int, source: str, target: str, rate: str, converted: int
) -> None:
    assert converted_minor(minor, source, target, Decimal(rate)) == converted


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_dollars_are_paid_out_in_euros(gateway: str, tmp_path: Path) -> None:
    world = account(gateway, settlement_currencies="EUR")
    charge = captured(world, gateway, 1, 10_000, "USD")
    rate = rate_of(gateway, "USD", "EUR", charge.events[1].at)
    report, _ = close(world, gateway, tmp_path)
    if gateway == "paypal":  # takes its fee in dollars, and converts what is left
        euros = converted_minor(10_000 - fee_minor("paypal", 10_000, "USD"), "USD", "EUR", rate)
    else:
        gross = converted_minor(10_000, "USD", "EUR", rate)
        euros = gross - fee_minor(gateway, gross, "EUR")
    assert payouts(report) == {"EUR": euros}
    assert world.book(gateway, ACCOUNT, "USD").balance_minor == 0
    assert world.book(gateway, ACCOUNT, "EUR").balance_minor == 0
    assert world.book(gateway, ACCOUNT, "USD" if gateway == "paypal" else "EUR").fees_minor > 0
    [payout] = payouts_of(world).of(gateway, ACCOUNT)
    [movement] = payout.movements
    assert (payout.minor, movement.net_minor, movement.rate) == (euros, euros, str(rate))
    assert statements_of(world)[payout.id].totals[0].payout_minor == euros


def test_each_gateway_shows_a_conversion_in_its_own_way(tmp_path: Path) -> None:
    files, rates = {}, {}
    for gateway in GATEWAYS:
        world = account(gateway, settlement_currencies="EUR")
        charge = captured(world, gateway, 1, 10_000, "USD")
        rates[gateway] = rate_of(gateway, "USD", "EUR", charge.events[1].at)
        files[gateway] = close(world, gateway, tmp_path)[1]
    [stripe] = table(files["stripe"])
    assert cells(stripe, "currency", "customer_facing_amount", "customer_facing_currency") == ("eur", "100.00", "usd")
    assert Decimal(stripe["gross"]) == (100 * rates["stripe"]).quantize(Decimal("0.01"))
    settled = table(files["adyen"])[0]
    assert cells(settled, "Gross Currency", "Gross Credit (GC)", "Net Currency") == ("USD", "100.00", "EUR")
    assert Decimal(settled["Exchange Rate"]) == rates["adyen"]
    sale, away, back, withdrawal = stl_body(files["paypal"])
    names = ("Transaction Event Code", "Transaction Debit or Credit", "Gross Transaction Currency")
    assert [cells(row, *names) for row in (sale, away, back, withdrawal)] == [
        ("T0006", "CR", "USD"),
        ("T0200", "DR", "USD"),
        ("T0200", "CR", "EUR"),
        ("T0400", "DR", "EUR"),
    ]
    assert away["PayPal Reference ID"] == back["PayPal Reference ID"] == sale["Transaction ID"]
    assert int(away["Gross Transaction Amount"]) == 10_000 - int(sale["Fee Amount"])
    assert {record[1] for record in stl_records(files["paypal"]) if record[0] == "SF"} == {"EUR", "USD"}


def test_an_overcharge_lessens_what_paypal_converts(tmp_path: Path) -> None:
    world = account("paypal", settlement_currencies="EUR")
    captured(world, "paypal", 1, 10_000, "USD")
    _, content = close(world, "paypal", tmp_path, overcharge={"reference": "att_1", "extra_minor": 100})
    [sale], [away, _] = stl(content, "T0006"), stl(content, "T0200")
    assert int(away["Gross Transaction Amount"]) == 10_000 - int(sale["Fee Amount"])
    assert world.book("paypal", ACCOUNT, "USD").balance_minor == world.book("paypal", ACCOUNT, "EUR").balance_minor == 0


def test_a_currency_of_the_accounts_own_is_not_converted(tmp_path: Path) -> None:
    world = account("stripe", settlement_currencies="EUR,USD")
    captured(world, "stripe", 1, 10_000, "USD")
    captured(world, "stripe", 2, 10_000, "JPY")
    assert set(payouts(close(world, "stripe", tmp_path)[0])) == {"EUR", "USD"}


# price lists


@pytest.mark.parametrize(
    ("gateway", "method", "region", "brand", "fee"),
    [
        ("adyen", "card", "domestic", "visa", Fee(30, 10, 60)),
        ("adyen", "card", "eea", "visa", Fee(30, 15, 60)),
        ("adyen", "card", "international", "visa", Fee(150, 60, 60)),
        ("adyen", "card", "international", "amex", Fee(0, 0, 395)),
        ("adyen", "ideal", "domestic", "visa", Fee(0, 0, 22)),
        ("stripe", "sepa_debit", "eea", "visa", Fee(0, 0, 35)),
        ("paypal", "paypal", "international", "visa", Fee(0, 0, 483)),
        ("paypal", "paypal", "domestic", "visa", Fee(0, 0, 284)),
    ],
)
def test_interchange_goes_by_method_region_and_brand(
    gateway: str, method: str, region: str, brand: str, fee: Fee
) -> None:
    world = account(gateway, pricing="interchange")
    charge = captured(world, gateway, 1, 10_000)
    charge.method, charge.region = method, region
    assert capture_fee(world, charge, brand, 10_000, "EUR") == fee


def test_every_gateway_prices_every_method_in_every_region() -> None:
    for gateway in GATEWAYS:
        for method in ("card", "ideal", "sepa_debit", "paypal"):
            for region in ("domestic", "eea", "international"):
                assert price_of(gateway, method, region, "mastercard").gateway == gateway


def test_a_price_list_that_is_none_is_refused() -> None:
    world = account("adyen", pricing="cheap")
    with pytest.raises(ValueError, match="cheap"):
        capture_fee(world, captured(world, "adyen", 1), "visa", 1999, "EUR")


def test_paypal_keeps_the_fixed_part_of_the_fee_of_a_refund(tmp_path: Path) -> None:
    world = account("paypal", pricing="interchange")
    charge = captured(world, "paypal", 1, 10_000)
    charge.method = "paypal"
    assert refund_fee(world, charge, "visa", 10_000).total_minor == -249
    world.refund(charge, 10_000, "REF1")
    _, content = close(world, "paypal", tmp_path)
    [refund] = stl(content, "T1107")
    assert cells(refund, "Fee Debit or Credit", "Fee Amount") == ("CR", "249")
    assert world.book("paypal", ACCOUNT, "EUR").fees_minor == 35


def test_adyens_processing_fee_is_a_row_of_the_account(tmp_path: Path) -> None:
    world = account("adyen", pricing="interchange")
    world.refund(captured(world, "adyen", 1, 10_000), 1000, "REF1")
    rows = table(close(world, "adyen", tmp_path)[1])
    settled, refunded, fee, payout = rows
    names = ("Interchange (NC)", "Scheme Fees (NC)", "Markup (NC)", "Commission (NC)", "Net Credit (NC)")
    assert cells(settled, *names) == ("0.30", "0.10", "0.60", "", "99.00")
    assert cells(fee, "Type", "Psp Reference", "Net Debit (NC)") == ("Fee", "", "0.22")
    assert fee["Modification Reference"].startswith("Transaction Fees ")
    assert (refunded["Net Debit (NC)"], payout["Net Debit (NC)"]) == ("10.00", "88.78")


def test_stripes_network_costs_are_a_row_of_the_account(tmp_path: Path) -> None:
    world = account("stripe", pricing="interchange")
    captured(world, "stripe", 1, 10_000)
    charge, costs = table(close(world, "stripe", tmp_path)[1])
    assert cells(charge, "fee", "net") == ("0.60", "99.40")
    assert cells(costs, "reporting_category", "net", "source_id", "charge_id") == ("fee", "-0.40", "", "")
    assert costs["automatic_payout_id"] == charge["automatic_payout_id"]
    assert world.book("stripe", ACCOUNT, "EUR").fees_minor == 100
