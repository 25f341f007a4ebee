"""What may be kept of a gateway's request and reply: amounts, ids and codes; never secrets, tokens or personal data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

REMOVED: Final = "[removed]"

# Compared without case, dashes and underscores, so that `security_code` and `securityCode` are one.
_SECRETS = """
    number cvc cvc2 cvv securitycode expmonth expyear expiry expirymonth expiryyear
    encryptedcard encryptedcardnumber encryptedsecuritycode encryptedexpirymonth encryptedexpiryyear
    holdername cardholdername fingerprint clientsecret apikey xapikey secret password authorization
    iban cryptogram proxyauthorization accesstoken refreshtoken redirectresult paymentdata hmacsignature
    cookie setcookie storedpaymentmethodid recurringdetailreference cavv tokenauthenticationverificationvalue
    hmackey credentials body content expirydate vaultid receipturl
    threedsresult md pares pareq payload
"""
_PERSONAL = """
    email emailaddress shopperemail receiptemail phone phonenumber telephonenumber shopperip ip ipaddress
    givenname surname fullname firstname lastname shoppername payer dateofbirth browserinfo address line1 line2
    addressline1 addressline2 street housenumberorname postalcode billingdetails billingaddress deliveryaddress
    shippingaddress shipping useragent verifiedname ownername
    accountid payerid birthdate notes paypalaccountid transactionnote
    payername accountholdername customerdetails shippingdetails collectedinformation
"""
_SECRET_KEYS = frozenset(_SECRETS.split())
_PERSONAL_KEYS = frozenset(_PERSONAL.split())
# Parents under which `name` is a person's; elsewhere it is the name of an error.
_NAMED_PERSONS = frozenset({"buyer", "card", "customer", "ideal", "owner"})
# Parents under which `id` is a kept credential's token.
_KEPT_CREDENTIALS = frozenset({"paymenttokens", "storedpaymentmethods", "vault"})

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_VAULT_TOKEN = re.compile(r"\btok_[0-9A-Za-z]+(?:\.[a-z_0-9]+)?")
_KEY = re.compile(
    r"\b(?:sk|rk|whsec)_[0-9A-Za-z_]{6,}|\b(?:pi|seti|src|cs)_\w*secret_\w{6,}|\b(?:Bearer|Basic)\s+[\w.~+/=-]+"
)
_TOKEN_IN_PATH = re.compile(r"(?:(?<=/storedPaymentMethods/)|(?<=/payment-tokens/))[^/?\s]+")
_CARD_LIKE = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")


def redact(mapping: Mapping[str, object]) -> dict[str, object]:
    """A copy of JSON-like data without secrets and personal data, at any depth. Keys stay, so the shape can be read."""
    return _redact_mapping(mapping, parent="")


def redact_text(text: str, *, mask_cards: bool = True) -> str:
    """Free text with vault tokens, keys, e-mail addresses and card-like numbers taken out."""
    for pattern in (_VAULT_TOKEN, _KEY, _EMAIL, _TOKEN_IN_PATH):
        text = pattern.sub(REMOVED, text)
    return _CARD_LIKE.sub(_mask_card, text) if mask_cards else text


def _redact_mapping(mapping: Mapping[str, object], parent: str) -> dict[str, object]:
    kept = {str(key): _redact_value(str(key), value, parent) for key, value in mapping.items()}
    field = mapping.get("field")
    if isinstance(field, str) and "value" in mapping:  # PayPal quotes what it complains of, by a JSON pointer
        kept["value"] = _redact_value(field.replace("/", "."), mapping["value"], parent)
    return kept


def _redact_value(key: str, value: object, parent: str) -> object:
    plain, is_private = _judged(key, parent)
    if is_private:
        return REMOVED if value not in (None, "") else value
    if isinstance(value, Mapping):
        return _redact_mapping(value, plain)
    if isinstance(value, list):
        return [_redact_value(key, item, parent) for item in value]
    if isinstance(value, str):
        # Adyen's older references are sixteen digits, and one in ten passes Luhn: an id is kept whole.
        return redact_text(value, mask_cards=not plain.endswith(("id", "reference")))
    return value


@lru_cache(maxsize=4096)
def _judged(key: str, parent: str) -> tuple[str, bool]:
    """The key's plain name, and whether what stands under it is removed."""
    # A form field `payment_method_data[card][number]` is judged by its last name.
    names = [part for part in re.split(r"[\[\].]+", key) if part]
    plain = _plain(names[-1] if names else key)
    above = _plain(names[-2]) if len(names) > 1 else parent
    return plain, _is_private(plain, above) or any(_plain(name) in _PERSONAL_KEYS for name in names[:-1])


def _is_private(plain: str, above: str) -> bool:
    if plain in _SECRET_KEYS or plain in _PERSONAL_KEYS:
        return True
    return (plain == "name" and above in _NAMED_PERSONS) or (plain == "id" and above in _KEPT_CREDENTIALS)


def _plain(key: str) -> str:
    return key.replace("_", "").replace("-", "").lower()


def _mask_card(match: re.Match[str]) -> str:
    digits = [int(character) for character in match[0] if character.isdigit()]
    return f"{REMOVED[:-1]} …{match[0][-4:]}]" if _passes_luhn(digits) else match[0]


def _passes_luhn(digits: list[int]) -> bool:
    doubled = (d if i % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(reversed(digits)))
    return sum(doubled) % 10 == 0
