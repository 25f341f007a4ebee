"""Draws documents in warm processes of their own: importing WeasyPrint costs a second, its memory grows, and what takes
too long can be killed."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection

import msgspec

from invoicing.errors import ExternalReference
from invoicing.rendering import InvalidTemplate, InvoiceView, View, render_html, render_pdf
from orchestrator.child_process import die_with_parent
from orchestrator.errors import ClearwayError
from orchestrator.settings import get_settings

RENDERS_PER_PROCESS = 500  # then a fresh one, should memory grow after all
_here = threading.local()


class DrawingFailed(ClearwayError):
    """A document was not drawn: the process took too long and was killed, or died. It may be tried again."""

    status = 503
    code = "pdf_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The document could not be drawn ({reason}). Nothing but its PDF is missing: ask again.")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Drawing:
    """A PDF, and why the merchant's own template was not used for it, where it was not."""

    pdf: bytes
    template_problem: str = ""


@dataclass(frozen=True, slots=True)
class _Failed:
    """What a process answers where a document cannot be drawn, of whatever type the exception was."""

    reason: str


async def draw(view: View, locale: str, timeout_s: float | None = None) -> Drawing:
    """The document in the merchant's template where that works, else in ours. Raises DrawingFailed."""
    limit_s = timeout_s or get_settings().limits.pdf_timeout_s
    return await asyncio.get_running_loop().run_in_executor(_threads(), _draw_in_time, view, locale, limit_s)


def close() -> None:
    """End the processes; others are started when they are asked for."""
    if _threads.cache_info().currsize:
        _threads().shutdown(wait=False, cancel_futures=True)
        _threads.cache_clear()


@cache
def _threads() -> ThreadPoolExecutor:
    """A thread for each process, which waits for it. The processes die with their threads."""
    processes = get_settings().limits.pdf_processes or os.cpu_count() or 1
    return ThreadPoolExecutor(processes, thread_name_prefix="pdf")


def _draw_in_time(view: View, locale: str, limit_s: float) -> Drawing:
    try:
        return _own_process().draw(view, locale, limit_s)
    except DrawingFailed as failed:
        ours = _in_our_template(view)
        if ours is view:
            raise
        return Drawing(_own_process().draw(ours, locale, limit_s).pdf, failed.reason)


def _own_process() -> _Process:
    process: _Process | None = getattr(_here, "process", None)
    if process is None or not process.usable:
        process = _here.process = _Process()
    return process


class _Process:
    """A process that draws one document after another, and the pipe to it."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._drawn = 0

    @property
    def usable(self) -> bool:
        return self._process.is_alive() and self._drawn < RENDERS_PER_PROCESS

    def draw(self, view: View, locale: str, limit_s: float) -> Drawing:
        """Raises DrawingFailed; after a time-out or a death the process is of no more use."""
        self._drawn += 1
        try:
            self._pipe.send((view, locale))
            if not self._pipe.poll(limit_s):
                self._end()
                raise DrawingFailed(f"drawing {view.number} took longer than {limit_s:g} s")
            answer: Drawing | _Failed = self._pipe.recv()
        except (EOFError, OSError) as gone:
            self._end()
            raise DrawingFailed(f"the process that drew {view.number} died") from gone
        if self._drawn >= RENDERS_PER_PROCESS:
            self._end()
        if isinstance(answer, _Failed):
            raise DrawingFailed(f"{view.number}: {answer.reason}")
        return answer

    def _end(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _serve(pipe: Connection) -> None:
    die_with_parent()
    while True:
        try:
            view, locale = pipe.recv()
        except EOFError:
            return
        try:
            answer: Drawing | _Failed = _drawn(view, locale)
        except Exception as failed:
            answer = _Failed(f"{type(failed).__name__}: {failed}")
        pipe.send(answer)
        if not gc.get_freeze_count():
            gc.freeze()  # what one document needed, all do: it is not looked through again for each of them


def _drawn(view: View, locale: str) -> Drawing:
    try:
        return Drawing(render_pdf(render_html(view, locale)))
    except (InvalidTemplate, ExternalReference) as failed:
        ours = _in_our_template(view)
        if ours is view:
            raise
        return Drawing(render_pdf(render_html(ours, locale)), str(failed))


def _in_our_template(view: View) -> View:
    if not isinstance(view, InvoiceView) or view.template is None:
        return view
    return msgspec.structs.replace(view, template=None)
