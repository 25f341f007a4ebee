"""Disputes as JSON: the case, its list entry, and the links that say what may be done next."""

from __future__ import annotations

import json

from simulators.disputes import Dispute, DisputeState
from simulators.paypal.state import State
from simulators.paypal.wire import Json, given, link, merchant_id_of, stamp, to_paypal
from simulators.world import Charge


def dispute(it: Dispute, charge: Charge, state: State) -> Json:
    """All of it, as GET /v1/customer/disputes/{id} and the webhooks have it."""
    body = _common(it)
    body |= {
        "disputed_transactions": [_transaction(it, charge)],
        "links": _links(it, state),
        **given(
            evidences=json.loads(it.facts.get("evidences", "[]")),
            messages=json.loads(it.facts.get("messages", "[]")),
            money_movements=_movements(it),
            adjudications=_adjudications(it),
        ),
    }
    if it.facts.get("outcome"):
        body["dispute_outcome"] = _outcome(it)
    if it.state is DisputeState.NEEDS_RESPONSE:
        body["allowed_response_options"] = {"accept_claim": {"accept_claim_types": ["REFUND"]}}
    return body


def entry(it: Dispute, state: State) -> Json:
    """A line of the list."""
    return _common(it) | {"dispute_state": _state(it), "links": _links(it, state)[:1]}


def can_appeal(it: Dispute) -> bool:
    """Once, and not what the seller accepted itself."""
    return it.state in (DisputeState.LOST, DisputeState.EXPIRED) and it.facts["stage"] == "CHARGEBACK"


def _common(it: Dispute) -> Json:
    body: Json = {
        "dispute_id": it.id,
        "create_time": stamp(it.opened_at),
        "update_time": it.facts["updated"],
        "reason": it.facts["reason"],
        "status": it.facts["status"],
        "dispute_amount": to_paypal(it.minor, it.currency),
        "dispute_life_cycle_stage": it.facts["stage"],
        "dispute_channel": it.facts["channel"],
    }
    if it.state is DisputeState.NEEDS_RESPONSE:
        body["seller_response_due_date"] = stamp(it.evidence_due)
    return body


def _state(it: Dispute) -> str:
    if not it.is_open:
        return "APPEALABLE" if can_appeal(it) else "RESOLVED"
    if it.facts["stage"] == "INQUIRY":
        return "OPEN_INQUIRIES"
    by_status = {
        "WAITING_FOR_SELLER_RESPONSE": "REQUIRED_ACTION",
        "WAITING_FOR_BUYER_RESPONSE": "REQUIRED_OTHER_PARTY_ACTION",
    }
    return by_status.get(it.facts["status"], "UNDER_PAYPAL_REVIEW")


def _transaction(it: Dispute, charge: Charge) -> Json:
    return {
        "buyer_transaction_id": it.facts["capture"][::-1],
        "seller_transaction_id": it.facts["capture"],
        "create_time": stamp(charge.authorised_at),
        "transaction_status": "COMPLETED",
        "gross_amount": to_paypal(charge.captured_minor, charge.currency),
        **given(custom=charge.reference),
        "buyer": {"name": "Ada Byron"},
        "seller": {"merchant_id": merchant_id_of(it.account), "name": "Merchant"},
    }


def _outcome(it: Dispute) -> Json:
    refunded = 0 if it.state is DisputeState.WON else it.minor
    return {"outcome_code": it.facts["outcome"], **given(amount_refunded=_money(refunded, it))}


def _money(minor: int, it: Dispute) -> Json:
    return to_paypal(minor, it.currency) if minor else {}


def _movements(it: Dispute) -> list[Json]:
    return [
        {
            "affected_party": "SELLER",
            "amount": to_paypal(moved["minor"], it.currency),
            "initiated_time": moved["at"],
            "type": moved["type"],
            "reason": moved["reason"],
        }
        for moved in json.loads(it.facts.get("movements", "[]"))
    ]


def _adjudications(it: Dispute) -> list[Json]:
    if it.closed_at is None or it.facts.get("outcome") == "CANCELED_BY_BUYER":
        return []
    type = "PAYOUT_TO_SELLER" if it.state is DisputeState.WON else "RECOVER_FROM_SELLER"
    stage = it.facts["stage"]
    return [{"type": type, "adjudication_time": stamp(it.closed_at), "dispute_life_cycle_stage": stage}]


def _links(it: Dispute, state: State) -> list[Json]:
    url = f"{state.base_url}/v1/customer/disputes/{it.id}"
    verbs: list[str] = []
    if it.state is DisputeState.NEEDS_RESPONSE:
        verbs.append("accept-claim")
        verbs += ["escalate", "send-message"] if it.facts["stage"] == "INQUIRY" else ["provide-evidence"]
    elif it.facts["status"] == "UNDER_REVIEW":
        verbs += ["adjudicate", "require-evidence"]
    elif can_appeal(it):
        verbs.append("appeal")
    links = [link(url, "self", "GET")]
    return links + [link(f"{url}/{verb}", verb.replace("-", "_"), "POST") for verb in verbs]
