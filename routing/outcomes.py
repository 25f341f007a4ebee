"""What one call to a gateway can come to, and why a payment was declined: the words that every other part uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from currency.money import Money


class OutcomeKind(StrEnum):
    """The six outcomes of an operation. There is no seventh."""

    APPROVED = "approved"
    DECLINED = "declined"
    ACTION_REQUIRED = "action_required"
    PENDING = "pending"  # the gateway has it and will tell by webhook
    UNKNOWN = "unknown"  # sent, and no trustworthy answer: may have happened
    NOT_REACHED = "not_reached"  # proven that the gateway has not acted: may fail over at once


class RetryAction(StrEnum):
    """What a decline allows next. Everything but FAILOVER_NOW ends the attempts of this credential for now."""

    FAILOVER_NOW = "failover_now"  # the next account, within this request
    RETRY_SAME_LATER = "retry_same_later"  # the same account another time, within the networks' limits
    CUSTOMER_ACTION = "customer_action"  # authentication, new card data or another way to pay
    HARD_NEVER = "hard_never"  # never again with this credential, at any gateway
    FRAUD_NEVER = "fraud_never"  # the same, and the customer is told nothing but "declined"
    UNKNOWN_INQUIRE = "unknown_inquire"  # look the payment up before anything else: it may exist already
    FIX_INTEGRATION = "fix_integration"  # our mistake: an alarm, no retry
    NONE = "none"  # not a decline, nothing to do


@dataclass(frozen=True, slots=True)
class Decline:
    """A decline in our words. `reason` is a row of the taxonomy (`do_not_honor`, `stolen_card`, `unmapped`…).

    `gateway_code`, `gateway_message` and `advice_code` are the gateway's own, for people and for the timeline; nothing
    is decided on the message.
    """

    reason: str
    action_cit: RetryAction  # customer present
    action_mit: RetryAction  # merchant-initiated
    gateway_code: str
    gateway_message: str = ""
    advice_code: str = ""


@dataclass(frozen=True, slots=True)
class NextAction:
    """What the shopper must do next. `kind` is `redirect`; `url` is where to send the browser."""

    kind: str
    url: str
    data: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Authentication:
    """What strong authentication (3-D Secure) came to, as the gateway reports it; empty where it does not.

    `result` is `authenticated`, `attempted`, `exempted`, `failed` or ``; `liability_shifted` is None where the gateway
    does not say. The ids are what another gateway needs to accept it. `exemption` is the one that was asked for, in our
    words (`routing.authentication.Exemption`), where the gateway names it.
    """

    result: str = ""
    version: str = ""
    eci: str = ""
    cavv: str = field(default="", repr=False)
    ds_transaction_id: str = ""
    liability_shifted: bool | None = None
    exemption: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one operation, in our words.

    `amount` is what the gateway says it approved (compared with what was asked before anything believes it).
    `gateway_payment_id` is the id under which the gateway keeps the payment (`pi_…`, a PSP reference, an order id);
    `gateway_operation_id` that of this very operation (`ch_…`, a capture id, `re_…`), by which reports name it.
    `capture_before` is the gateway's own end of the authorisation; `gateway_token` and `gateway_customer` name the
    credential where it was kept with the payment; `retry_after_s` is what a refusal for too many calls asked for.
    """

    kind: OutcomeKind
    amount: Money | None = None
    gateway_payment_id: str = ""
    gateway_operation_id: str = ""
    decline: Decline | None = None
    next_action: NextAction | None = None
    detail: str = ""  # one line for people: what the gateway or the network said
    exchange: dict[str, object] = field(default_factory=dict)  # the redacted request and reply, for the timeline
    capture_before: datetime | None = None
    network_transaction_id: str = ""  # what later merchant-initiated charges of the credential refer to
    gateway_token: str = ""
    gateway_customer: str = ""
    authentication: Authentication | None = None
    retry_after_s: float = 0.0
    vault_failed: bool = False  # NOT_REACHED for the vault's sake: it says nothing of the gateway's health
