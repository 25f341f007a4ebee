"""Cards on their way between gateways: Stripe as the sender, and Stripe as the receiver."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
import stripe
from stripe_served import CARD, SECRET_KEY, Served, refused, serving

from orchestrator.gateways.credentials import Agreement, StoredUse
from orchestrator.gateways.facets import CARD_PLACES, ForwardReply, ForwardRequest, SaveOrder
from routing.outcomes import OutcomeKind

BODY = json.dumps({"card": {"number": "{number}", "expiry": "{expiry}", "name": "{holder}"}, "amount": 0})
REQUEST = ForwardRequest(
    "POST",
    "https://other.example/v1/cards",
    {"X-API-Key": "their-secret-key", "Content-Type": "application/json"},
    "application/json",
    BODY,
)
ORDER = SaveOrder("key_1", "pm_ours", CARD, "cus_1", StoredUse(agreement=Agreement.SUBSCRIPTION))


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as one:
        one.will_say({"id": "fwdreq_1", "response_details": {"status": 201, "body": '{"id": "their-token"}'}})
        yield one


def forward(served: Served, request: ForwardRequest = REQUEST) -> Any:
    assert served.stripe.facets.forwarding is not None
    return served.stripe.facets.forwarding.forward("pm_1", "cus_1", request, "key_1")


def test_places_of_the_card_are_left_empty_for_stripe_to_fill(served: Served) -> None:
    forward(served)
    form = served.last.form
    assert json.loads(form["request[body]"]) == {"card": {"number": "", "expiry": "", "name": ""}, "amount": 0}
    replaced = [value for name, value in form.items() if name.startswith("replacements")]
    assert replaced == ["card_expiry", "card_number", "cardholder_name"]
    assert (form["request[headers][0][name]"], form["request[headers][0][value]"]) == ("X-API-Key", "their-secret-key")
    assert "request[headers][1][name]" not in form
    assert served.last.headers["idempotency-key"] == "key_1:forward"


def test_answer_of_the_other_gateway_is_told_and_neither_it_nor_our_key_there_is_kept(served: Served) -> None:
    answer = forward(served)
    assert answer.value == ForwardReply(201, '{"id": "their-token"}')
    assert "their-secret-key" not in str(answer.exchange)
    assert "their-token" not in str(answer.exchange)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (402, "forwarding_api_retryable_upstream_error", OutcomeKind.NOT_REACHED),
        (400, "forwarding_api_upstream_connection_timeout", OutcomeKind.UNKNOWN),
        (502, "forwarding_api_upstream_error", OutcomeKind.UNKNOWN),
        (504, "forwarding_api_upstream_connection_timeout", OutcomeKind.UNKNOWN),
        (400, "forwarding_api_invalid_parameter", OutcomeKind.DECLINED),
        (402, "card_declined", OutcomeKind.DECLINED),
    ],
)
def test_only_stripes_own_word_proves_that_nothing_was_sent_on(
    served: Served, status: int, code: str, kind: OutcomeKind
) -> None:
    served.will_say((status, refused(code)))
    assert forward(served).kind is kind


def test_what_is_not_a_post_is_refused_before_any_call(served: Served) -> None:
    put = ForwardRequest("PUT", REQUEST.url, REQUEST.headers, REQUEST.content_type, BODY)
    assert (forward(served, put).kind, served.asked) == (OutcomeKind.DECLINED, [])


def test_stripe_keeps_a_forwarded_card_by_one_setup_intent(served: Served) -> None:
    assert served.stripe.facets.mirror is not None
    request = served.stripe.facets.mirror.save_request(ORDER)
    assert (request.method, request.url) == ("POST", f"{served.url}/v1/setup_intents")
    assert request.headers == {
        "Authorization": f"Bearer {SECRET_KEY}",
        "Idempotency-Key": "key_1",
        "Stripe-Version": stripe.api_version,
    }
    form = dict(parse_qsl(request.body))
    assert form["payment_method_data[card][number]"] == "{number}"
    assert (form["confirm"], form["customer"], form["usage"]) == ("true", "cus_1", "off_session")
    assert [place for place in CARD_PLACES if place in request.body] == ["{number}", "{expiry_month}", "{expiry_year}"]


def test_stripes_forwarded_answer_is_read_like_its_own(served: Served) -> None:
    method = {"id": "pm_7", "type": "card", "card": {"brand": "visa", "last4": "4242"}}
    body = {"id": "seti_1", "status": "succeeded", "customer": "cus_1", "payment_method": method}
    assert served.stripe.facets.mirror is not None
    answer = served.stripe.facets.mirror.read_saved(ORDER, ForwardReply(200, json.dumps(body)))
    assert answer.value is not None
    assert (answer.kind, answer.value.gateway_token, answer.value.last4) == (OutcomeKind.APPROVED, "pm_7", "4242")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (ForwardReply(402, json.dumps(refused("card_declined", decline_code="lost_card"))), OutcomeKind.DECLINED),
        (ForwardReply(429, json.dumps(refused("rate_limit"))), OutcomeKind.NOT_REACHED),
        (ForwardReply(500, "{}"), OutcomeKind.UNKNOWN),
        (ForwardReply(200, "<html>"), OutcomeKind.UNKNOWN),
        (ForwardReply(200, "[]"), OutcomeKind.UNKNOWN),
        (ForwardReply(200, json.dumps({"id": "seti_1", "status": "brand_new"})), OutcomeKind.UNKNOWN),
    ],
)
def test_forwarded_answer_that_cannot_be_believed_is_unknown(
    served: Served, reply: ForwardReply, kind: OutcomeKind
) -> None:
    assert served.stripe.facets.mirror is not None
    assert served.stripe.facets.mirror.read_saved(ORDER, reply).kind is kind
