"""How each verb is asked for: what goes before it, then the one call that counts. And the cases made from that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from simulated_accounts import GATEWAYS, Account

from orchestrator.gateways.base import Lookup, LookupResult, OperationCall
from orchestrator.gateways.capabilities import Missing, Supported, Verb
from orchestrator.gateways.facets import Answer
from orchestrator.gateways.registry import KINDS
from routing.outcomes import Outcome, OutcomeKind

Result = Outcome | Answer[Any] | LookupResult | str
Connect = Callable[..., Account]


@dataclass(frozen=True)
class Prepared:
    """The call of a verb, ready: sent again it is the identical request. `call` is there for operations."""

    send: Callable[[], Result]
    call: OperationCall | None = None


Preparation = Callable[[Account], Prepared]
CALLS: dict[Verb, Preparation] = {}
PLAYED: list[tuple[str, str, str, str]] = []  # gateway, verb, outcome and scenario of every case that has run
_HOME: dict[Verb, str] = {}


def call_of(verb: Verb) -> Callable[[Preparation], Preparation]:
    """Declares how the verb is prepared."""

    def keep(prepare: Preparation) -> Preparation:
        CALLS[verb] = prepare
        _HOME[verb] = prepare.__module__
        return prepare

    return keep


@dataclass(frozen=True)
class Case:
    """One cell of the matrix and how it comes about."""

    verb: Verb
    gateway: str
    outcome: OutcomeKind
    name: str
    run: Callable[[Connect, str], Result]

    def __str__(self) -> str:
        return f"{self.gateway}-{self.verb}-{self.outcome}-{self.name}"

    def play(self, connect: Connect) -> None:
        result = self.run(connect, self.gateway)
        PLAYED.append((self.gateway, self.verb.value, kind_of(result).value, self.name))
        assert kind_of(result) is self.outcome, f"{kind_of(result)}, not {self.outcome}: {_told(result)}"


_SPECIAL: list[tuple[str, Case]] = []


def comes_to(
    verb: Verb, outcome: OutcomeKind, *gateways: str
) -> Callable[[Callable[[Account], Result]], Callable[[Account], Result]]:
    """Declares a case: what the function returns for a fresh account of each gateway must be of this outcome."""

    def keep(run: Callable[[Account], Result]) -> Callable[[Account], Result]:
        for gateway in gateways or GATEWAYS:
            case = Case(verb, gateway, outcome, run.__name__, lambda connect, name: run(connect(name)))
            _SPECIAL.append((run.__module__, case))
        return run

    return keep


# What the simulators call the call that counts: trouble is to befall it, and none before it (a token, a customer).
_OPERATIONS = {
    **dict.fromkeys((Verb.AUTHORISE, Verb.AUTHORISE_AND_CAPTURE, Verb.SAVE_WITH_PAYMENT, Verb.SPLIT), "confirm"),
    **dict.fromkeys((Verb.CHARGE_SAVED, Verb.CHARGE_SAVED_BY_MERCHANT), "confirm"),
    **dict.fromkeys((Verb.CAPTURE, Verb.CAPTURE_PARTIAL, Verb.CAPTURE_SEVERAL), "capture"),
    **dict.fromkeys((Verb.REFUND, Verb.REFUND_PARTIAL, Verb.REFUND_SEVERAL), "refund"),
    Verb.VOID: "void",
}


def operation_of(verb: Verb, gateway: str = "") -> str:
    """The word for a scenario's operation; any call where the verb has none of its own."""
    if (gateway, verb) == ("paypal", Verb.PROBE):  # a token: trouble with any call leaves it alone
        return "probe"
    if verb is Verb.SAVE_METHOD:  # at Adyen by a payment of zero
        return "confirm" if gateway == "adyen" else "save"
    return _OPERATIONS.get(verb, "*")


def declare(module: str, cases: Iterable[Case]) -> None:
    """Cases of a verb that no call of its own prepares."""
    _SPECIAL.extend((module, case) for case in cases)


def cases_of(module: str) -> list[Case]:
    """All cases of the verbs that the module prepares: as it goes well, reply lost, connection refused; and its own."""
    made = [case for verb in CALLS if _HOME[verb] == module for case in _general(verb)]
    return made + [case for home, case in _SPECIAL if home == module and not is_missing(case.gateway, case.verb)]


def all_cases() -> list[Case]:
    modules = dict.fromkeys(_HOME.values()) | dict.fromkeys(home for home, _ in _SPECIAL)
    return [case for module in modules for case in cases_of(module)]


def declared(gateway: str, verb: Verb) -> Supported | Missing | None:
    """What the gateway's capabilities say of the verb."""
    return KINDS[gateway].capabilities.verbs.get(verb)


def is_missing(gateway: str, verb: Verb) -> bool:
    return isinstance(declared(gateway, verb), Missing)


def gateways_with(verb: Verb) -> list[str]:
    return [gateway for gateway in GATEWAYS if not is_missing(gateway, verb)]


# What a call comes to when all goes well and no answer is final: the gateway has taken it and tells by webhook.
TOLD_LATER = frozenset(
    ("adyen", verb)
    for verb in (
        Verb.CAPTURE,
        Verb.CAPTURE_PARTIAL,
        Verb.CAPTURE_SEVERAL,
        Verb.VOID,
        Verb.REFUND,
        Verb.REFUND_PARTIAL,
        Verb.REFUND_SEVERAL,
        Verb.TRANSFER,
    )
)
# Where nothing is asked of the gateway: our own id of a customer is what it knows them by.
LOCAL = frozenset({("adyen", Verb.SAVE_CUSTOMER), ("paypal", Verb.SAVE_CUSTOMER)})


def usual(gateway: str, verb: Verb) -> OutcomeKind:
    return OutcomeKind.PENDING if (gateway, verb) in TOLD_LATER else OutcomeKind.APPROVED


def kind_of(result: Result) -> OutcomeKind:
    """The outcome in one of the six words. A look-up that settles nothing is UNKNOWN, or PENDING where it is open."""
    if isinstance(result, str):
        return _probed(result)
    if isinstance(result, LookupResult):
        if result.state is Lookup.SETTLED:
            assert result.outcome is not None
            return result.outcome.kind
        return OutcomeKind.PENDING if result.state is Lookup.OPEN else OutcomeKind.UNKNOWN
    return result.kind


def _probed(line: str) -> OutcomeKind:
    if not line:
        return OutcomeKind.APPROVED
    if line.startswith("not reached") or "HTTP 429" in line:
        return OutcomeKind.NOT_REACHED
    return OutcomeKind.DECLINED if "refuses these credentials" in line else OutcomeKind.UNKNOWN


def _general(verb: Verb) -> Iterable[Case]:
    for gateway in gateways_with(verb):
        yield Case(verb, gateway, usual(gateway, verb), "as_it_goes_well", _goes_well(verb))
        if (gateway, verb) in LOCAL:
            continue
        yield Case(verb, gateway, OutcomeKind.UNKNOWN, "reply_lost", _reply_lost(verb))
        refused = OutcomeKind.UNKNOWN if verb is Verb.LOOK_UP else OutcomeKind.NOT_REACHED
        yield Case(verb, gateway, refused, "connection_refused", _refused(verb))


def _goes_well(verb: Verb) -> Callable[[Connect, str], Result]:
    return lambda connect, gateway: CALLS[verb](connect(gateway)).send()


def _reply_lost(verb: Verb) -> Callable[[Connect, str], Result]:
    def run(connect: Connect, gateway: str) -> Result:
        account = connect(gateway)
        prepared = CALLS[verb](account)
        account.trouble("lose_reply", operation_of(verb, gateway))
        return prepared.send()

    return run


def _refused(verb: Verb) -> Callable[[Connect, str], Result]:
    def run(connect: Connect, gateway: str) -> Result:
        account = connect(gateway)
        prepared = CALLS[verb](account)
        with account.wire.refusing():
            return prepared.send()

    return run


def _told(result: Result) -> str:
    shown = getattr(result, "detail", result), getattr(result, "decline", None)
    return f"{shown}; {str(getattr(result, 'exchange', ''))[:1500]}"
