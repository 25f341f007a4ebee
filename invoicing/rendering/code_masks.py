"""Which mask a QR code gets: the one that ISO/IEC 18004:2015 asks for, found in a thirtieth of the time.

The standard weighs eight masks by four rules (7.8.3). Module by module that takes longer than all else about a code;
here a symbol is one whole number with a bit for each module, and a rule a few operations on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import segno

_MASKS = 8
_VERSION_FROM_SIZE = 45
_GUARD = 4  # light modules between two rows: as many as the third rule looks for beside its pattern


@dataclass(frozen=True, slots=True)
class _Frame:
    """What all symbols of one size share. Pairs are numbers by rows and by columns; `masks` are against the first."""

    row_bits: int
    modules: int
    weighed: tuple[int, int]
    masks: tuple[tuple[int, int], ...]


def masked(make: Callable[[int], segno.QRCode]) -> segno.QRCode:
    """The code with the lowest penalty of those that `make` makes of the number of a mask."""
    first = make(0)
    best = best_mask(first)
    return make(best) if best else first


def best_mask(code: segno.QRCode) -> int:
    """The number of the mask that the standard asks for, whichever the code has."""
    frame = _frame_of(len(code.matrix))
    rows, columns = (
        (symbol & weighed) ^ mask
        for symbol, weighed, mask in zip(_both_ways(code.matrix), frame.weighed, frame.masks[code.mask], strict=True)
    )
    penalties = [_penalty(rows ^ mask, columns ^ mask_columns, frame) for mask, mask_columns in frame.masks]
    return penalties.index(min(penalties))


def _penalty(by_rows: int, by_columns: int, frame: _Frame) -> int:
    size = frame.row_bits - _GUARD
    modules = size * size
    # Rule 4, table 11: ten for each whole 5 % that the dark modules are away from half.
    unbalanced = 10 * (abs(100 * by_rows.bit_count() - 50 * modules) // (5 * modules))
    return (
        unbalanced
        + 3 * _blocks(by_rows, frame)
        + _runs(_alike(by_rows, 1, frame))
        + _runs(_alike(by_columns, 1, frame))
        + 40 * (_finder_likes(by_rows) + _finder_likes(by_columns))
    )


def _alike(symbol: int, distance: int, frame: _Frame) -> int:
    """The modules that look like the one so many bits on, where that is a module too."""
    return ~(symbol ^ symbol >> distance) & frame.modules & frame.modules >> distance


def _blocks(symbol: int, frame: _Frame) -> int:
    """Rule 2: squares of four modules of one colour."""
    beside = _alike(symbol, 1, frame)
    return (beside & beside >> frame.row_bits & _alike(symbol, frame.row_bits, frame)).bit_count()


def _runs(alike: int) -> int:
    """Rule 1: three for five modules of one colour in line, and one for each that follows."""
    fives = alike & alike >> 1 & alike >> 2 & alike >> 3
    return fives.bit_count() + 2 * (fives & ~(fives << 1)).bit_count()


def _finder_likes(symbol: int) -> int:
    """Rule 3: what looks like a finder pattern, 1:1:3:1:1 beside four light modules; of two that overlap, the first."""
    bits = [symbol >> at for at in range(11)]
    likes = bits[0] & ~bits[1] & bits[2] & bits[3] & bits[4] & ~bits[5] & bits[6]
    dark_after = bits[7] | bits[8] | bits[9] | bits[10]
    dark_before = symbol << 1 | symbol << 2 | symbol << 3 | symbol << 4
    found = likes & ~(dark_after & dark_before)
    overlapping = found & (found >> 4 | found >> 6)
    return found.bit_count() - overlapping.bit_count()


@lru_cache(maxsize=40)
def _frame_of(size: int) -> _Frame:
    """Found out from codes that differ in nothing but their masks."""
    codes = [segno.make_qr("0", version=(size - 17) // 4, error="l", mask=mask).matrix for mask in range(_MASKS)]
    weighed = [bytes(_is_weighed(row, column, size) for column in range(size)) for row in range(size)]
    first, *_ = symbols = [_both_ways(code) for code in codes]
    keep = _both_ways(weighed)
    return _Frame(
        row_bits=size + _GUARD,
        modules=_number([b"\1" * size] * size),
        weighed=keep,
        masks=tuple(((rows ^ first[0]) & keep[0], (columns ^ first[1]) & keep[1]) for rows, columns in symbols),
    )


def _is_weighed(row: int, column: int, size: int) -> bool:
    """Not where the format (7.9) and the version (7.10) will stand: they are written after the weighing (7.8.1)."""
    near, far = sorted((row, column))
    is_format = 8 in (row, column) and (row + column - 8 <= 8 or row + column - 8 >= size - 8) and near != 6
    is_version = size >= _VERSION_FROM_SIZE and near < 6 and size - 11 <= far < size - 8
    return not (is_format or is_version)


def _both_ways(matrix: Sequence[Iterable[int]]) -> tuple[int, int]:
    return _number(matrix), _number(zip(*matrix, strict=True))


_DIGITS = bytes.maketrans(b"\0\1", b"01")


def _number(rows: Iterable[Iterable[int]]) -> int:
    """The modules as bits, one row after another with light modules between."""
    return int(b"".join(bytes(row).translate(_DIGITS) + b"0" * _GUARD for row in rows), 2)
