"""Keeps a world in a file: read at the start, written soon after each change and at the end, whole or not at all."""

from __future__ import annotations

import asyncio
import os
import pickle
from pathlib import Path

from simulators.asgi import ASGIApp, Receive, Scope, Send
from simulators.world import World

_FORMAT = 1
_PAUSE_S = 0.5  # after a change: what else changes in it is written with it
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class SnapshotUnreadable(Exception):
    """The file is not a world of this version."""


def load_world(path: Path) -> World:
    """The world in the file, a new one where there is no file. Raises SnapshotUnreadable."""
    if not path.exists():
        return World()
    try:
        format, world = pickle.loads(path.read_bytes())  # noqa: S301  our own file, named by who starts us
    except Exception as trouble:
        raise SnapshotUnreadable(
            f"{path} cannot be read as a state file: {trouble}. Delete it to start anew."
        ) from None
    if format != _FORMAT or not isinstance(world, World):
        raise SnapshotUnreadable(f"{path} is of another version. Delete it to start anew.")
    return world


def save_world(world: World, path: Path) -> None:
    _write(_encoded(world), path)


def _encoded(world: World) -> bytes:
    return pickle.dumps((_FORMAT, world), protocol=pickle.HIGHEST_PROTOCOL)


def _write(content: bytes, path: Path) -> None:
    """Atomically: a reader, and a crash, finds the old file or the new one. Others may not read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class Keeper:
    """Writes the world at most a second after `changed`."""

    def __init__(self, world: World, path: Path) -> None:
        self._world = world
        self._path = path
        self._change = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def changed(self) -> None:
        self._change.set()

    def watch(self, app: ASGIApp) -> ASGIApp:
        """The app, with a note taken of each request that may change something."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            finally:
                if scope.get("method") not in _SAFE_METHODS:
                    self.changed()

        if hasattr(app, "open_tunnel"):
            watched.open_tunnel = app.open_tunnel  # type: ignore[attr-defined]
        return watched

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """The last word: written when nothing changes any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        save_world(self._world, self._path)

    async def _run(self) -> None:
        while True:
            await self._change.wait()
            await asyncio.sleep(_PAUSE_S)
            self._change.clear()
            # Encoded in the loop, where nobody else touches the world, written beside it.
            await asyncio.to_thread(_write, _encoded(self._world), self._path)
