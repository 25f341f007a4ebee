"""What the adapters keep for timelines, heard over the whole run, and what was private on the wire meanwhile.

Private is what the wire had under a private name: keys, tokens, card numbers, holders, IBANs, e-mail addresses.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import parse_qsl

import wire_tap
from wire_tap import Passed

from orchestrator.gateways.base import LookupResult
from orchestrator.gateways.facets import Answer
from orchestrator.gateways.kinds import GatewayEndpoints
from orchestrator.gateways.registry import build_gateway
from orchestrator.gateways.vault import VaultSettings
from routing.outcomes import Outcome

_HERE = "tests/contract/"
_CREDENTIALS = {
    "stripe": {"secret_key": "sk_test_1", "webhook_secret": "whsec_1"},
    "adyen": {"api_key": "AQE1", "merchant_account": "M", "hmac_key": "44" * 32},
    "paypal": {"client_id": "c", "client_secret": "s", "webhook_id": "W"},
}
# Names of fields whose values nobody is to find in a timeline; compared without case, dashes and underscores.
_PRIVATE = frozenset(
    """
    number encryptedcardnumber holdername ownername iban email emailaddress shopperemail receiptemail
    storedpaymentmethodid recurringdetailreference tokenization.storedpaymentmethodid vaultid accesstoken clientsecret
    hmackey secret cryptogram tokenauthenticationverificationvalue cavv redirectresult password
    """.split()  # noqa: SIM905
)
_NAMED_PERSONS = frozenset({"card", "billingdetails", "ideal", "customer"})  # whose `name` is a person's
_VAULT_TOKEN = re.compile(r"\btok_[0-9A-Za-z]{6,}")
_WORDS = (re.compile(r"[\w-]{6,}"), re.compile(r"[^\s\"',;&?<>()]{6,}"), re.compile(r"[\w.+-]+@[\w.-]+"))
_ORDERED = frozenset({"PENDING", "DECLINED"})  # test values in a holder's place: nobody's name, and words of replies
_TOO_SHORT = 6  # a month or a CVC may be part of any id


@dataclass(frozen=True)
class Kept:
    """What one call of an adapter gave back: `call` as `stripe.perform`, `test` in which it was made."""

    call: str
    test: str
    texts: dict[str, Any]


KEPT: list[Kept] = []
PRIVATE: dict[str, str] = {}
"""Private values by what they are."""


def listen() -> None:
    """Hear every adapter and every wire from now on."""
    if _hear in wire_tap.OBSERVERS:
        return
    wire_tap.OBSERVERS.append(_hear)
    for name, credentials in _CREDENTIALS.items():
        gateway = build_gateway(
            name, credentials, GatewayEndpoints(base_url="http://127.0.0.1:9"), VaultSettings("http://127.0.0.1:9")
        )
        for part in (gateway, *(getattr(gateway.facets, one.name) for one in fields(gateway.facets))):
            if part is not None:
                _listen(name, type(part))
        gateway.close()


def leaks() -> list[str]:
    """`call field: what (test)` for each private value that was kept, once."""
    names = {value: what for value, what in PRIVATE.items() if " " in value}
    searched: dict[str, set[str]] = {}
    found = []
    for kept in KEPT:
        for path, text in _leaves(kept.texts, ""):
            if text not in searched:
                searched[text] = _private_in(text, names)
            found += [f"{kept.call} {path}: {what} ({kept.test})" for what in searched[text]]
    return sorted(dict.fromkeys(found))


def _private_in(text: str, names: dict[str, str]) -> set[str]:
    words = {word for pattern in _WORDS for word in pattern.findall(text)} | {text}
    known = {PRIVATE[word] for word in words if word in PRIVATE}
    known |= {what for value, what in names.items() if value in text}
    return known | ({"vault token"} if _VAULT_TOKEN.search(text) else set())


def _listen(gateway: str, cls: type) -> None:
    for name, method in list(vars(cls).items()):
        if callable(method) and not name.startswith("_") and not isinstance(method, type | staticmethod):
            setattr(cls, name, _heard(f"{gateway}.{cls.__name__}.{name}", method))


def _heard(call: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def hear(*args: Any, **kwargs: Any) -> Any:
        result = method(*args, **kwargs)
        test = os.environ.get("PYTEST_CURRENT_TEST", "")
        texts = _texts(result)
        if texts and _HERE in test:
            KEPT.append(Kept(call, test.split("::", 1)[-1].rpartition(" ")[0], texts))
        return result

    return hear


def _texts(result: object) -> dict[str, Any]:
    """What of a result goes into a timeline, a log or an operator's page."""
    match result:
        case Outcome() | Answer():
            message = result.decline.gateway_message if result.decline else ""
            return {"exchange": result.exchange, "detail": result.detail, "gateway_message": message}
        case LookupResult():
            outcome = _texts(result.outcome) if result.outcome else {}
            return {"detail": result.detail, "outcome": outcome}
        case str():
            return {"line": result}
        case _:
            return {}


def _hear(passed: Passed) -> None:
    for value, what in (*_of_headers(passed.headers), *_of_body(passed.body), *_of_body(passed.reply)):
        if len(value) >= _TOO_SHORT and value not in _ORDERED and not value.startswith("{"):
            PRIVATE.setdefault(value, what)


def _of_headers(headers: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield headers.get("x-api-key", ""), "API key"
    scheme, _, sent = headers.get("authorization", "").partition(" ")
    if scheme == "Bearer":
        yield sent, "access token or secret key"
    elif scheme == "Basic":
        try:
            yield base64.b64decode(sent).decode().partition(":")[2], "client secret"
        except (binascii.Error, UnicodeDecodeError):
            return


def _of_body(body: bytes) -> Iterator[tuple[str, str]]:
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = dict(parse_qsl(body.decode("utf-8", "replace")))
    for path, text in _leaves(parsed, ""):
        names = [re.sub("[-_]", "", part).lower() for part in re.split(r"[\[\]/]+", path) if part]
        last, above = (names or [""])[-1], (names[-2:-1] or [""])[0]
        if last in _PRIVATE or (last == "name" and above in _NAMED_PERSONS):
            yield text, last


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}/{name}")
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner, path)
    elif isinstance(value, str) and value:
        yield path, value
