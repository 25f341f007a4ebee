from datetime import UTC, datetime

import pytest
import settlement_samples as samples

from currency.money import Money
from orchestrator.reconciliation.detect import read_report, report_format
from orchestrator.reconciliation.lines import FileUnreadable, LineType, ParsedFile, ReportFormat


def read(text: str, name: str = "report.csv") -> ParsedFile:
    return read_report(name, text.encode())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (samples.STRIPE, ReportFormat.STRIPE),
        (samples.ADYEN, ReportFormat.ADYEN),
        (samples.PAYPAL, ReportFormat.PAYPAL),
    ],
)
def test_a_report_is_known_by_its_content_whatever_its_name(text: str, expected: ReportFormat) -> None:
    assert report_format("download (3).csv", text) is expected


def test_a_foreign_file_is_refused_with_what_to_upload_instead() -> None:
    with pytest.raises(FileUnreadable, match="line 1: this is none of the reports we read"):
        read("a,b\n1,2")


def test_a_spreadsheet_is_refused_by_name() -> None:
    with pytest.raises(FileUnreadable, match="spreadsheet"):
        read_report("settlement_detail_report.xlsx", b"PK\x03\x04rest")


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(FileUnreadable, match="empty"):
        read("  \n ")


def test_bytes_that_are_no_text_are_refused_with_their_line() -> None:
    with pytest.raises(FileUnreadable, match="line 2: the text is not UTF-8"):
        read_report("x.csv", samples.STRIPE_HEADER.encode() + b"\n\xff\xfe\xfa")


def test_a_missing_column_is_named() -> None:
    with pytest.raises(FileUnreadable, match="no column 'fee'"):
        read("automatic_payout_id,balance_transaction_id,currency,gross,net,reporting_category\n")


def test_columns_are_read_by_name_in_any_order() -> None:
    header, *rows = [line.split(",") for line in samples.STRIPE.split("\n")]
    turned = "\n".join(",".join(reversed(cells)) for cells in (header, *rows))
    assert [line.gross for line in read(turned).lines] == [line.gross for line in read(samples.STRIPE).lines]


def test_headers_may_differ_in_case_and_white_space_and_separator() -> None:
    header, rest = samples.ADYEN.split("\n", 1)
    assert read(header.upper().replace(" ", "  ") + "\n" + rest).lines == read(samples.ADYEN).lines
    settled = f"{samples.ADYEN_HEADER}\n{samples.ADYEN_SETTLED}"
    assert read(settled.replace(",", ";")).lines == read(settled).lines


def test_old_utf_16_files_are_read() -> None:
    assert read_report("STL.csv", samples.PAYPAL.lstrip("\ufeff").encode("utf-16")).lines == read(samples.PAYPAL).lines


def test_stripe_rows_become_lines_in_either_spelling_of_the_currency() -> None:
    charge, refund, fee, dispute, payout = read(samples.STRIPE).lines
    assert (charge.line_type, charge.gross, charge.fee, charge.net) == (
        LineType.PAYMENT,
        Money(2500, "USD"),
        Money(95, "USD"),
        Money(2405, "USD"),
    )
    assert (charge.attempt_reference, charge.gateway_payment_id, charge.gateway_operation_id) == (
        "att_1",
        "pi_1",
        "ch_1",
    )
    assert (refund.operation_reference, refund.gateway_operation_id, refund.gross.minor) == ("op_r1", "re_1", -1000)
    assert (fee.line_type, fee.net.minor) == (LineType.FEE, -50)
    assert dispute.line_type is LineType.CHARGEBACK_REVERSAL
    assert payout.line_type is LineType.PAYOUT


def test_stripe_files_get_the_payout_that_their_rows_add_up_to() -> None:
    payout = read(samples.STRIPE).lines[-1]
    assert (payout.net, payout.payout_ref) == (Money(-(2405 - 1000 - 50 + 335), "USD"), "po_1")


def test_stripe_payouts_with_an_unreadable_row_are_not_booked() -> None:
    parsed = read(samples.STRIPE.replace("-0.5,0,-0.5", "minus a bit,0,-0.5"))
    assert [line.line_type for line in parsed.lines if line.line_type is LineType.PAYOUT] == []
    assert [error.row_no for error in parsed.errors] == [4, 4]


def test_a_bad_row_is_an_error_with_line_and_remedy_and_the_others_are_read() -> None:
    parsed = read(samples.ADYEN.replace(",5.00,1,GBP", ",five,1,GBP"))
    assert len(parsed.lines) == 4
    assert str(parsed.errors[0]).startswith("line 2: column 'gross credit (gc)' holds 'five'")
    assert "Download the report again" in str(parsed.errors[0])


def test_an_unknown_currency_is_a_row_error() -> None:
    assert "'QQQ'" in read(samples.STRIPE.replace(",usd,3.35", ",qqq,3.35")).errors[0].message


def test_stripe_rows_whose_net_is_not_gross_less_fee_are_reported() -> None:
    failed = read(samples.STRIPE.replace("25,0.95,24.05", "25,0.95,24.06")).failed_checks
    assert str(failed[0]) == "line 2, gross less fee: the file declares 24.06 USD, its rows give 24.05 USD"


def test_adyen_rows_become_signed_lines_with_the_fee_on_the_line() -> None:
    settled, refund, fee, again, payout = read(samples.ADYEN).lines
    assert (settled.gross, settled.fee, settled.net) == (Money(500, "GBP"), Money(12, "GBP"), Money(488, "GBP"))
    assert (settled.attempt_reference, settled.operation_reference) == ("att_1", "op_c1")
    assert (settled.gateway_payment_id, settled.gateway_operation_id) == ("1813702551707653", "1713702551795048")
    assert settled.occurred_at == datetime(2013, 6, 3, 10, 26, 49, tzinfo=UTC)
    assert (refund.line_type, refund.gross, refund.fee) == (LineType.REFUND, Money(-100, "GBP"), Money(0, "GBP"))
    assert (fee.line_type, fee.net, payout.net) == (LineType.FEE, Money(-18, "GBP"), Money(-352, "GBP"))
    assert payout.payout_ref == "TX23XT batch 2, TestMerchant"
    assert fee.row_hash != again.row_hash


def test_adyen_fee_rows_may_repeat_byte_for_byte_and_each_counts() -> None:
    fees = [line for line in read(samples.ADYEN).lines if line.line_type is LineType.FEE]
    assert len({line.line_key for line in fees}) == 2
    assert not any(line.is_repeat for line in fees)


def test_adyen_fees_may_exceed_the_gross_in_another_currency() -> None:
    (line,) = read(samples.ADYEN_FEES_ABOVE_GROSS).lines
    assert (line.gross, line.fee, line.net) == (Money(1000, "INR"), Money(14, "USD"), Money(-3, "USD"))
    assert line.occurred_at == datetime(2025, 10, 31, 11, 5, 39, tzinfo=UTC)


def test_adyen_payouts_are_checked_against_their_batch() -> None:
    assert read(samples.ADYEN).failed_checks == ()
    failed = read(samples.ADYEN.replace("GBP,3.52", "GBP,3.53")).failed_checks
    assert str(failed[0]) == ("payout of batch TestMerchant:2: the file declares 3.53 GBP, its rows give 3.52 GBP")


def test_adyen_payment_rows_with_the_same_key_are_repeats() -> None:
    lines = read("\n".join((samples.ADYEN_HEADER, samples.ADYEN_SETTLED, samples.ADYEN_SETTLED))).lines
    assert [line.is_repeat for line in lines] == [False, True]


def test_adyen_rows_with_an_unknown_time_zone_are_row_errors() -> None:
    assert "time zone" in read(samples.ADYEN.replace(",CET,Settled", ",XYZ,Settled")).errors[0].message


def test_paypal_amounts_are_hundredths_with_a_side() -> None:
    payment, refund, payout, chargeback, fee = read(samples.PAYPAL).lines
    assert (payment.gross, payment.fee, payment.net) == (Money(5200, "AUD"), Money(225, "AUD"), Money(4975, "AUD"))
    assert (payment.gateway_operation_id, payment.gateway_payment_id, payment.attempt_reference) == (
        "CAP1",
        "ORD1",
        "att_1",
    )
    assert (refund.line_type, refund.gross.minor, refund.gateway_parent_id) == (LineType.REFUND, -1000, "CAP1")
    assert (payout.line_type, payout.payout_ref) == (LineType.PAYOUT, "1047428557493")
    assert (chargeback.line_type, fee.line_type, fee.net.minor) == (LineType.CHARGEBACK, LineType.FEE, -75)
    assert payment.occurred_at == datetime(2026, 1, 6, 8, 0, 30, tzinfo=UTC)


def test_paypal_writes_yen_in_hundredths_too() -> None:
    (line, *_) = read(samples.PAYPAL.replace('5200,"AUD","DR",225,"AUD"', '520000,"JPY","DR",22500,"JPY"')).lines
    assert (line.gross, line.fee) == (Money(5200, "JPY"), Money(225, "JPY"))


def test_paypal_counts_and_totals_are_checked() -> None:
    parsed = read(samples.PAYPAL)
    assert parsed.errors == ()
    assert parsed.failed_checks == ()
    assert len(parsed.footing) == 7


def test_paypal_files_with_a_row_missing_do_not_foot() -> None:
    failed = {check.name for check in read(samples.PAYPAL.replace(samples.PAYPAL_BODY[1] + "\n", "")).failed_checks}
    assert {"line 10, rows of the section (SC)", "line 12, rows of the report (RC)"} <= failed
    assert "line 11, gross debits" in failed
    assert "line 11, closing balance" in failed


def test_paypal_files_without_column_header_are_refused() -> None:
    with pytest.raises(FileUnreadable, match="line 4: a body record"):
        read(samples.PAYPAL.replace(samples.PAYPAL_COLUMNS + "\n", ""))


def test_a_row_keeps_its_key_when_the_report_is_read_again() -> None:
    for text in (samples.STRIPE, samples.ADYEN, samples.PAYPAL):
        assert read(text).lines == read(text).lines
