"""What a gateway account takes for a payment: a list of fees by brand, region and currency, and its markup on exchange.

The first row that fits counts. Of a fixed part that is stated in several currencies the payment's own is taken, else
the first is converted.
"""

from __future__ import annotations

from dataclasses import dataclass

from currency.money import Money, percent
from currency.rates import RateUnavailable, convert
from routing.facts import REGION_COUNTRIES, PaymentFacts, Region


@dataclass(frozen=True, slots=True)
class Fee:
    """One row of a price list. Empty sets fit everything; `regions` are of the card's issuer."""

    bps: int = 0
    fixed: tuple[Money, ...] = ()
    brands: frozenset[str] = frozenset()
    regions: frozenset[Region] = frozenset()
    currencies: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()

    def fits(self, facts: PaymentFacts) -> bool:
        """Whether the row is for such a payment. A row that asks for what is not known does not fit."""
        return (
            (not self.brands or facts.brand in self.brands)
            and (not self.methods or facts.method in self.methods)
            and (not self.currencies or facts.amount.currency in self.currencies)
            and (not self.regions or any(facts.issuer_country in REGION_COUNTRIES[region] for region in self.regions))
        )


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """The price list of an account. `declined` is what a declined try costs, at gateways that charge for one."""

    rules: tuple[Fee, ...] = ()
    settlement_currency: str | None = None
    fx_markup_bps: int = 0
    declined: tuple[Money, ...] = ()

    def expected(self, facts: PaymentFacts) -> Money | None:
        """What an approved payment costs, in its own currency; None where a rate that is needed is missing.

        Exchange is part of it: where the account settles in another currency, the markup is taken off the amount.
        """
        fee = next((rule for rule in self.rules if rule.fits(facts)), None)
        if fee is None:
            return None
        exchanged = self.settlement_currency not in (None, facts.amount.currency)
        cost = percent(facts.amount, fee.bps + (self.fx_markup_bps if exchanged else 0))
        fixed = _in_currency_of(facts, fee.fixed)
        return None if fixed is None else cost + fixed

    def of_a_decline(self, facts: PaymentFacts) -> Money | None:
        """What a declined try costs, in the payment's currency; None where a rate that is needed is missing."""
        return _in_currency_of(facts, self.declined)


NO_FEES = FeeSchedule()


def in_settlement_currency(cost: Money, schedule: FeeSchedule, facts: PaymentFacts) -> Money:
    """The cost as the account's reports will show it, where a rate is at hand; else as it is."""
    if schedule.settlement_currency in (None, cost.currency):
        return cost
    return _converted(cost, str(schedule.settlement_currency), facts) or cost


def _in_currency_of(facts: PaymentFacts, stated: tuple[Money, ...]) -> Money | None:
    target = facts.amount.currency
    own = next((amount for amount in stated if amount.currency == target), None)
    if own is not None or not stated:
        return own or Money(0, target)
    return _converted(stated[0], target, facts)


def _converted(amount: Money, currency: str, facts: PaymentFacts) -> Money | None:
    if facts.rates is None or facts.rate_day is None:
        return None
    try:
        return convert(amount, facts.rates.rate(amount.currency, currency, facts.rate_day))
    except RateUnavailable:
        return None
