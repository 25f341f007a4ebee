"""The small parts of the door: keys, fingerprints, complaints, problems."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import msgspec
import pytest

import invoicing.errors
import orchestrator
from invoicing.einvoice.errors import EInvoiceRefused
from invoicing.einvoice.refusals import Refusal
from orchestrator.errors import ClearwayError
from orchestrator.http import problems
from orchestrator.http.body_errors import field_error, parameter_error
from orchestrator.http.idempotency import KeyInvalid, KeyMissing, fingerprint, key_of

ERRORS_PAGE = Path(__file__).parents[3] / "docs" / "errors.md"


@pytest.mark.parametrize(
    ("header", "key"),
    [("abc", "abc"), ('"abc"', "abc"), ('"a b"', "a b"), (r'"a\"b\\c"', r'a"b\c'), (" abc ", "abc")],
)
def test_a_key_may_be_bare_or_a_structured_string(header: str, key: str) -> None:
    assert key_of(header) == key


@pytest.mark.parametrize("header", [None, "", "  "])
def test_no_key_is_a_missing_key(header: str | None) -> None:
    with pytest.raises(KeyMissing):
        key_of(header)


@pytest.mark.parametrize("header", ['""', "a b", '"a', "ä", "x" * 256, '"a\\x"'])
def test_other_keys_are_invalid(header: str) -> None:
    with pytest.raises(KeyInvalid):
        key_of(header)


def test_a_fingerprint_is_of_values_not_of_spelling() -> None:
    assert fingerprint(b'{"a": 1, "b": {"c": 2, "d": 3}}') == fingerprint(b'{"b":{"d":3,"c":2},"a":1}')
    assert fingerprint(b'{"a": 1}') != fingerprint(b'{"a": "1"}')
    assert fingerprint(b"not json") != fingerprint(b"not json!")
    assert fingerprint(b"{}", "name=a") != fingerprint(b"{}", "name=b")


class _Inner(msgspec.Struct, forbid_unknown_fields=True):
    amount: int


class _Outer(msgspec.Struct, forbid_unknown_fields=True):
    inner: _Inner
    items: list[_Inner] = []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"inner": {"amount": "5"}}', "inner.amount"),
        (b'{"inner": {}}', "inner.amount"),
        (b'{"inner": {"amount": 5, "more": 1}}', "inner.more"),
        (b"{}", "inner"),
        (b'{"inner": {"amount": 5}, "items": [{"amount": 1}, {"amount": null}]}', "items[1].amount"),
        (b"[]", ""),
    ],
)
def test_a_complaint_names_the_field_itself(body: bytes, field: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(body, type=_Outer)
    assert field_error(refused.value).field == field


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"inner": {"amount": 5, "more": 1}}', "is not known here; allowed are amount"),
        (b'{"inner": {"amount": 5}, "items": [{"amuont": 1}]}', "is not known here; allowed are amount"),
        (b'{"inner": {"amount": 5}, "more": 1}', "is not known here; allowed are inner, items"),
    ],
)
def test_an_unknown_field_is_answered_with_those_that_there_are(body: bytes, message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(body, type=_Outer)
    assert field_error(refused.value, _Outer).message == message


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("Expected `int`, got `str`", "must be a whole number"),
        ("Expected `int` >= 1", "must be a whole number >= 1"),
        ("Expected `int` <= 999", "must be a whole number <= 999"),
        (
            r"Expected `str` matching regex '^[a-z_]+\\.([a-z_]+|\\*)$'",
            "must be an event such as payment.captured, or a family such as payment.*",
        ),
    ],
)
def test_a_parameter_that_does_not_fit_is_told_its_bound_or_its_shape_in_words(message: str, told: str) -> None:
    assert parameter_error(message) == told


def test_an_unexpected_exception_tells_nothing() -> None:
    refusal = problems.refusal_of(RuntimeError("password=hunter2"))
    assert (refusal.status, refusal.code) == (500, "internal_error")
    assert "hunter2" not in refusal.detail


def test_what_an_e_invoice_lacks_of_the_seller_is_told_with_where_to_set_it() -> None:
    lacks = [
        Refusal(field=field, message="fill it in", rule="", official="") for field in ("seller.city", "buyer.city")
    ]
    of_seller, of_buyer = problems.refusal_of(EInvoiceRefused(tuple(lacks))).errors
    assert "PATCH /v1/merchant/profile" in of_seller.message
    assert of_buyer.message == "fill it in"


def test_every_refusal_of_invoicing_has_a_code() -> None:
    kinds = set(_below(invoicing.errors.InvoicingError)) - {invoicing.errors.ExternalReference}  # a mistake of ours
    assert kinds
    for kind in kinds:
        error = kind.__new__(kind)
        error.field, error.message = "f", "m"
        if isinstance(error, EInvoiceRefused):
            error.refusals = ()
        assert 400 <= problems.refusal_of(error).status < 500


def test_the_errors_page_lists_every_code_with_its_status() -> None:
    for module in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
        if not module.name.startswith(("orchestrator.worker", "orchestrator.demo", "orchestrator.piccolo")):
            importlib.import_module(module.name)
    ours = [kind for kind in _below(ClearwayError) if kind.__module__.startswith("orchestrator.")]
    ours = [kind for kind in ours if not kind.__module__.startswith("orchestrator.web.")]  # pages answer with pages
    codes = {kind.code for kind in ours} | problems.OTHER_CODES
    listed = dict(re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", ERRORS_PAGE.read_text(), re.MULTILINE))
    assert set(listed) == codes
    assert all(int(listed[kind.code]) == kind.status for kind in ours)


def _below(kind: type[Exception]) -> list[type[Exception]]:
    return [found for child in kind.__subclasses__() for found in (child, *_below(child))]
