"""Routes of exchange rates, those entered by hand, quotes of converted amounts, and the markup on them."""

import re
from datetime import date
from typing import Annotated, Any

from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from currency import store as rate_store
from currency.rates import Publication
from orchestrator import clock_port
from orchestrator.errors import NotFound
from orchestrator.fx import quotes, service, store
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.rate_schemas import (
    EnteredRateBody,
    EnterRate,
    FxTermsBody,
    FxTermsInput,
    MakeQuote,
    QuoteBody,
    RateBody,
    entered_rate_body,
    quote_body,
    rate_body,
)
from orchestrator.http.schemas import require_currency

READ, WRITE, FINANCE = "payments:read", "payments:write", "finance"
_SHARED: dict[str, Any] = {"responses": PROBLEMS, "tags": ["rates"]}
_ENTERED_ID = re.compile(r"fxr_([1-9][0-9]{0,17})")

Currency = Annotated[str, QueryParameter(pattern="^[A-Z]{3}$", description="ISO 4217.")]


@get("/rates", guards=[needs(READ)], summary="List rates", **_SHARED)
async def list_rates(
    request: ApiRequest,
    base: Currency,
    quote: Annotated[str | None, QueryParameter(pattern="^[A-Z]{3}$", description="Only to this currency.")] = None,
    on: Annotated[
        date | None, QueryParameter(name="date", description="As of this day; today (UTC) when left out.")
    ] = None,
    publication: Annotated[
        Publication, QueryParameter(description="Which publication counts where the day has none.")
    ] = Publication.PREVIOUS,
) -> Page[RateBody]:
    """The rates that count for you: those you entered, then the ECB's. Currencies without a usable rate are left out;
    with `quote`, why it has none is the answer."""
    require_currency(base, "base")
    merchant_id, as_of = merchant_of(request), on or clock_port.now().date()
    if quote is not None:
        found = [await service.rate(merchant_id, base, quote, as_of, publication)]
    else:
        found = await service.rates_from(merchant_id, base, as_of, publication)
    return Page(data=[rate_body(rate) for rate in found], has_more=False)


@post("/rates", guards=[needs(FINANCE)], operation_class=Keyed, summary="Enter a rate", **_SHARED)
async def enter_rate(request: ApiRequest, data: JSONBody[EnterRate]) -> Response[EnteredRateBody]:
    """Your own rate counts before any published one, from its day until the next that you enter, at most a year.

    Another for the same day corrects it; payments, quotes and invoices keep what they were made with.
    """
    merchant_id = merchant_of(request)
    require_currency(data.base, "base")
    require_currency(data.quote, "quote")

    async def work(idempotency_id: str) -> EnteredRateBody:
        valid_from = data.valid_from or clock_port.now().date()
        row = await service.enter(merchant_id, data.base, data.quote, data.units, valid_from, idempotency_id)
        return entered_rate_body(row)

    return await answer_once(request, work, lambda rate_id: _entered(merchant_id, rate_id))


@get("/rates/entered", guards=[needs(READ)], summary="List entered rates", **_SHARED)
async def list_entered_rates(
    request: ApiRequest, limit: Limit = PAGE_DEFAULT, starting_after: StartingAfter = None
) -> Page[EnteredRateBody]:
    """Every rate that was entered by hand, corrected or withdrawn, the newest first."""
    size, before_id = page_size(limit), _number(starting_after) if starting_after else None
    found = await rate_store.revisions(
        service.MANUAL, merchant_id=merchant_of(request), limit=size + 1, before_id=before_id
    )
    return page([entered_rate_body(row) for row in found], size)


@post(
    "/rates/{rate_id:str}/withdraw",
    guards=[needs(FINANCE)],
    operation_class=Keyed,
    status_code=200,
    summary="Withdraw an entered rate",
    **_SHARED,
)
async def withdraw_rate(request: ApiRequest, rate_id: FromPath[str]) -> Response[EnteredRateBody]:
    """The rate counts no more; an earlier one of yours does, else the published one. It stays in the list."""
    merchant_id = merchant_of(request)

    async def work(idempotency_id: str) -> EnteredRateBody:
        return entered_rate_body(await service.withdraw(merchant_id, _number(rate_id), idempotency_id))

    return await answer_once(request, work, lambda found_id: _entered(merchant_id, found_id), status=200)


@post("/fx-quotes", guards=[needs(WRITE)], operation_class=Keyed, summary="Create a quote", **_SHARED)
async def create_quote(request: ApiRequest, data: JSONBody[MakeQuote]) -> Response[QuoteBody]:
    """What an amount is in the payer's currency, with your markup. Create the payment with `quote_id` before
    `expires_at`, for exactly the converted amount."""
    merchant_id, amount = merchant_of(request), data.amount.as_money()
    require_currency(data.to, "to")

    async def work(idempotency_id: str) -> QuoteBody:
        return quote_body(await quotes.make(merchant_id, amount, data.to, idempotency_id))

    async def rebuild(quote_id: str) -> QuoteBody:
        return quote_body(await quotes.get(merchant_id, quote_id))

    return await answer_once(request, work, rebuild)


@get("/fx-quotes", guards=[needs(READ)], summary="List quotes", **_SHARED)
async def list_quotes(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    payment_id: Annotated[
        str | None, QueryParameter(name="payment_id", max_length=40, description="The payment that was made with it.")
    ] = None,
) -> Page[QuoteBody]:
    """Newest first."""
    size = page_size(limit)
    found = await store.quotes_of(merchant_of(request), limit=size + 1, before_id=starting_after, payment_id=payment_id)
    return page([quote_body(row) for row in found], size)


@get("/fx-quotes/{quote_id:str}", guards=[needs(READ)], summary="Get a quote", **_SHARED)
async def get_quote(request: ApiRequest, quote_id: FromPath[str]) -> QuoteBody:
    """The quote, and the payment that was made with it."""
    return quote_body(await quotes.get(merchant_of(request), quote_id))


@get("/merchant/fx-terms", guards=[needs(READ)], summary="Get the markup on rates", **_SHARED)
async def get_terms(request: ApiRequest) -> FxTermsBody:
    """What is put on top of rates in quotes; 0 unless you said."""
    return FxTermsBody(markup_bps=await service.markup_bps(merchant_of(request)))


@put("/merchant/fx-terms", guards=[needs(FINANCE)], summary="Set the markup on rates", **_SHARED)
async def put_terms(request: ApiRequest, data: JSONBody[FxTermsInput]) -> FxTermsBody:
    """For quotes made from now on."""
    await service.set_markup(merchant_of(request), data.markup_bps)
    return FxTermsBody(markup_bps=data.markup_bps)


async def _entered(merchant_id: str, rate_id: str) -> EnteredRateBody:
    return entered_rate_body(await service.entered(merchant_id, _number(rate_id)))


def _number(rate_id: str) -> int:
    """Raises NotFound for what is no id of an entered rate."""
    found = _ENTERED_ID.fullmatch(rate_id)
    if found is None:
        raise NotFound("rate", rate_id)
    return int(found[1])


ROUTES = [
    list_rates,
    enter_rate,
    list_entered_rates,
    withdraw_rate,
    create_quote,
    list_quotes,
    get_quote,
    get_terms,
    put_terms,
]
