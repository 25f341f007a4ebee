"""Laws of settlement: whatever happens at a gateway, its files say it once, and its books end where the money is."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from test_sim_settlement import ACCOUNT, Row, _adyen_net, _stl_net, minor, stl_body, stl_records, table

from simulators.currencies import exponent_of
from simulators.disputes import Dispute, DisputeKind, disputes_of, reinstate, withdraw
from simulators.payouts import payouts_of
from simulators.settlement import settle
from simulators.world import Charge, ChargeEvent, World

GATEWAYS = ("stripe", "adyen", "paypal")
DISPUTE_FEES = {"stripe": 1500, "adyen": 750, "paypal": 1600}
SIDES = {"CR": 1, "DR": -1}


@dataclass
class Trade:
    """A merchant's business at one gateway, and what a stranger reads in the files about it.

    `taken` is what shoppers have paid and not got back, by currency; `told` the same as the files say it.
    """

    gateway: str
    options: dict[str, str]
    reports_dir: Path
    world: World = field(default_factory=World)
    taken: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    failed: set[str] = field(default_factory=set)
    n: int = 0

    def __post_init__(self) -> None:
        self.world.register_account(self.gateway, ACCOUNT, self.options)

    # what happens

    def play(self, step: tuple[str, int, int]) -> None:
        verb, which, amount = step
        verbs: dict[str, Callable[[int, int], None]] = {
            "sell": self.sell, "capture": self.capture, "refund": self.refund, "fail": self.fail,
            "dispute": self.dispute, "win": self.win, "wait": self.wait, "settle": self.settle,
        }  # fmt: skip
        verbs[verb](which, amount)

    def sell(self, which: int, amount: int) -> None:
        self.n += 1
        id = f"ch_{self.n}" if self.gateway == "stripe" else f"PSP{self.n}"
        currency, method = ("EUR", "USD", "JPY")[which % 3], ("card", "paypal", "ideal")[which // 3 % 3]
        region = ("domestic", "eea", "international")[which // 9 % 3]
        now, reference = self.world.clock.now(), f"att_{self.n}"
        charge = Charge(self.gateway, ACCOUNT, id, reference, f"pay_{self.n}", 2 * amount, currency, now)
        charge.method, charge.region = method, region
        self.world.add_charge(charge)
        self.capture(-1, amount)

    def capture(self, which: int, amount: int) -> None:
        if charge := self.chosen(which):
            self.n += 1
            part = min(amount, charge.amount_minor - charge.captured_minor)
            if part:
                self.world.capture(charge, part, charge.id if self.gateway == "stripe" else f"CAP{self.n}")
                self.taken[charge.currency] += part

    def refund(self, which: int, amount: int) -> None:
        charge = self.chosen(which)
        part = min(amount, self.left(charge)) if charge else 0
        if charge and part:
            self.n += 1
            self.world.refund(charge, part, f"re_{self.n}" if self.gateway == "stripe" else f"REF{self.n}")
            self.taken[charge.currency] -= part

    def fail(self, which: int, amount: int) -> None:
        """A refund comes back; PayPal books none before it has arrived."""
        refunds = [
            (charge, event)
            for charge in self.world.charges_of(self.gateway, ACCOUNT)
            for event in charge.events
            if event.kind == "refunded" and event.id not in self.failed
        ]
        if self.gateway == "paypal" or not refunds:
            return
        charge, refund = refunds[which % len(refunds)]
        self.failed.add(refund.id)
        charge.refunded_minor -= refund.minor
        self.world.book(self.gateway, ACCOUNT, charge.currency).refunded_minor -= refund.minor
        charge.events.append(ChargeEvent("refund_failed", refund.minor, self.world.clock.now(), refund.id))
        self.taken[charge.currency] += refund.minor

    def dispute(self, which: int, amount: int) -> None:
        charge = self.chosen(which)
        part = min(amount, self.left(charge)) if charge else 0
        if charge and part:
            self.n += 1
            now = self.world.clock.now()
            made = Dispute(
                f"du_{self.n}", self.gateway, ACCOUNT, charge.id, part, charge.currency, "fraudulent",
                DisputeKind.CHARGEBACK, now, now,
            )  # fmt: skip
            disputes_of(self.world)[made.id] = made
            withdraw(self.world, made, part, DISPUTE_FEES[self.gateway])
            self.taken[charge.currency] -= part

    def win(self, which: int, amount: int) -> None:
        open_ones = [d for d in disputes_of(self.world).values() if d.withdrawn_minor]
        if open_ones:
            dispute = open_ones[which % len(open_ones)]
            self.taken[dispute.currency] += dispute.withdrawn_minor
            reinstate(self.world, dispute, dispute.fee_minor if self.gateway == "stripe" else 0)

    def wait(self, which: int, amount: int) -> None:
        self.world.clock.advance(86_400 * (1 + which % 40))

    def settle(self, which: int, amount: int) -> None:
        report = settle(self.world, self.gateway, ACCOUNT, None, None, self.reports_dir)
        content = Path(report["path"]).read_bytes()
        {"stripe": self.read_stripe, "adyen": self.read_adyen, "paypal": self.read_paypal}[self.gateway](
            content, report
        )
        self.check_books(report)

    def chosen(self, which: int) -> Charge | None:
        charges = self.world.charges_of(self.gateway, ACCOUNT)
        return charges[which % len(charges)] if charges and which >= 0 else charges[-1] if charges else None

    def left(self, charge: Charge) -> int:
        held = sum(d.withdrawn_minor for d in disputes_of(self.world).values() if d.charge_id == charge.id)
        return charge.captured_minor - charge.refunded_minor - held

    # what the files say

    def read_stripe(self, content: bytes, report: dict[str, Any]) -> None:
        nets: Counter[str] = Counter()
        for row in table(content):
            currency = row["currency"].upper()
            gross, fee, net = (minor(row[name], currency) for name in ("gross", "fee", "net"))
            assert gross - fee == net
            nets[currency] += net
            if row["source_id"]:
                facing = row["customer_facing_currency"].upper()
                self.told[facing] += minor(row["customer_facing_amount"], facing)
        assert nets == paid(report)

    def read_adyen(self, content: bytes, report: dict[str, Any]) -> None:
        nets: Counter[str] = Counter()
        for row in table(content):
            nets[row["Net Currency"]] += _adyen_net(row)
            if row["Psp Reference"]:
                self.read_adyens_movement(row)
            if row["Type"] == "MerchantPayout":
                assert -_adyen_net(row) == paid(report)[row["Net Currency"]]
        assert not any(nets.values())

    def read_adyens_movement(self, row: Row) -> None:
        source, target = row["Gross Currency"], row["Net Currency"]
        gross = minor(row["Gross Credit (GC)"], source) - minor(row["Gross Debit (GC)"], source)
        self.told[source] += gross
        fees = ("Commission (NC)", "Markup (NC)", "Scheme Fees (NC)", "Interchange (NC)")
        exact = gross * Decimal(row["Exchange Rate"]).scaleb(exponent_of(target) - exponent_of(source))
        difference = _adyen_net(row) + sum(minor(row[name], target) for name in fees) - exact
        assert abs(difference) <= Decimal("0.5")

    def read_paypal(self, content: bytes, report: dict[str, Any]) -> None:
        rows = stl_body(content)
        for row in rows:
            currency = row["Gross Transaction Currency"]
            if row["Transaction Event Code"] not in ("T0200", "T0400", "T0106"):
                gross = int(row["Gross Transaction Amount"]) * SIDES[row["Transaction Debit or Credit"]]
                self.told[currency] += gross // 10 ** (2 - exponent_of(currency))
        for footer in (record for record in stl_records(content) if record[0] == "SF"):
            currency, rest = footer[1], footer[2:]
            opening, closing = (int(rest[n + 1]) * SIDES[rest[n]] for n in (4, 6))
            moved = sum(_stl_net(row) for row in rows if row["Gross Transaction Currency"] == currency)
            assert opening + moved * 10 ** (2 - exponent_of(currency)) == closing
            assert int(rest[-1]) == sum(row["Gross Transaction Currency"] == currency for row in rows)

    def check_books(self, report: dict[str, Any]) -> None:
        """All is told; nothing is left but a debt, where the gateway waits for the next batch to take it from."""
        assert self.told == self.taken
        for currency in {currency for _, _, currency in self.world.books}:
            balance = self.world.book(self.gateway, ACCOUNT, currency).balance_minor
            assert balance == 0 or (balance < 0 and self.gateway != "stripe")
            assert balance == 0 or currency in (self.options.get("settlement_currencies") or currency)
        for payout in report["payouts"]:
            made = payouts_of(self.world)[payout["id"]]
            assert sum(movement.net_minor for movement in made.movements) == made.minor


def paid(report: dict[str, Any]) -> Counter[str]:
    return Counter({payout["currency"]: payout["amount_minor"] for payout in report["payouts"]})


STEPS = st.tuples(
    st.sampled_from(["sell", "sell", "capture", "refund", "fail", "dispute", "win", "wait", "settle"]),
    st.integers(0, 26),
    st.one_of(st.integers(1, 99), st.integers(1, 1_000_000)),
)


@settings(max_examples=150, deadline=None)
@given(
    gateway=st.sampled_from(GATEWAYS),
    settlement_currencies=st.sampled_from(["", "EUR", "JPY", "USD,EUR"]),
    pricing=st.sampled_from(["blended", "interchange"]),
    steps=st.lists(STEPS, min_size=1, max_size=30),
)
def test_every_movement_is_told_once_and_the_books_are_left_empty(
    gateway: str, settlement_currencies: str, pricing: str, steps: list[tuple[str, int, int]]
) -> None:
    options = {"settlement_currencies": settlement_currencies, "pricing": pricing}
    with tempfile.TemporaryDirectory() as folder:
        trade = Trade(gateway, options, Path(folder))
        for step in steps:
            trade.play(step)
        trade.settle(0, 0)
