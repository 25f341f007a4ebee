"""Orders at the PayPal simulator: payment sources, the payer's pages, marketplaces, changes, published test values."""

from collections.abc import Iterator

import pytest
import sim_served as served
from sim_paypal import ACCOUNT, RETURN, Merchant, card, events, link, new_world, pass_days, payment, press, running

from simulators.scenarios import Behaviour, Scenario
from simulators.world import World

ORDERS = "/v2/checkout/orders"
WALLET = {"paypal": {"experience_context": RETURN}}
IDEAL = {"ideal": {"name": "Ada Byron", "country_code": "NL", "experience_context": RETURN}}
ITSELF = {"processing_instruction": "ORDER_COMPLETE_ON_PAYMENT_APPROVAL"}


@pytest.fixture
def world() -> World:
    return new_world()


@pytest.fixture
def shop(world: World) -> Iterator[Merchant]:
    with running(world) as url:
        yield Merchant(url)


# the wallet


def test_a_wallet_order_is_approved_by_its_payer_and_then_captured(shop: Merchant, world: World) -> None:
    order = shop.create(shop.order(payment_source=WALLET), 200)
    assert (order["status"], world.charges) == ("PAYER_ACTION_REQUIRED", {})
    back, query = press(link(order, "payer-action"), answer="approve")
    assert (back, query["token"]) == (RETURN["return_url"], order["id"])
    approved = shop.get(f"{ORDERS}/{order['id']}")
    assert (approved["status"], approved["payer"]["payer_id"]) == ("APPROVED", query["PayerID"])
    paid = shop.post(f"{ORDERS}/{order['id']}/capture")
    assert payment(paid, "captures")["status"] == "COMPLETED"
    assert world.charges["paypal", order["id"]].method == "paypal"
    assert events(world) == ["CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED"]


def test_a_payer_who_cancels_comes_back_to_the_cancel_address_and_nothing_is_approved(
    shop: Merchant, world: World
) -> None:
    order = shop.create(shop.order(payment_source=WALLET), 200)
    assert press(link(order, "payer-action"), answer="cancel") == (RETURN["cancel_url"], {"token": order["id"]})
    assert shop.refused("POST", f"{ORDERS}/{order['id']}/capture") == (422, "ORDER_NOT_APPROVED")
    assert events(world) == []


def test_an_order_without_a_source_is_approved_in_the_wallet_by_its_approve_link(shop: Merchant) -> None:
    order = shop.create(shop.order("AUTHORIZE", application_context=RETURN))
    assert order["status"] == "CREATED"
    press(link(order, "approve"), answer="approve")
    paid = shop.post(f"{ORDERS}/{order['id']}/authorize")
    assert payment(paid, "authorizations")["status"] == "CREATED"


def test_a_declined_wallet_sends_the_payer_back_to_choose_another_way(shop: Merchant, world: World) -> None:
    id = shop.approved_wallet_order()
    world.scenarios.append(Scenario("paypal", "complete", Behaviour.DECLINE))
    refusal = shop.post(f"{ORDERS}/{id}/capture", status=422)
    assert refusal["details"][0]["issue"] == "INSTRUMENT_DECLINED"
    assert link(refusal, "redirect").endswith(f"/checkoutnow?token={id}")
    assert payment(shop.post(f"{ORDERS}/{id}/capture"), "captures")["status"] == "COMPLETED"


# iDEAL


def test_an_ideal_order_completes_itself_when_the_payer_has_paid_at_the_bank(shop: Merchant, world: World) -> None:
    order = shop.create(shop.order(payment_source=IDEAL, **ITSELF), 200)
    assert press(link(order, "payer-action"), answer="approve") == (RETURN["return_url"], {"token": order["id"]})
    paid = shop.get(f"{ORDERS}/{order['id']}")
    assert (paid["status"], payment(paid, "captures")["status"]) == ("COMPLETED", "COMPLETED")
    assert world.charges["paypal", order["id"]].method == "ideal"
    assert events(world) == ["CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED"]


@pytest.mark.parametrize("answer", ["fail", "cancel"])
def test_an_ideal_payment_that_the_bank_or_payer_ends_takes_nothing(shop: Merchant, world: World, answer: str) -> None:
    order = shop.create(shop.order(payment_source=IDEAL, **ITSELF), 200)
    back, query = press(link(order, "payer-action"), answer=answer)
    assert (back, query["token"], world.charges) == (RETURN["cancel_url"], order["id"], {})


def test_ideal_is_refused_where_paypal_does_not_take_it(shop: Merchant) -> None:
    for body, issue in (
        (shop.order(payment_source=IDEAL), "ORDER_COMPLETE_ON_PAYMENT_APPROVAL"),
        (shop.order("AUTHORIZE", payment_source=IDEAL, **ITSELF), "UNSUPPORTED_INTENT_FOR_PAYMENT_SOURCE"),
        (shop.order(currency="USD", payment_source=IDEAL, **ITSELF), "INVALID_CURRENCY_CODE"),
        (shop.order(payment_source=card(), **ITSELF), "UNSUPPORTED_PROCESSING_INSTRUCTION"),
    ):
        assert shop.refused("POST", ORDERS, body, key="k") == (422, issue)


# cards


def test_an_order_created_with_a_card_is_paid_at_once_and_needs_a_request_id(shop: Merchant) -> None:
    body = shop.order(payment_source=card())
    assert shop.refused("POST", ORDERS, body) == (400, "PAYPAL_REQUEST_ID_REQUIRED")
    paid = shop.create(body)
    capture = payment(paid, "captures")
    assert (paid["status"], capture["status"]) == ("COMPLETED", "COMPLETED")
    assert capture["network_transaction_reference"]["network"] == "VISA"
    gross, fee, net = (
        float(capture["seller_receivable_breakdown"][name]["value"])
        for name in ("gross_amount", "paypal_fee", "net_amount")
    )
    assert net == pytest.approx(gross - fee)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("CCREJECT-REFUSED", "0500"),
        ("CCREJECT-SF", "9500"),
        ("CCREJECT-EC", "5400"),
        ("CCREJECT-IRC", "5180"),
        ("CCREJECT-IF", "5120"),
        ("CCREJECT-LS", "9520"),
        ("CCREJECT-IA", "1330"),
        ("CCREJECT-BANK_ERROR", "5100"),
        ("CCREJECT-CVV_F", "00N7"),
    ],
)
def test_a_rejecting_name_leaves_a_completed_order_with_a_declined_capture(
    shop: Merchant, world: World, name: str, code: str
) -> None:
    order = shop.create(shop.order(payment_source=card("4012888888881881", name=name)))
    capture = payment(order, "captures")
    assert (order["status"], capture["status"]) == ("COMPLETED", "DECLINED")
    assert capture["processor_response"]["response_code"] == code
    assert events(world) == ["PAYMENT.CAPTURE.DECLINED"]


@pytest.mark.parametrize(
    ("code", "shown"),
    [("PPMB", {"response_code": "PPMB"}), ("21", {"response_code": "5100", "payment_advice_code": "21"})],
)
def test_a_scenario_orders_any_raw_code(shop: Merchant, world: World, code: str, shown: dict[str, str]) -> None:
    world.scenarios.append(Scenario("paypal", "create", Behaviour.DECLINE, code=code))
    order = shop.create(shop.order("AUTHORIZE", payment_source=card()))
    assert payment(order, "authorizations")["processor_response"] == shown


def test_a_scenario_orders_an_issue_and_no_payment_is_made(shop: Merchant, world: World) -> None:
    world.scenarios.append(Scenario("paypal", "create", Behaviour.DECLINE, code="PAYEE_ACCOUNT_RESTRICTED"))
    refused = shop.refused("POST", ORDERS, shop.order(payment_source=card()), key="k")
    assert (refused, world.charges) == ((422, "PAYEE_ACCOUNT_RESTRICTED"), {})


@pytest.mark.parametrize(
    ("number", "result", "status"),
    [
        ("4868719196829038", ("POSSIBLE", "Y", "Y"), "COMPLETED"),
        ("4868719158130060", ("NO", "Y", "N"), "DECLINED"),
        ("4868719581920723", ("POSSIBLE", "Y", "A"), "COMPLETED"),
        ("4868719033482561", ("NO", "Y", "U"), "COMPLETED"),
        ("4868719081564153", ("NO", "Y", "R"), "DECLINED"),
        ("4868719115514992", ("UNKNOWN", "Y", "U"), "COMPLETED"),
        ("4868719494697210", ("NO", None, None), "COMPLETED"),
        ("4868719632978803", ("NO", "U", None), "COMPLETED"),
        ("4868719166101368", ("POSSIBLE", "Y", "Y"), "COMPLETED"),
    ],
)
def test_a_3d_secure_test_card_has_its_published_result(
    shop: Merchant, number: str, result: tuple[str, str | None, str | None], status: str
) -> None:
    order = shop.create(shop.order(payment_source=card(number, experience_context=RETURN)), 200)
    assert order["status"] == "PAYER_ACTION_REQUIRED"
    assert press(link(order, "payer-action"), password="password")[0] == RETURN["return_url"]
    shown = shop.get(f"{ORDERS}/{order['id']}")["payment_source"]["card"]["authentication_result"]
    secure = shown.get("three_d_secure", {})
    assert (shown["liability_shift"], secure.get("enrollment_status"), secure.get("authentication_status")) == result
    paid = shop.post(f"{ORDERS}/{order['id']}/capture")
    assert payment(paid, "captures")["status"] == status


def test_always_asking_asks_the_holder_of_any_card(shop: Merchant) -> None:
    asked = card(attributes={"verification": {"method": "SCA_ALWAYS"}}, experience_context=RETURN)
    order = shop.create(shop.order(payment_source=asked), 200)
    assert shop.refused("POST", f"{ORDERS}/{order['id']}/capture") == (422, "PAYER_ACTION_REQUIRED")
    press(link(order, "payer-action"), password="password")
    assert payment(shop.post(f"{ORDERS}/{order['id']}/capture"), "captures")["status"] == "COMPLETED"


def test_a_confirmed_card_pays_when_the_order_is_captured(shop: Merchant) -> None:
    order = shop.create()
    confirmed = shop.post(f"{ORDERS}/{order['id']}/confirm-payment-source", {"payment_source": card()}, 200)
    assert confirmed["status"] == "APPROVED"
    paid = shop.post(f"{ORDERS}/{order['id']}/capture")
    assert payment(paid, "captures")["status"] == "COMPLETED"
    again = {"payment_source": card()}
    refused = shop.refused("POST", f"{ORDERS}/{order['id']}/confirm-payment-source", again)
    assert refused == (422, "ORDER_CANNOT_BE_CONFIRMED")


NETWORK_TOKEN = {"number": served.APPROVED, "expiry": "2030-03"}
CUSTOMER = {"payment_initiator": "CUSTOMER", "payment_type": "UNSCHEDULED"}
MERCHANT = {"payment_initiator": "MERCHANT", "payment_type": "RECURRING", "usage": "SUBSEQUENT"}
PREVIOUS = {"previous_network_transaction_reference": {"id": "123456789012345"}}


@pytest.mark.parametrize(
    ("source", "issue"),
    [
        ({"network_token": NETWORK_TOKEN}, "MISSING_CRYPTOGRAM"),
        ({"network_token": NETWORK_TOKEN, "stored_credential": MERCHANT}, "MISSING_PREVIOUS_REFERENCE"),
        (
            {**card()["card"], "security_code": "123", "stored_credential": MERCHANT},
            "MERCHANT_INITIATED_WITH_SECURITY_CODE",
        ),
        ({**card()["card"], "stored_credential": {**MERCHANT, "usage": "FIRST"}}, "INCOMPATIBLE_PARAMETER_VALUE"),
        ({**card()["card"], "stored_credential": {**CUSTOMER, **PREVIOUS}}, "INCOMPATIBLE_PARAMETER_VALUE"),
        ({**card()["card"], "expiry": "2020-01"}, "CARD_EXPIRED"),
        ({**card()["card"], "security_code": "1234"}, "INVALID_SECURITY_CODE_LENGTH"),
        ({"vault_id": "nobody"}, "TOKEN_ID_NOT_FOUND"),
    ],
)
def test_a_card_that_does_not_fit_its_use_is_refused(shop: Merchant, source: dict[str, object], issue: str) -> None:
    body = shop.order(payment_source={"card": source})
    assert shop.refused("POST", ORDERS, body, key="k") == (422, issue)


def test_a_network_token_pays_for_a_present_and_for_an_absent_customer(shop: Merchant, world: World) -> None:
    present = {
        "network_token": {**NETWORK_TOKEN, "cryptogram": "A" * 28, "eci_flag": "FULLY_AUTHENTICATED_TRANSACTION"}
    }
    absent = {"network_token": NETWORK_TOKEN, "stored_credential": {**MERCHANT, **PREVIOUS}}
    for key, source in (("present", present), ("absent", absent)):
        paid = shop.create(shop.order(payment_source={"card": source}), key=key)
        assert payment(paid, "captures")["status"] == "COMPLETED"
    assert all(charge.network_transaction_id for charge in world.charges.values())


# several units, marketplaces


def two_units(shop: Merchant, intent: str = "CAPTURE", second: str = "two") -> dict[str, object]:
    body = shop.order(intent, unit={"reference_id": "one"})
    body["purchase_units"].append({"amount": {"currency_code": "EUR", "value": "5.00"}, "reference_id": second})
    return {**body, "payment_source": card()}


def test_two_units_are_two_captures_of_two_charges(shop: Merchant, world: World) -> None:
    paid = shop.create(two_units(shop))
    values = [unit["payments"]["captures"][0]["amount"]["value"] for unit in paid["purchase_units"]]
    assert values == ["19.99", "5.00"]
    assert [(c.amount_minor, c.payment_reference) for c in world.charges.values()] == [(1999, "one"), (500, "two")]


def test_two_units_need_their_own_references_and_are_never_authorized(shop: Merchant) -> None:
    assert shop.refused("POST", ORDERS, two_units(shop, second="one"), "k") == (422, "DUPLICATE_REFERENCE_ID")
    assert shop.refused("POST", ORDERS, two_units(shop, "AUTHORIZE"), "k") == (422, "UNSUPPORTED_INTENT")


@pytest.fixture
def seller(world: World) -> str:
    """The merchant id of a seller that is onboarded to the shop."""
    world.register_account("paypal", "seller", {"merchant_id": "SELLER2222222", "platform": ACCOUNT})
    return "SELLER2222222"


def for_seller(shop: Merchant, merchant_id: str, fee: str = "2.00") -> dict[str, object]:
    fees = [{"amount": {"currency_code": "EUR", "value": fee}}]
    unit = {"payee": {"merchant_id": merchant_id}, "payment_instruction": {"platform_fees": fees}}
    return shop.order(unit=unit, payment_source=card())


def test_a_platform_takes_its_fee_of_what_goes_to_the_seller(shop: Merchant, world: World, seller: str) -> None:
    capture = payment(shop.create(for_seller(shop, seller)), "captures")
    assert capture["seller_receivable_breakdown"]["platform_fees"][0]["amount"]["value"] == "2.00"
    assert capture["payee"]["merchant_id"] == seller if "payee" in capture else True
    ((_, charge),) = world.charges.items()
    assert [(s.account, s.minor, s.kind) for s in charge.splits] == [
        (seller, 1799, "payee"),
        (ACCOUNT, 200, "platform_fee"),
    ]
    assert events(world)[-1] == "CHECKOUT.ORDER.COMPLETED"


def test_a_seller_must_exist_and_have_been_onboarded_to_this_platform(
    shop: Merchant, world: World, seller: str
) -> None:
    world.register_account("paypal", "stranger", {"merchant_id": "STRANGER22222"})
    for merchant_id, refusal in (
        ("NBDY222222222", (422, "PAYEE_ACCOUNT_INVALID")),
        ("STRANGER22222", (403, "PAYEE_NOT_CONSENTED")),
    ):
        assert shop.refused("POST", ORDERS, for_seller(shop, merchant_id), "k") == refusal
    assert shop.refused("POST", ORDERS, for_seller(shop, seller, "20.00"), "k") == (422, "INVALID_PLATFORM_FEES_AMOUNT")


def test_who_is_no_platform_takes_no_platform_fees(shop: Merchant) -> None:
    fees = {"payment_instruction": {"platform_fees": [{"amount": {"currency_code": "EUR", "value": "1.00"}}]}}
    assert shop.refused("POST", ORDERS, shop.order(unit=fees)) == (422, "PLATFORM_FEES_NOT_SUPPORTED")


# amounts and changes


@pytest.mark.parametrize(
    ("unit", "issue"),
    [
        ({"amount": {"currency_code": "EUR", "value": "0"}}, "CANNOT_BE_ZERO_OR_NEGATIVE"),
        ({"amount": {"currency_code": "EUR", "value": "-1.00"}}, "CANNOT_BE_ZERO_OR_NEGATIVE"),
        (
            {
                "amount": {
                    "currency_code": "EUR",
                    "value": "10.00",
                    "breakdown": {"item_total": {"currency_code": "EUR", "value": "9.00"}},
                }
            },
            "AMOUNT_MISMATCH",
        ),
        (
            {"items": [{"name": "Tea", "quantity": "1", "unit_amount": {"currency_code": "EUR", "value": "19.99"}}]},
            "ITEM_TOTAL_REQUIRED",
        ),
    ],
)
def test_amounts_that_do_not_add_up_are_refused(shop: Merchant, unit: dict[str, object], issue: str) -> None:
    assert shop.refused("POST", ORDERS, shop.order(unit=unit)) == (422, issue)


def test_an_open_order_can_be_changed_and_a_completed_one_cannot(shop: Merchant) -> None:
    order = shop.create()
    path = f"{ORDERS}/{order['id']}"
    unit = "/purchase_units/@reference_id=='default'"
    amount = {"currency_code": "EUR", "value": "25.00"}
    added = {"op": "add", "path": f"{unit}/custom_id", "value": "att_9"}
    shop.patch(path, [{"op": "replace", "path": f"{unit}/amount", "value": amount}, added])
    changed = shop.get(path)["purchase_units"][0]
    assert (changed["amount"]["value"], changed["custom_id"]) == ("25.00", "att_9")
    assert shop.refused("PATCH", path, [{"op": "remove", "path": f"{unit}/amount"}]) == (400, "INVALID_PATCH_OPERATION")
    shop.post(f"{path}/capture", {"payment_source": card()})
    assert shop.refused("PATCH", path, [added]) == (422, "ORDER_ALREADY_COMPLETED")


def test_an_invoice_id_is_paid_once(shop: Merchant) -> None:
    body = shop.order(unit={"invoice_id": "inv_1"}, payment_source=card())
    shop.create(body, key="first")
    assert shop.refused("POST", ORDERS, body, key="second") == (422, "DUPLICATE_INVOICE_ID")


# what all calls share


def test_a_mock_response_header_orders_a_failure_where_paypal_understands_it(shop: Merchant) -> None:
    mocked = {"paypal_mock_response": '{"mock_application_codes": "INSTRUMENT_DECLINED"}'}
    order = shop.create()
    refusal = shop.post(f"{ORDERS}/{order['id']}/capture", {"payment_source": card()}, 422, **mocked)
    assert refusal["details"][0]["issue"] == "INSTRUMENT_DECLINED"
    source = {"payment_source": card()}
    confirmed = shop.post(f"{ORDERS}/{order['id']}/confirm-payment-source", source, 200, **mocked)
    assert confirmed["status"] == "APPROVED"


def test_a_repeated_request_id_is_answered_with_what_it_made_as_it_is_now(shop: Merchant, world: World) -> None:
    body = shop.order("AUTHORIZE", payment_source=card())
    first = shop.create(body, key="op_1")
    id = payment(first, "authorizations")["id"]
    shop.post(f"/v2/payments/authorizations/{id}/void", status=200)
    again = shop.create(shop.order("CAPTURE", payment_source=card()), 200, key="op_1")
    assert (again["id"], payment(again, "authorizations")["status"]) == (first["id"], "VOIDED")
    assert len(world.charges) == 1
    pass_days(world, 0.3)
    assert shop.create(body, key="op_1")["id"] != first["id"]


def test_an_access_token_ends_after_nine_hours(shop: Merchant, world: World) -> None:
    order = shop.create()
    pass_days(world, 9 / 24)
    shop_answer = shop.post(f"{ORDERS}/{order['id']}/capture", status=401)
    assert shop_answer["name"] == "AUTHENTICATION_FAILURE"
    shop.log_in()
    assert shop.get(f"{ORDERS}/{order['id']}")["status"] == "CREATED"


def test_less_is_answered_where_less_is_preferred(shop: Merchant) -> None:
    order = shop.post(ORDERS, shop.order(), prefer="return=minimal")
    assert set(order) == {"id", "status", "links"}
