"""The gateway accounts that could take a payment."""

from __future__ import annotations

from dataclasses import dataclass

from routing.fees import NO_FEES, FeeSchedule


@dataclass(frozen=True, slots=True)
class Candidate:
    """A gateway account of the merchant. Empty capability sets mean "no limit".

    `priority`: lower goes first. Currencies are ISO 4217 codes, countries ISO 3166-1 alpha-2 of the payer, brands and
    methods our lower-case words (`visa`, `card`). `held_back` says why an account takes nothing for now (maintenance,
    an operator's word); with `breaker_off` its circuit breaker is not asked.
    """

    account_id: str
    gateway: str
    priority: int = 0
    currencies: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    fees: FeeSchedule = NO_FEES
    enabled: bool = True
    label: str = ""
    held_back: str = ""
    breaker_off: bool = False
