"""What Adyen can do, verb by verb and method by method, with where its documentation says so."""

from __future__ import annotations

from orchestrator.gateways.adyen.authentication import EXEMPTIONS
from orchestrator.gateways.capabilities import (
    AuthenticationMeans,
    AuthorisationLife,
    Capabilities,
    Missing,
    Supported,
    Verb,
)
from orchestrator.gateways.credentials import Method

_DOCS = "https://docs.adyen.com"
_API = f"{_DOCS}/api-explorer/Checkout/latest"
_CAPTURE = f"{_DOCS}/online-payments/capture"
_TOKENS = f"{_DOCS}/online-payments/tokenization"
_DISPUTES = f"{_DOCS}/risk-management/disputes-api"
_SPLITS = f"{_DOCS}/platforms/online-payments/split-transactions/split-payments-at-authorization"
_REPORTS = f"{_DOCS}/reporting/automatically-get-reports"

_EXPIRY = (
    "https://www.adyen.help/hc/en-us/articles/"
    "115001179684-Which-payment-methods-support-separate-authorisation-and-capture-"
)

_BY_WEBHOOK = "Received at once; whether it was done is told by webhook only."

CAPABILITIES = Capabilities(
    verbs={
        Verb.AUTHORISE: Supported("One call; there is no object to create before it.", f"{_API}/post/payments"),
        Verb.AUTHORISE_AND_CAPTURE: Supported("The capture follows by itself, without a webhook.", _CAPTURE),
        Verb.COMPLETE: Supported("3-D Secure by redirect.", f"{_DOCS}/online-payments/3d-secure/redirect-3ds2"),
        Verb.CAPTURE: Supported(_BY_WEBHOOK, _CAPTURE),
        Verb.CAPTURE_PARTIAL: Supported(
            "What is not captured is let go, unless multiple partial captures are enabled for the account.", _CAPTURE
        ),
        Verb.CAPTURE_SEVERAL: Supported(
            "Only where Adyen has enabled multiple partial captures; then the rest is held until it expires.", _CAPTURE
        ),
        Verb.VOID: Supported(
            f"By pspReference, or by our reference where the answer was lost. {_BY_WEBHOOK}",
            f"{_DOCS}/online-payments/cancel",
        ),
        Verb.REFUND: Supported(f"May fail days later. {_BY_WEBHOOK}", f"{_DOCS}/online-payments/refund"),
        Verb.REFUND_PARTIAL: Supported(source=f"{_DOCS}/online-payments/refund"),
        Verb.REFUND_SEVERAL: Supported(
            "Up to the captured amount in all.", f"{_DOCS}/development-resources/api-idempotency"
        ),
        Verb.LOOK_UP: Missing("Checkout has no call that reads a payment; signed webhooks tell.", f"{_API}/overview"),
        Verb.SAVE_CUSTOMER: Missing("Adyen keeps no customers: the shopperReference is our own customer id.", _TOKENS),
        Verb.SAVE_METHOD: Supported("Cards and network tokens, by a payment of zero.", f"{_TOKENS}/create-tokens"),
        Verb.SAVE_WITH_PAYMENT: Supported("The token may come by webhook only.", f"{_TOKENS}/create-tokens"),
        Verb.CHARGE_SAVED: Supported("Sent as ContAuth with CardOnFile.", f"{_TOKENS}/make-token-payments"),
        Verb.CHARGE_SAVED_BY_MERCHANT: Supported(
            "Sent as ContAuth with Subscription or UnscheduledCardOnFile.", f"{_TOKENS}/make-token-payments"
        ),
        Verb.DETACH_METHOD: Supported(
            "Without an idempotency key; a refusal is settled by reading.", f"{_API}/delete/storedPaymentMethods"
        ),
        Verb.PRODUCT_AND_PRICE: Missing(
            "Checkout has no products or prices; a payment link takes amount and description.",
            f"{_API}/post/paymentLinks",
        ),
        Verb.HOSTED_CHECKOUT: Supported(
            "Payment links; they live 24 hours, and have no address for leaving without paying.",
            f"{_DOCS}/unified-commerce/pay-by-link/payment-links/api",
        ),
        Verb.SPLIT: Supported("To balance accounts; what is left over is booked as our commission.", _SPLITS),
        Verb.TRANSFER: Supported(
            "Between balance accounts, with a key of the balance platform; undone by one the other way.",
            f"{_DOCS}/platforms/internal-fund-transfers/on-demand-fund-transfers",
        ),
        Verb.RECIPIENT_STATUS: Supported(
            "With a key of the balance platform.", f"{_DOCS}/api-explorer/balanceplatform/2/get/accountHolders/(id)"
        ),
        Verb.FETCH_DISPUTE: Missing("The Disputes API has no call that reads a dispute; webhooks tell.", _DISPUTES),
        Verb.ACCEPT_DISPUTE: Supported(source=_DISPUTES),
        Verb.SUBMIT_EVIDENCE: Supported("Documents only, no text; a defence reason code is chosen.", _DISPUTES),
        Verb.REGISTER_ENDPOINT: Supported(
            "With the role Management API—Webhooks read and write; the token webhook is added by hand.",
            f"{_DOCS}/api-explorer/Management/3/post/merchants/_merchantId_/webhooks/_webhookId_/generateHmac",
        ),
        Verb.FETCH_PAYOUTS: Missing(
            "A merchant account's payouts are listed by no API, only by the settlement details report.", _REPORTS
        ),
        Verb.FETCH_REPORT: Supported("Once REPORT_AVAILABLE has announced it; with a report user.", _REPORTS),
        Verb.FORWARD: Supported("Cards, without CVC; by POST, PUT or PATCH.", f"{_TOKENS}/forward-payment-details"),
        Verb.MIRROR: Supported("The card is kept without being checked.", f"{_API}/post/storedPaymentMethods"),
        Verb.PROBE: Supported(source=f"{_API}/post/paymentMethods"),
    },
    methods={
        Method.CARD: Supported("Raw card data through the vault needs Adyen's permission.", f"{_API}/post/payments"),
        Method.NETWORK_TOKEN: Supported(source=f"{_DOCS}/online-payments/network-tokenization"),
        Method.SAVED: Supported(source=f"{_TOKENS}/make-token-payments"),
        Method.PAYPAL: Supported(
            "Captures are guaranteed for three days after the authorisation.",
            _EXPIRY,
        ),
        Method.IDEAL: Supported("Captured at once; kept, it is charged by SEPA direct debit.", _CAPTURE),
        Method.SEPA_DEBIT: Supported(
            "Received first, decided by webhook; a return is a CHARGEBACK. Adyen makes its own mandate.",
            f"{_DOCS}/payment-methods/sepa-direct-debit/api-only",
        ),
    },
    # Adyen lets an authorisation go after 28 days (Cartes Bancaires 12). The networks' own windows, within which a
    # capture is surely honoured, are shorter and differ: 7 days is assumed for all.
    authorisation=AuthorisationLife(days=28, honoured_days=7, source=_EXPIRY),
    authentication=AuthenticationMeans(
        external=Supported("As mpiData.", f"{_DOCS}/online-payments/3d-secure/authorize-mpidata"),
        exemption=Supported(
            "The issuer decides, and answers with a soft decline where it refuses.",
            f"{_DOCS}/online-payments/psd2-sca-compliance-and-implementation-guide/sca-exemptions",
        ),
        exemptions=frozenset(EXEMPTIONS),
    ),
)
