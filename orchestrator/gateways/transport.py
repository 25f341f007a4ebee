"""The HTTP session under every SDK: pooled, bounded, without retries, able to say what a failure proves."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import exceptions as urllib3_errors
from urllib3.connection import HTTPConnection
from urllib3.util.retry import Retry

from orchestrator.gateways.deadlines import set_deadlines
from orchestrator.gateways.redaction import redact, redact_text
from routing.outcomes import Outcome, OutcomeKind

MAX_REPLY_BYTES = 64 * 1024 * 1024  # a settlement report is the largest thing that a gateway sends
MAX_KEPT_BODY_CHARS = 20_000  # of a body that is not JSON or a form, kept for the timeline


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer. `body` is its JSON object; None where there is none (empty, not JSON, not an object)."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any] | None
    text: str = ""


@dataclass(slots=True)
class Exchange:
    """One HTTP request as sent, and what came of it: a reply, or the failure that took its place."""

    method: str
    url: str
    request_body: object
    reply: Reply | None = None
    failure: Exception | None = None

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    def redacted(self) -> dict[str, object]:
        """What the timeline keeps. Headers are left out: they carry the credentials."""
        kept: dict[str, object] = {
            "request": {"method": self.method, "url": redact_text(self.url), "body": _kept(self.request_body)}
        }
        if self.reply is not None:
            body = self.reply.body if self.reply.body is not None else _readable(self.reply.text)
            kept["reply"] = {"status": self.reply.status, "body": _kept(body)}
        if self.failure is not None:
            kept["failure"] = f"{type(self.failure).__name__}: {redact_text(str(self.failure))[:500]}"
        return kept


@dataclass(slots=True)
class Tape:
    """All exchanges of one SDK call, in order, and what the SDK raised."""

    exchanges: list[Exchange] = field(default_factory=list)
    raised: Exception | None = None

    def last(self, skip: str = "") -> Exchange | None:
        """The last exchange whose path is not `skip` (PayPal's token call goes before the call itself)."""
        return next((e for e in reversed(self.exchanges) if not skip or e.path != skip), None)


_recording = threading.local()


@contextmanager
def _recorded() -> Iterator[Tape]:
    tape = Tape()
    previous = getattr(_recording, "tape", None)
    _recording.tape = tape
    try:
        yield tape
    finally:
        _recording.tape = previous


def record(send: Callable[[], object]) -> Tape:
    """Run one SDK call on this thread and record its HTTP exchanges.

    What the SDK raises is kept on the tape: each SDK wraps failures in its own way and two of them lose the cause, so
    the reply or failure on the wire is what adapters judge.
    """
    with _recorded() as tape:
        try:
            send()
        except Exception as error:  # an SDK may raise anything; what happened on the wire decides
            tape.raised = error
    return tape


class PromptAdapter(HTTPAdapter):
    """Sends at once, through a proxy too, and has every reply end in time.

    urllib3 leaves Nagle's algorithm on for connections to proxies (`HTTPConnectionPool.__init__`): the body then waits
    for the acknowledgement of the head, which the other side may delay by 40 ms.
    """

    def init_poolmanager(self, *given: Any, **named: Any) -> None:
        super().init_poolmanager(*given, **named)
        set_deadlines(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        options = HTTPConnection.default_socket_options
        manager = super().proxy_manager_for(proxy, socket_options=options, **proxy_kwargs)
        set_deadlines(manager)
        return manager


class ReplyTooLarge(requests.RequestException):
    """The gateway's reply is larger than any that it has. What it did is not known."""


class GatewaySession(requests.Session):
    """A session of one gateway account. Proxies and certificates come from settings only, never from the environment.

    Sends each request once: no redirects, no retries, no cookies. `connect_timeout_s` and `read_timeout_s` override
    whatever an SDK asks for.
    """

    def __init__(self, *, connect_timeout_s: float, read_timeout_s: float, pool_size: int, ca_file: str = "") -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._timeout = (connect_timeout_s, read_timeout_s)
        self._ca_file = ca_file
        for scheme in ("http://", "https://"):
            self.mount(scheme, PromptAdapter(pool_maxsize=pool_size, max_retries=Retry(0, read=False)))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: a redirect is an answer like any other, and none that a gateway gives."""

    def on_the_wire(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request as it is really sent; what is recorded is the request itself."""
        return request

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send once, whole answer read, recorded on this thread's tape."""
        kwargs.update(timeout=self._timeout, allow_redirects=False, stream=True)
        if self._ca_file:
            kwargs["verify"] = self._ca_file
        exchange = Exchange(request.method or "", request.url or "", _decoded(request.body, request.headers))
        tape: Tape | None = getattr(_recording, "tape", None)
        if tape is not None:
            tape.exchanges.append(exchange)
        try:
            response = super().send(self.on_the_wire(request), **kwargs)
            _read_whole(response)
        except Exception as error:
            exchange.failure = error
            raise
        exchange.reply = read_reply(response)
        return response


def _read_whole(response: requests.Response) -> None:
    """Read the body, unpacked, within its limit, so that whoever asks finds it there. Raises ReplyTooLarge."""
    chunks: list[bytes] = []
    size = 0
    while chunk := response.raw.read1(64 * 1024, decode_content=True):
        size += len(chunk)
        if size > MAX_REPLY_BYTES:
            response.close()
            raise ReplyTooLarge(f"a reply of more than {MAX_REPLY_BYTES} bytes")
        chunks.append(chunk)
    response._content = b"".join(chunks)


def read_reply(response: requests.Response) -> Reply:
    """The answer with its JSON object parsed, whatever its content type claims."""
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    text = "" if isinstance(body, dict) else response.text[:MAX_KEPT_BODY_CHARS]
    return Reply(response.status_code, response.headers, body if isinstance(body, dict) else None, text)


def never_sent(failure: BaseException) -> bool:
    """Whether it is proven that no byte of the request left: name not resolved, connection refused or timed out before
    it stood, certificate refused, or a proxy that would not open the tunnel.

    Everything else may have been sent, also a reset on a pooled connection that the other side had just closed.
    urllib3 wraps as ProxyError also what happens *after* the request went to a plain-HTTP proxy (its `close()` forgets
    that it had connected), so a ProxyError by itself proves nothing; only its original error may.
    """
    return any(_proves_unsent(error) for error in _causes(failure))


def network_outcome(exchange: Exchange) -> Outcome:
    """The outcome of an exchange that brought no reply: NOT_REACHED when proven, else UNKNOWN."""
    failure = exchange.failure
    if failure is not None and never_sent(failure):
        kind, detail = OutcomeKind.NOT_REACHED, f"not reached, nothing was sent: {_one_line(failure)}"
    else:
        kind, detail = OutcomeKind.UNKNOWN, f"sent, no trustworthy answer: {_one_line(failure)}"
    return Outcome(kind, detail=detail, exchange=exchange.redacted())


def _proves_unsent(error: BaseException) -> bool:
    if isinstance(error, urllib3_errors.NewConnectionError | urllib3_errors.ConnectTimeoutError):
        return True  # NameResolutionError is a NewConnectionError
    if isinstance(error, ssl.SSLCertVerificationError):
        return True  # raised in the handshake only
    # http.client raises a bare OSError when the proxy answers CONNECT with anything but 200.
    return type(error) is OSError and str(error).startswith("Tunnel connection failed")


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """The failure and what it was made from, by argument, reason and explicit cause; not by mere context."""
    seen: set[int] = set()
    waiting = [failure]
    while waiting:
        error = waiting.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        linked = (*error.args, getattr(error, "reason", None), getattr(error, "original_error", None), error.__cause__)
        waiting.extend(one for one in linked if isinstance(one, BaseException))


def _one_line(failure: BaseException | None) -> str:
    if failure is None:
        return "no reply"
    return redact_text(" ".join(f"{type(failure).__name__}: {failure}".split()))[:300]


def _decoded(body: bytes | str | object | None, headers: Mapping[str, str]) -> object:
    if body is None:
        return None
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
    if str(headers.get("content-type") or "").startswith("multipart/"):  # documents: not for the timeline
        return f"a form with files, {len(text)} characters"
    try:
        return json.loads(text)
    except ValueError:
        pairs = parse_qsl(text, keep_blank_values=True)
        return dict(pairs) if pairs else text


def _readable(text: str) -> str:
    """Not what should have been an object: it is by its fields that names, tokens and the like are taken out."""
    return f"[{len(text)} characters that are no JSON object]" if text.lstrip()[:1] in ("{", "[") else text


def _kept(body: object) -> object:
    if isinstance(body, dict):
        return redact(body)
    return redact_text(str(body))[:MAX_KEPT_BODY_CHARS] if body else None
