"""How often the card networks let a declined card be tried again, counted for a card and merchant over all gateways.

Whether networks add up tries that went through different acquirers is not published; they are added up here, the
stricter reading. Sources stand with each rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from currency.money import Money
from routing.outcomes import OutcomeKind
from routing.reasons import CLASS_OF, NOT_COUNTED_BY_NETWORKS, DeclineClass

DAY = timedelta(days=1)
MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class CardTry:
    """One try of a card at any gateway. `advice_code` is Mastercard's merchant advice code, as `03`."""

    at: datetime
    kind: OutcomeKind
    amount: Money
    reason: str = ""
    advice_code: str = ""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The card may not be tried now. `until` is when it may be again; None is never with this credential."""

    why: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class _Limit:
    """So many declines in a span. `same_amount`: only those of the amount that is to be tried count."""

    brand: str
    declines: int
    span: timedelta
    same_amount: bool
    source: str


# Visa's newer figure is 20 (Core Rules 18 Apr 2026, 7.3.6.3); acquirers still bill from the 16th: the lower counts.
# Mastercard: Transaction Processing Excellence, as acquirers print it (developer.paypal.com/braintree/articles/
# risk-and-security/compliance/network-updates/2023/mastercard-f23).
_LIMITS = (
    _Limit("visa", 15, MONTH, False, "Visa allows 15 tries in 30 days"),
    _Limit("mastercard", 10, DAY, False, "Mastercard allows 10 declines in 24 hours"),
    _Limit("mastercard", 35, MONTH, True, "Mastercard allows 35 declines of one amount in 30 days"),
)

# Mastercard merchant advice codes. Never again: do not try again; payment cancelation. Wait: from 24 on (U.S. and
# Canada), developers.tabapay.com/docs/mastercard-authorization-optimizer-service.
_NEVER_ADVICE = frozenset({"03", "21"})
_WAIT_ADVICE = {
    "24": timedelta(hours=1),
    "25": timedelta(hours=24),
    "26": timedelta(days=2),
    "27": timedelta(days=4),
    "28": timedelta(days=6),
    "29": timedelta(days=8),
    "30": timedelta(days=10),
}

# Visa's category 1 (the issuer will never approve) by our reasons: each try of these is charged for.
_NEVER_REASONS = frozenset(
    {
        "pickup_card",
        "lost_card",
        "stolen_card",
        "invalid_account",
        "invalid_number",
        "stop_payment_order",
        "revocation_of_authorization",
        "revocation_of_all_authorizations",
        "transaction_not_allowed",
        "do_not_try_again",
        "fraudulent_account",
    }
)


def ceiling(brand: str | None, tries: Sequence[CardTry], amount: Money, now: datetime) -> Ceiling | None:
    """Why the card may not be tried now, by the strictest rule; None where nothing stands against it.

    `tries` are those of the card for this merchant, at all gateways, in any order; older than 30 days is not looked at.
    An approval ends the counting of what was before it.
    """
    recent = sorted((it for it in tries if now - MONTH < it.at <= now), key=lambda it: it.at)
    since = _since_last_approval(recent)
    never = next((it for it in since if it.reason in _NEVER_REASONS or _never(brand, it)), None)
    if never is not None:
        return Ceiling(f"the issuer or network said never again ({never.reason or never.advice_code})", None)
    waits = [*_advised(brand, since), *_counted(brand, since, amount, now)]
    open_waits = [wait for wait in waits if wait.until is None or wait.until > now]
    return max(open_waits, key=lambda wait: wait.until or datetime.max.replace(tzinfo=now.tzinfo), default=None)


def counts(attempt: CardTry) -> bool:
    """Whether a network counts the try: a decline that it or the issuer made. What is not proven otherwise counts."""
    if attempt.kind is not OutcomeKind.DECLINED:
        return attempt.kind is OutcomeKind.UNKNOWN
    technical = CLASS_OF.get(attempt.reason) is DeclineClass.CONFIG
    return attempt.reason not in NOT_COUNTED_BY_NETWORKS and not (technical and attempt.reason != "invalid_amount")


def _since_last_approval(tries: list[CardTry]) -> list[CardTry]:
    last = max((place for place, it in enumerate(tries) if it.kind is OutcomeKind.APPROVED), default=-1)
    return tries[last + 1 :]


def _never(brand: str | None, attempt: CardTry) -> bool:
    return brand in (None, "mastercard") and attempt.advice_code in _NEVER_ADVICE


def _advised(brand: str | None, tries: Iterable[CardTry]) -> list[Ceiling]:
    if brand not in (None, "mastercard"):
        return []
    return [
        Ceiling(f"the issuer asked to wait (advice {it.advice_code})", it.at + _WAIT_ADVICE[it.advice_code])
        for it in tries
        if it.advice_code in _WAIT_ADVICE
    ]


def _counted(brand: str | None, tries: Sequence[CardTry], amount: Money, now: datetime) -> list[Ceiling]:
    """Of a card whose brand is not known, every brand's limit holds."""
    reached = []
    for limit in _LIMITS:
        if brand not in (None, limit.brand):
            continue
        counted = [
            it.at
            for it in tries
            if counts(it) and it.at > now - limit.span and (not limit.same_amount or it.amount == amount)
        ]
        if len(counted) >= limit.declines:
            # the try that makes room again when its span is over
            reached.append(Ceiling(limit.source, counted[-limit.declines] + limit.span))
    return reached
