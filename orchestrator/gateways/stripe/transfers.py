"""Connect: recipients' parts sent after the capture, and taken back: https://docs.stripe.com/connect/separate-charges-and-transfers."""

from __future__ import annotations

from typing import Any

from currency.exponents import to_gateway_minor
from currency.money import Money
from orchestrator.gateways.answers import answer_from, declined, without_bodies
from orchestrator.gateways.declines import decline_for
from orchestrator.gateways.facets import Answer, Recipient, TransferOrder
from orchestrator.gateways.stripe.client import Account, ask, done, keyed
from orchestrator.gateways.stripe.mapping import money_of
from orchestrator.gateways.stripe.params import GATEWAY

# What Stripe says of an account that is not there, or not connected to ours: https://docs.stripe.com/error-codes.
_UNKNOWN_ACCOUNT = frozenset({"account_invalid", "resource_missing"})


class StripeTransfers:
    """See Transfers."""

    def __init__(self, account: Account) -> None:
        self._v1 = account.direct.v1

    def transfer(self, order: TransferOrder) -> Answer[str]:
        """`source_transaction` ties it to the charge: it waits for its funds, and is no more than it."""
        if not order.recipient:
            message = "the recipient has no account at Stripe"
            return answer_from(declined(decline_for(GATEWAY, "clearway", "recipient_not_onboarded", message)))

        def send() -> object:
            asked: Any = {
                "amount": to_gateway_minor(order.amount, GATEWAY),
                "currency": order.amount.currency.lower(),
                "destination": order.recipient,
                "source_transaction": order.gateway_operation_id,
                "transfer_group": order.group,
                "metadata": {"clearway_payment": order.group, "clearway_split": order.reference},
            }
            return self._v1.transfers.create(asked, keyed(order.idempotency_key))

        return ask(send, lambda transfer: _moved(transfer, order.amount))

    def reverse(self, transfer_id: str, amount: Money, idempotency_key: str) -> Answer[str]:
        def send() -> object:
            asked: Any = {"amount": to_gateway_minor(amount, GATEWAY)}
            return self._v1.transfers.reversals.create(transfer_id, asked, keyed(idempotency_key))

        return ask(send, lambda reversal: _moved(reversal, amount))

    def recipient(self, recipient: str) -> Answer[Recipient]:
        """Ready when transfers and payouts are both on: https://docs.stripe.com/connect/account-capabilities#transfers.

        The reply tells who is behind the account, so it is not kept.
        """
        answer = ask(lambda: self._v1.accounts.retrieve(recipient), lambda account: done(_read_recipient(account)))
        if answer.decline is not None and answer.decline.gateway_code in _UNKNOWN_ACCOUNT:
            unknown = Recipient(recipient, ready=False, missing="Stripe knows no such account connected to ours")
            return done(unknown)
        return without_bodies(answer, "reply")


def _moved(obj: dict[str, Any], amount: Money) -> Answer[str]:
    if money_of(obj, "amount") != amount:
        raise ValueError(f"{obj['id']} moved another amount than was asked")
    return done(str(obj["id"]))


def _read_recipient(account: dict[str, Any]) -> Recipient:
    receives = (account.get("capabilities") or {}).get("transfers") == "active"
    ready = receives and bool(account.get("payouts_enabled"))
    if ready:
        return Recipient(account["id"], ready=True)
    needs = account.get("requirements") or {}
    missing = [needs.get("disabled_reason"), *(needs.get("past_due") or ()), *(needs.get("currently_due") or ())]
    told = ", ".join(dict.fromkeys(str(word) for word in missing if word))
    return Recipient(account["id"], ready=False, missing=told or "transfers or payouts are not active")
