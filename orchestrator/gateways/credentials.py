"""What a payment can be made with, as it may reach us: tokens, wallets and accounts, never a card number.

Beside it what the networks want to know of a stored credential's use, and 3-D Secure of the shopper.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Initiator(StrEnum):
    """Who starts a charge. A merchant-initiated one (MIT) needs a mandate given while the customer was present."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"


class Agreement(StrEnum):
    """What the customer agreed that a kept credential is for; the networks' three, and none."""

    NONE = "none"
    CARD_ON_FILE = "card_on_file"  # the customer comes back and pays with one click
    SUBSCRIPTION = "subscription"  # fixed amounts at fixed times
    UNSCHEDULED = "unscheduled"  # amounts or times that vary: top-ups, late fees


class Method(StrEnum):
    """Ways to pay, as capabilities and rules name them."""

    CARD = "card"
    NETWORK_TOKEN = "network_token"  # noqa: S105 - the name of a method
    SAVED = "saved"  # a token of one gateway, whatever is behind it
    PAYPAL = "paypal"
    IDEAL = "ideal"
    SEPA_DEBIT = "sepa_debit"


@dataclass(frozen=True, slots=True)
class CardCredential:
    """A card as it may reach us: a vault token, never a number. `brand` as `visa`, `mastercard`, `amex`…"""

    vault_token: str
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    holder: str = ""
    bin: str = ""
    issuer_country: str = ""
    has_cvc: bool = True  # a CVC never outlives its authorisation: False for a card on file


@dataclass(frozen=True, slots=True)
class NetworkTokenCredential:
    """A network token that the vault holds: the number of the token and its one-time cryptogram are expressions too.

    `has_cryptogram` is False for a merchant-initiated charge, which carries the network transaction id in its place.
    """

    vault_token: str
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    holder: str = ""
    eci: str = ""
    has_cryptogram: bool = True


@dataclass(frozen=True, slots=True)
class SavedCredential:
    """A credential kept at this gateway: `pm_…`, an Adyen storedPaymentMethodId, a PayPal payment token.

    `gateway_customer` is whose it is there (`cus_…`, the shopperReference, PayPal's customer id). `method` is what is
    behind the token.
    """

    gateway_token: str
    gateway_customer: str
    method: Method = Method.CARD
    brand: str = ""
    last4: str = ""


@dataclass(frozen=True, slots=True)
class PayPalWalletCredential:
    """The customer's PayPal account: approved on PayPal's own page."""

    email: str = ""


@dataclass(frozen=True, slots=True)
class IdealCredential:
    """A Dutch bank account by iDEAL: the customer approves at the bank. Captured at once, never authorised only."""

    holder: str = ""
    country: str = "NL"


@dataclass(frozen=True, slots=True)
class Mandate:
    """How the customer allowed us to debit: what a SEPA mandate must be able to show."""

    reference: str
    accepted_at: datetime
    ip: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class SepaDebitCredential:
    """A bank account to debit. Pending for days; once paid, returnable for 8 weeks, unauthorised for 13 months."""

    iban: str = field(repr=False)
    holder: str
    email: str
    mandate: Mandate


Credential = (
    CardCredential
    | NetworkTokenCredential
    | SavedCredential
    | PayPalWalletCredential
    | IdealCredential
    | SepaDebitCredential
)

_METHODS: dict[type, Method] = {
    CardCredential: Method.CARD,
    NetworkTokenCredential: Method.NETWORK_TOKEN,
    SavedCredential: Method.SAVED,
    PayPalWalletCredential: Method.PAYPAL,
    IdealCredential: Method.IDEAL,
    SepaDebitCredential: Method.SEPA_DEBIT,
}


def method_of(credential: Credential) -> Method:
    """The way to pay that a credential is."""
    return _METHODS[type(credential)]


def brand_of(credential: Credential | None) -> str:
    """The card brand, or `` where there is none."""
    return str(getattr(credential, "brand", ""))


def in_vault(credential: Credential | None) -> bool:
    """Whether a request with this credential goes through the vault."""
    return isinstance(credential, CardCredential | NetworkTokenCredential)


@dataclass(frozen=True, slots=True)
class StoredUse:
    """How a kept credential is used, or will be: networks price and approve by it.

    `network_transaction_id` is that of the first, authenticated payment: what a merchant-initiated charge refers to.
    """

    initiator: Initiator = Initiator.CUSTOMER
    agreement: Agreement = Agreement.NONE
    network_transaction_id: str = ""


@dataclass(frozen=True, slots=True)
class Browser:
    """What 3-D Secure 2 asks of the shopper's browser (EMV 3DS 2.2). The offset is in minutes, as JavaScript has it."""

    accept_header: str
    user_agent: str
    language: str
    color_depth: int
    screen_height: int
    screen_width: int
    timezone_offset_min: int
    java_enabled: bool = False


@dataclass(frozen=True, slots=True)
class Shopper:
    """Who pays, as far as a gateway may be told. `country` is ISO 3166-1 alpha-2, `locale` as `de-DE`."""

    email: str = ""
    name: str = ""
    ip: str = ""
    country: str = ""
    locale: str = ""
    browser: Browser | None = None
