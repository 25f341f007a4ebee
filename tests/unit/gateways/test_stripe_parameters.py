"""Every parameter that we send is one of the SDK's, which is made from Stripe's own description of its API."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from stripe_served import CARD, EUR, Served, call, intent, listed, serving

from currency.money import Money
from orchestrator.gateways.base import CaptureMode, OperationKind, Split
from orchestrator.gateways.credentials import (
    Agreement,
    Browser,
    IdealCredential,
    Initiator,
    Mandate,
    NetworkTokenCredential,
    PayPalWalletCredential,
    SavedCredential,
    SepaDebitCredential,
    Shopper,
    StoredUse,
)
from orchestrator.gateways.facets import (
    CheckoutOrder,
    CustomerOrder,
    EvidenceOrder,
    ForwardRequest,
    ReportOrder,
    SaveOrder,
    TransferOrder,
)

AT = datetime(2026, 5, 1, tzinfo=UTC)
SEPA = SepaDebitCredential("DE89370400440532013000", "Ada", "ada@example.com", Mandate("M1", AT, "203.0.113.7", "UA"))
SHOPPER = Shopper("ada@example.com", "Ada", "203.0.113.7", "NL", "nl-NL", Browser("text/html", "UA", "nl", 24, 9, 9, 0))
KEPT = SavedCredential("pm_1", "cus_1")
RECURRING = StoredUse(Initiator.MERCHANT, Agreement.SUBSCRIPTION, "4242")

# What Stripe takes and does not describe: raw cards in a payment's data, and what its support opens for an account.
UNDESCRIBED = ("payment_method_data[card]", "payment_method_options[card][network_token]", "[mit_exemption]")


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as one:
        one.will_say(intent())
        yield one


@cache
def typed_dicts(module: str) -> dict[str, dict[str, str]]:
    """Class name to {parameter: the rest of its declaration} of one module of parameters."""
    source = importlib.import_module(f"stripe.params.{module}").__file__ or ""
    with open(source, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    found: dict[str, dict[str, str]] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            fields = [one for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]
            found[node.name] = {ast.unparse(one.target): ast.unparse(one.annotation) for one in fields}
        elif isinstance(node, ast.Assign):  # TypedDict("X", {"from": …}) where a key is a word of Python
            for target in node.targets:
                if isinstance(node.value, ast.Call) and len(node.value.args) == 2:
                    keys = node.value.args[1]
                    assert isinstance(keys, ast.Dict)
                    pairs = zip(keys.keys, keys.values, strict=True)
                    found[ast.unparse(target)] = {ast.literal_eval(k): ast.unparse(v) for k, v in pairs if k}
    return found


def unknown(module: str, root: str, names: list[str]) -> list[str]:
    """Of form fields `a[b][0][c]` those that the SDK's parameters do not have."""
    classes = typed_dicts(module)
    return [name for name in names if not _known(classes, root, name.replace("]", "").split("["))]


def _known(classes: dict[str, dict[str, str]], at: str, path: list[str]) -> bool:
    declared = classes[at].get(path[0])
    if declared is None:
        return False
    rest = [part for part in path[1:] if not part.isdigit()]
    if not rest or "Dict[str, str]" in declared:
        return True
    nested = [name for name in classes if f"'{name}'" in declared or f"|{name}" in declared or f"'{name}|" in declared]
    return any(_known(classes, name, rest) for name in nested)


def check(served: Served, module: str, root: str) -> None:
    """The last request's fields are all known."""
    names = [name for name in served.last.form or served.last.query if not any(part in name for part in UNDESCRIBED)]
    assert names
    assert unknown(module, root, names) == []


def test_a_wrong_parameter_would_be_seen() -> None:
    names = ["payment_method_types[0]", "amount", "transfer_data[destination]", "transfer_data[recipient]"]
    found = unknown("_payment_intent_create_params", "PaymentIntentCreateParams", names)
    assert found == ["payment_method_types[0]", "transfer_data[recipient]"]


SPLITS = (Split("acct_1", Money(1000, "EUR")), Split("acct_2", Money(100, "EUR")))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"description": "Two books", "capture": CaptureMode.AUTOMATIC},
        {"save": RECURRING, "gateway_customer": "cus_1"},
        {"splits": SPLITS},
        {"splits": SPLITS[:1]},
    ],
)
def test_creating_an_intent(served: Served, given: dict[str, Any]) -> None:
    served.stripe.perform(call(OperationKind.CREATE, **given))
    check(served, "_payment_intent_create_params", "PaymentIntentCreateParams")


@pytest.mark.parametrize(
    "given",
    [
        {"credential": CARD},
        {"credential": CARD, "save": RECURRING},
        {"credential": CARD, "stored_use": RECURRING},
        {"credential": NetworkTokenCredential("tok_1", "visa", "1111", 3, 2030, eci="05")},
        {"credential": KEPT, "stored_use": RECURRING},
        {"credential": PayPalWalletCredential("ada@example.com"), "save": StoredUse(), "shopper": SHOPPER},
        {"credential": IdealCredential("Ada"), "shopper": SHOPPER},
        {"credential": SEPA},
    ],
)
def test_confirming_an_intent(served: Served, given: dict[str, Any]) -> None:
    served.stripe.perform(call(OperationKind.CONFIRM, capture=CaptureMode.AUTOMATIC, **given))
    check(served, "_payment_intent_confirm_params", "PaymentIntentConfirmParams")


def test_capturing_and_refunding(served: Served) -> None:
    served.stripe.perform(call(OperationKind.CAPTURE, final_capture=False, splits=SPLITS[:1]))
    check(served, "_payment_intent_capture_params", "PaymentIntentCaptureParams")
    served.stripe.perform(call(OperationKind.REFUND, splits=SPLITS[:1]))
    check(served, "_refund_create_params", "RefundCreateParams")


def test_looking_up(served: Served) -> None:
    served.will_say(listed([]))
    served.stripe.look_up(call(OperationKind.COMPLETE))
    check(served, "_payment_intent_retrieve_params", "PaymentIntentRetrieveParams")
    served.stripe.look_up(call(OperationKind.CREATE, gateway_payment_id=""))
    check(served, "_payment_intent_search_params", "PaymentIntentSearchParams")
    served.stripe.look_up(call(OperationKind.REFUND))
    check(served, "_refund_list_params", "RefundListParams")


@pytest.mark.parametrize("credential", [CARD, SEPA, IdealCredential("Ada"), PayPalWalletCredential()])
def test_keeping_a_credential(served: Served, credential: Any) -> None:
    methods = served.stripe.facets.methods
    assert methods is not None
    methods.save(SaveOrder("key_1", "pm_1", credential, "cus_1", RECURRING, "https://shop.example", shopper=SHOPPER))
    check(served, "_setup_intent_create_params", "SetupIntentCreateParams")


def test_customers(served: Served) -> None:
    methods = served.stripe.facets.methods
    assert methods is not None
    order = CustomerOrder("key_1", "c_1", SHOPPER)
    methods.save_customer(order)
    check(served, "_customer_create_params", "CustomerCreateParams")
    methods.save_customer(replace(order, gateway_customer="cus_1"))
    check(served, "_customer_update_params", "CustomerUpdateParams")


def test_disputes_and_endpoints(served: Served) -> None:
    disputes, endpoints = served.stripe.facets.disputes, served.stripe.facets.endpoints
    assert disputes is not None
    assert endpoints is not None
    disputes.submit_evidence(EvidenceOrder("key_1", "dp_1", "They got it.", (), "1Z", "UPS"))
    check(served, "_dispute_update_params", "DisputeUpdateParams")
    endpoints.register("https://pay.example/hook", "key_1")
    check(served, "_webhook_endpoint_create_params", "WebhookEndpointCreateParams")
    endpoints.enable("we_1")
    check(served, "_webhook_endpoint_update_params", "WebhookEndpointUpdateParams")


@pytest.mark.parametrize("report_id", ["", "po_1"])
def test_payouts_and_reports(served: Served, report_id: str) -> None:
    settlements = served.stripe.facets.settlements
    assert settlements is not None
    settlements.payouts(AT, AT)
    check(served, "_payout_list_params", "PayoutListParams")
    settlements.report(ReportOrder("key_1", AT, AT, report_id))
    check(served, "reporting._report_run_create_params", "ReportRunCreateParams")


def test_pages_products_and_transfers(served: Served) -> None:
    facets = served.stripe.facets
    assert facets.checkout is not None
    assert facets.catalogue is not None
    assert facets.transfers is not None
    order = CheckoutOrder("key_1", "pay_1", "att_1", EUR, "Two books", "https://a", "https://b", "", SHOPPER)
    for one in (order, replace(order, gateway_price="price_1")):
        facets.checkout.open(one)
        check(served, "checkout._session_create_params", "SessionCreateParams")
    facets.catalogue.create_product("prd_1", "Book", "key_1")
    check(served, "_product_create_params", "ProductCreateParams")
    facets.catalogue.create_price("prod_1", EUR, "key_1")
    check(served, "_price_create_params", "PriceCreateParams")
    facets.transfers.transfer(TransferOrder("key_1", "acct_1", EUR, "ch_1", "pay_1"))
    check(served, "_transfer_create_params", "TransferCreateParams")
    facets.transfers.reverse("tr_1", EUR, "key_1")
    check(served, "_transfer_reversal_create_params", "TransferReversalCreateParams")


def test_forwarding(served: Served) -> None:
    request = ForwardRequest("POST", "https://other.example", {"X-Key": "k"}, "application/json", '"{number}"')
    assert served.stripe.facets.forwarding is not None
    served.stripe.facets.forwarding.forward("pm_1", "cus_1", request, "key_1")
    check(served, "forwarding._request_create_params", "RequestCreateParams")
