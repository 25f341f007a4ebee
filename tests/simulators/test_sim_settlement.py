"""Settlement: every gateway's file foots, says what was taken, and leaves the books where the money is."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulators.adyen.webhooks import sign
from simulators.currencies import exponent_of
from simulators.fees import fee_minor
from simulators.settlement import settle
from simulators.world import Charge, Endpoint, World

GATEWAYS = ("stripe", "adyen", "paypal")
CURRENCIES = ("EUR", "JPY")
ACCOUNT = "acct_1"
Row = dict[str, str]


def captured(world: World, gateway: str, n: int, minor: int = 1999, currency: str = "EUR") -> Charge:
    """A captured charge whose references end in n."""
    id, capture_id = (f"ch_{n}", f"ch_{n}") if gateway == "stripe" else (f"PSP{n}", f"CAP{n}")
    now = world.clock.now()
    charge = Charge(gateway, ACCOUNT, id, f"att_{n}", f"pay_{n}", minor, currency, now)
    world.add_charge(charge)
    world.capture(charge, minor, capture_id, f"op_capture_{n}" if gateway == "adyen" else "")
    return charge


def traded(gateway: str) -> World:
    """Sales in two currencies, one refund, one charge of somebody else's."""
    world = World()
    first = captured(world, gateway, 1)
    captured(world, gateway, 2, 5050)
    captured(world, gateway, 3, 5000, "JPY")
    world.refund(first, 500, "re_1" if gateway == "stripe" else "REF1", "op_refund_1")
    world.add_foreign_charge(gateway, ACCOUNT, 1000, "EUR")
    return world


def close(world: World, gateway: str, tmp_path: Path, **trouble: Any) -> tuple[dict[str, Any], bytes]:
    report = settle(world, gateway, ACCOUNT, trouble.get("omit"), trouble.get("overcharge"), tmp_path)
    return report, Path(report["path"]).read_bytes()


def table(content: bytes) -> list[Row]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def minor(text: str, currency: str) -> int:
    return int((Decimal(text or "0")).scaleb(exponent_of(currency.upper())))


def payouts(report: dict[str, Any]) -> dict[str, int]:
    return {payout["currency"]: payout["amount_minor"] for payout in report["payouts"]}


def nets(gateway: str, content: bytes) -> dict[str, int]:
    """Per currency the sum of all lines but the payout's own, in minor units, read as a stranger reads the file."""
    sums: dict[str, int] = {}
    for currency, net in _net_lines(gateway, content):
        sums[currency] = sums.get(currency, 0) + net
    return sums


def _net_lines(gateway: str, content: bytes) -> list[tuple[str, int]]:
    if gateway == "stripe":
        return [(row["currency"].upper(), minor(row["net"], row["currency"])) for row in table(content)]
    if gateway == "adyen":
        rows = [row for row in table(content) if row["Type"] != "MerchantPayout"]
        return [(row["Net Currency"], _adyen_net(row)) for row in rows]
    rows = [row for row in stl_body(content) if row["Transaction Event Code"] != "T0400"]
    return [(row["Gross Transaction Currency"], _stl_net(row)) for row in rows]


def _adyen_net(row: Row) -> int:
    currency = row["Net Currency"]
    return minor(row["Net Credit (NC)"], currency) - minor(row["Net Debit (NC)"], currency)


def _stl_net(row: Row) -> int:
    gross = int(row["Gross Transaction Amount"]) * (1 if row["Transaction Debit or Credit"] == "CR" else -1)
    hundredths = gross + int(row["Fee Amount"] or 0) * (1 if row["Fee Debit or Credit"] == "CR" else -1)
    return hundredths // 10 ** (2 - exponent_of(row["Gross Transaction Currency"]))


def stl_records(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def stl_body(content: bytes) -> list[Row]:
    records = stl_records(content)
    (names,) = [record[1:] for record in records if record[0] == "CH"]
    return [dict(zip(names, record[1:], strict=True)) for record in records if record[0] == "SB"]


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_the_lines_sum_to_the_payouts(gateway: str, tmp_path: Path) -> None:
    report, content = close(traded(gateway), gateway, tmp_path)
    assert nets(gateway, content) == payouts(report)
    assert set(payouts(report)) == set(CURRENCIES)
    assert report["lines"] == 5


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_the_books_are_empty_when_all_is_settled(gateway: str, tmp_path: Path) -> None:
    world = traded(gateway)
    report, _ = close(world, gateway, tmp_path)
    for currency in CURRENCIES:
        book = world.book(gateway, ACCOUNT, currency)
        assert book.balance_minor == 0
        assert book.paid_out_minor == payouts(report)[currency]
    fees = sum(fee_minor(gateway, amount, "EUR") for amount in (1999, 5050, 1000))
    assert world.book(gateway, ACCOUNT, "EUR").fees_minor == fees


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_the_next_batch_has_only_what_is_new(gateway: str, tmp_path: Path) -> None:
    world = traded(gateway)
    first, _ = close(world, gateway, tmp_path)
    captured(world, gateway, 9, 777)
    second, content = close(world, gateway, tmp_path)
    assert second["lines"] == 1
    assert nets(gateway, content) == {"EUR": 777 - fee_minor(gateway, 777, "EUR")}
    assert first["path"] != second["path"]


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_an_omitted_payment_stays_in_the_balance(gateway: str, tmp_path: Path) -> None:
    world = traded(gateway)
    report, content = close(world, gateway, tmp_path, omit="att_2")
    assert b"att_2" not in content
    assert nets(gateway, content) == payouts(report)
    assert world.book(gateway, ACCOUNT, "EUR").balance_minor == 5050


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_an_overcharge_is_really_kept(gateway: str, tmp_path: Path) -> None:
    plain, _ = close(traded(gateway), gateway, tmp_path / "plain")
    world = traded(gateway)
    dearer, content = close(world, gateway, tmp_path / "dearer", overcharge={"reference": "att_2", "extra_minor": 13})
    assert payouts(dearer)["EUR"] == payouts(plain)["EUR"] - 13
    assert nets(gateway, content) == payouts(dearer)
    assert world.book(gateway, ACCOUNT, "EUR").balance_minor == 0


def test_an_overcharge_of_an_unknown_payment_changes_nothing(tmp_path: Path) -> None:
    world = traded("stripe")
    with pytest.raises(ValueError, match="att_unknown"):
        close(world, "stripe", tmp_path, overcharge={"reference": "att_unknown", "extra_minor": 1})
    assert world.book("stripe", ACCOUNT, "EUR").fees_minor == 0


@pytest.mark.parametrize("gateway", ["adyen", "paypal"])
def test_a_debt_is_carried_into_the_next_batch(gateway: str, tmp_path: Path) -> None:
    world = World()
    charge = captured(world, gateway, 1)
    close(world, gateway, tmp_path)
    world.refund(charge, 1999, "REF1", "op_refund_1")
    owing, _ = close(world, gateway, tmp_path)
    assert owing["payouts"] == []
    captured(world, gateway, 2, 5000)
    report, content = close(world, gateway, tmp_path)
    assert payouts(report) == {"EUR": 5000 - fee_minor(gateway, 5000, "EUR") - 1999}
    if gateway == "adyen":  # whose file states what is carried over as a row; PayPal's as an opening balance
        assert nets(gateway, content) == payouts(report)
    assert world.book(gateway, ACCOUNT, "EUR").balance_minor == 0


def test_stripe_states_major_units_and_our_metadata(tmp_path: Path) -> None:
    _, content = close(traded("stripe"), "stripe", tmp_path)
    rows = {row["source_id"]: row for row in table(content)}
    charge, refund, yen = rows["ch_1"], rows["re_1"], rows["ch_3"]
    assert (charge["gross"], charge["fee"], charge["net"]) == ("19.99", "0.55", "19.44")
    assert (refund["gross"], refund["fee"], refund["net"]) == ("-5.00", "0.00", "-5.00")
    assert (refund["reporting_category"], refund["charge_id"]) == ("refund", "ch_1")
    assert (yen["gross"], yen["currency"]) == ("5000", "jpy")
    assert charge["payment_metadata[clearway_attempt]"] == refund["payment_metadata[clearway_attempt]"] == "att_1"
    assert charge["payment_metadata[clearway_payment]"] == "pay_1"
    assert len({row["automatic_payout_id"] for row in rows.values()}) == len(CURRENCIES)


def test_adyen_states_debits_and_credits_with_our_references(tmp_path: Path) -> None:
    _, content = close(traded("adyen"), "adyen", tmp_path)
    rows = table(content)
    settled, refunded = (next(r for r in rows if r["Modification Reference"] == id) for id in ("CAP1", "REF1"))
    assert (settled["Type"], settled["Gross Credit (GC)"], settled["Net Credit (NC)"]) == ("Settled", "19.99", "19.63")
    fee_parts = ("Commission (NC)", "Markup (NC)", "Scheme Fees (NC)", "Interchange (NC)")
    assert sum(Decimal(settled[part] or "0") for part in fee_parts) == Decimal("0.36")
    assert (refunded["Type"], refunded["Gross Debit (GC)"], refunded["Net Debit (NC)"]) == ("Refunded", "5.00", "5.00")
    for row, operation in ((settled, "op_capture_1"), (refunded, "op_refund_1")):
        assert (row["Merchant Reference"], row["Psp Reference"]) == ("att_1", "PSP1")
        assert row["Modification Merchant Reference"] == operation
    assert [row["Net Currency"] for row in rows if row["Type"] == "MerchantPayout"] == list(CURRENCIES)


@pytest.mark.parametrize("currency", CURRENCIES)
def test_adyens_payout_row_closes_its_currency_at_zero(currency: str, tmp_path: Path) -> None:
    _, content = close(traded("adyen"), "adyen", tmp_path)
    assert sum(_adyen_net(row) for row in table(content) if row["Net Currency"] == currency) == 0


def test_adyen_tells_that_a_report_is_there(tmp_path: Path) -> None:
    world = traded("adyen")
    report, _ = close(world, "adyen", tmp_path)
    notice = world.notices[-1]
    endpoint = Endpoint("adyen", ACCOUNT, "http://127.0.0.1:9/", {"hmac_key": "00" * 32})
    message = sign(world, endpoint, notice.body)
    item = json.loads(message.body)["notificationItems"][0]["NotificationRequestItem"]
    assert (item["eventCode"], item["pspReference"]) == ("REPORT_AVAILABLE", report["name"])
    assert item["reason"].endswith(f"/reports/download/MerchantAccount/{ACCOUNT}/settlement_detail_report_batch_1.csv")


def test_paypal_states_hundredths_also_of_yen(tmp_path: Path) -> None:
    report, content = close(traded("paypal"), "paypal", tmp_path)
    rows = {row["Transaction ID"]: row for row in stl_body(content)}
    sale, refund, yen = rows["CAP1"], rows["REF1"], rows["CAP3"]
    assert (sale["Transaction Event Code"], sale["Gross Transaction Amount"]) == ("T0006", "1999")
    assert (sale["Transaction Debit or Credit"], sale["Fee Debit or Credit"], sale["Fee Amount"]) == ("CR", "DR", "85")
    assert (sale["Invoice ID"], sale["Custom Field"]) == ("att_1", "att_1")
    assert (refund["Transaction Event Code"], refund["PayPal Reference ID"]) == ("T1107", "CAP1")
    assert (refund["Custom Field"], refund["Transaction Debit or Credit"]) == ("att_1", "DR")
    assert yen["Gross Transaction Amount"] == "500000"
    withdrawals = [row for row in rows.values() if row["Transaction Event Code"] == "T0400"]
    assert {row["Bank Reference ID"] for row in withdrawals} == {p["bank_reference"] for p in report["payouts"]}


def test_paypals_footers_count_and_foot(tmp_path: Path) -> None:
    report, content = close(traded("paypal"), "paypal", tmp_path)
    records = stl_records(content)
    body = stl_body(content)
    assert [record[0] for record in records if record[0] != "SB"] == (
        ["RH", "FH", "SH", "CH", "SF", "SF", "SC", "RF", "RF", "RC", "FF"]
    )
    assert {int(record[1]) for record in records if record[0] in ("SC", "RC", "FF")} == {len(body)}
    for footer in (record for record in records if record[0] in ("SF", "RF")):
        currency, rest = footer[1], footer[2:]
        gross_credits, gross_debits, fee_credits, fee_debits = (int(value) for value in rest[:4])
        opening, closing = (int(rest[n + 1]) * (1 if rest[n] == "CR" else -1) for n in (4, 6))
        assert opening + gross_credits - gross_debits + fee_credits - fee_debits == closing
        assert int(rest[-1]) == sum(row["Gross Transaction Currency"] == currency for row in body)
    assert content.startswith(b"\xef\xbb\xbf")
    assert report["name"].startswith("STL-")


def test_paypal_cannot_state_a_currency_of_three_decimals(tmp_path: Path) -> None:
    world = World()
    captured(world, "paypal", 1, 1000, "KWD")
    with pytest.raises(ValueError, match="hundredths"):
        close(world, "paypal", tmp_path)
    assert world.book("paypal", ACCOUNT, "KWD").fees_minor == 0
