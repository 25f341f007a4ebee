"""What a payment is made with, as it is stored: a tagged union, never a card number; and what it is used for."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import assert_never

import msgspec

from orchestrator.access import secrets
from orchestrator.customers.kept_methods import Consent
from orchestrator.gateways.base import CaptureMode
from orchestrator.gateways.credentials import (
    Agreement,
    CardCredential,
    Credential,
    IdealCredential,
    Initiator,
    Mandate,
    Method,
    NetworkTokenCredential,
    PayPalWalletCredential,
    SavedCredential,
    SepaDebitCredential,
    Shopper,
)


class _Instrument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """Base of what a payment can be made with."""


class Card(_Instrument, tag="card", frozen=True):
    """A card by its vault token, and what may be shown of it."""

    vault_token: str
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    holder: str = ""
    bin: str = ""
    issuer_country: str = ""
    funding: str = ""  # credit, debit, prepaid


class NetworkToken(_Instrument, tag="network_token", frozen=True):
    """A network token in the vault, with its one-time cryptogram (a wallet's, or a token service's)."""

    vault_token: str
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    holder: str = ""
    eci: str = ""


class GatewayToken(msgspec.Struct, frozen=True):
    """A kept method as one gateway account knows it. `first`: it took the card itself, so it knows the first use."""

    token: str
    customer: str
    first: bool = True


class KeptMethod(_Instrument, tag="saved", frozen=True):
    """A kept payment method, with its tokens as they were when the payment began: what is sent is the same each time.

    `method` is what is behind it. `tokens` by gateway account; only there can it be charged.
    """

    payment_method_id: str
    method: Method
    brand: str = ""
    last4: str = ""
    expiry_month: int = 0
    expiry_year: int = 0
    bin: str = ""
    issuer_country: str = ""
    funding: str = ""
    fingerprint: str = ""
    tokens: dict[str, GatewayToken] = {}


class PayPalWallet(_Instrument, tag="paypal", frozen=True):
    """The shopper's PayPal account, approved on PayPal's page."""

    email: str = ""


class Ideal(_Instrument, tag="ideal", frozen=True):
    """A Dutch bank account by iDEAL, approved at the bank."""

    holder: str = ""
    country: str = "NL"


class SepaDebit(_Instrument, tag="sepa_debit", frozen=True):
    """A bank account to debit, with the mandate that allows it. The IBAN is sealed; `iban_shown` is what people see."""

    sealed_iban: str
    iban_shown: str
    iban_hash: str
    holder: str
    email: str
    mandate_reference: str
    mandate_accepted_at: datetime
    mandate_ip: str = ""
    mandate_user_agent: str = ""


Instrument = Card | NetworkToken | KeptMethod | PayPalWallet | Ideal | SepaDebit


class Saving(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keep the instrument when the payment is approved: what for, and what the customer agreed to."""

    agreement: Agreement
    consent: Consent


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who starts the charge and under which agreement, and what is to be kept of it.

    `network_transaction_id`: of the first payment with a kept method. `customers`: who the customer is at each account,
    where something is to be kept. All as it was when the payment began.
    """

    initiator: Initiator = Initiator.CUSTOMER
    agreement: Agreement = Agreement.NONE
    network_transaction_id: str = ""
    saving: Saving | None = None
    customers: dict[str, str] = {}
    shopper: Shopper = Shopper()

    @property
    def by_merchant(self) -> bool:
        return self.initiator is Initiator.MERCHANT


def method_behind(instrument: Instrument) -> Method:
    """The way to pay as routing, rules and capabilities name it: of a kept method, what is behind it."""
    match instrument:
        case Card():
            return Method.CARD
        case NetworkToken():
            return Method.NETWORK_TOKEN
        case KeptMethod():
            return instrument.method
        case PayPalWallet():
            return Method.PAYPAL
        case Ideal():
            return Method.IDEAL
        case SepaDebit():
            return Method.SEPA_DEBIT
        case _:
            assert_never(instrument)


def credential_for(instrument: Instrument, account_id: str, *, by_merchant: bool = False) -> Credential:
    """The instrument as the account's adapter takes it. Raises LookupError where a kept method has no token there."""
    match instrument:
        case Card():
            sent = (name for name in instrument.__struct_fields__ if name != "funding")  # for routing alone
            return CardCredential(**{name: getattr(instrument, name) for name in sent})
        case NetworkToken():
            shown = {name: getattr(instrument, name) for name in instrument.__struct_fields__}
            return NetworkTokenCredential(**shown, has_cryptogram=not by_merchant)
        case KeptMethod():
            kept = instrument.tokens.get(account_id)
            if kept is None:
                raise LookupError(f"{instrument.payment_method_id} has no token at {account_id}")
            return SavedCredential(kept.token, kept.customer, instrument.method, instrument.brand, instrument.last4)
        case PayPalWallet():
            return PayPalWalletCredential(instrument.email)
        case Ideal():
            return IdealCredential(instrument.holder, instrument.country)
        case SepaDebit():
            return SepaDebitCredential(
                iban_of(instrument),
                instrument.holder,
                instrument.email,
                Mandate(
                    instrument.mandate_reference,
                    instrument.mandate_accepted_at,
                    instrument.mandate_ip,
                    instrument.mandate_user_agent,
                ),
            )
        case _:
            assert_never(instrument)


def sepa_debit(iban: str, holder: str, email: str, mandate: Mandate) -> SepaDebit:
    """The account with its IBAN sealed. `iban` has no spaces and has been checked."""
    return SepaDebit(
        sealed_iban=secrets.seal({"iban": iban}),
        iban_shown=masked_iban(iban),
        iban_hash=secrets.fingerprint("iban", iban),
        holder=holder,
        email=email,
        mandate_reference=mandate.reference,
        mandate_accepted_at=mandate.accepted_at,
        mandate_ip=mandate.ip,
        mandate_user_agent=mandate.user_agent,
    )


def iban_of(debit: SepaDebit) -> str:
    """The IBAN again, to be sent. Raises SecretUnreadable."""
    return secrets.unseal(debit.sealed_iban)["iban"]


def masked_iban(iban: str) -> str:
    """Country, check digits and the last four: `DE89 •••• 3000`."""
    return f"{iban[:4]} •••• {iban[-4:]}"


def capture_mode(instrument: Instrument) -> CaptureMode:
    """Bank accounts cannot be authorised first: their money is taken at once, or not at all.

    https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
    """
    at_once = method_behind(instrument) in (Method.IDEAL, Method.SEPA_DEBIT)
    return CaptureMode.AUTOMATIC if at_once else CaptureMode.MANUAL


def sends_away(instrument: Instrument) -> bool:
    """Whether the shopper approves on a page of the method's own: after that only they may go elsewhere."""
    return isinstance(instrument, PayPalWallet | Ideal)


def instrument_fingerprint(instrument: Instrument) -> str:
    """The same text for the same credential, whatever payment it is used in; `` where nothing tells two apart.

    For counting how often something is tried. It says nothing of the card: a hash of the vault's token, of a keyed hash
    of the IBAN, of the wallet's address; a kept method has that with which it was kept.
    """
    match instrument:
        case Card() | NetworkToken():
            return _fingerprint("vault", instrument.vault_token)
        case KeptMethod():
            return instrument.fingerprint or _fingerprint("method", instrument.payment_method_id)
        case PayPalWallet():
            return _fingerprint("paypal", instrument.email.strip().lower()) if instrument.email else ""
        case Ideal():
            return ""
        case SepaDebit():
            return _fingerprint("iban", instrument.iban_hash)
        case _:
            assert_never(instrument)


def _fingerprint(kind: str, text: str) -> str:
    return hashlib.sha256(f"clearway:fingerprint:{kind}:{text}".encode()).hexdigest()[:32]
