"""The kinds of electronic invoice that are written, and what each calls itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

# EN 16931-1, BT-24: the plain standard, without a national or a network's usage specification.
EN16931 = "urn:cen.eu:en16931:2017"
# Peppol BIS Billing 3.0, "Process and typecode identifiers": docs.peppol.eu/poacc/billing/3.0/bis/#profiles
PEPPOL_PROCESS = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"


class Syntax(StrEnum):
    """The two XML languages that EN 16931 may be written in."""

    CII = "cii"
    UBL = "ubl"


class Format(StrEnum):
    """What is asked for by name."""

    FACTUR_X = "factur_x"
    XRECHNUNG_CII = "xrechnung_cii"
    XRECHNUNG_UBL = "xrechnung_ubl"
    PEPPOL_BIS_3 = "peppol_bis_3"


@dataclass(frozen=True, slots=True)
class Profile:
    """`guideline` is BT-24, `process` BT-23; `in_pdf` says that the XML travels inside the PDF."""

    syntax: Syntax
    guideline: str
    process: str = ""
    in_pdf: bool = False


_XRECHNUNG = f"{EN16931}#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"

PROFILES: dict[Format, Profile] = {
    # Factur-X 1.09 / ZUGFeRD, profile EN 16931 (COMFORT): its guideline is that of the standard itself.
    Format.FACTUR_X: Profile(Syntax.CII, EN16931, in_pdf=True),
    # XRechnung 3.0.2, BT-23 and BT-24: xeinkauf.de/xrechnung
    Format.XRECHNUNG_CII: Profile(Syntax.CII, _XRECHNUNG, PEPPOL_PROCESS),
    Format.XRECHNUNG_UBL: Profile(Syntax.UBL, _XRECHNUNG, PEPPOL_PROCESS),
    Format.PEPPOL_BIS_3: Profile(
        Syntax.UBL, f"{EN16931}#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0", PEPPOL_PROCESS
    ),
}
