"""The command line. Imports stay inside the commands, so that `--help` is quick."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from orchestrator import access_cli

HELP = """Clearway: payments routed over several gateways, invoices, and reconciliation to the cent.

[bold]See it work[/bold], with simulated gateways and nothing to install:

    clearway demo

[bold]Try it with your own test credentials[/bold], on a database it brings along:

    clearway up

[bold]Run it for real[/bold]: set DATABASE_URL, CLEARWAY_SECRET_KEY and CLEARWAY_PUBLIC_URL, then

    clearway migrate && clearway doctor
    clearway api        (any number of each)
    clearway worker
    clearway clock
"""

T = TypeVar("T")

app = typer.Typer(help=HELP, rich_markup_mode="rich", no_args_is_help=True, add_completion=False)

StateDir = Annotated[
    Path | None, typer.Option("--state-dir", help="Where the embedded database, logs and secret key are kept.")
]
Port = Annotated[
    int, typer.Option(envvar="CLEARWAY_LISTEN_PORT", help="The port of the API and the pages, on 127.0.0.1.")
]


def main() -> None:
    """The entry point `clearway`."""
    app()


access_cli.register(app, run=lambda work: _with_database(work), say=lambda text: _say(text))


@app.command()
def up(state_dir: StateDir = None, port: Port = 8000) -> None:
    """Run API, worker and clock in one foreground process tree. Ctrl-C stops all.

    Without DATABASE_URL it brings its own PostgreSQL: good for an evaluation, not for a company's ledger.

    Example: clearway up --port 9000
    """
    from orchestrator.settings import default_state_dir
    from orchestrator.supervisor import API, CLOCK, POSTGRES, WORKER, Supervisor, port_is_free

    if not port_is_free(port):
        _fail(f"Port {port} is taken. Choose another: clearway up --port {port + 1}")
    where = state_dir or default_state_dir()
    with _readable_errors(), Supervisor(where, port=port) as supervisor:
        if supervisor.embedded:
            _say("[yellow]Evaluation:[/yellow] embedded PostgreSQL. For real money set DATABASE_URL.")
            supervisor.start(POSTGRES)
        supervisor.migrate()
        supervisor.start(API, WORKER, CLOCK)
        supervisor.wait_ready()
        _say(f"Ready: [bold]{supervisor.api_url}[/bold]   logs: {where / 'logs'}   Ctrl-C stops.")
        supervisor.run_until_signalled()
        _say("Stopped.")


@app.command()
def demo(
    exit: Annotated[bool, typer.Option("--exit", help="Leave when the story is told, instead of staying up.")] = False,
    out: Annotated[Path | None, typer.Option(help="Where the story puts its documents and exports.")] = None,
    port: Port = 8000,
) -> None:
    """Play a day of payments against simulated gateways: failover, lost answers, invoices, a settlement break.

    Example: clearway demo --exit --out /tmp/clearway-demo
    """
    from orchestrator.supervisor import port_is_free

    if not port_is_free(port):
        _fail(f"Port {port} is taken. Choose another: clearway demo --port {port + 1}")
    os.environ["CLEARWAY_LISTEN_PORT"] = str(port)
    with _readable_errors():
        folder = out or Path(tempfile.mkdtemp(prefix="clearway-demo-"))
        code = importlib.import_module("orchestrator.demo.story").run(exit=exit, out=folder)
    raise typer.Exit(code or 0)


@app.command()
def api() -> None:
    """Serve the HTTP API and the pages (uvicorn) at CLEARWAY_LISTEN_HOST:CLEARWAY_LISTEN_PORT."""
    import uvicorn

    from orchestrator.http.wire import BoundedHttp

    settings = _begin("api")
    uvicorn.run(
        "orchestrator.app:served",
        factory=True,
        host=settings.listen_host,
        port=settings.listen_port,
        log_config=None,
        server_header=False,
        http=BoundedHttp,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=8,
    )


@app.command()
def worker(
    processes: Annotated[int, typer.Option("-p", "--processes", help="Processes.", min=1)] = 1,
    threads: Annotated[int | None, typer.Option("-t", "--threads", help="Threads a process.", min=1)] = None,
) -> None:
    """Do the background work that the broker announces (dramatiq).

    Jobs at once = processes x threads. Example: clearway worker -p 2 -t 16
    """
    settings = _begin("worker")
    count = threads or settings.limits.worker_threads
    # --skip-logging: orchestrator.worker sets up our own format, in the processes that Dramatiq forks.
    words = ["-p", str(processes), "-t", str(count), "--skip-logging", "--worker-shutdown-timeout", "4000"]
    os.execv(sys.executable, [sys.executable, "-m", "dramatiq", "orchestrator.worker", *words])  # noqa: S606


@app.command()
def clock() -> None:
    """Relay the outbox and start what is due. Any number may run; one at a time works."""
    _begin("clock")
    importlib.import_module("orchestrator.clock").run()


@app.command()
def migrate(
    check: Annotated[bool, typer.Option("--check", help="Only list what is pending; exit code 1 if anything.")] = False,
) -> None:
    """Bring the database to this version. Safe to repeat, to interrupt, and to run twice at once.

    Example, before an upgrade: clearway migrate --check
    """
    from orchestrator import migrations

    with _readable_errors():
        _begin("migrate")
        try:
            steps = asyncio.run(migrations.pending() if check else migrations.migrate())
        except OSError as error:
            _fail(f"The database cannot be reached: {error}. `clearway doctor` looks at every part.")
    for step in steps:
        _say(f"{'pending' if check else 'done'}: {step}")
    if not steps:
        _say("The database is up to date.")
    raise typer.Exit(1 if check and steps else 0)


@app.command()
def doctor(
    live_sandbox: Annotated[
        bool,
        typer.Option("--live-sandbox", help="Ask the gateways' real sandboxes instead, with your own test keys."),
    ] = False,
    gateway: Annotated[
        list[str] | None, typer.Option(help="With --live-sandbox: only this one; may be repeated.")
    ] = None,
    verb: Annotated[
        list[str] | None, typer.Option(help="With --live-sandbox: only this verb, as `authorise`; may be repeated.")
    ] = None,
) -> None:
    """Check every part and say how to mend what is missing. Exit code 1 when something required fails.

    With --live-sandbox it runs the contract suite against the sandboxes of Stripe, Adyen and PayPal, with test keys
    from CLEARWAY_SANDBOX_… (docs/sandbox.md). Example: clearway doctor --live-sandbox --gateway stripe
    """
    if live_sandbox:
        from orchestrator import live_sandbox as sandbox

        raise typer.Exit(0 if sandbox.run(gateway or [], verb or []) else 1)
    if gateway or verb:
        _fail("--gateway and --verb go with --live-sandbox.")
    from orchestrator import doctor as examination
    from orchestrator.settings import default_state_dir
    from orchestrator.supervisor import adopt_environment

    adopt_environment(default_state_dir())
    raise typer.Exit(0 if examination.run() else 1)


@app.command()
def thaw(
    compared_by: Annotated[str, typer.Option(help="Who has compared the gateways' books with ours.")] = "",
) -> None:
    """After a database was restored or copied: show what to compare with the gateways, then let money move again.

    Example: clearway thaw, and when every payment since the newest call is accounted for:
    clearway thaw --compared-by "Ada Lovelace"
    """
    from orchestrator import thaw as thawing

    found = _with_database(thawing.compare)
    for line in thawing.told(found):
        _say(line)
    if compared_by and (found.because or found.row is None):
        row = _with_database(lambda: thawing.thaw(compared_by))
        _say(f"Thawed by {compared_by}. This installation is {row.id}.")
    elif found.because:
        _say("Money stands still. When all is accounted for: clearway thaw --compared-by NAME")
        raise typer.Exit(1)


@app.command()
def scripts(
    authorise: Annotated[str, typer.Option(help="Let this script in as it is now, as `checkout.js`.")] = "",
    because: Annotated[str, typer.Option(help="Why, for the list.")] = "",
) -> None:
    """List the scripts of payment pages: purpose, authorisation, hash (PCI DSS 6.4.3).

    Example: clearway scripts --authorise checkout.js --because "reviewed in change 4711"
    """
    from orchestrator import clock_port
    from orchestrator.web import inventory

    if authorise and not because.strip():
        _fail("--authorise needs --because: the list says why each script is there.")
    if authorise:
        try:
            inventory.authorise(authorise, because.strip(), clock_port.now().date())
        except LookupError as error:
            _fail(str(error))
    for script in inventory.scripts():
        _say(f"{script.file}  on {', '.join(script.pages)}\n  {script.purpose}\n  authorised {script.authorised_on}: ")
        _say(f"  {script.authorised_because}\n  {script.integrity}")


merchants = typer.Typer(help="Merchants: the legal entities that sell.", no_args_is_help=True)
app.add_typer(merchants, name="merchant")


@merchants.command("create")
def create_merchant(
    name: str,
    country: Annotated[str, typer.Option(help="ISO 3166-1 alpha-2, for example DE.")],
    vat_id: Annotated[str, typer.Option(help="With its prefix, for example DE136695976.")] = "",
    email: Annotated[str, typer.Option(help="Printed on invoices.")] = "",
    city: str = "",
    postal_code: str = "",
    street: str = "",
) -> None:
    """Create a merchant and its first API key, which is shown this once.

    Example: clearway merchant create "Example GmbH" --country DE --city Hamburg
    """
    profile: dict[str, object] = {"name": name, "country": country, "vat_id": vat_id, "email": email, "city": city}
    profile |= {"postal_code": postal_code, "address_lines": [street] if street else []}

    async def work() -> tuple[str, str]:
        from orchestrator.access import service

        merchant = await service.create_merchant(name, profile)
        return merchant.id, await service.create_api_key(merchant.id, "first key")

    merchant_id, key = _with_database(work)
    _say(f"merchant  {merchant_id}\nAPI key   {key}\nThe key is not stored: keep it now.")


ledger = typer.Typer(help="The ledger: prove it, rebuild its balances.", no_args_is_help=True)
app.add_typer(ledger, name="ledger")


@ledger.command("verify")
def verify_ledger() -> None:
    """Hold the ledger against payments, disputes, reports, invoices and recipients. Exit code 1 on any finding.

    It reads one snapshot and may run while payments are made. The result is kept for GET /v1/ledger/verification.
    """

    async def work() -> bool:
        from orchestrator.gateways.registry import KINDS
        from orchestrator.ledger import commands

        return await commands.verify([name for name, kind in KINDS.items() if kind.splits_after_capture])

    raise typer.Exit(0 if _with_database(work) else 1)


@ledger.command("rebuild")
def rebuild_ledger() -> None:
    """Make the projected balances anew from the transfers. Payments go on meanwhile."""

    async def work() -> int:
        from orchestrator.ledger import commands

        return await commands.rebuild()

    _with_database(work)


def _with_database(work: Callable[[], Awaitable[T]]) -> T:
    """Run something short that needs the database."""
    from orchestrator import db
    from orchestrator.access import actor

    async def run() -> T:
        actor.act_as(actor.SHELL)
        await db.start_pool(max_size=1)
        try:
            return await work()
        finally:
            await db.close_pool()

    with _readable_errors():
        _begin("command")
        return asyncio.run(run())


def _begin(process: str):  # type: ignore[no-untyped-def]  # Settings, whose import would slow --help
    """Settings and logs of one process. Ends with a readable list when the configuration has problems."""
    from orchestrator import log
    from orchestrator.settings import SettingsError, default_state_dir, get_settings
    from orchestrator.supervisor import adopt_environment

    adopt_environment(default_state_dir())
    os.environ.setdefault("PICCOLO_CONF", "piccolo_conf")
    try:
        settings = get_settings()
    except SettingsError as error:
        _fail(str(error))
    log.configure(settings.log_level, json=settings.log_json, process=process)
    return settings


class _readable_errors:
    """Errors that are made to be read end the command without a traceback."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from orchestrator.embedded_postgres import EmbeddedPostgresError
        from orchestrator.errors import ClearwayError
        from orchestrator.migrations import MigrationFailed
        from orchestrator.settings import SettingsError
        from orchestrator.supervisor import SupervisorError

        expected = EmbeddedPostgresError | MigrationFailed | SettingsError | SupervisorError | ClearwayError
        if isinstance(error, expected):
            _fail(str(error))


def _say(text: str) -> None:
    from rich.console import Console

    Console(highlight=False, soft_wrap=True).print(text)


def _fail(text: str) -> NoReturn:
    from rich.console import Console

    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(text)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
