"""Customers and kept credentials at every gateway: saved without a payment, with one, charged again, forgotten."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

import pytest
from shopper_methods import debit
from shopper_pages import answer
from simulated_accounts import APPROVED_CARD, CHALLENGED_CARD, DECLINED_CARD, RETURN_URL, Account
from test_contract_payments import confirm_call, operation, undecided_card
from verb_calls import Case, Connect, Prepared, Result, call_of, cases_of, comes_to, is_missing, operation_of

from orchestrator.gateways.base import CaptureMode, OperationCall
from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.credentials import Agreement, Initiator, Method, SavedCredential, Shopper, StoredUse
from orchestrator.gateways.facets import CompleteSave, CustomerOrder, SavedMethod, SavedMethods, SaveOrder
from routing.outcomes import OutcomeKind

ON_FILE = StoredUse(Initiator.CUSTOMER, Agreement.CARD_ON_FILE)
UNSCHEDULED = StoredUse(Initiator.CUSTOMER, Agreement.UNSCHEDULED)
SHOPPER = Shopper(email="ada@example.com", name="Ada Lovelace", country="DE", locale="en-GB")


def methods_of(account: Account) -> SavedMethods:
    facet = account.gateway.facets.methods
    assert facet is not None, f"{account.gateway.name} has no saved methods"
    return facet


def customer_order() -> CustomerOrder:
    unique = secrets.token_hex(8)
    return CustomerOrder(f"op_{unique}", f"cus_{unique}", SHOPPER)


def customer_of(account: Account) -> str:
    """A customer at the gateway; where it knows none, our own id is the name."""
    order = customer_order()
    if is_missing(account.gateway.name, Verb.SAVE_CUSTOMER):
        return order.customer_id
    made = methods_of(account).save_customer(order)
    assert made.kind is OutcomeKind.APPROVED, made
    assert made.value is not None
    return made.value  # empty where the gateway makes one with the first credential


def save_order(account: Account, number: str = APPROVED_CARD, use: StoredUse = UNSCHEDULED) -> SaveOrder:
    unique = secrets.token_hex(8)
    card = account.world.tokenise(number)
    return SaveOrder(
        f"op_{unique}", f"pm_{unique}", card, customer_of(account), use, return_url=RETURN_URL, shopper=SHOPPER
    )


def kept(account: Account, number: str = APPROVED_CARD, use: StoredUse = UNSCHEDULED) -> SavedMethod:
    made = methods_of(account).save(save_order(account, number, use))
    assert made.kind is OutcomeKind.APPROVED, made
    assert made.value is not None
    assert made.value.gateway_token
    return made.value


def saved_credential(method: SavedMethod) -> SavedCredential:
    return SavedCredential(method.gateway_token, method.gateway_customer, method.method, method.brand, method.last4)


@call_of(Verb.SAVE_CUSTOMER)
def save_customer(account: Account) -> Prepared:
    order = customer_order()
    return Prepared(lambda: methods_of(account).save_customer(order))


@call_of(Verb.SAVE_METHOD)
def save_method(account: Account) -> Prepared:
    order = save_order(account)
    return Prepared(lambda: methods_of(account).save(order))


@call_of(Verb.SAVE_WITH_PAYMENT)
def save_with_payment(account: Account) -> Prepared:
    customer = customer_of(account)
    return operation(account, confirm_call(account, save=ON_FILE, gateway_customer=customer, shopper=SHOPPER))


@call_of(Verb.CHARGE_SAVED)
def charge_saved(account: Account) -> Prepared:
    method = kept(account, use=ON_FILE)
    given = {"stored_use": ON_FILE, "gateway_customer": method.gateway_customer}
    return operation(account, confirm_call(account, saved_credential(method), **given))


@call_of(Verb.CHARGE_SAVED_BY_MERCHANT)
def charge_saved_by_merchant(account: Account) -> Prepared:
    method = kept(account)
    use = StoredUse(Initiator.MERCHANT, Agreement.UNSCHEDULED, method.network_transaction_id)
    given = {"stored_use": use, "gateway_customer": method.gateway_customer, "return_url": ""}
    return operation(account, confirm_call(account, saved_credential(method), **given))


@call_of(Verb.DETACH_METHOD)
def detach_method(account: Account) -> Prepared:
    method = kept(account)
    key = f"op_{secrets.token_hex(8)}"
    return Prepared(lambda: methods_of(account).detach(method.gateway_token, method.gateway_customer, key))


@comes_to(Verb.SAVE_CUSTOMER, OutcomeKind.DECLINED, "stripe")
def update_of_a_customer_who_is_not_there(account: Account) -> Result:
    return methods_of(account).save_customer(replace(customer_order(), gateway_customer="cus_nowhere"))


@comes_to(Verb.CHARGE_SAVED, OutcomeKind.ACTION_REQUIRED)
def bank_wants_to_see_the_customer_of_a_kept_card(account: Account) -> Result:
    order = save_order(account, CHALLENGED_CARD, ON_FILE)
    made = methods_of(account).save(order)
    assert made.next_action is not None, made
    assert made.value is not None
    brought = answer(made.next_action.url)
    completing = CompleteSave(order.idempotency_key + "_2", made.value.setup_id, order.gateway_customer, brought)
    done = methods_of(account).complete_save(completing)
    assert done.value is not None, done
    given = {"stored_use": ON_FILE, "gateway_customer": done.value.gateway_customer}
    return account.gateway.perform(confirm_call(account, saved_credential(done.value), **given))


def _put_off(verb: Verb, prepare: Callable[[Account], OperationCall], *gateways: str) -> None:
    """Ordered of the simulator: PayPal reviews a capture, Adyen has received and not decided."""

    @comes_to(verb, OutcomeKind.PENDING, *gateways)
    def gateway_puts_the_decision_off(account: Account) -> Result:
        call = prepare(account)
        ordered = {"code": "Received"} if account.gateway.name == "adyen" else {"reason": "pending"}
        account.trouble("decline", "confirm", **ordered)
        outcome = account.gateway.perform(call)
        assert account.world.book_of(account.name)["captured_minor"] == 0
        return outcome


def saving_and_taking(account: Account) -> OperationCall:
    given = {"save": ON_FILE, "gateway_customer": customer_of(account), "shopper": SHOPPER}
    return confirm_call(account, capture=CaptureMode.AUTOMATIC, **given)


def taking_from_what_is_kept(use: StoredUse) -> Callable[[Account], OperationCall]:
    def prepare(account: Account) -> OperationCall:
        method = kept(account, use=ON_FILE)
        given = {"stored_use": use, "gateway_customer": method.gateway_customer, "capture": CaptureMode.AUTOMATIC}
        return confirm_call(account, saved_credential(method), **given)

    return prepare


_put_off(Verb.SAVE_WITH_PAYMENT, saving_and_taking, "paypal")
_put_off(Verb.CHARGE_SAVED, taking_from_what_is_kept(ON_FILE), "adyen", "paypal")
_put_off(
    Verb.CHARGE_SAVED_BY_MERCHANT,
    taking_from_what_is_kept(StoredUse(Initiator.MERCHANT, Agreement.UNSCHEDULED)),
    "adyen",
    "paypal",
)


@comes_to(Verb.SAVE_WITH_PAYMENT, OutcomeKind.PENDING, "adyen")
def holder_whose_payment_stays_received_and_who_saves(account: Account) -> Result:
    given = {"save": ON_FILE, "gateway_customer": customer_of(account), "shopper": SHOPPER}
    return account.gateway.perform(confirm_call(account, undecided_card(account), **given))


@comes_to(Verb.SAVE_WITH_PAYMENT, OutcomeKind.PENDING, "stripe")
def bank_account_that_is_saved_is_debited_in_days(account: Account) -> Result:
    given = {"save": UNSCHEDULED, "gateway_customer": customer_of(account), "shopper": SHOPPER}
    outcome = account.gateway.perform(confirm_call(account, debit(), capture=CaptureMode.AUTOMATIC, **given))
    assert outcome.gateway_token
    return outcome


def _debited(verb: Verb, use: StoredUse) -> None:
    @comes_to(verb, OutcomeKind.PENDING, "stripe")
    def kept_bank_account_is_debited_in_days(account: Account) -> Result:
        customer = customer_of(account)
        first = confirm_call(
            account,
            debit(),
            capture=CaptureMode.AUTOMATIC,
            save=UNSCHEDULED,
            gateway_customer=customer,
            shopper=SHOPPER,
        )
        done = account.gateway.perform(first)
        assert done.gateway_token, done
        saved = SavedCredential(done.gateway_token, customer, Method.SEPA_DEBIT)
        given = {"stored_use": use, "gateway_customer": customer, "capture": CaptureMode.AUTOMATIC}
        return account.gateway.perform(confirm_call(account, saved, **given))


_debited(Verb.CHARGE_SAVED, ON_FILE)
_debited(Verb.CHARGE_SAVED_BY_MERCHANT, StoredUse(Initiator.MERCHANT, Agreement.UNSCHEDULED))


@comes_to(Verb.SAVE_METHOD, OutcomeKind.DECLINED)
def card_that_the_bank_declines_is_not_kept(account: Account) -> Result:
    return methods_of(account).save(save_order(account, DECLINED_CARD))


@comes_to(Verb.SAVE_METHOD, OutcomeKind.ACTION_REQUIRED)
def bank_wants_to_see_the_customer_before_the_card_is_kept(account: Account) -> Result:
    made = methods_of(account).save(save_order(account, CHALLENGED_CARD))
    assert made.next_action is not None, made
    return made


@comes_to(Verb.SAVE_METHOD, OutcomeKind.APPROVED)
def customer_passes_at_the_bank_and_the_card_is_kept(account: Account) -> Result:
    order = save_order(account, CHALLENGED_CARD)
    made = methods_of(account).save(order)
    assert made.kind is OutcomeKind.ACTION_REQUIRED, made
    assert made.next_action is not None
    assert made.value is not None
    brought = answer(made.next_action.url)
    key = order.idempotency_key + "_2"
    done = methods_of(account).complete_save(CompleteSave(key, made.value.setup_id, order.gateway_customer, brought))
    assert done.value is not None, done
    assert done.value.gateway_token
    return done


@comes_to(Verb.SAVE_WITH_PAYMENT, OutcomeKind.DECLINED)
def declined_payment_keeps_nothing(account: Account) -> Result:
    customer = customer_of(account)
    outcome = account.gateway.perform(
        confirm_call(account, DECLINED_CARD, save=ON_FILE, gateway_customer=customer, shopper=SHOPPER)
    )
    assert outcome.gateway_token == ""
    return outcome


@comes_to(Verb.SAVE_WITH_PAYMENT, OutcomeKind.ACTION_REQUIRED)
def bank_wants_to_see_the_customer_who_saves_with_a_payment(account: Account) -> Result:
    customer = customer_of(account)
    return account.gateway.perform(
        confirm_call(account, CHALLENGED_CARD, save=ON_FILE, gateway_customer=customer, shopper=SHOPPER)
    )


def _charge_declined(account: Account, use: StoredUse) -> Result:
    method = kept(account)
    given = {"stored_use": use, "gateway_customer": method.gateway_customer}
    call = confirm_call(account, saved_credential(method), **given)
    account.trouble("decline", "confirm", reason="insufficient_funds")
    return account.gateway.perform(call)


@comes_to(Verb.CHARGE_SAVED, OutcomeKind.DECLINED)
def kept_card_has_no_funds(account: Account) -> Result:
    return _charge_declined(account, ON_FILE)


@comes_to(Verb.CHARGE_SAVED_BY_MERCHANT, OutcomeKind.DECLINED)
def kept_card_has_no_funds_when_the_merchant_charges(account: Account) -> Result:
    return _charge_declined(account, StoredUse(Initiator.MERCHANT, Agreement.UNSCHEDULED))


@comes_to(Verb.DETACH_METHOD, OutcomeKind.APPROVED)
def what_is_not_there_any_more_is_forgotten_already(account: Account) -> Result:
    method = kept(account)
    facet = methods_of(account)
    first = facet.detach(method.gateway_token, method.gateway_customer, f"op_{secrets.token_hex(8)}")
    assert first.kind is OutcomeKind.APPROVED, first
    return facet.detach(method.gateway_token, method.gateway_customer, f"op_{secrets.token_hex(8)}")


@pytest.mark.parametrize("case", cases_of(__name__), ids=str)
def test_call_comes_to_its_outcome(case: Case, connect: Connect) -> None:
    case.play(connect)


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
def test_saving_whose_reply_was_lost_is_found_among_what_is_kept(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    order = save_order(account)
    account.trouble("lose_reply", operation_of(Verb.SAVE_METHOD, gateway))
    assert methods_of(account).save(order).kind is OutcomeKind.UNKNOWN
    found = methods_of(account).saved(order.gateway_customer)
    if not found.value:  # the resolver sends the identical request again within the key's window
        again = methods_of(account).save(order)
        assert again.kind is OutcomeKind.APPROVED, again
        assert again.value is not None
        found = methods_of(account).saved(again.value.gateway_customer)
    assert found.kind is OutcomeKind.APPROVED, found
    assert [method.last4 for method in found.value or ()] == [APPROVED_CARD[-4:]]


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
def test_detached_card_is_not_charged_any_more(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    method = kept(account)
    methods_of(account).detach(method.gateway_token, method.gateway_customer, f"op_{secrets.token_hex(8)}")
    given = {"stored_use": ON_FILE, "gateway_customer": method.gateway_customer}
    call = confirm_call(account, saved_credential(method), **given)
    assert account.gateway.perform(call).kind is OutcomeKind.DECLINED
