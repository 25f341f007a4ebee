"""What is kept of strong authentication: with the payment what is wanted and why, with each attempt what came of it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from routing.authentication import Exemption, Wanted


class PaymentAuthentication(msgspec.Struct, frozen=True, omit_defaults=True):
    """`asked` and `asked_exemption` came with the payment; the rest is the decision for the card it is paid with."""

    asked: Wanted | None = None
    asked_exemption: Exemption | None = None
    wanted: Wanted = Wanted.PREFERRED
    exemption: Exemption | None = None
    reason: str = ""


class AttemptAuthentication(msgspec.Struct, frozen=True, omit_defaults=True):
    """`wanted`, `exemption` and `reason`: what this gateway was asked for. The rest: what 3-D Secure came to.

    `presented`: the attempt whose authentication was handed over. `sealed_cavv` is the cryptogram, sealed, for as long
    as the payment may need it at another gateway; it is never shown.
    """

    wanted: Wanted = Wanted.PREFERRED
    exemption: Exemption | None = None
    reason: str = ""
    presented: str = ""
    result: str = ""
    version: str = ""
    eci: str = ""
    ds_transaction_id: str = ""
    liability_shifted: bool | None = None
    exemption_requested: str = ""  # as the gateway names it, which may ask for one by itself
    exemption_granted: bool | None = None
    sealed_cavv: str = ""
    at: datetime | None = None
