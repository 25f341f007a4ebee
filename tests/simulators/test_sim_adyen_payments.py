"""The simulated Adyen's ways to pay, its test values, its clock and its idempotency, over HTTP."""

import asyncio
import pickle
from collections.abc import AsyncIterator

import httpx
import pytest
from sim_adyen import ACCOUNT, CARD, IBAN, Shop, conforms, shop_of

from simulators.adyen.state import state_of
from simulators.network_tokens import network_token_for, new_cryptogram
from simulators.scenarios import Behaviour, Scenario
from simulators.world import Card, World


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with shop_of(World()) as made:
        yield made


def named(holder: str) -> dict[str, str]:
    return {**CARD, "holderName": holder}


async def press(shop: Shop, url: str, choice: str) -> str:
    """The redirectResult with which the shopper comes back."""
    assert "Cancel" in (await shop.client.get(url)).text
    back = await shop.client.post(url, data={"choice": choice})
    assert back.status_code == 303
    return httpx.URL(back.headers["location"]).params["redirectResult"]


@pytest.mark.parametrize(
    ("name", "result", "code"),
    [
        ("DECLINED", "Refused", "2"),
        ("ERROR", "Error", "4"),
        ("NOT_ENOUGH_BALANCE", "Refused", "12"),
        ("FRAUD_CANCELLED", "Cancelled", "22"),
        ("ISSUER_SUSPECTED_FRAUD", "Refused", "31"),
        ("ERPS_BLOCK", "Refused", "46"),
    ],
)
async def test_a_holder_name_orders_a_refusal(shop: Shop, name: str, result: str, code: str) -> None:
    answer = await shop.pay(paymentMethod=named(name))
    assert (answer["resultCode"], answer["refusalReasonCode"]) == (result, code)
    conforms("PaymentResponse", answer)
    assert shop.events() == [("AUTHORISATION", "false")]


async def test_the_requested_acquirer_response_orders_a_refusal(shop: Shop) -> None:
    answer = await shop.pay(additionalData={"RequestedTestAcquirerResponseCode": "6"})
    assert answer["refusalReason"] == "Expired Card"


@pytest.mark.parametrize("code", ["2", "19", "25", "41", "46", "50"])
async def test_a_scenario_orders_any_refusal_code(shop: Shop, code: str) -> None:
    shop.world.scenarios.append(Scenario("adyen", "confirm", Behaviour.DECLINE, code=code))
    assert (await shop.pay())["refusalReasonCode"] == code


@pytest.mark.parametrize(("code", "status"), [("704", 422), ("901", 403), ("903", 500)])
async def test_a_scenario_orders_any_error_code(shop: Shop, code: str, status: int) -> None:
    shop.world.scenarios.append(Scenario("adyen", "confirm", Behaviour.DECLINE, code=code))
    answer = await shop.pay(expect=status)
    assert answer["errorCode"] == code
    conforms("ServiceError", answer)


async def test_a_pending_payment_is_authorised_later(shop: Shop) -> None:
    answer = await shop.pay(paymentMethod=named("PENDING"), additionalData={})
    assert answer["resultCode"] == "Received"
    assert shop.events() == []
    shop.days(1)
    assert shop.events() == [("AUTHORISATION", "true")]
    assert shop.charge(answer["pspReference"]).captured_minor == 1999


async def test_a_part_is_authorised_where_less_is_taken(shop: Shop) -> None:
    extra = {"RequestedTestAcquirerResponseCode": "30", "allowPartialAuth": "true", "manualCapture": "true"}
    answer = await shop.pay(additionalData=extra)
    assert (answer["resultCode"], answer["amount"]["value"]) == ("PartiallyAuthorised", 999)
    conforms("PaymentResponse", answer)


async def test_a_challenged_card_is_not_challenged_when_the_shopper_was_authenticated_elsewhere(shop: Shop) -> None:
    card = {**CARD, "number": "5454545454545454"}
    assert (await shop.pay(paymentMethod=card))["resultCode"] == "RedirectShopper"
    mpi = {"cavv": "AAEBAwQjSQAAXXXXXXXJYe0BbQA=", "directoryResponse": "Y", "authenticationResponse": "Y", "eci": "02"}
    answer = await shop.pay(paymentMethod=card, mpiData=mpi)
    assert (answer["resultCode"], answer["additionalData"]["liabilityShift"]) == ("Authorised", "true")
    assert answer["paymentMethod"] == {"brand": "mc", "type": "scheme"}


async def test_a_network_token_needs_a_fresh_cryptogram(shop: Shop) -> None:
    token = network_token_for(shop.world, Card("4111111111111111", 3, 2030))
    mpi = {"tokenAuthenticationVerificationValue": new_cryptogram(shop.world, token), "eci": "07"}
    method = {"type": "networkToken", "number": token.number, "expiryMonth": "12", "expiryYear": "2031"}
    first = await shop.pay(paymentMethod=method, mpiData=mpi)
    again = await shop.pay(paymentMethod=method, mpiData=mpi)
    assert (first["resultCode"], again["resultCode"]) == ("Authorised", "Refused")
    merchants = {**method, "networkPaymentReference": first["additionalData"]["networkTxReference"]}
    assert (await shop.pay(paymentMethod=merchants, shopperInteraction="ContAuth"))["resultCode"] == "Authorised"


async def test_an_expired_card_is_refused(shop: Shop) -> None:
    answer = await shop.pay(paymentMethod={**CARD, "expiryYear": "2020"})
    assert answer["refusalReason"] == "Expired Card"


async def test_a_card_is_verified_with_nothing_to_pay(shop: Shop) -> None:
    answer = await shop.pay(amount={"value": 0, "currency": "EUR"}, additionalData={})
    assert answer["resultCode"] == "Authorised"
    assert shop.charge(answer["pspReference"]).captured_minor == 0


@pytest.mark.parametrize(
    ("choice", "result"),
    [("pay", "Authorised"), ("refuse", "Refused"), ("cancel", "Cancelled"), ("pending", "Pending")],
)
async def test_ideal_ends_as_the_shopper_chooses(shop: Shop, choice: str, result: str) -> None:
    started = await shop.pay(paymentMethod={"type": "ideal"})
    conforms("PaymentResponse", started)
    assert started["action"]["paymentMethodType"] == "ideal"
    redirect_result = await press(shop, started["action"]["url"], choice)
    told = shop.events()
    answer = await shop.call("POST", "/v72/payments/details", json={"details": {"redirectResult": redirect_result}})
    assert answer["resultCode"] == result
    conforms("PaymentDetailsResponse", answer)
    assert shop.events() == told, "the outcome was told when the page was left, before the details were asked"
    assert shop.charge(answer["pspReference"]).captured_minor == (1999 if choice == "pay" else 0)


async def test_ideal_takes_euros_only(shop: Shop) -> None:
    answer = await shop.pay(expect=422, paymentMethod={"type": "ideal"}, amount={"value": 100, "currency": "USD"})
    assert answer["errorCode"] == "138"


@pytest.mark.parametrize("currency", ["KPW", "BIF", "XAU", "eur"])
async def test_a_currency_that_adyen_does_not_list_is_refused_everywhere(shop: Shop, currency: str) -> None:
    amount = {"value": 1000, "currency": currency}
    link = await shop.post("/v72/paymentLinks", expect=422, amount=amount, reference="att_1")
    assert [link["errorCode"], (await shop.pay(expect=422, amount=amount))["errorCode"]] == ["138", "138"]


async def test_paypal_may_be_captured_by_hand(shop: Shop) -> None:
    started = await shop.pay(paymentMethod={"type": "paypal"})
    await press(shop, started["action"]["url"], "pay")
    (charge,) = shop.world.charges.values()
    assert (charge.method, charge.captured_minor) == ("paypal", 0)
    await shop.modify(charge.id, "captures")
    assert shop.events() == [("AUTHORISATION", "true"), ("CAPTURE", "true")]


async def test_a_shopper_who_never_comes_back_closes_the_offer(shop: Shop) -> None:
    started = await shop.pay(paymentMethod={"type": "ideal"})
    shop.days(1)
    assert shop.events() == [("OFFER_CLOSED", "true")]
    assert (await shop.client.get(started["action"]["url"])).status_code == 404
    assert not shop.world.charges


async def test_a_direct_debit_is_received_and_paid_days_later(shop: Shop) -> None:
    debit = {"type": "sepadirectdebit", "iban": IBAN, "ownerName": "A. Klaassen"}
    answer = await shop.pay(paymentMethod=debit, additionalData={})
    conforms("PaymentResponse", answer)
    assert (answer["resultCode"], shop.balance_minor()) == ("Received", 0)
    shop.days(3)
    assert (shop.events(), shop.balance_minor()) == ([("AUTHORISATION", "true")], 1999)


async def test_a_direct_debit_can_fail(shop: Shop) -> None:
    debit = {"type": "sepadirectdebit", "iban": IBAN, "ownerName": "DECLINED"}
    assert (await shop.pay(paymentMethod=debit))["resultCode"] == "Received"
    shop.days(3)
    assert shop.events() == [("AUTHORISATION", "false")]


async def test_an_iban_with_wrong_check_digits_is_refused(shop: Shop) -> None:
    debit = {"type": "sepadirectdebit", "iban": "NL14TEST0123456789", "ownerName": "A. Klaassen"}
    assert (await shop.pay(expect=422, paymentMethod=debit))["errorCode"] == "161"


async def test_a_delayed_capture_happens_by_itself_and_is_not_told(shop: Shop) -> None:
    psp = (await shop.pay(additionalData={}, captureDelayHours=48))["pspReference"]
    shop.days(1.9)
    assert shop.charge(psp).captured_minor == 0
    shop.days(0.2)
    assert (shop.charge(psp).captured_minor, shop.events()) == (1999, [("AUTHORISATION", "true")])


async def test_an_authorisation_expires_after_28_days(shop: Shop) -> None:
    psp = (await shop.pay())["pspReference"]
    shop.days(29)
    assert shop.events() == [("AUTHORISATION", "true"), ("EXPIRE", "true")]
    await shop.modify(psp, "captures")
    assert shop.events()[-1] == ("CAPTURE", "false")


async def test_a_captured_payment_does_not_expire(shop: Shop) -> None:
    psp = (await shop.pay())["pspReference"]
    await shop.modify(psp, "captures")
    shop.days(60)
    assert ("EXPIRE", "true") not in shop.events()


async def test_what_a_partial_capture_leaves_is_cancelled(shop: Shop) -> None:
    psp = (await shop.pay())["pspReference"]
    await shop.modify(psp, "captures", 500)
    await shop.modify(psp, "captures", 500)
    assert shop.events()[1:] == [("CAPTURE", "true"), ("CAPTURE", "false")]
    assert shop.balance_minor() == 500


async def test_an_account_may_have_several_captures(shop: Shop) -> None:
    shop.world.accounts["adyen", ACCOUNT]["multiple_partial_captures"] = "true"
    psp = (await shop.pay())["pspReference"]
    await shop.modify(psp, "captures", 500)
    await shop.modify(psp, "captures", 1000)
    await shop.modify(psp, "captures", 1000)
    assert shop.events()[1:] == [("CAPTURE", "true"), ("CAPTURE", "true"), ("CAPTURE", "false")]
    shop.days(29)
    expired = shop.items()[-1]
    assert (expired["eventCode"], expired["amount"]["value"]) == ("EXPIRE", 499)


async def test_a_reversal_cancels_or_refunds(shop: Shop) -> None:
    authorised, paid = (await shop.pay())["pspReference"], await shop.paid()
    for psp in (authorised, paid):
        conforms("PaymentReversalResponse", await shop.post(f"/v72/payments/{psp}/reversals", expect=201))
    actions = [i["additionalData"]["modification.action"] for i in shop.items() if i["eventCode"] == "CANCEL_OR_REFUND"]
    assert (actions, shop.balance_minor()) == (["cancel", "refund"], 0)
    assert shop.charge(authorised).voided


async def test_a_pre_authorisation_is_adjusted_and_lasts_longer(shop: Shop) -> None:
    extra = {"authorisationType": "PreAuth", "manualCapture": "true"}
    psp = (await shop.pay(additionalData=extra))["pspReference"]
    shop.days(20)
    conforms("PaymentAmountUpdateResponse", await shop.modify(psp, "amountUpdates", 2500))
    shop.days(20)
    await shop.modify(psp, "captures", 2500)
    assert [e for e, _ in shop.events()] == ["AUTHORISATION", "AUTHORISATION_ADJUSTMENT", "CAPTURE"]
    assert shop.balance_minor() == 2500


async def test_a_final_authorisation_cannot_be_adjusted(shop: Shop) -> None:
    psp = (await shop.pay())["pspReference"]
    await shop.modify(psp, "amountUpdates", 2500)
    assert shop.events()[-1] == ("AUTHORISATION_ADJUSTMENT", "false")
    assert shop.charge(psp).amount_minor == 1999


@pytest.mark.parametrize("event", ["REFUND_FAILED", "REFUNDED_REVERSED"])
async def test_a_refund_may_fail_later(shop: Shop, event: str) -> None:
    psp = await shop.paid()
    shop.world.scenarios.append(Scenario("adyen", "refund", Behaviour.DECLINE, code=event))
    conforms("PaymentRefundResponse", await shop.modify(psp, "refunds", merchantRefundReason="RETURN"))
    assert shop.balance_minor() == 0
    shop.days(2)
    assert shop.events()[1:] == [("REFUND", "true"), (event, "true")]
    assert shop.balance_minor() == 1999


async def test_a_capture_may_fail_later(shop: Shop) -> None:
    psp = (await shop.pay())["pspReference"]
    shop.world.scenarios.append(Scenario("adyen", "capture", Behaviour.DECLINE, code="CAPTURE_FAILED"))
    await shop.modify(psp, "captures")
    shop.days(2)
    assert shop.events()[1:] == [("CAPTURE", "true"), ("CAPTURE_FAILED", "true")]
    assert shop.balance_minor() == 0


async def test_splits_must_add_up_and_are_kept(shop: Shop) -> None:
    parts = [
        {"type": "BalanceAccount", "account": "BA1", "amount": {"value": 1900}, "reference": "sale"},
        {"type": "Commission", "amount": {"value": 99}, "reference": "ours"},
    ]
    psp = (await shop.pay(splits=parts))["pspReference"]
    assert [(s.account, s.minor, s.kind) for s in shop.charge(psp).splits] == [
        ("BA1", 1900, "BalanceAccount"),
        ("", 99, "Commission"),
    ]
    await shop.pay(expect=422, splits=parts[:1])


async def test_payment_methods_follow_the_currency(shop: Shop) -> None:
    euros = await shop.post("/v72/paymentMethods", amount={"value": 1, "currency": "EUR"})
    dollars = await shop.post("/v72/paymentMethods", amount={"value": 1, "currency": "USD"})
    conforms("PaymentMethodsResponse", euros)
    assert {m["type"] for m in euros["paymentMethods"]} == {"scheme", "paypal", "sepadirectdebit", "ideal"}
    assert {m["type"] for m in dollars["paymentMethods"]} == {"scheme", "paypal"}


async def test_a_key_is_the_companys_and_comes_back_in_the_answer(shop: Shop) -> None:
    shop.world.register_account("adyen", "OtherShop", {"api_key": "test_key"})
    await shop.pay(key="k1")
    other = await shop.pay(expect=422, key="k1", merchantAccount="OtherShop")
    assert other["errorCode"] == "704"
    answer = await shop.client.post(
        "/v72/paymentMethods", json={"merchantAccount": ACCOUNT}, headers={"idempotency-key": "k2"}
    )
    assert answer.headers["idempotency-key"] == "k2"


async def test_another_company_has_keys_of_its_own(shop: Shop) -> None:
    shop.world.register_account("adyen", "OtherShop", {"api_key": "test_key", "company": "Other"})
    await shop.pay(key="k1")
    assert (await shop.pay(key="k1", merchantAccount="OtherShop"))["resultCode"] == "Authorised"
    assert len(shop.world.charges) == 2


async def test_a_key_whose_first_request_still_runs_is_refused_as_transient(shop: Shop) -> None:
    shop.world.scenarios.append(Scenario("adyen", "confirm", Behaviour.DELAY, seconds=2))
    first = asyncio.create_task(shop.pay(key="k1"))
    await served_until(shop, lambda: not any(s.times for s in shop.world.scenarios))
    body = {"merchantAccount": ACCOUNT, "amount": {"value": 1999, "currency": "EUR"}, "reference": "att_1"}
    body |= {"returnUrl": "https://shop.example/return", "paymentMethod": CARD}
    body |= {"additionalData": {"manualCapture": "true"}}
    second = await shop.client.post("/v72/payments", json=body, headers={"idempotency-key": "k1"})
    assert (second.status_code, second.json()["errorCode"], second.headers["transient-error"]) == (422, "704", "true")
    assert (await first)["resultCode"] == "Authorised"
    assert (await shop.pay(key="k1"))["pspReference"] == (await first)["pspReference"]


async def served_until(shop: Shop, condition: object) -> None:
    async with asyncio.timeout(60):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def test_a_key_is_forgotten_after_a_week(shop: Shop) -> None:
    first = await shop.pay(key="k1")
    shop.days(8)
    assert (await shop.pay(key="k1"))["pspReference"] != first["pspReference"]


@pytest.mark.parametrize(("error", "again"), [("NO_CONNECTION_AVAILABLE", 500), ("IOEXCEPTION_RECEIVED", 500)])
async def test_an_error_is_final_unless_it_is_transient(shop: Shop, error: str, again: int) -> None:
    extra = {"RequestedTestErrorResponseCode": error}
    first = await shop.pay(expect=500, key="k1", additionalData=extra)
    second = await shop.pay(expect=again, key="k1", additionalData=extra)
    is_the_same = first["pspReference"] == second["pspReference"]
    assert is_the_same is (error == "IOEXCEPTION_RECEIVED")
    assert not shop.world.charges


async def test_all_that_is_remembered_can_be_kept_in_a_file(shop: Shop) -> None:
    await shop.pay(key="k1", storePaymentMethod=True, shopperReference="shopper-1")
    await shop.pay(paymentMethod={"type": "ideal"})
    await shop.pay(paymentMethod=named("PENDING"))
    copy: World = pickle.loads(pickle.dumps(shop.world))
    assert len(copy.timers.waiting()) == len(shop.world.timers.waiting())
    assert len(state_of(copy).payments) == 2
