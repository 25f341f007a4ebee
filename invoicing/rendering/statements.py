"""What a statement of account says: for each currency what was owed, what moved, what is owed."""

from __future__ import annotations

from typing import Any

from babel.numbers import get_currency_name

from invoicing.documents import Period
from invoicing.rendering.frame import framed, party_of
from invoicing.rendering.view import Account, StatementView
from invoicing.rendering.wording import Wording

# Documents, and what settles them, as they are called on the account.
MOVEMENTS = {
    "invoice": "Invoice",
    "credit_note": "Credit note",
    "payment": "Payment",
    "receipt": "Payment",
    "receipt_reversal": "Correction",
    "credit_payout": "Refund",
    "correction": "Correction",
    "refund": "Refund",
    "chargeback": "Chargeback",
    "discount": "Discount",
    "write_off": "Written off",
}


def statement_content(view: StatementView, wording: Wording) -> dict[str, Any]:
    """The names that its template uses, with their texts."""
    say = wording.say
    period = wording.period(Period(view.since, view.until))
    return framed(
        view.seller,
        view.branding,
        view.issued_on,
        wording,
        title=say("Statement of account"),
        number=period,
        parties=[[party_of(view.seller, say("From"), wording)], [party_of(view.buyer, say("Customer"), wording)]],
        meta=[(say("Date"), wording.day(view.issued_on)), (say("Period"), period)],
        words=[] if view.accounts else [say("Nothing moved in this period.")],
        headline=_headline(view.accounts[0], wording, view) if len(view.accounts) == 1 else None,
        tables=[_table(account, wording, view) for account in view.accounts],
        closing=[],
        note="",
    )


def _headline(account: Account, wording: Wording, view: StatementView) -> dict[str, str]:
    has_credit = account.closing.minor < 0
    return {
        "label": wording.say("Your credit" if has_credit else "Open amount"),
        "amount": wording.money(-account.closing if has_credit else account.closing),
        "when_label": wording.say("Closing balance"),
        "when": wording.day(view.until),
    }


def _table(account: Account, wording: Wording, view: StatementView) -> dict[str, Any]:
    say, money = wording.say, wording.money
    rows = [
        {"style": "", "cells": [wording.day(move.day), say(MOVEMENTS.get(move.kind, move.kind)), move.number,
                                money(move.amount), money(move.balance)]}
        for move in account.movements
    ]  # fmt: skip
    opening = [wording.day(view.since), say("Opening balance"), "", "", money(account.opening)]
    closing = [wording.day(view.until), say("Closing balance"), "", "", money(account.closing)]
    currency = account.closing.currency
    named = get_currency_name(currency, locale=wording.babel)
    return {
        "heading": f"{named} ({currency})" if len(view.accounts) > 1 else "",
        "heads": [say("Date"), say("Description"), say("Number"), say("Amount"), say("Balance")],
        "rows": [{"style": "strong", "cells": opening}, *rows, {"style": "strong", "cells": closing}],
        "style": "long",
    }
