"""What browsers report of our pages: counted by day, page, rule and what was blocked. Nothing else of a report is kept.

Both shapes are taken: that of `report-uri` (https://www.w3.org/TR/CSP3/#deprecated-serialize-violation) and that of the
Reporting API (https://www.w3.org/TR/reporting-1/).
"""

import re
import time
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import Request, Response, post

from orchestrator import clock_port
from orchestrator.abuse import store
from orchestrator.settings import get_settings
from orchestrator.web.page_policy import REPORTS

BODY_MAX_BYTES = 20_000
REPORTS_MAX = 10  # of one message
_WORD = re.compile(r"[a-z0-9-]{1,40}")
_PAGES = {"pay": "checkout", "l": "payment link", "i": "invoice", "console": "console"}


class _Room:
    """How many reports this process still counts in the present second."""

    second, left = 0, 0

    def take(self) -> bool:
        now = int(time.monotonic())
        if now != self.second:
            self.second, self.left = now, get_settings().limits.page_violations_per_s
        self.left -= 1
        return self.left >= 0


_room = _Room()


@post(REPORTS, status_code=204, request_max_body_size=BODY_MAX_BYTES)
async def receive_reports(request: Request[Any, Any, Any]) -> Response[None]:
    """Whatever comes is answered alike: nobody learns from it what is counted."""
    limits, day = get_settings().limits, clock_port.now().date()
    for page, directive, blocked in _violations(await request.body()):
        if not _room.take():
            break
        await store.add_violation(day, page, directive, blocked, limits.page_violation_kinds_max)
    return Response(None, status_code=204, headers={"Cache-Control": "no-store"})


def _violations(body: bytes) -> list[tuple[str, str, str]]:
    """Page, directive and what was blocked, of each report that can be read."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    reports = found if isinstance(found, list) else [found]
    return [read for report in reports[:REPORTS_MAX] if isinstance(report, dict) and (read := _read(report))]


def _read(report: dict[str, Any]) -> tuple[str, str, str] | None:
    inner = report.get("csp-report", report.get("body"))
    if not isinstance(inner, dict):
        return None
    address = inner.get("document-uri", inner.get("documentURL", report.get("url", "")))
    directive = inner.get("effective-directive", inner.get("effectiveDirective", inner.get("violated-directive")))
    if directive is None and report.get("type") == "integrity-violation":
        directive = "integrity"
    blocked = inner.get("blocked-uri", inner.get("blockedURL", ""))
    if not isinstance(directive, str) or not _WORD.fullmatch(directive.split(" ")[0]):
        return None
    return _page_of(address), directive.split(" ")[0], _origin_of(blocked)


def _page_of(address: object) -> str:
    first = urlsplit(address).path.split("/")[1:2] if isinstance(address, str) and "://" in address else []
    return _PAGES.get(first[0], "other") if first else "other"


def _origin_of(blocked: object) -> str:
    """Scheme and host of an address, or the browser's word for what has none (`inline`, `eval`)."""
    if not isinstance(blocked, str):
        return "other"
    try:
        parts = urlsplit(blocked)
        host = parts.hostname or ""
    except ValueError:
        return "other"
    text = f"{parts.scheme}://{host}" if host else blocked
    return text[:120] if re.fullmatch(r"[A-Za-z0-9:/.+_-]{1,120}", text) else "other"
