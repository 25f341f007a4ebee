"""The hosted checkout: where a shopper pays, what its script asks, and the way back from the bank's page."""

from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from orchestrator.abuse.service import TooManyTries
from orchestrator.access import service as access
from orchestrator.checkouts import service as checkouts
from orchestrator.checkouts import store as checkout_store
from orchestrator.checkouts.records import SessionRow, SessionState
from orchestrator.customers import store as customer_store
from orchestrator.errors import Conflict, InvalidField
from orchestrator.gateways import store as gateway_store
from orchestrator.http.pan_screen import refuse_card_data
from orchestrator.http.strict_body import decoded
from orchestrator.payments import service as payments
from orchestrator.payments.instruments import Card
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.settings import get_settings
from orchestrator.web import csrf, replies
from orchestrator.web.browser_facts import BrowserFacts, shopper_of
from orchestrator.web.device import device_cookies
from orchestrator.web.locales import DEFAULT_LOCALE, PageWords, cookies_for, words_for
from orchestrator.web.looks import look_of
from orchestrator.web.pages import CSRF_HEADER
from orchestrator.web.presenters import ShopperAnswer, checkout_view, in_test_mode, shopper_answer
from orchestrator.web.screening import masked
from orchestrator.web.tries import watch_return, watched

BODY_MAX_BYTES = 20_000
RESULT_FIELDS_MAX = 20  # of what a gateway's page sends along; none of the three uses more than a handful
RESULT_VALUE_MAX_CHARS = 8_000
TOO_MANY = "This cannot be paid just now. Nothing has been charged. Please try again later."

_RETURNING = frozenset(
    {
        PaymentStatus.AUTHORISED,
        PaymentStatus.PARTIALLY_CAPTURED,
        PaymentStatus.CAPTURED,
        PaymentStatus.FAILED,
        PaymentStatus.CANCELED,
    }
)
_LOST = frozenset({PaymentStatus.FAILED, PaymentStatus.CANCELED})
_Short = Annotated[str, msgspec.Meta(max_length=80, pattern=r"^[^\x00-\x1f]*$")]
_AS_JSON: Any = {HTTPException: replies.error_json, Exception: replies.error_json}


class AttemptBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the page's script posts: the vault's token, and what the vault says may be shown of the card.

    The token becomes part of an expression that the vault's proxy replaces, so it holds nothing but its own characters.
    """

    token: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{4,128}$")]
    brand: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_ -]{0,20}$")]
    last4: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}$")]
    expiry_month: Annotated[int, msgspec.Meta(ge=1, le=12)]
    expiry_year: Annotated[int, msgspec.Meta(ge=2000, le=2100)]
    bin: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{0,8}$")] = ""
    holder: _Short | None = ""
    issuer_country: Annotated[str, msgspec.Meta(pattern=r"^(?:[A-Z]{2})?$")] | None = ""
    funding: Literal["", "credit", "debit", "prepaid"] | None = ""
    browser: BrowserFacts | None = None

    def card(self) -> Card:
        """The card as a payment takes it."""
        return Card(
            vault_token=self.token,
            brand=self.brand,
            last4=self.last4,
            expiry_month=self.expiry_month,
            expiry_year=self.expiry_year,
            holder=self.holder or "",
            bin=self.bin,
            issuer_country=self.issuer_country or "",
            funding=self.funding or "",
        )


@get("/pay/{token:str}")
async def checkout_page(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[str]:
    """The page in the visitor's language. Raises NotFound."""
    payment, session = await _now(token)
    merchant = await access.get_merchant(payment.merchant_id)
    accounts = await gateway_store.accounts_of(payment.merchant_id)
    csrf_token = csrf.token_of(request)
    view = checkout_view(
        payment,
        merchant.name,
        words=await _words(request, payment),
        csrf_token=csrf_token,
        return_url=return_address(payment, session),
        test_mode=in_test_mode(accounts),
        look=await look_of(payment.merchant_id),
        session=session,
    )
    cookies = (csrf.cookie_of(csrf_token), *device_cookies(request), *cookies_for(request))
    return replies.page(view, vault_fields_url=get_settings().vault.fields_url, cookies=cookies)


@post("/pay/{token:str}/attempt", request_max_body_size=BODY_MAX_BYTES, exception_handlers=_AS_JSON)
async def attempt(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[bytes]:
    """Pay with the card behind a vault token, and say what came of it; 409 where the payment takes no card now."""
    csrf.check(request, request.headers.get(CSRF_HEADER))
    body = _attempt_body(await request.body())
    status = 200
    payment, _ = await _now(token)  # a session past its time ends here, so that the payment takes no card
    card = body.card()
    try:
        shopper = shopper_of(request, payment.usage.shopper, body.browser)
        await watched(
            request, payment, card, lambda suspected: payments.pay(token, card, shopper=shopper, suspected=suspected)
        )
    except Conflict:
        status = 409
    except TooManyTries as refused:
        message = words_for(request, payment.locale).say(TOO_MANY)
        answer_now = {"status": "failed", "message": message, "final": False, "url": ""}
        return replies.json_answer(answer_now, refused.status, Retry_After=str(refused.extra["retry_after_s"]))
    answer = await _answer(request, token, repeated=status == 409)
    return replies.json_answer(answer, status)


@get("/pay/{token:str}/status", exception_handlers=_AS_JSON)
async def status(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[bytes]:
    """Where the payment stands, for a page that waits. Raises NotFound."""
    return replies.json_answer(await _answer(request, token))


@get("/pay/{token:str}/return")
async def return_by_address(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[None]:
    """The shopper is back from the bank's or the gateway's page, with its result in the address."""
    return await _return(request, token, dict(request.query_params.items()))


@post("/pay/{token:str}/return", request_max_body_size=BODY_MAX_BYTES)
async def return_by_form(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[None]:
    """The same with a form. It comes from the bank's site, so no token of ours can be asked for: the gateway judges."""
    form = await request.form()
    return await _return(request, token, {**dict(request.query_params.items()), **dict(form.items())})


async def _return(request: Request[Any, Any, Any], token: str, result: dict[str, object]) -> Response[None]:
    """Complete the payment, then on to the merchant when it is final, else to our page, which shows how it stands."""
    payment = await payments.by_token(token)
    kept = {
        name[:80]: value[:RESULT_VALUE_MAX_CHARS].replace("\x00", "")  # PostgreSQL keeps no NUL
        for name, value in list(result.items())[:RESULT_FIELDS_MAX]
        if isinstance(value, str)
    }
    if kept:  # without a result there is nothing to complete: somebody opened the bare address
        payment = await payments.complete(payment.id, masked(kept))
        await watch_return(payment)
    payment, session = await _now(token)
    address = return_address(payment, session) if payment.status in _RETURNING else ""
    return replies.redirect(address or f"/pay/{token}")


async def _now(token: str) -> tuple[PaymentRow, SessionRow | None]:
    """The payment of a page, and the session that the page is for, both as they are by now. Raises NotFound."""
    payment = await payments.by_token(token)
    if not (payment.source or "").startswith("cs_"):
        return payment, None
    await checkouts.settle(payment.id)
    found = await checkout_store.session_of_payment(payment.id)
    return (found.payment, found.session) if found else (payment, None)


def return_address(payment: PaymentRow, session: SessionRow | None = None) -> str:
    """The merchant's address with the payment's id and status, or nothing. The status is no proof: the API is.

    A session that did not end well goes back to its `cancel_url`.
    """
    address = payment.return_url
    if session is not None and (session.state is SessionState.EXPIRED or payment.status in _LOST):
        address = session.cancel_url
    if not address:
        return ""
    parts = urlsplit(address)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("payment_id", payment.id), ("status", payment.status)]
    if session is not None:
        query.append(("checkout_session_id", session.id))
    return urlunsplit(parts._replace(query=urlencode(query)))


def _attempt_body(raw: bytes) -> AttemptBody:
    """Raises CardNumberRefused, CardFieldRefused, MalformedJson, InvalidField.

    Card data first: a message about a field may repeat what was sent.
    """
    refuse_card_data(decoded(raw))
    try:
        return msgspec.json.decode(raw, type=AttemptBody)
    except msgspec.ValidationError as error:
        raise InvalidField("body", str(error)) from None


async def _answer(request: Request[Any, Any, Any], token: str, *, repeated: bool = False) -> ShopperAnswer:
    """In the language that the page was in: its script asks with it in the address."""
    payment, session = await _now(token)
    words, story = words_for(request, payment.locale), await payments.story(payment)
    address = return_address(payment, session)
    return shopper_answer(payment, story, words, return_url=address, repeated=repeated, session=session)


async def _words(request: Request[Any, Any, Any], payment: PaymentRow) -> PageWords:
    """By the payment's locale; where nobody gave it one, by its customer's."""
    own = payment.locale
    if own == DEFAULT_LOCALE and payment.customer_id:
        customer = await customer_store.customer(payment.customer_id)
        own = customer.locale if customer else own
    return words_for(request, own)
