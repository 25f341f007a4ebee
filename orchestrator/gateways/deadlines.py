"""One deadline for a whole reply, head and body: a socket's time-out is only for each piece, and pieces can be a byte.

Whatever reads (status line, headers, chunk sizes, packed bodies) reads through here, so none of it can hold a thread.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

WHOLE_REPLY_TIMEOUTS = 3  # read time-outs that a whole reply may take


class _TimedReader(io.RawIOBase):
    """A socket's bytes until the deadline; then TimeoutError, as for a piece that does not come."""

    def __init__(self, raw: io.RawIOBase, connected: socket.socket) -> None:
        self._raw, self._socket = raw, connected
        pause_s = connected.gettimeout()
        self._deadline = None if pause_s is None else time.monotonic() + WHOLE_REPLY_TIMEOUTS * pause_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._deadline is None:
            return self._raw.readinto(buffer)
        left_s, pause_s = self._deadline - time.monotonic(), self._socket.gettimeout()
        if left_s <= 0:
            raise TimeoutError("the reply did not end in time")
        self._socket.settimeout(left_s if pause_s is None else min(left_s, pause_s))
        try:
            return self._raw.readinto(buffer)
        finally:
            self._socket.settimeout(pause_s)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *given: Any, **named: Any) -> None:
        super().__init__(sock, *given, **named)
        self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock))


class _Connection(HTTPConnection):
    response_class = _Response


class _SecureConnection(HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def set_deadlines(manager: PoolManager) -> None:
    """Have every reply over this manager's connections end in time."""
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
