from __future__ import annotations

from datetime import date
from io import BytesIO

import pikepdf
import pytest
from facturx import get_facturx_xml_from_pdf
from pypdf import PdfReader

from invoicing.einvoice.embedding import FILE_NAME, check, embed, extract
from invoicing.einvoice.errors import NotHybrid
from invoicing.einvoice.formats import Format
from invoicing.einvoice.validation import Validator
from invoicing.einvoice.writing import write_xml
from invoicing.rendering import InvoiceView, render_html, render_pdf
from tests.unit.invoicing.einvoice_samples import ISSUED_ON, SAMPLES, issued


@pytest.fixture(scope="module", params=["two rates", "credit note", "Arabic", "export to Japan"])
def parts(request: pytest.FixtureRequest) -> tuple[bytes, bytes]:
    content = SAMPLES[request.param]
    document = issued(content)
    pdf = render_pdf(render_html(InvoiceView(document=document), content.locale))
    return pdf, write_xml(document, Format.FACTUR_X)


@pytest.fixture(scope="module")
def hybrid(parts: tuple[bytes, bytes]) -> bytes:
    return embed(*parts, dated=ISSUED_ON)


def test_the_hybrid_has_all_the_marks(parts: tuple[bytes, bytes], hybrid: bytes) -> None:
    check(hybrid, parts[1])


def test_the_xml_comes_out_as_it_went_in(parts: tuple[bytes, bytes], hybrid: bytes) -> None:
    assert extract(hybrid) == parts[1]
    assert PdfReader(BytesIO(hybrid)).attachments == {FILE_NAME: [parts[1]]}


def test_what_comes_out_is_still_valid(hybrid: bytes) -> None:
    validator = Validator()
    assert validator.validate(extract(hybrid), Format.FACTUR_X) == ()
    validator.close()


def test_the_reader_of_factur_x_finds_it_too(parts: tuple[bytes, bytes], hybrid: bytes) -> None:
    assert get_facturx_xml_from_pdf(hybrid, check_xsd=True, check_schematron=False) == (FILE_NAME, parts[1])


def test_there_is_one_associated_file_that_is_an_alternative(hybrid: bytes) -> None:
    with pikepdf.open(BytesIO(hybrid)) as document:
        (specification,) = document.Root.AF
        assert specification.AFRelationship == "/Alternative"
        assert list(document.attachments) == [FILE_NAME]
        assert "/JavaScript" not in document.Root.Names


def test_what_the_pdf_had_is_kept(parts: tuple[bytes, bytes], hybrid: bytes) -> None:
    with pikepdf.open(BytesIO(parts[0])) as before, pikepdf.open(BytesIO(hybrid)) as after:
        for key in ("/Lang", "/MarkInfo", "/StructTreeRoot", "/OutputIntents"):
            assert key in after.Root
        assert str(after.Root.Lang) == str(before.Root.Lang)
        assert str(after.docinfo.Title) == str(before.docinfo.Title)
        assert len(after.pages) == len(before.pages)
        told = after.Root.Metadata.read_bytes().decode()
        assert told.count("<rdf:RDF") == 1
        for mark in ('pdfaid:part="3"', "<fx:ConformanceLevel>EN 16931<", "pdfaExtension:schemas", "<dc:title>"):
            assert mark in told


def test_the_same_invoice_gives_the_same_bytes(parts: tuple[bytes, bytes], hybrid: bytes) -> None:
    assert embed(*parts, dated=ISSUED_ON) == hybrid


def test_an_altered_xml_is_noticed(parts: tuple[bytes, bytes], hybrid: bytes) -> None:
    with pytest.raises(NotHybrid, match="not the XML of the invoice"):
        check(hybrid, parts[1] + b"\n")


def test_a_plain_pdf_is_told_apart(parts: tuple[bytes, bytes]) -> None:
    with pytest.raises(NotHybrid, match="0 associated"):
        check(*parts)
    with pytest.raises(NotHybrid):
        extract(parts[0])


def test_a_second_file_is_refused(parts: tuple[bytes, bytes], hybrid: bytes) -> None:
    with pytest.raises(NotHybrid, match="already"):
        embed(hybrid, parts[1], dated=date(2026, 11, 1))


def test_lost_tags_language_and_fonts_are_noticed(parts: tuple[bytes, bytes], hybrid: bytes) -> None:
    with pikepdf.open(BytesIO(hybrid)) as document:
        del document.Root["/StructTreeRoot"]
        del document.Root["/Lang"]
        for item in document.objects:
            if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/FontDescriptor":
                for key in ("/FontFile2", "/FontFile3"):
                    if key in item:
                        del item[key]
        saved = BytesIO()
        document.save(saved)
    with pytest.raises(NotHybrid) as told:
        check(saved.getvalue(), parts[1])
    assert any("tags" in problem for problem in told.value.problems)
    assert any("language" in problem for problem in told.value.problems)
    assert any("font" in problem for problem in told.value.problems)
