"""Finds card numbers in what callers send, so that none gets further than the door (design rule 10).

A card number is a run of digits, spaces or dashes allowed between its groups, that has a known issuer's prefix, a
length which that issuer uses, and a valid Luhn digit. Only all three together count: one in ten numbers passes Luhn.
"""

import re
import unicodedata
from collections.abc import Iterator

from orchestrator.errors import ClearwayError, FieldError

# Prefix ranges (inclusive, compared on as many digits as they have) and lengths of each network, after
# ISO/IEC 7812 issuer ranges as the networks publish them.
_RANGES: tuple[tuple[int, int, frozenset[int]], ...] = (
    (4, 4, frozenset({13, 16, 19})),  # Visa
    (51, 55, frozenset({16})),  # Mastercard
    (2221, 2720, frozenset({16})),
    (34, 34, frozenset({15})),  # American Express
    (37, 37, frozenset({15})),
    (6011, 6011, frozenset({16, 19})),  # Discover
    (644, 659, frozenset({16, 19})),
    (3528, 3589, frozenset({16, 19})),  # JCB
    (300, 305, frozenset({14, 16, 19})),  # Diners Club
    (3095, 3095, frozenset({14, 16, 19})),
    (36, 36, frozenset({14, 19})),
    (38, 39, frozenset({14, 16, 19})),
    (62, 62, frozenset({16, 17, 18, 19})),  # UnionPay
    (81, 81, frozenset({16, 17, 18, 19})),
    *((start, start, frozenset(range(13, 20))) for start in (5018, 5020, 5038, 5893, 6304, 6759, 6761, 6762, 6763)),
)
_SHORTEST, _LONGEST = 13, 19
# Digits in groups that touch no letter: so hexadecimal ids and tokens are not looked into.
_RUN = re.compile(r"(?<![0-9A-Za-z_])[0-9]+(?:[ \-][0-9]+)*(?![0-9A-Za-z_])")
_SEPARATOR = re.compile(r"[ \-]")
# What else people and programs put between the groups; made one space or dash before the look.
_SPACES = re.compile(r"[ \t\n\r]+")
_DASHES = re.compile(r"[\u2010-\u2015\u2212]")
_DOTTED = re.compile(r"(?<![0-9.])[0-9]{4}(?:\.[0-9]{4,7}){2,4}(?![0-9.])")
# How the networks print their numbers; such groups count inside a longer run too ("… 12 2030" after a number).
_PRINTED = frozenset({(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 4, 4, 1), (4, 4, 5)})
_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}\b")


class CardNumberRefused(ClearwayError):
    """A value held a card number. It is neither kept nor repeated."""

    status = 422
    code = "card_number_refused"

    def __init__(self, field: str) -> None:
        super().__init__(
            f"{field} contains a card number. Send the token that the card vault gave for it; no card number may "
            "reach this API.",
            errors=(FieldError(field, "contains a card number"),),
        )


def contains_card_number(text: str) -> bool:
    """Whether there is a card number anywhere in the text."""
    if len(text) < _SHORTEST:
        return False
    searched = _IBAN.sub(_without_valid_iban, _plainly_written(text))
    return any(_is_card_number(digits) for run in _RUN.findall(searched) for digits in _readings(run))


def _plainly_written(text: str) -> str:
    """With ASCII digits (NFKC turns full-width ones into them), and one space or dash between groups."""
    plain = text if text.isascii() else _DASHES.sub("-", unicodedata.normalize("NFKC", text))
    return _DOTTED.sub(lambda found: found[0].replace(".", " "), _SPACES.sub(" ", plain))


def refuse_card_numbers(value: object, field: str = "body") -> None:
    """Look at every string of a decoded JSON value, keys included. Raises CardNumberRefused naming the place."""
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        path, item = waiting.pop()
        match item:
            case str():
                if contains_card_number(item):
                    raise CardNumberRefused(path or field)
            case list():
                waiting += [(f"{path}[{index}]", inner) for index, inner in enumerate(item)]
            case dict():
                for key, inner in item.items():
                    if contains_card_number(str(key)):
                        raise CardNumberRefused(path or field)
                    waiting.append((f"{path}.{key}" if path else str(key), inner))


def _readings(run: str) -> Iterator[str]:
    """The digit strings that a run may be meant as: the whole of it, each group, and groups as networks print them."""
    groups = _SEPARATOR.split(run)
    yield "".join(groups)
    for start in range(len(groups)):
        yield groups[start]
        for size in (3, 4, 5):
            if tuple(map(len, groups[start : start + size])) in _PRINTED:
                yield "".join(groups[start : start + size])


def _is_card_number(digits: str) -> bool:
    if not _SHORTEST <= len(digits) <= _LONGEST:
        return False
    return any(
        len(digits) in lengths and low <= int(digits[: len(str(low))]) <= high for low, high, lengths in _RANGES
    ) and _luhn_fits(digits)


def _luhn_fits(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B."""
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(int(digit) for digit in digits[::-2]) + sum(n - 9 if n > 9 else n for n in doubled)) % 10 == 0


def _without_valid_iban(found: re.Match[str]) -> str:
    """An account number is none of a card: ISO 13616 check digits tell (97 divides the rearranged number, rest 1)."""
    compact = found[0].replace(" ", "")
    rearranged = "".join(str(int(char, 36)) for char in compact[4:] + compact[:4])
    return " " if int(rearranged) % 97 == 1 else found[0]
