"""One operation that only a person can settle: what was asked and answered, and the verdict with its note."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from orchestrator.access.scopes import Scope
from orchestrator.errors import ClearwayError, InvalidField, NotFound
from orchestrator.payments import reviews
from orchestrator.payments import service as payments
from orchestrator.payments.records import OperationRow, OperationState, Story, Verdict
from orchestrator.web import replies
from orchestrator.web.console_desk import (
    NOTHING_SAID,
    Desk,
    Said,
    acting,
    ask_back,
    is_confirmed,
    once,
    open_desk,
    posted,
)
from orchestrator.web.console_work_views import EvidenceEntry, ReviewView
from orchestrator.web.forms import BODY_MAX_BYTES, text_of
from orchestrator.web.timeline import review_url
from orchestrator.web.wording import exchange_text, gateway_name, moment_text, words_of

PLACE = "/console/payments/{payment_id:str}/operations/{operation_id:str}"
_MEANS = {
    Verdict.APPROVED: "It happened: the gateway's own pages show it. Ledger and payment follow.",
    Verdict.DECLINED: "It did not happen, and never will. What waits for it goes on without it.",
    Verdict.LOOK_AGAIN: "The gateway is asked once more, now.",
}


@get(PLACE)
async def review_page(
    request: Request[Any, Any, Any], payment_id: FromPath[str], operation_id: FromPath[str]
) -> Response[str]:
    """The operation with its evidence. Raises NotFound."""
    return await _page(await open_desk(request, Scope.PAYMENTS_READ), payment_id, operation_id)


@post(f"{PLACE}/resolve", request_max_body_size=BODY_MAX_BYTES)
async def resolve(
    request: Request[Any, Any, Any], payment_id: FromPath[str], operation_id: FromPath[str]
) -> Response[Any]:
    """Say what became of it. Raises NotFound."""
    desk, form = await posted(request, Scope.FINANCE)
    _, operation = await _found(desk, payment_id, operation_id)
    place, note = review_url(operation), text_of(form, "note").strip()
    try:
        verdict = _verdict(text_of(form, "verdict"))
        if not note:
            raise InvalidField("note", "is needed: say what the verdict rests on")
        if verdict is not Verdict.LOOK_AGAIN and not is_confirmed(form):
            title = f"Settle the {operation.kind.value} as {verdict.value}?"
            lines = (_MEANS[verdict], f"Note: {note}", "It cannot be taken back here.")
            return ask_back(desk, form, title, lines, f"{place}/resolve", f"Settle as {verdict.value}", place)

        async def work(claim: str) -> str:
            await reviews.resolve_review(desk.merchant_id, payment_id, operation_id, verdict, note, acting(), claim)
            return "resolved"

        if verdict is Verdict.LOOK_AGAIN:
            await reviews.resolve_review(desk.merchant_id, payment_id, operation_id, verdict, note, acting())
        else:
            await once(desk, form, f"{place}/resolve", work)
    except ClearwayError as refused:
        return await _page(desk, payment_id, operation_id, Said.no(refused))
    return replies.redirect(f"/console/payments/{payment_id}?done=resolved")


async def _found(desk: Desk, payment_id: str, operation_id: str) -> tuple[Story, OperationRow]:
    story = await payments.story(await payments.get(desk.merchant_id, payment_id), exchanges=True)
    operation = next((row for row in story.operations if row.id == operation_id), None)
    if operation is None:
        raise NotFound("operation", operation_id)
    return story, operation


async def _page(desk: Desk, payment_id: str, operation_id: str, said: Said = NOTHING_SAID) -> Response[str]:
    story, operation = await _found(desk, payment_id, operation_id)
    is_open = operation.state is OperationState.NEEDS_REVIEW or reviews.is_refused_undoing(operation)
    exchange = operation.exchange or {}
    reply = exchange.get("reply", exchange.get("failure", ""))
    view = ReviewView(
        shell=desk.shell,
        title=f"{words_of(operation.kind.value)} at {gateway_name(story.attempt(operation.attempt_id).gateway)}",
        payment_id=payment_id,
        operation_id=operation_id,
        state=operation.state.value if operation.outcome is None else operation.outcome.value,
        facts=_facts(desk, story, operation),
        evidence=tuple(_entry(entry) for entry in operation.evidence or ()),
        request=exchange_text(exchange["request"]) if exchange.get("request") else "",
        reply=exchange_text(reply) if reply else "",
        may_resolve=is_open and desk.may(Scope.FINANCE),
        may_approve=operation.state is OperationState.NEEDS_REVIEW or not operation.moves_money,
        note_chars_max=reviews.NOTE_CHARS_MAX,
        error=said.error,
    )
    return desk.page(view, said.status)


def _facts(desk: Desk, story: Story, operation: OperationRow) -> tuple[tuple[str, str], ...]:
    attempt = story.attempt(operation.attempt_id)
    review = operation.review or {}
    facts = (
        ("Gateway account", desk.label_of(attempt.gateway_account_id)),
        ("Our reference at the gateway", attempt.id),
        ("Operation", operation.id),
        ("The gateway's payment", attempt.gateway_payment_id),
        ("The gateway's operation", operation.gateway_operation_id),
        ("Sent", moment_text(operation.sent_at)),
        ("Tries", str(operation.tries)),
        ("Sent because of", words_of(operation.cause.value)),
        ("What is known", operation.detail),
        ("Refused because", str((operation.decline or {}).get("reason", ""))),
        ("Last verdict", f"{review['verdict']} by {review['actor']}: {review['note']}" if review else ""),
    )
    return tuple((label, value) for label, value in facts if value)


def _entry(entry: dict[str, Any]) -> EvidenceEntry:
    return EvidenceEntry(str(entry.get("at", "")), str(entry.get("asked", "")), str(entry.get("answer", "")))


def _verdict(word: str) -> Verdict:
    try:
        return Verdict(word)
    except ValueError:
        raise InvalidField("verdict", f"must be one of {', '.join(Verdict)}") from None


ROUTES = [review_page, resolve]
