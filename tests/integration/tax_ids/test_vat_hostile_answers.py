"""Whatever comes from the other end of the wire, an id is valid or invalid only on a clear word about itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odd_register import VALID, OddRegister
from vat_desk import AUSTRIAN, Desk, ask

from invoicing.vat_ids import VatIdState
from orchestrator.settings import SettingsError, read_settings
from orchestrator.tax_ids.registers import vies
from orchestrator.tax_ids.registers.vies import ANSWER_BYTES_MAX, NoAnswer

ABOUT = {"countryCode": "AT", "vatNumber": "U13585627"}


async def silence(desk: Desk) -> str:
    customer = await desk.customer()
    await asyncio.wait_for(ask(), 60)
    row = await desk.standing(customer)
    assert (row.state, row.answer, row.tries) == (VatIdState.UNAVAILABLE, None, 1)
    return row.detail


async def test_a_good_answer_is_taken(desk: Desk, odd: OddRegister) -> None:
    """Else none of the others would prove anything."""
    customer = await desk.customer()
    await ask()
    row = await desk.standing(customer)
    assert row.answer is not None
    assert (row.state, row.answer.name, row.answer.proof) == (VatIdState.VALID, "Alpenklang", "W1")
    assert odd.asked[0]["path"] == "/rest-api/check-vat-number"


async def test_a_redirect_is_not_followed(desk: Desk, odd: OddRegister) -> None:
    odd.status, odd.headers, odd.body = 307, {"Location": f"{odd.url}/elsewhere"}, b""
    assert "307" in await silence(desk)
    assert [each["path"] for each in odd.asked] == ["/rest-api/check-vat-number"]


async def test_a_body_without_end_is_cut_off(desk: Desk, odd: OddRegister) -> None:
    odd.body = b'{"valid": true, "name": "' + b"x" * 5_000_000
    assert await silence(desk) == f"answered with more than {ANSWER_BYTES_MAX} bytes"


async def test_a_small_body_that_unpacks_into_a_large_one_is_not_unpacked(desk: Desk, odd: OddRegister) -> None:
    import gzip

    odd.headers, odd.body = (
        {"Content-Encoding": "gzip"},
        gzip.compress(b'{"valid": true, "name": "' + b"x" * 10_000_000),
    )
    assert "what is no answer" in await silence(desk)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"[]", b"true", b'"valid"', b"<html>maintenance</html>", b"\xff\xfe", b"[" * 60_000),
        *(b'{"valid": "true"}', b'{"valid": 1}', b'{"valid": null}', b"{}", b'{"errorWrappers": "none"}'),
        *(b'{"errorWrappers": [{}]}', b'{"valid": true, "name": 7}', b'{"valid": true, "requestIdentifier": []}'),
        *(b'{"valid": true}', b'{"valid": true, "countryCode": "AT", "vatNumber": "U33864707"}'),
        *(b'{"valid": false, "countryCode": "IT", "vatNumber": "U13585627"}', b'{"isValid": true}'),
    ],
)
async def test_what_is_no_clear_word_about_the_id_is_no_answer(desk: Desk, odd: OddRegister, body: bytes) -> None:
    odd.body = body
    await silence(desk)


@pytest.mark.parametrize("status", [201, 400, 403, 404, 429, 500, 503])
async def test_a_word_under_another_status_is_no_answer(desk: Desk, odd: OddRegister, status: int) -> None:
    odd.status = status
    assert str(status) in await silence(desk)


async def test_an_error_counts_whatever_else_is_said(desk: Desk, odd: OddRegister) -> None:
    odd.said = {**VALID, "errorWrappers": [{"error": "MS_UNAVAILABLE"}]}
    assert await silence(desk) == "MS_UNAVAILABLE"


async def test_a_register_that_refuses_every_requester_is_asked_twice_and_no_more(desk: Desk, odd: OddRegister) -> None:
    odd.body = b'{"actionSucceed": false, "errorWrappers": [{"error": "INVALID_REQUESTER_INFO"}]}'
    assert await silence(desk) == "INVALID_REQUESTER_INFO"
    assert len(odd.asked) == 2


async def test_invalid_input_is_an_answer(desk: Desk, odd: OddRegister) -> None:
    odd.status, odd.body = 400, b'{"actionSucceed": false, "errorWrappers": [{"error": "INVALID_INPUT"}]}'
    customer = await desk.customer()
    await ask()
    assert (await desk.state(customer), (await desk.standing(customer)).detail) == ("invalid", "INVALID_INPUT")


async def test_control_characters_and_long_texts_do_no_harm(desk: Desk, odd: OddRegister) -> None:
    odd.said = {
        **VALID,
        "name": "A\x00B\x1b[31m" + "x" * 5_000,
        "address": "Weg 1\nWien\x00",
        "requestIdentifier": "W\x002",
    }
    customer = await desk.customer()
    await ask()
    row = await desk.standing(customer)
    assert row.answer is not None
    assert (row.answer.address, row.answer.proof, len(row.answer.name)) == ("Weg 1\nWien", "W2", 1_000)


async def test_a_proof_that_would_have_to_be_cut_is_none(desk: Desk, odd: OddRegister) -> None:
    odd.said = {**VALID, "requestIdentifier": "W" * 101}
    assert "too long" in await silence(desk)


async def test_an_error_of_any_length_fits(desk: Desk, odd: OddRegister) -> None:
    odd.said = {"errorWrappers": [{"error": "E\x00" * 5_000}]}
    assert len(await silence(desk)) == 300


@pytest.mark.parametrize("url", ["http://vies.example/rest-api", "ftp://127.0.0.1/", "vies"])
def test_vies_is_asked_over_https_only(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("CLEARWAY_VAT__VIES_URL", url)
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(SettingsError, match="VIES_URL"):
        read_settings()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
_FIELDS = ("valid", "countryCode", "vatNumber", "requestIdentifier", "name", "address", "errorWrappers", "userError")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(said=st.dictionaries(st.sampled_from(_FIELDS), _JSON), status=st.sampled_from([200, 204, 302, 400, 500]))
def test_no_answer_is_made_valid_but_by_the_word_about_the_id(said: dict[str, Any], status: int) -> None:
    import msgspec

    content = msgspec.json.encode({**ABOUT, **said})
    try:
        found = vies._read(AUSTRIAN, status, content, datetime(2026, 11, 2, tzinfo=UTC))
    except NoAnswer:
        return
    assert (status, said.get("valid")) == (200, found.state is VatIdState.VALID)
    assert {**ABOUT, **said}["vatNumber"].replace(" ", "").upper().endswith("U13585627")
    assert not {"\x00", "\x1b"} & set(found.name + found.address + found.proof)
