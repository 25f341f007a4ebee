"""How a customer wants to be sent e-invoices: in which format, by which channel, to which address."""

from __future__ import annotations

import msgspec

from invoicing.checks import MAX_TEXT, check_length
from invoicing.drafts import DraftInvoice
from invoicing.einvoice.addresses import EMAIL_SCHEME, Address, check_address
from invoicing.einvoice.formats import Format
from invoicing.einvoice.mandates import Channel
from invoicing.errors import InvalidInvoice

# A French platform takes Factur-X, CII and UBL by EN 16931 (dimo-dematerialisation.com, "quels sont les formats
# autorisés"); of ours only Factur-X does not name itself after another network.
_CARRIED: dict[Channel, tuple[Format, ...]] = {
    Channel.EMAIL: tuple(Format),
    Channel.FILE_DROP: tuple(Format),
    Channel.PEPPOL: (Format.PEPPOL_BIS_3, Format.XRECHNUNG_UBL, Format.XRECHNUNG_CII),
    Channel.FRANCE_PLATFORM: (Format.FACTUR_X,),
}
_LANGUAGES = {
    Channel.ITALY_SDI: "FatturaPA",
    Channel.POLAND_KSEF: "FA(3)",
    Channel.ROMANIA_EFACTURA: "RO_CIUS",
    Channel.CROATIA_ERACUN: "the Croatian CIUS",
}


class Preference(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's wish. Without `form` the customer gets the PDF, as everybody does (with Factur-X inside where that
    can be said). `buyer_reference` and `address` go into invoices that have none of their own."""

    form: Format | None = msgspec.field(default=None, name="format")
    channel: Channel = Channel.EMAIL
    address: Address | None = None
    buyer_reference: str = ""


def check_preference(preference: Preference, path: str) -> None:
    """Raises InvalidInvoice naming the field below `path` that does not fit the others, and what to choose instead."""
    check_length(preference.buyer_reference, f"{path}.buyer_reference", MAX_TEXT)
    if preference.address is not None:
        check_address(preference.address, f"{path}.address")
    if language := _LANGUAGES.get(preference.channel):
        raise InvalidInvoice(
            f"{path}.channel",
            f"{preference.channel} takes {language}, which is not written here: choose file_drop, and have a program "
            "of yours convert and send what it finds",
        )
    carried = _CARRIED[preference.channel]
    if preference.channel is not Channel.EMAIL and preference.form is None:
        raise InvalidInvoice(f"{path}.format", f"{preference.channel} carries e-invoices: choose {_any_of(carried)}")
    if preference.form is not None and preference.form not in carried:
        raise InvalidInvoice(f"{path}.format", f"{preference.channel} does not carry it: choose {_any_of(carried)}")
    if preference.channel is Channel.PEPPOL:
        _check_participant(preference.address, f"{path}.address")


def _check_participant(address: Address | None, path: str) -> None:
    if address is None:
        raise InvalidInvoice(path, "Peppol sends to a participant: fill in its scheme and identifier")
    if address.scheme == EMAIL_SCHEME or not address.scheme.isdecimal():
        raise InvalidInvoice(f"{path}.scheme", "is no participant of Peppol: choose a scheme of four digits")


def _any_of(formats: tuple[Format, ...]) -> str:
    return " or ".join(formats)


def completed(draft: DraftInvoice, preference: Preference) -> DraftInvoice:
    """The draft with what the customer's preference says where the draft itself says nothing."""
    buyer = draft.buyer
    if preference.address is not None and not buyer.electronic_address:
        buyer = msgspec.structs.replace(
            buyer,
            electronic_address=preference.address.identifier,
            electronic_address_scheme=preference.address.scheme,
        )
    reference = draft.buyer_reference or preference.buyer_reference
    return msgspec.structs.replace(draft, buyer=buyer, buyer_reference=reference)
