from __future__ import annotations

from typing import Any

import pytest

from invoicing.einvoice.addresses import Address, check_address
from invoicing.einvoice.formats import Format
from invoicing.einvoice.mandates import Channel
from invoicing.einvoice.preferences import Preference, check_preference, completed
from invoicing.errors import InvalidInvoice
from tests.unit.invoicing.einvoice_samples import GERMAN, LEITWEG, draft, without

PARTICIPANT = Address(scheme="0204", identifier="991-01484-64")


@pytest.mark.parametrize(
    ("scheme", "identifier"),
    [
        ("0002", "732829320"),
        ("0007", "5567026934"),
        ("0009", "73282932000074"),
        ("0088", "5060012349998"),
        ("0184", "13585628"),
        ("0184", "DK13585628"),
        ("0192", "974760673"),
        ("0204", "04011000-1234512345-06"),
        ("0204", "991-01484-64"),
        ("0208", "0202239951"),
        ("9914", "ATU13585627"),
        ("9930", "DE136695976"),
        ("9930", "136695976"),
        ("9933", "EL094259216"),
        ("9957", "FR40303265045"),
        ("0225", "whatever the French directory says"),
        ("EM", "invoices@beta.example"),
    ],
)
def test_an_address_of_a_known_scheme_is_taken(scheme: str, identifier: str) -> None:
    check_address(Address(scheme=scheme, identifier=identifier), "address")


@pytest.mark.parametrize(
    ("scheme", "identifier", "field", "remedy"),
    [
        ("9999", "1", "address.scheme", "0204"),
        ("VAT", "1", "address.scheme", "EAS"),
        ("0088", "5060012349999", "address.identifier", "GLN"),
        ("0088", "12345670", "address.identifier", "13 digits"),
        ("0204", "991-01484-65", "address.identifier", "Leitweg-ID"),
        ("0208", "0202239952", "address.identifier", "Belgian"),
        ("0208", "BE0202239951", "address.identifier", "10 digits"),
        ("9930", "DE136695977", "address.identifier", "VAT id of DE"),
        ("9930", "ATU13585627", "address.identifier", "VAT id of DE"),
        ("EM", "beta.example", "address.identifier", "e-mail"),
        ("0225", "", "address.identifier", "spaces"),
        ("0225", " 1", "address.identifier", "spaces"),
    ],
)
def test_a_wrong_address_is_refused_with_its_field_and_a_remedy(
    scheme: str, identifier: str, field: str, remedy: str
) -> None:
    with pytest.raises(InvalidInvoice, match=remedy) as refused:
        check_address(Address(scheme=scheme, identifier=identifier), "address")
    assert refused.value.field == field


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"buyer_reference": LEITWEG},
        {"form": Format.XRECHNUNG_CII},
        {"form": Format.FACTUR_X, "channel": Channel.FILE_DROP},
        {"form": Format.PEPPOL_BIS_3, "channel": Channel.PEPPOL, "address": PARTICIPANT},
        {"form": Format.XRECHNUNG_UBL, "channel": Channel.PEPPOL, "address": PARTICIPANT},
        {"form": Format.FACTUR_X, "channel": Channel.FRANCE_PLATFORM},
    ],
)
def test_what_fits_together_is_taken(given: dict[str, Any]) -> None:
    check_preference(Preference(**given), "e_invoice")


@pytest.mark.parametrize(
    ("given", "field", "remedy"),
    [
        ({"channel": Channel.FILE_DROP}, "e_invoice.format", "factur_x or"),
        ({"form": Format.FACTUR_X, "channel": Channel.PEPPOL}, "e_invoice.format", "peppol_bis_3 or"),
        ({"form": Format.XRECHNUNG_UBL, "channel": Channel.FRANCE_PLATFORM}, "e_invoice.format", "choose factur_x$"),
        ({"form": Format.PEPPOL_BIS_3, "channel": Channel.PEPPOL}, "e_invoice.address", "participant"),
        (
            {
                "form": Format.PEPPOL_BIS_3,
                "channel": Channel.PEPPOL,
                "address": Address(scheme="EM", identifier="a@b.example"),
            },
            "e_invoice.address.scheme",
            "four digits",
        ),
        ({"form": Format.FACTUR_X, "channel": Channel.POLAND_KSEF}, "e_invoice.channel", r"FA\(3\).*file_drop"),
        ({"form": Format.FACTUR_X, "channel": Channel.ITALY_SDI}, "e_invoice.channel", "FatturaPA.*file_drop"),
        ({"address": Address(scheme="1234", identifier="1")}, "e_invoice.address.scheme", "EAS"),
        ({"buyer_reference": "x" * 501}, "e_invoice.buyer_reference", "at most"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field_and_a_remedy(
    given: dict[str, Any], field: str, remedy: str
) -> None:
    with pytest.raises(InvalidInvoice, match=remedy) as refused:
        check_preference(Preference(**given), "e_invoice")
    assert refused.value.field == field


@pytest.mark.parametrize("channel", [channel for channel in Channel if channel is not Channel.EMAIL])
def test_no_channel_but_mail_goes_without_a_format(channel: Channel) -> None:
    with pytest.raises(InvalidInvoice, match="choose"):
        check_preference(Preference(channel=channel), "e_invoice")


def test_a_draft_is_completed_only_where_it_says_nothing() -> None:
    wish = Preference(address=PARTICIPANT, buyer_reference="of the customer")
    bare = draft(buyer=without(GERMAN, electronic_address="", electronic_address_scheme=""), buyer_reference="")
    filled = completed(bare, wish)
    assert filled.buyer_reference == "of the customer"
    assert (filled.buyer.electronic_address_scheme, filled.buyer.electronic_address) == ("0204", "991-01484-64")
    assert completed(draft(), wish) == draft()
