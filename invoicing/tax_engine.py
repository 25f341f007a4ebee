"""The port to whoever knows the sales tax of an address, and the engine that answers from what the merchant gave.

A draft is turned into a request, an engine's answer is put on its lines (`apply_answer`); then it is computed and
frozen like any other, and nothing is asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Protocol

import msgspec

from currency.money import Money, percent, to_major
from invoicing.calculation import compute
from invoicing.drafts import DraftInvoice, check_whole
from invoicing.errors import InvalidInvoice
from invoicing.lines import Line, SalesTax
from invoicing.parties import Delivery, Party
from invoicing.treatments import TaxKind


class TaxableLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line as an engine is asked about it. `amount` is net, after its discounts; `item` is the seller's id of it."""

    index: int
    item: str
    description: str
    quantity: Decimal
    amount: Money


class TaxRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`ship_from` and `ship_to` decide the jurisdictions; `document` is the id by which the engine knows it again."""

    document: str
    on: date
    currency: str
    ship_from: Party
    ship_to: Party | Delivery
    lines: tuple[TaxableLine, ...]
    buyer_tax_id: str = ""


class TaxedLine(msgspec.Struct, frozen=True, kw_only=True):
    """The taxes of one line, one for each jurisdiction; none where it is exempt or the seller has no nexus."""

    index: int
    taxes: tuple[SalesTax, ...] = ()


class TaxAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`proof` is the engine's own id of the calculation."""

    lines: tuple[TaxedLine, ...]
    engine: str
    proof: str = ""


class TaxEngineUnavailable(RuntimeError):
    """The engine gave no answer; ask again later. A draft is never issued with a guess."""


class TaxEngine(Protocol):
    """An adapter to a vendor's engine."""

    async def taxes(self, request: TaxRequest) -> TaxAnswer:
        """Raises TaxEngineUnavailable, and InvalidInvoice for what the engine refuses (an address it cannot find)."""
        ...


class GivenRate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One jurisdiction's percentage (8.875 is 8.875 %)."""

    jurisdiction: str
    percent: Decimal
    name: str = ""

    def of(self, amount: Money) -> SalesTax:
        """Its tax on a net amount."""
        return SalesTax(
            jurisdiction=self.jurisdiction,
            name=self.name,
            percent=self.percent,
            taxable=to_major(amount),
            amount=to_major(percent(amount, self.percent.scaleb(-2))),
        )


class GivenRates(msgspec.Struct, frozen=True):
    """An engine without a network: percentages by jurisdiction and subdivision of the place of delivery, as a merchant
    with nexus in a few states keeps them in a file (`{"NY": [{"jurisdiction": "US-NY", "percent": "4"}]}`)."""

    by_subdivision: Mapping[str, tuple[GivenRate, ...]]

    async def taxes(self, request: TaxRequest) -> TaxAnswer:
        """Each tax of each line, rounded HALF_UP to the minor unit. A place that is not listed has no tax."""
        rates = self.by_subdivision.get(request.ship_to.subdivision, ())
        return TaxAnswer(
            lines=tuple(
                TaxedLine(index=line.index, taxes=tuple(rate.of(line.amount) for rate in rates))
                for line in request.lines
            ),
            engine="given",
        )


def request_for(draft: DraftInvoice, *, document: str, on: date) -> TaxRequest | None:
    """What an engine is to be asked; None where no line is of TaxKind.SALES_TAX. Raises InvalidInvoice."""
    asked = [index for index, line in enumerate(draft.lines) if line.tax.kind is TaxKind.SALES_TAX]
    if not asked:
        return None
    place: Party | Delivery = draft.delivery or draft.buyer
    if not (place.subdivision and place.postal_code):
        field = "delivery" if draft.delivery else "buyer"
        raise InvalidInvoice(f"{field}.subdivision", "state and postal code are needed to find the sales tax")
    nets = compute(_without_taxes(draft)).line_nets
    return TaxRequest(
        document=document,
        on=on,
        currency=draft.currency,
        ship_from=draft.seller,
        ship_to=place,
        lines=tuple(_taxable(index, draft.lines[index], nets[index]) for index in asked),
        buyer_tax_id=draft.buyer.vat_id,
    )


def apply_answer(draft: DraftInvoice, answer: TaxAnswer) -> DraftInvoice:
    """The draft with the taxes of the answer on its lines. Raises InvalidInvoice where the answer leaves one out."""
    found = {line.index: line.taxes for line in answer.lines}
    lines = list(draft.lines)
    for index, line in enumerate(lines):
        if line.tax.kind is not TaxKind.SALES_TAX:
            continue
        if index not in found:
            raise InvalidInvoice(f"lines[{index}].sales_taxes", f"the engine {answer.engine!r} said nothing; ask again")
        for number, tax in enumerate(found[index]):
            check_whole(tax.amount, draft.currency, f"lines[{index}].sales_taxes[{number}].amount")
        lines[index] = msgspec.structs.replace(line, sales_taxes=found[index])
    return msgspec.structs.replace(draft, lines=tuple(lines))


def _taxable(index: int, line: Line, net: Money) -> TaxableLine:
    return TaxableLine(
        index=index, item=line.seller_item_id, description=line.description, quantity=line.quantity, amount=net
    )


def _without_taxes(draft: DraftInvoice) -> DraftInvoice:
    lines = tuple(msgspec.structs.replace(line, sales_taxes=()) for line in draft.lines)
    return msgspec.structs.replace(draft, lines=lines)
