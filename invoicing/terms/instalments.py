"""Paying in parts: each part has its own due date, and the parts are the whole to the last minor unit."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from currency.money import Money, allocate
from invoicing.errors import InvalidInvoice
from invoicing.terms.due_rules import DueOnReceipt, DueRule, check_range

MAX_INSTALMENTS = 60
_WHOLE_BPS = 10_000


class Instalment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part: either a fixed `amount`, or `share_bps` (1 to 10000) of what the fixed amounts leave.

    A part due on receipt is a deposit. Raises InvalidInvoice.
    """

    due: DueRule
    share_bps: int | None = None
    amount: Money | None = None

    def __post_init__(self) -> None:
        if (self.share_bps is None) == (self.amount is None):
            raise InvalidInvoice("terms.instalments", "each must have either share_bps or amount")
        if self.share_bps is not None:
            check_range("terms.instalments.share_bps", self.share_bps, 1, _WHOLE_BPS)
        if self.amount is not None and self.amount.minor <= 0:
            raise InvalidInvoice("terms.instalments.amount", "must be positive")


def deposit(part: int | Money, rest: DueRule) -> tuple[Instalment, Instalment]:
    """`part` at once, in basis points or as an amount, and the rest by its own rule. Raises InvalidInvoice."""
    if isinstance(part, Money):
        return Instalment(due=DueOnReceipt(), amount=part), Instalment(due=rest, share_bps=_WHOLE_BPS)
    check_range("terms.instalments.share_bps", part, 1, _WHOLE_BPS - 1)
    return Instalment(due=DueOnReceipt(), share_bps=part), Instalment(due=rest, share_bps=_WHOLE_BPS - part)


def check_instalments(parts: Sequence[Instalment]) -> None:
    """Raises InvalidInvoice where no total fits: too many parts, shares beside 100 %, amounts of two currencies."""
    if len(parts) > MAX_INSTALMENTS:
        raise InvalidInvoice("terms.instalments", f"must be at most {MAX_INSTALMENTS}")
    shares = [part.share_bps for part in parts if part.share_bps is not None]
    if shares and sum(shares) != _WHOLE_BPS:
        raise InvalidInvoice(
            "terms.instalments.share_bps", f"must sum to {_WHOLE_BPS} (100 %), not {sum(shares)}; change one of them"
        )
    if len({part.amount.currency for part in parts if part.amount is not None}) > 1:
        raise InvalidInvoice("terms.instalments.amount", "must all be in the currency of the invoice")


def split(total: Money, parts: Sequence[Instalment]) -> list[Money]:
    """The amount of each part, in their order; they sum to `total`. Shares are rounded by the largest remainder.

    Raises InvalidInvoice where the fixed amounts are in another currency, or do not fit the total.
    """
    fixed = Money.zero(total.currency)
    for part in parts:
        if part.amount is not None:
            if part.amount.currency != total.currency:
                raise InvalidInvoice("terms.instalments.amount", f"must be in {total.currency} as the invoice is")
            fixed += part.amount
    shares = [part.share_bps for part in parts if part.share_bps is not None]
    _check_fit(total, fixed, has_shares=bool(shares))
    of_rest = iter(allocate(total - fixed, shares) if shares else [])
    return [part.amount if part.amount is not None else next(of_rest) for part in parts]


def _check_fit(total: Money, fixed: Money, *, has_shares: bool) -> None:
    if fixed > total:
        raise InvalidInvoice("terms.instalments.amount", "must not sum to more than the total; make one smaller")
    if fixed < total and not has_shares:
        raise InvalidInvoice("terms.instalments", "must cover the total; add one with share_bps 10000 for the rest")
