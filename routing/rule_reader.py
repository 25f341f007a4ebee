"""Strict reading of decoded JSON into conditions, gathering every problem with the place where it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from currency.currencies import EXPONENTS
from routing.conditions import (
    AllOf,
    AmountBetween,
    AnyOf,
    BinStartsWith,
    Condition,
    CustomerPresent,
    MerchantInitiated,
    MetadataIn,
    Not,
    RegionIn,
    RiskScoreBetween,
    TextFact,
    TextIn,
    TimeWithin,
    prefixes_between,
)
from routing.facts import Region

MAX_DEPTH = 8
MAX_VALUES = 500
MAX_WORD_CHARS = 100
MAX_AMOUNT_MINOR = 2**63 - 1

_COUNTRY = re.compile(r"(?!UK|EL)[A-Z]{2}")  # what many write for GB and GR, and no payment ever has
_WORD = re.compile(r"[a-z0-9_]{1,40}")
_BIN = re.compile(r"([0-9]{1,8})(?:-([0-9]{1,8}))?")
_CATEGORY = re.compile(r"[0-9]{4}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL keeps neither in a document
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
RISK_SCORE_MAX = 100
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Problem(NamedTuple):
    """One thing wrong with a document: where (`rules[0].when.currency[1]`, empty for the whole) and what."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What the words of a fact look like, and how to say so."""

    fits: Callable[[str], object]
    wanted: str


_COUNTRY_SHAPE = Shape(_COUNTRY.fullmatch, "an ISO 3166-1 code of two capital letters (GB, not UK; GR, not EL)")
_WORD_SHAPE = Shape(_WORD.fullmatch, "a word of lower-case letters, digits and underscores")
_SHAPES = {
    TextFact.CURRENCY: Shape(EXPONENTS.__contains__, "an ISO 4217 code"),
    TextFact.COUNTRY: _COUNTRY_SHAPE,
    TextFact.ISSUER_COUNTRY: _COUNTRY_SHAPE,
    TextFact.BRAND: _WORD_SHAPE,
    TextFact.FUNDING: Shape({"credit", "debit", "prepaid"}.__contains__, "one of credit debit prepaid"),
    TextFact.MERCHANT_CATEGORY: Shape(_CATEGORY.fullmatch, "a merchant category code of four digits (ISO 18245)"),
    TextFact.METHOD: _WORD_SHAPE,
    TextFact.CHANNEL: _WORD_SHAPE,
}
_ANY_SHAPE = Shape(lambda _: True, "a text")
_BIN_SHAPE = Shape(
    lambda text: _bin_span(text) is not None, "1 to 8 digits, or a range of as many on both sides: 510000-559999"
)
_DAY_SHAPE = Shape(set(DAYS).__contains__, f"one of {' '.join(DAYS)}")
_REGION_SHAPE = Shape(set(Region).__contains__, f"one of {' '.join(Region)}")

CONDITION_KEYS = (
    "all", "any", "not", *TextFact, "region", "amount", "bin", "customer_present", "merchant_initiated", "risk_score",
    "time", "metadata",
)  # fmt: skip


class Reader:
    """Reads values and notes problems instead of stopping at the first. A bool is not an int, a `"5"` not a 5."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def problem(self, path: str, message: str) -> None:
        self.problems.append(Problem(path, message))

    def fields(
        self, value: object, path: str, *, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()
    ) -> dict[str, object] | None:
        """The known fields of an object, or None. Unknown and missing ones are problems."""
        if not isinstance(value, dict):
            self.problem(path, "must be an object")
            return None
        prefix = f"{path}." if path else ""
        for key in value:
            if key not in (*required, *optional):
                self.problem(f"{prefix}{str(key)[:MAX_WORD_CHARS]}", "is not known here")
        for key in required:
            if key not in value:
                self.problem(f"{prefix}{key}", "is missing")
        return {key: value[key] for key in (*required, *optional) if key in value}

    def items(self, value: object, path: str, *, low: int = 1, high: int = MAX_VALUES) -> list[object]:
        """The items of a list, or an empty one after noting a problem."""
        if not isinstance(value, list):
            self.problem(path, "must be a list")
            return []
        if not low <= len(value) <= high:
            self.problem(path, f"must have {low} to {high} items, not {len(value)}")
            return []
        return value

    def text(self, value: object, path: str, high: int = MAX_WORD_CHARS) -> str | None:
        if not isinstance(value, str) or not 1 <= len(value) <= high:
            self.problem(path, f"must be a text of 1 to {high} characters")
            return None
        if _UNSTORABLE.search(value):
            self.problem(path, "has a character that cannot be stored")
            return None
        return value

    def integer(self, value: object, path: str, *, low: int, high: int) -> int | None:
        if type(value) is not int or not low <= value <= high:
            self.problem(path, f"must be a whole number from {low} to {high}")
            return None
        return value

    def boolean(self, value: object, path: str) -> bool | None:
        if not isinstance(value, bool):
            self.problem(path, "must be true or false")
            return None
        return value

    def words(self, value: object, path: str, shape: Shape = _ANY_SHAPE) -> tuple[str, ...]:
        """A list of different texts that fit the shape."""
        found: list[str] = []
        for index, item in enumerate(self.items(value, path)):
            word = self.text(item, f"{path}[{index}]")
            if word is None:
                continue
            if not shape.fits(word):
                self.problem(f"{path}[{index}]", f"must be {shape.wanted}")
            elif word in found:
                self.problem(f"{path}[{index}]", f"{word!r} is there twice")
            else:
                found.append(word)
        return tuple(found)

    def condition(self, value: object, path: str, depth: int = 1) -> Condition | None:
        """A condition, or None after noting what is wrong with it."""
        if depth > MAX_DEPTH:
            self.problem(path, f"is nested more than {MAX_DEPTH} deep")
            return None
        fields = self.fields(value, path, optional=CONDITION_KEYS)
        if fields is None:
            return None
        if not fields and value:  # only unknown keys, and those were told already
            return None
        if len(fields) != 1:
            self.problem(path, f"must have exactly one of the keys {', '.join(CONDITION_KEYS)}")
            return None
        [(key, inner)] = fields.items()
        return self._keyed(key, inner, f"{path}.{key}", depth)

    def _keyed(self, key: str, value: object, path: str, depth: int) -> Condition | None:
        match key:
            case "all" | "any":
                parts = self._parts(value, path, depth)
                return AllOf(parts) if key == "all" else AnyOf(parts)
            case "not":
                part = self.condition(value, path, depth + 1)
                return None if part is None else Not(part)
            case "region":
                return RegionIn(frozenset(Region(word) for word in self.words(value, path, _REGION_SHAPE)))
            case "amount":
                return self._amount(value, path)
            case "bin":
                return BinStartsWith(self._bins(value, path))
            case "customer_present":
                present = self.boolean(value, path)
                return None if present is None else CustomerPresent(present)
            case "merchant_initiated":
                initiated = self.boolean(value, path)
                return None if initiated is None else MerchantInitiated(initiated)
            case "risk_score":
                return self._risk_score(value, path)
            case "time":
                return self._time(value, path)
            case "metadata":
                return self._metadata(value, path)
            case _:
                fact = TextFact(key)
                return TextIn(fact, frozenset(self.words(value, path, _SHAPES[fact])))

    def _parts(self, value: object, path: str, depth: int) -> tuple[Condition, ...]:
        items = self.items(value, path)
        parts = [self.condition(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(items)]
        return tuple(part for part in parts if part is not None)

    def _bins(self, value: object, path: str) -> tuple[str, ...]:
        """Prefixes; a range becomes those that cover it."""
        spans = [span for word in self.words(value, path, _BIN_SHAPE) if (span := _bin_span(word)) is not None]
        prefixes = tuple(dict.fromkeys(prefix for span in spans for prefix in prefixes_between(*span)))
        if len(prefixes) > MAX_VALUES:
            self.problem(path, f"takes {len(prefixes)} prefixes to cover, more than {MAX_VALUES}: use rounder ranges")
        return prefixes

    def _amount(self, value: object, path: str) -> Condition | None:
        fields = self.fields(value, path, required=("currency",), optional=("min", "max"))
        if fields is None or "currency" not in fields:
            return None
        low, high = (
            self.integer(fields[key], f"{path}.{key}", low=0, high=MAX_AMOUNT_MINOR) if key in fields else None
            for key in ("min", "max")
        )
        currency = self.text(fields["currency"], f"{path}.currency")
        if currency is None:
            return None
        if currency not in EXPONENTS:
            self.problem(f"{path}.currency", "must be an ISO 4217 code")
        if "min" not in fields and "max" not in fields:
            self.problem(path, "needs min, max or both")
        if low is not None and high is not None and low > high:
            self.problem(path, "min is more than max")
        return AmountBetween(currency, low, high)

    def _risk_score(self, value: object, path: str) -> Condition | None:
        fields = self.fields(value, path, optional=("min", "max"))
        if fields is None:
            return None
        if not fields:
            self.problem(path, "needs min, max or both")
        low = self.integer(fields.get("min", 0), f"{path}.min", low=0, high=RISK_SCORE_MAX)
        high = self.integer(fields.get("max", RISK_SCORE_MAX), f"{path}.max", low=0, high=RISK_SCORE_MAX)
        if low is None or high is None:
            return None
        if low > high:
            self.problem(path, "min is more than max")
        return RiskScoreBetween(low, high)

    def _time(self, value: object, path: str) -> Condition | None:
        fields = self.fields(value, path, required=("from", "to", "zone"), optional=("days",))
        if fields is None or not {"from", "to", "zone"} <= fields.keys():
            return None
        start, end = (self._clock(fields[key], f"{path}.{key}") for key in ("from", "to"))
        days = self.words(fields["days"], f"{path}.days", _DAY_SHAPE) if "days" in fields else DAYS
        zone = self._zone(fields["zone"], f"{path}.zone")
        if start is None or end is None or zone is None:
            return None
        return TimeWithin(frozenset(DAYS.index(day) for day in days), start, end, zone)

    def _clock(self, value: object, path: str) -> time | None:
        if not isinstance(value, str) or _CLOCK.fullmatch(value) is None:
            self.problem(path, "must be a time of day from 00:00 to 23:59")
            return None
        return time.fromisoformat(value)

    def _zone(self, value: object, path: str) -> str | None:
        name = self.text(value, path)
        if name is None:
            return None
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # not found; not a name; a directory such as Europe
            self.problem(path, "must be a time zone such as Europe/Berlin (IANA)")
            return None
        return name

    def _metadata(self, value: object, path: str) -> Condition | None:
        fields = self.fields(value, path, required=("key", "in"))
        if fields is None or len(fields) != 2:
            return None
        key = self.text(fields["key"], f"{path}.key")
        values = self.words(fields["in"], f"{path}.in")
        return None if key is None else MetadataIn(key, frozenset(values))


def _bin_span(text: str) -> tuple[str, str] | None:
    """The ends of a range of first digits, equal for a prefix; None for what is neither."""
    found = _BIN.fullmatch(text)
    if found is None:
        return None
    low, high = found[1], found[2] or found[1]
    return (low, high) if len(low) == len(high) and low <= high else None
