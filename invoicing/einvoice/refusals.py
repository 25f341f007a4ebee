"""What the rules say about an invoice, in words for whoever wrote it: which field of ours, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from invoicing.einvoice.validation import Finding, Flag

_LINE = re.compile(
    r"(?:InvoiceLine|CreditNoteLine|IncludedSupplyChainTradeLineItem)(?:\[[^\]]*[^\]\d][^\]]*\])*\[(\d+)\]"
)


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to correct. `field` is a path in our invoice (`lines[2].tax`), `rule` what to cite to a specialist, and
    `official` the rule's own words."""

    field: str
    message: str
    rule: str
    official: str
    refuses: bool = True


def explain(findings: Iterable[Finding]) -> tuple[Refusal, ...]:
    """Each finding once, the ones that refuse the invoice first. Nothing is left out: a rule without words of ours
    speaks for itself."""
    said = {(refusal.field, refusal.message): refusal for refusal in map(_refusal, findings)}
    return tuple(sorted(said.values(), key=lambda refusal: not refusal.refuses))


def _refusal(finding: Finding) -> Refusal:
    ours = WORDS.get(finding.rule) or _of_category(finding.rule) or _of_code_list(finding.text)
    field, message = ours or ("invoice", finding.text)
    return Refusal(
        field=_placed(field, finding.location),
        message=message,
        rule=finding.rule,
        official=finding.text,
        refuses=finding.flag is Flag.FATAL,
    )


def _placed(field: str, location: str) -> str:
    """The field with the line that the rule was about, where it was about one."""
    line = _LINE.search(location)
    if line is None:
        return field.replace("[]", "")
    place = f"lines[{int(line.group(1)) - 1}]"
    if field in ("invoice", "lines"):
        return place
    return f"{place}.{field}" if field in ("discounts", "charges") else field.replace("lines[]", place)


def _of_category(rule: str) -> tuple[str, str] | None:
    """The rules of the tax categories are ten or so for each, with the same numbers: BR-AE-02 is to reverse charge what
    BR-S-02 is to the standard rate."""
    matched = re.fullmatch(r"BR-(S|Z|E|AE|IC|G|O|IG|IP|B)-(\d\d)", rule)
    if matched is None:
        return None
    letters, number = matched.groups()
    name = _CATEGORIES[letters]
    if letters == "O" and number in _OUTSIDE_SCOPE:
        return _OUTSIDE_SCOPE[number]
    words = _IN_EVERY_CATEGORY.get(number)
    if words is None:
        return None
    field, message = words
    if number in {"02", "03", "04"} and letters in {"AE", "IC"}:
        return (
            field,
            f"lines with {name} need the VAT ids of both seller and buyer: fill in seller.vat_id and buyer.vat_id",
        )
    return field, message.format(name=name)


def _of_code_list(text: str) -> tuple[str, str] | None:
    """Factur-X's own rules for code lists (FX-SCH-A-…) have a number for each place, and name the element."""
    matched = re.fullmatch(r"Value of '(?:@|ram:)(\w+)' is not allowed\.", text)
    return WORDS.get(_CODE_LIST_OF.get(matched.group(1), "")) if matched else None


_CODE_LIST_OF = {
    "InvoiceCurrencyCode": "BR-CL-04",
    "TaxCurrencyCode": "BR-CL-05",
    "CountryID": "BR-CL-14",
    "CategoryCode": "BR-CL-17",
    "ExemptionReasonCode": "BR-CL-22",
    "unitCode": "BR-CL-23",
}
_CATEGORIES = {
    "S": "VAT at a rate",
    "Z": "a zero rate",
    "E": "an exemption",
    "AE": "reverse charge",
    "IC": "an intra-Community supply",
    "G": "an export",
    "O": "no VAT at all (outside of its scope)",
    "IG": "Canary Islands tax (IGIC)",
    "IP": "Ceuta and Melilla tax (IPSI)",
    "B": "Italian split payment",
}
_NEEDS_SELLER_ID = "with {name} the seller's VAT id must be given: fill in seller.vat_id (or seller.tax_number)"
_RATE = "the rate does not fit {name}: choose another kind of tax, or correct its rate"
_IN_EVERY_CATEGORY = {
    "01": (
        "lines",
        "the tax summary must have exactly one row for {name}: this is a mistake of the program, report it",
    ),
    "02": ("seller.vat_id", _NEEDS_SELLER_ID),
    "03": ("seller.vat_id", _NEEDS_SELLER_ID),
    "04": ("seller.vat_id", _NEEDS_SELLER_ID),
    "05": ("lines[].tax", _RATE),
    "06": ("discounts", _RATE),
    "07": ("charges", _RATE),
    "08": ("lines", "the base of {name} is not the sum of its lines, discounts and charges: report it"),
    "09": ("lines", "the tax of {name} is not its base times its rate: see whether the rounding policy is per rate"),
    "10": ("lines[].tax", "the reason for {name} is missing, or given where there must be none: see tax.reason"),
    "11": ("supply_date", "with {name} the day of delivery or the period must be given: fill in supply_date or period"),
    "12": ("delivery.country", "with {name} the country of delivery must be given: fill in delivery.country"),
}
_OUTSIDE_SCOPE = {
    "02": ("seller.vat_id", "where no line has VAT, no VAT ids may be given: leave out seller.vat_id and buyer.vat_id"),
    "11": ("lines", "lines outside the scope of VAT cannot stand beside taxed ones: issue two invoices"),
    "12": ("lines", "lines outside the scope of VAT cannot stand beside taxed ones: issue two invoices"),
    "13": ("discounts", "a discount cannot be taxed where the lines are outside the scope of VAT: issue two invoices"),
    "14": ("charges", "a charge cannot be taxed where the lines are outside the scope of VAT: issue two invoices"),
}
_SUMS = "the sums of the invoice do not add up: this is a mistake of the program, report it with the number of the rule"
_DECIMALS = (
    "an e-invoice has at most two decimals in its amounts: send this invoice as a PDF, or issue it in another currency"
)
_CODE = "is not a code of the official list: choose one of those shown"

# Rules of EN 16931-1 (BR-*), of XRechnung (BR-DE-*) and of Peppol BIS Billing 3.0 (PEPPOL-EN16931-*), by number.
WORDS: dict[str, tuple[str, str]] = {
    "XSD": ("invoice", "the file is not built as the standard wants it: this is a mistake of the program, report it"),
    "XML": ("invoice", "the file cannot be read: there may be a character in it that XML does not allow"),
    "BR-02": ("number", "the invoice needs its number: issue it first"),
    "BR-03": ("issue_date", "the invoice needs its date: issue it first"),
    "BR-06": ("seller.name", "fill in the seller's name"),
    "BR-07": ("buyer.name", "fill in the buyer's name"),
    "BR-08": ("seller.address_lines", "fill in the seller's address"),
    "BR-09": ("seller.country", "fill in the seller's country"),
    "BR-10": ("buyer.address_lines", "fill in the buyer's address"),
    "BR-11": ("buyer.country", "fill in the buyer's country"),
    "BR-16": ("lines", "the invoice needs at least one line"),
    "BR-22": ("lines[].quantity", "fill in the quantity"),
    "BR-23": ("lines[].unit", "fill in the unit of the quantity"),
    "BR-25": ("lines[].description", "fill in what was sold"),
    "BR-27": ("lines[].unit_price", "a price cannot be negative: make the quantity negative, or give a discount"),
    "BR-29": ("period.end", "the period ends before it starts: correct its dates"),
    "BR-30": ("lines[].period.end", "the period ends before it starts: correct its dates"),
    "BR-33": ("discounts", "say what the discount is for: fill in its reason"),
    "BR-38": ("charges", "say what the charge is for: fill in its reason"),
    "BR-42": ("lines[].discounts", "say what the discount is for: fill in its reason"),
    "BR-44": ("lines[].charges", "say what the charge is for: fill in its reason"),
    "BR-49": ("bank", "say how to pay: fill in the bank account"),
    "BR-50": ("bank.iban", "fill in the number of the account to pay to"),
    "BR-53": (
        "tax_currency",
        "the VAT must also be given in the seller's own currency: give the tax currency and its rate",
    ),
    "BR-55": ("preceding", "say which invoice is meant: fill in its number"),
    "BR-57": ("delivery.country", "fill in the country of the delivery address"),
    "BR-61": ("bank.iban", "a bank transfer needs the number of the account: fill in bank.iban"),
    "BR-62": ("seller.electronic_address_scheme", "say of what kind the seller's electronic address is, such as 9930"),
    "BR-63": ("buyer.electronic_address_scheme", "say of what kind the buyer's electronic address is, such as 9930"),
    "BR-64": ("lines[].standard_item_scheme", "say of what kind the item's number is: 0160 for a GTIN"),
    "BR-CO-03": ("tax_point_date", "give either the day the tax falls due or a code for it, not both"),
    "BR-CO-04": ("lines[].tax", "every line needs a tax treatment"),
    "BR-CO-09": (
        "seller.vat_id",
        "a VAT id must begin with its country, such as DE: correct seller.vat_id and buyer.vat_id",
    ),
    "BR-CO-10": ("lines", _SUMS),
    "BR-CO-11": ("discounts", _SUMS),
    "BR-CO-12": ("charges", _SUMS),
    "BR-CO-13": ("lines", _SUMS),
    "BR-CO-14": ("lines", "the taxes do not sum to the invoice's tax: see whether the rounding policy is per rate"),
    "BR-CO-15": ("lines", _SUMS),
    "BR-CO-16": ("prepaid", "what is to be paid is not the total less what was paid: correct prepaid, or report it"),
    "BR-CO-17": ("lines", "the tax is not its base times its rate: see whether the rounding policy is per rate"),
    "BR-CO-18": ("lines", "the invoice needs a summary of its taxes: report it"),
    "BR-CO-19": ("period", "give the first or the last day of the period, or leave the period out"),
    "BR-CO-20": ("lines[].period", "give the first or the last day of the period, or leave the period out"),
    "BR-CO-25": ("terms", "say when to pay: give payment terms or a due date"),
    "BR-CO-26": (
        "seller.vat_id",
        "the seller must be identified: fill in seller.vat_id, seller.tax_number or seller.legal_registration_id",
    ),
    "BR-CL-04": ("currency", f"the currency {_CODE}"),
    "BR-CL-05": ("tax_currency", f"the tax currency {_CODE}"),
    "BR-CL-14": ("seller.country", f"a country {_CODE}"),
    "BR-CL-15": ("lines[].country", f"a country {_CODE}"),
    "BR-CL-17": ("lines[].tax", f"the tax category {_CODE}"),
    "BR-CL-18": ("lines[].tax", f"the tax category {_CODE}"),
    "BR-CL-19": ("discounts", f"the reason code of a discount {_CODE}"),
    "BR-CL-20": ("charges", f"the reason code of a charge {_CODE}"),
    "BR-CL-21": ("lines[].standard_item_scheme", f"the scheme of the item's number {_CODE}"),
    "BR-CL-22": ("lines[].tax.reason_code", f"the reason for not charging VAT {_CODE}"),
    "BR-CL-23": ("lines[].unit", f"the unit {_CODE}, such as C62 for pieces or HUR for hours"),
    "BR-CL-25": ("buyer.electronic_address_scheme", f"the kind of an electronic address {_CODE}"),
    **{f"BR-DEC-{number:02}": ("currency", _DECIMALS) for number in range(1, 29)},
    # XRechnung 3.0.2
    "BR-DE-1": ("bank", "XRechnung wants to know how to pay: fill in the bank account"),
    "BR-DE-2": (
        "seller.contact_name",
        "XRechnung wants someone to ask: fill in the seller's contact_name, contact_phone and email",
    ),
    "BR-DE-3": ("seller.city", "fill in the seller's city"),
    "BR-DE-4": ("seller.postal_code", "fill in the seller's postal code"),
    "BR-DE-5": ("seller.contact_name", "fill in who can be asked at the seller: a name or a department"),
    "BR-DE-6": ("seller.contact_phone", "fill in the telephone number of the seller's contact"),
    "BR-DE-7": ("seller.email", "fill in the e-mail address of the seller's contact"),
    "BR-DE-8": ("buyer.city", "fill in the buyer's city"),
    "BR-DE-9": ("buyer.postal_code", "fill in the buyer's postal code"),
    "BR-DE-10": ("delivery.city", "fill in the city of the delivery address"),
    "BR-DE-11": ("delivery.postal_code", "fill in the postal code of the delivery address"),
    "BR-DE-14": ("lines[].tax", "every tax needs its rate, if only 0"),
    "BR-DE-15": (
        "buyer_reference",
        "fill in the buyer reference: of a public body it is the Leitweg-ID, else whatever the buyer asked for",
    ),
    "BR-DE-16": ("seller.vat_id", "fill in the seller's VAT id or tax number"),
    "BR-DE-18": ("terms.early_payment", "the early-payment discount is not written as XRechnung wants it: report it"),
    "BR-DE-19": ("bank.iban", "this is no correct IBAN: correct it"),
    "BR-DE-23-a": ("bank", "a bank transfer needs an account: fill in the bank account"),
    "BR-DE-27": ("seller.contact_phone", "a telephone number has at least three digits: correct it"),
    "BR-DE-28": ("seller.email", "this is no e-mail address: correct it"),
    # Peppol BIS Billing 3.0 (docs.peppol.eu/poacc/billing/3.0/rules/ubl-peppol); XRechnung has many of them too.
    "PEPPOL-EN16931-R003": (
        "buyer_reference",
        "Peppol wants what the buyer files the invoice under: fill in the buyer reference or the purchase order",
    ),
    # In CII the element of the delivery is mandatory, and empty where nothing is known of one.
    "PEPPOL-EN16931-R008": ("supply_date", "nothing is said of the delivery: fill in supply_date, if there was one"),
    "PEPPOL-EN16931-R010": (
        "buyer.electronic_address",
        "fill in where the buyer receives e-invoices: the address and its scheme (a VAT id of Germany is 9930)",
    ),
    "PEPPOL-EN16931-R020": (
        "seller.electronic_address",
        "fill in the seller's own electronic address and its scheme (a VAT id of Germany is 9930)",
    ),
    "PEPPOL-EN16931-R040": (
        "discounts",
        "the percentage gives no amount of this currency: give the discount or charge as an amount instead",
    ),
    "PEPPOL-EN16931-R041": ("discounts", "a percentage needs what it is a percentage of: report it"),
    "PEPPOL-EN16931-R110": (
        "lines[].period.start",
        "the line's period begins before the invoice's: widen the invoice's",
    ),
    "PEPPOL-EN16931-R111": ("lines[].period.end", "the line's period ends after the invoice's: widen the invoice's"),
    "PEPPOL-EN16931-R120": (
        "lines[].unit_price",
        "quantity times price is no amount of this currency: choose a price whose line comes out even",
    ),
    "PEPPOL-COMMON-R040": ("buyer.electronic_address", "this is no correct GLN: its last digit does not fit"),
}
