"""Card numbers are found, and nothing else is taken for one."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.card_numbers import contains_card_number
from orchestrator.http.pan_screen import CardNumberRefused, refuse_card_data
from orchestrator.ids import new_id

CARDS = {
    "visa": "4242424242424242",
    "visa of 13": "4222222222222",
    "visa of 19": "4000000000000000006",
    "mastercard": "5555555555554444",
    "mastercard 2-series": "2223003122003222",
    "amex": "378282246310005",
    "discover": "6011111111111117",
    "diners": "30569309025904",
    "jcb": "3566002020360505",
    "unionpay": "6200000000000005",
    "maestro": "6759649826438453",
}


def _grouped(number: str, separator: str) -> str:
    if len(number) == 15:
        return separator.join((number[:4], number[4:10], number[10:]))
    return separator.join(number[start : start + 4] for start in range(0, len(number), 4))


@pytest.mark.parametrize("number", CARDS.values(), ids=CARDS.keys())
@pytest.mark.parametrize("separator", ["", " ", "-"])
def test_every_network_is_known_with_and_without_separators(number: str, separator: str) -> None:
    assert contains_card_number(_grouped(number, separator))


@pytest.mark.parametrize(
    "text",
    [
        "paid with 4242424242424242.",
        "4242 4242 4242 4242 12 2030",
        "2030 4242-4242-4242-4242",
        "no. 17 4242424242424242 exp 12/30",
        "(378282246310005)",
        "42 42 42 42 42 42 42 42",
        '{"number":"5555555555554444"}',
        "4242.4242.4242.4242",
        "4242  4242\t4242\n4242",
        "4242\u00a04242\u00a04242\u00a04242",
        "4242\u20134242\u20134242\u20134242",
        "\uff14\uff12\uff14\uff12" * 4,
    ],
)
def test_a_card_number_is_found_inside_a_text(text: str) -> None:
    assert contains_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",  # Luhn does not fit
        "1234567812345670",  # Luhn fits, no network begins so
        "42424242424242424",  # Visa has no 17 digits
        "424242424242424242424242",
        "DE89 3704 0044 0532 0130 00",
        "GB82WEST12345698765432",
        "+49 30 1234567 890",
        "2026-11-23 2026-11-24",
        "1763861923000000",  # microseconds since 1970
        "order 2026-000123, 3 items, 1999 cents",
        "pay_0193b5d24242424242424242abcdef01",
    ],
)
def test_what_only_resembles_a_card_number_passes(text: str) -> None:
    assert not contains_card_number(text)


@given(st.sampled_from(["pay", "att", "inv", "mer"]))
def test_ids_pass(prefix: str) -> None:
    assert not contains_card_number(new_id(prefix))


@given(st.text("0123456789abcdef", min_size=32, max_size=32).filter(lambda text: not text.isdigit()))
def test_hexadecimal_pay_ids_pass_whatever_digits_they_have(text: str) -> None:
    assert not contains_card_number(f"pay_{text}")


@given(st.uuids(version=4))
@example(uuid.UUID("38256630-8213-4695-8dee-9fbea3d4b3c4"))  # its first three groups would be a card number
def test_uuids_pass(value: uuid.UUID) -> None:
    assert not contains_card_number(str(value))


@given(st.integers(min_value=0, max_value=10**12))
def test_amounts_pass(value: int) -> None:
    assert not contains_card_number(str(value))


@given(st.text("0123456789", min_size=12, max_size=18))
def test_moments_counted_since_1970_pass(digits: str) -> None:
    """In milli-, micro- or nanoseconds they begin with 1 until the year 2033, as no network does."""
    assert not contains_card_number(f"1{digits}")


@given(st.sampled_from(sorted(CARDS.values())), st.integers(min_value=0, max_value=8))
def test_a_mistyped_digit_makes_it_no_card_number(number: str, place: int) -> None:
    other = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
    assert not contains_card_number(other)


def test_the_place_is_named_and_the_number_is_not() -> None:
    with pytest.raises(CardNumberRefused) as refused:
        refuse_card_data({"lines": [{"note": "x"}, {"note": "4242 4242 4242 4242"}]})
    assert refused.value.errors[0].field == "lines[1].note"
    assert "4242" not in str(refused.value)


def test_a_number_that_is_a_key_is_found_and_not_named() -> None:
    with pytest.raises(CardNumberRefused) as refused:
        refuse_card_data({"metadata": {"4242424242424242": "x"}})
    assert refused.value.errors[0].field == "metadata"
