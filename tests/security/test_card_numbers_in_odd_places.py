"""A card number in every odd place and spelling that a caller may come up with is refused and kept nowhere."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import pytest
from http_driving import Api
from leaks import found_in_database

PAN = "4242424242424242"
EUROS = {"amount": 1_000, "currency": "EUR"}
GROUPS = [PAN[start : start + 4] for start in range(0, 16, 4)]
UNSEEN = [
    *("\u00ad", "\u034f", "\u061c", "\u115f", "\u180e", "\u200b", "\u200c", "\u200d", "\u200e", "\u202a", "\u202e"),
    *("\u2060", "\u2061", "\u2064", "\u2066", "\u2069", "\u3164", "\uffa0", "\ufe0f", "\ufeff", "\ufff9", "\U000e0020"),
]
BETWEEN = [
    "",
    " ",
    "-",
    " - ",
    ".",
    "\t",
    "\n",
    "\r\n",
    "\u00a0",
    "\u2009",
    "\u202f",
    "\u2011",
    "\u2013",
    "\u2028",
    "\x85",
]
ZEROS = {"full-width": 0xFF10, "Arabic": 0x660, "Devanagari": 0x966, "bold": 0x1D7CE, "Thai": 0xE50, "Adlam": 0x1E950}


def spelled(zero: int) -> str:
    return "".join(chr(zero + int(digit)) for digit in PAN)


SPELLINGS = {
    **{f"U+{ord(sign):04X} between digits": sign.join(PAN) for sign in UNSEEN},
    **{f"U+{ord(sign):04X} between groups": sign.join(GROUPS) for sign in UNSEEN},
    **{f"{between!r} between groups": between.join(GROUPS) for between in BETWEEN},
    **{f"{name} digits": spelled(zero) for name, zero in ZEROS.items()},
    "circled": "".join(chr(0x245F + int(digit)) for digit in PAN),
    "keycaps": "".join(f"{digit}\ufe0f\u20e3" for digit in PAN),
    "marked by direction": f"\u202d{' '.join(GROUPS)}\u202c",
    "with its date": f"{PAN} 12/30 123",
    "as a terminal's track": f";{PAN}=30121010000000000?",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
async def test_however_it_is_spelled(api: Api, spelling: str) -> None:
    answer = await api.post("/v1/payments", {"amount": EUROS, "description": f"please charge {spelling} thanks"})
    assert (answer.status_code, answer.json()["code"]) == (422, "card_number_refused")


@pytest.mark.parametrize(
    "body",
    [
        {"reference": PAN},
        {"metadata": {PAN: "x"}},
        {"metadata": {"x": PAN}},
        {"metadata": {"x": " / ".join(["a", PAN])}},
        {PAN: 1},
        {"nested": {"deep": [[{"x": PAN}]]}},
        {"number": int(PAN)},
        {"number": float(PAN)},
        {"number": -int(PAN)},
        {"customer": {"name": PAN, "email": f"{PAN}@shop.example"}},
        {"return_url": f"https://shop.example/{PAN}"},
    ],
    ids=repr,
)
async def test_wherever_it_stands_in_a_body(api: Api, body: dict[str, Any]) -> None:
    answer = await api.post("/v1/payments", {"amount": EUROS, **body})
    assert (answer.status_code, answer.json()["code"]) == (422, "card_number_refused")
    assert PAN not in answer.text


async def test_nothing_of_it_is_kept_or_logged_or_said_again(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    """Every place at once, and then a look into every column of every table, and at the log."""
    from orchestrator import log

    log.configure("debug")
    said = []
    for path, name in (("/v1/customers", "name"), ("/v1/payments", "description"), ("/v1/webhook-endpoints", "url")):
        said.append(await api.post(path, {name: PAN}))
        said.append(await api.post(path, {PAN: name}))
        said.append(await api.post(path, f'{{"{name}": {PAN}'.encode()))  # not even JSON
        said.append(await api.post(f"{path}?{PAN}={PAN}", {}))
        said.append(await api.post(f"{path}/{PAN}", {}))
        said.append(await api.post(path, {}, key=PAN))
    headers = ("X-Request-Id", "User-Agent", "Referer", "X-Anything", "Accept-Language", "Clearway-Version")
    said += [await api.client.get("/v1/payments", headers={**api.headers(), header: PAN}) for header in headers]
    said.append(await api.client.get("/v1/payments", headers={"Authorization": f"Bearer {PAN}"}))
    said.append(await api.client.get(f"/pay/{PAN}"))
    said.append(await api.client.get(f"/console/payments?q={PAN}"))
    said.append(await api.client.get(f"/console/login?next=/console/{PAN}"))
    said.append(await api.client.post("/console/login", data={"email": PAN, "password": PAN, PAN: PAN}))
    said.append(await api.client.post("/console/login", files={"f": (f"{PAN}.csv", b"x")}, data={"email": "x"}))
    said.append(await api.client.post(f"/webhooks/{PAN}", content=PAN.encode()))
    said.append(await api.client.post("/csp-reports", json=[{"type": "csp-violation", "body": {"documentURL": PAN}}]))
    said.append(await api.client.request(PAN, "/v1/payments"))
    assert not [answer.url for answer in said if PAN in answer.text or PAN in str(answer.headers)]
    assert not [answer.url for answer in said if answer.status_code >= 500]
    assert await found_in_database([PAN, " ".join(GROUPS), "-".join(GROUPS)]) == []
    captured = capfd.readouterr()
    assert PAN not in captured.out + captured.err


@pytest.mark.parametrize("name", ["cvc", "CVC", "Card-Number", "pan", "securityCode", "track2", "pinblock"])
async def test_a_field_that_is_named_for_card_data_is_refused_at_any_depth(api: Api, name: str) -> None:
    for body in ({name: "1"}, {"metadata": {name: "1"}}, {"a": [{"b": {name: None}}]}):
        answer = await api.post("/v1/payments", {"amount": EUROS, **body}, key=str(uuid.uuid4()))
        assert (answer.status_code, answer.json()["code"]) == (422, "card_field_refused")


def test_what_no_card_number_is_passes() -> None:
    from orchestrator.card_numbers import contains_card_number

    for text in ("2606:4700:4700::1111", "4111 1111 1111 1112", "order 4242-4242", "0193b5d2c4a17e3f9b2d4c6a8e0f1b3d"):
        assert not contains_card_number(text), text
    assert not any(contains_card_number(f"{a}{b}") for a, b in itertools.pairwise(["2026-11-23", "10:00:00"]))
