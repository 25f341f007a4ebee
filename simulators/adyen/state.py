"""What Adyen remembers beside the shared world: payments on their way, answers by key, pages, reports to download."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from simulators.adyen.orders import Order
from simulators.replays import Replays
from simulators.world import Charge, World


@dataclass(slots=True)
class Payment:
    """What Adyen knows of a payment beside its charge. `is_pending`: the outcome is still to come.

    `is_closed`: no more can be captured, as the rest was cancelled or has expired. `additional` is what an answer's
    additionalData says, `answer` the whole answer.
    """

    order: Order
    brand: str
    additional: dict[str, str] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    is_pending: bool = False
    is_closed: bool = False
    last_capture: str = ""
    last_capture_reference: str = ""
    modification_references: list[str] = field(default_factory=list)


class Outcome(StrEnum):
    """How the shopper left a page that they were redirected to."""

    PASSED = "passed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PENDING = "pending"
    EXPIRED = "expired"


@dataclass(slots=True)
class Redirect:
    """A payment that waits for its shopper. `outcome` is None until the page was answered."""

    order: Order
    charge: Charge
    redirect_result: str
    outcome: Outcome | None = None
    answer: dict[str, Any] | None = None


@dataclass(slots=True)
class Checkout:
    """A hosted page: of a payment link (PL…) or of a session (CS…). `request` is what it was made from."""

    id: str
    account: str
    request: dict[str, Any]
    expires_at: datetime
    status: str = "active"
    result: str = ""  # sessionResult, as the shopper brings it back
    payments: list[str] = field(default_factory=list)
    updated_at: datetime | None = None

    @property
    def is_link(self) -> bool:
        return self.id.startswith("PL")


@dataclass(slots=True)
class State:
    replays: Replays = field(default_factory=Replays)
    payments: dict[str, Payment] = field(default_factory=dict)  # by pspReference
    redirects: dict[str, Redirect] = field(default_factory=dict)  # by the id in the page's address
    checkouts: dict[str, Checkout] = field(default_factory=dict)
    webhooks: dict[str, dict[str, Any]] = field(default_factory=dict)  # by id, as the Management API shows them
    brands: dict[str, str] = field(default_factory=dict)  # by pspReference
    reports: dict[tuple[str, str], bytes] = field(default_factory=dict)  # by account and file name
    transfers: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)  # account and answer, by id
    base_url: str = ""  # as the last caller addressed us

    def redirect_of(self, redirect_result: str) -> Redirect | None:
        return next((r for r in self.redirects.values() if r.redirect_result == redirect_result), None)


def state_of(world: World) -> State:
    return world.part("adyen", State)
