"""The page of the docs that says what each gateway can do, written from what the gateways declare.

`python -m orchestrator.gateways.capability_table > docs/gateways.md` writes it.
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.gateways.base import Gateway
from orchestrator.gateways.capabilities import Missing, Supported, Verb
from orchestrator.gateways.credentials import Method
from orchestrator.gateways.kinds import GatewayEndpoints, GatewayKind
from orchestrator.gateways.registry import KINDS, build_gateway
from orchestrator.gateways.vault import VaultSettings

_NOWHERE = "http://127.0.0.1:9"  # an account is built to be asked what it is; nothing is ever sent
Word = Verb | Method

_TITLES = {"stripe": "Stripe", "adyen": "Adyen", "paypal": "PayPal"}

_INTRODUCTION = """# What each gateway can do

Every adapter declares each verb and each method as there, with a note where callers should know a limit, or as missing,
with the reason. This page is written from those declarations (`orchestrator/gateways/*/capabilities.py`) by
`python -m orchestrator.gateways.capability_table > docs/gateways.md`; a test holds the page to them. A number points to
the notes of that gateway below, where the vendor's page is."""


def page() -> str:
    """docs/gateways.md as a whole."""
    parts = [_INTRODUCTION, "## Verbs", _table(Verb), "## Methods", _table(Method), "## Time", _times()]
    for kind in KINDS.values():
        parts += [f"## Notes: {_title(kind.name)}", _notes(kind)]
    return "\n\n".join(parts) + "\n"


def _table(words: Iterable[Word]) -> str:
    numbers = {name: {word: n for n, (word, _) in enumerate(_telling(kind), start=1)} for name, kind in KINDS.items()}
    rows = [["", *map(_title, KINDS)], ["---", *("---" for _ in KINDS)]]
    for word in words:
        cells = [_cell(_said(kind, word), numbers[name].get(word)) for name, kind in KINDS.items()]
        rows.append([word.replace("_", " "), *cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(said: Supported | Missing, number: int | None) -> str:
    word = "yes" if isinstance(said, Supported) else "no"
    return f"{word} ({number})" if number else word


def _times() -> str:
    """Authorisations' lives, keys' windows, and how a lost answer is settled."""
    lines = [
        "| | authorisation can be captured | honoured for | the identical request gets the first answer | look-up |",
        "|---|---|---|---|---|",
    ]
    for name, kind in KINDS.items():
        life, account = kind.capabilities.authorisation, _stand_in(kind)
        window = f"for {account.resend_window_s / 3600:g} h, margin taken off"
        way = "by id, with a call that reads" if account.can_look_up else "no call reads a payment: by signed webhook"
        until = f"for {life.days} days ([source]({life.source}))"
        lines.append(f"| {_title(name)} | {until} | {life.honoured_days} days | {window} | {way} |")
        account.close()
    return "\n".join(lines)


def _notes(kind: GatewayKind) -> str:
    lines = []
    for number, (word, said) in enumerate(_telling(kind), start=1):
        text = said.reason if isinstance(said, Missing) else said.note
        link = f" ([source]({said.source}))" if said.source else ""
        lines.append(f"{number}. {word.replace('_', ' ')}: {text}{link}")
    return "\n".join(lines)


def _telling(kind: GatewayKind) -> list[tuple[Word, Supported | Missing]]:
    """The declarations that have something to say, in the order of the tables."""
    words: tuple[Word, ...] = (*Verb, *Method)
    declared = [(word, _said(kind, word)) for word in words]
    return [(word, said) for word, said in declared if isinstance(said, Missing) or said.note]


def _said(kind: GatewayKind, word: Word) -> Supported | Missing:
    return kind.capabilities.verbs[word] if isinstance(word, Verb) else kind.capabilities.methods[word]


def _stand_in(kind: GatewayKind) -> Gateway:
    credentials = {field.name: "none" for field in kind.credential_fields if field.required}
    return build_gateway(kind.name, credentials, GatewayEndpoints(base_url=_NOWHERE), VaultSettings())


def _title(name: str) -> str:
    return _TITLES.get(name, name.capitalize())


if __name__ == "__main__":
    print(page(), end="")
