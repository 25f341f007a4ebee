"""In which currency the law wants the amount of tax, with whose rate of which day, and freezing that rate.

EU: Directive 2006/112/EC Art. 230 (national currency) and 91 (2) (the last selling rate of the state's market, or the
rate of the European Central Bank, of the day on which the tax becomes chargeable or the publication before).
UK: VAT Regulations 1995 reg. 14 (1), gov.uk/hmrc-internal-manuals/vat-trader-records/vatrec5060.
"""

from __future__ import annotations

from datetime import date

import msgspec

from currency.rates import Publication, RateSource, RateUnavailable
from invoicing.drafts import DraftInvoice, FrozenRate
from invoicing.errors import InvalidInvoice
from invoicing.treatments import TaxKind
from invoicing.vat_ids import EU_COUNTRIES

# EU countries with a currency of their own.
_NATIONAL = {"CZ": "CZK", "DK": "DKK", "HU": "HUF", "PL": "PLN", "RO": "RON", "SE": "SEK", "GB": "GBP"}
# Tax at home on the document, in these kinds. One Stop Shop is declared by the return's own rate (Art. 366).
_AT_HOME = frozenset({TaxKind.VAT})


def required_tax_currency(draft: DraftInvoice) -> str:
    """The currency in which the tax must be stated beside the document's own; empty where nothing more is asked.

    Switzerland and most others ask nothing of the document: the return converts.
    """
    country = draft.seller.country
    currency = _NATIONAL.get(country, "EUR" if country in EU_COUNTRIES else "")
    charged = any(treatment.kind in _AT_HOME for treatment in draft.treatments)
    return currency if charged and currency != draft.currency else ""


def freeze_tax_rate(draft: DraftInvoice, source: RateSource, tax_point: date) -> DraftInvoice:
    """The draft with the tax currency and rate that its law asks for, of the tax point or the publication before it; as
    it was where nothing is asked, or a credit note has taken the rate of what it corrects.

    `source` is the European Central Bank's in the EU, unless the merchant keeps the rates of a national bank.
    Raises InvalidInvoice where there is no such rate.
    """
    wanted = draft.tax_currency or required_tax_currency(draft)
    if not wanted or draft.tax_rate is not None:
        return draft
    try:
        rate = source.rate(draft.currency, wanted, tax_point, Publication.PREVIOUS)
    except RateUnavailable as unknown:
        remedy = f"the tax must be stated in {wanted} too, and there is no rate: {unknown}; give tax_rate yourself"
        raise InvalidInvoice("tax_rate", remedy) from None
    return msgspec.structs.replace(draft, tax_currency=wanted, tax_rate=FrozenRate.of(rate))
