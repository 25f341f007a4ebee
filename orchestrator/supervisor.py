"""One foreground process tree: the database, the API, the worker, the clock, and in the demo the simulators.

Every child dies with the supervisor, even when that is killed. A child that crashes is started again, each time a
little later. All starting is done by one thread that lives as long as the supervisor, since the kernel ties "die with
my parent" to the thread that forked.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from orchestrator import child_process, embedded_postgres
from orchestrator.embedded_postgres import Server

POSTGRES, SIMULATORS, API, WORKER, CLOCK = "postgres", "simulators", "api", "worker", "clock"
STOP_ORDER = ((API, WORKER, CLOCK), (SIMULATORS,), (POSTGRES,))
BACKOFF_S = (0.2, 0.5, 1, 2, 5, 10, 30)
STEADY_S = 10  # a child that ran this long had started well: its next crash counts as the first
CRASHES_MAX = 4  # of a child that never became ready: then waiting for it is given up
LOOK_EVERY_S = 0.1
READY_TIMEOUT_S = 60
MIGRATE_TIMEOUT_S = 300
STOP_PATIENCE_S = 12
LOG_MAX_BYTES = 20_000_000
SIMULATOR_PORTS = ("control", "stripe", "adyen", "paypal", "vault", "smtp", "mail", "vies")

T = TypeVar("T")


class SupervisorError(RuntimeError):
    """Something did not start; the text names the log and shows its end."""


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    started_at: float
    crashes: int = 0
    retry_at: float | None = None


class Supervisor:
    """Starts, watches and stops the programs of one installation.

    `state_dir` holds the database, `logs/<name>.log`, the secret key and the environment file. `environment` is what
    children get beside our own; it may be changed (`supervisor.environment["CLEARWAY_…"] = …`) until they are started.
    Without DATABASE_URL in it (or in ours) the embedded database is used.
    """

    def __init__(self, state_dir: Path, *, port: int = 8000, environment: Mapping[str, str] | None = None) -> None:
        self.state_dir = state_dir.absolute()
        self.port = port
        self.environment = {**os.environ, **(environment or {})}
        self.embedded = not self.environment.get("DATABASE_URL")
        self.simulator_urls: dict[str, str] = {}
        self._simulator_ports: dict[str, int] = {}
        self._server: Server | None = None
        self._children: dict[str, _Child] = {}
        self._stopping = threading.Event()
        self._hands = ThreadPoolExecutor(1, thread_name_prefix="supervisor")
        _make_private_dirs(self.state_dir)
        self._fill_environment()
        self._watcher = threading.Thread(target=self._watch, daemon=True, name="supervisor-watch")
        self._watcher.start()

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_url(self) -> str:
        """Raises KeyError before the embedded database has been started."""
        return self.environment["DATABASE_URL"]

    def start(self, *names: str) -> None:
        """Start programs in the order given, waiting for the database and the simulators to answer.

        Raises SupervisorError or EmbeddedPostgresError.
        """
        for name in names:
            self._by_hand(lambda name=name: self._start(name))  # type: ignore[misc]
        if self.embedded:
            self._write_environment_file()

    def migrate(self) -> None:
        """Run the pending migrations in a process of its own. Raises SupervisorError with what it said."""
        done = subprocess.run(
            _clearway("migrate"), env=self.environment, capture_output=True, text=True, timeout=MIGRATE_TIMEOUT_S
        )
        if done.returncode != 0:
            raise SupervisorError(f"the database could not be migrated:\n{(done.stderr or done.stdout)[-3000:]}")

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until the API's /readyz answers 200. Raises SupervisorError when a program crashes over and over."""
        deadline = time.monotonic() + timeout_s
        said = "nothing yet"
        while time.monotonic() < deadline:
            status, said = _get(f"{self.api_url}/readyz")
            if status == 200:
                return
            for name, child in list(self._children.items()):
                if child.crashes >= CRASHES_MAX:
                    raise SupervisorError(f"{name} does not start. {self._end_of_log(name)}")
            time.sleep(LOOK_EVERY_S)
        raise SupervisorError(f"not ready after {timeout_s:.0f} s; {self.api_url}/readyz says: {said}")

    def pid(self, name: str) -> int:
        """The process id of a running program. Raises KeyError when it was not started."""
        return self._children[name].process.pid

    def is_alive(self, name: str) -> bool:
        child = self._children.get(name)
        return child is not None and child.process.poll() is None

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to one program, as an accident would. The watcher starts it again."""
        self._children[name].process.send_signal(number)

    def restart(self, name: str) -> None:
        """Stop one program in good order and start it again."""
        self.stop_one(name)
        self.start(name)

    def stop_one(self, name: str) -> None:
        """Stop one program; it stays down until it is started."""
        self._by_hand(lambda: self._stop((name,)))

    def stop(self) -> None:
        """Stop everything: first what takes work, then the simulators, then the database. May be called twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._watcher.join()
        for names in STOP_ORDER:
            self._by_hand(lambda names=names: self._stop(names))  # type: ignore[misc]
        self._hands.shutdown()

    def run_until_signalled(self) -> None:
        """Block until Ctrl-C or SIGTERM, then stop everything. To be called from the main thread."""
        asked = threading.Event()
        previous = {number: signal.signal(number, lambda *_: asked.set()) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            while not asked.wait(1):
                pass
        finally:
            self.stop()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- in the one thread that starts children ---------------------------------------------------------------------

    def _by_hand(self, work: Callable[[], T]) -> T:
        return self._hands.submit(work).result()

    def _start(self, name: str) -> None:
        if self.is_alive(name):
            return
        crashes = self._children[name].crashes if name in self._children else 0
        match name:
            case "postgres":
                process = self._start_postgres()
            case "simulators":
                process = self._start_simulators()
            case "api" | "worker" | "clock":
                process = self._spawn(name, _clearway(name))
            case _:
                raise KeyError(f"no program {name!r}")
        self._children[name] = _Child(process, time.monotonic(), crashes)

    def _start_postgres(self) -> subprocess.Popen[bytes]:
        if self._server is not None:
            self._server.stop()
        self._server = embedded_postgres.start(self.state_dir)
        self.environment["DATABASE_URL"] = self._server.url
        self._write_environment_file()
        return self._server.process

    def _start_simulators(self) -> subprocess.Popen[bytes]:
        """On the same ports each time, so that the URLs in other programs stay right over a restart."""
        if not self._simulator_ports:
            self._simulator_ports = dict(zip(SIMULATOR_PORTS, _free_ports(len(SIMULATOR_PORTS)), strict=True))
        reports = self.state_dir / "reports"
        reports.mkdir(exist_ok=True)
        ports = [word for name, port in self._simulator_ports.items() for word in (f"--{name}-port", str(port))]
        command = [sys.executable, "-m", "simulators", "--host", "127.0.0.1", *ports]
        log = self._log("simulators")
        begin = log.stat().st_size if log.exists() else 0
        process = self._spawn("simulators", [*command, "--reports-dir", str(reports), "--die-with-parent"])
        self.simulator_urls = self._await_urls(process, log, begin)
        return process

    def _await_urls(self, process: subprocess.Popen[bytes], log: Path, begin: int) -> dict[str, str]:
        """The simulators say where they are in one JSON line on stdout."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline and process.poll() is None:
            with log.open("rb") as file:
                file.seek(begin)
                for line in file.read().decode(errors="replace").splitlines(keepends=True):
                    if line.startswith('{"') and line.endswith("\n") and "control" in (urls := json.loads(line)):
                        return {str(name): str(url) for name, url in urls.items()}
            time.sleep(LOOK_EVERY_S)
        child_process.stop(process, signal.SIGTERM, patience_s=STOP_PATIENCE_S)
        raise SupervisorError(f"the simulators did not start. {self._end_of_log('simulators')}")

    def _spawn(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        path = self._log(name)
        if path.exists() and path.stat().st_size > LOG_MAX_BYTES:
            path.rename(path.with_suffix(".log.1"))
        with path.open("ab") as log:
            return child_process.spawn(command, log=log, env=self.environment)

    def _stop(self, names: Sequence[str]) -> None:
        stopped = {name: child for name in names if (child := self._children.pop(name, None))}
        for name, child in stopped.items():
            if name != POSTGRES and child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + STOP_PATIENCE_S
        for name, child in stopped.items():
            if name == POSTGRES and self._server is not None:
                self._server.stop()
                self._server = None
                continue
            child_process.stop(child.process, patience_s=max(deadline - time.monotonic(), 0.1))

    def _revive(self) -> None:
        for name, child in list(self._children.items()):
            if child.process.poll() is None:
                continue
            now = time.monotonic()
            if child.retry_at is None:
                child.crashes = 1 if now - child.started_at > STEADY_S else child.crashes + 1
                child.retry_at = now + BACKOFF_S[min(child.crashes, len(BACKOFF_S)) - 1]
            elif now >= child.retry_at:
                try:
                    self._start(name)
                except (SupervisorError, embedded_postgres.EmbeddedPostgresError, OSError):
                    child.crashes += 1
                    child.retry_at = time.monotonic() + BACKOFF_S[min(child.crashes, len(BACKOFF_S)) - 1]

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            self._by_hand(self._revive)

    # --- files ------------------------------------------------------------------------------------------------------

    def _fill_environment(self) -> None:
        self.environment.setdefault("PICCOLO_CONF", "piccolo_conf")
        self.environment.setdefault("PYTHONUNBUFFERED", "1")
        self.environment["CLEARWAY_STATE_DIR"] = str(self.state_dir)
        self.environment["CLEARWAY_LISTEN_PORT"] = str(self.port)
        self.environment.setdefault("CLEARWAY_PUBLIC_URL", self.api_url)
        if self.embedded:
            self.environment.setdefault("CLEARWAY_MODE", "evaluation")
            self.environment.setdefault("CLEARWAY_SECRET_KEY", secret_key(self.state_dir))

    def _write_environment_file(self) -> None:
        """For `clearway doctor` and `clearway ledger verify` in another terminal: with all that programs are told."""
        kept = {name: text for name, text in self.environment.items() if name.startswith("CLEARWAY_")}
        kept |= {n: self.environment[n] for n in ("DATABASE_URL", "BROKER_URL", "SMTP_URL") if n in self.environment}
        path = environment_file(self.state_dir)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(kept, file, indent=1)

    def _log(self, name: str) -> Path:
        return self.state_dir / "logs" / f"{name}.log"

    def _end_of_log(self, name: str) -> str:
        path = self._log(name)
        lines = path.read_text(errors="replace").splitlines()[-15:] if path.exists() else []
        return f"The end of {path}:\n" + "\n".join(lines)


def environment_file(state_dir: Path) -> Path:
    """Where `clearway up` leaves the environment of the embedded installation, readable by its owner only."""
    return state_dir / "environment.json"


def adopt_environment(state_dir: Path) -> bool:
    """Take over the environment of a running `clearway up` where ours names no database. True when it was taken."""
    path = environment_file(state_dir)
    if os.environ.get("DATABASE_URL") or not path.exists():
        return False
    values: dict[str, Any] = json.loads(path.read_text())
    for name, text in values.items():
        os.environ.setdefault(name, str(text))
    return True


def secret_key(state_dir: Path) -> str:
    """The key of an evaluation, made the first time, in a file that only its owner can read."""
    path = state_dir / "secret_key"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if text := path.read_text().strip():
            return text
        path.unlink()  # killed between creating and writing: nothing was sealed with it yet
        return secret_key(state_dir)
    with os.fdopen(fd, "w") as file:
        file.write(secrets.token_hex(32))
    return path.read_text()


def port_is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1 at this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _make_private_dirs(state_dir: Path) -> None:
    if not state_dir.exists():
        state_dir.mkdir(parents=True)
        state_dir.chmod(0o711)  # the database's own user passes through it; what is private in it is 0600
    (state_dir / "logs").mkdir(mode=0o700, exist_ok=True)


def _clearway(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "orchestrator.cli", *arguments]


def _get(url: str) -> tuple[int, str]:
    """Without the proxies of the environment: it is our own loopback."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as reply:
            return int(reply.status), reply.read(2000).decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(2000).decode(errors="replace")
    except OSError as error:
        return 0, str(error)
