"""How the gateways do: approvals, cost and speed by gateway, method, currency, country, reason, and over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from currency.money import Money
from currency.rates import RateSource
from orchestrator import clock_port
from orchestrator.fx import books
from orchestrator.gateways import accounts
from orchestrator.gateways import store as gateway_store
from orchestrator.payments import route_store
from routing.facts import PaymentFacts
from routing.fees import NO_FEES, FeeSchedule

GROUPS_MAX = 50_000  # of the finest kind that are read for one report
_CURRENCY = "currency"


class TooManyGroups(ValueError):
    """The time has more kinds of payments than one report reads."""


@dataclass(slots=True)
class ReportRow:
    """Ended attempts of one group. Amounts and cost are in the group's currency, in minor units.

    `cost_minor` is by the accounts' price lists at the rates of the time's last day, None where one is missing.
    Latencies are of the replies to the authorisation in milliseconds, None where no reply came.
    """

    moment: datetime | None
    group: dict[str, str]
    attempts: int = 0
    approved: int = 0
    declined: int = 0
    approved_minor: int = 0
    cost_minor: int | None = 0
    latency_p50_ms: int | None = None
    latency_p95_ms: int | None = None

    @property
    def approval_ppm(self) -> int:
        """Approved of all that ended, in millionths."""
        return self.approved * 1_000_000 // self.attempts if self.attempts else 0


async def report(
    merchant_id: str, since: datetime, until: datetime, by: Sequence[str], grain: str | None = None
) -> list[ReportRow]:
    """One row for each group, in order. `by` are names of `route_store.GROUPS`; the currency is always one of them.

    Raises TooManyGroups.
    """
    names = [*dict.fromkeys(by)] if _CURRENCY in by else [*dict.fromkeys(by), _CURRENCY]
    fine = await route_store.counts(merchant_id, since, until, grain, GROUPS_MAX + 1)
    if len(fine) > GROUPS_MAX:
        raise TooManyGroups(f"more than {GROUPS_MAX} kinds of payments: ask for a shorter time")
    schedules = {row.id: accounts.candidate(row).fees for row in await gateway_store.accounts_of(merchant_id)}
    rates, last = await books.book_for(merchant_id), min(until - timedelta(microseconds=1), clock_port.now())
    rows: dict[tuple[Any, ...], ReportRow] = {}
    for part in fine:
        key = (part["moment"], *(part[name] for name in names))
        row = rows.setdefault(key, ReportRow(part["moment"], {name: part[name] for name in names}))
        _add(row, part, schedules.get(part["gateway_account_id"], NO_FEES), rates, last)
    for key, (median, p95) in (await route_store.latencies(merchant_id, since, until, grain, names)).items():
        if key in rows:
            rows[key].latency_p50_ms, rows[key].latency_p95_ms = median, p95
    return [rows[key] for key in sorted(rows, key=lambda key: tuple(str(part) for part in key))]


def _add(row: ReportRow, part: asyncpg.Record, fees: FeeSchedule, rates: RateSource, last: datetime) -> None:
    row.attempts += part["attempts"]
    row.approved += part["approved"]
    row.declined += part["declined"]
    row.approved_minor += part["approved_minor"]
    cost = _cost(part, fees, rates, last)
    row.cost_minor = None if cost is None or row.cost_minor is None else row.cost_minor + cost


def _cost(part: asyncpg.Record, fees: FeeSchedule, rates: RateSource, last: datetime) -> int | None:
    """Of all the group's attempts: a percentage of the sum, and the fixed parts as often as there were payments."""
    nothing = Money(0, part["currency"])
    facts = PaymentFacts(
        Money(part["approved_minor"], part["currency"]),
        country=part["country"] or None,
        issuer_country=part["issuer_country"] or None,
        brand=part["brand"] or None,
        method=part["method"],
        at=last,
        rates=rates,
    )
    of_sum, of_none = fees.expected(facts), fees.expected(replace(facts, amount=nothing))
    of_decline = fees.of_a_decline(facts)
    approved, declined, cost = int(part["approved"]), int(part["declined"]), 0
    if approved:
        if of_sum is None or of_none is None:
            return None
        cost += of_sum.minor + of_none.minor * (approved - 1)
    if declined:
        if of_decline is None:
            return None
        cost += of_decline.minor * declined
    return cost
