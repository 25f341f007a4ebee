"""One port per simulator, on uvicorn's HTTP/1.1 protocol, that can be closed and opened again: a true outage."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from simulators.asgi import DROP_KEY, ASGIApp


class _DroppableProtocol(H11Protocol):
    """Hands the application a way to abort its connection: ASGI itself has none.

    h11 and not httptools, because only h11 leaves an absolute-form target (a proxy request) in `raw_path`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        inner = self.app

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope[DROP_KEY] = lambda: self.transport.abort()
            await inner(scope, receive, send)

        self.app = app


class Listener:
    """A port of 127.0.0.1 and the app behind it. Port 0 picks a free one, kept across `close` and `open`."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        # Bound and never listening: nobody else is given the port while ours is closed, and a connect is refused.
        self._placeholder = _bound(host, port)
        self.host = host
        self.port: int = self._placeholder.getsockname()[1]
        self._config = uvicorn.Config(
            app,
            http=_DroppableProtocol,
            ws="none",
            access_log=False,
            log_config=None,
            timeout_keep_alive=75,
        )
        self._config.load()
        self._state = ServerState()
        self._lifespan = self._config.lifespan_class(self._config)
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def is_open(self) -> bool:
        return self._server is not None

    async def start(self) -> None:
        await self._lifespan.startup()
        await self.open()

    async def open(self) -> None:
        if self._server is None:
            sock = _bound(self.host, self.port)
            self._server = await asyncio.get_running_loop().create_server(self._protocol, sock=sock, backlog=512)

    async def close(self) -> None:
        """Refuses new connections and resets those that are open; work that has begun goes on, unanswered."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for connection in list(self._state.connections):
            connection.transport.abort()

    async def stop(self) -> None:
        await self.close()
        await self._lifespan.shutdown()
        self._placeholder.close()

    def _protocol(self) -> asyncio.Protocol:
        return _DroppableProtocol(self._config, self._state, self._lifespan.state)


def _bound(host: str, port: int) -> socket.socket:
    # The protocol is named because asyncio turns Nagle's algorithm off only then; with it on, each answer waits 40 ms
    # for the client's delayed acknowledgement between its head and its body.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.setblocking(False)
    return sock
