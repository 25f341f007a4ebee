"""The list of disputes: filters, order and pages of GET /v1/customer/disputes."""

from __future__ import annotations

from datetime import datetime

from simulators.disputes import Dispute, disputes_of
from simulators.paypal.dispute_resources import entry
from simulators.paypal.state import State
from simulators.paypal.wire import Json, Refused, link, stamp
from simulators.world import World

_MOST_PER_PAGE, _DEFAULT_PER_PAGE = 50, 10
_STATES = (
    *("OPEN_INQUIRIES", "REQUIRED_ACTION", "REQUIRED_OTHER_PARTY_ACTION"),
    *("UNDER_PAYPAL_REVIEW", "APPEALABLE", "RESOLVED"),
)


def search(world: World, state: State, account: str, query: dict[str, str]) -> Json:
    """Latest first; the next page's token is the number of those seen already. Raises Refused."""
    size = query.get("page_size", str(_DEFAULT_PER_PAGE))
    if not size.isdigit() or not 1 <= int(size) <= _MOST_PER_PAGE:
        raise Refused("INVALID_PARAMETER_VALUE", "page_size")
    token = query.get("next_page_token", "0")
    if not token.isdigit():
        raise Refused("INVALID_PARAMETER_VALUE", "next_page_token")
    wanted = set(filter(None, query.get("dispute_state", "").split(",")))
    if unknown := wanted - set(_STATES):
        raise Refused("INVALID_PARAMETER_VALUE", f"dispute_state/{unknown.pop()}")
    found = [d for d in reversed(disputes_of(world).of("paypal", account)) if _fits(d, query)]
    shown = [entry(d, state) for d in found]
    shown = [each for each in shown if not wanted or each["dispute_state"] in wanted]
    start, per_page = int(token), int(size)
    url = f"{state.base_url}/v1/customer/disputes?page_size={size}"
    links = [link(url, "self", "GET"), link(url, "first", "GET")]
    if start + per_page < len(shown):
        links.append(link(f"{url}&next_page_token={start + per_page}", "next", "GET"))
    page = shown[start : start + per_page]
    return {"items": page, "links": links} if page else {"links": links}


def _fits(it: Dispute, query: dict[str, str]) -> bool:
    transaction = query.get("disputed_transaction_id")
    if transaction and transaction != it.facts["capture"]:
        return False
    after, before = query.get("update_time_after"), query.get("update_time_before")
    if after and it.facts["updated"] < _normal(after, "update_time_after"):
        return False
    if before and it.facts["updated"] > _normal(before, "update_time_before"):
        return False
    start = query.get("start_time")
    return not (start and stamp(it.opened_at) < _normal(start, "start_time"))


def _normal(text: str, name: str) -> str:
    try:
        return stamp(datetime.fromisoformat(text))
    except ValueError:
        raise Refused("INVALID_PARAMETER_SYNTAX", name) from None
