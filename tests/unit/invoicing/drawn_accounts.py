"""Receipts, statements of account and letters of reminder to draw."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from currency.money import Money
from invoicing.documents import FrozenRate, Party
from invoicing.rendering import (
    Account,
    AccountMovement,
    ClaimedInvoice,
    LetterView,
    ReceiptView,
    SettledInvoice,
    StatementView,
)
from invoicing.terms import KNOWN_RATES, BuyerKind, StatutoryLate, late_charge
from tests.unit.invoicing.drawn_invoices import AUSTRIAN, GERMAN, GERMAN_BANK, PAY_URL, SCRIPTS

EUR, USD = "EUR", "USD"


def settled(number: int = 42, **changes: Any) -> SettledInvoice:
    said: dict[str, Any] = {
        "number": f"INV-2026-{number:05}", "issue_date": date(2026, 9, 1), "total": Money(119_000, EUR),
        "applied": Money(119_000, EUR), "owed": Money(0, EUR),
    }  # fmt: skip
    return SettledInvoice(**{**said, **changes})


def receipt(**changes: Any) -> ReceiptView:
    said: dict[str, Any] = {
        "seller": GERMAN, "buyer": AUSTRIAN, "number": "RCT-2026-00007", "issued_on": date(2026, 11, 2),
        "received_on": date(2026, 11, 1), "amount": Money(150_000, EUR), "credited": Money(1_000, EUR),
        "method": "bank", "reference": "NTRF-55321",
        "invoices": (settled(41), settled(42, applied=Money(30_000, EUR), owed=Money(89_000, EUR))),
    }  # fmt: skip
    return ReceiptView(**{**said, **changes})


def receipt_in_dollars() -> ReceiptView:
    rate = FrozenRate(
        base=USD, quote=EUR, base_units=Decimal("1.0869"), quote_units=Decimal(1), on=date(2026, 10, 30), source="ECB"
    )
    given_up = settled(41, applied=Money(116_620, EUR), discount=Money(2_380, EUR))
    return receipt(amount=Money(126_754, USD), credited=Money(0, USD), rate=rate, invoices=(given_up,), method="cash")


def account(count: int = 6, currency: str = EUR) -> Account:
    """Invoices and what was paid for them, in turn; the last one is paid twice."""
    balance, moves = Money(25_000, currency), []
    for number in range(1, count + 1):
        invoice = number % 2
        amount = Money(119_000 + number if invoice else -(119_000 + number - 1), currency)
        balance += amount
        moves.append(
            AccountMovement(
                day=date(2026, 1 + number % 12, 5),
                kind="invoice" if invoice else "payment",
                number=f"INV-2026-{(number + 1) // 2:05}",
                amount=amount,
                balance=balance,
            )
        )
    return Account(opening=Money(25_000, currency), movements=tuple(moves), closing=balance)


def statement(*accounts: Account, **changes: Any) -> StatementView:
    said: dict[str, Any] = {
        "seller": GERMAN, "buyer": AUSTRIAN, "since": date(2026, 1, 1), "until": date(2026, 12, 31),
        "issued_on": date(2027, 1, 4), "accounts": accounts or (account(),),
    }  # fmt: skip
    return StatementView(**{**said, **changes})


def claimed(number: int = 42, **changes: Any) -> ClaimedInvoice:
    said: dict[str, Any] = {
        "number": f"INV-2026-{number:05}", "issue_date": date(2026, 9, 1), "due_date": date(2026, 10, 1),
        "total": Money(119_000, EUR), "owed": Money(89_000, EUR),
    }  # fmt: skip
    return ClaimedInvoice(**{**said, **changes})


def letter(level: int = 1, **changes: Any) -> LetterView:
    said: dict[str, Any] = {
        "seller": GERMAN, "buyer": AUSTRIAN, "number": f"INV-2026-00042/{level}", "level": level,
        "issued_on": date(2026, 11, 23), "deadline": date(2026, 12, 7), "invoices": (claimed(),),
        "total": Money(89_000, EUR), "pay_url": PAY_URL, "bank": GERMAN_BANK,
    }  # fmt: skip
    return LetterView(**{**said, **changes})


def letter_with_charges(level: int = 3) -> LetterView:
    """By the law: interest over the turn of a half-year, and the fixed sum."""
    due, written_on = date(2025, 11, 3), date(2026, 3, 16)
    charge = late_charge(
        StatutoryLate(jurisdiction="DE", buyer=BuyerKind.BUSINESS),
        Money(89_000, EUR), due=due, until=written_on, rates=KNOWN_RATES,
    )  # fmt: skip
    assert charge.fee is not None
    return letter(
        level,
        issued_on=written_on,
        deadline=date(2026, 3, 30),
        invoices=(claimed(issue_date=date(2025, 10, 4), due_date=due),),
        total=Money(89_000, EUR) + charge.interest + charge.fee,
        interest=charge.interest,
        spans=charge.spans,
        fee=charge.fee,
        note="Bitte nennen Sie bei Fragen Ihre Kundennummer.",
    )


def parties_in(locale: str) -> dict[str, Party]:
    """Seller and buyer with names in the script of a language."""
    country, seller, buyer, _ = SCRIPTS[locale]
    return {
        "seller": Party(name=seller, country=country, city=seller.split()[-1]),
        "buyer": Party(name=buyer, country=country, city=buyer.split()[0]),
    }
