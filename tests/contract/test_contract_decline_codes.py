"""Every row of the decline tables: carried by the wire and the SDK, read by the adapter as the row says.

Codes of payments are ordered from the simulator. What no scenario orders (statuses, advice, results) is put into the
reply on its way; what is the adapter's own finding (field `clearway`) is brought about at the adapter.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from simulated_accounts import GATEWAYS, Account
from test_contract_payments import authorised, captured, confirm_call, following
from verb_calls import Connect
from wire_tap import Edit

from currency.money import Money
from orchestrator.gateways.base import OperationKind, Split
from orchestrator.gateways.credentials import CardCredential
from routing.outcomes import Decline, Outcome, OutcomeKind, RetryAction

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "../shared/reference/decline_codes.csv"


@dataclass(frozen=True)
class Row:
    gateway: str
    field: str
    code: str
    reason: str
    action_cit: str
    action_mit: str

    def __str__(self) -> str:
        return f"{self.gateway}-{self.field}-{self.code}"

    @property
    def words(self) -> tuple[str, str, str]:
        return self.reason, self.action_cit, self.action_mit


def _read(path: Path, owner: str) -> list[Row]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return [
        Row(one[owner], one["field"], one["code"], one["reason"], one["action_cit"], one["action_mit"])
        for one in csv.DictReader(lines)
    ]


OURS = [row for gateway in GATEWAYS for row in _read(ROOT / f"orchestrator/gateways/{gateway}/declines.csv", "gateway")]
THEIRS = [row for row in (_read(SHARED, "scheme") if SHARED.exists() else []) if row.gateway in GATEWAYS]
# The reference names fields as the vendors do; the project's tables in one way.
FIELDS = {
    "error.code": "error_code",
    "refusalReasonCode": "refusal_reason_code",
    "resultCode": "result_code",
    "errorCode/HTTP": "error_code",
    "processor_response.response_code": "response_code",
    "processor_response.payment_advice_code": "payment_advice_code",
    "details[].issue": "issue",
}
# Rows of the reference that describe a failure of the network or a class of the SDK: test_contract_faults brings them
# about for every call that moves money, and the rows of field `http` below are what the adapters read.
NO_CODE = frozenset({"exception"})
# Where the project's table differs from the reference on purpose: docs/decisions/0005-advice-codes.md.
DECIDED = {
    ("stripe", "advice_code", "try_again_later"): ("try_again_later", "failover_now", "retry_same_later"),
    ("stripe", "error_code", "lock_timeout"): ("unknown_outcome", "unknown_inquire", "unknown_inquire"),
}
BY_SCENARIO = frozenset({"decline_code", "error_code", "refusal_reason_code", "response_code", "issue"})
ADYEN_ERRORS = ("adyen", "error_code")
# Stripe says by these that the intent is in another state than the call needs: the intent that comes with them counts,
# and the row of the table only where there is none to read (a refund).
OTHER_STATE = frozenset({"charge_already_captured", "intent_invalid_state", "payment_intent_unexpected_state"})


def rows(*fields: str) -> list[Row]:
    return [row for row in OURS if row.field in fields]


def check(outcome: Outcome, row: Row) -> None:
    """The outcome says what the row says. A row of action `none` is no decline."""
    if row.action_cit == RetryAction.NONE:
        assert outcome.kind is not OutcomeKind.DECLINED, outcome
        return
    if row.action_cit == RetryAction.UNKNOWN_INQUIRE and outcome.decline is None:
        assert outcome.kind is OutcomeKind.UNKNOWN, outcome  # what may have happened has no reason yet
        return
    assert outcome.decline is not None, outcome
    said = outcome.decline
    assert (said.reason, said.action_cit.value, said.action_mit.value) == row.words, outcome.exchange
    assert outcome.kind is (OutcomeKind.UNKNOWN if row.reason == "unknown_outcome" else OutcomeKind.DECLINED)


def _ordered(row: Row) -> bool:
    """Whether a scenario orders the code at a payment, and the table's row is what decides then."""
    by_code = (row.gateway, row.field) != ADYEN_ERRORS and row.action_cit != "none"
    return by_code and not (row.gateway == "stripe" and row.code in OTHER_STATE)


@pytest.mark.forced_replies
@pytest.mark.parametrize("row", [r for r in rows(*BY_SCENARIO) if _ordered(r)], ids=str)
def test_code_of_the_gateway_is_read_as_the_table_says(connect: Connect, row: Row) -> None:
    account = connect(row.gateway)
    call = confirm_call(account)
    account.trouble("decline", "confirm", code=row.code)
    outcome = account.gateway.perform(call)
    assert f'"{row.code}"' in account.passed()[-1].reply.decode(), "the ordered code is not on the wire"
    check(outcome, _as_travelled(account, row))


@pytest.mark.forced_replies
@pytest.mark.parametrize("code", sorted(OTHER_STATE))
def test_intent_in_another_state_that_is_not_shown_is_looked_up_and_never_taken_for_a_decline(
    connect: Connect, code: str
) -> None:
    account = connect("stripe")
    call = confirm_call(account)
    account.trouble("decline", "confirm", code=code)
    outcome = account.gateway.perform(call)
    assert (outcome.kind, outcome.decline) == (OutcomeKind.UNKNOWN, None)


@pytest.mark.forced_replies
@pytest.mark.parametrize("row", [r for r in rows("error_code") if r.code in OTHER_STATE], ids=str)
def test_other_state_refuses_a_refund_as_the_table_says(connect: Connect, row: Row) -> None:
    account = connect("stripe")
    call, done = authorised(account)
    refund = following(account, OperationKind.REFUND, call, captured(account, call, done))
    error = {"error": {"type": "invalid_request_error", "code": row.code, "message": "as ordered"}}
    with account.wire.editing(lambda path, status, reply: (400, json.dumps(error).encode())):
        check(account.gateway.perform(refund), row)


def _as_travelled(account: Account, row: Row) -> Row:
    """Stripe has some words both as decline code and as error code: the row of the field in which it came."""
    if row.gateway != "stripe":
        return row
    error = json.loads(account.passed()[-1].reply)["error"]
    field = "decline_code" if error.get("decline_code") == row.code else "error_code"
    return next(one for one in OURS if (one.gateway, one.field, one.code) == (row.gateway, field, row.code))


@pytest.mark.forced_replies
@pytest.mark.parametrize("row", rows("http"), ids=str)
def test_status_without_a_code_is_read_as_the_table_says(connect: Connect, row: Row) -> None:
    account = connect(row.gateway)
    call = confirm_call(account)
    with account.wire.editing(_at_the_payment(lambda path, status, reply: (int(row.code), b"{}"))):
        outcome = account.gateway.perform(call)
    assert outcome.decline is not None, outcome
    said = outcome.decline
    assert (said.reason, said.action_cit.value, said.action_mit.value) == row.words
    assert outcome.kind is (OutcomeKind.NOT_REACHED if row.code == "429" else OutcomeKind.DECLINED)


def _at_the_payment(edit: Edit) -> Edit:
    """What goes before it is left alone: Stripe's payment method has a call of its own."""
    return lambda path, status, reply: (
        (status, reply) if path.endswith("/payment_methods") else edit(path, status, reply)
    )


def _advised(row: Row) -> Edit:
    """The declined answer, with the advice of the row in it."""

    def edit(path: str, status: int, reply: bytes) -> tuple[int, bytes]:
        body = json.loads(reply)
        if row.gateway == "stripe":
            body["error"]["advice_code"] = row.code
        else:
            for unit in body.get("purchase_units", ()):
                for one in unit["payments"]["authorizations"]:
                    one.setdefault("processor_response", {})["payment_advice_code"] = row.code
        return status, json.dumps(body).encode()

    return edit


@pytest.mark.forced_replies
@pytest.mark.parametrize("row", rows("advice_code", "payment_advice_code", "payment_advice_code.visa"), ids=str)
def test_advice_narrows_a_decline_and_never_widens_it(connect: Connect, row: Row) -> None:
    account = connect(row.gateway)
    brand = "visa" if row.field.endswith(".visa") else "mastercard"
    number = "4000000000000002" if brand == "visa" else "5555555555554444"
    call = confirm_call(account, account.world.tokenise(number, brand=brand))
    account.trouble("decline", "confirm", reason="do_not_honor")
    with account.wire.editing(_at_the_payment(_advised(row))):
        outcome = account.gateway.perform(call)
    assert outcome.decline is not None, outcome
    assert outcome.decline.advice_code == row.code
    plain = _plain(connect, row.gateway, number, brand)
    for said, before, advised in (
        (outcome.decline.action_cit, plain.action_cit, row.action_cit),
        (outcome.decline.action_mit, plain.action_mit, row.action_mit),
    ):
        assert said is _stricter(before, RetryAction(advised))


def _plain(connect: Connect, gateway: str, number: str, brand: str) -> Decline:
    account = connect(gateway)
    call = confirm_call(account, account.world.tokenise(number, brand=brand))
    account.trouble("decline", "confirm", reason="do_not_honor")
    decline = account.gateway.perform(call).decline
    assert decline is not None
    return decline


# From what allows most to what allows least, as docs/errors and the design have it.
_STRICTNESS = (
    RetryAction.NONE,
    RetryAction.FAILOVER_NOW,
    RetryAction.RETRY_SAME_LATER,
    RetryAction.CUSTOMER_ACTION,
    RetryAction.FIX_INTEGRATION,
    RetryAction.HARD_NEVER,
    RetryAction.FRAUD_NEVER,
    RetryAction.UNKNOWN_INQUIRE,
)


def _stricter(one: RetryAction, other: RetryAction) -> RetryAction:
    return max(one, other, key=_STRICTNESS.index)


@pytest.mark.forced_replies
@pytest.mark.parametrize("row", [r for r in rows("error_code") if r.gateway == "adyen"], ids=str)
def test_adyens_error_codes_are_read_as_the_table_says(connect: Connect, row: Row) -> None:
    account = connect("adyen")
    call = confirm_call(account)
    error = {"status": 422, "errorCode": row.code, "message": "as ordered", "errorType": "validation"}
    with account.wire.editing(lambda path, status, reply: (422, json.dumps(error).encode())):
        check(account.gateway.perform(call), row)


@pytest.mark.forced_replies
@pytest.mark.parametrize("row", rows("result_code"), ids=str)
def test_adyens_results_are_no_approval_but_authorised_and_no_loss_of_what_may_be(connect: Connect, row: Row) -> None:
    account = connect("adyen")
    call = confirm_call(account)

    def edit(path: str, status: int, reply: bytes) -> tuple[int, bytes]:
        return status, json.dumps(json.loads(reply) | {"resultCode": row.code}).encode()

    with account.wire.editing(edit):
        outcome = account.gateway.perform(call)
    if row.code == "Authorised":
        assert outcome.kind is OutcomeKind.APPROVED
        return
    assert outcome.kind is not OutcomeKind.APPROVED
    if row.reason == "unknown_outcome":
        assert outcome.kind in (OutcomeKind.PENDING, OutcomeKind.UNKNOWN)
    elif row.code in ("Refused", "Cancelled", "Error"):
        check(outcome, row)


@pytest.mark.forced_replies
@pytest.mark.parametrize("row", [r for r in rows("refund") if r.gateway == "stripe"], ids=str)
def test_reason_of_a_failed_refund_is_read_as_the_table_says(connect: Connect, row: Row) -> None:
    account = connect("stripe")
    call, done = authorised(account)
    taken = captured(account, call, done)
    status_word = "canceled" if row.code == "canceled" else "failed"

    def edit(path: str, status: int, reply: bytes) -> tuple[int, bytes]:
        failed = {"status": status_word, "failure_reason": None if row.code == "canceled" else row.code}
        return status, json.dumps(json.loads(reply) | failed).encode()

    with account.wire.editing(edit):
        check(account.gateway.perform(following(account, OperationKind.REFUND, call, taken)), row)


@pytest.mark.forced_replies
@pytest.mark.parametrize("row", [r for r in rows("outcome") if r.gateway == "stripe"], ids=str)
def test_outcome_of_stripes_charge_is_heard_where_the_declined_intent_is_read(connect: Connect, row: Row) -> None:
    """An error shows the charge by its id only; the look-up expands it (https://docs.stripe.com/api/expanding_objects),
    and its `outcome` narrows the decline."""
    account = connect("stripe")
    call = confirm_call(account)
    account.trouble("decline", "confirm", code="generic_decline")
    declined = account.gateway.perform(call)
    assert declined.decline is not None, declined
    outcome_of_charge = dict(part.split("=") for part in row.code.split(", "))

    def edit(path: str, status: int, reply: bytes) -> tuple[int, bytes]:
        intent = json.loads(reply)
        assert intent["latest_charge"]["object"] == "charge", "the look-up has not asked for the charge"
        intent["latest_charge"]["outcome"] |= outcome_of_charge
        return status, json.dumps(intent).encode()

    with account.wire.editing(edit):
        found = account.gateway.look_up(call)
    assert found.outcome is not None, found
    assert found.outcome.decline is not None, found
    assert found.outcome.decline.action_cit is _stricter(declined.decline.action_cit, RetryAction(row.action_cit))


def _unknown_token(account: Account) -> Outcome:
    call = confirm_call(account)
    assert isinstance(call.credential, CardCredential)
    return account.gateway.perform(replace(call, credential=replace(call.credential, vault_token="tok_" + "0" * 32)))


def _not_onboarded(account: Account) -> Outcome:
    split = Split("", Money(100, "EUR"))
    first = account.gateway.authorise_steps[0]
    card = account.world.tokenise("4242424242424242")
    return account.gateway.perform(account.call(first, credential=card, splits=(split,)))


OWN_FINDINGS: dict[str, Callable[[Account], Outcome]] = {
    "unknown_vault_token": _unknown_token,
    "recipient_not_onboarded": _not_onboarded,
}


@pytest.mark.parametrize("row", [r for r in rows("clearway") if r.code in OWN_FINDINGS], ids=str)
def test_adapters_own_finding_is_read_as_the_table_says(connect: Connect, row: Row) -> None:
    check(OWN_FINDINGS[row.code](connect(row.gateway)), row)


@pytest.mark.forced_replies
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_code_that_no_table_has_is_unmapped_and_never_retried(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    call = confirm_call(account)
    account.trouble("decline", "confirm", code="zz_never_heard_of")
    outcome = account.gateway.perform(call)
    assert outcome.kind is OutcomeKind.DECLINED, outcome
    assert outcome.decline is not None
    assert outcome.decline.gateway_code == "zz_never_heard_of"
    if b"network_decline_code" not in account.passed()[-1].reply:  # a network's code beside it may say why
        assert outcome.decline.reason == "unmapped"
    for action in (outcome.decline.action_cit, outcome.decline.action_mit):
        assert action not in (RetryAction.FAILOVER_NOW, RetryAction.RETRY_SAME_LATER)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared reference is not here")
@pytest.mark.parametrize("row", [r for r in THEIRS if r.field not in NO_CODE], ids=str)
def test_reference_row_is_in_the_gateways_own_table(row: Row) -> None:
    field = FIELDS.get(row.field, row.field)
    for code in row.code.removeprefix("HTTP ").split("/"):
        if code.startswith("5xx"):
            return  # a status that tells nothing: test_contract_faults
        wanted = "http" if row.code.startswith("HTTP") else field
        found = [r for r in OURS if (r.gateway, r.field, r.code) == (row.gateway, wanted, code.strip())]
        expected = DECIDED.get((row.gateway, wanted, code.strip()), row.words)
        assert [one.words for one in found] == [expected], f"{wanted} {code}"
