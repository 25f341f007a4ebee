"""Tables of the objects that need no more than their JSON: found by id within an account, newest first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simulators.stripe.errors import missing_resource

Shown = dict[str, Any]
"""An object as the API shows it."""


@dataclass(slots=True)
class Table:
    """`kind` is the word of "No such …"."""

    kind: str
    rows: dict[str, tuple[str, Shown]] = field(default_factory=dict)

    def add(self, account: str, shown: Shown) -> Shown:
        self.rows[shown["id"]] = (account, shown)
        return shown

    def find(self, account: str, id: str, param: str = "id", status: int = 404) -> Shown:
        """Raises StripeError for an id of nobody or of another account."""
        shown = self.get(account, id)
        if shown is None:
            raise missing_resource(self.kind, id, param, status)
        return shown

    def get(self, account: str, id: str) -> Shown | None:
        owner, shown = self.rows.get(id, ("", None))
        return shown if owner == account else None

    def of(self, account: str) -> list[Shown]:
        return [shown for owner, shown in reversed(self.rows.values()) if owner == account]

    def remove(self, id: str) -> None:
        del self.rows[id]


KINDS = {
    "account": "account",
    "application_fee": "application fee",
    "customer": "customer",
    "event": "event",
    "fee_refund": "fee refund",
    "file": "file upload",
    "file_link": "file link",
    "forward": "forwarding request",
    "mandate": "mandate",
    "price": "price",
    "product": "product",
    "report_run": "report run",
    "setup_attempt": "setup attempt",
    "transfer": "transfer",
    "transfer_reversal": "transfer reversal",
    "webhook_endpoint": "webhook endpoint",
}


def new_tables() -> dict[str, Table]:
    return {name: Table(kind) for name, kind in KINDS.items()}
