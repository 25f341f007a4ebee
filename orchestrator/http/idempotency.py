"""One effect for each Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07), kept in PostgreSQL.

The key is claimed before the work. The work writes the id of what it makes into the claim, in its own transaction, so
that after a crash the answer is built again from what there is; a claim that made nothing is taken over.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from litestar import Response

from orchestrator import clock_port
from orchestrator.access import store
from orchestrator.access.tables import IdempotencyRecord
from orchestrator.errors import ClearwayError
from orchestrator.http.auth import ApiRequest, merchant_of
from orchestrator.http.problems import refusal_of
from orchestrator.settings import get_settings

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEY_CHARS_MAX = 255
KEPT_FOR = timedelta(hours=25)  # "24 hours at least" is what the documentation promises
LEASE_MARGIN_S = 5
CLAIM_TRIES = 3
RETRY_AFTER_S = 1
_STRUCTURED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')  # RFC 9651, 3.3.3: sf-string
_BARE = re.compile(r"[!#-~]+")
_ESCAPED = re.compile(r'\\(["\\])')

Work = Callable[[str], Awaitable[msgspec.Struct]]
Rebuild = Callable[[str], Awaitable[msgspec.Struct]]


class KeyMissing(ClearwayError):
    """A POST came without a key."""

    code = "idempotency_key_missing"

    def __init__(self) -> None:
        super().__init__(
            f"Send `{HEADER}: <a value of your own, such as a UUID>`, and the same one when you repeat this request."
        )


class KeyInvalid(ClearwayError):
    """The key is empty, too long, or not printable ASCII."""

    code = "idempotency_key_invalid"

    def __init__(self) -> None:
        super().__init__(f"{HEADER} must have 1 to {KEY_CHARS_MAX} printable ASCII characters, quoted or bare.")


class KeyReused(ClearwayError):
    """The key belongs to a request with another body."""

    status = 422
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(f"This {HEADER} was used with another body. Use a new key for a new request.")


class InFlight(ClearwayError):
    """The first request with this key is not done."""

    status = 409
    code = "idempotency_in_flight"

    def __init__(self) -> None:
        super().__init__(
            "A request with this key is still at work. Repeat it a little later for its answer.",
            retry_after_s=RETRY_AFTER_S,
        )


@dataclass(frozen=True, slots=True)
class _Claim:
    """A key as it is stored: the record's id covers merchant, route and key, the fingerprint what was sent."""

    record_id: str
    merchant_id: str
    route: str
    fingerprint: str


def key_of(header: str | None) -> str:
    """The key in the header's value, a structured string or bare. Raises KeyMissing, KeyInvalid."""
    if header is None or not header.strip():
        raise KeyMissing
    text = header.strip()
    quoted = _STRUCTURED.fullmatch(text)
    key = _ESCAPED.sub(r"\1", quoted[1]) if quoted else text
    if not 1 <= len(key) <= KEY_CHARS_MAX or not (quoted or _BARE.fullmatch(text)):
        raise KeyInvalid
    return key


async def answer_once(
    request: ApiRequest, work: Work, rebuild: Rebuild | None = None, *, status: int = 201
) -> Response[Any]:
    """Do the work once for the request's key, or give the answer that it had.

    `work` takes the id of the claim, for the service to bind what it makes. `rebuild` makes the answer from the id of
    what was made, as that is now; without it a claim whose owner died is run again, so the work must bear that.
    Raises KeyReused, InFlight, and whatever the work raises.
    """
    claim = await _claim_of(request)
    for _ in range(CLAIM_TRIES):
        if await _claimed(claim, clock_port.now()):
            return await _run(claim, work, status)
        row = await store.idempotency(claim.record_id)
        if row is None:  # released between our two looks: the first request was refused
            continue
        return await _repeated(claim, row, work, rebuild, status)
    raise InFlight


async def _claim_of(request: ApiRequest) -> _Claim:
    merchant_id, route = merchant_of(request), f"{request.method} {request.url.path}"
    key = key_of(request.headers.get(HEADER))
    record_id = hashlib.sha256(f"{merchant_id}\n{route}\n{key}".encode()).hexdigest()
    return _Claim(record_id, merchant_id, route[:120], fingerprint(await request.body(), request.url.query))


def fingerprint(body: bytes, query: str = "") -> str:
    """SHA-256 over what was asked: for JSON over its values, so that spaces and the order of fields do not count."""
    try:
        canonical = msgspec.json.encode(msgspec.json.decode(body), order="sorted")
    except (msgspec.DecodeError, RecursionError):
        canonical = body
    return hashlib.sha256(query.encode() + b"\n" + canonical).hexdigest()


async def _claimed(claim: _Claim, now: datetime) -> bool:
    return await store.claim_idempotency(
        IdempotencyRecord(
            id=claim.record_id,
            merchant_id=claim.merchant_id,
            route=claim.route,
            fingerprint=claim.fingerprint,
            claimed_at=now,
            expires_at=now + KEPT_FOR,
        )
    )


async def _repeated(
    claim: _Claim, row: store.IdempotencyRow, work: Work, rebuild: Rebuild | None, status: int
) -> Response[Any]:
    if row.fingerprint != claim.fingerprint:
        raise KeyReused
    if row.status is not None:
        return _answer((row.body or "").encode(), row.status, replayed=True)
    now = clock_port.now()
    if row.claimed_at + timedelta(seconds=lease_s()) > now:
        raise InFlight
    if row.resource_id is not None and rebuild is not None:
        return await _store(claim, await rebuild(row.resource_id), status, replayed=True)
    if not await store.take_over_idempotency(claim.record_id, row.claimed_at, now):
        raise InFlight
    return await _run(claim, work, status)


def lease_s() -> int:
    """How long a claim may be at work before its owner is taken for dead, in seconds."""
    return get_settings().limits.payment_deadline_s + LEASE_MARGIN_S


async def _run(claim: _Claim, work: Work, status: int) -> Response[Any]:
    try:
        made = await work(claim.record_id)
    except Exception as error:
        # A refusal, be it of ours that says 503 (busy, frozen): the key may serve the next request, unless the work has
        # bound what it made. After anything else nobody knows how far the work came, so the claim stays.
        if isinstance(error, ClearwayError) or refusal_of(error).status < 500:
            await store.release_idempotency(claim.record_id)
        raise
    return await _store(claim, made, status)


async def _store(claim: _Claim, made: msgspec.Struct, status: int, *, replayed: bool = False) -> Response[Any]:
    body = msgspec.json.encode(made)
    await store.complete_idempotency(claim.record_id, status, body.decode())
    return _answer(body, status, replayed=replayed)


def _answer(body: bytes, status: int, *, replayed: bool = False) -> Response[Any]:
    headers = {REPLAYED: "true"} if replayed else {}
    return Response(body, status_code=status, media_type="application/json", headers=headers)
