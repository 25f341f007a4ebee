"""What a payer writes on a transfer, and which invoices it names: the creditor reference as printed, or the number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stdnum import iso11649
from stdnum.ch import esr
from stdnum.iso7064 import mod_97_10

MAX_RF_CHARS = 21  # ISO 11649: RF, two check digits and up to 21 characters
MAX_NUMBER_CHARS = 40
QR_DIGITS = 27  # Swiss Implementation Guidelines QR-bill: 26 digits and one that checks them
_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MIN_WORD_CHARS = 4  # a shorter number is a number only where nothing else was written


@dataclass(frozen=True, slots=True)
class Mention:
    """What may be a number, bare of its signs, and where it stands among the letters and digits of the text."""

    number: str
    start: int
    end: int

    def is_within(self, other: Mention) -> bool:
        """Whether it is a smaller part of the other."""
        return other.start <= self.start and self.end <= other.end and other.span != self.span

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.end


def rf_reference(number: str) -> str | None:
    """The creditor reference of ISO 11649 made of an invoice's number, `RF36INV202600042`; None where it is too long.

    Signs between letters and digits are left out, as the reference has none.
    """
    plain = bare(number)
    if not 1 <= len(plain) <= MAX_RF_CHARS or not number.isascii():
        return None
    return f"RF{mod_97_10.calc_check_digits(plain + 'RF')}{plain}"


def bare(number: str) -> str:
    """The letters and digits of a number, as a creditor reference has them."""
    return re.sub("[^A-Z0-9]", "", number.upper())


def mentions_in(text: str) -> list[Mention]:
    """Whatever in the text may be a number: words and words in a row, and what creditor references and Swiss QR
    references carry whose check digits are right. The latter count as a whole, so that a number within is a part."""
    letters, starts, ends = _letters(text)
    found = {
        Mention(letters[start:end], start, end)
        for start in starts
        for end in ends
        if start < end <= start + MAX_NUMBER_CHARS
        and (end - start >= MIN_WORD_CHARS or (start == 0 and end == len(letters)))
    }
    for place in re.finditer("(?=RF[0-9]{2})", letters):
        start = place.start()
        for end in range(start + 5, min(start + 4 + MAX_RF_CHARS, len(letters)) + 1):
            if iso11649.is_valid(letters[start:end]):
                found.add(Mention(letters[start + 4 : end], start, end))
    for place in re.finditer(f"(?=[0-9]{{{QR_DIGITS}}})", letters):
        start, end = place.start(), place.start() + QR_DIGITS
        if esr.is_valid(letters[start:end]):
            found |= {Mention(number, start, end) for number in _numbers_of_qr(letters[start : end - 1])}
    return sorted(found, key=lambda one: (one.start, one.end, one.number))


def named_by(mentions: Iterable[Mention], numbers: Mapping[str, str]) -> list[frozenset[str]]:
    """Which invoices (`numbers` by id) the text names: of each place the ids that it may mean, more than one where two
    numbers differ by signs only. A number that is but a part of a longer one is not meant."""
    ids: dict[str, set[str]] = {}
    for one, number in numbers.items():
        ids.setdefault(bare(number), set()).add(one)
    known = [mention for mention in mentions if mention.number in ids]
    meant = [one for one in known if not any(one.is_within(other) for other in known)]
    places: dict[tuple[int, int], set[str]] = {}
    for mention in meant:
        places.setdefault(mention.span, set()).update(ids[mention.number])
    return list(dict.fromkeys(map(frozenset, places.values())))


def _numbers_of_qr(digits: str) -> set[str]:
    """What a QR reference without its check digit may stand for: a number of digits, or two digits for each character,
    0 to 9 and A (10) to Z (35); before either there are zeros, of which some may belong to it."""
    shortest = digits.lstrip("0")
    found = {shortest.rjust(length, "0") for length in range(max(1, len(shortest)), len(digits) + 1)}
    pairs = [int(digits[at : at + 2]) for at in range(0, len(digits), 2)]
    first = next((at for at, pair in enumerate(pairs) if pair), len(pairs) - 1)
    if max(pairs) < len(_CHARACTERS):
        letters = "".join(_CHARACTERS[pair] for pair in pairs)
        found |= {letters[at:] for at in range(first + 1)}
    return found


def _letters(text: str) -> tuple[str, list[int], list[int]]:
    """The letters and digits of the text, and at which of them words start and end."""
    letters, starts, ends = "", [], []
    for word in re.findall("[A-Z0-9]+", text.upper()):
        starts.append(len(letters))
        letters += word
        ends.append(len(letters))
    return letters, starts, ends
