"""What PayPal's vault keeps, in our words. Pure functions over the JSON of Payment Method Tokens v3."""

from __future__ import annotations

from typing import Any

from orchestrator.gateways.answers import answer_from, declined
from orchestrator.gateways.credentials import Method
from orchestrator.gateways.declines import decline_for
from orchestrator.gateways.facets import Answer, SavedMethod
from orchestrator.gateways.paypal.authentication import objection_to
from orchestrator.gateways.paypal.mapping import GATEWAY, link_of
from routing.outcomes import NextAction, OutcomeKind

_READY = ("APPROVED", "VAULTED", "TOKENIZED")


def read_setup_token(token: dict[str, Any]) -> Answer[SavedMethod]:
    """A setup token: APPROVED when it can be exchanged, ACTION_REQUIRED while the payer has to approve."""
    kept = read_payment_token(token | {"id": ""}, token["id"])
    if code := objection_to(token):
        return answer_from(declined(decline_for(GATEWAY, "clearway", code, "3-D Secure did not succeed")))
    if token.get("status") in _READY:
        return Answer(OutcomeKind.APPROVED, kept)
    url = link_of(token, "approve", "payer-action")
    if not url:
        decline = decline_for(GATEWAY, "clearway", "action_not_offered", "no approve link")
        return answer_from(declined(decline))
    return Answer(OutcomeKind.ACTION_REQUIRED, kept, next_action=NextAction("redirect", url))


def read_tokens(page: dict[str, Any]) -> tuple[SavedMethod, ...]:
    """One page of a customer's payment tokens; kinds that we do not charge (Venmo, banks) are left out."""
    customer = str((page.get("customer") or {}).get("id") or "")
    shown = [token for token in page.get("payment_tokens") or [] if _source_of(token)]
    return tuple(read_payment_token({"customer": {"id": customer}} | token) for token in shown)


def read_payment_token(token: dict[str, Any], setup_id: str = "") -> SavedMethod:
    """A payment token. Raises where it is of a kind that we do not charge."""
    source = _source_of(token)
    if source not in ("card", "paypal"):
        raise ValueError("neither a card nor a PayPal wallet")
    card = token["payment_source"][source] or {} if source == "card" else {}
    year, _, month = str(card.get("expiry") or "").partition("-")
    return SavedMethod(
        gateway_token=token["id"],
        gateway_customer=str((token.get("customer") or {}).get("id") or ""),
        method=Method.CARD if source == "card" else Method.PAYPAL,
        brand=str(card.get("brand") or "").lower(),
        last4=str(card.get("last_digits") or ""),
        expiry_month=int(month or 0),
        expiry_year=int(year or 0),
        network_transaction_id=_network_id(card),
        setup_id=setup_id,
    )


def _source_of(token: dict[str, Any]) -> str:
    sources = token.get("payment_source") or {}
    return next((name for name in ("card", "paypal") if name in sources), "")


def _network_id(card: dict[str, Any]) -> str:
    """The verification's, under the name of the contract or the SDK's newer one."""
    verified = (card.get("verification") or {}).get("network_transaction_id")
    return str(verified or (card.get("network_transaction_reference") or {}).get("id") or "")
