"""Which of the reports a file is, by its content, and its lines."""

from __future__ import annotations

from orchestrator.reconciliation import adyen_report, paypal_report, stripe_report
from orchestrator.reconciliation.lines import FileUnreadable, ParsedFile, ReportFormat
from orchestrator.reconciliation.table_reading import column_name, decoded

_SIGNS = {
    ReportFormat.STRIPE: ("balance_transaction_id", "reporting_category"),
    ReportFormat.ADYEN: ("psp reference", "modification reference"),
}
_NAMES = {
    ReportFormat.STRIPE: ("payout_reconciliation",),
    ReportFormat.ADYEN: ("settlement_detail_report",),
    ReportFormat.PAYPAL: ("stl-",),
}


def read_report(name: str, content: bytes) -> ParsedFile:
    """Parse a report of any format that we know. Raises FileUnreadable with the line and the remedy."""
    if content[:4] == b"PK\x03\x04":
        raise FileUnreadable("line 1: this is a spreadsheet or zip file. Upload the CSV as the gateway delivers it.")
    text = decoded(content)
    match report_format(name, text):
        case ReportFormat.STRIPE:
            return stripe_report.parse(text)
        case ReportFormat.ADYEN:
            return adyen_report.parse(text)
        case ReportFormat.PAYPAL:
            return paypal_report.parse(text)
        case None:
            raise FileUnreadable(
                "line 1: this is none of the reports we read. Upload Stripe's payout reconciliation report (itemized), "
                "Adyen's settlement details report, or PayPal's settlement report (STL)."
            )


def report_format(name: str, text: str) -> ReportFormat | None:
    """The format by the first line, else by the file's name: a renamed file is still what it holds."""
    first = column_name(text.lstrip("\ufeff\r\n ").split("\n", 1)[0])
    if first.replace('"', "")[:3] in ("rh,", "rh;", "rh\t", "rh "):
        return ReportFormat.PAYPAL
    for known, signs in _SIGNS.items():
        if all(sign in first for sign in signs):
            return known
    lowered = name.lower()
    return next((known for known, parts in _NAMES.items() if any(part in lowered for part in parts)), None)
