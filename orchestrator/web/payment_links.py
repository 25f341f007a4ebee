"""The page of a payment link: what it is for, the amount where the payer chooses it, and the way to the checkout."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from currency.formatting import format_money, parse_money
from currency.money import InvalidAmount, Money
from orchestrator import clock_port
from orchestrator.access import service as access
from orchestrator.checkouts import links
from orchestrator.checkouts.records import LinkRow
from orchestrator.errors import Busy, InvalidField
from orchestrator.gateways import store as gateway_store
from orchestrator.web import csrf, replies, views
from orchestrator.web.locales import cookies_for, words_for
from orchestrator.web.looks import look_of
from orchestrator.web.pages import CSRF_FIELD
from orchestrator.web.presenters import in_test_mode

BODY_MAX_BYTES = 5_000
TYPED_MAX_CHARS = 30
CLOSED = "Nothing can be paid by this link any more, and nothing has been charged. Please ask {merchant} for a new one."
BUSY = "Somebody else is paying by this link just now. Nothing has been charged. Please try again in half an hour."


@get("/l/{token:str}")
async def link_page(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[str]:
    """The page in the visitor's language; it says so where nothing can be paid. Raises NotFound."""
    found = await links.by_token(token)
    try:
        links.require_open(found, clock_port.now())
    except Busy:
        return await _page(request, found.link, closed=BUSY, status=503)
    except links.LinkClosed:
        return await _page(request, found.link, closed=CLOSED, status=409)
    return await _page(request, found.link)


@post("/l/{token:str}", request_max_body_size=BODY_MAX_BYTES)
async def begin(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[Any]:
    """To the checkout of a new session for this visitor. Raises NotFound."""
    form = await request.form()
    csrf.check(request, form.get(CSRF_FIELD))
    link, words = (await links.by_token(token)).link, words_for(request)
    typed = str(form.get("amount") or "")[:TYPED_MAX_CHARS]
    try:
        chosen = None if link.amount else parse_money(typed, link.currency, words.locale)
        session = await links.begin(token, chosen.minor if chosen else None, words.locale.replace("_", "-"))
    except (InvalidAmount, InvalidField):
        return await _page(request, link, typed=typed, status=422)
    except Busy:
        return await _page(request, link, closed=BUSY, status=503)
    except links.LinkClosed:
        return await _page(request, link, closed=CLOSED, status=409)
    return replies.redirect(f"/pay/{session.payment.public_token}")


async def _page(
    request: Request[Any, Any, Any], link: LinkRow, *, typed: str = "", closed: str = "", status: int = 200
) -> Response[str]:
    merchant = await access.get_merchant(link.merchant_id)
    accounts = await gateway_store.accounts_of(link.merchant_id)
    words, csrf_token = words_for(request), csrf.token_of(request)
    least, most = (
        Money(minor, link.currency) if minor is not None else None
        for minor in (link.amount_min_minor, link.amount_max_minor)
    )
    error = ""
    if status == 422 and least and most:
        error = words.say(
            "Please enter an amount from {least} to {most}.",
            least=format_money(least, words.locale),
            most=format_money(most, words.locale),
        )
    view = views.PaymentLinkView(
        words=words,
        merchant_name=merchant.name,
        description=link.description,
        begin_url=f"/l/{link.public_token}",
        csrf_token=csrf_token,
        amount=link.amount,
        least=least,
        most=most,
        typed=typed,
        error=error,
        closed=words.say(closed, merchant=merchant.name) if closed else "",
        test_mode=in_test_mode(accounts),
        look=await look_of(link.merchant_id),
    )
    cookies = (csrf.cookie_of(csrf_token), *cookies_for(request))
    return replies.page(view, status=status, cookies=cookies)
