"""Card numbers in text: whether there is one, and the text with it masked (design rule 10).

A card number is a run of digits, spaces or dashes allowed between its groups, that has a known issuer's prefix, a
length which that issuer uses, and a valid Luhn digit. Only all three together count: one in ten numbers passes Luhn.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

MASK: Final = "*"
LEFT_READABLE: Final = 4  # PCI DSS 4.0.1, 3.4.1: at most BIN and last four may be shown

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
# Enough digits, with at most three other signs between two of them, that begin where no letter or digit stands before.
# Quick, as it begins with a digit and looks back from there, and never wrong about "there is none".
_PERHAPS = re.compile(r"[0-9](?<![0-9A-Za-z_][0-9])(?:[^0-9A-Za-z]{0,3}[0-9]){12}")
_PERHAPS_BYTES = re.compile(_PERHAPS.pattern.encode())
_LETTER, _LETTERS_BEFORE = re.compile(rb"[A-Za-z]"), re.compile(rb"(?s:.*)[A-Za-z]")
# Quicker still: every digit is 0, every other sign but letters is left out; are there thirteen in a row?
_ZEROS = bytes(ord("0") if chr(sign).isdigit() and sign < 128 else sign for sign in range(256))
_NO_LETTERS_OR_DIGITS = bytes(sign for sign in range(128) if not chr(sign).isalnum())
# Digits in groups that touch no letter: so hexadecimal ids and tokens are not looked into.
_RUN = re.compile(r"(?<![0-9A-Za-z_])[0-9]+(?:[ \-][0-9]+)*(?![0-9A-Za-z_])")
_SEPARATOR = re.compile(r"[ \-]")
# What else people and programs put between the groups; made one space or dash before the look.
_SPACES = re.compile(r"[ \t\n\r\x0b\x0c\x85\u2028\u2029]+")
_DASHES = re.compile(r"[\u2010-\u2015\u2212]")
_SPACED_DASH = re.compile(r"(?<=[0-9]) ?- ?(?=[0-9])")
# Marks that are not seen: text copied from a phone's contacts or a page has those of the writing's direction around it.
_UNSEEN = re.compile(
    r"[\u00ad\u0300-\u036f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u20e3\u2800\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e01ef]"
)
_OTHER_DIGITS = re.compile(r"(?![0-9])\d")  # of another script, such as Arabic-Indic
_DOTTED = re.compile(r"(?<![0-9.])[0-9]{4}(?:\.[0-9]{4,7}){2,4}(?![0-9.])")
# How the networks print their numbers; such groups count inside a longer run too ("… 12 2030" after a number).
_PRINTED = frozenset({(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 4, 4, 1), (4, 4, 5)})
_FIRST_PRINTED = 4  # digits in the first group of each
_IBAN = r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}\b"
# RFC 9562, with version and variant: one in 40,000 has a card number in its first three groups, and it is none.
_UUID = r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}\b"
_NO_CARD = re.compile(f"{_IBAN}|{_UUID}")


def contains_card_number(text: str) -> bool:
    """Whether there is a card number anywhere in the text."""
    plain = _searched(text)
    if plain is None:
        return False
    searched = " / ".join(part for part, is_account in _parts(plain) if not is_account)
    return any(True for run in _RUN.findall(searched) for _ in _cards_in(_SEPARATOR.split(run)))


def may_contain_card_number(body: bytes) -> bool:
    """A quick look that is never wrong about "no"."""
    if body.isascii():
        in_a_row = b"0" * _SHORTEST in body.translate(_ZEROS, _NO_LETTERS_OR_DIGITS)
        return in_a_row and any(map(contains_card_number, _stretches(body)))
    return _PERHAPS.search(_in_ascii_digits(body.decode("utf-8", "replace"))) is not None


def _stretches(body: bytes) -> Iterator[str]:
    """What stands around long digits, up to the next letters, which no card number goes over. A gateway's message has
    long ids in it, and looking at these alone is much quicker than looking at the whole."""
    end = 0
    while (found := _PERHAPS_BYTES.search(body, end)) is not None:
        before = _LETTERS_BEFORE.match(body, end, found.start())
        after = _LETTER.search(body, found.end())
        begin, end = before.end() - 1 if before else end, after.end() if after else len(body)
        yield body[begin:end].decode()


def mask_card_numbers(text: str) -> str:
    """The text with every digit of a card number but the last four replaced; a text without one is given back as is.

    Spaces are joined where a number is masked, and there only, so that a traceback keeps its lines.
    """
    if not contains_card_number(text):
        return text
    masked = "\n".join(map(_mask, text.split("\n")))
    return _mask(masked) if contains_card_number(masked) else masked  # one that goes over several lines


def _mask(text: str) -> str:
    if not contains_card_number(text):
        return text
    parts = _parts(_searched(text) or text)
    return "".join(part if is_account else _RUN.sub(_masked, part) for part, is_account in parts)


def mask_card_numbers_in(body: bytes) -> bytes:
    """The same for a message or file as it came, whatever bytes it has."""
    if not may_contain_card_number(body):
        return body
    text = body.decode("utf-8", "surrogateescape")
    masked = mask_card_numbers(text)
    return body if masked is text else masked.encode("utf-8", "surrogateescape")


def _searched(text: str) -> str | None:
    """The text with ASCII digits, and one space or dash between groups; None where it cannot hold a card number."""
    if len(text) < _SHORTEST:
        return None
    plain = text if text.isascii() else _in_ascii_digits(text)
    if _PERHAPS.search(plain) is None:
        return None
    plain = _SPACED_DASH.sub("-", _SPACES.sub(" ", plain))
    return _DOTTED.sub(lambda found: found[0].replace(".", " "), plain)


def _in_ascii_digits(text: str) -> str:
    """NFKC turns full-width digits into ASCII; those of other scripts have a value."""
    plain = _UNSEEN.sub("", unicodedata.normalize("NFKC", text))
    return _OTHER_DIGITS.sub(lambda found: str(unicodedata.decimal(found[0])), _DASHES.sub("-", plain))


def _parts(plain: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, each with whether it is a valid account number (IBAN) or a UUID, which are none of a card."""
    end = 0
    for found in _NO_CARD.finditer(plain):
        if "-" in found[0] or _is_iban(found[0]):
            yield plain[end : found.start()], False
            yield found[0], True
            end = found.end()
    yield plain[end:], False


def _is_iban(text: str) -> bool:
    """ISO 13616 check digits: 97 divides the rearranged number, rest 1."""
    compact = text.replace(" ", "")
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1


def _cards_in(groups: list[str]) -> Iterator[tuple[int, int]]:
    """Which groups are a card number, from and to: the whole run, one group, or groups as networks print them."""
    if _is_card_number("".join(groups)):
        yield 0, len(groups)
        return
    for start, first in enumerate(groups):
        if len(first) < _SHORTEST and len(first) != _FIRST_PRINTED:
            continue  # a megabyte of single digits is looked through in no time
        for size in (1, 3, 4, 5):
            meant = groups[start : start + size]
            printed = len(meant) == size and (size == 1 or tuple(map(len, meant)) in _PRINTED)
            if printed and _is_card_number("".join(meant)):
                yield start, start + size


def _masked(run: re.Match[str]) -> str:
    """The run with its card numbers' digits replaced, but for the last four of each."""
    groups = _SEPARATOR.split(run[0])
    hidden = [False] * sum(map(len, groups))
    for start, end in _cards_in(groups):
        begin = sum(map(len, groups[:start]))
        until = begin + sum(map(len, groups[start:end])) - LEFT_READABLE
        hidden[begin:until] = [True] * (until - begin)
    places = iter(hidden)
    return "".join(MASK if sign.isdigit() and next(places) else sign for sign in run[0])


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
