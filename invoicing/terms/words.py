"""Payment terms in the words of a language. The English sentences are the ids of the catalogues."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, assert_never

from babel.numbers import format_decimal, format_percent

from currency.formatting import format_money, locale_of
from invoicing.terms.agreed import Terms, agreed_of
from invoicing.terms.base_rates import Series
from invoicing.terms.business_days import BusinessDays, Convention
from invoicing.terms.due_rules import (
    DayOfMonth,
    DueOnReceipt,
    DueRule,
    EndOfMonthThenNetDays,
    NetDays,
    NetDaysThenEndOfMonth,
)
from invoicing.terms.early_payment import DiscountStep
from invoicing.terms.instalments import Instalment
from invoicing.terms.late_laws import LateLaw
from invoicing.terms.late_payment import AgreedLate, LateTerms, law_of

if TYPE_CHECKING:
    from gettext import NullTranslations

_BPS = 10_000
_SEPARATOR = " · "

_BUSINESS_DAYS = {
    Convention.FOLLOWING: "A due date that is no business day moves to the next one ({place})",
    Convention.MODIFIED_FOLLOWING: (
        "A due date that is no business day moves to the next one of its month, else to the one before ({place})"
    ),
    Convention.PRECEDING: "A due date that is no business day moves to the one before ({place})",
}
_SERIES = {
    Series.ECB: "main refinancing rate of the European Central Bank",
    Series.GERMANY: "German base rate (Basiszinssatz)",
    Series.AUSTRIA: "Austrian base rate (Basiszinssatz)",
    Series.UNITED_KINGDOM: "Bank of England base rate",
    Series.FRANCE_LEGAL: "French legal interest rate",
    Series.CZECHIA: "repo rate of the Czech National Bank",
    Series.DENMARK: "lending rate of Danmarks Nationalbank",
    Series.HUNGARY: "base rate of the Hungarian National Bank",
    Series.POLAND: "reference rate of the National Bank of Poland",
    Series.ROMANIA: "policy rate of the National Bank of Romania",
    Series.SWEDEN: "reference rate of the Swedish Riksbank",
}
_DISCOUNT_TODAY = "{percent} discount if paid on the day of issue"
# Every sentence without a plural; the plural ones are PLURAL_SENTENCES.
SENTENCES: tuple[str, ...] = (
    "Due on receipt",
    "End of month",
    "On day {day} of the month",
    *_BUSINESS_DAYS.values(),
    "Deposit: {share}, {due}",
    "Instalment {number}: {share}, {due}",
    "{percent} of the rest",
    _DISCOUNT_TODAY,
    "Late payment bears interest of {rate} a year",
    "Late payment bears interest of {margin} percentage points a year above the {base}",
    "Late payment costs a fixed sum of {fee}",
    "Late payment costs a fixed sum of {fees}, by the size of the debt",
    *_SERIES.values(),
)
PLURAL_SENTENCES: tuple[tuple[str, str], ...] = (
    ("Net {days} day", "Net {days} days"),
    ("{days} day, then end of month", "{days} days, then end of month"),
    ("End of month, then {days} day", "End of month, then {days} days"),
    ("On day {day} of the month, {months} month ahead", "On day {day} of the month, {months} months ahead"),
    ("{percent} discount if paid within {days} day", "{percent} discount if paid within {days} days"),
)


def describe(terms: Terms, words: NullTranslations, locale: str = "en") -> str:
    """The terms on one line, `2% discount if paid within 10 days · Net 30 days`, in the words and numbers of `locale`.

    What a merchant tolerates is not told. Raises UnknownLocale.
    """
    agreed = agreed_of(terms)
    writer = _Writer(words, locale)
    parts = [writer.step(step) for step in (agreed.early_payment.steps if agreed.early_payment else ())]
    if agreed.instalments:
        parts += writer.instalments(agreed.instalments)
    else:
        parts.append(writer.rule(agreed.due))
    if agreed.business_days is not None and agreed.business_days.convention in _BUSINESS_DAYS:
        parts.append(writer.business_days(agreed.business_days))
    if agreed.late is not None:
        parts += writer.late(agreed.late)
    return _SEPARATOR.join(parts)


class _Writer:
    def __init__(self, words: NullTranslations, locale: str) -> None:
        self._words = words
        self._locale = locale
        self._babel = locale_of(locale)

    def rule(self, rule: DueRule) -> str:
        match rule:
            case NetDays(days=days):
                return self._plural(PLURAL_SENTENCES[0], days, days=days)
            case DueOnReceipt():
                return self._say("Due on receipt")
            case NetDaysThenEndOfMonth(days=0):
                return self._say("End of month")
            case NetDaysThenEndOfMonth(days=days):
                return self._plural(PLURAL_SENTENCES[1], days, days=days)
            case EndOfMonthThenNetDays(days=days):
                return self._plural(PLURAL_SENTENCES[2], days, days=days)
            case DayOfMonth(day=day, months=0):
                return self._say("On day {day} of the month", day=day)
            case DayOfMonth(day=day, months=months):
                return self._plural(PLURAL_SENTENCES[3], months, day=day, months=months)
            case _ as never:
                assert_never(never)

    def step(self, step: DiscountStep) -> str:
        rate = self._percent(step.discount_bps)
        if step.days == 0:
            return self._say(_DISCOUNT_TODAY, percent=rate)
        return self._plural(PLURAL_SENTENCES[4], step.days, percent=rate, days=step.days)

    def instalments(self, parts: tuple[Instalment, ...]) -> Iterator[str]:
        of_rest = any(part.amount is not None for part in parts)
        for number, part in enumerate(parts, 1):
            share, due = self._share(part, of_rest=of_rest), self.rule(part.due)
            if number == 1 and isinstance(part.due, DueOnReceipt):
                yield self._say("Deposit: {share}, {due}", share=share, due=due)
            else:
                yield self._say("Instalment {number}: {share}, {due}", number=number, share=share, due=due)

    def business_days(self, rule: BusinessDays) -> str:
        country = self._babel.territories.get(rule.country, rule.country)
        place = f"{country}, {rule.subdivision}" if rule.subdivision else country
        return self._say(_BUSINESS_DAYS[rule.convention], place=place)

    def late(self, late: LateTerms) -> Iterator[str]:
        if isinstance(late, AgreedLate) and late.text:
            yield late.text
            return
        law = law_of(late)
        if law is None:
            return
        interest = self._interest(law)
        if interest:
            yield f"{interest} ({law.name})" if law.name else interest
        if len(law.fees) == 1:
            yield self._say("Late payment costs a fixed sum of {fee}", fee=format_money(law.fees[0].fee, self._locale))
        elif law.fees:
            fees = " / ".join(format_money(band.fee, self._locale) for band in law.fees)
            yield self._say("Late payment costs a fixed sum of {fees}, by the size of the debt", fees=fees)

    def _interest(self, law: LateLaw) -> str | None:
        if law.series is not None:
            margin = format_decimal(Decimal(law.margin_bps) / 100, locale=self._babel, decimal_quantization=False)
            sentence = "Late payment bears interest of {margin} percentage points a year above the {base}"
            return self._say(sentence, margin=margin, base=self._words.gettext(_SERIES[law.series]))
        if law.margin_bps == 0:
            return None
        return self._say("Late payment bears interest of {rate} a year", rate=self._percent(law.margin_bps))

    def _share(self, part: Instalment, *, of_rest: bool) -> str:
        if part.amount is not None:
            return format_money(part.amount, self._locale)
        assert part.share_bps is not None
        percent = self._percent(part.share_bps)
        return self._say("{percent} of the rest", percent=percent) if of_rest else percent

    def _percent(self, rate_bps: int) -> str:
        return format_percent(Decimal(rate_bps) / _BPS, locale=self._babel, decimal_quantization=False)

    def _say(self, sentence: str, **values: object) -> str:
        return self._words.gettext(sentence).format(**values)

    def _plural(self, sentence: tuple[str, str], count: int, **values: object) -> str:
        return self._words.ngettext(*sentence, count).format(**values)
