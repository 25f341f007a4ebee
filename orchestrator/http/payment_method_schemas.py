"""What is paid with and what is kept, as the API takes and shows them: tokens and masked texts, no card number."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, assert_never

import msgspec
from msgspec import Meta

from orchestrator.customers.kept_methods import Consent, MethodStatus, TokenState
from orchestrator.customers.method_store import MethodRow, TokenRow
from orchestrator.errors import InvalidField
from orchestrator.gateways.credentials import Agreement, Browser, Mandate, Method, Shopper
from orchestrator.http.schemas import CountryCode, CurrencyCode, Email, Input, require_address
from orchestrator.payments import instruments
from orchestrator.payments.instruments import Instrument, Saving
from orchestrator.payments.kept import FOR_MERCHANT
from orchestrator.payments.method_setups import NewMethod, setup_of

_Token = Annotated[str, Meta(min_length=4, max_length=200, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")]
_Brand = Annotated[str, Meta(max_length=40, pattern=r"^[a-z0-9_]+$(?!\n)", examples=["visa"])]
_Last4 = Annotated[str, Meta(min_length=4, max_length=4, pattern="^[0-9]{4}$", examples=["4242"])]
_Month = Annotated[int, Meta(ge=1, le=12)]
_Year = Annotated[int, Meta(ge=2000, le=2100)]
_Holder = Annotated[str, Meta(max_length=120)]
_Ip = Annotated[str, Meta(max_length=45, pattern=r"^([0-9A-Fa-f:.]+)?$(?!\n)", examples=["203.0.113.7"])]
_Line = Annotated[str, Meta(max_length=500, pattern=r"^[^\x00-\x1f]*$(?!\n)")]
_Id = Annotated[str, Meta(max_length=40)]

Agreed = Annotated[
    Literal["card_on_file", "subscription", "unscheduled"],
    Meta(
        description="card_on_file: the customer comes back and pays. subscription: you charge fixed amounts at fixed "
        "times. unscheduled: you charge amounts or at times that vary."
    ),
]


class CardInput(Input, tag_field="type", tag="card"):
    """A card by its vault token, with what may be shown of it. Never a card number."""

    vault_token: _Token
    brand: _Brand
    last4: _Last4
    expiry_month: _Month
    expiry_year: _Year
    holder: _Holder = ""
    bin: Annotated[str, Meta(max_length=8, pattern="^([0-9]{6,8})?$", examples=["424242"])] = ""
    issuer_country: Annotated[str, Meta(max_length=2, pattern="^([A-Z]{2})?$", examples=["US"])] = ""
    funding: Literal["", "credit", "debit", "prepaid"] = ""


class NetworkTokenInput(Input, tag_field="type", tag="network_token"):
    """A network token in the vault, which gives a cryptogram with it. Expiry and digits are the token's own."""

    vault_token: _Token
    brand: _Brand
    last4: _Last4
    expiry_month: _Month
    expiry_year: _Year
    holder: _Holder = ""
    eci: Annotated[str, Meta(max_length=2, pattern="^([0-9]{2})?$")] = ""


class SavedInput(Input, tag_field="type", tag="saved"):
    """A payment method that is kept."""

    payment_method_id: _Id


class PayPalInput(Input, tag_field="type", tag="paypal"):
    """The payer's PayPal account; `next_action` leads to PayPal's page."""

    email: Annotated[str, Meta(max_length=320, pattern=r"^([^@\s]+@[^@\s]+)?$(?!\n)")] = ""


class IdealInput(Input, tag_field="type", tag="ideal"):
    """A Dutch bank account by iDEAL; `next_action` leads to the bank. Euros, taken at once."""

    holder: _Holder = ""
    country: CountryCode = "NL"


class MandateInput(Input):
    """How the payer allowed you to debit. `reference` is yours, and stands on their statement."""

    reference: Annotated[str, Meta(min_length=1, max_length=35, pattern=r"^[A-Za-z0-9+?/:().,' -]+$(?!\n)")]
    accepted_at: datetime
    ip: _Ip = ""
    user_agent: _Line = ""


class SepaDebitInput(Input, tag_field="type", tag="sepa_debit"):
    """A bank account to debit by SEPA. Euros, pending for days. The IBAN is sealed and only shown masked."""

    iban: Annotated[str, Meta(min_length=15, max_length=42, examples=["DE89370400440532013000"])]
    holder: Annotated[str, Meta(min_length=1, max_length=120)]
    email: Email
    mandate: MandateInput


PaymentMethodInput = CardInput | NetworkTokenInput | SavedInput | PayPalInput | IdealInput | SepaDebitInput
NewCredentialInput = CardInput | PayPalInput | IdealInput | SepaDebitInput


class BrowserInput(Input):
    """The payer's browser, as 3-D Secure 2 wants to know it."""

    accept_header: _Line
    user_agent: _Line
    language: Annotated[str, Meta(max_length=20, pattern=r"^[A-Za-z0-9-]+$(?!\n)")]
    color_depth: Annotated[int, Meta(ge=1, le=64)]
    screen_height: Annotated[int, Meta(ge=0, le=100_000)]
    screen_width: Annotated[int, Meta(ge=0, le=100_000)]
    timezone_offset_min: Annotated[int, Meta(ge=-900, le=900)]
    java_enabled: bool = False


class ShopperInput(Input):
    """Who pays, as far as a gateway may be told; ip and browser show where a consent was given."""

    email: Annotated[str, Meta(max_length=320, pattern=r"^([^@\s]+@[^@\s]+)?$(?!\n)")] = ""
    name: _Holder = ""
    ip: _Ip = ""
    browser: BrowserInput | None = None

    def as_shopper(self) -> Shopper:
        browser = Browser(**msgspec.structs.asdict(self.browser)) if self.browser else None
        return Shopper(email=self.email, name=self.name, ip=self.ip, browser=browser)


class ConsentInput(Input):
    """What the customer agreed to, in the words that were shown. `other_gateways`: they cover keeping it elsewhere."""

    text: Annotated[str, Meta(min_length=1, max_length=5000)]
    accepted_at: datetime
    other_gateways: bool = False
    ip: _Ip = ""
    user_agent: _Line = ""

    def as_consent(self, field: str = "consent") -> Consent:
        """Raises InvalidField for a moment without a time zone."""
        _require_zone(self.accepted_at, f"{field}.accepted_at")
        return Consent(**msgspec.structs.asdict(self))


class SavePaymentMethod(Input):
    """Keep what this payment is made with, once it is approved."""

    agreement: Agreed
    consent: ConsentInput

    def as_saving(self) -> Saving:
        return Saving(Agreement(self.agreement), self.consent.as_consent("save_payment_method.consent"))


class CreatePaymentMethod(Input):
    """A credential to keep without a payment. Without `gateway_account_id` routing chooses where."""

    customer_id: _Id
    payment_method: NewCredentialInput
    agreement: Agreed
    consent: ConsentInput
    gateway_account_id: _Id | None = None
    currency: CurrencyCode = "EUR"
    return_url: Annotated[str, Meta(max_length=2000, pattern=r"^https?://[!-~]+$(?!\n)")] | None = None
    shopper: ShopperInput = msgspec.field(default_factory=ShopperInput)

    def as_new(self, merchant_id: str) -> NewMethod:
        """Raises InvalidField."""
        require_address(self.return_url, "return_url")
        return NewMethod(
            merchant_id=merchant_id,
            customer_id=self.customer_id,
            instrument=instrument_from(self.payment_method),
            agreement=Agreement(self.agreement),
            consent=self.consent.as_consent(),
            account_id=self.gateway_account_id,
            currency=self.currency,
            return_url=self.return_url or "",
            shopper=self.shopper.as_shopper(),
        )


class CompletePaymentMethod(Input):
    """What the customer brought back to your `return_url`: its query parameters or form fields."""

    action_result: Annotated[
        dict[Annotated[str, Meta(max_length=80)], Annotated[str, Meta(max_length=8000)]], Meta(max_length=20)
    ] = msgspec.field(default_factory=dict)


class MirrorPaymentMethod(Input):
    """Where the card is to be kept too; every account that can where none is named."""

    gateway_account_id: _Id | None = None


# Shown


class CardBody(msgspec.Struct, kw_only=True, tag_field="type", tag="card"):
    """What may be shown of a card."""

    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    holder: str
    issuer_country: str


class NetworkTokenBody(msgspec.Struct, kw_only=True, tag_field="type", tag="network_token"):
    """What may be shown of a network token."""

    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    holder: str


class SavedBody(msgspec.Struct, kw_only=True, tag_field="type", tag="saved"):
    """A kept payment method, and what is behind it."""

    payment_method_id: str
    method: Method
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int


class PayPalBody(msgspec.Struct, kw_only=True, tag_field="type", tag="paypal"):
    """A PayPal account."""

    email: str


class IdealBody(msgspec.Struct, kw_only=True, tag_field="type", tag="ideal"):
    """A bank account by iDEAL."""

    holder: str
    country: str


class SepaDebitBody(msgspec.Struct, kw_only=True, tag_field="type", tag="sepa_debit"):
    """A debited bank account, masked."""

    iban: Annotated[str, Meta(examples=["DE89 •••• 3000"])]
    holder: str
    mandate_reference: str


InstrumentBody = CardBody | NetworkTokenBody | SavedBody | PayPalBody | IdealBody | SepaDebitBody


class TokenBody(msgspec.Struct, kw_only=True):
    """Where a payment method is kept. `detail` says why it is not, or waits."""

    gateway_account_id: str
    state: TokenState
    mirrored: bool
    detail: str


class MethodActionBody(msgspec.Struct, kw_only=True):
    """What the customer must do: send the browser to `url`."""

    kind: str
    url: str
    data: dict[str, str] = {}


class ConsentBody(msgspec.Struct, kw_only=True):
    """What the customer agreed to."""

    text: str
    accepted_at: datetime
    other_gateways: bool


class PaymentMethodBody(msgspec.Struct, kw_only=True):
    """A kept payment method. `tokens` say at which accounts it can be charged."""

    id: str
    object: str = "payment_method"
    customer_id: str
    status: MethodStatus
    method: Method
    brand: str
    last4: str
    expiry_month: int | None
    expiry_year: int | None
    agreement: Agreement
    is_default: bool
    merchant_initiated: Annotated[bool, Meta(description="Whether the agreement allows charges without the customer.")]
    fingerprint: str
    payment_id: Annotated[str | None, Meta(description="The payment that it was kept with.")]
    next_action: MethodActionBody | None
    failure_reason: str | None
    consent: ConsentBody
    tokens: list[TokenBody]
    created_at: datetime
    updated_at: datetime


def instrument_from(given: NewCredentialInput | NetworkTokenInput, field: str = "payment_method") -> Instrument:
    """The instrument as a payment takes it. Raises InvalidField naming what is wrong below `field`."""
    match given:
        case CardInput():
            return instruments.Card(**msgspec.structs.asdict(given))
        case NetworkTokenInput():
            return instruments.NetworkToken(**msgspec.structs.asdict(given))
        case PayPalInput():
            return instruments.PayPalWallet(given.email)
        case IdealInput():
            return instruments.Ideal(given.holder, given.country)
        case SepaDebitInput():
            iban = _iban(given.iban, f"{field}.iban")
            said = given.mandate
            _require_zone(said.accepted_at, f"{field}.mandate.accepted_at")
            mandate = Mandate(said.reference, said.accepted_at, said.ip, said.user_agent)
            return instruments.sepa_debit(iban, given.holder, given.email, mandate)
        case _:
            assert_never(given)


def instrument_body(instrument: Instrument) -> InstrumentBody:
    """What may be shown of it."""
    match instrument:
        case instruments.Card():
            return CardBody(**_shown(instrument, CardBody))
        case instruments.NetworkToken():
            return NetworkTokenBody(**_shown(instrument, NetworkTokenBody))
        case instruments.KeptMethod():
            return SavedBody(**_shown(instrument, SavedBody))
        case instruments.PayPalWallet():
            return PayPalBody(email=instrument.email)
        case instruments.Ideal():
            return IdealBody(holder=instrument.holder, country=instrument.country)
        case instruments.SepaDebit():
            return SepaDebitBody(
                iban=instrument.iban_shown, holder=instrument.holder, mandate_reference=instrument.mandate_reference
            )
        case _:
            assert_never(instrument)


def payment_method_body(row: MethodRow, tokens: list[TokenRow], default_id: str | None) -> PaymentMethodBody:
    """The method with where it is kept; never a token itself."""
    action = setup_of(row).next_action if row.setup and row.status == MethodStatus.REQUIRES_ACTION else None
    return PaymentMethodBody(
        id=row.id,
        customer_id=row.customer_id,
        status=MethodStatus(row.status),
        method=Method(row.method),
        brand=row.brand,
        last4=row.last4,
        expiry_month=row.expiry_month or None,
        expiry_year=row.expiry_year or None,
        agreement=Agreement(row.agreement),
        is_default=row.id == default_id,
        merchant_initiated=row.agreement in FOR_MERCHANT,
        fingerprint=row.fingerprint,
        payment_id=row.payment_id,
        next_action=msgspec.convert(action, MethodActionBody) if action else None,
        failure_reason=row.failure_reason,
        consent=msgspec.convert(
            {name: row.consent.get(name, False) for name in ConsentBody.__struct_fields__}, ConsentBody
        ),
        tokens=[
            TokenBody(
                gateway_account_id=token.gateway_account_id,
                state=TokenState(token.state),
                mirrored=token.mirrored_from is not None,
                detail=token.detail,
            )
            for token in tokens
        ],
        created_at=row.created_at,
        updated_at=row.updated_at or row.created_at,
    )


def _shown(instrument: msgspec.Struct, body: type[msgspec.Struct]) -> dict[str, Any]:
    return {name: getattr(instrument, name) for name in body.__struct_fields__}


def _require_zone(at: datetime, field: str) -> None:
    if at.tzinfo is None:
        raise InvalidField(field, "must have a time zone, such as 2026-11-23T10:00:00Z")


def _iban(text: str, field: str) -> str:
    """Without spaces, in capitals. Raises InvalidField where the check digits do not fit (ISO 13616, modulo 97)."""
    iban = text.replace(" ", "").upper()
    if re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", iban):
        digits = "".join(str(int(character, 36)) for character in iban[4:] + iban[:4])
        if int(digits) % 97 == 1:
            return iban
    raise InvalidField(field, "is no IBAN: its check digits do not fit")
