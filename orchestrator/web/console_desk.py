"""What every console page needs: who is there, the page's frame, forms with their token, and doing a thing once."""

import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response
from litestar.datastructures import FormMultiDict, UploadFile

from currency.currencies import UnknownCurrency
from currency.money import InvalidAmount, Money, parse_major
from orchestrator import clock_port
from orchestrator.access import actor
from orchestrator.access import store as access_store
from orchestrator.access.scopes import Scope
from orchestrator.access.tables import IdempotencyRecord
from orchestrator.errors import ClearwayError, Conflict, InvalidField
from orchestrator.gateways import store as gateway_store
from orchestrator.gateways.store import GatewayAccountRow
from orchestrator.web import console_queries, csrf, replies, sessions
from orchestrator.web.console_views import ConfirmView, Shell
from orchestrator.web.forms import sentence_of, text_of
from orchestrator.web.pages import CSRF_FIELD
from orchestrator.web.presenters import in_test_mode
from orchestrator.web.sessions import ConsoleSession

ONCE_FIELD = "once"
ONCE_KEPT_FOR = timedelta(days=1)
FIELD_CHARS_MAX = 2_000

_NUMBER = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Said:
    """What a form came to: a sentence above the page, with the answer's status."""

    notice: str = ""
    error: str = ""
    status: int = 200

    @classmethod
    def no(cls, refused: ClearwayError) -> "Said":
        return cls(error=sentence_of(refused), status=refused.status)


NOTHING_SAID = Said()


@dataclass(frozen=True, slots=True)
class Desk:
    """One request of the console: the session, the merchant's gateway accounts, and the page's frame."""

    session: ConsoleSession
    accounts: dict[str, GatewayAccountRow]
    shell: Shell

    @property
    def merchant_id(self) -> str:
        return self.session.merchant.id

    def may(self, scope: Scope) -> bool:
        return self.session.may(scope)

    def label_of(self, account_id: str) -> str:
        """What the merchant calls the account; its id where it is gone."""
        account = self.accounts.get(account_id)
        return account.label if account else account_id

    def page(self, view: object, status: int = 200) -> Response[str]:
        return replies.page(view, status=status, cookies=(csrf.cookie_of(self.shell.csrf_token),))


async def open_desk(request: Request[Any, Any, Any], scope: Scope) -> Desk:
    """For a page. Raises LoginNeeded, Forbidden."""
    return await _desk(await sessions.need(request, scope), csrf.token_of(request))


async def posted(request: Request[Any, Any, Any], scope: Scope) -> tuple[Desk, FormMultiDict]:
    """For a form. Raises FormRefused, LoginNeeded, Forbidden."""
    form = await request.form()
    csrf.check(request, form.get(CSRF_FIELD))
    return await _desk(await sessions.need(request, scope), csrf.token_of(request)), form


async def shell_of(session: ConsoleSession, token: str) -> Shell:
    """The frame of a page, for those that need nothing else."""
    return (await _desk(session, token)).shell


async def _desk(session: ConsoleSession, token: str) -> Desk:
    accounts = await gateway_store.accounts_of(session.merchant.id)
    waiting = await console_queries.count_waiting(session.merchant.id, session.scopes)
    shell = Shell(session.merchant.name, token, in_test_mode(accounts), session.who, session.scopes, waiting)
    return Desk(session, {row.id: row for row in accounts}, shell)


# --- asking back, and doing a thing once -------------------------------------------------------------------------


def new_number() -> str:
    """The number of a form: what is sent twice with the same one is done once."""
    return secrets.token_hex(16)


def ask_back(
    desk: Desk, form: FormMultiDict, title: str, lines: tuple[str, ...], action: str, button: str, back_url: str
) -> Response[str]:
    """A page that says what is about to be done. Its form has all that was posted, and a number of its own."""
    kept = tuple(
        (name, value)
        for name, value in form.multi_items()
        if name not in (CSRF_FIELD, ONCE_FIELD) and isinstance(value, str) and len(value) <= FIELD_CHARS_MAX
    )
    fields = (*kept, (ONCE_FIELD, new_number()))
    return desk.page(ConfirmView(desk.shell, title, lines, action, fields, button, back_url))


def is_confirmed(form: FormMultiDict) -> bool:
    return bool(text_of(form, ONCE_FIELD))


async def once(desk: Desk, form: FormMultiDict, place: str, work: Callable[[str], Awaitable[str]]) -> str:
    """Do the work for the form's number, once, however often the button is pressed; what it came to, as a word.

    `work` takes the id of the claim, for services to bind what they make. Of a number whose first sending came to
    nothing known (the process died) the work is not done again: the page tells how things stand. Raises InvalidField
    for no number, Conflict while or when it was done before, and what the work raises, after which the number is free.
    """
    number = text_of(form, ONCE_FIELD)
    if not _NUMBER.fullmatch(number):
        raise InvalidField(ONCE_FIELD, "is missing: begin again from the page")
    now, route = clock_port.now(), f"CONSOLE {place}"[:120]
    claim = hashlib.sha256(f"{desk.merchant_id}\n{route}\n{number}".encode()).hexdigest()
    record = IdempotencyRecord(
        id=claim,
        merchant_id=desk.merchant_id,
        route=route,
        fingerprint=claim,
        claimed_at=now,
        expires_at=now + ONCE_KEPT_FOR,
    )
    if not await access_store.claim_idempotency(record):
        raise Conflict("This form was sent before and is not done a second time. The page shows how things stand")
    try:
        came_to = await work(claim)
    except ClearwayError as refused:
        if refused.status < 500:  # refused before anything was made: the corrected form may have the number
            await access_store.release_idempotency(claim)
        raise
    await access_store.complete_idempotency(claim, 303, "")
    return came_to


def acting() -> str:
    """Who is at the desk, as other records name actors: `user:usr_…`, `key:key_…`."""
    who = actor.current()
    return f"{who.kind.value}:{who.id}"


# --- what addresses and forms hold -------------------------------------------------------------------------------


def asked(request: Request[Any, Any, Any], name: str, pattern: str = r".{1,200}") -> str:
    """A parameter of the address; empty where it is missing or cannot be one."""
    value = request.query_params.get(name, "").strip()
    return value if re.fullmatch(pattern, value) else ""


def cursor(request: Request[Any, Any, Any], prefix: str) -> str | None:
    """The id that the page begins before."""
    return asked(request, "before", rf"{prefix}_[0-9a-f]{{1,36}}") or None


def done(request: Request[Any, Any, Any], words: Mapping[str, str]) -> Said:
    """The sentence for what the form that led here came to."""
    return Said(notice=words.get(request.query_params.get("done", ""), ""))


def older_url(place: str, before_id: str, filters: Mapping[str, str]) -> str:
    """The next page under the same filters."""
    given = {name: value for name, value in filters.items() if value}
    return f"{place}?{urlencode({**given, 'before': before_id})}"


def day_of(text: str, field: str, *, end: bool = False) -> datetime | None:
    """A date field as a moment in UTC: the day's begin, with `end` that of the day after. Raises InvalidField."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidField(field, "must be a date such as 2026-11-23") from None
    return datetime.combine(day, time(), UTC) + timedelta(days=1 if end else 0)


def amount_of(text: str, currency: str, field: str = "amount") -> Money | None:
    """`12.50` in major units, also with a comma; None for an empty field. Raises InvalidField."""
    if not text.strip():
        return None
    try:
        return parse_major(text.strip().replace(",", "."), currency)
    except (InvalidAmount, UnknownCurrency) as refused:
        raise InvalidField(field, f"{refused}") from None


def whole_number(text: str, field: str, least: int, most: int) -> int:
    """Raises InvalidField."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise InvalidField(field, f"must be a whole number from {least} to {most}")
    return int(text)


def files_of(form: FormMultiDict, name: str) -> list[UploadFile]:
    """The files that were chosen in the fields of this name."""
    return [value for value in form.getall(name, []) if isinstance(value, UploadFile) and value.filename]
