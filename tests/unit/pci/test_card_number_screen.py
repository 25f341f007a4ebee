"""No card data gets in, whatever part of a request it is in, and no line gets out with it."""

from __future__ import annotations

import json
import logging
import sys
import time
import timeit
from collections.abc import Callable, Iterator
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import log
from orchestrator.card_numbers import contains_card_number, mask_card_numbers, mask_card_numbers_in
from orchestrator.http.pan_screen import (
    OPAQUE_HEADERS,
    CardFieldRefused,
    CardNumberRefused,
    refuse_card_data,
    refuse_card_numbers_in_address,
    refuse_card_numbers_in_form,
    refuse_card_numbers_in_headers,
)

VISA = "4242424242424242"
CARDS = [VISA, "5555555555554444", "378282246310005", "6011111111111117", "3566002020360505", "6200000000000005"]
IN_NO_RANGE = st.builds(str.__add__, st.sampled_from("0179"), st.text("0123456789", min_size=12, max_size=18))


@pytest.mark.parametrize(
    "body",
    [
        {"note": VISA},
        {"a": [{"b": {"c": [f"paid with {VISA}"]}}]},
        {"metadata": {VISA: "x"}},
        {"number": int(VISA)},
        {"number": float(VISA)},
        [int(VISA)],
        {"note": "4242 - 4242 - 4242 - 4242"},
        {"note": "４２４２４２４２４２４２４２４２"},
        {"note": "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢"},
        {"note": "4242\u200b4242\u200b4242\u200b4242"},
    ],
)
def test_a_card_number_anywhere_in_a_body_is_refused(body: object) -> None:
    with pytest.raises(CardNumberRefused) as refused:
        refuse_card_data(body)
    assert "4242" not in str(refused.value)


def test_a_number_written_with_json_escapes_or_an_exponent_is_refused() -> None:
    for raw in (b'{"x": "\\u0034242424242424242"}', b'{"x": "\\uff14242424242424242"}', b'{"x": 4.242424242424242e15}'):
        with pytest.raises(CardNumberRefused):
            refuse_card_data(msgspec.json.decode(raw))


@pytest.mark.parametrize(
    "name", ["cvc", "CVV", "cvv2", "card_number", "cardNumber", "Card-Number", "pan", "security_code", "track2"]
)
def test_a_field_named_for_card_data_is_refused_with_the_remedy(name: str) -> None:
    with pytest.raises(CardFieldRefused) as refused:
        refuse_card_data({"payment_method": {name: "123"}})
    assert refused.value.errors[0].field == f"payment_method.{name}"
    assert "vault" in refused.value.detail
    assert "123" not in refused.value.detail


@pytest.mark.parametrize("name", ["company", "number", "invoice_number", "panel", "tracking", "span", "description"])
def test_names_that_only_resemble_one_pass(name: str) -> None:
    refuse_card_data({name: "123"})


@given(IN_NO_RANGE)
def test_numbers_in_no_issuers_range_pass(digits: str) -> None:
    assert not contains_card_number(digits)
    refuse_card_data({"order": digits})
    if not digits.startswith("0"):
        refuse_card_data({"number": int(digits)})


@given(st.sampled_from(CARDS), st.text(" .,;:'\"!?()ÄÖ中\n", max_size=20), st.text(" .,;:'\"!?()\t", max_size=20))
def test_a_number_between_other_signs_is_found_and_masked(card: str, before: str, after: str) -> None:
    text = f"{before}{card}{after}"
    assert contains_card_number(text)
    masked = mask_card_numbers(text)
    assert card not in masked
    assert card[:-4] not in masked
    assert not contains_card_number(masked)


@given(st.text(max_size=200))
def test_masking_leaves_other_texts_as_they_are(text: str) -> None:
    if not contains_card_number(text):
        assert mask_card_numbers(text) is text


@given(st.binary(max_size=200))
def test_masking_bytes_never_fails(body: bytes) -> None:
    assert mask_card_numbers_in(body) is not None


def test_only_the_card_number_of_a_message_is_masked() -> None:
    message = b'{"pspReference":"8815658961765250","card":"4242 4242 4242 4242","iban":"DE89370400440532013000"}'
    masked = mask_card_numbers_in(message)
    assert b"8815658961765250" in masked
    assert b"DE89370400440532013000" in masked
    assert b"**** **** **** 4242" in masked
    assert json.loads(masked)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (f"/v1/payments/{VISA}", ""),
        ("/v1/payments", f"reference={VISA}"),
        ("/v1/payments", f"reference={quote(' '.join([VISA[:4]] * 4))}"),
        ("/v1/payments", "reference=" + "".join(f"%{ord(digit):02x}" for digit in VISA)),
        ("/v1/payments", "name=" + quote("４２４２４２４２４２４２４２４２") + ".csv"),
        ("/v1/payments", f"{VISA}=1"),
    ],
)
def test_an_address_with_a_card_number_is_refused(path: str, query: str) -> None:
    with pytest.raises(CardNumberRefused):
        refuse_card_numbers_in_address(path, query)


def test_headers_are_screened_but_for_ids_of_others_making() -> None:
    for name in (b"idempotency-key", b"user-agent", b"referer", b"x-customer"):
        with pytest.raises(CardNumberRefused, match=name.decode()):
            refuse_card_numbers_in_headers([(b"host", b"a"), (name, VISA.encode())])
    refuse_card_numbers_in_headers([(name, VISA.encode()) for name in OPAQUE_HEADERS])


class _File:
    def __init__(self, filename: str) -> None:
        self.filename = filename


def test_forms_are_screened_with_the_names_of_their_files() -> None:
    fields: list[tuple[str, object]]
    for fields in ([("note", VISA)], [(VISA, "x")], [("file", _File(f"{VISA}.pdf"))]):
        with pytest.raises(CardNumberRefused):
            refuse_card_numbers_in_form(fields)
    with pytest.raises(CardFieldRefused):
        refuse_card_numbers_in_form([("cvc", "123")])


def test_a_body_of_one_kilobyte_is_screened_in_a_fraction_of_a_millisecond() -> None:
    body = {
        "amount": {"amount": 1999, "currency": "EUR"},
        "payment_method": {"type": "card", "vault_token": "tok_0193b5d2c4a17e3f9b2d4c6a8e0f1b3d", "last4": "4242"},
        "metadata": {f"key{number}": f"value {number} 1234567" for number in range(24)},
        "description": "a pair of tuning forks " * 10,
    }
    encoded = msgspec.json.encode(body)
    assert len(encoded) > 1000
    screen = timeit.Timer(lambda: refuse_card_data(body, encoded), timer=time.process_time)
    took_s = min(screen.repeat(repeat=20, number=200)) / 200  # of the processor: the machine may be busy otherwise
    assert took_s < 0.00005, f"{took_s * 1000:.4f} ms"


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What the process has written by now; the logs are set up again as they were."""
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = root.handlers[:], root.level
    yield lambda: capsys.readouterr().err
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)


@pytest.mark.parametrize("as_json", [True, False])
def test_no_log_line_has_a_card_number_whoever_writes_it(lines: Callable[[], str], as_json: bool) -> None:
    log.configure(json=as_json)
    ours, theirs = log.logger("ours"), logging.getLogger("somebody.else")
    ours.info(f"card {VISA}", body={"deep": [{"er": VISA}]}, number=int(VISA), error=ValueError(VISA))
    theirs.warning("sent %s to %s", VISA, {"pan": VISA})
    theirs.warning('%s - "GET /x?card=%s HTTP/1.1" 200', "127.0.0.1", VISA)
    secret = VISA
    try:
        raise RuntimeError(f"refused {secret[:4]} {secret[4:8]} {secret[8:12]} {secret[12:]}")
    except RuntimeError:
        ours.exception("failed")
        theirs.exception("failed")
    text = lines()
    assert "4242" in text
    assert not contains_card_number(text)
    assert text.count("RuntimeError") >= 2


def test_a_record_that_cannot_be_written_is_not_printed_as_it_is(lines: Callable[[], str]) -> None:
    log.configure()
    logging.getLogger("somebody.else").warning("%d cards: %d", VISA)
    written = lines()
    assert "could not be written" in written
    assert VISA not in written


def test_a_traceback_shows_no_local_variables(lines: Callable[[], str]) -> None:
    log.configure(json=False)
    password = "".join(["correct", " ", "horse"])
    try:
        raise RuntimeError(len(password))
    except RuntimeError:
        log.logger("ours").exception("failed")
    written = lines()
    assert "RuntimeError" in written
    assert "correct horse" not in written
