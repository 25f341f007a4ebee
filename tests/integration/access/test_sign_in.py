"""Signing in: what opens the door, what does not, and that nobody learns or guesses anything at it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import pytest_asyncio
from http_driving import Api, merchant_api
from one_browser import browser
from people import PASSWORD, Person, new_person

from orchestrator.access import sessions, sign_in, throttle, user_store, users
from orchestrator.access.scopes import Role
from orchestrator.access.sessions import Visit
from orchestrator.access.sign_in import SignInRefused
from orchestrator.db import fetch
from orchestrator.errors import InvalidField

WRONG = "not the password 1"
HERE = Visit("192.0.2.77", "a browser")


@pytest_asyncio.fixture(loop_scope="session")
async def ada(api: Api) -> Person:
    return await new_person(api.client, api.merchant_id)


async def test_the_right_password_opens_the_console(ada: Person) -> None:
    answer = await ada.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/payments")
    assert await ada.is_in()


async def test_an_unknown_user_a_wrong_password_and_a_disabled_user_are_told_the_same(api: Api, ada: Person) -> None:
    row, link = await users.invite(api.merchant_id, "bob@acme.example", Role.VIEWER)
    await users.accept_link(link or "", PASSWORD)
    await users.change(api.merchant_id, row.id, disabled=True)
    texts = set()
    for email, password in (("ada@acme.example", WRONG), ("no@acme.example", WRONG), ("bob@acme.example", PASSWORD)):
        answer = await Person(ada.visitor, "", "", email).sign_in(password)
        assert answer.status_code == 401
        texts.add(answer.text.split("</form>")[0].split('role="alert"')[1].split("</p>")[0])
    assert len(texts) == 1


@pytest.mark.usefixtures("costly_passwords")
async def test_an_unknown_user_takes_as_long_as_a_known_one(ada: Person) -> None:
    """Each refusal hashes once and answers after the same time; the two ranges of times overlap."""
    times: dict[str, list[float]] = {}
    for email in (ada.email, "nobody@acme.example") * 5:
        began = time.perf_counter()
        with pytest.raises(SignInRefused):
            await sign_in.with_password(email, WRONG, "", HERE)
        times.setdefault(email, []).append(time.perf_counter() - began)
    known, unknown = times.values()
    assert min(known) < max(unknown)
    assert min(unknown) < max(known)
    assert min(*known, *unknown) >= sign_in.REFUSED_AFTER_S


@pytest.mark.usefixtures("costly_passwords")
async def test_of_many_guesses_at_once_no_more_than_the_free_ones_are_looked_at(ada: Person) -> None:
    guesses = [sign_in.with_password(ada.email, WRONG, "", HERE) for _ in range(30)]
    results = await asyncio.gather(*guesses, return_exceptions=True)
    looked_at = [one for one in results if isinstance(one, SignInRefused)]
    assert len(looked_at) == throttle.account_door(ada.email).free
    assert all(isinstance(one, SignInRefused | throttle.TooManyTries) for one in results)


async def test_after_too_many_guesses_even_the_right_password_waits(ada: Person) -> None:
    for _ in range(5):
        with pytest.raises(SignInRefused):
            await sign_in.with_password(ada.email, WRONG, "", HERE)
    answer = await ada.sign_in()
    assert answer.status_code == 429
    assert "too many tries" in answer.text


async def test_the_pause_doubles_and_reaches_half_an_hour_by_the_tenth_guess(database: str) -> None:
    door, now, pauses = throttle.account_door("x"), datetime.now(UTC), []
    for _ in range(11):
        await throttle.take(door, now)
        rows = await fetch("SELECT blocked_until FROM login_throttle WHERE id = $1", door.id)
        until = rows[0]["blocked_until"]
        pauses.append((until - now) // timedelta(minutes=1) if until else 0)
        now = until or now
    assert pauses == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 32]


async def test_a_browser_that_was_here_before_is_let_in_while_strangers_guess(api: Api, ada: Person) -> None:
    await ada.sign_in()
    await ada.visitor.submit("/console/logout", "/console/account")
    for _ in range(5):
        with pytest.raises(SignInRefused):
            await sign_in.with_password(ada.email, WRONG, "", HERE)
    with pytest.raises(throttle.TooManyTries):
        await sign_in.with_password(ada.email, PASSWORD, "", HERE)
    assert (await ada.sign_in()).status_code == 303


async def test_the_cookie_of_one_users_browser_helps_with_no_other_account(api: Api, ada: Person) -> None:
    bob = await new_person(api.client, api.merchant_id, email="bob@acme.example")
    device = sign_in.device_cookie(bob.user_id)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            await sign_in.with_password(ada.email, WRONG, "", HERE)
    with pytest.raises(throttle.TooManyTries):
        await sign_in.with_password(ada.email, PASSWORD, device, HERE)


async def test_one_address_cannot_go_through_a_list_of_accounts(database: str) -> None:
    door = throttle.address_door(HERE.ip)
    for _ in range(door.free):
        await throttle.take(door, datetime.now(UTC))
    with pytest.raises(throttle.TooManyTries):
        await sign_in.with_password("somebody@acme.example", WRONG, "", HERE)


async def test_signing_in_never_takes_on_a_session_that_the_browser_brought(ada: Person) -> None:
    planted = "A" * 43
    ada.visitor.client.cookies.set("clearway_session", planted, domain="clearway.test", path="/")
    await ada.sign_in()
    assert ada.session_cookie() not in ("", planted)
    assert await sessions.find(planted, datetime.now(UTC)) is None


async def test_the_database_knows_no_session_that_a_cookie_could_be_made_of(ada: Person) -> None:
    await ada.sign_in()
    rows = await fetch("SELECT id, handle FROM console_session")
    assert [row["id"] for row in rows] == [sessions.hash_of(ada.session_cookie())]
    assert ada.session_cookie() not in str([dict(row) for row in rows])


async def test_signing_out_ends_the_session_itself_and_not_the_cookie_only(ada: Person) -> None:
    await ada.sign_in()
    stolen = ada.session_cookie()
    await ada.visitor.submit("/console/logout", "/console/account")
    ada.visitor.client.cookies.set("clearway_session", stolen)
    assert not await ada.is_in()


@pytest.mark.parametrize(
    "aged",
    [
        "last_seen_at = last_seen_at - interval '15 minutes 1 second'",
        "expires_at = last_seen_at - interval '1 second'",
    ],
    ids=["idle", "too old"],
)
async def test_a_session_ends_by_rest_and_by_age(ada: Person, aged: str) -> None:
    await ada.sign_in()
    assert await ada.is_in()
    await fetch(f"UPDATE console_session SET {aged}")
    assert not await ada.is_in()


async def test_the_second_factor_is_asked_for_and_the_half_session_opens_nothing(ada: Person) -> None:
    await ada.sign_in()
    await ada.set_up_totp()
    await ada.visitor.submit("/console/logout", "/console/account")
    answer = await ada.sign_in()
    assert answer.headers["location"] == "/console/login/code"
    half = ada.session_cookie()
    assert (await ada.visitor.open("/console/payments")).headers["location"].startswith("/console/login/code")
    assert (await ada.visitor.open("/console/account")).status_code == 303
    assert (await ada.enter(ada.code(1))).headers["location"] == "/console/payments"
    assert await ada.is_in()
    assert ada.session_cookie() != half
    assert await sessions.find(half, datetime.now(UTC)) is None


async def test_a_code_is_taken_once_even_by_two_at_once(ada: Person) -> None:
    await ada.sign_in()
    await ada.set_up_totp()
    user = await user_store.user(ada.user_id)
    assert user is not None
    step = user.totp_last_step + 1
    used = await asyncio.gather(*(user_store.use_totp_step(ada.user_id, step) for _ in range(8)))
    assert used.count(True) == 1
    assert (await sign_in.with_password(ada.email, PASSWORD, "", HERE)).needs_code
    await ada.visitor.submit("/console/logout", "/console/account")
    await ada.sign_in()
    assert (await ada.enter(ada.code())).status_code == 401  # it confirmed the set-up


async def test_a_recovery_code_opens_the_door_once(ada: Person) -> None:
    await ada.sign_in()
    await ada.set_up_totp()
    assert len(ada.recovery_codes) == 10
    for status in (303, 401):
        await ada.visitor.submit("/console/logout", "/console/account")
        await ada.sign_in()
        assert (await ada.enter(ada.recovery_codes[0])).status_code == status
        if status == 303:
            assert "9 recovery codes left" in (await ada.visitor.open("/console/account")).text


async def test_the_second_factor_is_not_guessed(ada: Person) -> None:
    await ada.sign_in()
    await ada.set_up_totp()
    ada.visitor.client.cookies.delete("clearway_session")
    await ada.sign_in()
    statuses = [(await ada.enter("000000")).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


async def test_secrets_of_the_second_factor_are_sealed_and_its_recovery_codes_hashed(ada: Person) -> None:
    await ada.sign_in()
    await ada.set_up_totp()
    rows = await fetch("SELECT sealed_totp_secret FROM console_user")
    assert ada.totp_secret not in rows[0]["sealed_totp_secret"]
    hashes = await fetch("SELECT code_hash FROM recovery_code")
    assert not {row["code_hash"] for row in hashes} & set(ada.recovery_codes)


async def test_a_changed_password_ends_every_other_session_and_renews_this_one(ada: Person) -> None:
    await ada.sign_in()
    before = ada.session_cookie()
    async with browser() as elsewhere:
        phone = Person(type(ada.visitor)(elsewhere), ada.merchant_id, ada.user_id, ada.email)
        await phone.sign_in()
        page = "/console/account"
        await ada.visitor.submit(f"{page}/password", page, password=PASSWORD, new_password="another horse 77 staple")
        assert not await phone.is_in()
    assert await ada.is_in()
    assert ada.session_cookie() != before
    assert await sessions.find(before, datetime.now(UTC)) is None


@pytest.mark.parametrize(
    "new", ["short 1", "no digits in here at all", "1234567890123456", "aaaaaaaaaaaa1", "ada ada 1 ada ada"]
)
async def test_a_password_that_is_easy_to_guess_is_refused(ada: Person, new: str) -> None:
    link = await users.make_link(ada.merchant_id, ada.user_id)
    if "ada" in new:
        await fetch("UPDATE console_user SET email = 'adaada@acme.example'")
        new = "adaada and 1 more"
    with pytest.raises(InvalidField):
        await users.accept_link(link, new)


async def test_signing_out_everywhere_ends_them_all(ada: Person) -> None:
    await ada.sign_in()
    async with browser() as elsewhere:
        phone = Person(type(ada.visitor)(elsewhere), ada.merchant_id, ada.user_id, ada.email)
        await phone.sign_in()
        await ada.visitor.submit("/console/account/sessions/end-all", "/console/account")
        assert not await phone.is_in()
    assert not await ada.is_in()


async def test_one_session_of_ones_own_can_be_ended_and_no_others(api: Api, ada: Person) -> None:
    await ada.sign_in()
    async with browser() as elsewhere:
        bob = await new_person(elsewhere, api.merchant_id, email="bob@acme.example")
        await bob.sign_in()
        rows = await fetch("SELECT handle FROM console_session WHERE user_id = $1", bob.user_id)
        page = "/console/account"
        answer = await ada.visitor.submit(f"{page}/sessions/end", page, session=rows[0]["handle"])
        assert answer.status_code == 404
        assert await bob.is_in()


async def test_a_form_is_good_in_its_own_session_only(api: Api, ada: Person) -> None:
    await ada.sign_in()
    async with browser() as elsewhere:
        bob = await new_person(elsewhere, api.merchant_id, email="bob@acme.example")
        await bob.sign_in()
        token = await ada.visitor.token_on("/console/account")
        elsewhere.cookies.set("clearway_console_csrf", ada.visitor.client.cookies["clearway_console_csrf"])
        answer = await elsewhere.post("/console/account/sessions/end-all", data={"_csrf_token": token})
        assert answer.status_code == 403
        assert await bob.is_in()


async def test_signing_in_to_the_console_does_not_spoil_a_checkout_in_the_same_browser(ada: Person) -> None:
    await ada.visitor.open("/console/login")
    before = ada.visitor.client.cookies["clearway_csrf"]
    await ada.sign_in()
    await ada.visitor.open("/console/account")
    assert ada.visitor.client.cookies["clearway_csrf"] == before


async def test_in_production_a_key_does_not_open_the_console(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator.settings import get_settings

    monkeypatch.setenv("CLEARWAY_MODE", "production")
    monkeypatch.setenv("CLEARWAY_PUBLIC_URL", "https://clearway.test")
    get_settings.cache_clear()
    async with httpx.AsyncClient(transport=api.client._transport, base_url="https://clearway.test") as https:
        visitor = Person(type((await new_person(https, api.merchant_id)).visitor)(https), "", "", "").visitor
        page = await visitor.open("/console/login")
        assert 'name="api_key"' not in page.text
        answer = await visitor.submit("/console/login", "/console/login", api_key=api.secret)
        assert answer.status_code == 403


async def test_where_a_second_factor_is_required_nothing_else_opens_before(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestrator.settings import get_settings

    monkeypatch.setenv("CLEARWAY_CONSOLE_TOTP_REQUIRED", "true")
    get_settings.cache_clear()
    await ada.sign_in()
    assert (await ada.visitor.open("/console/payments")).headers["location"] == "/console/account"
    await ada.set_up_totp()
    assert await ada.is_in()


async def test_a_user_of_two_merchants_goes_from_one_to_the_other_in_a_new_session(api: Api, ada: Person) -> None:
    second = await merchant_api(api.client, "Second GmbH")
    await users.invite(second.merchant_id, ada.email, Role.VIEWER)
    await ada.sign_in()
    before = ada.session_cookie()
    await ada.visitor.submit("/console/account/merchant", "/console/account", merchant=second.merchant_id)
    assert "Second GmbH" in (await ada.visitor.open("/console/payments")).text
    assert ada.session_cookie() != before
    assert (await ada.visitor.open("/console/users")).status_code == 403  # a viewer there
    third = await merchant_api(api.client, "Third GmbH")
    page = "/console/account"
    assert (await ada.visitor.submit(f"{page}/merchant", page, merchant=third.merchant_id)).status_code == 404
