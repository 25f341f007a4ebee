"""Recipients of splits at Adyen: balance accounts, what their holders may do, and money moved between them afterwards.

https://docs.adyen.com/platforms/internal-fund-transfers/on-demand-fund-transfers. Needs an API key of the balance
platform, which is not the merchant account's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from currency.exponents import AmountNotRepresentable
from currency.money import Money
from orchestrator.gateways.adyen.clients import AdyenServices
from orchestrator.gateways.adyen.mapping import GATEWAY, error_answer, money_of, object_of
from orchestrator.gateways.adyen.payment_request import amount_of
from orchestrator.gateways.answers import (
    answer_from,
    answer_of,
    declined,
    invalid_call,
    not_representable,
    outcome_of,
    without_bodies,
)
from orchestrator.gateways.declines import decline_for
from orchestrator.gateways.facets import Answer, Recipient, TransferOrder
from orchestrator.gateways.transport import Reply, record
from routing.outcomes import OutcomeKind

# What an account holder must be allowed: one of the first to get a part of payments, the last to have it paid out.
_RECEIVE = ("receivePayments", "receiveFromPlatformPayments")
_PAY_OUT = "sendToTransferInstrument"


class AdyenTransfers:
    """`services` is of the balance platform's key; `liable_account` is our own balance account there."""

    def __init__(self, services: AdyenServices, liable_account: str) -> None:
        self._services = services
        self._liable = liable_account

    def transfer(self, order: TransferOrder) -> Answer[str]:
        """From our balance account to the recipient's. PENDING with its id until Adyen has booked it."""
        if not order.recipient.strip():
            text = "the recipient has no balance account at Adyen"
            return answer_from(declined(decline_for(GATEWAY, "clearway", "recipient_not_onboarded", text)))
        return self._move(self._liable, order.recipient, order.amount, order.idempotency_key, order.reference)

    def reverse(self, transfer_id: str, amount: Money, idempotency_key: str) -> Answer[str]:
        """A transfer the other way: Adyen has none that undoes one between balance accounts, and none that sees to it
        that no more is taken back than was sent."""
        api = self._services.transfers
        found: Answer[str] = answer_of(
            record(lambda: api.get_transfer(quote(transfer_id, safe=""))),
            GATEWAY,
            lambda reply: _read_recipient_of(reply, amount),
        )
        if found.kind is not OutcomeKind.APPROVED or found.value is None:
            return answer_from(outcome_of(found))
        return self._move(found.value, self._liable, amount, idempotency_key, transfer_id)

    def recipient(self, recipient: str) -> Answer[Recipient]:
        """`recipient` is a balance account; what it may do is its holder's capabilities. Who that is is not kept."""
        accounts, holders = self._services.balance_accounts, self._services.account_holders
        account: Answer[Mapping[str, Any]] = self._read(lambda: accounts.get_balance_account(quote(recipient, safe="")))
        if account.kind is not OutcomeKind.APPROVED or account.value is None:
            return answer_from(outcome_of(account))
        holder_id = str(account.value.get("accountHolderId") or "")
        holder = self._read(lambda: holders.get_account_holder(quote(holder_id, safe="")))
        if holder.kind is not OutcomeKind.APPROVED or holder.value is None:
            return answer_from(outcome_of(holder))
        missing = _missing(account.value, holder.value)
        value = Recipient(recipient, not missing, "; ".join(missing))
        return Answer(OutcomeKind.APPROVED, value, exchange=holder.exchange)

    def _move(self, source: str, target: str, amount: Money, key: str, reference: str) -> Answer[str]:
        if not self._liable:
            text = "credential balance_account, our own balance account at Adyen, is not set"
            return answer_from(declined(decline_for(GATEWAY, "clearway", "credential_not_set", text)))
        try:
            request = {
                "amount": amount_of(amount),
                "balanceAccountId": source,
                "category": "internal",
                "counterparty": {"balanceAccountId": target},
                "reference": reference or key,
            }
        except AmountNotRepresentable as error:
            return answer_from(not_representable(GATEWAY, error))
        api = self._services.transfers
        tape = record(lambda: api.transfer_funds(request, idempotency_key=key))
        return answer_of(tape, GATEWAY, lambda reply: _read_transfer(reply, amount))

    def _read(self, send: Callable[[], object]) -> Answer[Mapping[str, Any]]:
        answer: Answer[Mapping[str, Any]] = answer_of(
            record(send), GATEWAY, lambda reply: error_answer(reply) or Answer(OutcomeKind.APPROVED, object_of(reply))
        )
        return without_bodies(answer, "reply")


def _read_transfer(reply: Reply, asked: Money) -> Answer[str]:
    if error := error_answer(reply):
        return error
    body = object_of(reply)
    transfer_id, status = str(body["id"]), str(body["status"])
    said = money_of(body["amount"])
    if said != asked:
        return Answer(
            OutcomeKind.UNKNOWN, transfer_id, detail=f"Adyen moves {said.minor} {said.currency} (minor units)"
        )
    if status in ("refused", "cancelled", "failed", "error", "returned"):
        text = f"{status}: {body.get('reason') or 'no reason given'}"
        return answer_from(declined(decline_for(GATEWAY, "clearway", "invalid_state", text)))
    if status == "booked":
        return Answer(OutcomeKind.APPROVED, transfer_id)
    return Answer(OutcomeKind.PENDING, transfer_id, detail=f"{status}: Adyen has not booked it yet")


def _read_recipient_of(reply: Reply, taken_back: Money) -> Answer[str]:
    if error := error_answer(reply):
        return error
    body = object_of(reply)
    sent = money_of(body["amount"])
    if sent.currency != taken_back.currency or taken_back > sent:
        return answer_from(invalid_call(GATEWAY, f"amount: {sent.minor} {sent.currency} (minor units) were sent"))
    return Answer(OutcomeKind.APPROVED, str(body["counterparty"]["balanceAccountId"]))


def _missing(account: Mapping[str, Any], holder: Mapping[str, Any]) -> list[str]:
    """What stands between this recipient and its money, in Adyen's words."""
    missing = [
        f"{what} is {state}"
        for what, state in (("balance account", account.get("status")), ("account holder", holder.get("status")))
        if str(state).lower() != "active"
    ]
    capabilities = holder.get("capabilities") or {}
    if not any(_allowed(capabilities, name) for name in _RECEIVE):
        asked = next((name for name in _RECEIVE if name in capabilities), _RECEIVE[-1])
        missing.append(_reason(capabilities, asked))
    if not _allowed(capabilities, _PAY_OUT):
        missing.append(_reason(capabilities, _PAY_OUT))
    return missing


def _allowed(capabilities: Mapping[str, Any], name: str) -> bool:
    capability = capabilities.get(name) or {}
    return capability.get("allowed") is True and capability.get("enabled") is not False


def _reason(capabilities: Mapping[str, Any], name: str) -> str:
    capability = capabilities.get(name) or {}
    errors = [
        str(error.get("message") or error.get("code") or "")
        for problem in capability.get("problems") or ()
        for error in problem.get("verificationErrors") or ()
    ]
    state = capability.get("verificationStatus") or "not requested"
    return f"{name}: {', '.join(filter(None, errors)) or state}"
