"""Why an invoice cannot be sent electronically. Each says what is wrong in words, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoicing.errors import InvalidInvoice, InvoicingError

if TYPE_CHECKING:
    from invoicing.einvoice.refusals import Refusal


class NotExpressible(InvalidInvoice):
    """The invoice is correct, but the e-invoice's language has no way to say it. `field` and `message` as ever."""

    def __init__(self, field: str, message: str, rule: str = "") -> None:
        super().__init__(field, message)
        self.rule = rule


class NotHybrid(ValueError):
    """A PDF is not, or cannot become, a Factur-X invoice. `problems` are for people."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class EInvoiceRefused(InvoicingError):
    """The e-invoice breaks rules: `refusals` has all of them, and the warnings; `field` and `message` are the first."""

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        super().__init__(refusals[0].field, f"{refusals[0].message} [{refusals[0].rule}]")
        self.refusals = refusals


class ChannelRequired(InvoicingError):
    """The law asks for a channel that this way of sending is not."""


class ChannelNotSetUp(InvoicingError):
    """The channel that is wanted cannot be used here yet."""
