"""Sends one message to a merchant's server: looked up once, only to public addresses, within time and size limits."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.metadata import version

import httpx2

from orchestrator.gateways.redaction import REMOVED, redact_text
from orchestrator.notifications.addresses import AddressRefused, Destination, destination, is_loopback, is_public
from orchestrator.settings import Settings

ANSWER_READ_MAX_BYTES = 64_000
ANSWER_KEPT_MAX_CHARS = 1_000
ERROR_MAX_CHARS = 300
ADDRESSES_TRIED_MAX = 2
LOOK_UPS_MAX = 8  # names at once for each process: a slow name server holds one thread, and none of anybody else
_lookers = ThreadPoolExecutor(LOOK_UPS_MAX, thread_name_prefix="webhook-lookup")
_asked: dict[tuple[str, int], Future[list[str]]] = {}
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a try. `status` is None when no answer came; then `error` says why.

    `hopeless` is what another try would not mend and the endpoint is not to blame for.
    """

    status: int | None
    error: str
    body: str = ""
    retry_after: str | None = None
    duration_ms: int = 0
    hopeless: bool = False

    @property
    def accepted(self) -> bool:
        """Only 2xx counts; a redirect is not followed, for it could lead anywhere."""
        return self.status is not None and 200 <= self.status < 300


async def send(url: str, body: bytes, headers: dict[str, str], settings: Settings) -> Answer:
    """POST the message once. Never raises for what the receiver does or is."""
    begun = time.monotonic()
    status, error, text, retry_after = None, "", "", None
    try:
        async with asyncio.timeout(settings.limits.webhook_out_timeout_s):
            status, text, retry_after = await _post(url, body, headers, settings)
    except TimeoutError:
        error = f"no answer within {settings.limits.webhook_out_timeout_s} s"
    except AddressRefused as refused:
        error = f"not called: the address {refused}"
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as failure:
        error = clean(f"{type(failure).__name__}: {failure}", ERROR_MAX_CHARS)
    if status is not None and 300 <= status < 400:
        error = f"answered {status}: redirects are not followed; change the endpoint's url instead"
    elif status is not None and not 200 <= status < 300:
        error = f"answered {status} {_phrase(status)}".rstrip()
    return Answer(status, error, text, retry_after, int((time.monotonic() - begun) * 1000))


async def addresses_of(host: str, port: int, settings: Settings) -> list[str]:
    """Where the host is. Raises AddressRefused unless every address is public, OSError where there is none."""
    found = await look_up(host, port)
    for address in found:
        if not (is_public(address) or (settings.webhooks.allow_loopback and is_loopback(address))):
            raise AddressRefused(f"{host} leads to {address}, which is not on the public internet")
    return found[:ADDRESSES_TRIED_MAX]


async def look_up(host: str, port: int) -> list[str]:
    """The addresses of a host by the system's resolver, in the order to try them. Those who ask at once share one."""
    asked = _asked.get((host, port))
    if asked is None:
        asked = _asked[host, port] = _lookers.submit(_resolve, host, port)
        asked.add_done_callback(lambda _: _asked.pop((host, port), None))
    return await asyncio.shield(asyncio.wrap_future(asked))  # whoever gives up takes it from nobody else


def _resolve(host: str, port: int) -> list[str]:
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


def clean(text: str, max_chars: int) -> str:
    """Text of a stranger, fit to be kept: no secrets, no characters that the database does not take, not long."""
    return redact_text(_UNPRINTABLE.sub(" ", text[: max_chars * 4]))[:max_chars]


async def _post(url: str, body: bytes, headers: dict[str, str], settings: Settings) -> tuple[int, str, str | None]:
    to = destination(url, allow_loopback=settings.webhooks.allow_loopback)
    if settings.webhooks.proxy_url:  # the proxy looks the name up, and keeps us from inner addresses
        return await _post_to(to, to.host, body, headers, settings)
    addresses = await addresses_of(to.host, to.port, settings)
    for address in addresses[:-1]:
        try:
            return await _post_to(to, address, body, headers, settings)
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            continue  # nothing was sent
    return await _post_to(to, addresses[-1], body, headers, settings)


async def _post_to(
    to: Destination, address: str, body: bytes, headers: dict[str, str], settings: Settings
) -> tuple[int, str, str | None]:
    """The connection goes to this very address; the certificate, SNI and Host are of the name.

    A client for each message: no cookie and no connection is left for another merchant's at the same address.
    """
    url = httpx2.URL(scheme=to.scheme, host=address, port=to.port, raw_path=to.target.encode())
    sent = {
        "host": to.authority,
        "content-type": "application/json",
        "accept-encoding": "identity",
        "user-agent": f"Clearway/{version('clearway')}",
        **headers,
    }
    timeout = httpx2.Timeout(
        settings.limits.webhook_out_timeout_s, connect=settings.limits.webhook_out_connect_timeout_s
    )
    async with (
        httpx2.AsyncClient(
            verify=_tls(settings.webhooks.ca_file),
            trust_env=False,
            follow_redirects=False,
            timeout=timeout,
            proxy=settings.webhooks.proxy_url or None,
        ) as client,
        client.stream("POST", url, content=body, headers=sent, extensions={"sni_hostname": to.host}) as reply,
    ):
        text = await _read(reply)
        return reply.status_code, text, reply.headers.get("retry-after")


async def _read(reply: httpx2.Response) -> str:
    """The beginning of the body for the log, undecoded: what is packed is not unpacked. An answer cut off is one."""
    kept = b""
    try:
        async for chunk in reply.aiter_raw():
            kept += chunk
            if len(kept) >= ANSWER_READ_MAX_BYTES:
                break
    except httpx2.HTTPError:
        pass
    if reply.headers.get("content-encoding", "identity") != "identity":
        return REMOVED
    return clean(kept.decode("utf-8", "replace"), ANSWER_KEPT_MAX_CHARS)


@cache
def _tls(ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file) if ca_file else httpx2.create_ssl_context(trust_env=False)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
