"""E-invoices leave once, however often they are tried, and what is heard of them is kept."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from billing_desk import Desk
from einvoice_buyers import FILE_DROP, LEITWEG_ID, PEPPOL, DropBox, drafted, now, sent_out

from invoicing.einvoice.embedding import extract
from invoicing.einvoice.transmission import ChannelUnavailable, FileDrop, TransmissionState
from orchestrator import clock_port, outbox
from orchestrator.billing import credit_notes, document_mails, documents, service
from orchestrator.billing.delivery import store as deliveries
from orchestrator.billing.einvoices import service as einvoices
from orchestrator.billing.transmissions import acknowledging, store
from orchestrator.billing.transmissions import service as transmissions
from orchestrator.customers import service as customers
from orchestrator.db import fetch
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.settings import get_settings


@pytest.fixture
def drop_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CLEARWAY_EINVOICE_DROP_DIR", str(tmp_path / "drop"))
    get_settings.cache_clear()
    yield tmp_path / "drop"
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture
def box(desk: Desk, drop_dir: Path) -> DropBox:
    return DropBox(drop_dir / desk.merchant_id / "file_drop")


async def test_an_issued_invoice_is_left_where_the_customers_channel_fetches_it(desk: Desk, drop_dir: Path) -> None:
    row = await sent_out(desk, PEPPOL)
    assert (row.state, row.channel, row.receiver.identifier if row.receiver else "") == ("queued", "peppol", LEITWEG_ID)
    assert await transmissions.transmit(row.id) is None
    box, after = DropBox(drop_dir / desk.merchant_id / "peppol"), await now(row)
    assert box.files() == [f"{row.id}.json", f"{row.id}.xml"]
    xml = (box.outbox / f"{row.id}.xml").read_bytes()
    assert (after.state, after.sha256) == (TransmissionState.SENT, hashlib.sha256(xml).hexdigest())
    assert LEITWEG_ID.encode() in xml
    assert b"PO-1" in xml
    assert box.label(row.id)["receiver"] == {"scheme": "0204", "identifier": LEITWEG_ID}
    assert await desk.told(row.id) == ["e_invoice.sent"]


async def test_factur_x_leaves_as_the_pdf_with_the_xml_that_is_in_it(desk: Desk, box: DropBox) -> None:
    row = await sent_out(desk, FILE_DROP | {"format": "factur_x"})
    await transmissions.transmit(row.id)
    pdf = (box.outbox / f"{row.id}.pdf").read_bytes()
    assert extract(pdf) == (box.outbox / f"{row.id}.xml").read_bytes()
    assert pdf == await documents.pdf_of(desk.merchant_id, row.document_id)


async def test_a_credit_note_goes_the_way_of_its_invoice(desk: Desk, box: DropBox) -> None:
    row = await sent_out(desk, FILE_DROP)
    note = await credit_notes.issue(desk.merchant_id, row.document_id)
    (its,) = await store.of_merchant(desk.merchant_id, document_id=note.id, limit=2)
    await transmissions.transmit(its.id)
    assert b"CreditNote" in (box.outbox / f"{its.id}.xml").read_bytes()


async def test_what_is_not_sent_is_not_transmitted_until_somebody_asks(desk: Desk, box: DropBox) -> None:
    made = await drafted(desk, FILE_DROP)
    await service.finalize(desk.merchant_id, made.id, send_mail=False)
    assert await store.of_merchant(desk.merchant_id, limit=2) == []
    row = await transmissions.begin(desk.merchant_id, made.id)
    again = await transmissions.begin(desk.merchant_id, made.id)
    assert (row.state, again.id) == (TransmissionState.QUEUED, row.id)


async def test_the_outbox_keeps_the_bell_of_what_was_not_sent(desk: Desk, box: DropBox) -> None:
    row = await sent_out(desk, FILE_DROP)
    rung = [bell for bell in await outbox.take_due(clock_port.now()) if bell.topic == transmissions.TOPIC]
    assert [bell.subject for bell in rung] == [row.id]


async def test_many_at_once_send_once(desk: Desk, box: DropBox) -> None:
    row = await sent_out(desk, FILE_DROP)
    await asyncio.gather(*(transmissions.transmit(row.id) for _ in range(8)))
    assert ((await now(row)).state, (await now(row)).tries) == (TransmissionState.SENT, 1)
    assert await desk.told(row.id) == ["e_invoice.sent"]


async def test_an_unknown_outcome_is_tried_again_as_the_same_message(
    desk: Desk, box: DropBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await sent_out(desk, FILE_DROP)
    hand_over, asked = FileDrop.hand_over, []

    def answer_lost(drop: FileDrop, envelope: object) -> object:
        told = hand_over(drop, envelope)  # type: ignore[arg-type]
        asked.append(envelope)
        if len(asked) == 1:
            raise ChannelUnavailable("the line went dead")
        return told

    monkeypatch.setattr(FileDrop, "hand_over", answer_lost)
    with pytest.raises(ChannelUnavailable):
        await transmissions.transmit(row.id)
    held = await now(row)
    assert (held.state, held.error) == (TransmissionState.QUEUED, "the line went dead")
    await transmissions.transmit(row.id)
    assert asked[0] == asked[1]
    assert len(box.files()) == 2
    assert ((await now(row)).state, (await now(row)).error) == (TransmissionState.SENT, "")


async def test_what_cannot_be_sent_is_given_up_and_told_and_can_be_retried(desk: Desk, drop_dir: Path) -> None:
    row = await sent_out(desk, FILE_DROP)
    drop_dir.write_text("in the way")
    await fetch("UPDATE transmission SET tries = $2 WHERE id = $1", row.id, transmissions.GIVE_UP_TRIES - 1)
    await transmissions.transmit(row.id)
    failed = await now(row)
    assert failed.state is TransmissionState.FAILED
    assert "given up" in failed.error
    assert await desk.told(row.id) == ["e_invoice.failed"]
    drop_dir.unlink()
    again = await transmissions.retry(desk.merchant_id, row.id)
    assert (again.state, again.message_id) == (TransmissionState.QUEUED, row.id)  # the channel may have it after all
    await transmissions.transmit(row.id)
    assert (await now(row)).state is TransmissionState.SENT
    with pytest.raises(Conflict, match="sent"):
        await transmissions.retry(desk.merchant_id, row.id)


async def test_what_failed_is_the_same_message_even_when_the_address_has_changed(
    desk: Desk, drop_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, box = await sent_out(desk, PEPPOL), DropBox(drop_dir / desk.merchant_id / "peppol")
    hand_over = FileDrop.hand_over

    def answer_lost(drop: FileDrop, envelope: object) -> object:
        hand_over(drop, envelope)  # type: ignore[arg-type]
        raise ChannelUnavailable("the line went dead")

    await fetch("UPDATE transmission SET tries = $2 WHERE id = $1", row.id, transmissions.GIVE_UP_TRIES - 1)
    with monkeypatch.context() as line:
        line.setattr(FileDrop, "hand_over", answer_lost)
        await transmissions.transmit(row.id)
    assert (await now(row)).state is TransmissionState.FAILED
    moved = PEPPOL | {"address": {"scheme": "0204", "identifier": "992-90009-96"}}
    await customers.change(desk.merchant_id, row.customer_id, {"profile": {"e_invoice": moved}})
    await transmissions.retry(desk.merchant_id, row.id)
    await transmissions.transmit(row.id)
    assert ((await now(row)).state, len(box.files())) == (TransmissionState.SENT, 2)


async def test_what_was_refused_is_written_in_the_format_that_the_customer_has_then(desk: Desk, box: DropBox) -> None:
    made = await drafted(desk, None)
    issued = await service.finalize(desk.merchant_id, made.id, send_mail=False)

    async def wish(form: str) -> None:
        changed = {"e_invoice": {"format": form, "channel": "file_drop"}}
        await customers.change(desk.merchant_id, issued.customer_id, {"profile": changed})

    await wish("xrechnung_ubl")
    row = await transmissions.begin(desk.merchant_id, issued.id)
    await transmissions.transmit(row.id)
    refused = await now(row)
    assert (refused.state, refused.sha256) == (TransmissionState.FAILED, "")
    assert "buyer_reference" in refused.error
    await wish("factur_x")
    await transmissions.retry(desk.merchant_id, row.id)
    await transmissions.transmit(row.id)
    assert ((await now(row)).state, (await now(row)).form) == (TransmissionState.SENT, "factur_x")


async def test_answers_are_fetched_and_told_once(desk: Desk, box: DropBox) -> None:
    row = await sent_out(desk, FILE_DROP)
    await transmissions.transmit(row.id)
    await acknowledging.collect("all")
    assert (await now(row)).state is TransmissionState.SENT
    box.answer(row.id, "delivered", "AS4-1")
    await acknowledging.collect("all")
    await acknowledging.collect("all")
    assert (await now(row)).state is TransmissionState.DELIVERED
    box.answer(row.id, "accepted", "AS4-2")
    await asyncio.gather(*(acknowledging.collect("all") for _ in range(3)))
    after, told = await now(row), await store.acknowledgements_of(row.id, 9)
    assert (after.state, after.reference) == (TransmissionState.ACCEPTED, "AS4-2")
    assert [(one.state, one.reference) for one in told] == [("delivered", "AS4-1"), ("accepted", "AS4-2")]
    assert sorted(await desk.told(row.id)) == ["e_invoice.accepted", "e_invoice.sent"]


async def test_one_answer_that_cannot_be_read_does_not_hold_up_the_others(desk: Desk, box: DropBox) -> None:
    rows = [await sent_out(desk, FILE_DROP) for _ in range(2)]
    for row in rows:
        await transmissions.transmit(row.id)
    (box.answers / f"{rows[0].id}.json").write_text("{")
    box.answer(rows[1].id, "accepted")
    await acknowledging.collect("all")
    assert [(await now(row)).state for row in rows] == ["sent", "accepted"]


async def test_what_was_rejected_is_sent_again_as_another_message_to_the_new_address(
    desk: Desk, drop_dir: Path
) -> None:
    row, box = await sent_out(desk, PEPPOL), DropBox(drop_dir / desk.merchant_id / "peppol")
    await transmissions.transmit(row.id)
    box.answer(row.id, "rejected", "R-7", "the participant is not registered")
    await acknowledging.collect("all")
    rejected = await now(row)
    assert (rejected.state, rejected.error) == (TransmissionState.REJECTED, "the participant is not registered")
    moved = PEPPOL | {"address": {"scheme": "0204", "identifier": "992-90009-96"}}
    await customers.change(desk.merchant_id, row.customer_id, {"profile": {"e_invoice": moved}})
    again = await transmissions.retry(desk.merchant_id, row.id)
    await transmissions.transmit(row.id)
    assert again.message_id == f"{row.id}-2"
    assert box.label(again.message_id)["receiver"]["identifier"] == "992-90009-96"
    assert ((await now(row)).state, (await now(row)).sha256) == (TransmissionState.SENT, rejected.sha256)
    await acknowledging.collect("all")  # the old answer is not the new message's
    assert (await now(row)).state is TransmissionState.SENT


async def test_an_access_point_reports_and_its_first_last_word_stays(desk: Desk, box: DropBox) -> None:
    row = await sent_out(desk, FILE_DROP)
    with pytest.raises(Conflict, match="Nothing was sent"):
        await acknowledging.report(desk.merchant_id, row.id, report_id="r1", state=TransmissionState.DELIVERED)
    await transmissions.transmit(row.id)

    async def report(report_id: str, state: str, text: str = "") -> TransmissionState:
        told = await acknowledging.report(
            desk.merchant_id, row.id, report_id=report_id, state=TransmissionState(state), text=text
        )
        return told.state

    assert await report("r1", "accepted") == "accepted"
    assert await report("r1", "accepted") == "accepted"  # the same report again
    assert await report("r0", "delivered") == "accepted"  # a late one
    with pytest.raises(Conflict, match="last word"):
        await report("r2", "rejected", "no")
    with pytest.raises(Conflict, match="used for another"):
        await report("r1", "rejected", "no")
    with pytest.raises(InvalidField, match="text"):
        await report("r3", "rejected")
    assert [one.report_id for one in await store.acknowledgements_of(row.id, 9)] == ["r1", "r0"]
    assert sorted(await desk.told(row.id)) == ["e_invoice.accepted", "e_invoice.sent"]


async def test_a_report_overtakes_the_workers_own_news(
    desk: Desk, box: DropBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await sent_out(desk, FILE_DROP)

    async def lost(*_: object) -> None:
        raise ConnectionError("the database went away")

    with monkeypatch.context() as line:
        line.setattr(transmissions, "_note_sent", lost)
        with pytest.raises(ConnectionError):
            await transmissions.transmit(row.id)
    told = await acknowledging.report(desk.merchant_id, row.id, report_id="r1", state=TransmissionState.ACCEPTED)
    assert told.sent_at is not None
    assert await transmissions.transmit(row.id) is None
    assert sorted(await desk.told(row.id)) == ["e_invoice.accepted", "e_invoice.sent"]


async def test_another_merchants_transmission_is_not_there(desk: Desk, box: DropBox) -> None:
    row = await sent_out(desk, FILE_DROP)
    for asked in (
        transmissions.get("mer_other", row.id),
        transmissions.retry("mer_other", row.id),
        acknowledging.report("mer_other", row.id, report_id="r", state=TransmissionState.DELIVERED),
    ):
        with pytest.raises(NotFound):
            await asked


async def test_a_mail_has_the_xml_beside_the_pdf_where_the_customer_gets_xrechnung_by_mail(desk: Desk) -> None:
    wish = FILE_DROP | {"channel": "email"}
    made = await drafted(desk, wish)
    issued = await service.finalize(desk.merchant_id, made.id)
    found = await einvoices.attachment_for(issued)
    assert found is not None
    assert (found[0], LEITWEG_ID.encode() in found[1]) == (f"{issued.number}.xml", True)
    (delivery,) = await deliveries.of_object(desk.merchant_id, issued.id)
    letter = await document_mails.write_document(delivery)
    assert [one.name for one in letter.attachments] == [f"{issued.number}.pdf", f"{issued.number}.xml"]
    assert await store.of_merchant(desk.merchant_id, limit=2) == []


async def test_a_mail_has_nothing_beside_it_where_the_xml_is_in_the_pdf_or_goes_by_a_channel(
    desk: Desk, box: DropBox
) -> None:
    for wish in (None, {"format": "factur_x"}, FILE_DROP):
        made = await drafted(desk, wish)
        issued = await service.finalize(desk.merchant_id, made.id)
        assert await einvoices.attachment_for(issued) is None


async def test_a_claim_ends_by_itself(desk: Desk, box: DropBox) -> None:
    row, at = await sent_out(desk, FILE_DROP), clock_port.now()
    assert await store.claim(row.id, at + timedelta(seconds=9), at)
    assert not await store.claim(row.id, at + timedelta(seconds=9), at + timedelta(seconds=8))
    assert await store.claim(row.id, at + timedelta(seconds=19), at + timedelta(seconds=9))
