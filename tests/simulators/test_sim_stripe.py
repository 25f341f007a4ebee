"""The simulated Stripe, spoken to by Stripe's own SDK."""

from __future__ import annotations

import json
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe
from sim_driving import Receiver, Simulators, wait_until

GOOD, POOR, STOLEN, CHALLENGED = "4242424242424242", "4000000000009995", "4000000000009979", "4000002760003184"
SIGNING_SECRET = "whsec_simulated"


@dataclass(frozen=True)
class Shop:
    """A Stripe account of its own, as the SDK and the control API see it."""

    client: stripe.StripeClient
    account: str
    simulators: Simulators

    def create(self, amount: int = 1999, currency: str = "eur", key: str = "", **more: Any) -> stripe.PaymentIntent:
        metadata = {"clearway_payment": "pay_1", "clearway_attempt": "att_1"}
        params: Any = {"amount": amount, "currency": currency, "capture_method": "manual", "metadata": metadata, **more}
        return self.client.v1.payment_intents.create(params, options=_key(key))

    def confirm(self, id: str, number: str = GOOD, key: str = "", **more: Any) -> stripe.PaymentIntent:
        card: Any = {"number": number, "exp_month": "12", "exp_year": "2031", "cvc": "123"}
        params: Any = {
            "payment_method_data": {"type": "card", "card": card},
            "return_url": "http://127.0.0.1/back",
            **more,
        }
        return self.client.v1.payment_intents.confirm(id, params, options=_key(key))

    def authorised(self, **create: Any) -> stripe.PaymentIntent:
        return self.confirm(self.create(**create).id)

    def captured(self, **create: Any) -> stripe.PaymentIntent:
        return self.client.v1.payment_intents.capture(self.authorised(**create).id)

    def scenario(self, operation: str, behaviour: str, **more: Any) -> None:
        when = {"account": self.account}
        self.simulators.post(
            "/scenarios", gateway="stripe", operation=operation, behaviour=behaviour, when=when, **more
        )

    def charges(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.simulators.charges_of(self.account)
        return found


def _key(key: str) -> Any:
    return {"idempotency_key": key} if key else {}


@pytest.fixture
def shop(simulators: Simulators) -> Shop:
    secret_key = f"sk_test_{secrets.token_hex(12)}"
    account = simulators.register("stripe", {"secret_key": secret_key})
    client = stripe.StripeClient(
        secret_key, base_addresses={"api": simulators.urls["stripe"]}, max_network_retries=0
    )  # fmt: skip
    return Shop(client, account, simulators)


@pytest.fixture(scope="module")
def published() -> dict[str, dict[str, Any]]:
    """Stripe's own examples of its objects."""
    path = Path(__file__).parents[2] / "../shared/contracts/stripe-fixtures3.json"
    if not path.exists():
        pytest.skip("Stripe's published fixtures are not beside this checkout")
    resources: dict[str, dict[str, Any]] = json.loads(path.read_text())["resources"]
    return resources


@pytest.fixture
def hooks(shop: Shop, receiver: Receiver) -> Receiver:
    secrets_ = {"signing_secret": SIGNING_SECRET}
    shop.simulators.post("/endpoints", gateway="stripe", account=shop.account, url=receiver.url, secrets=secrets_)
    return receiver


def test_a_payment_is_created_confirmed_and_captured(shop: Shop) -> None:
    created = shop.create()
    assert (created.status, created.latest_charge) == ("requires_payment_method", None)
    confirmed = shop.confirm(created.id)
    assert (confirmed.status, confirmed.amount_capturable) == ("requires_capture", 1999)
    captured = shop.client.v1.payment_intents.capture(created.id)
    assert (captured.status, captured.amount_received) == ("succeeded", 1999)
    charge = shop.client.v1.charges.retrieve(str(captured.latest_charge))
    assert (charge.captured, charge.amount_captured, charge.paid) == (True, 1999, True)


def test_objects_have_the_fields_that_stripe_publishes(shop: Shop, published: dict[str, dict[str, Any]]) -> None:
    intent = shop.captured()
    refund = shop.client.v1.refunds.create({"payment_intent": intent.id})
    charge = shop.client.v1.charges.retrieve(str(intent.latest_charge))
    assert set(intent.to_dict()) == set(published["payment_intent"])
    assert set(refund.to_dict()) == set(published["refund"])
    assert set(charge.to_dict()) == set(published["charge"]) - {"refunds"}  # only when asked for, since 2022-11-15


def test_the_world_knows_the_charge_by_our_references(shop: Shop) -> None:
    shop.captured()
    [charge] = shop.charges()
    assert (charge["reference"], charge["payment_reference"], charge["captured_minor"]) == ("att_1", "pay_1", 1999)


def test_less_than_authorised_can_be_captured(shop: Shop) -> None:
    intent = shop.authorised()
    captured = shop.client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 500})
    assert (captured.status, captured.amount_received, captured.amount_capturable) == ("succeeded", 500, 0)


def test_more_than_authorised_is_not_captured(shop: Shop) -> None:
    intent = shop.authorised()
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 2000})
    assert shop.charges()[0]["captured_minor"] == 0


def test_a_captured_payment_is_not_captured_again(shop: Shop) -> None:
    intent = shop.captured()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.client.v1.payment_intents.capture(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("number", "code", "decline_code"),
    [
        ("4000000000000002", "card_declined", "generic_decline"),
        (POOR, "card_declined", "insufficient_funds"),
        (STOLEN, "card_declined", "stolen_card"),
        ("4000000000009987", "card_declined", "lost_card"),
        ("4000000000000069", "expired_card", "expired_card"),
        ("4000000000000127", "incorrect_cvc", "incorrect_cvc"),
    ],
)
def test_a_test_card_is_declined_in_stripes_words(shop: Shop, number: str, code: str, decline_code: str) -> None:
    intent = shop.create()
    with pytest.raises(stripe.CardError) as declined:
        shop.confirm(intent.id, number)
    error: Any = declined.value.error
    assert (declined.value.http_status, error.code, error.decline_code) == (402, code, decline_code)
    assert error.payment_intent.status == "requires_payment_method"
    assert shop.client.v1.charges.retrieve(error.charge).status == "failed"


def test_a_number_that_fails_the_check_digit_makes_no_charge(shop: Shop) -> None:
    intent = shop.create()
    with pytest.raises(stripe.CardError) as declined:
        shop.confirm(intent.id, "4242424242424241")
    assert declined.value.code == "incorrect_number"
    assert shop.charges() == []


def test_a_declined_payment_takes_another_card(shop: Shop) -> None:
    intent = shop.create()
    with pytest.raises(stripe.CardError):
        shop.confirm(intent.id, POOR)
    assert shop.confirm(intent.id, GOOD).status == "requires_capture"


@pytest.mark.parametrize(
    ("password", "status"), [("password", "requires_capture"), ("wrong", "requires_payment_method")]
)
def test_a_challenge_ends_by_the_password_and_sends_the_shopper_back(shop: Shop, password: str, status: str) -> None:
    intent = shop.confirm(shop.create().id, CHALLENGED)
    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    url = str(intent.next_action.redirect_to_url.url)
    assert "<form" in requests.get(url, timeout=10).text
    back = requests.post(url, data={"password": password}, allow_redirects=False, timeout=10)
    assert back.status_code == 303
    result = "succeeded" if password == "password" else "failed"
    assert back.headers["location"].startswith(f"http://127.0.0.1/back?payment_intent={intent.id}&")
    assert back.headers["location"].endswith(f"redirect_status={result}")
    assert shop.client.v1.payment_intents.retrieve(intent.id).status == status


def test_a_canceled_authorisation_cannot_be_captured(shop: Shop) -> None:
    intent = shop.authorised()
    assert shop.client.v1.payment_intents.cancel(intent.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.payment_intents.capture(intent.id)
    assert shop.charges()[0]["voided"] is True


def test_refunds_never_exceed_what_was_captured(shop: Shop) -> None:
    intent = shop.captured()
    first = shop.client.v1.refunds.create({"payment_intent": intent.id, "amount": 1000})
    assert (first.status, first.amount) == ("succeeded", 1000)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        shop.client.v1.refunds.create({"payment_intent": intent.id, "amount": 1000})
    shop.client.v1.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.client.v1.refunds.create({"payment_intent": intent.id, "amount": 1})
    assert refused.value.code == "charge_already_refunded"
    assert shop.charges()[0]["refunded_minor"] == 1999


@pytest.mark.parametrize(
    ("currency", "amount", "world_minor"), [("jpy", 500, 500), ("kwd", 1230, 1230), ("isk", 500, 5), ("mga", 7, 700)]
)
def test_amounts_follow_stripes_exponents(shop: Shop, currency: str, amount: int, world_minor: int) -> None:
    shop.captured(currency=currency, amount=amount)
    assert shop.charges()[0]["captured_minor"] == world_minor


@pytest.mark.parametrize(("currency", "amount"), [("kwd", 1234), ("isk", 550), ("eur", 0), ("eurx", 100)])
def test_an_amount_that_stripe_cannot_charge_is_refused(shop: Shop, currency: str, amount: int) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        shop.create(currency=currency, amount=amount)


def test_a_foreign_key_is_refused_in_stripes_shape(shop: Shop, simulators: Simulators) -> None:
    stranger = stripe.StripeClient("sk_test_stranger_of_the_house", base_addresses={"api": simulators.urls["stripe"]})
    with pytest.raises(stripe.AuthenticationError):
        stranger.v1.balance.retrieve()


def test_one_account_does_not_see_the_payments_of_another(shop: Shop, simulators: Simulators) -> None:
    simulators.register("stripe", {"secret_key": "sk_test_the_neighbour"})
    neighbour = stripe.StripeClient("sk_test_the_neighbour", base_addresses={"api": simulators.urls["stripe"]})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        neighbour.v1.payment_intents.retrieve(shop.create().id)
    assert refused.value.code == "resource_missing"


def test_payments_are_found_by_metadata(shop: Shop) -> None:
    intent = shop.create()
    found = shop.client.v1.payment_intents.search({"query": "metadata['clearway_attempt']:'att_1'"})
    assert [row.id for row in found.data] == [intent.id]
    assert shop.client.v1.payment_intents.search({"query": "metadata['clearway_attempt']:'att_2'"}).data == []


def test_what_was_captured_is_pending_for_two_days_and_then_available(shop: Shop) -> None:
    shop.captured(amount=1999)
    assert _balance(shop) == {"pending": 1999, "available": 0}
    shop.simulators.post("/clock", advance_seconds=2 * 86400)
    assert _balance(shop) == {"pending": 0, "available": 1999}


def _balance(shop: Shop) -> dict[str, int]:
    held = shop.client.v1.balance.retrieve()
    [pending], [available] = held.pending, held.available
    assert (pending.currency, available.currency) == ("eur", "eur")
    return {"pending": pending.amount, "available": available.amount}


# idempotency


def test_the_same_key_replays_the_first_answer(shop: Shop) -> None:
    assert shop.create(key="k1").id == shop.create(key="k1").id


def test_the_same_key_with_another_request_is_refused(shop: Shop) -> None:
    shop.create(key="k2")
    with pytest.raises(stripe.IdempotencyError):
        shop.create(key="k2", amount=5)


def test_a_decline_is_replayed_and_not_tried_again(shop: Shop) -> None:
    intent = shop.create()
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            shop.confirm(intent.id, POOR, key="k3")
    assert len(shop.charges()) == 1


def test_a_stored_500_is_replayed_as_a_500_though_the_work_was_done(shop: Shop) -> None:
    intent = shop.create()
    shop.scenario("confirm", "http_500_after")
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            shop.confirm(intent.id, key="k4")
    assert shop.client.v1.payment_intents.retrieve(intent.id).status == "requires_capture"


def test_a_key_is_free_again_after_24_hours_of_world_time(shop: Shop) -> None:
    first = shop.create(key="k5")
    shop.simulators.post("/clock", advance_seconds=24 * 3600)
    assert shop.create(key="k5").id != first.id


def test_a_second_request_with_the_key_of_one_in_flight_is_a_conflict(shop: Shop) -> None:
    shop.scenario("create", "delay", seconds=1.0)
    slow = threading.Thread(target=shop.create, kwargs={"key": "k6"})
    slow.start()
    wait_until(lambda: shop.simulators.get("/scenarios")[-1]["times"] == 0)
    with pytest.raises(stripe.APIError) as refused:
        shop.create(key="k6")
    slow.join()
    body: Any = refused.value.json_body
    assert (refused.value.http_status, body["error"]["code"]) == (409, "idempotency_key_in_use")


# trouble


def test_a_lost_reply_hides_work_that_was_done_and_the_same_key_shows_it(shop: Shop) -> None:
    intent = shop.create()
    shop.scenario("confirm", "lose_reply")
    with pytest.raises(stripe.APIConnectionError):
        shop.confirm(intent.id, key="k7")
    assert shop.client.v1.payment_intents.retrieve(intent.id).status == "requires_capture"
    assert shop.confirm(intent.id, key="k7").status == "requires_capture"
    assert len(shop.charges()) == 1


def test_a_lost_request_has_done_nothing(shop: Shop) -> None:
    intent = shop.create()
    shop.scenario("confirm", "lose_request")
    with pytest.raises(stripe.APIConnectionError):
        shop.confirm(intent.id)
    assert shop.client.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"


def test_a_500_before_the_work_does_nothing_and_frees_the_key(shop: Shop) -> None:
    shop.scenario("create", "http_500")
    with pytest.raises(stripe.APIError):
        shop.create(key="k8")
    assert shop.create(key="k8").status == "requires_payment_method"


def test_too_many_requests_is_a_rate_limit_error(shop: Shop) -> None:
    shop.scenario("create", "http_429")
    with pytest.raises(stripe.RateLimitError):
        shop.create()


def test_a_decline_can_be_ordered_for_a_good_card(shop: Shop) -> None:
    shop.scenario("confirm", "decline", reason="insufficient_funds")
    intent = shop.create()
    with pytest.raises(stripe.CardError) as declined:
        shop.confirm(intent.id)
    error: Any = declined.value.error
    assert error.decline_code == "insufficient_funds"


# webhooks


_ORDER = (
    *("payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated"),
    *("charge.captured", "payment_intent.succeeded"),
)


def test_webhooks_are_signed_so_that_stripes_own_check_passes(shop: Shop, hooks: Receiver) -> None:
    shop.captured()
    taken = hooks.wait_for(5)
    events = [shop.client.construct_event(body, headers["stripe-signature"], SIGNING_SECRET) for headers, body in taken]
    assert [event.type for event in sorted(events, key=lambda event: _ORDER.index(event.type))] == list(_ORDER)


def test_a_decline_a_void_and_a_refund_are_told(shop: Shop, hooks: Receiver) -> None:
    declined = shop.create()
    with pytest.raises(stripe.CardError):
        shop.confirm(declined.id, POOR)
    shop.client.v1.payment_intents.cancel(declined.id)
    shop.client.v1.refunds.create({"payment_intent": shop.captured().id, "amount": 5})
    wanted = {"payment_intent.payment_failed", "payment_intent.canceled", "refund.created", "charge.refunded"}
    wait_until(lambda: wanted <= {json.loads(body)["type"] for _, body in hooks.taken})


def test_a_forged_webhook_fails_stripes_own_check(shop: Shop, hooks: Receiver) -> None:
    hooks.status = 400
    assert shop.simulators.post("/webhooks/forge", gateway="stripe", account=shop.account) == {"status": 400}
    [(headers, body)] = hooks.taken
    with pytest.raises(stripe.SignatureVerificationError):
        shop.client.construct_event(body, headers["stripe-signature"], SIGNING_SECRET)
