"""Where the wire may differ from the published contracts, each with its reason: the one table of exceptions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Accepted:
    """A difference. `pattern` is searched in `METHOD template request|reply status /pointer: problem`."""

    gateway: str
    pattern: str
    reason: str


ACCEPTED = (
    Accepted(
        "stripe",
        r"(payment_intents/\S*confirm|setup_intents) request .*payment_method_data/card",
        "raw card numbers are described at POST /v1/payment_methods only, and taken here with the same permission: "
        "docs/decisions/0011-raw-card-in-the-confirmation.md",
    ),
    Accepted(
        "paypal",
        r"(/customer|attributes/customer)/merchant_customer_id: no such key",
        "newer than the document: models/customer.py:28, models/card_customer_information.py:40",
    ),
    Accepted(
        "paypal",
        r"payment-tokens request /payment_source/token/type: 'SETUP_TOKEN' is not one of",
        "newer than the document: models/vault_token_request_type.py:19",
    ),
    Accepted(
        "adyen",
        r"^webhook \w+ .*hmacSignature",
        "every signed item carries it, also those whose schema names no such key: "
        "https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures",
    ),
    Accepted(
        "adyen",
        r"^(POST /forward|(DELETE|POST|GET) /storedPaymentMethods\S*) reply 4\d\d status 4\d\d is not in the contract",
        "the document lists the success only; errors are read by the SDK as everywhere (Adyen/client.py:503)",
    ),
    Accepted(
        "paypal",
        r" request /payment_source/paypal/experience_context/contact_preference: no such key",
        "newer than the document: models/paypal_wallet_experience_context.py:64",
    ),
    Accepted(
        "paypal",
        r" request /payment_source/card/attributes/verification: no such key",
        "newer than the document's payment source of an existing order: models/card_attributes.py:29",
    ),
    Accepted(
        "paypal",
        r"setup-tokens request /payment_source/card/experience_context/user_action: no such key",
        "newer than the document: models/vault_card_experience_context.py:49",
    ),
    Accepted(
        "paypal",
        r"/(accept-claim request /(accept_claim_type|note)|provide-evidence request /input): no such key",
        "the document describes the file parts of the multipart body only; the JSON is its part `input`: "
        "https://developer.paypal.com/docs/api/customer-disputes/v1/",
    ),
    Accepted(
        "adyen",
        r" reply 429 status 429 is not in the contract",
        "the documents list no 429; the SDK has a path for it (Adyen/client.py:530, AdyenAPIResponseError)",
    ),
    Accepted(
        "paypal",
        r" reply 429 ",
        "the documents' default error lists no 429; it is in the table of statuses at "
        "https://developer.paypal.com/api/rest/responses/",
    ),
    Accepted(
        "paypal",
        r" reply 500 a body where the contract has none for 500",
        "Payments v2 (2024) leaves the 500 without a body; the SDK reads an error object there "
        "(controllers/payments_controller.py:118)",
    ),
)

SAME_AS = {
    # A repeated PayPal-Request-Id is answered 200 with the same body; the document says so of orders and captures only.
    ("paypal-payments_payment_v2.json", "/v2/payments/captures/{capture_id}/refund", 200): 201,
}
"""Statuses that a document leaves out, by (document, path, status), and the status whose schema stands for them."""
