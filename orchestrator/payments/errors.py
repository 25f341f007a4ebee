"""Refusals of the verbs of payments that a caller can act on."""

from __future__ import annotations

from orchestrator.errors import Conflict


class AuthorisationExpired(Conflict):
    """The gateway no longer holds the money."""

    code = "authorisation_expired"

    def __init__(self, ended: str) -> None:
        super().__init__(f"The authorisation ended at {ended} and cannot be captured. Create another payment.")


class CapturedOnce(Conflict):
    """What was captured was the last of it."""

    code = "captured_once"

    def __init__(self, why: str) -> None:
        super().__init__(f"No more of this payment can be captured: {why}.")


class GatewayRefused(Conflict):
    """The gateway said no to what was asked; nothing was changed by it."""

    code = "gateway_refused"

    def __init__(self, gateway: str, what: str, why: str) -> None:
        super().__init__(f"{gateway} refused the {what}: {why or 'without a reason'}")
