"""A /payments request, read and checked: what is to be paid, with what, and how it is to be captured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulators.adyen.refusals import Refusal, requested_refusal
from simulators.adyen.wire import brand_name, from_adyen, missing, refused
from simulators.issuer import brand_of, passes_luhn
from simulators.methods import methods_of
from simulators.network_tokens import card_behind, spend_cryptogram
from simulators.world import Card, Split, World

Body = dict[str, Any]

CARD_TYPES = ("scheme", "card", "networkToken")
LONGEST_DELAY_H = 672  # 28 days, CheckoutService v72 captureDelayHours
_METHODS = {"ideal": "ideal", "paypal": "paypal", "sepadirectdebit": "sepa_debit"}
_EUROS_ONLY = ("ideal", "sepadirectdebit")
_TEST_PREFIX = "test_"  # docs.adyen.com: encrypted fields may be sent as test_4111111111111111 in the test environment


@dataclass(frozen=True, slots=True)
class Instrument:
    """What pays. `type` is the word of the request; `card` holds what the issuer sees, also behind a network token.

    `cryptogram_is_good`: there was one and the scheme had given it out for this token. `authentication` is mpiData.
    """

    type: str
    card: Card | None = None
    iban: str = ""
    owner: str = ""
    stored: str = ""
    network_reference: str = ""
    cryptogram_is_good: bool = False
    authentication: tuple[tuple[str, str], ...] = ()

    @property
    def method(self) -> str:
        return _METHODS.get(self.type, "card")

    @property
    def brand(self) -> str:
        return brand_name(brand_of(self.card.number)) if self.card else self.type

    @property
    def is_authenticated(self) -> bool:
        """By the merchant's own 3-D Secure."""
        said = dict(self.authentication)
        if "authenticationResponse" in said:
            return said["authenticationResponse"] in ("Y", "A")
        return bool(said.get("cavv")) and said.get("directoryResponse", "Y") in ("Y", "A")


@dataclass(frozen=True, slots=True)
class Order:
    """One payment to take. `capture_after_h` is None where a capture request must come; `plan` is a test dispute."""

    account: str
    reference: str
    payment_reference: str
    minor: int
    currency: str
    instrument: Instrument
    return_url: str
    capture_after_h: int | None = 0
    interaction: str = "Ecommerce"
    shopper_reference: str = ""
    model: str = ""
    keeps_method: bool = False
    splits: tuple[Split, ...] = ()
    requested: Refusal | None = None
    requested_error: str = ""
    plan: str = ""
    attempts_authentication: str = ""
    exemption: str = ""
    is_pre_authorisation: bool = False
    takes_less: bool = False
    checkout: str = ""


def order_of(world: World, account: str, body: Body, checkout: str = "") -> Order:
    """The request's order. Raises RequestRefused."""
    if not body.get("reference"):
        raise refused("130", "Reference Missing")
    if not body.get("returnUrl"):
        raise refused("14_030", "Return URL is missing.")
    method, extra = body.get("paymentMethod") or {}, body.get("additionalData") or {}
    minor, currency = from_adyen(body.get("amount"), least=0)
    instrument = _instrument(world, account, body, method)
    if minor == 0 and instrument.method != "card":
        raise refused("137", "Invalid amount specified")
    if instrument.type in _EUROS_ONLY and currency != "EUR":
        raise refused("138", "Unsupported currency specified")
    holder = instrument.card.holder if instrument.card else instrument.owner
    metadata = body.get("metadata") or {}
    return Order(
        account=account,
        reference=str(body["reference"]),
        payment_reference=str(body.get("merchantOrderReference") or metadata.get("clearway_payment", "")),
        minor=minor,
        currency=currency,
        instrument=instrument,
        return_url=str(body["returnUrl"]),
        capture_after_h=_capture_after_h(body, extra, instrument),
        interaction=str(body.get("shopperInteraction") or "Ecommerce"),
        shopper_reference=str(body.get("shopperReference") or ""),
        model=str(body.get("recurringProcessingModel") or ""),
        keeps_method=_keeps_method(body),
        splits=splits_of(body.get("splits"), minor, currency),
        requested=requested_refusal(holder, str(extra.get("RequestedTestAcquirerResponseCode", ""))),
        requested_error=str(extra.get("RequestedTestErrorResponseCode", "")),
        plan=_plan(holder),
        attempts_authentication=str((body.get("authenticationData") or {}).get("attemptAuthentication", "")),
        exemption=str(extra.get("scaExemption", "")),
        is_pre_authorisation=str(extra.get("authorisationType", "")).lower() == "preauth",
        takes_less=str(extra.get("allowPartialAuth", "")).lower() == "true",
        checkout=checkout,
    )


def splits_of(sent: Any, minor: int, currency: str) -> tuple[Split, ...]:
    """The parts that the payment is to be divided into. Raises RequestRefused where they are not the whole."""
    if not sent:
        return ()
    found = []
    for split in sent:
        amount = split.get("amount")
        part = from_adyen({"currency": currency, **amount})[0] if amount else 0
        kind = str(split.get("type", ""))
        if kind in ("BalanceAccount", "MarketPlace") and not split.get("account"):
            raise missing("splits.account")
        found.append(Split(str(split.get("account", "")), part, kind, str(split.get("reference", ""))))
    if sum(split.minor for split in found) != minor:
        raise refused("137", "Invalid amount specified")  # that they must add up is documented, the code is not
    return tuple(found)


def card_of(method: Body) -> Card:
    """A card as it is typed or encrypted for test. Raises RequestRefused for what cannot be one."""
    number = _typed(method, "number", "encryptedCardNumber")
    if not passes_luhn(number):
        raise refused("101", "Invalid card number")
    month = _typed(method, "expiryMonth", "encryptedExpiryMonth")
    year = _typed(method, "expiryYear", "encryptedExpiryYear")
    if not (month.isdigit() and 1 <= int(month) <= 12 and year.isdigit() and len(year) == 4):
        raise refused("140", "Invalid expiry date")
    cvc = _typed(method, "cvc", "encryptedSecurityCode")
    if cvc and not (cvc.isdigit() and len(cvc) in (3, 4)):
        raise refused("103", "CVC is not the right length")
    return Card(number, int(month), int(year), cvc, str(method.get("holderName") or ""))


def _typed(method: Body, plain: str, encrypted: str) -> str:
    return str(method.get(plain) or str(method.get(encrypted) or "").removeprefix(_TEST_PREFIX))


def _instrument(world: World, account: str, body: Body, method: Body) -> Instrument:
    type = str(method.get("type") or "")
    if token := str(method.get("storedPaymentMethodId") or method.get("recurringDetailReference") or ""):
        return _stored(world, account, body, token)
    if type in ("ideal", "paypal"):
        return Instrument(type)
    if type == "sepadirectdebit":
        return Instrument(type, iban=iban_of(method), owner=_required(method, "ownerName"))
    if type not in CARD_TYPES:
        raise refused("14_002", "Required field 'paymentMethod.type' is not provided or not supported.")
    card = card_of(method)
    authentication = tuple((str(k), str(v)) for k, v in sorted((body.get("mpiData") or {}).items()))
    reference = method.get("networkPaymentReference") or (body.get("additionalData") or {}).get("networkTxReference")
    good = type == "networkToken" and _spends(world, card.number, dict(authentication))
    if type == "networkToken":
        card = Card(card_behind(world, card.number), card.expiry_month, card.expiry_year, card.cvc, card.holder)
    return Instrument(
        type, card, network_reference=str(reference or ""), cryptogram_is_good=good, authentication=authentication
    )


def _spends(world: World, number: str, said: dict[str, str]) -> bool:
    """A token that no scheme of this world gave out is another token service's: any cryptogram will do."""
    cryptogram = said.get("tokenAuthenticationVerificationValue") or said.get("cavv", "")
    if card_behind(world, number) == number:
        return bool(cryptogram)
    return spend_cryptogram(world, number, cryptogram)


def _stored(world: World, account: str, body: Body, token: str) -> Instrument:
    shopper = body.get("shopperReference")
    if not shopper:
        raise missing("shopperReference")
    method = methods_of(world).find("adyen", account, token)
    if method is None or method.customer_id != shopper:
        raise refused("803", "PaymentDetail not found")
    cvc = str((body.get("paymentMethod") or {}).get("cvc") or "")
    reference = method.network_transaction_id
    if method.card is None:
        return Instrument("sepadirectdebit", iban=method.iban, stored=token, network_reference=reference)
    kept = method.card
    card = Card(kept.number, kept.expiry_month, kept.expiry_year, cvc, kept.holder)
    authentication = tuple((str(k), str(v)) for k, v in sorted((body.get("mpiData") or {}).items()))
    return Instrument("scheme", card, stored=token, network_reference=reference, authentication=authentication)


def iban_of(method: Body) -> str:
    """ISO 13616: the two check digits make it 1 modulo 97. Raises RequestRefused."""
    iban = _required(method, "iban").replace(" ", "").upper()
    turned = iban[4:] + iban[:4]
    if not (15 <= len(iban) <= 34 and turned.isalnum() and turned.isascii()):
        raise refused("161", "Invalid iban")
    if int("".join(str(int(letter, 36)) for letter in turned)) % 97 != 1:
        raise refused("161", "Invalid iban")
    return iban


def _required(method: Body, name: str) -> str:
    if not method.get(name):
        raise missing(f"paymentMethod.{name}")
    return str(method[name])


def _capture_after_h(body: Body, extra: Body, instrument: Instrument) -> int | None:
    """Payments are captured at once unless the request says otherwise. iDEAL money is there at once, in any case."""
    if instrument.type == "ideal":
        return 0
    if str(extra.get("manualCapture", "")).lower() == "true":
        return None
    delay_h = body.get("captureDelayHours", 0)
    if type(delay_h) is not int or not 0 <= delay_h <= LONGEST_DELAY_H:
        raise refused("702", "captureDelayHours must be a whole number of 0 to 672", status=400)
    return delay_h


def _keeps_method(body: Body) -> bool:
    asked = any(body.get(name) is True for name in ("storePaymentMethod", "enableRecurring", "enableOneClick"))
    if asked and not body.get("shopperReference"):
        raise missing("shopperReference")
    return asked


def _plan(holder: str) -> str:
    """The dispute that a holder name asks for, in lower case; empty where it asks for none.

    docs.adyen.com/risk-management/disputes-api/test-applicable-dispute-reasons.
    """
    name = holder.strip().lower()
    is_plan = name in ("chargeback", "chargeback reversed", "second chargeback") or name.startswith("chargeback:")
    return name if is_plan else ""
