"""One port per simulator, on uvicorn's HTTP/1.1 protocol, that can be closed and opened again: a true outage."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from simulators.asgi import DROP_KEY, FALL_KEY, TUNNEL_KEY, ASGIApp
from simulators.tunnel import HEAD_LIMIT, OpenTunnel, TunnelRefused, begin_tunnel, is_connect, parse_connect


class _DroppableProtocol(H11Protocol):
    """Hands the application a way to abort its connection, and to close the port: ASGI itself has none.

    h11 and not httptools, because only h11 leaves an absolute-form target (a proxy request) in `raw_path`.
    """

    def __init__(self, listener: Listener, tunnelled_to: str, *args: Any) -> None:
        super().__init__(*args)
        inner = self.app
        self._listener = listener
        self._first: bytes | None = b"" if listener.open_tunnel and not tunnelled_to else None

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope[DROP_KEY] = lambda: self.transport.abort()
            scope[FALL_KEY] = listener.on_fall
            if tunnelled_to:
                scope[TUNNEL_KEY] = tunnelled_to
            await inner(scope, receive, send)

        self.app = app

    def data_received(self, data: bytes) -> None:
        """The first request on a connection may ask for a tunnel."""
        if self._first is None:
            super().data_received(data)
            return
        self._first += data
        if not is_connect(self._first) or len(self._first) > HEAD_LIMIT:
            data, self._first = self._first, None
            super().data_received(data)
        elif b"\r\n\r\n" in self._first:
            self._listener.begin_tunnel(self.transport, self._first)
            self.connections.discard(self)


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
        self._tunnels: set[asyncio.Task[None]] = set()
        self.on_fall: Callable[[float], None] = lambda seconds: None
        self.open_tunnel: OpenTunnel | None = getattr(app, "open_tunnel", None)

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

    def close(self) -> None:
        """Refuses new connections and resets those that are open; work that has begun goes on, unanswered."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for connection in list(self._state.connections):
            connection.transport.abort()

    async def stop(self) -> None:
        self.close()
        await self._lifespan.shutdown()
        self._placeholder.close()

    def begin_tunnel(self, transport: asyncio.Transport, head: bytes) -> None:
        """Requests that come through it have the authority asked for under TUNNEL_KEY in their scope."""
        try:
            request = parse_connect(head)
            assert self.open_tunnel is not None
            context = self.open_tunnel(request)
        except TunnelRefused as refused:
            transport.write(refused.answer)
            transport.close()
            return
        begun = begin_tunnel(transport, context, lambda: self._protocol(request.authority))
        task = asyncio.get_running_loop().create_task(begun)
        self._tunnels.add(task)
        task.add_done_callback(self._tunnels.discard)

    def _protocol(self, tunnelled_to: str = "") -> asyncio.Protocol:
        return _DroppableProtocol(self, tunnelled_to, self._config, self._state, self._lifespan.state)


def _bound(host: str, port: int) -> socket.socket:
    # The protocol is named because asyncio turns Nagle's algorithm off only then; with it on, each answer waits 40 ms
    # for the client's delayed acknowledgement between its head and its body.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.setblocking(False)
    return sock
