"""What a gateway can do, declared as data: each verb is there, or missing for a reason that its documentation gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from orchestrator.gateways.credentials import Method
from routing.authentication import Exemption


class Verb(StrEnum):
    """Everything that an adapter can be asked for."""

    AUTHORISE = "authorise"
    AUTHORISE_AND_CAPTURE = "authorise_and_capture"
    COMPLETE = "complete"
    CAPTURE = "capture"
    CAPTURE_PARTIAL = "capture_partial"
    CAPTURE_SEVERAL = "capture_several"
    VOID = "void"
    REFUND = "refund"
    REFUND_PARTIAL = "refund_partial"
    REFUND_SEVERAL = "refund_several"
    LOOK_UP = "look_up"
    SAVE_CUSTOMER = "save_customer"
    SAVE_METHOD = "save_method"
    SAVE_WITH_PAYMENT = "save_with_payment"
    CHARGE_SAVED = "charge_saved"
    CHARGE_SAVED_BY_MERCHANT = "charge_saved_by_merchant"
    DETACH_METHOD = "detach_method"
    PRODUCT_AND_PRICE = "product_and_price"
    HOSTED_CHECKOUT = "hosted_checkout"
    SPLIT = "split"
    TRANSFER = "transfer"
    RECIPIENT_STATUS = "recipient_status"
    FETCH_DISPUTE = "fetch_dispute"
    ACCEPT_DISPUTE = "accept_dispute"
    SUBMIT_EVIDENCE = "submit_evidence"
    REGISTER_ENDPOINT = "register_endpoint"
    FETCH_PAYOUTS = "fetch_payouts"
    FETCH_REPORT = "fetch_report"
    FORWARD = "forward"
    MIRROR = "mirror"
    PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Supported:
    """There. `note` is a limit that callers should know; `source` the vendor's page."""

    note: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """Not there, and why: `reason` in one sentence, from the vendor's page at `source`."""

    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class AuthorisationLife:
    """For how long an authorisation can be captured: `days` at most, of which `honoured_days` surely."""

    days: int
    honoured_days: int
    source: str


_NOT_DECLARED = Missing("The adapter does not declare it.", "")


@dataclass(frozen=True, slots=True)
class AuthenticationMeans:
    """What can be said to a gateway of 3-D Secure.

    `external`: it takes an authentication that was made elsewhere. `exemption`: it can be asked for those of
    `exemptions`; elsewhere the gateway asks for them by itself, or not at all.
    """

    external: Supported | Missing = _NOT_DECLARED
    exemption: Supported | Missing = _NOT_DECLARED
    exemptions: frozenset[Exemption] = frozenset()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One gateway's. `verbs` has every Verb; `methods` every Method."""

    verbs: Mapping[Verb, Supported | Missing]
    methods: Mapping[Method, Supported | Missing]
    authorisation: AuthorisationLife
    authentication: AuthenticationMeans = field(default_factory=AuthenticationMeans)

    def can(self, verb: Verb) -> bool:
        return isinstance(self.verbs[verb], Supported)

    def takes(self, method: Method) -> bool:
        return isinstance(self.methods[method], Supported)
