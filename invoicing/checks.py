"""The few checks that every field of a document goes through. Each refusal names the field and the remedy."""

from __future__ import annotations

import re
from decimal import Decimal

from invoicing.errors import InvalidInvoice

MAX_TEXT = 200
MAX_DECIMALS = 8
MAX_DIGITS = 15


def check_length(text: str, path: str, longest: int) -> None:
    """Raises InvalidInvoice for a longer text."""
    if len(text) > longest:
        raise InvalidInvoice(path, f"must have at most {longest} characters")


def check_pattern(text: str, pattern: str, path: str, remedy: str) -> None:
    """Raises InvalidInvoice for a text that is neither empty nor matched in full."""
    if text and re.fullmatch(pattern, text) is None:
        raise InvalidInvoice(path, remedy)


def check_number(number: Decimal, path: str) -> None:
    """Raises InvalidInvoice for what is not finite, or longer than can be printed and summed exactly."""
    if not number.is_finite():
        raise InvalidInvoice(path, "must be a number")
    _, digits, exponent = number.as_tuple()
    # The exponent is a letter for what is not finite only.
    if not isinstance(exponent, int) or -exponent > MAX_DECIMALS or len(digits) + exponent > MAX_DIGITS:
        raise InvalidInvoice(path, f"must have at most {MAX_DIGITS} digits before and {MAX_DECIMALS} after the point")
