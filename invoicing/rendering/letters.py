"""What a letter of reminder says: by its level, of which invoices, what is claimed and until when."""

from __future__ import annotations

from typing import Any

from currency.money import Money
from invoicing.documents import Period
from invoicing.rendering.frame import bank_of, framed, online, party_of, present, table_of
from invoicing.rendering.view import LetterView
from invoicing.rendering.wording import Wording
from invoicing.terms.late_payment import InterestSpan

TITLES = ("Upcoming payment", "Payment reminder", "Second reminder", "Final notice")
SENTENCES = (
    ("The following payment will soon be due.",),
    ("We have not yet received the following payment. Perhaps it slipped your attention.",),
    ("In spite of our reminder we have not received the following payment.",),
    (
        "In spite of our reminder we have not received the following payment.",
        "This is our last reminder before we take further steps.",
    ),
)


def letter_content(view: LetterView, wording: Wording) -> dict[str, Any]:
    """The names that its template uses, with their texts."""
    say = wording.say
    level = min(max(view.level, 0), len(TITLES) - 1)
    return framed(
        view.seller,
        view.branding,
        view.issued_on,
        wording,
        title=say(TITLES[level]),
        number=view.number,
        parties=[[party_of(view.seller, say("From"), wording)], [party_of(view.buyer, say("Bill to"), wording)]],
        meta=present([(say("Date"), wording.day(view.issued_on)), (say("Reference"), view.number)]),
        words=[say(sentence) for sentence in SENTENCES[level]],
        headline={
            "label": say("Total claimed"),
            "amount": wording.money(view.total),
            "when_label": say("Please pay by"),
            "when": wording.day(view.deadline),
        },
        tables=[_claimed(view, wording)],
        sums=_sums(view, wording),
        plans=[_interest(view.spans, wording)] if view.spans else [],
        closing=[say("If you have already paid, please disregard this letter.")],
        note=view.note,
        bank=bank_of(view.bank, view.total, _reference(view), wording),
        **online(view.pay_url),
    )


def _reference(view: LetterView) -> str:
    """What the payer is to write: the invoice's number, by which the money is found; of several the letter's."""
    return view.invoices[0].number if len(view.invoices) == 1 else view.number


def _claimed(view: LetterView, wording: Wording) -> dict[str, Any]:
    say = wording.say
    rows = []
    for invoice in view.invoices:
        late_days = (view.issued_on - invoice.due_date).days
        days = (wording.day(invoice.issue_date), wording.day(invoice.due_date), str(late_days) if late_days > 0 else "")
        rows.append([invoice.number, *days, wording.money(invoice.total), wording.money(invoice.owed)])
    heads = [say("Invoice"), say("Date of issue"), say("Due date"), say("Days overdue"), say("Total")]
    return table_of([*heads, say("Open amount")], rows)


def _sums(view: LetterView, wording: Wording) -> list[dict[str, str]]:
    say = wording.say
    charges = [
        (say("Late payment interest"), view.interest),
        (say("Late payment fee"), view.fee),
    ]
    claimed = [(label, amount) for label, amount in charges if amount is not None and amount.minor]
    currency = view.total.currency
    within = [(label, amount) for label, amount in claimed if amount.currency == currency]
    apart = [(label, amount) for label, amount in claimed if amount.currency != currency]
    owed = Money(sum(invoice.owed.minor for invoice in view.invoices), currency)
    rows = [("", say("Open amount"), owed), *(("", *row) for row in within)] if within else []
    rows = [*rows, ("grand", say("Total claimed"), view.total), *(("", *row) for row in apart)]
    return [{"style": style, "label": label, "amount": wording.money(amount)} for style, label, amount in rows]


def _interest(spans: tuple[InterestSpan, ...], wording: Wording) -> dict[str, Any]:
    """How the interest came about; it is rounded once, in its sum."""
    say = wording.say
    rows = [
        (
            wording.period(Period(span.first_day, span.last_day)),
            str(span.days),
            wording.money(span.principal),
            wording.basis_points(span.rate_bps),
        )
        for span in spans
    ]
    heads = [say("Period"), say("Days"), say("Principal"), say("Rate a year")]
    return table_of(heads, rows, say("Late payment interest"))
