"""What every call of Adyen's APIs passes: the key, the merchant account, idempotency, and what is to go wrong.

docs.adyen.com/development-resources/api-idempotency: keys are the company's, an answer to a key is given again with
header idempotency-key, and a key whose first request still runs is refused with 704 and transient-error: true. That the
same key with another body is refused, too, is our reading: the page says nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from simulators.adyen.state import State
from simulators.adyen.wire import RequestRefused, error
from simulators.asgi import Request, Response, play
from simulators.replays import Known
from simulators.world import World

KEY_LIFETIME = timedelta(days=7)  # "a minimum of 7 days" in the newer copies of the page, 31 in the older ones
KEY_MAX_LENGTH = 64
DEFAULT_COMPANY = "ClearwaySim"
_NAMES_NO_ACCOUNT = re.compile(r"/(payments/details|v3/me|paymentLinks/\w+|sessions/\w+|b[ct]l/v\d/.+)$")

Body = dict[str, Any]
Work = Callable[[str, Body, str | None], Response | Awaitable[Response]]
"""Takes the merchant account, the request's body (its query where it has none), and the reason to decline (None: as the
issuer says). May raise RequestRefused."""

ErrorShape = Callable[[int, str, str, str], Response]
"""Takes status, code, message and category."""


class Gate:
    """Bound to one world. `shape` is that of the API's own errors, `credential` the name of the key it is called by."""

    def __init__(self, world: World, state: State, shape: ErrorShape = error, credential: str = "api_key") -> None:
        self._world, self._state, self._shape, self._credential = world, state, shape, credential

    async def serve(self, request: Request, operation: str, work: Work, account: str = "") -> Response:
        """`account` is the merchant account where the path names it; else the body or the query does."""
        self._state.base_url = "http://" + request.headers.get("host", "127.0.0.1")
        try:
            body = request.json() if request.body else dict(request.query)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return self._shape(400, "702", "Invalid JSON", "validation")
        account = account or str(body.get("merchantAccount") or body.get("merchantAccountCode") or "")
        if denied := self._denied(request, account):
            return denied
        account = account or self.account_of(request)
        if len(request.headers.get("idempotency-key", "")) > KEY_MAX_LENGTH:
            return self._shape(422, "705", "Idempotency key is longer than 64 characters", "validation")
        return await self._once(request, operation, account, body, work)

    def account_of(self, request: Request) -> str:
        key = {self._credential: request.headers.get("x-api-key", "")}
        return self._world.account_where("adyen", **key) or ""

    def _denied(self, request: Request, account: str) -> Response | None:
        """401 for a key that nobody registered, 403 / 901 for a merchant account that is not this key's."""
        key = request.headers.get("x-api-key", "")
        if not key or not self.account_of(request):
            return self._shape(401, "000", "HTTP Status Response - Unauthorized", "security")
        if not account and _NAMES_NO_ACCOUNT.search(request.path):
            return None
        if self._world.accounts.get(("adyen", account), {}).get(self._credential) != key:
            return self._shape(403, "901", "Invalid Merchant Account", "security")
        return None

    async def _once(self, request: Request, operation: str, account: str, body: Body, work: Work) -> Response:
        """The work, or the first answer to this key; keys count on POST only."""
        key = request.headers.get("idempotency-key", "") if request.method == "POST" else ""
        company = self._world.accounts.get(("adyen", account), {}).get("company", DEFAULT_COMPANY)
        # One space per path as well, as it is the same key on another resource that must not be answered.
        slot = (company, request.path, key)
        replays, facts = self._state.replays, {"account": account, "reference": body.get("reference", "")}
        known, first = Known.NO, None
        if key:
            known, first = replays.begin(slot, request.body, self._world.clock.now(), KEY_LIFETIME)

        async def once(declined_for: str | None) -> Response:
            if known is Known.ANSWERED and first is not None:
                return first
            if known is not Known.NO:
                return _in_progress(known)
            response, is_final = await _carried_out(work, account, body, declined_for)
            if not key:
                return response
            response = replace(response, headers={**response.headers, "idempotency-key": key})
            if is_final:
                replays.keep(slot, response)
            return response

        try:
            return await play(self._world.take_scenario("adyen", operation, **facts), once, self._failure)
        finally:
            if key and known is Known.NO:
                replays.forget(slot)  # unless it was answered

    def _failure(self, status: int) -> Response:
        """Adyen's own trouble: 500 / 903 says nothing of what was done; 429 was not processed."""
        if status == 429:
            return self._shape(429, "907", "Too many requests", "internal")
        return self._shape(500, "903", "Internal error", "internal")


async def _carried_out(work: Work, account: str, body: Body, declined_for: str | None) -> tuple[Response, bool]:
    """The answer, and whether an idempotency key keeps it."""
    try:
        made = work(account, body, declined_for)
        response = made if isinstance(made, Response) else await made
    except RequestRefused as trouble:
        return trouble.response, trouble.is_final
    return response, response.status < 300


def _in_progress(known: Known) -> Response:
    headers = {"transient_error": "true"} if known is Known.RUNNING else {}
    return error(422, "704", "Request already processed or in progress", "validation", **headers)
