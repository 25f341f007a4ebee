"""From an issued document to the business terms (BT) and groups (BG) of EN 16931 by their numbers: the one mapping, of
which factur-x makes both languages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from stdnum import iban

from currency.currencies import exponent_of
from currency.formatting import locale_of
from currency.money import Money
from invoicing.catalogues import SOURCE_LANGUAGE, catalogue_of, languages
from invoicing.countries import COUNTRIES
from invoicing.documents import (
    AdjustmentTotal,
    BankAccount,
    Delivery,
    DocumentType,
    DraftInvoice,
    IssuedInvoice,
    Line,
    LineTotal,
    Party,
    TaxTotal,
)
from invoicing.einvoice.errors import NotExpressible
from invoicing.einvoice.formats import PROFILES, Format
from invoicing.tax import RULES, TaxKind, TaxTreatment
from invoicing.terms import agreed_of
from invoicing.terms.words import describe

# Texts are str, amounts and quantities str with a point, days datetime.date; a list is of groups. Which key means what:
# EN 16931-1, table 2; the keys within parties and adjustments are factur-x's own.
Group = dict[str, Any]
BusinessTerms = dict[str, Any]

MAX_DECIMALS = 2  # BR-DEC-01 and those after it
_SENT = frozenset((DocumentType.INVOICE, DocumentType.CREDIT_NOTE))
_XRECHNUNG = frozenset((Format.XRECHNUNG_CII, Format.XRECHNUNG_UBL))
# UNTDID 4461
_SEPA_CREDIT_TRANSFER, _CREDIT_TRANSFER, _NO_INSTRUMENT = "58", "30", "1"
_OUTSIDE_SCOPE = "O"
_INTRA_COMMUNITY = "K"
# BR-CO-09: a VAT identifier begins with its country, Greece being EL and Northern Ireland XI.
_VAT_PREFIXES = frozenset((*COUNTRIES, "EL", "XI"))
_IBAN = re.compile("[A-Z]{2}[0-9]{2}")
# What XML 1.0 (2.2) has no way to write, escaped or not.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def business_terms(document: IssuedInvoice, form: Format, *, payment_reference: str = "") -> BusinessTerms:
    """What the document says, in the terms of the standard. `payment_reference` is what a transfer should carry
    (BT-83), the document's number where it is left out.

    Raises NotExpressible naming the field and the remedy: for quotes and pro formas, currencies of more than two
    decimals, and sales tax.
    """
    _check(document)
    content, totals = document.content, document.totals
    profile = PROFILES[form]
    terms: BusinessTerms = {
        "BT-1": document.number,
        "BT-2": document.issue_date,
        "BT-3": content.type.code,
        "BT-5": content.currency,
        "BT-6": content.tax_currency,
        "BT-7": content.tax_point_date,
        "BT-9": document.due_date,
        "BT-10": content.buyer_reference,
        "BT-11": content.project,
        "BT-12": content.contract,
        "BT-13": content.purchase_order,
        "BT-14": content.sales_order,  # UBL has no place for it without BT-13; factur-x then leaves it out
        "BT-19": content.accounting_reference,
        "BT-20": _payment_terms(content, form),
        "BT-23": profile.process,
        "BT-24": profile.guideline,
        "BT-72": content.supply_date,
        "BT-83": payment_reference or document.number,
        "BG-1": [{"BT-22": content.note}],
        "BG-3": [{"BT-25": row.number, "BT-26": row.issue_date} for row in content.preceding],
        "BG-4": _seller(content, form),
        "BG-7": _buyer(content, form),
        "BG-13": _delivery(content),
        "BG-20": [_document_adjustment(row) for row in totals.discounts],
        "BG-21": [_document_adjustment(row) for row in totals.charges],
        "BG-23": _tax_rows(totals.taxes, content),
        "BG-25": [
            _line(number, line, total)
            for number, (line, total) in enumerate(zip(content.lines, _line_totals(document), strict=True), 1)
        ],
        **_sums(document),
        **_payment(content),
    }
    if content.period is not None:
        terms |= {"BT-73": content.period.start, "BT-74": content.period.end}
    filled: BusinessTerms = _filled(terms)
    return filled


def _check(document: IssuedInvoice) -> None:
    content = document.content
    if content.type not in _SENT:
        raise NotExpressible(
            "type", f"a {content.type} is no invoice: send it as a PDF, and the invoice when it is one"
        )
    for field, currency in (("currency", content.currency), ("tax_currency", content.tax_currency)):
        if currency and exponent_of(currency) > MAX_DECIMALS:
            raise NotExpressible(
                field,
                f"{currency} has {exponent_of(currency)} decimals, and an e-invoice has at most {MAX_DECIMALS} in its "
                "amounts: send this invoice as a PDF, or issue it in another currency",
                rule="BR-DEC-12",
            )
    if any(treatment.kind is TaxKind.SALES_TAX for treatment in content.treatments):
        raise NotExpressible("lines[0].tax", "the European standard knows VAT only, not sales tax: send it as a PDF")


def _line_totals(document: IssuedInvoice) -> tuple[LineTotal, ...]:
    """Documents of before have none: their prices were without tax, and their lines without adjustments."""
    content, totals = document.content, document.totals
    return totals.lines or tuple(
        LineTotal(net=net, tax=Money.zero(content.currency), net_unit_price=line.unit_price)
        for line, net in zip(content.lines, totals.line_nets, strict=True)
    )


def _sums(document: IssuedInvoice) -> Group:
    totals, currency = document.totals, document.content.currency
    sums: Group = {
        "BT-106": _amount(totals.lines_net),
        "BT-109": _amount(totals.net),
        "BT-110": _amount(totals.tax),
        "BT-112": _amount(totals.total),
        "BT-115": _amount(totals.payable),
    }
    for key, minor in (
        ("BT-107", totals.discount.minor),
        ("BT-108", totals.charge.minor),
        ("BT-113", totals.prepaid_minor),
        ("BT-114", totals.rounding_minor),
    ):
        if minor:
            sums[key] = _amount(Money(minor, currency))
    if totals.tax_in_tax_currency is not None:
        sums["BT-111"] = _amount(totals.tax_in_tax_currency)
    return sums


def _payment(content: DraftInvoice) -> Group:
    bank = content.bank
    if content.type is DocumentType.CREDIT_NOTE:
        # The seller's account is not where the seller pays to.
        return {"BT-81": _NO_INSTRUMENT}
    return {} if bank is None else _transfer(bank, content.currency)


def _transfer(bank: BankAccount, currency: str) -> Group:
    # By its looks: an IBAN with a slip of the pen must be noticed as one (BR-DE-19), not taken for another number.
    sepa = currency == "EUR" and _IBAN.match(iban.compact(bank.iban)) is not None
    return {
        "BT-81": _SEPA_CREDIT_TRANSFER if sepa else _CREDIT_TRANSFER,
        "BT-84": iban.compact(bank.iban),
        "BT-85": bank.holder,
        "BT-86": bank.bic,
    }


def _payment_terms(content: DraftInvoice, form: Format) -> str:
    locale = content.locale if locale_of(content.locale).language in languages() else SOURCE_LANGUAGE
    text = describe(content.terms, catalogue_of(locale), locale)
    early = agreed_of(content.terms).early_payment
    if form not in _XRECHNUNG or early is None or not early.steps:
        return text
    # XRechnung 3.0.2, BT-20 and BR-DE-18: for programs, on lines of their own, each of them ended.
    steps = (f"#SKONTO#TAGE={step.days}#PROZENT={Decimal(step.discount_bps) / 100:.2f}#\n" for step in early.steps)
    return f"{text}\n{''.join(steps)}"


def _seller(content: DraftInvoice, form: Format) -> Group:
    seller = content.seller
    group = _party(seller, form) | {"legal_info": seller.legal_information, "tax_identifier": seller.tax_number}
    if not _has_tax(content):
        # BR-O-02: outside the scope of VAT nobody has a VAT id; but someone must be identified (BR-CO-26).
        group["identifiers"] = {} if seller.legal_registration_id else {"": seller.vat_id or seller.tax_number}
        group["tax_identifier"] = ""
    elif _is_vat_id(seller.vat_id):
        group["vat_identifier"] = _compact(seller.vat_id)
    else:
        group["tax_identifier"] = seller.tax_number or seller.vat_id
    return group


def _buyer(content: DraftInvoice, form: Format) -> Group:
    buyer = content.buyer
    group = _party(buyer, form)
    if _is_vat_id(buyer.vat_id) and _has_tax(content):
        group["vat_identifier"] = _compact(buyer.vat_id)
    elif buyer.vat_id:
        group["identifiers"] = {"": buyer.vat_id}
    return group


def _party(party: Party, form: Format) -> Group:
    address, scheme = party.electronic_address, party.electronic_address_scheme
    if not address and party.email and form in _XRECHNUNG:
        # XRechnung wants one of each; where none was given it goes by e-mail, of which EM is the code (EAS list).
        address, scheme = party.email, "EM"
    return {
        "name": party.name,
        **_address(party),
        "biz_name": party.trading_name,
        "legal_identifier": party.legal_registration_id,
        "legal_identifier_schemeid": party.legal_registration_scheme,
        "einvoicing_addr": address,
        "einvoicing_addr_schemeid": scheme,
        "contacts": [{"name": party.contact_name, "phone": party.contact_phone, "email": party.email}],
    }


def _address(place: Party | Delivery) -> Group:
    first, second, *rest = [*(text for text in place.address_lines if text.strip()), "", ""]
    return {
        "addr_l1": first,
        "addr_l2": second,
        "addr_l3": ", ".join(text for text in rest if text),
        "city": place.city,
        "postcode": place.postal_code,
        "country_subdivision": place.subdivision,
        "country_code": place.country,
    }


def _delivery(content: DraftInvoice) -> Group:
    if content.delivery is not None:
        return {"name": content.delivery.name, **_address(content.delivery)}
    if any(treatment.category == _INTRA_COMMUNITY for treatment in content.treatments):
        # BR-IC-12 wants the country said; without another address the goods went to the buyer.
        return {"name": content.buyer.name, **_address(content.buyer)}
    return {}


def _tax_rows(taxes: Iterable[TaxTotal], content: DraftInvoice) -> list[Group]:
    """One row for each category and rate (BR-S-01, BR-E-01 …), though our own summary may tell more of them apart."""
    rows: dict[tuple[str, str], Group] = {}
    for row in taxes:
        category, rate = row.treatment.category, _number(row.treatment.percent)
        merged = rows.setdefault(
            (category, rate),
            {"base": 0, "tax": 0, "reasons": {}, "codes": {}, "BT-118": category, "BT-119": rate},
        )
        merged["base"] += row.base.minor
        merged["tax"] += row.tax.minor
        if not row.treatment.rate_bps and category != "Z":
            merged["reasons"][_reason(row.treatment)] = None
            merged["codes"][row.treatment.exemption_code] = None
    return [_tax_row(row, content) for row in rows.values()]


def _tax_row(row: Group, content: DraftInvoice) -> Group:
    codes = list(row.pop("codes"))
    return {
        "BT-116": _amount(Money(row.pop("base"), content.currency)),
        "BT-117": _amount(Money(row.pop("tax"), content.currency)),
        "BT-120": "; ".join(reason for reason in row.pop("reasons") if reason),
        "BT-121": codes[0] if len(codes) == 1 else "",
        # Of the whole document, but factur-x looks for it here when it writes CII.
        "BT-7": content.tax_point_date,
        **row,
    }


def _reason(treatment: TaxTreatment) -> str:
    return treatment.exemption_reason or ", ".join(RULES[treatment.kind].notes)


def _line(number: int, line: Line, total: LineTotal) -> Group:
    name, *rest = line.description.strip().splitlines()
    group: Group = {
        "BT-126": str(number),
        "BT-127-00": [{"BT-127": line.note}],
        "BT-129": _number(line.quantity),
        "BT-130": line.unit,
        "BT-131": _amount(total.net),
        "BT-132": line.order_line,
        "BT-133": line.accounting_reference,
        "BT-146": _number(total.net_unit_price),
        "BT-151": line.tax.category,
        "BT-152": "" if line.tax.category == _OUTSIDE_SCOPE else _number(line.tax.percent),
        "BT-153": name,
        "BT-154": "\n".join(rest),
        "BT-155": line.seller_item_id,
        "BT-156": line.buyer_item_id,
        "BT-157": line.standard_item_id,
        "BT-157-1": line.standard_item_scheme,
        "BG-27": [_adjustment(row) for row in total.discounts],
        "BG-28": [_adjustment(row) for row in total.charges],
    }
    if line.period is not None:
        group |= {"BT-134": line.period.start, "BT-135": line.period.end}
    return group


def _adjustment(row: AdjustmentTotal) -> Group:
    group: Group = {"amount": _amount(row.amount), "reason": row.reason, "reason_code": row.reason_code}
    if row.percent is not None and row.base is not None:
        group |= {"rate": _number(row.percent), "base_amount": _amount(row.base)}
    return group


def _document_adjustment(row: AdjustmentTotal) -> Group:
    assert row.treatment is not None
    category = row.treatment.category
    rate = "" if category == _OUTSIDE_SCOPE else _number(row.treatment.percent)
    return _adjustment(row) | {"vat_category_code": category, "vat_rate": rate}


def _has_tax(content: DraftInvoice) -> bool:
    return any(treatment.category != _OUTSIDE_SCOPE for treatment in content.treatments)


def _is_vat_id(text: str) -> bool:
    return _compact(text)[:2] in _VAT_PREFIXES


def _compact(vat_id: str) -> str:
    return vat_id.replace(" ", "").upper()


def _amount(money: Money) -> str:
    return f"{Decimal(money.minor).scaleb(-exponent_of(money.currency)):f}"


def _number(number: Decimal) -> str:
    """Every digit that counts and no more: 12.5, 100, 0.0125."""
    return f"{number.normalize():f}"


def _filled(value: Any) -> Any:
    """Without what is empty, at any depth: an empty element is none to EN 16931 and an error to Peppol (R008)."""
    match value:
        case dict():
            items = ((key, _filled(item)) for key, item in value.items())
            return {key: item for key, item in items if item not in (None, "", [], {})}
        case list():
            return [item for item in map(_filled, value) if item]
        case str():
            # Issued documents do not change any more, so that refusing them for such a sign would help nobody.
            text = _UNWRITABLE.sub("", value)
            return text if text.strip() else ""
        case _:
            return value
