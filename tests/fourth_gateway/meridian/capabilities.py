"""What Meridian can do, from its documentation."""

from orchestrator.gateways.capabilities import AuthorisationLife, Capabilities, Missing, Supported, Verb
from orchestrator.gateways.credentials import Method

_DOCS = "https://docs.meridian.example"
_PAYMENTS, _AFTER, _HOOKS = f"{_DOCS}/payments", f"{_DOCS}/capture-void-refund", f"{_DOCS}/webhooks"

_KEEPS_NO_CARDS = Missing("Meridian keeps no customers and no cards", _DOCS)
_NO_MARKETPLACE = Missing("Meridian pays out to the account itself only", _DOCS)
_NO_DISPUTE_API = Missing("disputes are answered in Meridian's dashboard", _DOCS)
_NO_PAGES = Missing("Meridian has no page and no catalogue of its own", _DOCS)
_NO_REPORTS = Missing("payouts and reports are in Meridian's dashboard", _DOCS)

_VERBS: dict[Verb, Supported | Missing] = {
    Verb.AUTHORISE: Supported("some prepaid cards are approved for less, which is no approval here", _PAYMENTS),
    Verb.AUTHORISE_AND_CAPTURE: Supported(source=_PAYMENTS),
    Verb.COMPLETE: Missing("Meridian has no 3-D Secure and no redirects", _PAYMENTS),
    Verb.CAPTURE: Supported(source=_AFTER),
    Verb.CAPTURE_PARTIAL: Supported("the rest is let go", _AFTER),
    Verb.CAPTURE_SEVERAL: Missing("an authorisation can be captured once", _AFTER),
    Verb.VOID: Supported(source=_AFTER),
    Verb.REFUND: Supported("pending at first", _AFTER),
    Verb.REFUND_PARTIAL: Supported(source=_AFTER),
    Verb.REFUND_SEVERAL: Supported(source=_AFTER),
    Verb.LOOK_UP: Supported("by id; by reference where the id is lost, which may lag", _PAYMENTS),
    Verb.SAVE_CUSTOMER: _KEEPS_NO_CARDS,
    Verb.SAVE_METHOD: _KEEPS_NO_CARDS,
    Verb.SAVE_WITH_PAYMENT: _KEEPS_NO_CARDS,
    Verb.CHARGE_SAVED: _KEEPS_NO_CARDS,
    Verb.CHARGE_SAVED_BY_MERCHANT: _KEEPS_NO_CARDS,
    Verb.DETACH_METHOD: _KEEPS_NO_CARDS,
    Verb.PRODUCT_AND_PRICE: _NO_PAGES,
    Verb.HOSTED_CHECKOUT: _NO_PAGES,
    Verb.SPLIT: _NO_MARKETPLACE,
    Verb.TRANSFER: _NO_MARKETPLACE,
    Verb.RECIPIENT_STATUS: _NO_MARKETPLACE,
    Verb.FETCH_DISPUTE: _NO_DISPUTE_API,
    Verb.ACCEPT_DISPUTE: _NO_DISPUTE_API,
    Verb.SUBMIT_EVIDENCE: _NO_DISPUTE_API,
    Verb.REGISTER_ENDPOINT: Missing("the webhook address is set in Meridian's dashboard", _HOOKS),
    Verb.FETCH_PAYOUTS: _NO_REPORTS,
    Verb.FETCH_REPORT: _NO_REPORTS,
    Verb.FORWARD: _KEEPS_NO_CARDS,
    Verb.MIRROR: _KEEPS_NO_CARDS,
    Verb.PROBE: Supported("lists the payments of a reference that nobody has", _PAYMENTS),
}

_ONLY_CARDS = Missing("Meridian takes Visa and Mastercard card numbers only", _PAYMENTS)

_METHODS: dict[Method, Supported | Missing] = {
    Method.CARD: Supported("from the vault; needs Meridian's approval for raw card numbers", _PAYMENTS),
    Method.NETWORK_TOKEN: _ONLY_CARDS,
    Method.SAVED: _KEEPS_NO_CARDS,
    Method.PAYPAL: _ONLY_CARDS,
    Method.IDEAL: _ONLY_CARDS,
    Method.SEPA_DEBIT: _ONLY_CARDS,
}

CAPABILITIES = Capabilities(
    verbs=_VERBS, methods=_METHODS, authorisation=AuthorisationLife(days=7, honoured_days=7, source=_PAYMENTS)
)
