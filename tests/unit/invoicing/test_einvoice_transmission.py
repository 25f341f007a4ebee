from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from invoicing.einvoice.errors import ChannelRequired
from invoicing.einvoice.formats import Format
from invoicing.einvoice.mandates import MANDATES, Channel, Mandate, SellerSize, check_channel, mandate_for
from invoicing.einvoice.transmission import (
    Acknowledgement,
    Address,
    ChannelUnavailable,
    Contradiction,
    Envelope,
    FileDrop,
    TransmissionState,
    advance,
)  # fmt: skip


def envelope(transmission_id: str = "tra_1", xml: bytes = b"<Invoice/>", pdf: bytes | None = b"%PDF") -> Envelope:
    return Envelope(
        transmission_id=transmission_id, document_number="INV-1", form=Format.PEPPOL_BIS_3, xml=xml, pdf=pdf,
        sender=Address(scheme="9930", identifier="DE136695976"), receiver=None,
    )  # fmt: skip


def test_a_file_drop_leaves_the_invoice_with_its_label(tmp_path: Path) -> None:
    told = FileDrop(tmp_path).hand_over(envelope())
    assert told == Acknowledgement(state=TransmissionState.SENT, reference="tra_1.xml")
    assert (tmp_path / "outbox" / "tra_1.xml").read_bytes() == b"<Invoice/>"
    assert (tmp_path / "outbox" / "tra_1.pdf").read_bytes() == b"%PDF"
    label = json.loads((tmp_path / "outbox" / "tra_1.json").read_text())
    assert label["document_number"] == "INV-1"
    assert label["sha256"] == hashlib.sha256(b"<Invoice/>").hexdigest()
    assert not list(tmp_path.glob("outbox/.*"))


def test_handing_over_twice_sends_once_even_after_it_was_fetched(tmp_path: Path) -> None:
    drop = FileDrop(tmp_path)
    drop.hand_over(envelope())
    (tmp_path / "outbox" / "tra_1.xml").unlink()
    assert drop.hand_over(envelope()).state is TransmissionState.SENT
    assert not (tmp_path / "outbox" / "tra_1.xml").exists()


def test_one_id_with_two_contents_is_refused(tmp_path: Path) -> None:
    drop = FileDrop(tmp_path)
    drop.hand_over(envelope())
    with pytest.raises(ValueError, match="another content"):
        drop.hand_over(envelope(xml=b"<Other/>"))


def test_a_hand_over_that_was_cut_short_is_completed(tmp_path: Path) -> None:
    drop = FileDrop(tmp_path)
    drop.hand_over(envelope())
    (tmp_path / "outbox" / "tra_1.json").unlink()  # as if we had died before the last file
    assert drop.ask("tra_1").state is TransmissionState.QUEUED
    assert drop.hand_over(envelope()).state is TransmissionState.SENT


def test_the_answer_of_the_other_program_is_read(tmp_path: Path) -> None:
    drop = FileDrop(tmp_path)
    drop.hand_over(envelope())
    answer = {"state": "rejected", "reference": "R-7", "reasons": ["buyer unknown"]}
    (tmp_path / "answers" / "tra_1.json").write_text(json.dumps(answer))
    told = drop.ask("tra_1")
    assert told == Acknowledgement(state=TransmissionState.REJECTED, reference="R-7", reasons=("buyer unknown",))


def test_an_answer_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    drop = FileDrop(tmp_path)
    drop.hand_over(envelope())
    (tmp_path / "answers" / "tra_1.json").write_text("{")
    with pytest.raises(ChannelUnavailable, match=r"answers/tra_1\.json"):
        drop.ask("tra_1")


def test_an_unusable_directory_is_told_as_unavailable(tmp_path: Path) -> None:
    (tmp_path / "drop").write_text("a file")
    with pytest.raises(ChannelUnavailable):
        FileDrop(tmp_path / "drop").hand_over(envelope())


@pytest.mark.parametrize("transmission_id", ["../x", "a/b", "", ".", "a b"])
def test_an_id_cannot_lead_out_of_the_directory(transmission_id: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="transmission_id"):
        FileDrop(tmp_path).hand_over(envelope(transmission_id))


def test_the_first_last_word_stays() -> None:
    queued, sent, accepted = TransmissionState.QUEUED, TransmissionState.SENT, TransmissionState.ACCEPTED
    assert advance(queued, sent) is sent
    assert advance(sent, TransmissionState.REJECTED) is TransmissionState.REJECTED
    assert advance(accepted, sent) is accepted
    assert advance(accepted, TransmissionState.DELIVERED) is accepted
    with pytest.raises(Contradiction, match="last word"):
        advance(accepted, TransmissionState.REJECTED)


def test_that_it_failed_may_turn_out_to_be_wrong() -> None:
    assert advance(TransmissionState.FAILED, TransmissionState.DELIVERED) is TransmissionState.DELIVERED


def test_a_channel_cannot_have_it_sent_again() -> None:
    for state in TransmissionState:
        assert advance(state, TransmissionState.QUEUED) is state


def at(
    country: str, on: date, size: SellerSize = SellerSize.OTHER, buyer: str = "", business: bool = True
) -> Mandate | None:
    return mandate_for(
        seller_country=country, buyer_country=buyer or country, buyer_is_business=business, size=size, on=on
    )


@pytest.mark.parametrize(
    ("country", "size", "first_day"),
    [
        ("IT", SellerSize.SMALLEST, date(2019, 1, 1)),
        ("RO", SellerSize.OTHER, date(2024, 7, 1)),
        ("BE", SellerSize.OTHER, date(2026, 1, 1)),
        ("HR", SellerSize.OTHER, date(2026, 1, 1)),
        ("PL", SellerSize.LARGE, date(2026, 2, 1)),
        ("PL", SellerSize.OTHER, date(2026, 4, 1)),
        ("PL", SellerSize.SMALLEST, date(2027, 1, 1)),
        ("FR", SellerSize.LARGE, date(2026, 9, 1)),
        ("FR", SellerSize.OTHER, date(2027, 9, 1)),
        ("DE", SellerSize.LARGE, date(2027, 1, 1)),
        ("DE", SellerSize.OTHER, date(2028, 1, 1)),
    ],
)
def test_a_mandate_begins_on_its_day(country: str, size: SellerSize, first_day: date) -> None:
    assert at(country, first_day, size) is MANDATES[country]
    assert at(country, first_day - timedelta(days=1), size) is None


def test_no_mandate_reaches_across_a_border_or_to_a_consumer() -> None:
    assert at("IT", date(2026, 11, 1), buyer="DE") is None
    assert at("IT", date(2026, 11, 1), business=False) is None


@pytest.mark.parametrize(("country", "named"), [("IT", "SdI"), ("PL", "KSeF"), ("BE", "Peppol"), ("RO", "e-Factura")])
def test_e_mail_alone_is_refused_where_the_law_wants_a_channel(country: str, named: str) -> None:
    mandate = at(country, date(2026, 11, 1))
    with pytest.raises(ChannelRequired, match=named) as refused:
        check_channel(Channel.EMAIL, mandate, carries_e_invoice=True)
    assert MANDATES[country].law in str(refused.value)
    assert refused.value.field == "channel"


def test_the_channel_of_the_law_and_a_file_drop_are_let_through() -> None:
    mandate = at("BE", date(2026, 11, 1))
    check_channel(Channel.PEPPOL, mandate, carries_e_invoice=True)
    check_channel(Channel.FILE_DROP, mandate, carries_e_invoice=True)
    check_channel(Channel.EMAIL, None, carries_e_invoice=False)


def test_germany_takes_e_mail_but_only_with_an_e_invoice_in_it() -> None:
    mandate = at("DE", date(2028, 1, 1))
    check_channel(Channel.EMAIL, mandate, carries_e_invoice=True)
    with pytest.raises(ChannelRequired, match="plain PDF"):
        check_channel(Channel.EMAIL, mandate, carries_e_invoice=False)


def test_every_mandate_says_where_it_is_written() -> None:
    assert all(
        mandate.law and mandate.source and set(mandate.since) == set(SellerSize) for mandate in MANDATES.values()
    )
