"""Drawing documents: from what was issued to HTML, and from HTML to a PDF/A-3b."""

from invoicing.rendering.archive_pdf import PDF_VARIANT, render_pdf
from invoicing.rendering.branding import Branding, InvalidBranding, clean_logo
from invoicing.rendering.merchant_templates import InvalidTemplate, check_template
from invoicing.rendering.page import render_html
from invoicing.rendering.view import (
    Account,
    AccountMovement,
    ClaimedInvoice,
    InvoiceView,
    LetterView,
    ReceiptView,
    SettledInvoice,
    StatementView,
    View,
)

__all__ = [
    "PDF_VARIANT",
    "Account",
    "AccountMovement",
    "Branding",
    "ClaimedInvoice",
    "InvalidBranding",
    "InvalidTemplate",
    "InvoiceView",
    "LetterView",
    "ReceiptView",
    "SettledInvoice",
    "StatementView",
    "View",
    "check_template",
    "clean_logo",
    "render_html",
    "render_pdf",
]
