"""Transaction search v1: what moved an account's balance, with PayPal's event codes, and the balances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from simulators.disputes import disputes_of
from simulators.fees import fee_minor
from simulators.payouts import payouts_of
from simulators.paypal.order_request import merchant_id
from simulators.paypal.state import State
from simulators.paypal.wire import Json, Refused, given, link, stamp, to_paypal
from simulators.world import Charge, ChargeEvent, World

_LONGEST_RANGE = timedelta(days=31)  # developer.paypal.com/docs/api/transaction-search/v1
_OLDEST = timedelta(days=3 * 366)
_MOST_PER_PAGE, _DEFAULT_PER_PAGE = 500, 100
# developer.paypal.com/reports/reference/t-codes
_CODES = {"captured": "T0006", "refunded": "T1107", "dispute_withdrawn": "T1201", "dispute_reinstated": "T1202"}
_HOLD_CODES = {"dispute_withdrawn": "T1110", "dispute_reinstated": "T1111"}
_WITHDRAWAL = "T0400"


@dataclass(frozen=True, slots=True)
class _Row:
    """`minor` and `fee_minor` are signed: what they do to the balance."""

    id: str
    code: str
    at: datetime
    minor: int
    fee_minor: int
    currency: str
    reference_id: str = ""
    reference_type: str = ""
    invoice_id: str = ""
    custom: str = ""
    bank_reference: str = ""


def search(world: World, state: State, account: str, query: dict[str, str]) -> Json:
    """GET /v1/reporting/transactions: oldest first, by the time of the movement. Raises Refused."""
    start, end = _moment(query, "start_date"), _moment(query, "end_date")
    now = world.clock.now()
    if start > end or end - start > _LONGEST_RANGE or start < now - _OLDEST:
        raise Refused("INVALID_PARAMETER_VALUE", "start_date")
    per_page = _number(query, "page_size", _DEFAULT_PER_PAGE, _MOST_PER_PAGE)
    page = _number(query, "page", 1, 2**31 - 1)
    rows = [r for r in _rows(world, state, account) if start <= r.at <= end and _fits(r, query)]
    rows.sort(key=lambda row: row.at)
    pages = max((len(rows) + per_page - 1) // per_page, 1)
    shown = rows[(page - 1) * per_page : page * per_page]
    details = [{"transaction_info": _show(row, merchant_id(world, account))} for row in shown]
    return {
        **given(transaction_details=details),
        "account_number": merchant_id(world, account),
        "start_date": stamp(start),
        "end_date": stamp(end),
        "last_refreshed_datetime": stamp(now),
        "page": page,
        "total_items": len(rows),
        "total_pages": pages,
        "links": _links(state, query, page, pages),
    }


def balances(world: World, state: State, account: str, query: dict[str, str]) -> Json:
    """GET /v1/reporting/balances: the sum of all movements per currency. Raises Refused."""
    now = world.clock.now()
    as_of = _moment(query, "as_of_time") if query.get("as_of_time") else now
    totals: dict[str, int] = {}
    for row in _rows(world, state, account):
        if row.at <= as_of:
            totals[row.currency] = totals.get(row.currency, 0) + row.minor + row.fee_minor
    wanted = query.get("currency_code", "ALL")
    shown = [_balance(c, minor) for c, minor in sorted(totals.items()) if wanted in ("ALL", c)]
    refreshed = {"as_of_time": stamp(as_of), "last_refresh_time": stamp(now)}
    return {"balances": shown, "account_id": merchant_id(world, account), **refreshed}


def _balance(currency: str, minor: int) -> Json:
    amount = _signed(minor, currency)
    held = to_paypal(0, currency)
    return {"currency": currency, "total_balance": amount, "available_balance": amount, "withheld_balance": held}


def _rows(world: World, state: State, account: str) -> Iterator[_Row]:
    for charge in world.charges_of("paypal", account):
        for event in charge.events:
            if event.kind in _CODES:
                yield _movement(state, charge, event)
            if event.kind == "dispute_withdrawn" and (fee := disputes_of(world)[event.id].fee_minor):
                yield _Row(f"{event.id.replace('-', '')}FEE", "T0106", event.at, -fee, 0, charge.currency)
    for payout in payouts_of(world).of("paypal", account):
        yield _Row(
            payout.id, _WITHDRAWAL, payout.created, -payout.minor, 0, payout.currency,
            bank_reference=payout.bank_reference,
        )  # fmt: skip


def _movement(state: State, charge: Charge, event: ChargeEvent) -> _Row:
    code, sign, fee = _CODES[event.kind], -1, 0
    reference, kind = charge.id, "TXN"
    match event.kind:
        case "captured":
            sign, fee, kind = 1, fee_minor("paypal", event.minor, charge.currency), "ODR"
            reference = charge.payment_id or charge.id
        case "refunded":
            refund = state.refunds.get(event.id)
            reference = refund.capture.id if refund else charge.id
        case _:
            sign = 1 if event.kind == "dispute_reinstated" else -1
            code = code if charge.method == "card" else _HOLD_CODES[event.kind]
    id = (event.id or charge.id).replace("-", "")
    invoice = event.reference or charge.reference
    return _Row(
        id, code, event.at, sign * event.minor, -fee, charge.currency, reference, kind, invoice, charge.reference
    )  # fmt: skip


def _show(row: _Row, owner: str) -> Json:
    return {
        "paypal_account_id": owner,
        "transaction_id": row.id,
        **given(paypal_reference_id=row.reference_id, paypal_reference_id_type=row.reference_type),
        "transaction_event_code": row.code,
        "transaction_initiation_date": stamp(row.at),
        "transaction_updated_date": stamp(row.at),
        "transaction_amount": _signed(row.minor, row.currency),
        **({"fee_amount": _signed(row.fee_minor, row.currency)} if row.fee_minor else {}),
        "transaction_status": "S",
        **given(bank_reference_id=row.bank_reference, invoice_id=row.invoice_id, custom_field=row.custom),
        "protection_eligibility": "02",
    }


def _signed(minor: int, currency: str) -> dict[str, str]:
    amount = to_paypal(abs(minor), currency)
    return {**amount, "value": ("-" if minor < 0 else "") + amount["value"]}


def _fits(row: _Row, query: dict[str, str]) -> bool:
    return all(
        wanted in (None, "", value)
        for wanted, value in (
            (query.get("transaction_id"), row.id),
            (query.get("transaction_type"), row.code),
            (query.get("transaction_currency"), row.currency),
            (query.get("transaction_status"), "S"),
        )
    )


def _links(state: State, query: dict[str, str], page: int, pages: int) -> list[Json]:
    kept = "&".join(f"{name}={value}" for name, value in query.items() if name != "page")
    url = f"{state.base_url}/v1/reporting/transactions?{kept}&page="
    links = [link(f"{url}{page}", "self", "GET")]
    if page < pages:
        links += [link(f"{url}{page + 1}", "next", "GET"), link(f"{url}{pages}", "last", "GET")]
    if page > 1:
        links += [link(f"{url}1", "first", "GET"), link(f"{url}{page - 1}", "previous", "GET")]
    return links


def _moment(query: dict[str, str], name: str) -> datetime:
    text = query.get(name)
    if not text:
        raise Refused("MISSING_REQUIRED_PARAMETER", name)
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise Refused("INVALID_PARAMETER_SYNTAX", name) from None
    if at.tzinfo is None:
        raise Refused("INVALID_PARAMETER_SYNTAX", name)
    return at.astimezone(UTC)


def _number(query: dict[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name, str(default))
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise Refused("INVALID_PARAMETER_VALUE", name)
    return int(text)
