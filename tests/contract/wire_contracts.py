"""Which published contract each exchange on the wire is held to, and what is wrong with it by that contract."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

import stripe_shapes
from accepted_differences import ACCEPTED, Accepted
from openapi_contract import Operation, contract
from wire_tap import Passed

_OPENAPI = {
    "adyen": (
        ("adyen-CheckoutService-v72.json", "/v72"),
        ("adyen-DisputeService-v30.json", "/ca/services/DisputeService/v30"),
        ("adyen-RecurringService-v68.json", "/pal/servlet/Recurring/v68"),
    ),
    "paypal": (
        ("paypal-checkout_orders_v2.json", ""),
        ("paypal-payments_payment_v2.json", ""),
        ("paypal-vault_payment_tokens_v3.json", ""),
        ("paypal-customer_disputes_v1.json", ""),
        ("paypal-notifications_webhooks_v1.json", ""),
        ("paypal-reporting_transactions_v1.json", ""),
        ("paypal-payments_payouts_batch_v1.json", ""),
    ),
}


@dataclass(frozen=True)
class Uncontracted:
    """Calls of which no contract is in the shared folder, and why they are let through."""

    gateway: str
    path: str  # a regular expression
    reason: str
    reply_keys: frozenset[str] = frozenset()  # what the SDK's model of the reply requires
    reply_known: frozenset[str] = frozenset()  # and may have beside


UNCONTRACTED = (
    Uncontracted(
        "paypal",
        "/v1/oauth2/token",
        "the token endpoint is in none of PayPal's documents; held to the SDK's model (models/o_auth_token.py)",
        frozenset({"access_token", "token_type"}),
        frozenset({"expires_in", "scope", "expiry", "refresh_token", "id_token", "app_id", "nonce"}),
    ),
    Uncontracted(
        "adyen",
        r"/v3/merchants/[^/]+/webhooks(/.*)?|/v3/me(/.*)?",
        "the Management API's document is not in the shared folder, and Adyen's Python SDK has no models",
    ),
    Uncontracted("adyen", r"/reports/download/.*", "a report is a file, not JSON"),
    Uncontracted(
        "adyen",
        r"/btl/v4/.*|/bcl/v2/.*",
        "the documents of Transfers and the balance platform are not in the shared folder; the SDK has no models",
    ),
)


def problems_of(passed: Passed) -> list[str]:
    """What is wrong with one exchange, accepted differences taken out. Empty is right."""
    found, template = _found(passed)
    where = f"{passed.method} {template}"
    return [f"{where} {problem}" for problem in found if not _is_accepted(passed.gateway, f"{where} {problem}")]


def webhook_problems(gateway: str, body: bytes) -> list[str]:
    """What is wrong with one webhook that a simulator sent."""
    event = json.loads(body)
    match gateway:
        case "stripe":
            found, name = _stripe_event(event)
        case "adyen":
            found, name = _adyen_notification(event)
        case _:
            found, name = _paypal_event(event)
    return [f"webhook {name} {p}" for p in found if not _is_accepted(gateway, f"webhook {name} {p}")]


def _found(passed: Passed) -> tuple[list[str], str]:
    if passed.gateway == "stripe":
        return _stripe(passed)
    for file, prefix in _OPENAPI[passed.gateway]:
        document = contract(file, prefix)
        if operation := document.find(passed.method, passed.path):
            return _openapi(passed, operation), operation.template
    for one in UNCONTRACTED:
        if one.gateway == passed.gateway and re.fullmatch(one.path, passed.path):
            return _uncontracted(passed, one), passed.path
    return ["is in no contract, and not in the table of calls without one"], passed.path


def _openapi(passed: Passed, operation: Operation) -> list[str]:
    query = dict(parse_qsl(passed.query, keep_blank_values=True))
    wrong = operation.parameter_problems(query, passed.headers)
    wrong += operation.request_problems(_request_body(passed))
    found = [f"request {problem}" for problem in wrong]
    if passed.status:
        reply = _json(passed.reply)
        found += [f"reply {passed.status} {p}" for p in operation.reply_problems(passed.status, reply)]
    return found


def _uncontracted(passed: Passed, one: Uncontracted) -> list[str]:
    reply = _json(passed.reply)
    if not one.reply_keys or passed.status != 200 or not isinstance(reply, dict):
        return []
    missing = [f"reply 200 /{key}: is required by the SDK's model" for key in one.reply_keys if key not in reply]
    known = one.reply_keys | one.reply_known
    return missing + [f"reply 200 /{key}: is not in the SDK's model" for key in reply if key not in known]


def _stripe(passed: Passed) -> tuple[list[str], str]:
    method = stripe_shapes.method_for(passed.method, passed.path)
    if method is None and re.fullmatch(r"/v1/files/[^/]+/contents", passed.path):
        return (
            [],
            passed.path,
        )  # a file, which the SDK has no call for: https://docs.stripe.com/file-upload#download-file-contents
    if method is None:
        return ["is no call of Stripe's SDK"], passed.path
    if passed.headers.get("content-type", "").startswith("multipart/"):
        form: dict[str, Any] = _parts(passed)
    else:
        text = passed.body.decode() if passed.method == "POST" else passed.query
        form = stripe_shapes.decoded_form(text)
    found = [f"request {problem}" for problem in stripe_shapes.request_problems(method, form)]
    if passed.status and passed.reply_headers is not None:
        reply = _json(passed.reply)
        found += [f"reply {passed.status} {p}" for p in stripe_shapes.reply_problems(method, passed.status, reply)]
    return found, method.template


def _stripe_event(event: dict[str, Any]) -> tuple[list[str], str]:
    return list(stripe_shapes.object_problems(event, "")), str(event.get("type"))


def _adyen_notification(event: dict[str, Any]) -> tuple[list[str], str]:
    items = event.get("notificationItems")
    if not items and str(event.get("type", "")).startswith("recurring.token."):
        return [], str(event["type"])  # of another document, which is not in the shared folder
    if not items:
        return ["has no notificationItems"], str(event.get("type", "notification"))
    name = str(items[0]["NotificationRequestItem"].get("eventCode"))
    document = contract("adyen-Webhooks-v1.json")
    schema = document.webhook_schema(name)
    if schema is None:
        return ["is no event of the contract"], name
    return document.problems(schema, event, "request"), name


_PAYPAL_RESOURCES = {
    "capture": ("paypal-payments_payment_v2.json", "capture-2"),
    "authorization": ("paypal-payments_payment_v2.json", "authorization-2"),
    "refund": ("paypal-payments_payment_v2.json", "refund"),
    "checkout-order": ("paypal-checkout_orders_v2.json", "order"),
    "dispute": ("paypal-customer_disputes_v1.json", "dispute"),
    "payment_token": ("paypal-vault_payment_tokens_v3.json", "payment_token_response"),
}


def _paypal_event(event: dict[str, Any]) -> tuple[list[str], str]:
    name = str(event.get("event_type"))
    found = contract("paypal-notifications_webhooks_v1.json").schema_problems("event", event, "reply")
    kind = str(event.get("resource_type"))
    if kind not in _PAYPAL_RESOURCES:
        return [*found, f"/resource_type: {kind} is in no contract"], name
    file, schema = _PAYPAL_RESOURCES[kind]
    resource = contract(file).schema_problems(schema, event.get("resource"), "reply")
    return found + [f"/resource{problem}" for problem in resource], name


def _request_body(passed: Passed) -> Any:
    if passed.headers.get("content-type", "").startswith("multipart/"):
        parts = _parts(passed)
        return {name: _json_or_text(value) for name, value in parts.items()}
    return _json(passed.body)


def _parts(passed: Passed) -> dict[str, Any]:
    """A multipart body by part names; a file is its name."""
    head = f"content-type: {passed.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + passed.body)
    made: dict[str, Any] = {}
    for part in message.iter_parts():  # type: ignore[attr-defined]
        name = str(part.get_param("name", header="content-disposition"))
        file_name = part.get_filename()
        made[name] = file_name or part.get_payload(decode=True).decode().strip()
    return made


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _json(body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return f"not JSON: {body[:80]!r}"


def _is_accepted(gateway: str, problem: str) -> bool:
    return any(True for _ in _accepting(gateway, problem))


def _accepting(gateway: str, problem: str) -> Iterator[Accepted]:
    return (one for one in ACCEPTED if one.gateway == gateway and re.search(one.pattern, problem))
