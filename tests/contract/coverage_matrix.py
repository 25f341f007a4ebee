"""The matrix of verbs, gateways and outcomes: which scenarios cover a cell, or why none can.

`python tests/contract/coverage_matrix.py > docs/contract-coverage.md` writes the page.
"""

from __future__ import annotations

import importlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from simulated_accounts import GATEWAYS
from verb_calls import LOCAL, TOLD_LATER, all_cases, declared

from orchestrator.gateways.capabilities import Missing, Supported, Verb
from routing.outcomes import OutcomeKind

MODULES = sorted(path.stem for path in Path(__file__).parent.glob("test_contract_*.py") if path.stem != __name__)
Cell = tuple[Verb, str, OutcomeKind]


@dataclass(frozen=True)
class Impossible:
    """Outcomes that cannot be: of these verbs, at these gateways (all where empty), for this reason.

    `source` is the vendor's page; empty where the reason is our own port's, or the page is the capability's own.
    """

    verbs: frozenset[Verb]
    outcome: OutcomeKind
    reason: str
    gateways: frozenset[str] = frozenset()
    source: str = ""


def _verbs(*verbs: Verb) -> frozenset[Verb]:
    return frozenset(verbs)


_WITH_A_SHOPPER = _verbs(
    Verb.AUTHORISE,
    Verb.AUTHORISE_AND_CAPTURE,
    Verb.COMPLETE,
    Verb.LOOK_UP,
    Verb.SAVE_METHOD,
    Verb.SAVE_WITH_PAYMENT,
    Verb.CHARGE_SAVED,
)
_PAYMENTS = _WITH_A_SHOPPER - {Verb.SAVE_METHOD} | {Verb.CHARGE_SAVED_BY_MERCHANT, Verb.SPLIT}
_CAPTURES = _verbs(Verb.CAPTURE, Verb.CAPTURE_PARTIAL, Verb.CAPTURE_SEVERAL)
_REFUNDS = _verbs(Verb.REFUND, Verb.REFUND_PARTIAL, Verb.REFUND_SEVERAL)
_ELSEWHERE = frozenset(Verb) - _WITH_A_SHOPPER - {Verb.CHARGE_SAVED_BY_MERCHANT, Verb.SPLIT, Verb.HOSTED_CHECKOUT}

IMPOSSIBLE = (
    Impossible(_ELSEWHERE, OutcomeKind.ACTION_REQUIRED, "a call between servers: there is no shopper to act"),
    Impossible(
        _verbs(Verb.CHARGE_SAVED_BY_MERCHANT),
        OutcomeKind.ACTION_REQUIRED,
        "the shopper is away: a bank that wants to see them declines (authentication_required)",
        source="https://docs.stripe.com/payments/cits-and-mits",
    ),
    Impossible(
        _verbs(Verb.SPLIT),
        OutcomeKind.ACTION_REQUIRED,
        "the payment beneath is authorise_and_capture, whose row has it; parts of it change nothing there",
    ),
    Impossible(
        _verbs(Verb.HOSTED_CHECKOUT),
        OutcomeKind.ACTION_REQUIRED,
        "what a bank asks of the shopper is asked on the gateway's own page",
    ),
    Impossible(
        _verbs(Verb.COMPLETE),
        OutcomeKind.ACTION_REQUIRED,
        "the order is authorised by our call after the return; without an approval PayPal declines the call "
        "(PAYER_ACTION_REQUIRED is read as declined there)",
        frozenset({"paypal"}),
    ),
    Impossible(
        _CAPTURES | _REFUNDS | {Verb.VOID},
        OutcomeKind.DECLINED,
        "Adyen answers a modification with `received`; what it refuses it tells by webhook (CAPTURE_FAILED, "
        "REFUND_FAILED, CANCELLATION with success false)",
        frozenset({"adyen"}),
    ),
    Impossible(
        _verbs(Verb.VOID),
        OutcomeKind.PENDING,
        "answered at once: the authorisation is let go with the answer",
        frozenset({"stripe", "paypal"}),
    ),
    Impossible(
        _verbs(Verb.DETACH_METHOD),
        OutcomeKind.DECLINED,
        "what is not there any more is what was wanted: approved",
    ),
    Impossible(
        _verbs(Verb.RECIPIENT_STATUS),
        OutcomeKind.DECLINED,
        "a recipient that is unknown or may not be paid is an answer: not ready, and why",
    ),
    Impossible(
        _verbs(Verb.LOOK_UP),
        OutcomeKind.NOT_REACHED,
        "a question that was not answered proves nothing, whatever the cause: unavailable, counted as unknown",
    ),
    Impossible(
        frozenset(Verb) - _PAYMENTS - _CAPTURES - _REFUNDS - {Verb.VOID, Verb.TRANSFER, Verb.FETCH_REPORT},
        OutcomeKind.PENDING,
        "answered at once: the gateways do not put this off",
    ),
    Impossible(
        _verbs(Verb.TRANSFER),
        OutcomeKind.PENDING,
        "booked with the answer",
        frozenset({"stripe"}),
        "https://docs.stripe.com/connect/separate-charges-and-transfers",
    ),
    Impossible(
        _verbs(Verb.FETCH_REPORT),
        OutcomeKind.PENDING,
        "a file that is announced is there",
        frozenset({"adyen"}),
    ),
)


def load() -> None:
    """Imports every module that declares cases."""
    for module in MODULES:
        importlib.import_module(module)


def covered() -> dict[Cell, list[str]]:
    """Names of the scenarios by cell."""
    cells: dict[Cell, list[str]] = defaultdict(list)
    for case in all_cases():
        cells[case.verb, case.gateway, case.outcome].append(case.name)
    return cells


def explanation(verb: Verb, gateway: str, outcome: OutcomeKind) -> tuple[str, str] | None:
    """Why no scenario can come to this cell, and the page that says so; None where one should."""
    said = declared(gateway, verb)
    if isinstance(said, Missing):
        return said.reason, said.source
    own = said.source if isinstance(said, Supported) else ""
    if (gateway, verb) in LOCAL and outcome is not OutcomeKind.APPROVED:
        return "no call is made: our own id of the customer is the gateway's name of them", own
    if (gateway, verb) in TOLD_LATER and outcome is OutcomeKind.APPROVED:
        return "the answer is never final: it is told by webhook", own
    for one in IMPOSSIBLE:
        if verb in one.verbs and outcome is one.outcome and gateway in (one.gateways or GATEWAYS):
            return one.reason, one.source
    return None


def cells() -> list[Cell]:
    return [(verb, gateway, outcome) for verb in Verb for gateway in GATEWAYS for outcome in OutcomeKind]


def page() -> str:
    """docs/contract-coverage.md: numbers of scenarios, and the letters of reasons."""
    held = covered()
    reasons: dict[tuple[str, str], int] = {}
    lines = [
        "# What the contract suite covers",
        "",
        "Every verb at every gateway, through the real SDK to the simulated gateway, by outcome. A number is how many",
        "scenarios come to it; a letter says why none can; `!` is a cell that nothing covers or explains. The tests of",
        "faults and of decline codes come on top. Written by `python tests/contract/coverage_matrix.py`.",
        "",
    ]
    outcomes = list(OutcomeKind)
    for gateway in GATEWAYS:
        lines += [f"## {gateway}", "", f"| verb | {' | '.join(outcomes)} |", f"|---|{'---|' * len(outcomes)}"]
        for verb in Verb:
            shown = [_shown((verb, gateway, outcome), held, reasons) for outcome in outcomes]
            lines.append(f"| {verb} | {' | '.join(shown)} |")
        lines.append("")
    lines += ["## Why not", ""]
    lines += [f"* **{_letters(n)}** {_sentence(*why)}" for why, n in reasons.items()]
    return "\n".join(lines) + "\n"


def _shown(cell: Cell, held: dict[Cell, list[str]], reasons: dict[tuple[str, str], int]) -> str:
    if found := held.get(cell):
        return str(len(found))
    why = explanation(*cell)
    return _letters(reasons.setdefault(why, len(reasons))) if why else "!"


def _letters(number: int) -> str:
    return (chr(ord("a") + number // 26 - 1) if number >= 26 else "") + chr(ord("a") + number % 26)


def _sentence(reason: str, source: str) -> str:
    text = reason[:1].upper() + reason[1:]
    text = text if text.endswith(".") else f"{text}."
    return f"{text} <{source}>" if source else text


if __name__ == "__main__":
    load()
    print(page(), end="")
