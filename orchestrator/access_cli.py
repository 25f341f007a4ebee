"""The commands about who may do what: API keys, console users, the audit log, and the key that seals secrets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Protocol

import typer

from orchestrator import clock_port


class Runner(Protocol):
    """Runs something short that needs the database."""

    def __call__(self, work: Callable[[], Awaitable[Any]], /) -> Any: ...


keys = typer.Typer(help="API keys of a merchant.", no_args_is_help=True)
users = typer.Typer(help="People who sign in to the console.", no_args_is_help=True)
audit_log = typer.Typer(help="The log of who did what.", no_args_is_help=True)
sealing = typer.Typer(help="The keys in CLEARWAY_SECRET_KEY that seal secrets.", no_args_is_help=True)

_run: Runner
_say: Callable[[str], None]

MerchantId = Annotated[str, typer.Argument(help="mer_…")]
Days = Annotated[int | None, typer.Option(min=1, max=3650, help="How long it lives. Unless given it has no end.")]


def register(app: typer.Typer, *, run: Runner, say: Callable[[str], None]) -> None:
    """Give the commands their place in `clearway`."""
    global _run, _say
    _run, _say = run, say
    app.add_typer(keys, name="key")
    app.add_typer(users, name="user")
    app.add_typer(audit_log, name="audit")
    app.add_typer(sealing, name="keys")


@keys.command("create")
def create_key(
    merchant_id: MerchantId,
    name: str,
    scope: Annotated[list[str] | None, typer.Option(help="May be repeated. Unless given: every scope.")] = None,
    days: Days = None,
) -> None:
    """Create an API key, which is shown this once.

    Example: clearway key create mer_0193… "web shop" --scope payments:write --scope payments:read --days 365
    """

    async def work() -> str:
        from orchestrator.access import api_keys, service

        await service.get_merchant(merchant_id)
        ends = clock_port.now() + timedelta(days=days) if days else None
        row, secret = await api_keys.create(merchant_id, name, scope or service.ALL_SCOPES, expires_at=ends)
        return f"id        {row.id}\nAPI key   {secret}\nThe key is not stored: keep it now."

    _say(_run(work))


@keys.command("list")
def list_keys(merchant_id: MerchantId) -> None:
    """List a merchant's API keys, newest first, also those that ended. No secret is known here.

    Example: clearway key list mer_0193…
    """

    async def work() -> str:
        from orchestrator.access import store

        now = clock_port.now()
        rows = await store.api_keys_of(merchant_id, limit=1_000)
        return _table(
            ("id", "name", "begins with", "state", "ends", "last used", "scopes"),
            [
                (
                    row.id,
                    row.name,
                    row.key_hint,
                    "revoked" if row.revoked_at else "good" if row.is_good(now) else "expired",
                    _day(row.expires_at),
                    _day(row.last_used_at) or "never",
                    " ".join(row.scopes),
                )
                for row in rows
            ],
        )

    _say(_run(work))


@keys.command("rotate")
def rotate_key(
    key_id: Annotated[str, typer.Argument(help="key_…, see `clearway key list`.")],
    overlap_hours: Annotated[int, typer.Option(min=0, max=720, help="How long the old key works too.")] = 24,
) -> None:
    """Create a key that may do the same, shown this once; the old one ends after the overlap.

    Example: clearway key rotate key_0193… --overlap-hours 48
    """

    async def work() -> str:
        from orchestrator.access import api_keys, store
        from orchestrator.errors import NotFound

        old = await store.any_api_key(key_id)
        if old is None:
            raise NotFound("API key", key_id)
        until = clock_port.now() + timedelta(hours=overlap_hours, seconds=1)
        row, secret = await api_keys.rotate(old.merchant_id, key_id, until)
        return f"id        {row.id}\nAPI key   {secret}\nThe key is not stored: keep it now."

    _say(_run(work))


@keys.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(help="Its id (key_…), or the key itself where that is what you have.")],
) -> None:
    """End a key, as when it has leaked. Requests and console sessions that use it are refused from now on.

    Example: clearway key revoke key_0193…
    """

    async def work() -> str:
        from orchestrator.access import api_keys, store
        from orchestrator.errors import NotFound

        by_secret = key.startswith(api_keys.KEY_PREFIX)
        row = await (store.api_key_by_hash(api_keys.hash_of(key)) if by_secret else store.any_api_key(key))
        if row is None:
            raise NotFound("API key", "as given" if by_secret else key)
        await api_keys.revoke(row.merchant_id, row.id)
        return f"revoked  {row.id}"

    _say(_run(work))


@users.command("create")
def create_user(
    merchant_id: MerchantId,
    email: str,
    role: Annotated[str, typer.Option(help="admin, finance, operator, developer or viewer.")] = "admin",
    name: str = "",
) -> None:
    """Create a console user, or make one a member of another merchant. Prints the link that sets the password.

    Example, the first user: clearway user create mer_0193… ada@acme.example
    """

    async def work() -> str:
        from orchestrator.access import service
        from orchestrator.access import users as verbs
        from orchestrator.access.scopes import Role
        from orchestrator.errors import InvalidField

        await service.get_merchant(merchant_id)
        if role not in set(Role):
            raise InvalidField("--role", f"must be one of {', '.join(Role)}")
        row, link = await verbs.invite(merchant_id, email, Role(role), name=name)
        if link is None:
            return (
                f"user      {row.id}\nThey have an account already, of another merchant. Be sure that it is theirs: "
                "ask whether they can sign in; if not, run: clearway user reset-password"
            )
        return f"user      {row.id}\nlink      {verbs.link_address(link)}\nIt sets the password, once, within 48 hours."

    _say(_run(work))


@users.command("reset-password")
def reset_password(
    email: str,
    without_totp: Annotated[
        bool, typer.Option("--without-totp", help="Take the second factor away too, as when the phone is lost.")
    ] = False,
) -> None:
    """Print a link that sets a new password. The old one works until the link is used.

    Example: clearway user reset-password ada@acme.example
    """

    async def work() -> str:
        from orchestrator.access import users as verbs

        link = await verbs.make_link_by_email(email, without_totp=without_totp)
        return f"link      {verbs.link_address(link)}\nIt sets the password, once, within 48 hours."

    _say(_run(work))


@users.command("list")
def list_users() -> None:
    """List the console users and what they are at which merchant.

    Example: clearway user list
    """

    async def work() -> str:
        from orchestrator.access import user_store

        return _table(
            ("e-mail", "second factor", "last signed in", "member of"),
            [
                (
                    row.email,
                    "on" if row.totp_confirmed_at else "off",
                    _day(row.last_login_at) or "never",
                    ", ".join(f"{one.role} at {one.merchant_name} ({one.merchant_id})" for one in theirs) or "nothing",
                )
                for row, theirs in await user_store.every_user()
            ],
        )

    _say(_run(work))


@audit_log.command("verify")
def verify_audit_log() -> None:
    """Follow each merchant's chain of audit entries from the first. Exit code 1 where one was changed or is missing.

    Example: clearway audit verify
    """

    async def work() -> tuple[str, bool]:
        from orchestrator.access import audit, store

        lines, whole = [], True
        for merchant in await store.merchants():
            count, flaw = await audit.verify(merchant.id)
            if flaw is None:
                lines.append(f"{merchant.id}  {count} entries hold")
                continue
            whole = False
            lines.append(f"{merchant.id}  entry {flaw.sequence} {flaw.entry_id} {flaw.what}; {count} before it hold")
        return "\n".join(lines) or "There is no merchant yet.", whole

    text, whole = _run(work)
    _say(text)
    raise typer.Exit(0 if whole else 1)


@sealing.command("rotate")
def rotate_sealing_key(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much is under which key.")] = False,
) -> None:
    """Seal everything anew under the first key of CLEARWAY_SECRET_KEY; then say whether the others may go.

    Put the new key in front (NEW,OLD), restart every process, then run this. It may be interrupted and repeated.
    Example: clearway keys rotate --dry-run
    """

    async def work() -> str:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        look = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*look, transient=True) as progress:
            tallies = await _sealed_values(progress, dry_run=dry_run)
            # once more: processes that were not restarted may have sealed with the old key meanwhile
            left = tallies if dry_run else await _sealed_values(progress, dry_run=True)
        return _sealing_report(tallies, left, dry_run=dry_run)

    _say(_run(work))


async def _sealed_values(progress: Any, *, dry_run: bool) -> list[Any]:
    from orchestrator.access import resealing

    tallies = []
    for column in resealing.SEALED_COLUMNS:
        verb = "look at" if dry_run else "seal"
        task = progress.add_task(f"{verb} {column.name}", total=await resealing.count(column))

        def step(seen: int, task: Any = task) -> None:
            progress.advance(task, seen)

        tallies.append(await resealing.reseal(column, dry_run=dry_run, step=step))
    return tallies


def _sealing_report(tallies: list[Any], left: list[Any], *, dry_run: bool) -> str:
    from orchestrator.access import resealing, secrets

    done = "to reseal" if dry_run else "resealed"
    lines = [
        _table(
            ("what", "newest key", done, "unreadable"),
            [(t.column.name, str(t.newest), str(t.older), str(t.unreadable)) for t in tallies],
        )
    ]
    unreadable = sum(tally.unreadable for tally in left)
    if unreadable:
        lines.append(f"{unreadable} values are under a key that is not configured: put it back, or they are lost.")
    elif not resealing.may_drop_old_keys(left):
        again = "without --dry-run" if dry_run else "again when every process has been restarted"
        lines.append(f"Old keys are still needed. Run this {again}.")
    elif secrets.keys_configured() == 1:
        lines.append("There is one key, and everything is under it.")
    else:
        lines.append("Everything is under the newest key: the others may be taken out of CLEARWAY_SECRET_KEY.")
    return "\n".join(lines)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[index]) for row in (head, *rows)) for index in range(len(head))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    )


def _day(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M") if at else ""
