"""The console's disputes: by the day on which an answer is due, with evidence to send and giving in."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.params import FromPath

from currency.formatting import format_money
from currency.money import Money
from orchestrator import clock_port
from orchestrator.access.scopes import Scope
from orchestrator.disputes import service, store
from orchestrator.disputes.records import DisputeRow
from orchestrator.disputes.service import FILES_BYTES_MAX, Evidence
from orchestrator.errors import ClearwayError, InvalidField
from orchestrator.gateways.facets import EVIDENCE_KINDS, EvidenceFile
from orchestrator.web import console_queries, replies
from orchestrator.web.console_desk import (
    NOTHING_SAID,
    ONCE_FIELD,
    Desk,
    Said,
    ask_back,
    cursor,
    done,
    files_of,
    is_confirmed,
    new_number,
    older_url,
    once,
    open_desk,
    posted,
)
from orchestrator.web.console_work_views import DisputeListRow, DisputesView, DisputeView
from orchestrator.web.forms import BODY_MAX_BYTES, text_of
from orchestrator.web.locales import DEFAULT_LOCALE
from orchestrator.web.wording import countdown_text

PLACE = "/console/disputes"
ROWS, TO_ANSWER_MAX = 50, 200
LATE_S = 3 * 86_400
FILE_FIELDS = 4  # of the FILES_MAX that the service takes
NAME_CHARS_MAX = 120
EVIDENCE_BODY_MAX_BYTES = FILES_BYTES_MAX + 100_000
_TEXTS = {"explanation": 20_000, "tracking_number": 100, "tracking_carrier": 60, "gateway_reason_code": 60}
DONE = {
    "submitted": "The evidence is with the gateway.",
    "submit_sent": "The evidence was sent. What came of it stands below.",
    "submit_failed": "The gateway refused the evidence. Its reason stands below.",
    "accepted": "The dispute is accepted: the customer keeps the money.",
    "accept_sent": "The acceptance was sent. What came of it stands below.",
    "accept_failed": "The gateway refused it. Its reason stands below.",
}


@get(PLACE)
async def disputes_page(request: Request[Any, Any, Any]) -> Response[str]:
    """Those that wait for an answer, the first due first; with `?show=all` all of them, newest first."""
    desk, shows_all = await open_desk(request, Scope.PAYMENTS_READ), request.query_params.get("show") == "all"
    if not shows_all:
        rows = await console_queries.disputes_to_answer(desk.merchant_id, limit=TO_ANSWER_MAX)
        return desk.page(DisputesView(desk.shell, tuple(map(_line, rows)), shows_all=False))
    rows = await store.disputes_of(desk.merchant_id, limit=ROWS + 1, before_id=cursor(request, "dsp"))
    older = older_url(PLACE, rows[ROWS - 1].id, {"show": "all"}) if len(rows) > ROWS else ""
    return desk.page(DisputesView(desk.shell, tuple(map(_line, rows[:ROWS])), shows_all=True, next_url=older))


@get(PLACE + "/{dispute_id:str}")
async def dispute_page(request: Request[Any, Any, Any], dispute_id: FromPath[str]) -> Response[str]:
    """One dispute. Raises NotFound."""
    return await _page(await open_desk(request, Scope.PAYMENTS_READ), dispute_id, done(request, DONE))


@post(PLACE + "/{dispute_id:str}/accept", request_max_body_size=BODY_MAX_BYTES)
async def accept(request: Request[Any, Any, Any], dispute_id: FromPath[str]) -> Response[Any]:
    """Give in. Raises NotFound."""
    desk, form = await posted(request, Scope.PAYMENTS_WRITE)
    row, address = (await service.get(desk.merchant_id, dispute_id)).dispute, f"{PLACE}/{dispute_id}"
    if not is_confirmed(form):
        shown = format_money(row.amount, DEFAULT_LOCALE)
        lines = (f"The customer keeps {shown}, and the dispute is over.", "It cannot be taken back.")
        return ask_back(desk, form, "Accept this dispute?", lines, f"{address}/accept", "Accept it", address)

    async def work(claim: str) -> str:
        return _word("accept", await service.accept(desk.merchant_id, dispute_id, claim))

    try:
        word = await once(desk, form, f"{address}/accept", work)
    except ClearwayError as refused:
        return await _page(desk, dispute_id, Said.no(refused))
    return replies.redirect(f"{address}?done={word}")


@post(PLACE + "/{dispute_id:str}/evidence", request_max_body_size=EVIDENCE_BODY_MAX_BYTES)
async def submit(request: Request[Any, Any, Any], dispute_id: FromPath[str]) -> Response[Any]:
    """Answer with evidence: most gateways take one answer, so the form asks for a tick. Raises NotFound."""
    desk, form = await posted(request, Scope.PAYMENTS_WRITE)
    await service.get(desk.merchant_id, dispute_id)
    typed, address = {name: text_of(form, name)[:most] for name, most in _TEXTS.items()}, f"{PLACE}/{dispute_id}"
    try:
        if text_of(form, "sure") != "yes":
            raise InvalidField("sure", "must be ticked: most gateways take one answer, and nothing can be added to it")
        evidence = Evidence(**typed, files=await _files(form))

        async def work(claim: str) -> str:
            return _word("submit", await service.submit_evidence(desk.merchant_id, dispute_id, evidence, claim))

        word = await once(desk, form, f"{address}/evidence", work)
    except ClearwayError as refused:
        return await _page(desk, dispute_id, Said.no(refused), typed, text_of(form, ONCE_FIELD))
    return replies.redirect(f"{address}?done={word}")


def _word(verb: str, view: service.DisputeView) -> str:
    last = view.actions[-1]
    if last.approved:
        return "accepted" if verb == "accept" else "submitted"
    return f"{verb}_sent" if last.open else f"{verb}_failed"


async def _files(form: FormMultiDict) -> tuple[EvidenceFile, ...]:
    """The chosen files, each with the kind that stands beside it. What they are is looked at by the service."""
    found = []
    for number in range(1, FILE_FIELDS + 1):
        kind = text_of(form, f"kind_{number}")
        for file in files_of(form, f"file_{number}"):
            if kind not in EVIDENCE_KINDS:
                raise InvalidField(f"kind_{number}", f"must be one of {', '.join(EVIDENCE_KINDS)}")
            found.append(EvidenceFile(kind, _file_name(file.filename), file.content_type, await file.read()))
    return tuple(found)


def _file_name(name: str) -> str:
    """As gateways take it: letters, digits, dot, space, dash and underscore."""
    plain = "".join(it if it.isascii() and (it.isalnum() or it in "._ -") else "_" for it in name)
    return plain.lstrip("._ -")[-NAME_CHARS_MAX:] or "file"


async def _page(
    desk: Desk, dispute_id: str, said: Said = NOTHING_SAID, typed: dict[str, str] | None = None, number: str = ""
) -> Response[str]:
    found = await service.get(desk.merchant_id, dispute_id)
    row, line = found.dispute, _line(found.dispute)
    view = DisputeView(
        shell=desk.shell,
        row=row,
        amount=row.amount,
        account=desk.label_of(row.gateway_account_id),
        due=line.due,
        is_late=line.is_late,
        fee=Money(row.fee_minor, row.fee_currency) if row.fee_minor is not None and row.fee_currency else None,
        history=tuple((it, Money(it.amount_minor, it.currency)) for it in found.history),
        actions=tuple(found.actions),
        may_answer=row.awaits_answer and desk.may(Scope.PAYMENTS_WRITE) and not any(it.open for it in found.actions),
        kinds=EVIDENCE_KINDS,
        files_max=FILE_FIELDS,
        files_mb_max=FILES_BYTES_MAX // 2**20,
        number=number or new_number(),
        typed=typed or {},
        notice=said.notice,
        error=said.error,
    )
    return desk.page(view, said.status)


def _line(row: DisputeRow) -> DisputeListRow:
    now = clock_port.now()
    if not row.awaits_answer:
        return DisputeListRow(row, row.amount, "", is_late=False)
    is_late = row.evidence_due_at is not None and (row.evidence_due_at - now).total_seconds() < LATE_S
    return DisputeListRow(row, row.amount, countdown_text(row.evidence_due_at, now), is_late)


ROUTES = [disputes_page, dispute_page, accept, submit]
