"""The embedded PostgreSQL: keeps its data, keeps to its own directories, and goes when its owner goes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from orchestrator import embedded_postgres


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A directory whose parents the database's user may enter."""
    parent = Path(tempfile.mkdtemp(prefix="clearway-tests-"))
    parent.chmod(0o711)
    yield parent / "state"
    embedded_postgres.remove(parent / "state")
    shutil.rmtree(parent)


@pytest.fixture
def closed_data_dir() -> Iterator[Path]:
    """A directory below one that only its owner may enter, as /root is."""
    parent = Path(tempfile.mkdtemp(prefix="clearway-tests-"))
    parent.chmod(0o700)
    yield parent / "state"
    embedded_postgres.remove(parent / "state")
    shutil.rmtree(parent)


async def ask(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def modes_of_parents(path: Path) -> dict[str, tuple[int, int, int]]:
    found = {}
    for parent in path.parents:
        status = parent.stat()
        found[str(parent)] = (status.st_mode, status.st_uid, status.st_gid)
    return found


async def test_data_survives_a_restart_under_the_same_url(data_dir: Path) -> None:
    first = embedded_postgres.start(data_dir, volatile=True)
    await ask(first.url, "CREATE TABLE kept (n int)")
    await ask(first.url, "INSERT INTO kept VALUES (7)")
    first.stop()
    second = embedded_postgres.start(data_dir, volatile=True)
    try:
        assert second.url == first.url
        assert await ask(second.url, "SELECT n FROM kept") == 7
    finally:
        second.stop()


@pytest.mark.parametrize("place", ["data_dir", "closed_data_dir"])
async def test_no_permission_of_a_parent_directory_changes(place: str, request: pytest.FixtureRequest) -> None:
    data_dir: Path = request.getfixturevalue(place)
    package = Path(embedded_postgres.__file__)
    before = modes_of_parents(data_dir), modes_of_parents(package)
    server = embedded_postgres.start(data_dir, volatile=True)
    try:
        assert await ask(server.url, "SELECT 1") == 1
        assert (modes_of_parents(data_dir), modes_of_parents(package)) == before
    finally:
        server.stop()


def test_permissions_of_an_existing_data_directory_stay(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o750)
    before = data_dir.stat().st_mode
    embedded_postgres.start(data_dir, volatile=True).stop()
    assert data_dir.stat().st_mode == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user and another place")
def test_root_gets_a_place_outside_when_the_parents_are_closed(closed_data_dir: Path) -> None:
    server = embedded_postgres.start(closed_data_dir, volatile=True)
    server.stop()
    assert (closed_data_dir / "postgresql").is_symlink()
    assert server.home.name.startswith("clearway-")
    assert server.home.stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="without root there is nothing to drop")
def test_the_server_of_root_runs_unprivileged(data_dir: Path) -> None:
    server = embedded_postgres.start(data_dir, volatile=True)
    try:
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    finally:
        server.stop()


async def test_a_path_too_long_for_a_socket_gets_a_short_one(data_dir: Path) -> None:
    server = embedded_postgres.start(data_dir / ("x" * 90), volatile=True)
    try:
        assert await ask(server.url, "SELECT 1") == 1
    finally:
        server.stop()
        embedded_postgres.remove(data_dir / ("x" * 90))


def test_a_second_supervisor_of_the_same_data_is_refused(data_dir: Path) -> None:
    server = embedded_postgres.start(data_dir, volatile=True)
    try:
        with pytest.raises(embedded_postgres.AlreadyRunning, match="another Clearway"):
            embedded_postgres.start(data_dir, volatile=True)
    finally:
        server.stop()


async def test_a_stale_pid_file_naming_a_living_stranger_does_not_stop_the_start(data_dir: Path) -> None:
    server = embedded_postgres.start(data_dir, volatile=True)
    server.stop()
    pid_file = server.home / "cluster" / "postmaster.pid"
    stranger = subprocess.Popen(["sleep", "60"])
    pid_file.write_text(f"{stranger.pid}\n{server.home / 'cluster'}\n1\n5432\n\n\n0 0\nready\n")
    try:
        again = embedded_postgres.start(data_dir, volatile=True)
        assert await ask(again.url, "SELECT 1") == 1
        again.stop()
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_cluster_left_half_made_by_a_kill_is_made_anew(data_dir: Path) -> None:
    embedded_postgres.start(data_dir, volatile=True).stop()
    home = (data_dir / "postgresql").resolve()
    (home / "cluster").rename(home / "cluster.partial")
    (home / "cluster.partial" / "PG_VERSION").unlink()
    server = embedded_postgres.start(data_dir, volatile=True)
    try:
        assert await ask(server.url, "SELECT 1") == 1
    finally:
        server.stop()


def test_a_lost_data_directory_is_said_and_not_replaced(closed_data_dir: Path) -> None:
    closed_data_dir.mkdir()
    (closed_data_dir / "postgresql").symlink_to("/nowhere/at/all")
    with pytest.raises(embedded_postgres.EmbeddedPostgresError, match="is gone"):
        embedded_postgres.start(closed_data_dir)


async def test_the_password_is_asked_for(data_dir: Path) -> None:
    server = embedded_postgres.start(data_dir, volatile=True)
    try:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(server.url.replace(str(urlsplit(server.url).password), "wrong"), "SELECT 1")
    finally:
        server.stop()
