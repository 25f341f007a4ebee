"""The issues that PayPal names in the details of its errors, with status and wording as they are on the wire.

developer.paypal.com/api/rest/reference/orders/v2/errors and …/payments/v2/errors. PAYEE_NOT_CONSENTED:
developer.paypal.com/api/payments/v2/errors/payee_not_consented.
"""

from __future__ import annotations

_400: dict[str, str] = {
    "INVALID_ARRAY_MAX_ITEMS": "The number of items in an array parameter is too large.",
    "INVALID_ARRAY_MIN_ITEMS": "The number of items in an array parameter is too small.",
    "INVALID_PARAMETER_SYNTAX": "The value of a field does not conform to the expected format.",
    "INVALID_PARAMETER_VALUE": "A parameter value is not valid.",
    "INVALID_PATCH_OPERATION": (
        "The operation cannot be honored. Cannot add a property that's already present, use replace. Cannot "
        "remove a property thats not present, use add. Cannot replace a property thats not present, use add."
    ),
    "INVALID_STRING_LENGTH": "The value of a field is either too short or too long",
    "MALFORMED_REQUEST_JSON": "The request JSON is not well formed.",
    "MISSING_REQUIRED_PARAMETER": "A required field / parameter is missing",
    "PAYPAL_REQUEST_ID_REQUIRED": (
        "A PayPal-Request-Id is required if you are trying to process payment for an Order. Please specify a "
        "PayPal-Request-Id or Create the Order without a 'payment_source' specified."
    ),
}
_403: dict[str, str] = {
    "NOT_ENABLED_FOR_CARD_PROCESSING": (
        "The recipient for which the API call is made on behalf of is not enabled for card processing. Please "
        "contact PayPal customer support."
    ),
    "PAYEE_ACCOUNT_NOT_VERIFIED": (
        "Payee has not verified their account with PayPal. The selected payment method requires the recipient to "
        "have a verified PayPal account before transactions can be processed on their behalf."
    ),
    "PAYEE_NOT_CONSENTED": (
        "Payee does not have appropriate consent to allow the API caller to process this type of transaction on "
        "their behalf. Your current setup requires the 'payee' to provide a consent before this transaction can "
        "be processed successfully."
    ),
    "PERMISSION_DENIED": "You do not have permission to access or perform operations on this resource.",
}
_404: dict[str, str] = {
    "INVALID_RESOURCE_ID": "Specified resource ID does not exist. Please check the resource ID and try again.",
}
_409: dict[str, str] = {
    "PREVIOUS_REQUEST_IN_PROGRESS": (
        "A previous request on this resource is currently in progress. Please wait for sometime and try again. It"
        " is best to space out the initial and the subsequent request(s) to avoid receiving this error."
    ),
}
_422: dict[str, str] = {
    "ACTION_DOES_NOT_MATCH_INTENT": (
        "Order was created with an intent to 'CAPTURE'. Please use v2/checkout/orders/order_id/capture to "
        "complete the transaction or alternately Create an order with an intent of 'AUTHORIZE'."
    ),
    "AGREEMENT_ALREADY_CANCELLED": "The requested agreement is already canceled.",
    "AMOUNT_MISMATCH": (
        "Should equal item_total + tax_total + shipping + handling + insurance - shipping_discount - discount."
    ),
    "AUTHORIZATION_ALREADY_CAPTURED": "Authorization has previously been captured.",
    "AUTHORIZATION_DENIED": "An denied authorization cannot be captured.",
    "AUTHORIZATION_EXPIRED": "An expired authorization cannot be captured.",
    "AUTHORIZATION_VOIDED": "A voided authorization cannot be captured or reauthorized.",
    "AUTH_CAPTURE_CURRENCY_MISMATCH": "Currency of capture must be the same as currency of authorization.",
    "AUTH_CURRENCY_MISMATCH": (
        "The currency specified during reauthorization should be the same as the currency specified in the "
        "original authorization. Please check the currency of the authorization for which you are trying to "
        "reauthorize and try again."
    ),
    "BILLING_ADDRESS_INVALID": "Provided billing address is invalid.",
    "BILLING_AGREEMENT_NOT_FOUND": "The requested Billing Agreement token was not found.",
    "CANNOT_BE_NEGATIVE": (
        "Must be greater than or equal to 0. If the currency supports decimals, only two decimal place precision "
        "is supported."
    ),
    "CANNOT_BE_VOIDED": "A reauthorization cannot be voided. Please void the original parent authorization.",
    "CANNOT_BE_ZERO_OR_NEGATIVE": (
        "Must be greater than zero. If the currency supports decimals, only two decimal place precision is supported."
    ),
    "CAPTURE_FULLY_REFUNDED": "The capture has already been fully refunded",
    "CARD_EXPIRED": "The card is expired",
    "CARD_EXPIRY_REQUIRED": "The card expiry is required when attempting to process payment with card.",
    "CARD_NUMBER_REQUIRED": "The card number is required when attempting to process payment with card.",
    "CARD_TYPE_NOT_SUPPORTED": "Processing of this card type is not supported. Use another card type.",
    "COMPLIANCE_VIOLATION": "Transaction is declined due to compliance violation.",
    "CURRENCY_NOT_SUPPORTED_FOR_BANK": (
        "The payment_source does not support the currency of the Order. For ACH debit, only USD is supported and "
        "for SEPA debit, only EUR is supported."
    ),
    "CURRENCY_NOT_SUPPORTED_FOR_CARD_TYPE": (
        "The issued currency code of this card is not supported for direct card payments. Please refer "
        "https://developer.paypal.com/api/rest/reference/currency-codes/ for list of supported currency codes."
    ),
    "CURRENCY_NOT_SUPPORTED_FOR_COUNTRY": (
        "For the payment_source specified, the currency of the Order is restricted by the country in which the "
        "payee account is based. Please refer https://developer.paypal.com/api/rest/reference/currency-codes/ for"
        " list of supported currency codes."
    ),
    "DECIMALS_NOT_SUPPORTED": (
        "Currency does not support decimals. Please refer to "
        "https://developer.paypal.com/docs/api/reference/currency-codes/ for more information."
    ),
    "DECIMAL_PRECISION": "If the currency supports decimals, only two decimal place precision is supported.",
    "DEVICE_DATA_NOT_AVAILABLE": (
        "Device Data is not available for processing this order. The PayPal-Client-Metadata-Id header value sent "
        "during `Create Order` api call is either missing or incorrect or there was an error in collecting "
        "required data. Please verify if appropriate value for PayPal-Client-Metadata-Id header is being sent "
        "during 'Create Order' api call. Please note this error only applies to payment_source.pay_upon_invoice "
        "at the moment."
    ),
    "DOMESTIC_TRANSACTION_REQUIRED": (
        "This transaction requires the payee and payer to be resident in the same country, a domestic transaction"
        " is required to create this payment."
    ),
    "DUPLICATE_INVOICE_ID": (
        "Duplicate Invoice ID detected. To avoid a potential duplicate transaction your account setting requires "
        "that Invoice Id be unique for each transaction."
    ),
    "DUPLICATE_REFERENCE_ID": "`reference_id` must be unique if multiple `purchase_unit` are provided.",
    "INCOMPATIBLE_PARAMETER_VALUE": "The value of the field is incompatible/redundant with other fields in the order.",
    "INSTRUMENT_DECLINED": (
        "The instrument presented  was either declined by the processor or bank, or it can't be used for this payment."
    ),
    "INVALID_CURRENCY_CODE": (
        "Currency code is invalid or is not currently supported. Please refer "
        "https://developer.paypal.com/api/rest/reference/currency-codes/ for list of supported currency codes."
    ),
    "INVALID_EXPIRY_DATE": (
        "Expiry date is invalid. Expiry date should be a date in future and within the threshold for the payment "
        "source."
    ),
    "INVALID_JSON_POINTER_FORMAT": (
        "Path should be a valid JSON Pointer https://tools.ietf.org/html/rfc6901 that references a location "
        "within the request where the operation is performed."
    ),
    "INVALID_PLATFORM_FEES_ACCOUNT": (
        "The specified platform_fees payee account is either invalid or account setup is incomplete.Please work "
        "with your PayPal Account Manager to enable this option for your account."
    ),
    "INVALID_PLATFORM_FEES_AMOUNT": "The platform_fees amount cannot be greater than order amount.",
    "INVALID_SECURITY_CODE_LENGTH": "The security_code length is invalid for the specified card brand.",
    "ITEM_TOTAL_MISMATCH": "Should equal sum of (unit_amount * quantity) across all items for a given purchase_unit.",
    "ITEM_TOTAL_REQUIRED": (
        "If item details are specified (items.unit_amount and items.quantity) corresponding "
        "amount.breakdown.item_total is required."
    ),
    "MAX_AUTHORIZATION_COUNT_EXCEEDED": (
        "Maximum number of authorization allowed for the order is reached. Please contact Customer Support if you "
        "need to increase your limit."
    ),
    "MAX_CAPTURE_AMOUNT_EXCEEDED": (
        "Capture amount exceeds allowable limit. Please contact customer service or your account manager to "
        "request the change to your overage limit. The default overage limit is 115%, which allows the sum of all"
        " captures to be up to 115% of the order amount. The ability to over capture is subjected to regulatory "
        "approvals."
    ),
    "MAX_CAPTURE_COUNT_EXCEEDED": (
        "Maxmimum number of allowable captures has been reached. No additional captures are possible for this "
        "authorization. Contact Customer Service or your account manager to change the number of captures for a "
        "given authorization."
    ),
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": "You have exceeded the maximum number of payment attempts.",
    "MAX_VALUE_EXCEEDED": "Should be less than or equal to 999999999999999.99.",
    "MERCHANT_INITIATED_WITH_MULTIPLE_PURCHASE_UNITS": (
        "`stored_payment_source.payment_initiator` = `MERCHANT` is not supported if more than one purchase_unit "
        "is present in the Order. Merchant initiated payments are not supported from orders with more than one "
        "purchase_unit. Please retry the request with multiple Order requests (one for each purchase_unit)."
    ),
    "MERCHANT_INITIATED_WITH_SECURITY_CODE": (
        "`stored_payment_source.payment_initiator` = `MERCHANT` is not supported if "
        "`payment_source.card.security_code` is present in the order. `security_code` can be present in the order"
        " only when customer is the payment initiator. It is semantically incorrect to perform a merchant "
        "initiated payment with `security_code` is the order."
    ),
    "MISMATCHED_VAULT_ID_TO_PAYMENT_SOURCE": (
        "The vault_id does not match the payment_source provided. Please verify that the vault_id token used "
        "refers to the matching payment_source and try again. For example, a PayPal token cannot be passed in the"
        " vault_id field in the payment_source.card object."
    ),
    "MISSING_CRYPTOGRAM": "Cryptogram is mandatory for any customer initiated network token transactions.",
    "MISSING_PREVIOUS_REFERENCE": (
        "For Merchant initiated network token transactions, either the "
        "payment_source.card.stored_credential.previous_network_transaction_reference or "
        "payment_source.card.stored_credential.previous_transaction_reference must be included in the request."
    ),
    "MULTI_CURRENCY_ORDER": (
        "Multiple differing values of currency_code are not supported. Entire Order request must have the same "
        "currency_code."
    ),
    "NOT_PATCHABLE": "Cannot be patched.",
    "ONLY_ONE_PAYMENT_SOURCE_ALLOWED": "More than one payment method within the payment source is not supported.",
    "ORDER_ALREADY_AUTHORIZED": (
        "Order already authorized.If 'intent=AUTHORIZE' only one authorization per order is allowed."
    ),
    "ORDER_ALREADY_CAPTURED": "Order already captured. If 'intent=CAPTURE' only one capture per order is allowed.",
    "ORDER_ALREADY_COMPLETED": "The order cannot be patched after it is completed.",
    "ORDER_CANNOT_BE_CONFIRMED": "An order with status = 'COMPLETED' cannot be confirmed again.",
    "ORDER_COMPLETED_OR_VOIDED": "Order is voided or completed and hence cannot be authorized.",
    "ORDER_COMPLETE_ON_PAYMENT_APPROVAL": (
        "A processing_instruction of `ORDER_COMPLETE_ON_PAYMENT_APPROVAL` is required for the specified payment_source."
    ),
    "ORDER_COMPLETION_IN_PROGRESS": (
        "The order was created with processing_instruction of ORDER_COMPLETE_ON_PAYMENT_APPROVAL. The customer has "
        "approved the payment and PayPal is still in the process of capturing the order on your behalf as instructed. "
        "Please try your request again."
    ),
    "ORDER_IS_PENDING_APPROVAL": (
        "The order was confirmed and payer action completed but order approval processing from PayPal is pending."
        " No action is needed from Payee or Payer. Please wait until order status changes to 'APPROVED'."
    ),
    "ORDER_NOT_APPROVED": (
        "Payer has not yet approved the Order for payment. Please redirect the payer to the 'rel':'approve' url "
        "returned as part of the HATEOAS links within the Create Order call or provide a valid `payment_source` "
        "in the request."
    ),
    "PATCH_PATH_REQUIRED": "Please specify a 'path' for the field for which the operation needs to be performed.",
    "PATCH_VALUE_REQUIRED": "Please specify a 'value' to for the field that is being patched.",
    "PAYEE_ACCOUNT_INVALID": (
        "Payee account specified is invalid. Please check the `payee.email_address` or `payee.merchant_id` "
        "specified and try again. Ensure that either  `payee.merchant_id` or `payee.email_address` is specified."
    ),
    "PAYEE_ACCOUNT_LOCKED_OR_CLOSED": "The merchant account is locked or closed.",
    "PAYEE_ACCOUNT_RESTRICTED": "Payee account is restricted.",
    "PAYEE_BLOCKED_TRANSACTION": "The Fraud settings for this seller are such that this payment cannot be executed.",
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED": "The payer account cannot be used for this transaction.",
    "PAYER_ACCOUNT_RESTRICTED": "PAYER_ACCOUNT_RESTRICTED",
    "PAYER_ACTION_REQUIRED": "Transaction cannot complete successfully, instruct the buyer to return to PayPal.",
    "PAYER_CANNOT_PAY": "Combination of payer and payee settings mean that this buyer cannot pay this seller.",
    "PAYMENT_ALREADY_APPROVED": (
        "The payment has already been approved.  Please capture the order, or create and confirm a new order with "
        "this payment source."
    ),
    "PAYMENT_SOURCE_CANNOT_BE_USED": (
        "The provided payment source cannot be used to pay for the order. Please try again with a different "
        "payment source by creating a new order."
    ),
    "PAYMENT_SOURCE_DECLINED_BY_PROCESSOR": (
        "The provided payment source is declined by the processor. Please try again with a different payment "
        "source by creating a new order."
    ),
    "PAYMENT_SOURCE_INFO_CANNOT_BE_VERIFIED": (
        "The combination of the payment_source name, billing address, shipping name and shipping address could "
        "not be verified. Please correct this information and try again by creating a new order."
    ),
    "PAYMENT_SOURCE_NOT_SUPPORTED": (
        "The payer selected method of payment is not supported when multiple purchase units are specified for an Order."
    ),
    "PENDING_CAPTURE": (
        "Cannot initiate a refund as the capture is pending. Capture is typically pending when the payer has "
        "funded the transaction using e-check/bank funded."
    ),
    "PLATFORM_FEES_NOT_SUPPORTED": (
        "The API Caller is not enabled to process transactions by specifying 'platform_fees'. Please work with "
        "your PayPal Account Manager to enable this option for your account."
    ),
    "PLATFORM_FEE_EXCEEDED": (
        "Platform fee amount specified exceeds the amount that is available for refund. You can only refund up to"
        " the available platform fee amount. This error is also returned when no platform_fee was specified or "
        "was zero when the payment was captured."
    ),
    "PREVIOUSLY_CAPTURED": "Authorization has been previously captured and hence cannot be voided.",
    "PREVIOUSLY_VOIDED": "Authorization has been previously voided and hence cannot be voided again.",
    "REAUTHORIZATION_NOT_SUPPORTED": (
        "A reauthorize cannot be attempted on an authorization_id that is the result of a prior reauthorization "
        "or on an authorization made on an Order saved using the `v2/orders/id/save` API."
    ),
    "REFERENCE_ID_REQUIRED": (
        "'reference_id' is required for each 'purchase_unit' if multiple 'purchase_unit' are provided."
    ),
    "REFUND_AMOUNT_EXCEEDED": (
        "The refund amount must be less than or equal to the capture amount that has not yet been refunded."
    ),
    "REFUND_CAPTURE_CURRENCY_MISMATCH": "Refund must be in the same currency as the capture",
    "REFUND_FAILED_INSUFFICIENT_FUNDS": (
        "Capture could not be refunded due to insufficient funds. Please check to see if you have sufficient "
        "funds in your PayPal account or if the bank account linked to your PayPal account is verified and has "
        "sufficient funds."
    ),
    "REFUND_NOT_ALLOWED": "Capture cannot be refunded.",
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK": (
        "Refunds are not allowed on this capture due to a chargeback on the card or bank. Please contact the "
        "payee to resolve the chargeback."
    ),
    "REFUND_TIME_LIMIT_EXCEEDED": "You are over the time limit to perform a refund on this capture",
    "TOKEN_EXPIRED": "The token is expired and cannot be used for payment.",
    "TOKEN_ID_NOT_FOUND": "Specified token was not found. Verify the token and try the request again.",
    "TRANSACTION_BLOCKED_BY_PAYEE": "Transaction blocked by Payee’s Fraud Protection settings.",
    "TRANSACTION_DISPUTED": (
        "Partial refunds cannot be offered at this time because there is an open case on this transaction. Visit "
        "the PayPal Resolution Center to review this case."
    ),
    "TRANSACTION_LIMIT_EXCEEDED": "Total payment amount exceeded transaction limit.",
    "TRANSACTION_RECEIVING_LIMIT_EXCEEDED": "The transaction exceeds the receiver's receiving limit.",
    "TRANSACTION_REFUSED": "PayPal's internal controls prevent authorization from being captured.",
    "UNSUPPORTED_INTENT": (
        "`intent=AUTHORIZE` is not supported for multiple purchase units. Only `intent=CAPTURE` is supported."
    ),
    "UNSUPPORTED_INTENT_FOR_PAYMENT_SOURCE": (
        "`intent=AUTHORIZE` is not supported for the specified payment_source. Only `intent=CAPTURE` is supported."
    ),
    "UNSUPPORTED_PAYMENT_INSTRUCTION": (
        "You must provide the payment instruction when you capture an authorized payment for `intent=AUTHORIZE`. "
        'For details, see <a href="/docs/api/payments/v2/#authorizations_capture">Capture authorization</a>. For '
        "`intent=CAPTURE`, send the payment instruction when you create the order."
    ),
    "UNSUPPORTED_PROCESSING_INSTRUCTION": (
        "The specified processing_instruction is not supported for the given payment_source. Please refer to "
        "https://developer.paypal.com/api/orders/v2/#definition-processing_instruction for the list of "
        "payment_source that can be specified with this value."
    ),
}
# developer.paypal.com/api/payment-tokens/v3/errors; DUPLICATE_REQUEST_ID is of the older APIs
# (…/api/deprecated/payments.billing-agreements/v1/errors/duplicate_request_id), the last one of the disputes API
_422 |= {
    "DUPLICATE_REQUEST_ID": "The value of PayPal-Request-Id header has already been used.",
    "PAYPAL_REQUEST_ID_PREVIOUSLY_USED": "The PayPal-Request-ID has already been used for another request.",
    "SETUP_TOKEN_ALREADY_TOKENIZED": "The setup token has been used previously to generate a payment token.",
    "ACTION_NOT_ALLOWED_IN_CURRENT_DISPUTE_STATE": "The action is not allowed in the current dispute state.",
}
ISSUES: dict[str, tuple[int, str]] = {
    issue: (status, description)
    for status, issues in ((400, _400), (403, _403), (404, _404), (409, _409), (422, _422))
    for issue, description in issues.items()
}
"""By issue: HTTP status and description."""
