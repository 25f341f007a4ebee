"""What PayPal can do, and what its documentation says that it cannot."""

from __future__ import annotations

from orchestrator.gateways.capabilities import (
    AuthenticationMeans,
    AuthorisationLife,
    Capabilities,
    Missing,
    Supported,
    Verb,
)
from orchestrator.gateways.credentials import Method

_DOCS = "https://developer.paypal.com/docs"
_ORDERS = f"{_DOCS}/api/orders/v2/"
_PAYMENTS = f"{_DOCS}/api/payments/v2/"
_HONOUR = f"{_DOCS}/checkout/standard/customize/authorization-honor/"
_VAULT = f"{_DOCS}/checkout/save-payment-methods/purchase-later/payment-tokens-api/cards"
_DISPUTES = f"{_DOCS}/api/customer-disputes/v1/"
_MULTISELLER = f"{_DOCS}/multiparty/checkout/multiseller-payments/"
_T_CODES = f"{_DOCS}/transaction-search/transaction-event-codes/"
_REFERENCED = f"{_DOCS}/api/referenced-payouts/v1/"
_ONBOARDING = f"{_DOCS}/multiparty/seller-onboarding/before-payment"
_VAULT_MOVE = (
    "https://www.paypal.com/ba/cshelp/article/how-can-data-be-migrated-using-the-paypal-credit-card-vault-tool-ts2245"
)

_VERBS: dict[Verb, Supported | Missing] = {
    Verb.AUTHORISE: Supported("iDEAL cannot be authorised only", _ORDERS),
    Verb.AUTHORISE_AND_CAPTURE: Supported(source=_ORDERS),
    Verb.COMPLETE: Supported("the order is read before it is completed", _ORDERS),
    Verb.CAPTURE: Supported(source=_PAYMENTS),
    Verb.CAPTURE_PARTIAL: Supported(source=_HONOUR),
    Verb.CAPTURE_SEVERAL: Supported("of wallet payments only where PayPal has enabled it for the account", _HONOUR),
    Verb.VOID: Supported("also what is left of an authorization captured in part", _PAYMENTS),
    Verb.REFUND: Supported(source=_PAYMENTS),
    Verb.REFUND_PARTIAL: Supported(source=_PAYMENTS),
    Verb.REFUND_SEVERAL: Supported(source=_PAYMENTS),
    Verb.LOOK_UP: Supported("refunds and captures by our id within their order; there is no search", _ORDERS),
    Verb.SAVE_CUSTOMER: Missing(
        "PayPal makes a customer's id itself, with the first credential that it keeps; no call makes one before.",
        "https://developer.paypal.com/platforms/checkout/save-payment-methods/purchase-later/payment-tokens-api/paypal/",
    ),
    Verb.SAVE_METHOD: Supported("cards and PayPal wallets", _VAULT),
    Verb.SAVE_WITH_PAYMENT: Supported(
        "a wallet may be kept later than it pays: VAULT.PAYMENT-TOKEN.CREATED tells",
        f"{_DOCS}/multiparty/checkout/save-payment-methods/webhooks",
    ),
    Verb.CHARGE_SAVED: Supported(source=_ORDERS),
    Verb.CHARGE_SAVED_BY_MERCHANT: Supported("refers to the network transaction id where one is known", _ORDERS),
    Verb.DETACH_METHOD: Supported("without an idempotency key, which it does not need", _VAULT),
    Verb.PRODUCT_AND_PRICE: Missing(
        "Catalog products and plans are for subscriptions; no page of PayPal's sells a price once.",
        "https://developer.paypal.com/subscriptions/integrate.md",
    ),
    Verb.HOSTED_CHECKOUT: Supported(
        "an order that the payer approves; COMPLETE takes the money; nothing closes it", _ORDERS
    ),
    Verb.SPLIT: Supported("one recipient, who is the payee and bears PayPal's fee; the rest is ours", _MULTISELLER),
    Verb.TRANSFER: Missing(
        "Referenced payouts only release a seller's own delayed funds, and are for partners with a BN code.",
        _REFERENCED,
    ),
    Verb.RECIPIENT_STATUS: Missing("A seller's status is shown to approved partners only.", _ONBOARDING),
    Verb.FETCH_DISPUTE: Supported(source=_DISPUTES),
    Verb.ACCEPT_DISPUTE: Supported("refunds the disputed amount at once", _DISPUTES),
    Verb.SUBMIT_EVIDENCE: Supported(
        "once per request of PayPal's; files of 10 MB, 50 MB for a case",
        "https://developer.paypal.com/api/customer-disputes/v1/disputes-provide-evidence",
    ),
    Verb.REGISTER_ENDPOINT: Supported("an address once per app, https on port 443", f"{_DOCS}/api/webhooks/v1/"),
    Verb.FETCH_PAYOUTS: Supported("withdrawals (T0400) among the transactions, up to 3 h late", _T_CODES),
    Verb.FETCH_REPORT: Missing(
        "The settlement report is placed on an SFTP server only, for approved merchants; no API gives it.",
        f"{_DOCS}/reports/sftp-reports/settlement-report/",
    ),
    Verb.FORWARD: Missing(
        "Kept cards leave PayPal as an encrypted file to another processor, by arrangement; no API forwards one.",
        _VAULT_MOVE,
    ),
    Verb.MIRROR: Supported("without verification, for nobody is there to approve", _VAULT),
    Verb.PROBE: Supported("fetches an access token", "https://developer.paypal.com/api/rest/authentication/"),
}

_METHODS: dict[Method, Supported | Missing] = {
    Method.CARD: Supported("with advanced card processing enabled for the account", _ORDERS),
    Method.NETWORK_TOKEN: Supported(
        "by arrangement with PayPal", f"{_DOCS}/checkout/advanced/3rd-party-token-processing"
    ),
    Method.SAVED: Supported("cards and PayPal wallets", _ORDERS),
    Method.PAYPAL: Supported("approved on PayPal's page", _ORDERS),
    Method.IDEAL: Supported("captured by the approval itself", f"{_DOCS}/checkout/apm/ideal/orders-api"),
    Method.SEPA_DEBIT: Missing(
        "SEPA Direct Debit is for select merchants and approved use cases; Orders v2 publishes no such source.",
        "https://developer.paypal.com/limited-release/direct-banking/sepa-direct-debit",
    ),
}

CAPABILITIES = Capabilities(
    verbs=_VERBS,
    methods=_METHODS,
    # "valid for 29 days … capture the funds within the three-day honor period"
    authorisation=AuthorisationLife(days=29, honoured_days=3, source=_HONOUR),
    authentication=AuthenticationMeans(
        external=Missing(
            "A card of Orders v2 (card_request) has no field for 3-D Secure that was made elsewhere.",
            "https://developer.paypal.com/sdk/orders/v2/definitions/card_request",
        ),
        exemption=Missing(
            "Orders v2 has no field for an exemption; SCA_WHEN_REQUIRED leaves it to PayPal.",
            "https://developer.paypal.com/platforms/checkout/advanced/customize/3d-secure/api",
        ),
    ),
)
