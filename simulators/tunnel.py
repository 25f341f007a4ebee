"""CONNECT on a simulator's port: the tunnel's TLS is opened here, and what comes through it goes to the same app."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass

HEAD_LIMIT = 16_384


@dataclass(frozen=True, slots=True)
class TunnelRequest:
    """`authority` is host:port; header names are in lower case."""

    authority: str
    headers: dict[str, str]


class TunnelRefused(Exception):
    """`answer` is the whole HTTP response."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(answer)
        self.answer = answer


OpenTunnel = Callable[[TunnelRequest], ssl.SSLContext]
"""The certificate to serve the tunnel's TLS with. Raises TunnelRefused."""


def is_connect(data: bytes) -> bool:
    return data.startswith(b"CONNECT ")


def parse_connect(head: bytes) -> TunnelRequest:
    """RFC 9110 section 9.3.6. Raises TunnelRefused for what is no CONNECT request."""
    try:
        first, *lines = head.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
        _, authority, _ = first.split(" ")
        pairs = (line.split(":", 1) for line in lines)
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        host, port = authority.rsplit(":", 1)
    except ValueError:
        raise TunnelRefused(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n") from None
    return TunnelRequest(f"{host}:{int(port) if port.isdigit() else 443}", headers)


async def begin_tunnel(
    transport: asyncio.Transport, context: ssl.SSLContext, make_protocol: Callable[[], asyncio.Protocol]
) -> None:
    """Answers 200 and goes on in TLS with a protocol of its own; a client that does not agree is dropped."""
    transport.pause_reading()  # the client's first TLS bytes are for the TLS layer
    transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    protocol = make_protocol()
    loop = asyncio.get_running_loop()
    try:
        opened = await loop.start_tls(transport, protocol, context, server_side=True)
    except (OSError, ssl.SSLError):
        transport.abort()
        return
    if opened is not None:
        protocol.connection_made(opened)
