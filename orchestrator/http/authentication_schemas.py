"""Strong authentication as the API takes and shows it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from orchestrator.errors import InvalidField
from orchestrator.http.schemas import Input
from orchestrator.payments.authentication_policy import FRAUD_RATE_MAX_BPS, SAFE
from orchestrator.payments.authentication_records import AttemptAuthentication, PaymentAuthentication
from routing.authentication import AuthenticationPolicy, Exemption, Wanted

_Named = Literal[
    "low_value", "transaction_risk_analysis", "trusted_beneficiary", "secure_corporate", "recurring"
]  # what can be asked for; the other words of `Exemption` are found, not asked


class AuthenticationInput(Input):
    """What to ask of 3-D Secure. Rules, your policy and the defence against card testing may ask for more, never less.

    `exemption` is with mode exempt. Where it does not apply, nothing is asked for, and issuer and gateway decide.
    """

    mode: Annotated[
        Literal["required", "preferred", "exempt"],
        Meta(description="preferred: as law, issuer and gateway have it; exempt: ask for an exemption"),
    ]
    exemption: _Named | None = None

    def as_asked(self) -> PaymentAuthentication:
        """Raises InvalidField for an exemption without the mode that asks for one."""
        if self.exemption is not None and self.mode != "exempt":
            raise InvalidField("authentication.exemption", "goes with mode exempt: set that, or leave it out")
        named = Exemption(self.exemption) if self.exemption is not None else None
        return PaymentAuthentication(asked=Wanted(self.mode), asked_exemption=named)


class AskedAuthenticationBody(msgspec.Struct, kw_only=True):
    """What was asked of 3-D Secure when it was made."""

    mode: Wanted
    exemption: Exemption | None


def asked_body(kept: PaymentAuthentication | None) -> AskedAuthenticationBody | None:
    """None where nothing was asked, so that your policy counts."""
    if kept is None or kept.asked is None:
        return None
    return AskedAuthenticationBody(mode=kept.asked, exemption=kept.asked_exemption)


class AuthenticationPolicyInput(Input):
    """What you want of 3-D Secure in general; docs/authentication.md says what else may ask for more.

    `exemptions` are tried in their order with mode exempt. `fraud_rate_bps` is your acquirer's, of several the highest,
    in hundredths of a percent; without it nothing is exempted by risk analysis.
    """

    mode: Wanted
    exemptions: Annotated[list[_Named], Meta(max_length=5)] = msgspec.field(
        default_factory=lambda: ["low_value", "transaction_risk_analysis"]
    )
    fraud_rate_bps: Annotated[int, Meta(ge=0, le=FRAUD_RATE_MAX_BPS, examples=[6])] | None = None

    def as_policy(self) -> AuthenticationPolicy:
        return AuthenticationPolicy(self.mode, tuple(Exemption(name) for name in self.exemptions), self.fraud_rate_bps)


class AuthenticationPolicyBody(msgspec.Struct, kw_only=True):
    """The policy that counts. `unreadable`: what is stored is none, so that this one counts until you put another."""

    object: str = "authentication_policy"
    mode: Wanted
    exemptions: list[Exemption]
    fraud_rate_bps: int | None
    unreadable: bool


def policy_body(stored: AuthenticationPolicy | None) -> AuthenticationPolicyBody:
    """None stands for what cannot be read."""
    policy = stored or SAFE
    return AuthenticationPolicyBody(
        mode=policy.mode,
        exemptions=list(policy.exemptions),
        fraud_rate_bps=policy.fraud_rate_bps,
        unreadable=stored is None,
    )


class AuthenticationBody(msgspec.Struct, kw_only=True):
    """What was asked of 3-D Secure for an attempt and why, and what it came to.

    `result` is authenticated, attempted, exempted, failed or empty. `presented_from` is the attempt whose
    authentication was handed to this gateway. Null is not told by the gateway. The cryptogram is never shown.
    """

    wanted: Wanted
    exemption: Exemption | None
    reason: str
    presented_from: str | None
    result: str
    version: str
    eci: str
    ds_transaction_id: str
    exemption_requested: str | None
    exemption_granted: bool | None
    liability_shifted: bool | None


def authentication_body(kept: AttemptAuthentication | None) -> AuthenticationBody | None:
    """Null where nobody was to be authenticated."""
    if kept is None:
        return None
    return AuthenticationBody(
        wanted=kept.wanted,
        exemption=kept.exemption,
        reason=kept.reason,
        presented_from=kept.presented or None,
        result=kept.result,
        version=kept.version,
        eci=kept.eci,
        ds_transaction_id=kept.ds_transaction_id,
        exemption_requested=kept.exemption_requested or None,
        exemption_granted=kept.exemption_granted,
        liability_shifted=kept.liability_shifted,
    )
