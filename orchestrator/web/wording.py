"""Words for operators, as pure functions: tones of states, durations, ages, and the sentence between two attempts."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

_MOST_EXCHANGE_CHARS = 20_000  # of a redacted exchange on the page; the whole is in the database


class Tone(StrEnum):
    """How a badge looks. Never the only carrier of meaning: the word stands in it."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    BUSY = "busy"
    QUIET = "quiet"


_TONES = MappingProxyType(
    {
        Tone.GOOD: "approved succeeded captured paid applied settled matched resolved delivered kept active healthy "
        "won executed accepted done",
        Tone.WARN: "action_required requires_action unknown needs_review overdue partly_paid partially_refunded "
        "partially_captured disputed degraded open_break retrying needs_response inquiry not_sent needs_action",
        Tone.BAD: "declined failed not_reached rejected expired down lost dead parked held_back bounced",
        Tone.BUSY: "pending processing authorised authorized sending refunding in_flight issued sent under_review "
        "queued charging scheduled",
    }
)
_TONE_BY_WORD = MappingProxyType({word: tone for tone, words in _TONES.items() for word in words.split()})
_GATEWAYS = MappingProxyType({"stripe": "Stripe", "adyen": "Adyen", "paypal": "PayPal"})
_LAST_STEPS = MappingProxyType(
    {
        "not_reached": "{gateway} could not be reached, nothing was sent",
        "declined": "{gateway} declined the card",
        "unknown": "{gateway} did not answer, and the outcome was settled first",
        "action_required": "the shopper did not finish the step at {gateway}",
    }
)


def tone_of(word: str) -> Tone:
    """The tone of a state or outcome word; QUIET for one that this page does not know."""
    return _TONE_BY_WORD.get(word, Tone.QUIET)


def words_of(state: str) -> str:
    """`needs_review` as people read it: `Needs review`."""
    plain = state.replace("_", " ").strip()
    return plain[:1].upper() + plain[1:]


def gateway_name(gateway: str) -> str:
    """The name as its owner writes it: `PayPal` for `paypal`."""
    return _GATEWAYS.get(gateway, words_of(gateway))


def initial_of(name: str) -> str:
    """The letter that stands for a logo: the first letter or digit of a name in upper case, `•` where there is none."""
    return next((character.upper()[:1] for character in name if character.isalnum()), "•")


def duration_text(duration_ms: int | None) -> str:
    """`84 ms`, `2.4 s`, `3 min 05 s`; `no answer` for None."""
    if duration_ms is None:
        return "no answer"
    if duration_ms < 1000:
        return f"{duration_ms} ms"
    if duration_ms < 60_000:
        return f"{duration_ms // 1000}.{duration_ms % 1000 // 100} s"
    return f"{duration_ms // 60_000} min {duration_ms % 60_000 // 1000:02d} s"


def age_text(days: int) -> str:
    """`today`, `1 day`, `12 days`."""
    if days <= 0:
        return "today"
    return "1 day" if days == 1 else f"{days} days"


def countdown_text(until: datetime | None, now: datetime) -> str:
    """How long is left: `12 days left`, `5 hours left`, `over since 2 days`; `no deadline` for None."""
    if until is None:
        return "no deadline"
    left_s = int((until - now).total_seconds())
    if left_s < 0:
        return f"over since {_span_text(-left_s)}"
    return f"{_span_text(left_s)} left"


def _span_text(seconds: int) -> str:
    for size_s, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size_s:
            count = seconds // size_s
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    return "less than a minute"


def moment_text(at: datetime) -> str:
    """`2026-11-23 09:14:02 UTC`: an operator compares it with logs. Raises ValueError for a naive datetime."""
    return f"{_in_utc(at):%Y-%m-%d %H:%M:%S} UTC"


def clock_text(at: datetime, start: datetime) -> str:
    """`09:14:02.125` UTC on the day of `start`, `2026-11-24 09:14:02` on others. Raises ValueError without a zone."""
    moment = _in_utc(at)
    if moment.date() != _in_utc(start).date():
        return f"{moment:%Y-%m-%d %H:%M:%S}"
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def failover_sentence(gateway: str, outcome: str, detail: str, next_gateway: str) -> str:
    """Why the payment moved on: `Adyen refused the connection → same card at Stripe`.

    `detail` is a clause about the gateway (`refused the connection`); without it the outcome speaks for itself.
    """
    name = gateway_name(gateway)
    why = f"{name} {detail}" if detail else _LAST_STEPS.get(outcome, "{gateway} did not take it").format(gateway=name)
    return f"{why} → same card at {gateway_name(next_gateway)}"


def exchange_text(part: object) -> str:
    """One side of a redacted exchange as indented JSON, text as it is; cut where it is very long."""
    shown = part if isinstance(part, str) else json.dumps(part, indent=2, ensure_ascii=False, default=str)
    return shown if len(shown) <= _MOST_EXCHANGE_CHARS else shown[:_MOST_EXCHANGE_CHARS] + "\n… (cut)"


def grouped_iban(iban: str) -> str:
    """An IBAN in groups of four, as ISO 13616 prints it."""
    bare = "".join(iban.split())
    return " ".join(bare[start : start + 4] for start in range(0, len(bare), 4))


def _in_utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a time on a page needs its zone")
    return at.astimezone(UTC)
