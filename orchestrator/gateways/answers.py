"""From the tape of an SDK call to an outcome: what every gateway has in common. Only the reading of a reply differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from currency.exponents import AmountNotRepresentable
from currency.money import Money
from orchestrator import clock_port
from orchestrator.gateways.base import Lookup, LookupResult, OperationCall
from orchestrator.gateways.declines import decline_for
from orchestrator.gateways.facets import Answer
from orchestrator.gateways.redaction import redact_text
from orchestrator.gateways.transport import Reply, Tape, network_outcome
from orchestrator.gateways.vault import VaultSettings, read_vault_error, vault_outcome
from routing.outcomes import Decline, Outcome, OutcomeKind

T = TypeVar("T")

MAX_RETRY_AFTER_S = 300  # a gateway that asks for more is tried again after this

# Statuses that say without a word that nothing was processed: credentials or a pause are asked for.
_WORDLESS = frozenset({401, 429})

# What reading an answer of an unexpected shape raises: then nothing is known, and nothing is guessed.
_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)


def settle(
    tape: Tape, gateway: str, read: Callable[[Reply], Outcome], *, vault: VaultSettings | None = None, skip: str = ""
) -> Outcome:
    """The outcome of one SDK call.

    `read` judges a reply of the gateway (status below 500); `vault` is given when the call went through the proxy;
    `skip` is the path of a preparatory call (a token) that is not the operation itself.
    """
    exchange = tape.last(skip)
    if exchange is None:
        return _not_made(tape, gateway)
    if exchange.reply is None:
        outcome = network_outcome(exchange)
        # What could not even be sent did not get as far as the vault: the gateway has no part in it.
        return replace(outcome, vault_failed=vault is not None and outcome.kind is OutcomeKind.NOT_REACHED)
    if vault is not None and (error := read_vault_error(exchange.reply, vault)) is not None:
        return vault_outcome(error, gateway, exchange)
    return replace(_judged(exchange.method, exchange.reply, read), exchange=exchange.redacted())


def approved(asked: Money, said: Money | None, *, payment_id: str, operation_id: str = "") -> Outcome:
    """APPROVED if the gateway says exactly the amount and currency asked for; else UNKNOWN, to be looked into."""
    if said != asked:
        return Outcome(
            OutcomeKind.UNKNOWN,
            amount=said,
            gateway_payment_id=payment_id,
            gateway_operation_id=operation_id,
            detail=f"the gateway says {_shown(said)} where {_shown(asked)} was asked: not an approval, look into it",
        )
    return Outcome(OutcomeKind.APPROVED, amount=said, gateway_payment_id=payment_id, gateway_operation_id=operation_id)


def not_done_yet(payment_id: str, detail: str) -> Outcome:
    """The shopper's action is still open: whoever came to our return page brought nothing that ends it."""
    return Outcome(OutcomeKind.ACTION_REQUIRED, gateway_payment_id=payment_id, detail=detail)


def declined(decline: Decline, *, payment_id: str = "", operation_id: str = "") -> Outcome:
    """DECLINED; or UNKNOWN where the code itself means that the outcome is not known."""
    kind = OutcomeKind.UNKNOWN if decline.reason == "unknown_outcome" else OutcomeKind.DECLINED
    return Outcome(
        kind,
        gateway_payment_id=payment_id,
        gateway_operation_id=operation_id,
        decline=decline,
        detail=decline.gateway_message or decline.gateway_code,
    )


def by_status(gateway: str, reply: Reply, message: str = "") -> Outcome:
    """The outcome of an error reply that carries no code of its own: by its HTTP status.

    429 is answered before anything is processed, so it is NOT_REACHED; 409 means that the same key is still being
    worked on; a status that is not known tells nothing.
    """
    decline = decline_for(gateway, "http", str(reply.status), message or f"HTTP {reply.status}")
    if reply.status == 429:
        pause_s = retry_after_s(reply)
        detail = f"rate limited, not processed{f'; asks for {pause_s:g} s' if pause_s else ''}"
        return Outcome(OutcomeKind.NOT_REACHED, decline=decline, detail=detail, retry_after_s=pause_s)
    if decline.reason == "unmapped":
        return Outcome(OutcomeKind.UNKNOWN, detail=f"the gateway answered HTTP {reply.status}")
    return declined(decline)


def answer_of(
    tape: Tape,
    gateway: str,
    read: Callable[[Reply], Answer[T]],
    *,
    vault: VaultSettings | None = None,
    skip: str = "",
) -> Answer[T]:
    """The answer of one SDK call that is no operation; `read` judges a reply of the gateway (status below 500).

    For an error reply `read` gives `answer_from(by_status(…))` or its like. A lost answer is UNKNOWN for a call that
    only reads too: ask again.
    """
    kept: list[Answer[T]] = []

    def judge(reply: Reply) -> Outcome:
        kept.append(read(reply))
        return outcome_of(kept[-1])

    outcome = settle(tape, gateway, judge, vault=vault, skip=skip)
    if kept:  # the gateway answered, and it could be read
        return replace(kept[-1], exchange=outcome.exchange)
    return answer_from(outcome)


def answer_from(outcome: Outcome) -> Answer[Any]:
    """The answer without a value that says the same as an outcome."""
    return Answer(
        outcome.kind,
        None,
        outcome.decline,
        outcome.next_action,
        outcome.detail,
        outcome.exchange,
        outcome.retry_after_s,
    )


def outcome_of(answer: Answer[Any]) -> Outcome:
    """The outcome that says the same as an answer, its value apart."""
    return Outcome(
        answer.kind,
        decline=answer.decline,
        next_action=answer.next_action,
        detail=answer.detail,
        exchange=answer.exchange,
        retry_after_s=answer.retry_after_s,
    )


def without_bodies(answer: Answer[T], *names: str) -> Answer[T]:
    """The answer without the bodies of its exchange's `request` or `reply`: documents and people are in them."""
    kept = dict(answer.exchange)
    for name in names:
        part = kept.get(name)
        if isinstance(part, dict):
            kept[name] = {**part, "body": "[not kept]"}
    return replace(answer, exchange=kept)


def retry_after_s(reply: Reply) -> float:
    """The pause that a reply asks for in `Retry-After`, in seconds or as a date (RFC 9110 §10.2.3); 0 without one."""
    text = next((value for key, value in reply.headers.items() if key.lower() == "retry-after"), "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text), MAX_RETRY_AFTER_S))
    try:
        at = parsedate_to_datetime(text)
        pause_s = (at - clock_port.now()).total_seconds()
    except (ValueError, TypeError):
        return 0.0
    return min(max(pause_s, 0.0), float(MAX_RETRY_AFTER_S))


def not_representable(gateway: str, error: AmountNotRepresentable) -> Outcome:
    """The outcome of an amount that the gateway cannot state: nothing is sent, another gateway may."""
    return declined(decline_for(gateway, "clearway", "amount_not_representable", str(error)))


def invalid_call(gateway: str, message: str) -> Outcome:
    """The outcome of an operation that cannot be put to this gateway: nothing is sent, the mistake is ours."""
    return declined(decline_for(gateway, "clearway", "invalid_request", message))


def splits_refused(gateway: str, call: OperationCall) -> Outcome | None:
    """The outcome of splits that cannot be made; None where they can. Nothing is sent."""
    for split in call.splits:
        if not split.recipient.strip():
            text = f"the recipient of {split.reference or 'a split'} has no account at {gateway}"
            return declined(decline_for(gateway, "clearway", "recipient_not_onboarded", text))
        if split.amount.currency != call.amount.currency:
            return invalid_call(gateway, f"splits must be in the payment's currency, {call.amount.currency}")
        if split.amount.minor <= 0:
            return invalid_call(gateway, "a split must be more than nothing")
    if sum(split.amount.minor for split in call.splits) > call.amount.minor:
        return invalid_call(gateway, "splits must not come to more than the amount")
    return None


def settled(outcome: Outcome | None, open_detail: str) -> LookupResult:
    """A look-up's result: none or PENDING is OPEN, UNKNOWN is UNAVAILABLE, everything else is SETTLED.

    An approval of another amount is UNKNOWN, and comes along for whoever knows what to do about it.
    """
    if outcome is None:
        return LookupResult(Lookup.OPEN, detail=open_detail)
    if outcome.kind is OutcomeKind.PENDING:
        return LookupResult(Lookup.OPEN, outcome, outcome.detail or "the gateway is still working on it")
    if outcome.kind in (OutcomeKind.UNKNOWN, OutcomeKind.NOT_REACHED):
        return LookupResult(Lookup.UNAVAILABLE, outcome if outcome.amount is not None else None, detail=outcome.detail)
    return LookupResult(Lookup.SETTLED, outcome)


def looked_up(
    tape: Tape, gateway: str, read: Callable[[dict[str, Any]], Outcome | None], *, skip: str = ""
) -> LookupResult:
    """The result of one reading call: `read` gives the outcome, or None where the gateway has not acted.

    "Not found" and refusals are UNAVAILABLE: no proof while the request may be on its way.
    """
    exchange = tape.last(skip)
    reply = exchange.reply if exchange else None
    if exchange is None or reply is None:
        return LookupResult(Lookup.UNAVAILABLE, detail=f"no answer: {tape.raised}")
    if reply.status != 200 or reply.body is None:
        return LookupResult(Lookup.UNAVAILABLE, detail=f"the gateway answered HTTP {reply.status}")
    try:
        outcome = read(reply.body)
    except _UNREADABLE as error:
        return LookupResult(Lookup.UNAVAILABLE, detail=f"the answer could not be read: {error!r}")
    kept = replace(outcome, exchange=exchange.redacted()) if outcome else None
    return settled(kept, "the gateway has not acted on this operation yet")


def probe_result(tape: Tape) -> str:
    """`` when the account answered something that shows its credentials are taken; else one line."""
    exchange = tape.last()
    if exchange is None:
        return f"the call could not be made: {_shown_error(tape.raised)}"
    if exchange.reply is None:
        return network_outcome(exchange).detail
    status = exchange.reply.status
    if status == 429 or status >= 500:
        return f"the gateway answered HTTP {status}"
    if exchange.reply.body is None and status != 401:
        return f"HTTP {status} that is not the gateway's: is a proxy in between?"
    return f"the gateway refuses these credentials (HTTP {status})" if status in (401, 403) else ""


def _judged(method: str, reply: Reply, read: Callable[[Reply], Outcome]) -> Outcome:
    if reply.status >= 500:
        return Outcome(OutcomeKind.UNKNOWN, detail=f"the gateway answered HTTP {reply.status}: it may have acted")
    if _is_somebody_elses(method, reply):
        return Outcome(OutcomeKind.UNKNOWN, detail=f"HTTP {reply.status} that is not the gateway's: it may have acted")
    try:
        return read(reply)
    except _UNREADABLE as error:
        return Outcome(OutcomeKind.UNKNOWN, detail=f"HTTP {reply.status}, an answer that could not be read: {error!r}")


def _is_somebody_elses(method: str, reply: Reply) -> bool:
    """A page of a proxy, or a refusal in no gateway's words. A filter of replies says 403 for what was done behind it.

    That there is nothing to read or to delete may be said without a word.
    """
    if reply.body is not None or reply.status in _WORDLESS:
        return False
    if reply.status == 404 and not reply.text and method in ("GET", "DELETE"):
        return False
    return reply.status >= 400 or reply.text.lstrip().startswith("<")


def _not_made(tape: Tape, gateway: str) -> Outcome:
    if tape.raised is None:
        return Outcome(OutcomeKind.UNKNOWN, detail="the SDK returned without a recorded request")
    return invalid_call(gateway, f"the request could not be built: {_shown_error(tape.raised)}")


def _shown_error(error: BaseException | None) -> str:
    """The error for people. Libraries quote the header that they refuse, and with it a key: of theirs the type only."""
    name, owner = type(error).__name__, type(error).__module__.partition(".")[0]
    return f"{name}: {redact_text(str(error))}" if owner in ("builtins", "currency", "orchestrator") else name


def _shown(money: Money | None) -> str:
    return f"{money.minor} {money.currency} (minor units)" if money else "no amount"
