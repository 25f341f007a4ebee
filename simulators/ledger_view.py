"""The gateways' own books on the control API: balances, charges, disputes, payouts, stored credentials, settlements."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from simulators.disputes import REASONS, Dispute, DisputeKind, disputes_of
from simulators.fields import FieldRefused, Fields
from simulators.issuer import brand_of
from simulators.methods import StoredMethod, methods_of
from simulators.payouts import payouts_of
from simulators.registry import DECIDE_DISPUTE, OPEN_DISPUTE
from simulators.world import GATEWAYS, Charge, World

Settle = Callable[[World, str, str, str | None, dict[str, Any] | None, Path], dict[str, Any]]


class LedgerView:
    """Verbs for the control API; each raises FieldRefused."""

    def __init__(self, world: World, settle: Settle, reports_dir: Path) -> None:
        self._world = world
        self._settle_report = settle
        self._reports_dir = reports_dir

    def routes(self) -> list[tuple[str, str, Callable[..., Awaitable[object]]]]:
        return [
            ("GET", "/books", self._books),
            ("GET", "/charges", self._charges),
            ("POST", "/charges/foreign", self._foreign_charge),
            ("GET", "/disputes", self._disputes),
            ("POST", "/disputes", self._open_dispute),
            ("POST", "/disputes/{id}/decide", self._decide),
            ("GET", "/payouts", self._payouts),
            ("GET", "/methods", self._methods),
            ("POST", "/settle", self._settle),
        ]

    async def _books(self, fields: Fields) -> object:
        rows = [
            {"gateway": gateway, "account": account, "currency": currency, **asdict(book)}
            | {"balance_minor": book.balance_minor}
            for (gateway, account, currency), book in self._world.books.items()
        ]
        return _chosen(fields, rows)

    async def _charges(self, fields: Fields) -> object:
        """`reference` is the attempt's or the payment's id, as Clearway sent it."""
        reference = fields.text("reference", "")
        return _chosen(fields, (plain(charge) for charge in charges_with(self._world, reference)))

    async def _foreign_charge(self, fields: Fields) -> object:
        gateway, account = fields.choice("gateway", GATEWAYS), fields.text("account")
        minor, currency = fields.integer("amount_minor", least=1), fields.text("currency").upper()
        return plain(self._world.add_foreign_charge(gateway, account, minor, currency))

    async def _disputes(self, fields: Fields) -> object:
        return _chosen(fields, (plain(dispute) for dispute in disputes_of(self._world).values()))

    async def _open_dispute(self, fields: Fields) -> object:
        """{gateway, account, charge | reference, reason?, kind?, minor?}; all that is left of the charge by default."""
        fields.only("gateway", "account", "charge", "reference", "reason", "kind", "minor")
        charge = self._disputed_charge(fields)
        reason, kind = (
            fields.choice("reason", REASONS, "fraudulent"),
            fields.choice("kind", list(DisputeKind), "chargeback"),
        )
        left = charge.captured_minor - charge.refunded_minor
        minor = fields.integer("minor", left, least=1, most=charge.captured_minor)
        return plain(OPEN_DISPUTE[charge.gateway](self._world, charge, reason, DisputeKind(kind), minor))

    def _disputed_charge(self, fields: Fields) -> Charge:
        gateway, account = fields.choice("gateway", GATEWAYS), fields.text("account")
        name = "charge" if fields.has("charge") else "reference"
        wanted = fields.text(name)
        found = [
            charge
            for charge in self._world.charges_of(gateway, account)
            if charge.captured_minor
            and wanted in (_names(charge) if name == "reference" else (charge.id, charge.payment_id))
        ]
        if not found:
            raise FieldRefused(name, f"names no captured charge of {gateway} {account}: {wanted}")
        return found[-1]

    async def _decide(self, fields: Fields, id: str) -> object:
        outcome = fields.choice("outcome", ("won", "lost"))
        dispute: Dispute | None = disputes_of(self._world).get(id)
        if dispute is None:
            raise FieldRefused("id", f"is of no dispute: {id}", list(disputes_of(self._world)))
        if not dispute.is_open:
            raise FieldRefused("id", f"is of a dispute that is over: {dispute.state}")
        DECIDE_DISPUTE[dispute.gateway](self._world, dispute, outcome == "won")
        return plain(dispute)

    async def _payouts(self, fields: Fields) -> object:
        return _chosen(fields, (plain(payout) for payout in payouts_of(self._world).values()))

    async def _methods(self, fields: Fields) -> object:
        return _chosen(fields, (show_method(method) for method in methods_of(self._world).values()))

    async def _settle(self, fields: Fields) -> object:
        gateway, account = fields.choice("gateway", GATEWAYS), fields.text("account")
        omitted = fields.text("omit_reference") if fields.has("omit_reference") else None
        try:
            return self._settle_report(
                self._world, gateway, account, omitted, fields.mapping("overcharge"), self._reports_dir
            )
        except (KeyError, ValueError) as wrong:
            raise FieldRefused("overcharge", f"cannot be settled: {wrong}") from None


def charges_with(world: World, reference: str) -> list[Charge]:
    """The charges of an attempt or a payment; all where it is empty."""
    return [charge for charge in world.charges.values() if not reference or reference in _names(charge)]


def _names(charge: Charge) -> tuple[str, str]:
    return (charge.reference, charge.payment_reference)


def show_method(method: StoredMethod) -> dict[str, Any]:
    """A card by its brand and last digits only."""
    shown: dict[str, Any] = plain(method)
    if method.card is not None:
        shown["card"] = {
            "brand": brand_of(method.card.number),
            "last4": method.card.number[-4:],
            "expiry_month": method.card.expiry_month,
            "expiry_year": method.card.expiry_year,
        }
    return shown


def plain(value: Any) -> Any:
    """A dataclass as JSON has it."""
    return _plain(asdict(value))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


def _chosen(fields: Fields, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of one gateway and account, where the query names them."""
    wanted = {name: fields.text(name) for name in ("gateway", "account") if fields.has(name)}
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]
