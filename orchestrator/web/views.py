"""What each page of a shopper shows, as values. Services fill them; templates decide nothing but layout."""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode, urlsplit

from currency.money import Money
from orchestrator.web.accents import OURS, Look
from orchestrator.web.locales import ENGLISH, PageWords


class CheckoutState(StrEnum):
    """Which panel of the checkout is in front."""

    OPEN = "open"
    PROCESSING = "processing"  # an outcome is awaited: the page polls and says not to pay again
    SUCCEEDED = "succeeded"
    ALREADY_PAID = "already_paid"
    FAILED = "failed"  # for good: nothing more can be tried here
    WITHDRAWN = "withdrawn"  # canceled before anybody paid
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class ItemView:
    """One line of what is sold; `amount` is of the whole line."""

    name: str
    quantity: int
    amount: Money


@dataclass(frozen=True, slots=True)
class CheckoutView:
    """The hosted checkout. URLs but the vault's are paths of ours.

    `vault_fields_url` is the vault's fields page without a query; `page_origin` is our own origin as the shopper's
    browser sees it (`https://pay.example.com`), which the vault checks messages against. `notice` is a sentence
    shown over the form (a decline before this page was loaded).
    """

    words: PageWords
    merchant_name: str
    amount: Money
    description: str
    state: CheckoutState
    attempt_url: str
    status_url: str
    csrf_token: str
    vault_fields_url: str
    page_origin: str
    reference: str = ""
    invoice_number: str = ""
    notice: str = ""
    return_url: str = ""
    cancel_url: str = ""
    items: tuple[ItemView, ...] = ()
    test_mode: bool = False
    look: Look = OURS

    @property
    def fields_url(self) -> str:
        """The iframe's address."""
        query = urlencode({"origin": self.page_origin, "locale": self.words.tag})
        return f"{self.vault_fields_url}?{query}"

    @property
    def vault_origin(self) -> str:
        """The only origin whose messages the page believes."""
        parts = urlsplit(self.vault_fields_url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True)
class PaymentLinkView:
    """The page of a payment link. Without `amount` the payer chooses one from `least` to `most`.

    `typed` is what the payer wrote before and `error` what was wrong with it; `closed` is why nobody may pay now.
    """

    words: PageWords
    merchant_name: str
    description: str
    begin_url: str
    csrf_token: str
    amount: Money | None = None
    least: Money | None = None
    most: Money | None = None
    typed: str = ""
    error: str = ""
    closed: str = ""
    test_mode: bool = False
    look: Look = OURS


@dataclass(frozen=True, slots=True)
class ErrorView:
    """A page for what went wrong. `title` and `message` are already in the visitor's language."""

    status: int
    title: str
    message: str
    words: PageWords = ENGLISH
    back_url: str = ""
