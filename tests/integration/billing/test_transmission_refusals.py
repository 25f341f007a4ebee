"""What could not be sent as its customer, or the law, wants it is refused before it has a number."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from billing_desk import Desk
from einvoice_buyers import FILE_DROP, LEITWEG_ID, PEPPOL, PLAIN_BUYER, drafted, set_profile

from invoicing.documents import Line
from invoicing.einvoice.errors import ChannelNotSetUp, ChannelRequired, EInvoiceRefused, NotExpressible
from invoicing.errors import InvalidInvoice
from invoicing.lifecycle import InvoiceState
from invoicing.store import InvoiceRecord
from invoicing.tax import TaxKind, TaxTreatment
from orchestrator.billing import batches, credit_notes, service
from orchestrator.billing.einvoices import service as einvoices
from orchestrator.billing.transmissions import store
from orchestrator.settings import get_settings
from tests.unit.invoicing.einvoice_samples import SELLER, without

XRECHNUNG_BY_MAIL = {"format": "xrechnung_cii", "channel": "email"}
ROMANIAN_SELLER = without(SELLER, country="RO", vat_id="RO18547290", city="Cluj", postal_code="400001")
ROMANIAN_BUYER = without(PLAIN_BUYER, country="RO", vat_id="RO361757", city="Iași", postal_code="700001")
ROMANIAN: dict[str, Any] = {
    "seller": ROMANIAN_SELLER, "buyer": ROMANIAN_BUYER, "currency": "RON", "locale": "ro", "bank": None,
    "lines": (Line("Work", Decimal(1), Decimal(100), TaxTreatment(TaxKind.VAT, 2100)),),
}  # fmt: skip


@pytest.fixture
def drop_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CLEARWAY_EINVOICE_DROP_DIR", str(tmp_path))
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


async def is_untouched(desk: Desk, draft: InvoiceRecord) -> bool:
    """Still a draft, and the series has given no number away: the next invoice has the first."""
    found = await desk.now(draft)
    first = await desk.issue()
    return (found.state, found.number, str(first.number)[-5:]) == (InvoiceState.DRAFT, None, "00001")


async def test_xrechnung_without_a_buyer_reference_is_refused_before_the_number_is_taken(desk: Desk) -> None:
    made = await drafted(desk, XRECHNUNG_BY_MAIL)
    with pytest.raises(EInvoiceRefused, match="Leitweg-ID") as refused:
        await service.finalize(desk.merchant_id, made.id, send_mail=False)
    assert [one.field for one in refused.value.refusals if one.refuses] == ["buyer_reference"]
    assert await is_untouched(desk, made)


async def test_the_customers_buyer_reference_and_address_are_put_into_the_invoice(desk: Desk) -> None:
    made = await drafted(desk, XRECHNUNG_BY_MAIL | {"buyer_reference": LEITWEG_ID, "address": PEPPOL["address"]})
    issued = await service.finalize(desk.merchant_id, made.id, send_mail=False)
    assert issued.document is not None
    content = issued.document.content
    assert (content.buyer_reference, content.buyer.electronic_address) == (LEITWEG_ID, LEITWEG_ID)
    own = await drafted(desk, XRECHNUNG_BY_MAIL | {"buyer_reference": LEITWEG_ID}, buyer_reference="PO-9")
    issued = await service.finalize(desk.merchant_id, own.id, send_mail=False)
    assert issued.document is not None
    assert issued.document.content.buyer_reference == "PO-9"


async def test_what_only_the_official_rules_know_is_refused_before_the_number_is_taken(desk: Desk) -> None:
    lines = (Line("Work", Decimal(1), Decimal(100), TaxTreatment(TaxKind.VAT, 1900), unit="ZZZ"),)
    made = await drafted(desk, {"format": "factur_x", "channel": "email"}, lines=lines)
    with pytest.raises(EInvoiceRefused) as refused:
        await service.finalize(desk.merchant_id, made.id, send_mail=False)
    assert "unit" in refused.value.field
    assert await is_untouched(desk, made)


async def test_without_the_rules_the_invoice_is_issued_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(*_: object) -> None:
        raise einvoices.EInvoiceUnavailable("not now")

    monkeypatch.setattr(einvoices, "written", unavailable)
    made = await drafted(desk, XRECHNUNG_BY_MAIL, buyer_reference=LEITWEG_ID)
    assert (await service.finalize(desk.merchant_id, made.id, send_mail=False)).number
    lacking = await drafted(desk, XRECHNUNG_BY_MAIL)
    with pytest.raises(EInvoiceRefused, match="buyer_reference"):  # the cheap rules need nobody
        await service.finalize(desk.merchant_id, lacking.id, send_mail=False)


async def test_a_currency_that_the_standard_cannot_say_is_refused_only_for_who_gets_e_invoices(desk: Desk) -> None:
    export = TaxTreatment(TaxKind.EXPORT)
    abroad = without(PLAIN_BUYER, country="KW", vat_id="")
    dinars = {"currency": "KWD", "buyer": abroad, "lines": (Line("Work", Decimal(1), Decimal(1), export),)}
    made = await drafted(desk, {"format": "factur_x"}, **dinars)
    with pytest.raises(NotExpressible, match=r"currency.*as a PDF"):
        await service.finalize(desk.merchant_id, made.id, send_mail=False)
    assert await is_untouched(desk, made)
    by_pdf = await drafted(desk, None, **dinars)
    assert (await service.finalize(desk.merchant_id, by_pdf.id, send_mail=False)).number


async def test_peppol_without_any_reference_is_refused(desk: Desk, drop_dir: None) -> None:
    made = await drafted(desk, PEPPOL | {"buyer_reference": ""})
    with pytest.raises(EInvoiceRefused, match="purchase order"):
        await service.finalize(desk.merchant_id, made.id)
    with_order = await drafted(desk, PEPPOL | {"buyer_reference": ""}, purchase_order="PO-1")
    assert (await service.finalize(desk.merchant_id, with_order.id)).number


async def test_a_channel_without_a_place_is_refused_when_it_is_to_be_sent(desk: Desk) -> None:
    made = await drafted(desk, FILE_DROP)
    with pytest.raises(ChannelNotSetUp, match="CLEARWAY_EINVOICE_DROP_DIR"):
        await service.finalize(desk.merchant_id, made.id)
    assert await is_untouched(desk, made)
    assert (await service.finalize(desk.merchant_id, made.id, send_mail=False)).number


async def test_mail_alone_is_refused_where_the_law_wants_a_channel(desk: Desk) -> None:
    made = await drafted(desk, None, **ROMANIAN)
    with pytest.raises(ChannelRequired, match=r"e-Factura.*file_drop"):
        await service.finalize(desk.merchant_id, made.id)
    assert await is_untouched(desk, made)
    assert (await service.finalize(desk.merchant_id, made.id, send_mail=False)).number


async def test_a_program_of_the_merchants_own_is_trusted_to_send_it_on(desk: Desk, drop_dir: None) -> None:
    made = await drafted(desk, {"format": "factur_x", "channel": "file_drop"}, **ROMANIAN)
    issued = await service.finalize(desk.merchant_id, made.id)
    assert len(await store.of_merchant(desk.merchant_id, document_id=issued.id, limit=2)) == 1


async def test_consumers_and_foreigners_get_mail(desk: Desk) -> None:
    for buyer in (without(ROMANIAN_BUYER, vat_id=""), PLAIN_BUYER):
        made = await drafted(desk, None, **(ROMANIAN | {"buyer": buyer}))
        assert (await service.finalize(desk.merchant_id, made.id)).number


async def test_a_credit_note_by_mail_alone_is_refused_too_and_nothing_is_credited(desk: Desk) -> None:
    made = await drafted(desk, None, **ROMANIAN)
    await service.finalize(desk.merchant_id, made.id, send_mail=False)
    with pytest.raises(ChannelRequired):
        await credit_notes.issue(desk.merchant_id, made.id)
    assert (await desk.now(made)).standing.credited == 0
    note = await credit_notes.issue(desk.merchant_id, made.id, send_mail=False)
    assert str(note.number).endswith("00001")


async def test_the_size_of_the_seller_decides_when_the_duty_begins(desk: Desk) -> None:
    polish: dict[str, Any] = {
        **ROMANIAN,
        "seller": without(SELLER, country="PL", vat_id="PL8567346215"),
        "buyer": without(PLAIN_BUYER, country="PL", vat_id="PL5260001246"),
        "currency": "PLN",
        "lines": (Line("Work", Decimal(1), Decimal(100), TaxTreatment(TaxKind.VAT, 2300)),),
    }
    await set_profile(desk.merchant_id, seller_size="huge")
    made = await drafted(desk, None, **polish)
    with pytest.raises(InvalidInvoice, match="large, other, smallest"):
        await service.finalize(desk.merchant_id, made.id)
    await set_profile(desk.merchant_id, seller_size="smallest")
    assert (await service.finalize(desk.merchant_id, made.id)).number  # whose duty begins in 2027
    other = await drafted(desk, None, **polish)
    await set_profile(desk.merchant_id, seller_size="large")
    with pytest.raises(ChannelRequired, match="KSeF"):
        await service.finalize(desk.merchant_id, other.id)


async def test_a_batch_says_which_invoices_could_not_be_sent_and_issues_the_others(desk: Desk) -> None:
    lacking = await drafted(desk, XRECHNUNG_BY_MAIL)
    by_law = await drafted(desk, None, **ROMANIAN)
    fine = await desk.draft()
    begun = await batches.begin(desk.merchant_id, [lacking.id, by_law.id, fine.id])
    await batches.work(begun.batch.id)
    after = await batches.get(desk.merchant_id, begun.batch.id)
    assert [(one.invoice_id, one.code) for one in after.refused] == [
        (lacking.id, "EInvoiceRefused"),
        (by_law.id, "ChannelRequired"),
    ]
    assert str((await desk.now(fine)).number).endswith("00001")
