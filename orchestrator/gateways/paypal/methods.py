"""Cards and wallets kept in PayPal's vault: setup tokens, the payment tokens they become, and a customer's list.

https://developer.paypal.com/docs/api/payment-tokens/v3/
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from paypalserversdk.models.customer import Customer
from paypalserversdk.models.payment_token_request import PaymentTokenRequest
from paypalserversdk.models.payment_token_request_payment_source import PaymentTokenRequestPaymentSource
from paypalserversdk.models.setup_token_request import SetupTokenRequest
from paypalserversdk.models.setup_token_request_card import SetupTokenRequestCard
from paypalserversdk.models.setup_token_request_payment_source import SetupTokenRequestPaymentSource
from paypalserversdk.models.vault_card_experience_context import VaultCardExperienceContext
from paypalserversdk.models.vault_experience_context import VaultExperienceContext
from paypalserversdk.models.vault_paypal_wallet_request import VaultPaypalWalletRequest
from paypalserversdk.models.vault_token_request import VaultTokenRequest

from orchestrator.gateways.answers import answer_from
from orchestrator.gateways.credentials import CardCredential, PayPalWalletCredential, in_vault
from orchestrator.gateways.facets import Answer, CompleteSave, CustomerOrder, SavedMethod, SaveOrder
from orchestrator.gateways.paypal.connection import PayPalConnection, answer_of_call
from orchestrator.gateways.paypal.mapping import read_refusal
from orchestrator.gateways.paypal.method_mapping import read_payment_token, read_setup_token, read_tokens
from orchestrator.gateways.paypal.refusals import method_refused
from orchestrator.gateways.paypal.sources import customer_fields, expiry_text, is_ours
from orchestrator.gateways.redaction import REMOVED
from orchestrator.gateways.transport import Reply
from orchestrator.gateways.vault import VaultSettings, expressions_for
from routing.outcomes import OutcomeKind

_PAGE_SIZE = 5  # what PayPal gives at most
_MAX_PAGES = 10  # total_pages ends there (vault_payment_tokens_v3)


class PayPalSavedMethods:
    """Implements SavedMethods. Vault keys are kept for 3 hours (paypal-server-sdk, vault_controller.py)."""

    def __init__(self, connection: PayPalConnection, vault: VaultSettings) -> None:
        self._paypal = connection
        self._vault = vault

    def save_customer(self, order: CustomerOrder) -> Answer[str]:
        """Nothing is sent: PayPal makes a customer's id with the first credential that it keeps, and gives it then.

        Until then our own id is the name, which PayPal keeps beside its own (merchant_customer_id).
        https://developer.paypal.com/platforms/checkout/save-payment-methods/purchase-later/payment-tokens-api/paypal/
        """
        return Answer(OutcomeKind.APPROVED, order.gateway_customer or order.customer_id)

    def save(self, order: SaveOrder) -> Answer[SavedMethod]:
        """A setup token, and where nothing is to be approved the payment token at once."""
        try:
            request = _setup_request(order, self._vault)
        except ValueError:
            return answer_from(method_refused(order.credential))
        through_vault = in_vault(order.credential)
        options = {"paypal_request_id": order.idempotency_key, "body": request}
        answer = self._saved_by(
            lambda: self._paypal.client(through_vault).vault.create_setup_token(options),
            read_setup_token,
            self._vault if through_vault else None,
        )
        return self._exchanged(answer, order.idempotency_key)

    def complete_save(self, order: CompleteSave) -> Answer[SavedMethod]:
        """Reads the setup token first: only an approved one is exchanged."""
        shown = self._saved_by(lambda: self._paypal.direct.vault.get_setup_token(order.setup_id), read_setup_token)
        return self._exchanged(shown, order.idempotency_key)

    def saved(self, gateway_customer: str) -> Answer[tuple[SavedMethod, ...]]:
        """All pages of the customer's list. One whom PayPal has not named yet cannot be asked about: UNKNOWN."""
        if is_ours(gateway_customer):
            return Answer(OutcomeKind.UNKNOWN, detail="PayPal lists by its own customer id, which is not known")
        kept: tuple[SavedMethod, ...] = ()
        page = 1
        while page <= _MAX_PAGES:
            answer = self._page(gateway_customer, page)
            if answer.kind is not OutcomeKind.APPROVED or answer.value is None:
                return Answer(answer.kind, None, answer.decline, detail=answer.detail, exchange=answer.exchange)
            found, pages = answer.value
            kept += found
            if page >= pages:
                break
            page += 1
        return Answer(OutcomeKind.APPROVED, kept)

    def detach(self, gateway_token: str, gateway_customer: str, idempotency_key: str) -> Answer[None]:
        """The call has no idempotency key and needs none: deleting twice is deleting once."""

        def read(reply: Reply) -> Answer[None]:
            if reply.status in (204, 404):
                return Answer(OutcomeKind.APPROVED)
            return answer_from(read_refusal(reply))

        return answer_of_call(
            self._paypal.record(lambda: self._paypal.direct.vault.delete_payment_token(gateway_token)), read
        )

    def _exchanged(self, shown: Answer[SavedMethod], key: str) -> Answer[SavedMethod]:
        """The payment token for a setup token that is approved; any other answer as it is."""
        if shown.kind is not OutcomeKind.APPROVED or shown.value is None:
            return shown
        token = VaultTokenRequest(shown.value.setup_id, "SETUP_TOKEN")
        body = PaymentTokenRequest(PaymentTokenRequestPaymentSource(token=token))
        options = {"paypal_request_id": f"{key}-t", "body": body}  # short: no limit is published here
        setup_id = shown.value.setup_id
        return self._saved_by(
            lambda: self._paypal.direct.vault.create_payment_token(options),
            lambda shown: Answer(OutcomeKind.APPROVED, read_payment_token(shown, setup_id)),
        )

    def _saved_by(
        self,
        send: Callable[[], object],
        read: Callable[[dict[str, Any]], Answer[SavedMethod]],
        vault: VaultSettings | None = None,
    ) -> Answer[SavedMethod]:
        def judge(reply: Reply) -> Answer[SavedMethod]:
            if reply.status >= 400 or reply.body is None:
                return answer_from(read_refusal(reply))
            return read(reply.body)

        return _without_token(answer_of_call(self._paypal.record(send), judge, vault))

    def _page(self, customer: str, page: int) -> Answer[tuple[tuple[SavedMethod, ...], int]]:
        options = {"customer_id": customer, "page_size": _PAGE_SIZE, "page": page, "total_required": True}

        def read(reply: Reply) -> Answer[tuple[tuple[SavedMethod, ...], int]]:
            if reply.status == 404:  # no customer of that name: nothing is kept
                return Answer(OutcomeKind.APPROVED, ((), 0))
            if reply.status >= 400 or reply.body is None:
                return answer_from(read_refusal(reply))
            return Answer(OutcomeKind.APPROVED, (read_tokens(reply.body), int(reply.body.get("total_pages") or 1)))

        tape = self._paypal.record(lambda: self._paypal.direct.vault.list_customer_payment_tokens(options))
        return answer_of_call(tape, read)


def _setup_request(order: SaveOrder, vault: VaultSettings) -> SetupTokenRequest:
    """Raises ValueError for a credential that PayPal's vault does not keep."""
    match order.credential:
        case CardCredential() as card:
            source = SetupTokenRequestPaymentSource(card=_setup_card(order, card, vault))
        case PayPalWalletCredential():
            source = SetupTokenRequestPaymentSource(paypal=_setup_wallet(order))
        case _:
            raise ValueError("PayPal's vault keeps cards and wallets only")
    named = customer_fields(order.gateway_customer)
    return SetupTokenRequest(source, **({"customer": Customer(**named)} if named else {}))


def _setup_card(order: SaveOrder, card: CardCredential, vault: VaultSettings) -> SetupTokenRequestCard:
    shown = expressions_for(card, vault)
    fields: dict[str, Any] = {"number": shown.number, "expiry": expiry_text(card)}
    if shown.cvc:
        fields["security_code"] = shown.cvc
    if card.holder:
        fields["name"] = card.holder
    if order.return_url:
        fields["verification_method"] = "SCA_ALWAYS" if order.challenge else "SCA_WHEN_REQUIRED"
        fields["experience_context"] = VaultCardExperienceContext(
            return_url=order.return_url, cancel_url=order.return_url
        )
    return SetupTokenRequestCard(**fields)


def _setup_wallet(order: SaveOrder) -> VaultPaypalWalletRequest:
    pages = VaultExperienceContext(
        return_url=order.return_url, cancel_url=order.return_url, shipping_preference="NO_SHIPPING"
    )
    return VaultPaypalWalletRequest(usage_type="MERCHANT", customer_type="CONSUMER", experience_context=pages)


def _without_token(answer: Answer[SavedMethod]) -> Answer[SavedMethod]:
    """A payment token's reply has it as a plain `id`, which only we know to be a credential."""
    if answer.value is None or not answer.value.gateway_token:
        return answer
    kept = json.dumps(answer.exchange).replace(answer.value.gateway_token, REMOVED)
    return replace(answer, exchange=json.loads(kept))
