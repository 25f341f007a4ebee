from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from invoicing.rendering import InvoiceView
from orchestrator.billing import pdf
from orchestrator.settings import get_settings
from tests.unit.invoicing.drawn_invoices import ordinary, text_of, view_of

# Within every limit of the template itself, and minutes of work for WeasyPrint: 46,656 tables.
SLOW = (
    "{% for a in lines %}{% for b in lines %}{% for c in lines %}<table><tr><td>x</td></tr></table>"
    "{% endfor %}{% endfor %}{% endfor %}"
)
SLOW_LINES = 36
QUICK = "<p>Own: {{ number }}</p>"
BROKEN = "<p>\n{{ nothing_of_that_name }}</p>"


@pytest.fixture(autouse=True, scope="module")
def _one_process() -> Iterator[None]:
    """For all tests: to start it takes longer than most of them, and those that kill it leave a new one."""
    pdf.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLEARWAY_LIMITS__PDF_PROCESSES", "1")
        get_settings.cache_clear()
        yield
        pdf.close()
    get_settings.cache_clear()


def view(template: str | None = None, lines: int = 1) -> InvoiceView:
    return view_of(ordinary(lines), template=template)


async def process_id() -> int:
    await pdf.draw(view(), "en")
    found = (await the_process())._process.pid
    assert found is not None
    return found


async def the_process() -> pdf._Process:
    """The one that draws, in whatever state it is."""
    found: pdf._Process = await asyncio.get_running_loop().run_in_executor(pdf._threads(), lambda: pdf._here.process)
    return found


async def test_documents_are_drawn_by_a_process_that_stays() -> None:
    first = await process_id()
    assert first != os.getpid()
    assert await process_id() == first


async def test_a_process_that_dies_over_a_document_is_told_and_replaced() -> None:
    first = await process_id()
    drawer = await the_process()
    drawn = drawer._drawn
    os.kill(first, signal.SIGSTOP)
    drawing = asyncio.ensure_future(pdf.draw(view(), "en", timeout_s=60))
    while drawer._drawn == drawn:  # until it is given the document
        await asyncio.sleep(0.001)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(pdf.DrawingFailed, match="INV-2026-00042 died"):
        await drawing
    assert (await pdf.draw(view(), "en")).pdf.startswith(b"%PDF")
    assert await process_id() != first


async def test_drawing_that_takes_too_long_is_ended_and_the_next_goes_on() -> None:
    first = await process_id()
    os.kill(first, signal.SIGSTOP)
    with pytest.raises(pdf.DrawingFailed, match=r"INV-2026-00042 took longer than 0\.3 s"):
        await pdf.draw(view(), "en", timeout_s=0.3)
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    assert (await pdf.draw(view(), "en")).pdf.startswith(b"%PDF")


async def test_a_template_of_the_merchants_own_is_used() -> None:
    drawing = await pdf.draw(view(QUICK), "en")
    assert drawing.template_problem == ""
    assert text_of(drawing.pdf).strip() == "Own: INV-2026-00042"


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (BROKEN, "line 2: 'nothing_of_that_name' is undefined"),
        ("{{ 1 + 1 }}", "add is not available"),
        ('<img src="http://127.0.0.1/x.png">', "an invoice fetches nothing"),
    ],
)
async def test_a_template_that_fails_is_replaced_by_ours_and_the_reason_told(template: str, problem: str) -> None:
    drawing = await pdf.draw(view(template), "en")
    assert problem in drawing.template_problem
    assert "Bank transfer" in text_of(drawing.pdf)


@pytest.mark.slow
async def test_a_template_that_takes_too_long_is_replaced_by_ours() -> None:
    first = await process_id()
    drawing = asyncio.ensure_future(pdf.draw(view(SLOW, lines=SLOW_LINES), "en", timeout_s=40))
    await asyncio.sleep(3)
    assert not drawing.done()
    os.kill(first, signal.SIGSTOP)  # it would go on for minutes: so it does, and burns no processor over it
    drawn = await drawing  # our template, and a new process for it, have as long
    assert "took longer than 40 s" in drawn.template_problem
    assert "Bank transfer" in text_of(drawn.pdf)


async def test_several_are_drawn_at_once_and_none_is_mixed_up() -> None:
    views = [view_of(ordinary(), number=f"INV-{number:05}") for number in range(6)]
    drawings = await asyncio.gather(*(pdf.draw(one, "en") for one in views))
    for one, drawing in zip(views, drawings, strict=True):
        assert one.document.number in text_of(drawing.pdf)


async def test_the_bytes_are_those_of_any_other_process() -> None:
    first = await pdf.draw(view(), "en")
    pdf.close()
    assert (await pdf.draw(view(), "en")).pdf == first.pdf
