"""The HTML of the page at /simulators: escaped, without script, readable on a phone."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from html import escape
from pathlib import Path

from simulators.currencies import to_decimal
from simulators.deliveries import Delivery, DeliveryState, Mode, Post
from simulators.disputes import Dispute, DisputeState, disputes_of
from simulators.orders import SUBJECTS
from simulators.outages import Outages
from simulators.scenarios import OPERATIONS, Behaviour, Scenario
from simulators.server import Listener
from simulators.world import GATEWAYS, Charge, World

_ROWS = 50
_STEPS = (("+1 hour", 3600), ("+1 day", 86_400), ("+7 days", 7 * 86_400), ("+30 days", 30 * 86_400))
_STYLE = Path(__file__).with_name("page.css")
_TONES = {
    DeliveryState.DELIVERED: "good",
    DeliveryState.HELD: "wait",
    DeliveryState.SENDING: "wait",
    DeliveryState.QUEUED: "wait",
    DeliveryState.FAILED: "bad",
    DeliveryState.LOST: "bad",
    DeliveryState.NO_ENDPOINT: "",
}


def render_page(
    world: World, listeners: Mapping[str, Listener], outages: Outages, post: Post, problem: str
) -> tuple[str, str]:
    """The page and the nonce of its style. `problem` is what was wrong with the form that was sent."""
    nonce = secrets.token_urlsafe(16)
    told = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    sections = (
        _clock(world),
        _ports(listeners, outages),
        _scenarios(world),
        _webhooks(post),
        _charges(world),
        _books(world),
        _disputes(world),
    )
    return _PAGE.format(nonce=nonce, style=_STYLE.read_text(encoding="utf-8"), told=told, body="".join(sections)), nonce


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Simulators</title>
<style nonce="{nonce}">{style}</style>
</head>
<body>
<header>
<h1>Simulators</h1>
<p>Gateways, card vault and mailbox that only pretend. No real money moves here.</p>
</header>
<main>{told}{body}</main>
</body>
</html>
"""


def _clock(world: World) -> str:
    ahead = world.clock.offset
    note = f"{_span(ahead)} ahead of real time" if ahead else "real time"
    buttons = "".join(f'<button name="advance_seconds" value="{s}">{text}</button>' for text, s in _STEPS)
    return (
        f'<section><h2>Clock</h2><p class="now">{_when(world.clock.now())} UTC<small>{note}</small></p>'
        f'<form method="post" action="/simulators/clock" class="row">{buttons}</form></section>'
    )


def _ports(listeners: Mapping[str, Listener], outages: Outages) -> str:
    items = "".join(_port(name, listener, outages) for name, listener in listeners.items())
    return f'<section><h2>Simulators</h2><ul class="ports">{items}</ul></section>'


def _port(name: str, listener: Listener, outages: Outages) -> str:
    outage = outages[name]
    until = f"<small>until {_when(outage.until)}</small>" if outage and outage.until else ""
    state = _mark("open", "good") if listener.is_open else _mark("outage", "bad") + until
    verb, on = ("Close", "yes") if listener.is_open else ("Open", "no")
    return (
        f"<li><strong>{escape(name)}</strong><div>{state}<code>{escape(listener.url.removeprefix('http://'))}</code></div>"
        f'<form method="post" action="/simulators/outage"><input type="hidden" name="gateway" value="{escape(name)}">'
        f'<button name="on" value="{on}" aria-label="{verb} {escape(name)}">{verb}</button></form></li>'
    )


def _scenarios(world: World) -> str:
    table = _table(
        ("Gateway", "Operation", "Behaviour", "Left", "Share", "Until"),
        (_scenario_row(scenario) for scenario in world.scenarios),
        "Nothing is set to go wrong.",
    )
    clear = '<button form="clear">Clear all</button>' if world.scenarios else ""
    return (
        f'<section class="wide"><h2>Scenarios</h2>{table}'
        '<form method="post" action="/simulators/scenarios" class="main"><div class="fields">'
        f"{_select('gateway', 'Gateway', SUBJECTS)}{_select('operation', 'Operation', OPERATIONS)}"
        f"{_select('behaviour', 'Behaviour', Behaviour)}{_input('times', 'Times (1)')}"
        f"{_input('share', 'Share, 0 to 1')}{_input('seed', 'Seed')}{_input('until', 'For so many seconds')}"
        f"{_input('seconds', 'Seconds of delay')}{_input('reason', 'Decline reason')}"
        f"{_input('code', 'or gateway’s code')}{_input('retry_after', 'Retry-After')}</div>"
        f'<div class="row"><button class="main">Add scenario</button>{clear}</div></form>'
        '<form method="post" action="/simulators/scenarios/clear" id="clear"></form></section>'
    )


def _scenario_row(scenario: Scenario) -> tuple[str, ...]:
    left = "no end" if scenario.times is None else "used up" if not scenario.times else str(scenario.times)
    until = _when(scenario.until) if scenario.until else ""
    detail = scenario.code or scenario.reason if scenario.behaviour is Behaviour.DECLINE else ""
    behaviour = f"{scenario.behaviour} {detail}".strip()
    return _cells(scenario.gateway, scenario.operation, behaviour, left, f"{scenario.share:g}", until)


def _webhooks(post: Post) -> str:
    newest = list(post.log.values())[: -_ROWS - 1 : -1]
    table = _table(
        ("Gateway", "Account", "Event", "State", "Tries", "Status", "Next try"),
        (_delivery_row(delivery) for delivery in newest),
        "Nothing was sent yet.",
    )
    treated = "".join(f"<li>{escape(t.gateway)} {escape(t.event)}: {t.mode}</li>" for t in post.treatments)
    orders = f'<ul class="orders">{treated}</ul>' if treated else ""
    return (
        f'<section class="wide"><h2>Webhooks</h2>{table}{orders}'
        '<form method="post" action="/simulators/webhooks" class="main"><div class="fields">'
        f"{_select('gateway', 'Gateway', GATEWAYS)}{_select('mode', 'Mode', Mode)}{_input('event', 'Event (all)')}"
        f"{_input('seconds', 'Seconds, if late')}{_input('share', 'Share, 0 to 1')}</div>"
        '<div class="row"><button class="main">Set mode</button></div></form></section>'
    )


def _delivery_row(delivery: Delivery) -> tuple[str, ...]:
    notice = delivery.notice
    next_try = _when(delivery.due) if delivery.state is DeliveryState.SENDING else ""
    state = f"<td>{_mark(delivery.state + (' forged' if delivery.forged else ''), _TONES[delivery.state])}</td>"
    return (
        *_cells(notice.gateway, notice.account, notice.event),
        state,
        *_cells(str(delivery.tries), str(delivery.status or ""), next_try),
    )


def _charges(world: World) -> str:
    newest = list(world.charges.values())[: -_ROWS - 1 : -1]
    table = _table(
        ("Gateway", "Charge", "Reference", "Method", "Amount", "Captured", "Refunded", "State"),
        (_charge_row(charge) for charge in newest),
        "Nobody has paid yet.",
        money=(4, 5, 6),
    )
    return f'<section class="wide"><h2>Charges</h2>{table}</section>'


def _charge_row(charge: Charge) -> tuple[str, ...]:
    amounts = (charge.amount_minor, charge.captured_minor, charge.refunded_minor)
    state, tone = _charge_state(charge)
    return (
        *_cells(charge.gateway),
        f'<td class="id" title="{escape(charge.id)}">{escape(charge.id)}</td>',
        f'<td class="id" title="{escape(charge.reference)}">{escape(charge.reference)}</td>',
        *_cells(charge.method),
        *(f'<td class="money">{_money(minor, charge.currency)}</td>' for minor in amounts),
        f"<td>{_mark(state, tone)}</td>",
    )


def _charge_state(charge: Charge) -> tuple[str, str]:
    if charge.declined:
        return "declined", "bad"
    if charge.voided:
        return "voided", ""
    if charge.captured_minor:
        return ("refunded", "wait") if charge.refunded_minor >= charge.captured_minor else ("captured", "good")
    return "authorised", "wait"


def _books(world: World) -> str:
    columns = ("Captured", "Refunded", "Fees", "Disputed", "Dispute fees", "Paid out", "Balance")
    rows = (
        (
            *_cells(gateway, account),
            *(
                f'<td class="money">{_money(minor, currency)}</td>'
                for minor in (
                    *(book.captured_minor, book.refunded_minor, book.fees_minor, book.disputed_minor),
                    *(book.dispute_fees_minor, book.paid_out_minor, book.balance_minor),
                )
            ),
        )
        for (gateway, account, currency), book in world.books.items()
    )
    table = _table(("Gateway", "Account", *columns), rows, "The books are empty.", money=range(2, 9))
    return f'<section class="wide"><h2>Books</h2>{table}</section>'


def _disputes(world: World) -> str:
    newest = list(disputes_of(world).values())[: -_ROWS - 1 : -1]
    table = _table(
        ("Gateway", "Dispute", "Kind", "Reason", "Amount", "State", "Answer by", ""),
        (_dispute_row(dispute) for dispute in newest),
        "Nobody disputes anything.",
        money=(4,),
    )
    return f'<section class="wide"><h2>Disputes</h2>{table}</section>'


def _dispute_row(dispute: Dispute) -> tuple[str, ...]:
    tone = "wait" if dispute.is_open else "good" if dispute.state is DisputeState.WON else "bad"
    verdict = (
        '<form method="post" action="/simulators/disputes">'
        f'<input type="hidden" name="id" value="{escape(dispute.id)}">'
        '<button name="outcome" value="won">Won</button><button name="outcome" value="lost">Lost</button></form>'
    )
    return (
        *_cells(dispute.gateway),
        f'<td class="id" title="{escape(dispute.id)}">{escape(dispute.id)}</td>',
        *_cells(dispute.kind, dispute.reason),
        f'<td class="money">{_money(dispute.minor, dispute.currency)}</td>',
        f"<td>{_mark(dispute.state, tone)}</td>",
        *_cells(_when(dispute.evidence_due)),
        f"<td>{verdict if dispute.is_open else ''}</td>",
    )


# pieces


def _table(heads: Iterable[str], rows: Iterable[tuple[str, ...]], nothing: str, money: Iterable[int] = ()) -> str:
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    if not body:
        return f'<p class="none">{escape(nothing)}</p>'
    wide = set(money)
    head = "".join(f"<th{' class=money' if n in wide else ''}>{escape(text)}</th>" for n, text in enumerate(heads))
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cells(*texts: str) -> tuple[str, ...]:
    return tuple(f"<td>{escape(text)}</td>" for text in texts)


def _mark(text: str, tone: str) -> str:
    return f'<span class="mark {tone}">{escape(text)}</span>'


def _select(name: str, label: str, choices: Iterable[str]) -> str:
    options = "".join(f"<option>{escape(str(choice))}</option>" for choice in choices)
    return f'<label>{escape(label)}<select name="{name}">{options}</select></label>'


def _input(name: str, label: str) -> str:
    return f'<label>{escape(label)}<input name="{name}" autocomplete="off"></label>'


def _money(minor: int, currency: str) -> str:
    return escape(f"{to_decimal(minor, currency)} {currency}")


def _when(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _span(span: timedelta) -> str:
    hours, rest = divmod(int(span.total_seconds()), 3600)
    days, hours = divmod(hours, 24)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{rest // 60} min" if rest >= 60 else ""]
    return " ".join(part for part in parts if part) or f"{rest} s"
