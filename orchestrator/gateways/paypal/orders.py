"""Requests of Orders v2 and Payments v2 as the SDK's models: the same bytes each time for the same call."""

from __future__ import annotations

from typing import Any

from paypalserversdk.models.amount_with_breakdown import AmountWithBreakdown
from paypalserversdk.models.capture_payment_instruction import CapturePaymentInstruction
from paypalserversdk.models.capture_request import CaptureRequest
from paypalserversdk.models.confirm_order_request import ConfirmOrderRequest
from paypalserversdk.models.money import Money as PayPalMoney
from paypalserversdk.models.order_authorize_request import OrderAuthorizeRequest
from paypalserversdk.models.order_authorize_request_payment_source import OrderAuthorizeRequestPaymentSource
from paypalserversdk.models.order_capture_request import OrderCaptureRequest
from paypalserversdk.models.order_capture_request_payment_source import OrderCaptureRequestPaymentSource
from paypalserversdk.models.order_request import OrderRequest
from paypalserversdk.models.payee_base import PayeeBase
from paypalserversdk.models.payment_instruction import PaymentInstruction
from paypalserversdk.models.payment_source import PaymentSource
from paypalserversdk.models.platform_fee import PlatformFee
from paypalserversdk.models.purchase_unit_request import PurchaseUnitRequest
from paypalserversdk.models.refund_payment_instruction import RefundPaymentInstruction
from paypalserversdk.models.refund_platform_fee import RefundPlatformFee
from paypalserversdk.models.refund_request import RefundRequest

from currency.exponents import to_gateway_decimal
from currency.money import Money
from orchestrator.gateways.base import CaptureMode, OperationCall
from orchestrator.gateways.credentials import IdealCredential
from orchestrator.gateways.paypal.mapping import COMPLETED_ON_APPROVAL, GATEWAY
from orchestrator.gateways.paypal.sources import payment_source
from orchestrator.gateways.vault import VaultSettings

_MAX_DESCRIPTION_CHARS = 127


def order_request(call: OperationCall) -> OrderRequest:
    """CREATE: one purchase unit, no payment source, so that no money can move by it.

    With a split the recipient is the payee and what it does not get is our platform fee; PayPal's own fee is borne by
    the payee (https://developer.paypal.com/docs/api/orders/v2/, platform_fees).
    """
    optional: dict[str, Any] = {}
    if call.description:
        optional["description"] = call.description[:_MAX_DESCRIPTION_CHARS]
    if call.splits:
        optional["payee"] = PayeeBase(merchant_id=call.splits[0].recipient)
        if fee := _platform_fee(call):
            optional["payment_instruction"] = PaymentInstruction([PlatformFee(_money(fee))], "INSTANT")
    unit = PurchaseUnitRequest(
        amount=AmountWithBreakdown(call.amount.currency, to_gateway_decimal(call.amount, GATEWAY)),
        reference_id=call.payment_id,
        custom_id=call.attempt_id,
        invoice_id=call.attempt_id,  # PayPal's reports name a transaction by it
        **optional,
    )
    intent = "CAPTURE" if call.capture is CaptureMode.AUTOMATIC else "AUTHORIZE"
    return OrderRequest(intent=intent, purchase_units=[unit])


def authorize_request(call: OperationCall, vault: VaultSettings) -> OrderAuthorizeRequest:
    return OrderAuthorizeRequest(OrderAuthorizeRequestPaymentSource(**payment_source(call, vault)))


def capture_order_request(call: OperationCall, vault: VaultSettings) -> OrderCaptureRequest:
    return OrderCaptureRequest(OrderCaptureRequestPaymentSource(**payment_source(call, vault)))


def confirm_request(call: OperationCall, vault: VaultSettings) -> ConfirmOrderRequest:
    """The payer is to approve this source. iDEAL is captured by the approval itself.

    https://developer.paypal.com/docs/checkout/apm/ideal/orders-api
    """
    optional = {}
    if isinstance(call.credential, IdealCredential):
        optional["processing_instruction"] = COMPLETED_ON_APPROVAL
    return ConfirmOrderRequest(PaymentSource(**payment_source(call, vault)), **optional)


def capture_request(call: OperationCall) -> CaptureRequest:
    """CAPTURE: our operation's id as the invoice, by which it is found among several and named in reports."""
    optional: dict[str, Any] = {}
    if fee := _platform_fee(call):
        optional["payment_instruction"] = CapturePaymentInstruction([PlatformFee(_money(fee))], "INSTANT")
    return CaptureRequest(_money(call.amount), call.operation_id, call.final_capture, **optional)


def refund_request(call: OperationCall) -> RefundRequest:
    """REFUND: what does not come from the recipient's part is given back out of our platform fee."""
    optional: dict[str, Any] = {}
    if fee := _platform_fee(call):
        optional["payment_instruction"] = RefundPaymentInstruction([RefundPlatformFee(_money(fee))])
    return RefundRequest(amount=_money(call.amount), custom_id=call.operation_id, **optional)


def _platform_fee(call: OperationCall) -> Money | None:
    """Our part where there is a split; None where we have none."""
    if not call.splits:
        return None
    rest = call.amount.minor - sum(split.amount.minor for split in call.splits)
    return Money(rest, call.amount.currency) if rest else None


def _money(amount: Money) -> PayPalMoney:
    return PayPalMoney(amount.currency, to_gateway_decimal(amount, GATEWAY))
