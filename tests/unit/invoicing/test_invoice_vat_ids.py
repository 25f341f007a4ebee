from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from invoicing.errors import InvalidInvoice
from invoicing.vat_ids import (
    ASK_AGAIN_AFTER,
    VALID_FOR,
    Register,
    VatIdCheck,
    VatIdState,
    check_untaxed_sale,
    check_vat_id,
    compact_vat_id,
    country_of_vat_id,
    is_check_due,
    is_vat_id,
    is_vat_id_of,
    register_of,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("vat_id", "country", "register"),
    [
        ("DE136695976", "DE", Register.VIES),
        ("ATU 13585627", "AT", Register.VIES),
        ("EL094259216", "GR", Register.VIES),
        ("NL4495445B01", "NL", Register.VIES),
        ("gb 980 7806 84", "GB", Register.HMRC),
        ("XI980780684", "XI", Register.VIES),
        ("CHE-107.787.577 MWST", "CH", Register.SWISS_UID),
        ("NO 995 525 828 MVA", "NO", Register.BRREG),
    ],
)
def test_a_vat_id_is_of_its_country_and_register(vat_id: str, country: str, register: Register) -> None:
    assert is_vat_id(vat_id)
    assert is_vat_id_of(vat_id, country)
    assert (country_of_vat_id(vat_id), register_of(vat_id)) == (country, register)
    check_vat_id(vat_id, "buyer.vat_id")


@pytest.mark.parametrize(
    "vat_id", ["DE136695978", "DE", "GB980780685", "XI980780685", "CHE107787577", "CHE107787578MWST", "NO995525829MVA"]
)
def test_a_mistyped_vat_id_is_refused_by_field(vat_id: str) -> None:
    assert not is_vat_id(vat_id)
    with pytest.raises(InvalidInvoice, match=r"buyer\.vat_id"):
        check_vat_id(vat_id, "buyer.vat_id")


@pytest.mark.parametrize("number", ["", "T1234567890123", "12-3456789", "GR094259216"])
def test_a_number_of_another_scheme_is_not_judged(number: str) -> None:
    assert (is_vat_id(number), register_of(number)) == (False, None)
    check_vat_id(number, "seller.vat_id")


def test_an_id_is_compared_without_its_punctuation() -> None:
    assert compact_vat_id("che-107.787.577 mwst") == "CHE107787577MWST"


@pytest.mark.parametrize(
    ("state", "asked_ago", "due"),
    [
        (VatIdState.PENDING, None, True),
        (VatIdState.UNAVAILABLE, ASK_AGAIN_AFTER - timedelta(seconds=1), False),
        (VatIdState.UNAVAILABLE, ASK_AGAIN_AFTER, True),
        (VatIdState.VALID, VALID_FOR - timedelta(seconds=1), False),
        (VatIdState.VALID, VALID_FOR, True),
        (VatIdState.INVALID, VALID_FOR, False),
    ],
)
def test_a_register_is_asked_again_as_its_answer_wants(
    state: VatIdState, asked_ago: timedelta | None, due: bool
) -> None:
    asked = None if asked_ago is None else NOW - asked_ago
    assert is_check_due(VatIdCheck(vat_id="DE136695976", state=state, checked_at=asked), NOW) is due


def test_only_an_id_known_to_be_wrong_stops_a_sale_without_tax() -> None:
    for state in VatIdState:
        check = VatIdCheck(vat_id="DE136695976", state=state, checked_at=NOW)
        if state is VatIdState.INVALID:
            with pytest.raises(InvalidInvoice, match="charge the tax"):
                check_untaxed_sale(check)
        else:
            check_untaxed_sale(check)
