"""Renders invoices in one warm process of its own: importing WeasyPrint costs a second, and its memory grows."""

from __future__ import annotations

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache

from invoicing.documents import IssuedInvoice
from invoicing.rendering import InvoiceView, render_html, render_pdf
from orchestrator.child_process import die_with_parent

RENDERS_PER_PROCESS = 100  # then a fresh one: WeasyPrint gives memory back slowly


@cache
def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        max_workers=1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=die_with_parent,
        max_tasks_per_child=RENDERS_PER_PROCESS,
    )


def close() -> None:
    """End the renderer; another is started when it is asked for."""
    if _pool.cache_info().currsize:
        _pool().shutdown(wait=False, cancel_futures=True)
        _pool.cache_clear()


async def render(document: IssuedInvoice, locale: str, pay_url: str) -> bytes:
    """The PDF of an issued invoice. A renderer that was killed is replaced, once."""
    html = render_html(InvoiceView(document=document, pay_url=pay_url), locale)
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(_pool(), render_pdf, html)
    except BrokenProcessPool:
        _pool.cache_clear()
        return await loop.run_in_executor(_pool(), render_pdf, html)
