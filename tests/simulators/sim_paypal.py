"""A merchant at the simulated PayPal, over HTTP: every reply is held against PayPal's published contracts."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import jsonschema
import sim_served as served

from simulators.deliveries import post_of
from simulators.paypal.app import create_app
from simulators.paypal.timers import HANDLERS
from simulators.registry import FORGERS, SIGNERS
from simulators.timekeeper import Timekeeper
from simulators.webhooks import Sender
from simulators.world import Endpoint, World

ACCOUNT = "paypal_1"
WEBHOOK_ID = "8PT597110X687430L"
ENDPOINT = Endpoint("paypal", ACCOUNT, "http://127.0.0.1:9/", {"webhook_id": WEBHOOK_ID})
RETURN = {"return_url": "https://shop.example/return", "cancel_url": "https://shop.example/cancel"}
Reply = dict[str, Any]
_DOCUMENTS = (
    *("paypal-checkout_orders_v2.json", "paypal-payments_payment_v2.json", "paypal-vault_payment_tokens_v3.json"),
    *("paypal-customer_disputes_v1.json", "paypal-notifications_webhooks_v1.json"),
    "paypal-reporting_transactions_v1.json",
)
# What the documents of February 2024 do not know, or not of every call that can say so:
_NEWER = frozenset(
    (
        *("PAYEE_NOT_CONSENTED", "SETUP_TOKEN_ALREADY_TOKENIZED", "PAYMENT_SOURCE_NOT_SUPPORTED"),
        *("TOKEN_ID_NOT_FOUND", "UNSUPPORTED_INTENT_FOR_PAYMENT_SOURCE"),
    )
)


class Merchant:
    """`get`, `post`, `patch` and `delete` give the reply's JSON once its status is the expected one."""

    def __init__(self, url: str, secret: str = "secret") -> None:
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=20)
        self._secret = secret
        self.log_in()

    def log_in(self) -> None:
        form = {"grant_type": "client_credentials"}
        granted = self._http.post("/v1/oauth2/token", data=form, auth=("client", self._secret)).json()
        self._bearer = {"authorization": f"Bearer {granted['access_token']}", "prefer": "return=representation"}

    def get(self, path: str, status: int = 200, **query: str) -> Reply:
        return self._call("GET", path, status, params=query)

    def post(self, path: str, body: Any = None, status: int = 201, key: str = "", **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named |= {"paypal-request-id": key} if key else {}
        return self._call("POST", path, status, json={} if body is None else body, headers=named)

    def send_form(self, path: str, status: int, body: str, files: dict[str, tuple[str, bytes, str]]) -> Reply:
        parts: list[tuple[str, Any]] = [("input", (None, body, "application/json")), *files.items()]
        return self._call("POST", path, status, files=parts)

    def send_raw(self, path: str, body: bytes, status: int = 200) -> Reply:
        return self._call("POST", path, status, content=body, headers={"content-type": "application/json"})

    def patch(self, path: str, body: Any, status: int = 204) -> Reply:
        return self._call("PATCH", path, status, json=body)

    def delete(self, path: str, status: int = 204) -> Reply:
        return self._call("DELETE", path, status)

    def refused(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, str]:
        """Status and issue of a call that must fail."""
        answer = self._http.request(
            method, path, json=body, headers={**self._bearer, **({"paypal-request-id": key} if key else {})}
        )
        assert answer.status_code >= 400, answer.text
        if answer.json()["details"][0]["issue"] not in _NEWER:
            _check(method, path, answer.status_code, answer.json())
        return answer.status_code, answer.json()["details"][0]["issue"]

    def _call(self, method: str, path: str, status: int, **request: Any) -> Reply:
        request["headers"] = {**self._bearer, **request.get("headers", {})}
        answer = self._http.request(method, path, **request)
        assert answer.status_code == status, (answer.status_code, answer.text)
        body: Reply = answer.json() if answer.content else {}
        _check(method, path, status, body)
        return body

    # orders

    def order(self, intent: str = "CAPTURE", value: str = "19.99", currency: str = "EUR", **more: Any) -> Reply:
        """The body of an order of one unit."""
        unit = {"amount": {"currency_code": currency, "value": value}, **more.pop("unit", {})}
        return {"intent": intent, "purchase_units": [unit], **more}

    def create(self, body: Reply | None = None, status: int = 201, key: str = "", **more: Any) -> Reply:
        body = body or self.order(**more)
        paid = "payment_source" in body
        return self.post("/v2/checkout/orders", body, status, key=key or ("create" if paid else ""))

    def approved_wallet_order(self, intent: str = "CAPTURE", **more: Any) -> str:
        """The id of an order that the payer has approved in the wallet."""
        source = {"paypal": {"experience_context": RETURN}}
        order = self.create(self.order(intent, payment_source=source, **more), 200, key=f"wallet{more}")
        press(link(order, "payer-action"), answer="approve")
        return str(order["id"])

    def authorized(self, **more: Any) -> Reply:
        """An authorization of a card for EUR 19.99."""
        order = self.create(self.order("AUTHORIZE", payment_source=card(), **more), key=f"auth{more}")
        return payment(order, "authorizations")

    def captured(self, key: str = "captured", **more: Any) -> Reply:
        """A capture of a card for EUR 19.99."""
        return payment(self.create(self.order("CAPTURE", payment_source=card(), **more), key=key), "captures")


def card(number: str = served.APPROVED, **more: Any) -> Reply:
    return {"card": {"number": number, "expiry": "2030-03", "name": "Ada Byron", **more}}


def payment(order: Reply, kind: str) -> Reply:
    found: Reply = order["purchase_units"][0]["payments"][kind][0]
    return found


def link(resource: Reply, rel: str) -> str:
    (href,) = [each["href"] for each in resource["links"] if each["rel"] == rel]
    return str(href)


def press(url: str, **form: str) -> tuple[str, dict[str, str]]:
    """Opens the payer's page, sends its form; returns where it leads, without and with the query."""
    with httpx.Client(trust_env=False) as browser:
        page = browser.get(url)
        if page.status_code == 200:
            page = browser.post(url, data=form)
    assert page.status_code == 303, page.text
    parts = urlsplit(page.headers["location"])
    return f"{parts.scheme}://{parts.netloc}{parts.path}", dict(parse_qsl(parts.query))


def events(world: World) -> list[str]:
    """What PayPal has told so far, oldest first."""
    sent = [delivery.notice.event for delivery in post_of(world).log.values()]
    return sent + [notice.event for notice in world.notices]


def pass_days(world: World, days: float) -> None:
    """Moves the clock and runs what is due on the way."""

    async def advance() -> None:
        sender = Sender(world, SIGNERS, FORGERS)
        await Timekeeper(world, sender, {"paypal": HANDLERS}).advance(days * 86_400)
        await sender.stop()

    asyncio.run(advance())


@contextmanager
def running(world: World) -> Iterator[str]:
    """The address of the simulator, served from another thread, so that a test may block on its answers."""
    loop, ready, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    found: list[str] = []

    async def serve() -> None:
        async with served.serving(create_app(world)) as url:
            found.append(url)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(60)
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def new_world() -> World:
    world = World()
    world.register_account("paypal", ACCOUNT, {"client_id": "client", "client_secret": "secret"})
    return world


def _check(method: str, path: str, status: int, body: Reply) -> None:
    """The reply fits the operation's schema, where the documents are here and know the operation."""
    for name in _DOCUMENTS:
        file = served.CONTRACTS / name
        if not file.exists():
            return
        document = served.contract(name)
        for template, methods in document["paths"].items():
            pattern = re.sub(r"\{[^/]+\}", "[^/]+", template)
            if re.fullmatch(pattern, path.partition("?")[0]) and method.lower() in methods:
                _conforms(document, methods[method.lower()]["responses"], status, body)
                return


def _conforms(document: Reply, responses: Reply, status: int, body: Reply) -> None:
    response = responses.get(str(status)) or responses.get("default") or {}
    while "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rsplit("/", 1)[-1]]
    schema = response.get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        return
    for detail in body.get("details", []) if status >= 400 else []:
        detail.pop("description", None)  # sentences for people, reworded since
    validator = jsonschema.Draft202012Validator({**document, **schema})
    problems = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}"[:300] for e in validator.iter_errors(body)]
    assert not problems, problems
