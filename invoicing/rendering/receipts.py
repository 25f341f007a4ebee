"""What a receipt says: how much came from whom, and which invoices got what of it."""

from __future__ import annotations

from typing import Any

from currency.money import Money
from invoicing.rendering.frame import framed, party_of, present, table_of
from invoicing.rendering.view import ReceiptView
from invoicing.rendering.wording import Wording

# What the sources of receipts are called; `other` is not named.
METHODS = {"bank": "Bank transfer", "cash": "Cash", "payment": "Online payment"}


def receipt_content(view: ReceiptView, wording: Wording) -> dict[str, Any]:
    """The names that its template uses, with their texts."""
    say = wording.say
    parties = [[party_of(view.seller, say("From"), wording)]]
    if view.buyer is not None:
        parties.append([party_of(view.buyer, say("Received from"), wording)])
    received = wording.money(view.amount)
    return framed(
        view.seller,
        view.branding,
        view.issued_on,
        wording,
        title=say("Receipt"),
        number=view.number,
        parties=parties,
        meta=_meta(view, wording),
        words=[],
        headline={
            "label": say("Amount received"),
            "amount": received,
            "when_label": say("Received on"),
            "when": wording.day(view.received_on),
        },
        notice=_reversed(view, wording),
        tables=[_settled(view, wording)] if view.invoices else [],
        sums=[
            *([_sum("", say("Your credit"), wording.money(view.credited))] if view.credited.minor else []),
            _sum("grand", say("Amount received"), received),
        ],
        closing=[] if view.reversed_on else [say("Thank you for your payment.")],
        note="",
    )


def _reversed(view: ReceiptView, wording: Wording) -> str:
    if view.reversed_on is None:
        return ""
    return wording.say("Reversed on {day}: this receipt is no longer valid.").format(day=wording.day(view.reversed_on))


def _meta(view: ReceiptView, wording: Wording) -> list[tuple[str, str]]:
    say = wording.say
    method = METHODS.get(view.method)
    rows = [
        (say("Date"), wording.day(view.issued_on)),
        (say("Payment method"), say(method) if method else ""),
        (say("Reference"), view.reference),
        (say("Exchange rate"), wording.rate_used(view.rate) if view.rate else ""),
    ]
    return present(rows)


def _settled(view: ReceiptView, wording: Wording) -> dict[str, Any]:
    say = wording.say
    discounted = any(invoice.discount for invoice in view.invoices)
    heads = [say("Invoice"), say("Date of issue"), say("Total"), say("Paid"), say("Discount"), say("Open amount")]
    rows = []
    for invoice in view.invoices:
        discount = invoice.discount or Money.zero(invoice.total.currency)
        amounts = (invoice.total, invoice.applied, discount, invoice.owed)
        rows.append([invoice.number, wording.day(invoice.issue_date), *map(wording.money, amounts)])
    if not discounted:
        heads, rows = _without(heads, 4), [_without(row, 4) for row in rows]
    return table_of(heads, rows)


def _without(cells: list[str], at: int) -> list[str]:
    return cells[:at] + cells[at + 1 :]


def _sum(style: str, label: str, amount: str) -> dict[str, str]:
    return {"style": style, "label": label, "amount": amount}
