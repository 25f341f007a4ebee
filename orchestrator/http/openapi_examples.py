"""An example for a schema of the OpenAPI document: its own `examples` first, else a value by name, type and bounds.

They are made and not written, so that each field has one, and a field that is new too; a test holds each to its schema.
"""

import re
from typing import Any

_ID = "01a2074fe36a7a35b6df5b9a4c3c2d10"
_PREFIXES = {
    "payment": "pay",
    "attempt": "att",
    "operation": "op",
    "refund": "ref",
    "customer": "cus",
    "dispute": "dsp",
    "event": "evt",
    "invoice": "inv",
    "credit_note": "crn",
    "sales_quote": "quo",
    "receipt": "rct",
    "recipient": "rcp",
    "credit_payout": "cpo",
    "invoice_batch": "iba",
    "invoice_application": "iap",
    "gateway_account": "ga",
    "checkout_session": "cs",
    "payment_link": "pl",
    "rule_set": "rs",
    "maintenance_window": "mw",
    "webhook_endpoint": "whe",
    "payment_method": "pm",
    "merchant": "mer",
}
_BY_NAME: dict[str, Any] = {
    "currency": "EUR",
    "country": "DE",
    "gateway": "stripe",
    "email": "billing@acme.example",
    "name": "Acme GmbH",
    "url": "https://shop.example/hooks",
    "checkout_url": "https://pay.example/pay/dGhlLXBhZ2U",
    "reference": "order-1042",
    "order": "order",
    "brand": "visa",
    "last4": "4242",
    "expiry_month": 12,
    "expiry_year": 2030,
    "type": "payment.captured",
    "request_id": f"req_{_ID}",
}
_BY_FORMAT = {"date-time": "2026-11-23T10:00:00Z", "date": "2026-11-23", "binary": "", "byte": "aGVsbG8="}
_MOMENTS = frozenset({"since", "until", "as_of"})
# What fits a pattern, where the field's name alone does not tell.
_BY_PATTERN = ("EUR", "DE", "1", "424242", "4242", "https://shop.example/ok", "2026-11-23", "COBADEFFXXX", "text", "")
_DEPTH_MAX = 6


def example_of(schema: dict[str, Any], components: dict[str, Any], name: str = "", depth: int = 0) -> Any:
    """A value that fits the schema. `name` is of the field that it is for."""
    if "$ref" in schema:
        title = schema["$ref"].rsplit("/", 1)[1]
        return example_of(components[title], components, name, depth)
    if schema.get("examples"):
        return schema["examples"][0]
    for key in ("const", "default"):
        if key in schema and schema[key] not in (None, [], {}, ""):
            return schema[key]
    if "enum" in schema:
        return next(value for value in schema["enum"] if value is not None)
    if "anyOf" in schema or "oneOf" in schema:
        return _first(schema.get("anyOf") or schema["oneOf"], components, name, depth)
    return _of_type(schema, components, name, depth)


def _first(options: list[dict[str, Any]], components: dict[str, Any], name: str, depth: int) -> Any:
    """The first option that says something, or null where the example would go too deep."""
    nullable = any(option.get("type") == "null" for option in options)
    if nullable and depth >= _DEPTH_MAX:
        return None
    return example_of(next(option for option in options if option.get("type") != "null"), components, name, depth)


def _of_type(schema: dict[str, Any], components: dict[str, Any], name: str, depth: int) -> Any:
    kinds = schema.get("type")
    kind = next((one for one in kinds if one != "null"), "null") if isinstance(kinds, list) else kinds
    match kind:
        case "object":
            return _object(schema, components, depth)
        case "array":
            least = schema.get("minItems", 0)
            if depth >= _DEPTH_MAX and not least:
                return []
            return [example_of(schema.get("items", {}), components, name.removesuffix("s"), depth + 1)] * max(least, 1)
        case "integer" | "number":
            return _number(schema, name)
        case "boolean":
            return True
        case "string":
            return _text(schema, name)
        case _:
            return None


def _object(schema: dict[str, Any], components: dict[str, Any], depth: int) -> dict[str, Any]:
    fields: dict[str, Any] = schema.get("properties") or {}
    if not fields:
        more = schema.get("additionalProperties")
        if not isinstance(more, dict) or not more:
            return {}
        key = _text(schema.get("propertyNames", {}), "order")
        return {key: example_of(more, components, key, depth + 1)}
    kind = fields.get("object", {}).get("default", "")
    made = {name: example_of(field, components, name, depth + 1) for name, field in fields.items()}
    if "id" in fields and kind in _PREFIXES:
        made["id"] = f"{_PREFIXES[kind]}_{_ID}"
    return made


def _number(schema: dict[str, Any], name: str) -> int:
    wished = _BY_NAME.get(name, 1)
    number = wished if isinstance(wished, int) else 1
    return int(min(max(number, schema.get("minimum", number)), schema.get("maximum", number)))


def _text(schema: dict[str, Any], name: str) -> str:
    if schema.get("format") in _BY_FORMAT or schema.get("contentEncoding") == "base64":
        return _BY_FORMAT.get(schema.get("format", "byte"), _BY_FORMAT["byte"])
    if name.endswith("_id") and name[:-3] in _PREFIXES:
        return f"{_PREFIXES[name[:-3]]}_{_ID}"
    if name.endswith("_at") or name in _MOMENTS:
        return str(_BY_FORMAT["date-time"])
    wished = _BY_NAME.get(name, "text")
    fitting = schema.get("pattern")
    if fitting:
        return next(text for text in (str(wished), *_BY_PATTERN) if re.search(fitting, text))
    text = wished if isinstance(wished, str) else "text"
    return text[: schema.get("maxLength", len(text))].ljust(schema.get("minLength", 0), "x")
