"""Why an invoice was refused. Each names the field and says what to do; orchestrator maps them to problem answers."""

from __future__ import annotations


class InvoicingError(Exception):
    """Base of every refusal. `field` is a JSON path such as `lines[2].quantity`, `message` is for people."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class InvalidInvoice(InvoicingError, ValueError):
    """The draft cannot become a correct invoice: something in it is missing, out of bounds or contradictory.

    A ValueError, so that msgspec says where in a message the part stands that refuses itself.
    """


class TaxNotApplicable(InvalidInvoice):
    """The tax treatment does not fit the two parties, for instance reverse charge without a valid VAT id."""


class InvalidPattern(InvoicingError):
    """A number pattern that would not give unique, readable numbers."""


class InvoiceNotFound(InvoicingError):
    """No such invoice of this merchant."""

    def __init__(self, invoice_id: str) -> None:
        super().__init__("invoice_id", f"there is no invoice {invoice_id!r} here")


class SeriesNotFound(InvoicingError):
    """The merchant has not opened this series of numbers."""

    def __init__(self, series: str) -> None:
        super().__init__("series", f"there is no number series {series!r}; open it first")


class SeriesTaken(InvoicingError):
    """The merchant has this series with another pattern, or the pattern in another series: numbers would collide."""


class WrongState(InvoicingError):
    """The invoice is not in a state that allows this."""


class PaymentMismatch(InvoicingError):
    """The payment does not fit: another currency, not positive, more than is owed, or told before as another."""


class ExternalReference(InvoicingError):
    """The HTML of a document names something to fetch; documents carry everything within themselves."""

    def __init__(self) -> None:
        super().__init__("html", "an invoice fetches nothing; put images and styles into the page")


class OutsideTransaction(RuntimeError):
    """A verb that must share its caller's transaction was called without one: a mistake in the program."""
