"""Refusals of exchange rates and quotes."""

from __future__ import annotations

from currency.rates import CurrencyEnded, RateStale, RateUnavailable
from orchestrator.errors import ClearwayError


class RateUnknownProblem(ClearwayError):
    """No source has the rate."""

    status = 404
    code = "rate_unknown"


class RateStaleProblem(ClearwayError):
    """The newest rate is too old to be used."""

    status = 409
    code = "rate_stale"


class CurrencyEndedProblem(ClearwayError):
    """The currency is no longer published: it was replaced, or is suspended."""

    status = 409
    code = "currency_ended"


class QuoteExpired(ClearwayError):
    """The quote's time is over."""

    status = 409
    code = "quote_expired"


class QuoteUsed(ClearwayError):
    """Another payment was made with the quote."""

    status = 409
    code = "quote_used"


class QuoteMismatch(ClearwayError):
    """The payment is of another amount or currency than was quoted."""

    status = 422
    code = "quote_mismatch"


def problem_of(refusal: RateUnavailable) -> ClearwayError:
    """The refusal as the API tells it."""
    match refusal:
        case RateStale():
            return RateStaleProblem(f"{refusal}.")
        case CurrencyEnded():
            return CurrencyEndedProblem(f"{refusal}.")
        case _:
            return RateUnknownProblem(f"{refusal}. Enter one: POST /v1/rates.")
