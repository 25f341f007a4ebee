"""Fetches one file of exchange rates: https only, no redirect followed, within a time and a size."""

from __future__ import annotations

import asyncio
import ssl
from importlib.metadata import version

import httpx2

from currency.ecb import FILE_BYTES_MAX
from orchestrator.settings import Fx


class DownloadFailed(RuntimeError):
    """No file came; the message says why, and nothing else is wrong."""


async def download(url: str, settings: Fx) -> bytes:
    """The file's content. Raises DownloadFailed, whatever the host does or is."""
    try:
        async with asyncio.timeout(settings.timeout_s):
            return await _get(url, settings)
    except TimeoutError:
        raise DownloadFailed(f"{url}: no answer within {settings.timeout_s} s") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
        raise DownloadFailed(f"{url}: {type(error).__name__}: {error}"[:300]) from None


async def _get(url: str, settings: Fx) -> bytes:
    verify = await asyncio.to_thread(ssl.create_default_context, cafile=settings.ca_file or None)
    headers = {"user-agent": f"Clearway/{version('clearway')}", "accept-encoding": "identity"}
    content = bytearray()
    async with (
        httpx2.AsyncClient(verify=verify, follow_redirects=False, timeout=settings.timeout_s) as client,
        client.stream("GET", url, headers=headers) as reply,
    ):
        if reply.status_code != 200:
            raise DownloadFailed(f"{url}: answered {reply.status_code}")
        async for chunk in reply.aiter_raw():
            content += chunk
            if len(content) > FILE_BYTES_MAX:
                raise DownloadFailed(f"{url}: more than {FILE_BYTES_MAX} bytes")
    return bytes(content)
