"""Where the law says how an invoice between two businesses of one country must travel: data, and what follows from it.

This is no legal advice: rows whose source is not the law itself say so, and exemptions by trade are not known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from invoicing.einvoice.errors import ChannelRequired


class Channel(StrEnum):
    """A way for an e-invoice to reach its buyer. `FILE_DROP` leaves it for a program of the merchant's own."""

    EMAIL = "email"
    FILE_DROP = "file_drop"
    PEPPOL = "peppol"
    ITALY_SDI = "italy_sdi"
    ROMANIA_EFACTURA = "romania_efactura"
    POLAND_KSEF = "poland_ksef"
    FRANCE_PLATFORM = "france_platform"
    CROATIA_ERACUN = "croatia_eracun"


class SellerSize(StrEnum):
    """Which wave of its country's law a seller belongs to; `Mandate.since` says what each means there."""

    LARGE = "large"
    OTHER = "other"
    SMALLEST = "smallest"


@dataclass(frozen=True, slots=True)
class Mandate:
    """One country's law for invoices between its own businesses.

    `since` has the first day of the duty by size of the seller. `channel` is None where the law asks for a structured
    invoice but leaves the way to the parties: then e-mail will do, if an e-invoice is in it. `verified` is False where
    only secondary sources were seen.
    """

    country: str
    channel: Channel | None
    since: dict[SellerSize, date]
    law: str
    source: str
    verified: bool = False
    note: str = ""


def _from(year: int, month: int, day: int = 1) -> dict[SellerSize, date]:
    return dict.fromkeys(SellerSize, date(year, month, day))


MANDATES: dict[str, Mandate] = {
    row.country: row
    for row in (
        Mandate(
            "IT", Channel.ITALY_SDI, _from(2019, 1), "Legge 205/2017, art. 1 (909)",
            "en.studiointernazionale.org/electronic-invoicing.html",
            note="The exchange system takes FatturaPA, which is not written here.",
        ),
        Mandate(
            "RO", Channel.ROMANIA_EFACTURA, _from(2024, 7), "Legea 296/2023",
            "legislatie.just.ro/Public/DetaliiDocument/284396 (preamble of OUG 69/2024)",
            verified=True,
            note="Between January and June 2024 invoices had to be reported, from July on they travel by the system.",
        ),
        Mandate(
            "PL", Channel.POLAND_KSEF,
            {
                SellerSize.LARGE: date(2026, 2, 1),
                SellerSize.OTHER: date(2026, 4, 1),
                SellerSize.SMALLEST: date(2027, 1, 1),
            },
            "Act of 5 August 2025 amending the VAT act (KSeF)",
            "solutionbox.cz/en/blog/e-fakturace-povinna-zeme-prehled",
            note="Large: sales over 200 million PLN in 2024. Smallest: up to 10,000 PLN a month. FA(3) only.",
        ),
        Mandate(
            "BE", Channel.PEPPOL, _from(2026, 1), "Law of 6 February 2024 (VAT code, art. 53)",
            "clearvo.io/blog/eu-einvoicing-mandates-2026",
            note="The parties may agree on another way for an invoice that follows EN 16931.",
        ),
        Mandate(
            "HR", Channel.CROATIA_ERACUN, _from(2026, 1), "Zakon o fiskalizaciji (2025)",
            "edicomgroup.com/blog/croatia-electronic-invoicing-b2b",
        ),
        Mandate(
            "FR", Channel.FRANCE_PLATFORM,
            {
                SellerSize.LARGE: date(2026, 9, 1),
                SellerSize.OTHER: date(2027, 9, 1),
                SellerSize.SMALLEST: date(2027, 9, 1),
            },
            "CGI, art. 289 bis",
            "bpifrance-creation.fr/moment-de-vie/quelle-plateforme-choisir-sa-facturation-electronique-2026",
            verified=True,
            note="Large: grandes entreprises and ETI. Every business must receive from 2026-09-01.",
        ),
        Mandate(
            "DE", None,
            {
                SellerSize.LARGE: date(2027, 1, 1),
                SellerSize.OTHER: date(2028, 1, 1),
                SellerSize.SMALLEST: date(2028, 1, 1),
            },
            "UStG § 14 (1), § 27 (38)",
            "BGBl. 2024 I Nr. 108, as quoted at interchange.de/wachstumschancengesetz.html",
            verified=True,
            note="Large: over 800,000 EUR in the year before. Every business must receive from 2025-01-01. The "
            "smallest (§ 34a UStDV) stay free to send otherwise, which is not told apart here.",
        ),
    )
}  # fmt: skip


def mandate_for(
    *, seller_country: str, buyer_country: str, buyer_is_business: bool, size: SellerSize, on: date
) -> Mandate | None:
    """The law that an invoice of that day is under, if any. Across a border and to consumers there is none (yet)."""
    if seller_country != buyer_country or not buyer_is_business:
        return None
    mandate = MANDATES.get(seller_country)
    return mandate if mandate is not None and on >= mandate.since[size] else None


def check_channel(channel: Channel, mandate: Mandate | None, *, carries_e_invoice: bool) -> None:
    """Raises ChannelRequired where sending this way alone would break the law.

    `carries_e_invoice` says that what is sent is, or has inside, an invoice by EN 16931. A file drop is trusted:
    whoever empties it answers for where the invoice goes on.
    """
    if mandate is None or channel in (mandate.channel, Channel.FILE_DROP):
        return
    if mandate.channel is not None:
        raise ChannelRequired(
            "channel",
            f"invoices between businesses in {mandate.country} must be sent by {_NAMES[mandate.channel]} "
            f"({mandate.law}): {_NAMES[channel]} may only carry a copy; choose {mandate.channel} as the customer's "
            "e_invoice.channel, or file_drop with a program of yours that sends it on, or issue it without sending it",
        )
    if not carries_e_invoice:
        raise ChannelRequired(
            "format",
            f"invoices between businesses in {mandate.country} must be electronic invoices by EN 16931 "
            f"({mandate.law}): a plain PDF is none; send Factur-X or XRechnung",
        )


_NAMES = {
    Channel.EMAIL: "e-mail",
    Channel.FILE_DROP: "file drop",
    Channel.PEPPOL: "Peppol",
    Channel.ITALY_SDI: "the Sistema di Interscambio (SdI)",
    Channel.ROMANIA_EFACTURA: "RO e-Factura",
    Channel.POLAND_KSEF: "KSeF",
    Channel.FRANCE_PLATFORM: "an approved platform (plateforme agréée)",
    Channel.CROATIA_ERACUN: "eRačun",
}
