"""Saved methods and webhook registration at the PayPal simulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sim_served as served
from sim_paypal import (
    ACCOUNT,
    ENDPOINT,
    RETURN,
    WEBHOOK_ID,
    Merchant,
    card,
    events,
    link,
    new_world,
    pass_days,
    payment,
    press,
    running,
)

from simulators.paypal.webhooks import EVENT_TYPES, sign
from simulators.world import World

SETUP = "/v3/vault/setup-tokens"
TOKENS = "/v3/vault/payment-tokens"
ORDERS = "/v2/checkout/orders"
WEBHOOKS = "/v1/notifications/webhooks"
WALLET = {"paypal": {"usage_type": "MERCHANT", "description": "Tea, monthly", "experience_context": RETURN}}
MERCHANT = {"payment_initiator": "MERCHANT", "payment_type": "RECURRING", "usage": "SUBSEQUENT"}


@pytest.fixture
def world() -> World:
    return new_world()


@pytest.fixture
def shop(world: World) -> Iterator[Merchant]:
    with running(world) as url:
        yield Merchant(url)


def from_setup(id: str) -> dict[str, Any]:
    return {"payment_source": {"token": {"id": id, "type": "SETUP_TOKEN"}}}


def saved_card(shop: Merchant, number: str = served.APPROVED, key: str = "") -> dict[str, Any]:
    setup = shop.post(SETUP, {"payment_source": card(number), "customer": {"id": "customer_1"}}, key=key)
    assert setup["status"] == "APPROVED"
    return shop.post(TOKENS, from_setup(setup["id"]))


# saved without a payment


def test_a_card_is_set_up_saved_and_charged_without_its_holder(shop: Merchant, world: World) -> None:
    token = saved_card(shop)
    assert token["payment_source"]["card"]["last_digits"] == "4242"
    source = {"card": {"vault_id": token["id"], "stored_credential": MERCHANT}}
    paid = shop.create(shop.order(payment_source=source))
    assert payment(paid, "captures")["status"] == "COMPLETED"
    ((_, charge),) = world.charges.items()
    assert charge.stored_token == token["id"]
    assert events(world) == ["VAULT.PAYMENT-TOKEN.CREATED", "PAYMENT.CAPTURE.COMPLETED"]


def test_a_wallet_is_saved_with_its_owners_consent_and_charged_later(shop: Merchant, world: World) -> None:
    setup = shop.post(SETUP, {"payment_source": WALLET})
    assert setup["status"] == "PAYER_ACTION_REQUIRED"
    assert shop.refused("POST", TOKENS, from_setup(setup["id"])) == (422, "PAYER_ACTION_REQUIRED")
    back, query = press(link(setup, "approve"), answer="approve")
    assert (back, query["approval_token_id"]) == (RETURN["return_url"], setup["id"])
    assert shop.get(f"{SETUP}/{setup['id']}")["status"] == "APPROVED"
    token = shop.post(TOKENS, from_setup(setup["id"]))
    assert token["payment_source"]["paypal"]["payer_id"]
    paid = shop.create(shop.order(payment_source={"paypal": {"vault_id": token["id"]}}))
    assert payment(paid, "captures")["status"] == "COMPLETED"
    wrong = shop.order(payment_source={"card": {"vault_id": token["id"]}})
    assert shop.refused("POST", ORDERS, wrong, "k") == (422, "MISMATCHED_VAULT_ID_TO_PAYMENT_SOURCE")


def test_a_wallets_owner_who_cancels_saves_nothing(shop: Merchant) -> None:
    setup = shop.post(SETUP, {"payment_source": WALLET})
    assert press(link(setup, "approve"), answer="cancel")[0] == RETURN["cancel_url"]
    assert shop.get(f"{SETUP}/{setup['id']}")["status"] == "PAYER_ACTION_REQUIRED"


@pytest.mark.parametrize(("password", "status"), [("password", "APPROVED"), ("wrong", "PAYER_ACTION_REQUIRED")])
def test_a_card_whose_bank_asks_is_set_up_by_its_holder(shop: Merchant, password: str, status: str) -> None:
    asked = card(served.CHALLENGED, experience_context=RETURN, verification_method="SCA_WHEN_REQUIRED")
    setup = shop.post(SETUP, {"payment_source": asked})
    assert setup["status"] == "PAYER_ACTION_REQUIRED"
    press(link(setup, "approve"), password=password)
    assert shop.get(f"{SETUP}/{setup['id']}")["status"] == status


def test_a_declined_card_is_not_set_up(shop: Merchant) -> None:
    refused = shop.refused("POST", SETUP, {"payment_source": card(served.DECLINED)})
    assert refused == (422, "PAYMENT_SOURCE_DECLINED_BY_PROCESSOR")


def test_a_setup_token_is_used_once_and_within_three_days(shop: Merchant, world: World) -> None:
    first = shop.post(SETUP, {"payment_source": card()})
    shop.post(TOKENS, from_setup(first["id"]))
    assert shop.refused("POST", TOKENS, from_setup(first["id"])) == (422, "SETUP_TOKEN_ALREADY_TOKENIZED")
    second = shop.post(SETUP, {"payment_source": card()})
    pass_days(world, 3.1)
    shop.log_in()
    assert shop.refused("POST", TOKENS, from_setup(second["id"])) == (422, "TOKEN_EXPIRED")
    assert shop.refused("GET", f"{SETUP}/{second['id']}") == (404, "INVALID_RESOURCE_ID")


def test_a_request_id_saves_once_within_three_hours(shop: Merchant, world: World) -> None:
    body = {"payment_source": card()}
    first = shop.post(TOKENS, body, key="op_1")
    assert shop.post(TOKENS, body, 200, key="op_1") == first
    pass_days(world, 3.1 / 24)
    assert shop.post(TOKENS, body, key="op_1")["id"] != first["id"]


# saved with a payment


def test_a_card_is_saved_when_its_payment_succeeds_and_not_when_it_fails(shop: Merchant) -> None:
    save = {"attributes": {"vault": {"store_in_vault": "ON_SUCCESS"}, "customer": {"id": "customer_1"}}}
    paid = shop.create(shop.order(payment_source=card(**save)), key="good")
    kept = paid["payment_source"]["card"]["attributes"]["vault"]
    assert (kept["status"], kept["customer"]["id"]) == ("VAULTED", "customer_1")
    assert shop.get(f"{TOKENS}/{kept['id']}")["customer"]["id"] == "customer_1"
    failed = shop.create(shop.order(payment_source=card(served.NO_FUNDS, **save)), key="bad")
    assert "attributes" not in failed["payment_source"]["card"]


def test_a_wallet_is_saved_with_its_payment(shop: Merchant, world: World) -> None:
    vault = {"store_in_vault": "ON_SUCCESS", "usage_type": "MERCHANT"}
    source = {"paypal": {"experience_context": RETURN, "attributes": {"vault": vault}}}
    order = shop.create(shop.order(payment_source=source), 200)
    press(link(order, "payer-action"), answer="approve")
    paid = shop.post(f"{ORDERS}/{order['id']}/capture")
    token = paid["payment_source"]["paypal"]["attributes"]["vault"]["id"]
    again = shop.create(shop.order(payment_source={"paypal": {"vault_id": token}}), key="later")
    assert again["status"] == "COMPLETED"
    assert events(world).count("VAULT.PAYMENT-TOKEN.CREATED") == 1


# lists and deletion


def test_a_customers_methods_are_listed_and_a_deleted_one_is_gone(shop: Merchant, world: World) -> None:
    tokens = [saved_card(shop)["id"] for _ in range(3)]
    page = shop.get(TOKENS, customer_id="customer_1", page_size="2", page="2", total_required="true")
    assert ([each["id"] for each in page["payment_tokens"]], page["total_items"]) == (tokens[2:], 3)
    shop.delete(f"{TOKENS}/{tokens[0]}")
    shop.delete(f"{TOKENS}/{tokens[0]}")
    assert shop.refused("GET", f"{TOKENS}/{tokens[0]}") == (404, "INVALID_RESOURCE_ID")
    left = shop.get(TOKENS, customer_id="customer_1")["payment_tokens"]
    assert [each["id"] for each in left] == tokens[1:]
    assert events(world).count("VAULT.PAYMENT-TOKEN.DELETED") == 1


def test_the_deletion_of_a_wallet_is_announced_first(shop: Merchant, world: World) -> None:
    setup = shop.post(SETUP, {"payment_source": WALLET})
    press(link(setup, "approve"), answer="approve")
    shop.delete(f"{TOKENS}/{shop.post(TOKENS, from_setup(setup['id']))['id']}")
    assert events(world)[-1] == "VAULT.PAYMENT-TOKEN.DELETION-INITIATED"
    pass_days(world, 0.01)
    assert events(world)[-1] == "VAULT.PAYMENT-TOKEN.DELETED"


# webhooks


def test_a_webhook_is_registered_changed_and_removed(shop: Merchant, world: World) -> None:
    body = {"url": "https://shop.example/hooks", "event_types": [{"name": "PAYMENT.CAPTURE.COMPLETED"}]}
    made = shop.post(WEBHOOKS, body)
    path = f"{WEBHOOKS}/{made['id']}"
    (endpoint,) = world.endpoints_of("paypal", ACCOUNT)
    assert endpoint.wants("PAYMENT.CAPTURE.COMPLETED")
    assert not endpoint.wants("PAYMENT.CAPTURE.REFUNDED")
    assert shop.post(WEBHOOKS, body, 400)["name"] == "WEBHOOK_URL_ALREADY_EXISTS"
    everything = [{"op": "replace", "path": "/event_types", "value": [{"name": "*"}]}]
    shop.patch(path, everything, 200)
    assert endpoint.wants("PAYMENT.CAPTURE.REFUNDED")
    assert [each["id"] for each in shop.get(WEBHOOKS)["webhooks"]] == [made["id"]]
    shop.delete(path)
    assert shop.get(WEBHOOKS) == {"webhooks": []}
    assert shop.get(path, 404)["name"] == "RESOURCE_NOT_FOUND"


@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://shop.example/hooks", "event_types": [{"name": "*"}]},
        {"url": "https://shop.example/hooks", "event_types": [{"name": "PAYMENT.AUTHORIZATION.DENIED"}]},
        {"url": "https://shop.example/hooks", "event_types": []},
    ],
)
def test_a_webhook_that_paypal_could_not_serve_is_refused(shop: Merchant, body: dict[str, Any]) -> None:
    assert shop.post(WEBHOOKS, body, 400)["name"] == "VALIDATION_ERROR"


def test_all_event_types_are_listed(shop: Merchant) -> None:
    listed = {each["name"] for each in shop.get("/v1/notifications/webhooks-event-types")["event_types"]}
    assert listed == set(EVENT_TYPES)


def test_an_event_is_found_again_and_sent_again(shop: Merchant, world: World) -> None:
    shop.captured()
    (event,) = shop.get("/v1/notifications/webhooks-events")["events"]
    assert (event["event_type"], event["resource_type"], event["resource_version"]) == (
        "PAYMENT.CAPTURE.COMPLETED",
        "capture",
        "2.0",
    )
    shop.post(f"/v1/notifications/webhooks-events/{event['id']}/resend", status=202)
    assert events(world) == ["PAYMENT.CAPTURE.COMPLETED"] * 2


@pytest.mark.parametrize(("tamper", "verdict"), [(False, "SUCCESS"), (True, "FAILURE")])
def test_paypal_checks_a_signature_over_the_bytes_as_they_came(
    shop: Merchant, world: World, tamper: bool, verdict: str
) -> None:
    world.register_endpoint(ENDPOINT)
    shop.captured()
    signed = sign(world, ENDPOINT, world.notices[-1].body)
    names = {"auth_algo": "auth-algo", "cert_url": "cert-url"}
    names |= {f"transmission_{part}": f"transmission-{part}" for part in ("id", "sig", "time")}
    facts = {field: signed.headers[f"paypal-{header}"] for field, header in names.items()}
    head = json.dumps({**facts, "webhook_id": WEBHOOK_ID})[:-1]
    event = signed.body.replace(b"19.99", b"99.99") if tamper else signed.body
    raw = f'{head}, "webhook_event": '.encode() + event + b"}"
    answer = shop.send_raw("/v1/notifications/verify-webhook-signature", raw)
    assert answer == {"verification_status": verdict}
