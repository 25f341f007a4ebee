"""HTTP/1.1 on the wire: uvicorn's protocol with an end to everything that a client may send slowly or without end.

httptools takes a head of any size and waits for ever: one connection could fill the memory, a few thousand the room for
others. Bodies are bounded by their routes.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 64 * 1024  # of a request's line and headers, or of what trails its body
HEAD_WITHIN_S = 30.0  # from the connection, or the first byte of a further request
BODY_BYTES_PER_S_MIN = 100  # once HEAD_WITHIN_S are over: a phone on a bad line sends more
_CHECK_EVERY_S = 10.0
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedHttp(HttpToolsProtocol):
    """Hangs up on whoever sends a head without end, or is too slow to be anybody who wants an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._unread_bytes = 0  # since the last sign of progress: a whole head, or a piece of a body
        self._came_forward = False
        self._check: asyncio.TimerHandle | None = None
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._check is None:
            self._begin()
        self._came_forward = False
        super().data_received(data)
        self._unread_bytes = 0 if self._came_forward else self._unread_bytes + len(data)
        if self._unread_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.logger.warning("A request's head of more than %d bytes was refused.", HEAD_BYTES_MAX)
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._came_forward = self._has_head = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._came_forward = True
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._came_forward = True
        self._end()
        super().on_message_complete()

    def _begin(self) -> None:
        """A request is to come, whole and in time."""
        self._has_head, self._body_bytes, self._began_s = False, 0, self.loop.time()
        self._check = self.loop.call_later(HEAD_WITHIN_S, self._look)

    def _end(self) -> None:
        if self._check is not None:
            self._check.cancel()
            self._check = None

    def _look(self) -> None:
        """The body may take its time, as long as something comes; where it is us who do not read on, it may rest."""
        expected = (self.loop.time() - self._began_s) * BODY_BYTES_PER_S_MIN
        if self._has_head and (self.flow.read_paused or self._body_bytes >= expected):
            self._check = self.loop.call_later(_CHECK_EVERY_S, self._look)
            return
        self._check = None
        self.transport.close()
