"""The verbs of payment links: reusable addresses, by each of which one may pay as often as the merchant allows.

A visitor who begins to pay gets a session of a short life; it counts as a use until it ends unpaid. The link's row is
locked while uses are counted and the session is made, so that there are never more than allowed.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from currency.money import Money
from orchestrator import clock_port
from orchestrator.access.store import bind_idempotency
from orchestrator.checkouts import service, store
from orchestrator.checkouts.records import LinkRow, LinkView, SessionView
from orchestrator.checkouts.service import NewSession
from orchestrator.db import transaction
from orchestrator.errors import Busy, ClearwayError, InvalidField, NotFound
from orchestrator.ids import new_id
from orchestrator.payments.authentication_records import PaymentAuthentication
from orchestrator.payments.service import NewPayment

HELD_FOR = timedelta(minutes=30)  # how long a visitor who began to pay keeps a use
OPEN_MAX = 500  # visitors who are paying by one link at once


class LinkClosed(ClearwayError):
    """Nothing can be paid by the link now."""

    status = 409
    code = "payment_link_closed"

    def __init__(self, detail: str) -> None:
        super().__init__(f"{detail} Ask the merchant for a new link.")


@dataclass(frozen=True, slots=True)
class NewLink:
    """What a link is made of: `amount`, or the bounds between which the payer chooses."""

    merchant_id: str
    currency: str
    amount_minor: int | None = None
    amount_min_minor: int | None = None
    amount_max_minor: int | None = None
    uses_max: int | None = None
    expires_at: datetime | None = None
    description: str = ""
    reference: str | None = None
    success_url: str | None = None
    capture_method: str = "automatic"
    metadata: dict[str, str] = field(default_factory=dict)
    authentication: PaymentAuthentication | None = None


async def create(new: NewLink, idempotency_id: str | None = None) -> LinkView:
    """A link that is active at once. Raises InvalidField."""
    now = clock_port.now()
    least, most = new.amount_min_minor, new.amount_max_minor
    if least is not None and most is not None and most < least:
        raise InvalidField("chosen_amount.max", f"must not be less than the min of {least}")
    _check_expiry(new.expires_at, now)
    row = LinkRow(
        id=new_id("pl"),
        merchant_id=new.merchant_id,
        public_token=secrets.token_urlsafe(24),
        currency=new.currency,
        amount_minor=new.amount_minor,
        amount_min_minor=new.amount_min_minor,
        amount_max_minor=new.amount_max_minor,
        active=True,
        uses_max=new.uses_max,
        expires_at=new.expires_at,
        description=new.description,
        reference=new.reference,
        success_url=new.success_url,
        capture_method=new.capture_method,
        metadata=new.metadata,
        created_at=now,
        updated_at=now,
        authentication=new.authentication,
    )
    async with transaction():
        await store.insert_link(row)
        if idempotency_id:
            await bind_idempotency(idempotency_id, row.id)
    return LinkView(row, 0, 0)


async def get(merchant_id: str, link_id: str) -> LinkView:
    """Raises NotFound, also for another merchant's link."""
    return _own(await store.link(link_id), merchant_id, link_id)


async def by_token(public_token: str) -> LinkView:
    """The link of an address. Raises NotFound."""
    found = await store.link_by_token(public_token)
    if found is None:
        raise NotFound("payment link", public_token)
    return found


async def change(merchant_id: str, link_id: str, values: dict[str, Any]) -> LinkView:
    """Set what is given of `active`, `uses_max`, `expires_at`, `description`, `success_url`, `metadata`.

    Who is paying already may finish. Raises NotFound, InvalidField.
    """
    now = clock_port.now()
    if "expires_at" in values:
        _check_expiry(values["expires_at"], now)
    async with transaction():
        _own(await store.locked_link(link_id), merchant_id, link_id)
        if values:
            await store.update_link(link_id, values, now)
    return await get(merchant_id, link_id)


async def begin(public_token: str, chosen_minor: int | None = None, locale: str = "en") -> SessionView:
    """The session in which a visitor pays by the link. Raises NotFound, LinkClosed, Busy, InvalidField (`amount`)."""
    link = (await by_token(public_token)).link
    amount = _amount(link, chosen_minor)

    async def allowed() -> None:
        now_found = await store.locked_link(link.id)
        assert now_found is not None
        require_open(now_found, clock_port.now())

    new = NewPayment(
        merchant_id=link.merchant_id,
        amount=amount,
        capture_method=link.capture_method,
        reference=link.reference,
        description=link.description,
        locale=locale,
        return_url=link.success_url,
        metadata=link.metadata,
        authentication=link.authentication,
    )
    expires_at = clock_port.now() + HELD_FOR
    return await service.create(NewSession(new, expires_at=expires_at, payment_link_id=link.id, allowed=allowed))


def require_open(found: LinkView, now: datetime) -> None:
    """Raises LinkClosed, or Busy, where nobody may begin to pay now."""
    link = found.link
    if not link.active:
        raise LinkClosed("This payment link is no longer in use.")
    if link.expires_at is not None and link.expires_at <= now:
        raise LinkClosed("This payment link has expired.")
    if link.uses_max is not None and found.uses >= link.uses_max:
        raise LinkClosed("This payment link was used as often as it may be.")
    if found.uses_open >= OPEN_MAX or (link.uses_max is not None and found.uses + found.uses_open >= link.uses_max):
        raise Busy("Somebody else is paying by this link just now. Try again later.", retry_after_s=60)


def _amount(link: LinkRow, chosen_minor: int | None) -> Money:
    if link.amount is not None:
        return link.amount
    assert link.amount_min_minor is not None
    assert link.amount_max_minor is not None
    if chosen_minor is None or not link.amount_min_minor <= chosen_minor <= link.amount_max_minor:
        raise InvalidField("amount", f"must be {link.amount_min_minor} to {link.amount_max_minor} minor units")
    return Money(chosen_minor, link.currency)


def _own(found: LinkView | None, merchant_id: str, link_id: str) -> LinkView:
    if found is None or found.link.merchant_id != merchant_id:
        raise NotFound("payment link", link_id)
    return found


def _check_expiry(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and expires_at <= now:
        raise InvalidField("expires_at", "must be in the future")
