"""VIES, the EU's register of VAT ids (Northern Ireland's included), over its REST API.

The contract: https://ec.europa.eu/taxation_customs/vies/#/technical-information (its "swagger_publicVAT.yaml"; POST
/check-vat-number). VIES asks the country's own register, so that one country may be silent while the others answer.
"""

from __future__ import annotations

import asyncio
import ssl
from datetime import datetime
from importlib.metadata import version

import httpx2
import msgspec

from invoicing.vat_ids import Register, VatIdCheck, VatIdState, compact_vat_id, is_vat_id, register_of
from orchestrator.settings import Vat

ANSWER_BYTES_MAX = 65_536
PROOF_CHARS_MAX = 100
TEXT_CHARS_MAX = 1_000
DETAIL_CHARS_MAX = 300
NOT_TOLD = "---"  # what VIES says for a name that the country keeps to itself, as Germany and Spain do
# The error codes of the contract. All others say that the question was not worked: SERVICE_UNAVAILABLE,
# MS_UNAVAILABLE, TIMEOUT, VAT_BLOCKED, IP_BLOCKED, (GLOBAL|MS)_MAX_CONCURRENT_REQ, (…)_REQ_TIME.
INVALID_INPUT, INVALID_REQUESTER = "INVALID_INPUT", "INVALID_REQUESTER_INFO"


class _Error(msgspec.Struct):
    error: str


class _Reply(msgspec.Struct, rename="camel"):
    """CheckVatResponse, or the CommonResponse of an error, which comes with status 200 too
    (https://github.com/jofme/D365FinanceToolbox/issues/73)."""

    valid: bool | None = None
    country_code: str = ""
    vat_number: str = ""
    request_identifier: str | None = ""
    name: str | None = ""
    address: str | None = ""
    error_wrappers: list[_Error] = msgspec.field(default_factory=list)


class NoAnswer(RuntimeError):
    """The register gave none that can be trusted; the message says why, in its own word where it had one."""


class RequesterRefused(NoAnswer):
    """The seller's own id is not taken as the one that asks."""


class Vies:
    """A `VatIdRegister`."""

    def __init__(self, settings: Vat) -> None:
        self._settings = settings

    async def check(self, vat_id: str, *, asked_by: str, now: datetime) -> VatIdCheck:
        """Never raises for what the register is or does. Where it does not take the seller's id, it is asked without:
        the buyer's may be good all the same, and only the proof is missing."""
        try:
            try:
                return await self._ask(vat_id, asked_by, now)
            except RequesterRefused as refused:
                found = await self._ask(vat_id, "", now)
                return msgspec.structs.replace(found, detail=str(refused))
        except NoAnswer as silence:
            return VatIdCheck(
                vat_id=vat_id,
                state=VatIdState.UNAVAILABLE,
                checked_at=now,
                detail=_clean(str(silence), DETAIL_CHARS_MAX),
            )

    async def _ask(self, vat_id: str, asked_by: str, now: datetime) -> VatIdCheck:
        question = {"countryCode": vat_id[:2], "vatNumber": vat_id[2:]}
        own = compact_vat_id(asked_by)
        if is_vat_id(own) and register_of(own) is Register.VIES:
            question |= {"requesterMemberStateCode": own[:2], "requesterNumber": own[2:]}
        status, content = await self._post(msgspec.json.encode(question))
        return _read(vat_id, status, content, now)

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        """Status and content. Raises NoAnswer."""
        limit_s = self._settings.timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await self._exchange(body)
        except TimeoutError:
            raise NoAnswer(f"no answer within {limit_s} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from None

    async def _exchange(self, body: bytes) -> tuple[int, bytes]:
        verify = await asyncio.to_thread(ssl.create_default_context, cafile=self._settings.ca_file or None)
        headers = {
            "user-agent": f"Clearway/{version('clearway')}",
            "accept": "application/json",
            "accept-encoding": "identity",
            "content-type": "application/json",
        }
        url, content = f"{self._settings.vies_url}/check-vat-number", bytearray()
        async with (
            httpx2.AsyncClient(verify=verify, follow_redirects=False, timeout=self._settings.timeout_s) as client,
            client.stream("POST", url, headers=headers, content=body) as reply,
        ):
            async for chunk in reply.aiter_raw():
                content += chunk
                if len(content) > ANSWER_BYTES_MAX:
                    raise NoAnswer(f"answered with more than {ANSWER_BYTES_MAX} bytes")
        return reply.status_code, bytes(content)


def _read(vat_id: str, status: int, content: bytes, now: datetime) -> VatIdCheck:
    """Raises NoAnswer for whatever is no clear word about this very id."""
    try:
        reply = msgspec.json.decode(content, type=_Reply)
    except (msgspec.DecodeError, RecursionError):
        raise NoAnswer(f"answered {status} with what is no answer") from None
    if reply.error_wrappers:
        return _refused(vat_id, reply.error_wrappers[0].error, now)
    if status != 200 or reply.valid is None:
        raise NoAnswer(f"answered {status} without saying whether the id is valid")
    if compact_vat_id(reply.country_code + reply.vat_number) != vat_id:
        raise NoAnswer("answered about another id")
    proof = _clean(reply.request_identifier or "", PROOF_CHARS_MAX + 1)
    if len(proof) > PROOF_CHARS_MAX:
        raise NoAnswer("answered with a request identifier that is too long to be one")
    return VatIdCheck(
        vat_id=vat_id,
        state=VatIdState.VALID if reply.valid else VatIdState.INVALID,
        checked_at=now,
        proof=proof,
        name=_told(reply.name),
        address=_told(reply.address),
    )


def _refused(vat_id: str, code: str, now: datetime) -> VatIdCheck:
    if code == INVALID_INPUT:
        return VatIdCheck(vat_id=vat_id, state=VatIdState.INVALID, checked_at=now, detail=code)
    raise RequesterRefused(code) if code == INVALID_REQUESTER else NoAnswer(code)


def _told(text: str | None) -> str:
    found = _clean(text or "", TEXT_CHARS_MAX)
    return "" if found == NOT_TOLD else found


def _clean(text: str, chars_max: int) -> str:
    """Without control characters, which PostgreSQL and documents cannot have; lines of an address stay lines."""
    return "".join(letter for letter in text if letter.isprintable() or letter == "\n").strip()[:chars_max]
