"""The balance and its transactions, told from what has happened to the charges, and payouts to the bank.

Each capture, refund, dispute, transfer, fee and payout is one balance transaction (docs.stripe.com/reports/balance-
transaction-types). Fees are those of the simulated world, known at once and taken from its books with the payout.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from simulators.disputes import Dispute
from simulators.payouts import Movement, Payout, PayoutStatus, payouts_of
from simulators.reports.unsettled import Moved, unsettled
from simulators.stripe.amounts import from_world
from simulators.stripe.calls import Call
from simulators.stripe.cards import BYPASSES_PENDING
from simulators.stripe.errors import missing_resource
from simulators.stripe.form import text
from simulators.stripe.objects import unix
from simulators.stripe.paging import chosen, is_within, page
from simulators.stripe.state import state_of, table
from simulators.world import Charge, World

AVAILABLE_AFTER = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class _Kind:
    """`suffix` keeps the ids of two transactions of one source apart."""

    type: str
    category: str
    description: str
    suffix: str = ""


_KINDS = {
    "captured": _Kind("charge", "charge", ""),
    "refunded": _Kind("refund", "refund", "REFUND FOR CHARGE"),
    "refund_failed": _Kind("refund_failure", "refund_failure", "REFUND FAILURE", "f"),
    "dispute_withdrawn": _Kind("adjustment", "dispute", "Chargeback withdrawal for {charge}"),
    "dispute_reinstated": _Kind("adjustment", "dispute_reversal", "Chargeback reversal for {charge}", "r"),
}

_OF_OTHER_METHODS = {"charge": "payment", "refund": "payment_refund"}


def transactions(world: World, account: str) -> list[dict[str, Any]]:
    """All of the account, newest first."""
    charged = [row for _, row in _of_charges(world, account)]
    rows = [*charged, *_of_connect(world, account), *_of_payouts(world, account)]
    return sorted(rows, key=lambda row: (row["created"], row["id"]), reverse=True)


def transactions_of_dispute(world: World, dispute: Dispute) -> list[dict[str, Any]]:
    """What it has withdrawn and reinstated, oldest first."""
    return [row for _, row in _of_charges(world, dispute.account) if row["source"] == dispute.id]


def payout_shown(payout: Payout) -> dict[str, Any]:
    amount = from_world(payout.minor, payout.currency)
    failed = payout.status is PayoutStatus.FAILED
    return {
        "id": payout.id,
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": unix(payout.arrival),
        "automatic": True,
        "balance_transaction": _payout_transaction_id(payout),
        "created": unix(payout.created),
        "currency": payout.currency.lower(),
        "description": "STRIPE PAYOUT",
        "destination": f"ba_{payout.id.partition('_')[2]}",
        "failure_balance_transaction": f"{_payout_transaction_id(payout)}f" if failed else None,
        "failure_code": "account_closed" if failed else None,
        "failure_message": "The bank account has been closed" if failed else None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "completed",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": payout.bank_reference or None,
        "status": payout.status.value,
        "trace_id": {"status": "supported", "value": payout.bank_reference}
        if payout.bank_reference
        else {"status": "pending", "value": None},
        "type": "bank_account",
    }


class Balances:
    def __init__(self, world: World) -> None:
        self._world = world

    def balance(self, call: Call) -> dict[str, Any]:
        available, pending = {}, {}
        for (gateway, owner, currency), book in self._world.books.items():
            if (gateway, owner) == ("stripe", call.account):
                waiting = self._waiting_minor(call.account, currency)
                pending[currency], available[currency] = waiting, book.balance_minor - waiting
        return {
            "object": "balance",
            "available": [_row(currency, minor) for currency, minor in available.items()],
            "connect_reserved": [{"amount": 0, "currency": currency.lower()} for currency in available],
            "livemode": False,
            "pending": [_row(currency, minor) for currency, minor in pending.items()],
        }

    def transaction(self, call: Call) -> dict[str, Any]:
        for row in transactions(self._world, call.account):
            if row["id"] == call.id:
                return row
        raise missing_resource("balance transaction", call.id)

    def transactions(self, call: Call) -> dict[str, Any]:
        form, rows = call.form, transactions(self._world, call.account)
        if payout := text(form, "payout"):
            rows = [row for row in rows if row["id"] in self._ids_in(call.account, payout)]
        return page("/v1/balance_transactions", chosen(rows, form, "type", "source", "currency"), form)

    def payout(self, call: Call) -> dict[str, Any]:
        return payout_shown(self._find_payout(call.account, call.id, "payout"))

    def payouts(self, call: Call) -> dict[str, Any]:
        own = [payout_shown(payout) for payout in reversed(payouts_of(self._world).of("stripe", call.account))]
        rows = [row for row in own if is_within(row["arrival_date"], call.form, "arrival_date")]
        return page("/v1/payouts", chosen(rows, call.form, "status", "destination"), call.form)

    def _find_payout(self, account: str, id: str, param: str) -> Payout:
        payout = payouts_of(self._world).get(id)
        if payout is None or (payout.gateway, payout.account) != ("stripe", account):
            raise missing_resource("payout", id, param)
        return payout

    def _ids_in(self, account: str, payout_id: str) -> set[str]:
        """The transactions that the payout pays, and its own."""
        payout = self._find_payout(account, payout_id, "payout")
        moved = {(movement.charge_id, movement.position) for movement in payout.movements}
        paid = {row["id"] for m, row in _of_charges(self._world, account) if (m.charge.id, m.position) in moved}
        fees = {_fee_transaction_id(payout, n) for n, _ in _account_fees(payout)}
        return {*paid, *fees, _payout_transaction_id(payout)}

    def _waiting_minor(self, account: str, currency: str) -> int:
        """Captured too lately to be available, and not paid out before."""
        since = self._world.clock.now() - AVAILABLE_AFTER
        return sum(
            max(min(event.minor, charge.captured_minor - charge.settled_minor - charge.refunded_minor), 0)
            for charge in self._world.charges_of("stripe", account)
            if charge.currency == currency and not _bypasses(self._world, charge)
            for event in charge.events
            if event.kind == "captured" and event.at > since
        )


def _of_charges(world: World, account: str) -> Iterator[tuple[Moved, dict[str, Any]]]:
    """What has happened to the charges, as the settlement reports have it, and the transactions of it."""
    told = {(m.charge_id, m.position): m for p in payouts_of(world).of("stripe", account) for m in p.movements}
    for moved in unsettled(world, frozenset(), {}, "stripe", account):
        kind = _KINDS[moved.event.kind]
        known = told.get((moved.charge.id, moved.position))
        fee_minor = known.fee_minor if known else moved.line.fee_minor
        yield moved, _from_line(world, moved, kind, fee_minor)


def _from_line(world: World, moved: Moved, kind: _Kind, fee_minor: int) -> dict[str, Any]:
    line, charge = moved.line, moved.charge
    source = line.movement_id
    suffix = f"{line.number:02d}" if moved.event.kind == "captured" and line.number > 1 else kind.suffix
    waits = timedelta() if _bypasses(world, charge) else AVAILABLE_AFTER
    type = _OF_OTHER_METHODS.get(kind.type, kind.type) if charge.method != "card" else kind.type
    row = _transaction(
        f"txn_{source.partition('_')[2]}{suffix}", from_world(line.gross_minor, line.currency),
        from_world(fee_minor, line.currency), line.currency, type, kind.category, source,
        kind.description.format(charge=charge.id), line.occurred_at, line.occurred_at + waits, world.clock.now(),
    )  # fmt: skip
    return row | {"exchange_rate": float(line.conversion.rate) if line.conversion else None}


def _of_connect(world: World, account: str) -> Iterator[dict[str, Any]]:
    now = world.clock.now()
    for name, type, category, sign in (
        ("transfer", "transfer", "transfer", -1),
        ("transfer_reversal", "transfer_refund", "transfer_reversal", 1),
        ("application_fee", "application_fee", "platform_earning", 1),
        ("fee_refund", "application_fee_refund", "platform_earning_refund", -1),
    ):
        for shown in table(world, name).of(account):
            at = datetime.fromtimestamp(shown["created"], UTC)
            amount, currency = sign * shown["amount"], shown["currency"].upper()
            yield _transaction(
                shown["balance_transaction"], amount, 0, currency, type, category, shown["id"], "", at, at, now
            )


def _of_payouts(world: World, account: str) -> Iterator[dict[str, Any]]:
    now = world.clock.now()
    for payout in payouts_of(world).of("stripe", account):
        at = payout.created
        amount = -from_world(payout.minor, payout.currency)
        id = _payout_transaction_id(payout)
        yield _transaction(id, amount, 0, payout.currency, "payout", "payout", payout.id, "STRIPE PAYOUT", at, at, now)
        if payout.status is PayoutStatus.FAILED:
            back = ("payout_failure", "payout_reversal", payout.id, "STRIPE PAYOUT FAILURE")
            yield _transaction(f"{id}f", -amount, 0, payout.currency, *back, at, at, now)
        for n, fee in _account_fees(payout):
            minor = from_world(fee.net_minor, payout.currency)
            id = _fee_transaction_id(payout, n)
            row = _transaction(id, minor, 0, payout.currency, "stripe_fee", "fee", "", "Stripe fees", at, at, now)
            yield row | {"source": None}


def _account_fees(payout: Payout) -> list[tuple[int, Movement]]:
    """Those of the account and of no charge, numbered."""
    return list(enumerate(movement for movement in payout.movements if movement.kind == "fee"))


def _fee_transaction_id(payout: Payout, number: int) -> str:
    fee = _account_fees(payout)[number][1]
    return f"txn_{fee.id.partition('_')[2]}" if fee.id else f"{_payout_transaction_id(payout)}fee{number}"


def _payout_transaction_id(payout: Payout) -> str:
    return f"txn_{payout.id.partition('_')[2]}"


def _transaction(
    id: str, amount: int, fee: int, currency: str, type: str, category: str, source: str, description: str,
    at: datetime, available: datetime, now: datetime,
) -> dict[str, Any]:  # fmt: skip
    name = "Dispute fee" if type == "adjustment" else "Stripe processing fees"
    detail = {
        "amount": fee,
        "application": None,
        "currency": currency.lower(),
        "description": name,
        "type": "stripe_fee",
    }
    return {
        "id": id,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": unix(available),
        "balance_type": "payments",
        "created": unix(at),
        "currency": currency.lower(),
        "description": description or None,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [detail] if fee else [],
        "net": amount - fee,
        "reporting_category": category,
        "source": source,
        "status": "available" if available <= now else "pending",
        "type": type,
    }


def _bypasses(world: World, charge: Charge) -> bool:
    own = state_of(world).charges.get(charge.id)
    return own is not None and own.method.card is not None and own.method.card.number == BYPASSES_PENDING


def _row(currency: str, minor: int) -> dict[str, Any]:
    amount = from_world(minor, currency)
    return {"amount": amount, "currency": currency.lower(), "source_types": {"card": amount}}
