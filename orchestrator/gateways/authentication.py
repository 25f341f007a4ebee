"""What an adapter is told of strong authentication for one operation, and what a gateway can be told."""

from __future__ import annotations

from dataclasses import dataclass, field

from routing.authentication import Exemption, Wanted


@dataclass(frozen=True, slots=True)
class ExternalAuthentication:
    """What 3-D Secure came to elsewhere: all five are needed. `result` is `authenticated` or `attempted`."""

    result: str
    version: str
    eci: str
    cavv: str = field(repr=False)
    ds_transaction_id: str


@dataclass(frozen=True, slots=True)
class AuthenticationWish:
    """What to ask the gateway for; with `external` nothing is asked of the shopper, the proof is presented."""

    wanted: Wanted = Wanted.PREFERRED
    exemption: Exemption | None = None
    external: ExternalAuthentication | None = None


NO_WISH = AuthenticationWish()
