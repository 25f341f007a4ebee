"""What Adyen is told of 3-D Secure: whether to authenticate, which exemption to ask for, or what was proven elsewhere.

Fields of Checkout v72 (AuthenticationData, ThreeDSecureData, AdditionalData3DSecure).
"""

from __future__ import annotations

from typing import Any

from orchestrator.gateways.authentication import AuthenticationWish, ExternalAuthentication
from routing.authentication import Exemption, Wanted

# https://docs.adyen.com/online-payments/psd2-sca-compliance-and-implementation-guide/sca-exemptions
EXEMPTIONS = {
    Exemption.LOW_VALUE: "lowValue",
    Exemption.TRANSACTION_RISK_ANALYSIS: "transactionRiskAnalysis",
    Exemption.TRUSTED_BENEFICIARY: "trustedBeneficiary",
    Exemption.SECURE_CORPORATE: "secureCorporate",
}
_MANDATED = "04"  # challenge requested (mandate), threeDSRequestorChallengeInd
_TRANS_STATUS = {"authenticated": "Y", "attempted": "A"}


def wish_fields(wish: AuthenticationWish) -> dict[str, Any]:
    """`authenticationData`, and the preference of a challenge. By redirect, asked for explicitly: the native flow needs
    Adyen's own component in the page (https://docs.adyen.com/online-payments/3d-secure/redirect-3ds2).

    An exemption is asked for in the authorisation itself, which `never` says: an issuer that refuses it answers with a
    soft decline. Of what was authenticated elsewhere nothing is asked again.
    """
    data: dict[str, Any] = {"threeDSRequestData": {"nativeThreeDS": "disabled"}}
    if wish.external is not None:
        return {"authenticationData": data}
    if exemption_of(wish):
        data["attemptAuthentication"] = "never"
    elif wish.wanted in (Wanted.REQUIRED, Wanted.CHALLENGE):
        data["attemptAuthentication"] = "always"
    fields: dict[str, Any] = {"authenticationData": data}
    if wish.wanted is Wanted.CHALLENGE:
        fields["threeDS2RequestData"] = {"threeDSRequestorChallengeInd": _MANDATED}
    return fields


def exemption_of(wish: AuthenticationWish) -> str:
    """`additionalData.scaExemption`; `` where none is asked for, or Adyen has no word for it."""
    if wish.wanted is not Wanted.EXEMPT or wish.exemption is None or wish.external is not None:
        return ""
    return EXEMPTIONS.get(wish.exemption, "")


def proof_fields(proof: ExternalAuthentication) -> dict[str, str]:
    """`mpiData`: https://docs.adyen.com/online-payments/3d-secure/authorize-mpidata."""
    status = _TRANS_STATUS[proof.result]
    return {
        "authenticationResponse": status,
        "directoryResponse": status,
        "cavv": proof.cavv,
        "dsTransID": proof.ds_transaction_id,
        "eci": proof.eci,
        "threeDSVersion": proof.version,
    }


def exemption_named(word: str) -> str:
    """Our word for `scaExemptionRequested`; `` for one that we have none for."""
    return next((ours.value for ours, theirs in EXEMPTIONS.items() if theirs == word), "")
