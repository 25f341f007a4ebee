"""What is drawn: a frozen document, where it can be paid, and how the merchant wants it to look."""

from __future__ import annotations

import msgspec

from invoicing.documents import IssuedInvoice
from invoicing.rendering.branding import Branding


class InvoiceView(msgspec.Struct, frozen=True, kw_only=True):
    """The document, the address where it can be paid online, if anywhere, the merchant's logo and colour, and the
    source of a template of the merchant's own, if there is one (see merchant_templates)."""

    document: IssuedInvoice
    pay_url: str | None = None
    branding: Branding = Branding()
    template: str | None = None
