"""How a customer gets e-invoices, as the API takes and shows it."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from invoicing.einvoice.addresses import Address
from invoicing.einvoice.formats import Format
from invoicing.einvoice.mandates import Channel
from invoicing.einvoice.preferences import Preference, check_preference
from invoicing.errors import InvoicingError
from orchestrator.errors import InvalidField
from orchestrator.http.schemas import Input


class EInvoiceAddressInput(Input):
    """Where it is received: `scheme` is a code of the EAS list, `identifier` what it names."""

    scheme: Annotated[str, Meta(min_length=2, max_length=4, description="Such as `0204`, a Leitweg-ID.")]
    identifier: Annotated[str, Meta(min_length=1, max_length=200)]


class EInvoiceInput(Input):
    """Without `format` the customer gets the PDF by e-mail. `address` and `buyer_reference` go into invoices that have
    none of their own when they are issued."""

    format: Format | None = None
    channel: Channel = Channel.EMAIL
    address: EInvoiceAddressInput | None = None
    buyer_reference: Annotated[str, Meta(max_length=100, description="In Germany the Leitweg-ID.")] = ""


class EInvoiceBody(msgspec.Struct, kw_only=True):
    """How a customer gets e-invoices."""

    format: Format | None
    channel: Channel
    address: Address | None
    buyer_reference: str


def kept_preference(given: EInvoiceInput | None) -> dict[str, Any] | None:
    """What is kept with the customer. Raises InvalidField naming what does not fit, and the remedy."""
    if given is None:
        return None
    preference = msgspec.convert(msgspec.to_builtins(given), Preference)
    try:
        check_preference(preference, "e_invoice")
    except InvoicingError as refused:
        raise InvalidField(refused.field, refused.message) from None
    kept: dict[str, Any] = msgspec.to_builtins(preference)
    return kept


def preference_body(kept: Any) -> EInvoiceBody | None:
    return msgspec.convert(kept, EInvoiceBody) if kept else None
