"""SEPA direct debit, iDEAL and the PayPal wallet, through the pages that a shopper sees; the days after: in_time/."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shopper_methods import REFUSED_OWNER, debit, ideal, wallet
from shopper_pages import answer
from simulated_accounts import EUR_12_30, GATEWAYS, Account
from test_contract_payments import captured, confirm_call, following
from verb_calls import Case, Connect, Result, cases_of, comes_to

from orchestrator.gateways.base import CaptureMode, OperationCall, OperationKind
from orchestrator.gateways.capabilities import Missing, Verb
from orchestrator.gateways.credentials import Credential, Method
from orchestrator.gateways.registry import KINDS
from routing.outcomes import Outcome, OutcomeKind

METHODS: dict[Method, Credential] = {Method.IDEAL: ideal(), Method.PAYPAL: wallet()}
# What the button of each gateway's page says; iDEAL of PayPal's has a page of its own.
PAYS = {"stripe": "succeeded", "adyen": "pay", "paypal": "approve"}
REFUSES = {"stripe": "failed", "adyen": "refuse", "paypal": "cancel"}


def gateways_taking(method: Method) -> list[str]:
    return [gateway for gateway in GATEWAYS if not isinstance(KINDS[gateway].capabilities.methods[method], Missing)]


def at_the_page(
    account: Account, method: Method, capture: CaptureMode = CaptureMode.AUTOMATIC
) -> tuple[OperationCall, Outcome, str]:
    """A payment whose shopper has been sent away, and where to."""
    call = confirm_call(account, METHODS[method], capture=capture)
    outcome = account.gateway.perform(call)
    assert outcome.kind is OutcomeKind.ACTION_REQUIRED, outcome
    assert outcome.next_action is not None
    return call, outcome, outcome.next_action.url


def back_from(account: Account, call: OperationCall, outcome: Outcome, url: str, press: str) -> Outcome:
    """What the payment came to once the button was pressed and the shopper was sent back to us."""
    brought = answer(url, press=press)
    known = outcome.gateway_payment_id or call.gateway_payment_id
    complete = following(account, OperationKind.COMPLETE, call, outcome, action_result=brought, capture=call.capture)
    return account.gateway.perform(replace(complete, gateway_payment_id=known))


@comes_to(Verb.AUTHORISE_AND_CAPTURE, OutcomeKind.PENDING, "stripe", "adyen")
def direct_debit_takes_days(account: Account) -> Result:
    outcome = account.gateway.perform(confirm_call(account, debit(), capture=CaptureMode.AUTOMATIC))
    assert account.world.book_of(account.name)["captured_minor"] == 0
    return outcome


@comes_to(Verb.AUTHORISE_AND_CAPTURE, OutcomeKind.DECLINED, "stripe", "adyen")
def direct_debit_of_an_iban_that_cannot_be(account: Account) -> Result:
    wrong = debit("DE89370400440532013001")
    return account.gateway.perform(confirm_call(account, wrong, capture=CaptureMode.AUTOMATIC))


@comes_to(Verb.AUTHORISE_AND_CAPTURE, OutcomeKind.ACTION_REQUIRED)
def ideal_is_paid_at_the_bank(account: Account) -> Result:
    return at_the_page(account, Method.IDEAL)[1]


@comes_to(Verb.AUTHORISE, OutcomeKind.ACTION_REQUIRED)
def wallet_is_approved_by_its_owner(account: Account) -> Result:
    return at_the_page(account, Method.PAYPAL, CaptureMode.MANUAL)[1]


@comes_to(Verb.COMPLETE, OutcomeKind.PENDING, "adyen")
def bank_leaves_it_open(account: Account) -> Result:
    return back_from(account, *at_the_page(account, Method.IDEAL), "pending")


@pytest.mark.parametrize("case", cases_of(__name__), ids=str)
def test_call_comes_to_its_outcome(case: Case, connect: Connect) -> None:
    case.play(connect)


PAGES = [(gateway, method) for method in METHODS for gateway in gateways_taking(method)]


@pytest.mark.parametrize(("gateway", "method"), PAGES)
def test_shopper_who_pays_at_the_page_has_paid_once(connect: Connect, gateway: str, method: Method) -> None:
    account = connect(gateway)
    call, outcome, url = at_the_page(account, method)
    assert account.world.book_of(account.name)["captured_minor"] == 0
    done = back_from(account, call, outcome, url, PAYS[gateway])
    assert (done.kind, done.amount) == (OutcomeKind.APPROVED, EUR_12_30)
    assert account.world.book_of(account.name)["captured_minor"] == EUR_12_30.minor
    assert len([c for c in account.world.charges_of(account.name) if not c["declined"]]) == 1


@pytest.mark.parametrize(("gateway", "method"), PAGES)
def test_payment_at_the_page_is_told_whether_or_not_the_shopper_comes_back(
    connect: Connect, gateway: str, method: Method
) -> None:
    account = connect(gateway)
    call, _, url = at_the_page(account, method)
    answer(url, press=PAYS[gateway])  # and the window is closed
    if (gateway, method) == ("paypal", Method.PAYPAL):  # the money is asked for after the approval, by us
        assert account.world.book_of(account.name)["captured_minor"] == 0
        return
    kind = "payment.authorised" if gateway == "adyen" else "payment.captured"
    assert account.told(kind, reference=call.attempt_id).amount == EUR_12_30
    assert account.world.book_of(account.name)["captured_minor"] == EUR_12_30.minor


@pytest.mark.parametrize(("gateway", "method"), PAGES)
def test_shopper_who_does_not_pay_has_not_paid(connect: Connect, gateway: str, method: Method) -> None:
    account = connect(gateway)
    done = back_from(account, *at_the_page(account, method), REFUSES[gateway])
    open_still = (OutcomeKind.DECLINED, OutcomeKind.ACTION_REQUIRED)  # PayPal's page can be gone to again
    assert done.kind in (open_still if gateway == "paypal" else (OutcomeKind.DECLINED,)), done
    assert account.world.book_of(account.name)["captured_minor"] == 0


@pytest.mark.parametrize("gateway", gateways_taking(Method.PAYPAL))
def test_wallet_is_authorised_first_and_captured_later(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    call, outcome, url = at_the_page(account, Method.PAYPAL, CaptureMode.MANUAL)
    done = back_from(account, call, outcome, url, PAYS[gateway])
    assert done.kind is OutcomeKind.APPROVED, done
    assert account.world.book_of(account.name)["captured_minor"] == 0
    captured(account, call, done)
    assert account.world.book_of(account.name)["captured_minor"] == EUR_12_30.minor


# Adyen takes a debit without capturing it: https://docs.adyen.com/payment-methods/sepa-direct-debit.
AT_ONCE_ONLY = [*((gateway, ideal()) for gateway in gateways_taking(Method.IDEAL)), ("stripe", debit())]


@pytest.mark.parametrize(("gateway", "credential"), AT_ONCE_ONLY, ids=lambda one: getattr(one, "iban", str(one)[:9]))
def test_what_cannot_be_authorised_first_is_refused_before_any_call(
    connect: Connect, gateway: str, credential: Credential
) -> None:
    account = connect(gateway)
    first = account.gateway.authorise_steps[0]
    outcome = account.gateway.perform(account.call(first, credential=credential, capture=CaptureMode.MANUAL))
    assert outcome.kind is OutcomeKind.DECLINED
    assert account.passed() == []


def test_owner_whose_debit_adyen_refuses_is_told_of_later_not_at_once(connect: Connect) -> None:
    account = connect("adyen")
    call = confirm_call(account, debit(holder=REFUSED_OWNER), capture=CaptureMode.AUTOMATIC)
    assert account.gateway.perform(call).kind is OutcomeKind.PENDING


@pytest.mark.parametrize("gateway", ["paypal"])
def test_wallet_that_pays_is_looked_up_by_its_order(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    call, outcome, url = at_the_page(account, Method.PAYPAL)
    done = back_from(account, call, outcome, url, PAYS[gateway])
    found = account.gateway.look_up(call)
    assert found.outcome is not None
    assert (found.outcome.kind, found.outcome.amount) == (done.kind, done.amount)
