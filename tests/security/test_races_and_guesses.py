"""The same thing many times at once, or again and again: recovery codes, codes, sessions, passwords, claims, links."""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from dataclasses import replace

import httpx
import pytest
from http_driving import Api
from people import Person, new_person
from web_driving import Visitor

from orchestrator.access import service
from tests.built_application import application

EUROS = {"amount": 1_000, "currency": "EUR"}
PUBLIC_URL = "http://clearway.test"


def browser(ip: str = "192.0.2.50", **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False, client=(ip, 1))
    return httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL, headers=headers)


async def half_in(ada: Person) -> Person:
    """The same person in another browser, whose password was right."""
    elsewhere = replace(ada, visitor=Visitor(browser()))
    answer = await elsewhere.sign_in()
    assert answer.headers["location"].startswith("/console/login/code")
    return elsewhere


async def test_a_recovery_code_lets_one_in(api: Api) -> None:
    ada = await new_person(api.client, api.merchant_id)
    await ada.sign_in()
    await ada.set_up_totp()
    several = [await half_in(ada) for _ in range(3)]
    answers = await asyncio.gather(*(one.enter(ada.recovery_codes[0]) for one in several))
    assert sorted(answer.status_code for answer in answers) == [303, 401, 401]


async def test_a_code_of_the_phone_lets_one_in(api: Api) -> None:
    ada = await new_person(api.client, api.merchant_id)
    await ada.sign_in()
    await ada.set_up_totp()
    several = [await half_in(ada) for _ in range(3)]
    answers = await asyncio.gather(*(one.enter(ada.code(1)) for one in several))
    assert sorted(answer.status_code for answer in answers) == [303, 401, 401]


async def test_codes_cannot_be_guessed_by_signing_in_anew_each_time(api: Api) -> None:
    """The count is the user's: another half session, browser or address has no other."""
    ada = await new_person(api.client, api.merchant_id)
    await ada.sign_in()
    await ada.set_up_totp()
    seen = []
    for number in range(8):
        thief = replace(ada, visitor=Visitor(browser(f"198.51.100.{number}")))
        await thief.sign_in()
        seen.append((await thief.enter("000000")).status_code)
    assert seen[0] == 401
    assert seen[-2:] == [429, 429]


async def test_guesses_by_others_keep_nobody_out_of_a_browser_that_is_known(api: Api) -> None:
    ada = await new_person(api.client, api.merchant_id)
    await ada.sign_in()
    for number in range(8):
        await replace(ada, visitor=Visitor(browser(f"198.51.100.{number}"))).sign_in("wrong password 12345")
    assert (await replace(ada, visitor=Visitor(browser("198.51.100.99"))).sign_in()).status_code == 429
    assert (await ada.sign_in()).status_code == 303


@pytest.mark.usefixtures("costly_passwords")
async def test_whether_somebody_exists_shows_neither_in_words_nor_in_time(api: Api) -> None:
    known = await new_person(api.client, api.merchant_id)
    took: dict[str, list[float]] = {"known": [], "unknown": []}
    said = set()
    for number in range(4):
        for kind, email in (("known", known.email), ("unknown", f"nobody{number}@acme.example")):
            stranger = replace(known, email=email, visitor=Visitor(browser(f"198.51.100.{number}")))
            token = await stranger.visitor.token_on("/console/login")
            began = time.perf_counter()
            form = {"_csrf_token": token, "email": email, "password": "wrong password 123"}
            answer = await stranger.visitor.client.post("/console/login", data=form)
            took[kind].append(time.perf_counter() - began)
            said.add((answer.status_code, answer.text.replace(token, "")))
    assert len(said) == 1
    least = {kind: min(times) for kind, times in took.items()}
    assert min(least.values()) >= 0.45, "both take the same half second"
    assert statistics.median(took["known"]) < 30


async def test_one_idempotency_key_many_times_at_once_makes_one_payment(api: Api) -> None:
    key = str(uuid.uuid4())
    answers = await asyncio.gather(*(api.post("/v1/payments", {"amount": EUROS}, key=key) for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert len((await api.get("/v1/payments")).json()["data"]) == 1


async def test_spellings_of_one_address_share_their_idempotency_keys(api: Api) -> None:
    """Else a retry through a proxy that rewrites addresses would charge twice."""
    made = set()
    for path in (
        b"/v1/payments",
        b"/v1/payments/",
        b"//v1/payments",
        b"/v1//payments",
        b"/v1/p%61yments",
        b"/v1/./payments",
    ):
        address = httpx.URL(PUBLIC_URL).copy_with(raw_path=path)
        answer = await api.client.post(
            address, json={"amount": EUROS}, headers={**api.headers(), "Idempotency-Key": "1"}
        )
        made.add(answer.json().get("id"))
    assert len(made) == 1


async def test_a_key_of_another_merchant_is_another_key(api: Api, other: Api) -> None:
    ours = (await api.post("/v1/payments", {"amount": EUROS}, key="same")).json()["id"]
    theirs = await other.post("/v1/payments", {"amount": EUROS}, key="same")
    assert theirs.json()["id"] != ours
    assert "idempotent-replayed" not in theirs.headers


async def test_a_repetition_by_a_weaker_key_shows_no_secret(api: Api) -> None:
    """A merchant's API keys share the idempotency keys: a secret must not be among what is repeated."""
    weak = replace(api, secret=await service.create_api_key(api.merchant_id, "weak", ["keys", "users"]))
    for path, body in (
        ("/v1/api-keys", {"name": "strong", "scopes": ["finance"]}),
        ("/v1/users", {"email": "root@acme.example", "role": "admin"}),
    ):
        first = (await api.post(path, body, key="same")).json()
        again = (await weak.post(path, body, key="same")).json()
        assert first.get("secret") or first.get("link")
        assert not again.get("secret")
        assert not again.get("link")


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "\u00e9", "a b", '"unclosed', "a\tb", "\x7f", "x" * 100_000])
async def test_a_strange_idempotency_key_is_refused(api: Api, key: str) -> None:
    headers = [(b"authorization", f"Bearer {api.secret}".encode()), (b"idempotency-key", key.encode())]
    answer = await api.client.post("/v1/payments", json={"amount": EUROS}, headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 400
    assert answer.json()["code"] in ("idempotency_key_invalid", "idempotency_key_missing")


async def test_a_payment_link_is_not_used_more_often_than_it_may_be_by_many_at_once(api: Api) -> None:
    made = (await api.post("/v1/payment-links", {"amount": EUROS, "max_uses": 2})).json()
    path = made["url"].removeprefix(PUBLIC_URL)
    visitors = [Visitor(browser(f"198.51.100.{number}")) for number in range(10)]
    answers = await asyncio.gather(*(one.submit(path, path) for one in visitors))
    assert sorted(answer.status_code for answer in answers) == [303] * 2 + [503] * 8


async def test_a_revoked_key_ends_while_it_is_in_use(api: Api) -> None:
    used = replace(api, secret=await service.create_api_key(api.merchant_id, "used"))
    key_id = next(one["id"] for one in (await api.get("/v1/api-keys")).json()["data"] if one["name"] == "used")
    assert (await used.get("/v1/payments")).status_code == 200
    await api.client.delete(f"/v1/api-keys/{key_id}", headers=api.headers())
    until = time.monotonic() + 60
    while (await used.get("/v1/payments")).status_code != 401:
        assert time.monotonic() < until
        await asyncio.sleep(0.05)


async def test_the_last_two_admins_cannot_put_each_other_out_at_once(api: Api) -> None:
    ada = await new_person(api.client, api.merchant_id)
    bob = await new_person(api.client, api.merchant_id, email="bob@acme.example")

    async def out(who: Person) -> int:
        path = f"/v1/users/{who.user_id}"
        return (await api.client.patch(path, json={"disabled": True}, headers=api.headers())).status_code

    assert sorted(await asyncio.gather(out(ada), out(bob))) == [200, 409]


async def test_a_header_gives_nobody_another_address(api: Api) -> None:
    """Fifty tries of an address are free, whatever it says that it is."""
    names = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP")
    seen = []
    async with browser("203.0.113.9") as client:
        token = await Visitor(client).token_on("/console/login")
        for number in range(53):
            form = {"_csrf_token": token, "email": f"n{number}@x.example", "password": ""}
            said = dict.fromkeys(names, f"198.51.100.{number}")
            seen.append(client.post("/console/login", data=form, headers=said))
        statuses = [answer.status_code for answer in await asyncio.gather(*seen)]
    assert 429 in statuses


async def test_what_stands_left_of_the_last_stranger_in_x_forwarded_for_is_not_believed() -> None:
    """As uvicorn reads it for us: from the right, up to the first address that is no proxy of ours."""
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    seen: list[str] = []

    async def app(scope: object, *_: object) -> None:
        seen.append(scope["client"][0])  # type: ignore[index]

    guarded = ProxyHeadersMiddleware(app, trusted_hosts="10.0.0.1,10.0.0.2")  # type: ignore[arg-type]
    for peer, said in (
        ("10.0.0.1", b"1.2.3.4, 198.51.100.7, 10.0.0.2"),
        ("10.0.0.1", b"127.0.0.1, 198.51.100.7"),
        ("198.51.100.7", b"1.2.3.4"),
    ):
        scope = {"type": "http", "scheme": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", said)]}
        await guarded(scope, None, None)  # type: ignore[arg-type]
    assert seen == ["198.51.100.7"] * 3
