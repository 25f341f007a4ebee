"""What Stripe can do, from its documentation. What an account must first be given is in the notes."""

from orchestrator.gateways.capabilities import (
    AuthenticationMeans,
    AuthorisationLife,
    Capabilities,
    Missing,
    Supported,
    Verb,
)
from orchestrator.gateways.credentials import Method

_DOCS = "https://docs.stripe.com"
_HOLD = f"{_DOCS}/payments/place-a-hold-on-a-payment-method"
_CONNECT = f"{_DOCS}/connect/separate-charges-and-transfers"
_FORWARDING = f"{_DOCS}/payments/forwarding"

_VERBS: dict[Verb, Supported | Missing] = {
    Verb.AUTHORISE: Supported("cards and PayPal; iDEAL and SEPA debits are captured at once", _HOLD),
    Verb.AUTHORISE_AND_CAPTURE: Supported(source=f"{_DOCS}/api/payment_intents/create"),
    Verb.COMPLETE: Supported("by reading the intent after the redirect", f"{_DOCS}/payments/paymentintents/lifecycle"),
    Verb.CAPTURE: Supported(source=f"{_DOCS}/api/payment_intents/capture"),
    Verb.CAPTURE_PARTIAL: Supported("what is not captured is let go", _HOLD),
    Verb.CAPTURE_SEVERAL: Supported(
        "cards of Visa, Mastercard, American Express and Discover, up to 50 captures, on IC+ pricing or by request; "
        "not with several recipients",
        f"{_DOCS}/payments/multicapture",
    ),
    Verb.VOID: Supported(source=f"{_DOCS}/api/payment_intents/cancel"),
    Verb.REFUND: Supported("may fail later: the money comes back to the balance", f"{_DOCS}/refunds"),
    Verb.REFUND_PARTIAL: Supported(source=f"{_DOCS}/refunds"),
    Verb.REFUND_SEVERAL: Supported("until the payment is refunded in full", f"{_DOCS}/api/refunds/create"),
    Verb.LOOK_UP: Supported("by id; by search where the id is lost, which may lag by a minute", f"{_DOCS}/search"),
    Verb.SAVE_CUSTOMER: Supported(source=f"{_DOCS}/api/customers/create"),
    Verb.SAVE_METHOD: Supported(source=f"{_DOCS}/payments/setup-intents"),
    Verb.SAVE_WITH_PAYMENT: Supported(
        "of an iDEAL payment a SEPA mandate is kept", f"{_DOCS}/payments/save-during-payment"
    ),
    Verb.CHARGE_SAVED: Supported(source=f"{_DOCS}/payments/cits-and-mits"),
    Verb.CHARGE_SAVED_BY_MERCHANT: Supported(
        "of a vault card or network token only where Stripe support has opened network transaction ids",
        f"{_DOCS}/payments/cits-and-mits",
    ),
    Verb.DETACH_METHOD: Supported(source=f"{_DOCS}/api/payment_methods/detach"),
    Verb.PRODUCT_AND_PRICE: Supported(source=f"{_DOCS}/api/prices"),
    Verb.HOSTED_CHECKOUT: Supported(source=f"{_DOCS}/api/checkout/sessions"),
    Verb.SPLIT: Supported(
        "one recipient by a destination charge, several by transfers after the capture", f"{_DOCS}/connect/charges"
    ),
    Verb.TRANSFER: Supported("not of a payment that is captured several times", _CONNECT),
    Verb.RECIPIENT_STATUS: Supported(source=f"{_DOCS}/connect/account-capabilities"),
    Verb.FETCH_DISPUTE: Supported(source=f"{_DOCS}/api/disputes"),
    Verb.ACCEPT_DISPUTE: Supported("cannot be taken back", f"{_DOCS}/api/disputes/close"),
    Verb.SUBMIT_EVIDENCE: Supported("once, one document of a kind", f"{_DOCS}/disputes/api"),
    Verb.REGISTER_ENDPOINT: Supported(source=f"{_DOCS}/api/webhook_endpoints"),
    Verb.FETCH_PAYOUTS: Supported(source=f"{_DOCS}/api/payouts/list"),
    Verb.FETCH_REPORT: Supported(
        "written while one waits; of automatic payouts", f"{_DOCS}/reports/report-types/payout-reconciliation"
    ),
    Verb.FORWARD: Supported("to destinations that Stripe has opened for the account, by POST", _FORWARDING),
    Verb.MIRROR: Supported(
        "by a setup intent; needs access to raw card data",
        "https://support.stripe.com/questions/enabling-access-to-raw-card-data-apis",
    ),
    Verb.PROBE: Supported("reads the balance", f"{_DOCS}/api/balance"),
}

_METHODS: dict[Method, Supported | Missing] = {
    Method.CARD: Supported(
        "from the vault; needs access to raw card data",
        "https://support.stripe.com/questions/enabling-access-to-raw-card-data-apis",
    ),
    Method.NETWORK_TOKEN: Supported(
        "only where Stripe support has opened it: its fields are not in the public reference",
        "https://github.com/activemerchant/active_merchant",
    ),
    Method.SAVED: Supported(source=f"{_DOCS}/payments/save-and-reuse"),
    Method.PAYPAL: Supported(
        "for Stripe accounts in the European countries that its page lists; splits need Stripe's approval",
        f"{_DOCS}/payments/paypal",
    ),
    Method.IDEAL: Supported("EUR, captured at once", f"{_DOCS}/payments/ideal"),
    Method.SEPA_DEBIT: Supported("EUR, pending for days, no authorisation first", f"{_DOCS}/payments/sepa-debit"),
}

# 7 days; a Visa payment begun by the merchant 4 days and 18 hours. The charge's own `capture_before` is what counts.
CAPABILITIES = Capabilities(
    verbs=_VERBS,
    methods=_METHODS,
    authorisation=AuthorisationLife(days=7, honoured_days=4, source=_HOLD),
    authentication=AuthenticationMeans(
        external=Supported("in some countries a beta", f"{_DOCS}/payments/payment-intents/three-d-secure-import"),
        exemption=Missing(
            "Stripe asks for exemptions by itself; a payment cannot name one.",
            f"{_DOCS}/payments/3d-secure/strong-customer-authentication-exemptions",
        ),
    ),
)
