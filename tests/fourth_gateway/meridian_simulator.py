"""Meridian as its page (API.md) has it: a small server that keeps payments, and can be told to misbehave.

It shares no code with the adapter: both were written from the page.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

CURRENCIES = frozenset({"EUR", "GBP", "JPY", "KWD", "USD"})
CARDS_THAT_ARE_DECLINED = {
    "4000000000000002": "M05",
    "4000000000009979": "M41",
    "4000000000009995": "M51",
    "4000000000000069": "M54",
    "4100000000000019": "M59",
    "4000000000000119": "M97",
}
KEY_LIFE_S = 24 * 3600
AUTHORISATION_DAYS = 7

Answer = tuple[int, dict[str, Any]]


class Refused(Exception):
    """An error answer."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.answer: Answer = (status, {"code": code, "message": message, **more})


@dataclass
class Key:
    """A used idempotency key: the request and its answer."""

    request: tuple[str, bytes]
    used_at: float
    answer: Answer


@dataclass
class Meridian:
    """One account. `misbehave(how, times)` says what goes wrong next with POSTs:

    `lose_reply` acts and hangs up; `http_500` acts and answers 500; `strange` acts and answers something else than the
    page says; `approve_less` approves half; `rate_limit` and `key_in_use` are answered so, and nothing is done.
    """

    api_key: str = "mk_test_shop"
    webhook_secrets: tuple[str, ...] = ("meridian-secret",)
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    hidden_from_the_list: bool = False
    _keys: dict[str, Key] = field(default_factory=dict)
    _faults: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: ThreadingHTTPServer | None = None
    _kept: socket.socket | None = None
    _port: int = 0

    # What a test does with it

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def start(self) -> None:
        """Serve; on the same port again after `stop`."""
        if self._kept is not None:
            self._kept.close()
        handler = type("Handler", (_Handler,), {"meridian": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on. The port stays ours: another test's server is not to answer there."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
            self._kept = socket.socket()
            self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._kept.bind(("127.0.0.1", self._port))  # and nobody listens

    def end(self) -> None:
        """Stop, and give back the port."""
        self.stop()
        if self._kept is not None:
            self._kept.close()

    def misbehave(self, how: str, times: int = 1) -> None:
        self._faults += [how] * times

    def settle_refund(self, refund_id: str, failure_code: str | None = None) -> None:
        """End a pending refund, one way or the other, and tell of it."""
        with self._lock:
            payment, refund = next((p, r) for p in self.payments.values() for r in p["refunds"] if r["id"] == refund_id)
            refund.update(status="failed" if failure_code else "succeeded", failure_code=failure_code)
            self._tell(f"refund.{refund['status']}", payment, refund)

    def signed(
        self, event: dict[str, Any], *, secrets: tuple[str, ...] | None = None, at: int | None = None
    ) -> tuple[dict[str, str], bytes]:
        """The webhook that tells of an event: headers and body as they are sent."""
        body, stamp = json.dumps(event).encode(), str(int(time.time()) if at is None else at)
        used = self.webhook_secrets if secrets is None else secrets
        signatures = [
            hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest() for secret in used
        ]
        return {"Meridian-Timestamp": stamp, "Meridian-Signature": ",".join(signatures)}, body

    def event(self, event_type: str) -> dict[str, Any]:
        """The latest event of a type."""
        return next(event for event in reversed(self.events) if event["type"] == event_type)

    # What a client gets

    def get(self, path: str, query: dict[str, list[str]]) -> Answer:
        with self._lock:
            match path.strip("/").split("/"):
                case ["v1", "payments"]:
                    return 200, {"payments": self._listed(query.get("reference", [""])[0])}
                case ["v1", "payments", payment_id]:
                    return 200, self._payment(payment_id)
                case _:
                    raise Refused(404, "not_found", "no such resource")

    def post(self, path: str, key: str, body: bytes) -> Answer | None:
        """The answer; None hangs up. One request at a time, as it is done under the lock."""
        if not 0 < len(key) <= 64:
            raise Refused(400, "invalid_request", "Idempotency-Key must have 1 to 64 characters")
        with self._lock:
            known = self._keys.get(key)
            if known is not None and time.time() - known.used_at < KEY_LIFE_S:
                if known.request != (path, body):
                    raise Refused(422, "key_reused", "the key was used with another body")
                return known.answer
            fault = self._faults.pop(0) if self._faults else ""
            if fault == "rate_limit":
                raise Refused(429, "rate_limited", "too many requests")
            if fault == "key_in_use":
                raise Refused(409, "key_in_use", "the first request is still worked on")
            answer = self._act(path, json.loads(body), approve_less=fault == "approve_less")
            if answer[0] in (200, 201, 402):
                self._keys[key] = Key((path, body), time.time(), answer)
        match fault:
            case "lose_reply":
                return None
            case "http_500":
                return 500, {"code": "internal", "message": "something went wrong"}
            case "strange":
                return 201, {"hello": "world"}
            case _:
                return answer

    def _act(self, path: str, asked: dict[str, Any], *, approve_less: bool) -> Answer:
        match path.strip("/").split("/"):
            case ["v1", "payments"]:
                return self._authorise(asked, approve_less=approve_less)
            case ["v1", "payments", payment_id, "capture"]:
                return 201, self._capture(self._payment(payment_id), asked)
            case ["v1", "payments", payment_id, "void"]:
                return 201, self._void(self._payment(payment_id))
            case ["v1", "payments", payment_id, "refunds"]:
                return 201, self._refund(self._payment(payment_id), asked)
            case _:
                raise Refused(404, "not_found", "no such resource")

    def _authorise(self, asked: dict[str, Any], *, approve_less: bool) -> Answer:
        card = asked.get("card") or {}
        if asked.get("currency") not in CURRENCIES or not _is_amount(asked.get("amount")) or not asked.get("reference"):
            raise Refused(400, "invalid_request", "reference, amount and currency are required")
        if not str(card.get("number", "")).isdigit() or not {"expiry_month", "expiry_year"} <= card.keys():
            raise Refused(400, "invalid_request", "card.number and its expiry are required")
        decline_code = CARDS_THAT_ARE_DECLINED.get(card["number"])
        taken = bool(asked.get("capture")) and decline_code is None
        payment: dict[str, Any] = {
            "id": f"mp_{next(self._numbers)}",
            "reference": asked["reference"],
            "status": "declined" if decline_code else "authorised",
            "amount": asked["amount"] // 2 if approve_less else asked["amount"],
            "currency": asked["currency"],
            "decline_code": decline_code,
            "authorised_until": _iso(datetime.now(UTC) + timedelta(days=AUTHORISATION_DAYS)),
            "network_transaction_id": f"58400000000{next(self._numbers):04d}",
            "captures": [],
            "refunds": [],
        }
        self.payments[payment["id"]] = payment
        if decline_code:
            self._tell("payment.declined", payment)
            refusal = {"code": "card_declined", "message": "the card was declined"}
            return 402, {**refusal, "decline_code": decline_code, "payment_id": payment["id"]}
        self._tell("payment.authorised", payment)
        if taken:
            self._capture(payment, {"reference": asked["reference"], "amount": payment["amount"]})
        return 201, _copy(payment)

    def _capture(self, payment: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
        if payment["status"] != "authorised":
            raise Refused(422, "wrong_state", f"the payment is {payment['status']}")
        if not _is_amount(asked.get("amount")) or asked["amount"] > payment["amount"]:
            raise Refused(422, "amount_too_large", "more than was authorised")
        row = {"id": f"mc_{next(self._numbers)}", "reference": asked["reference"], "amount": asked["amount"]}
        payment["captures"].append(row)
        payment["status"] = "captured"
        self._tell("payment.captured", payment)
        return _copy(payment)

    def _void(self, payment: dict[str, Any]) -> dict[str, Any]:
        if payment["status"] != "authorised":
            raise Refused(422, "wrong_state", f"the payment is {payment['status']}")
        payment["status"] = "voided"
        self._tell("payment.voided", payment)
        return _copy(payment)

    def _refund(self, payment: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
        captured = sum(row["amount"] for row in payment["captures"])
        refunded = sum(row["amount"] for row in payment["refunds"] if row["status"] != "failed")
        if not captured:
            raise Refused(422, "wrong_state", f"the payment is {payment['status']}")
        if not _is_amount(asked.get("amount")) or refunded + asked["amount"] > captured:
            raise Refused(422, "amount_too_large", "more than is left of what was captured")
        row = {"id": f"mr_{next(self._numbers)}", "reference": asked["reference"], "amount": asked["amount"]}
        payment["refunds"].append({**row, "status": "pending", "failure_code": None})
        return _copy(payment)

    def _payment(self, payment_id: str) -> dict[str, Any]:
        if payment_id not in self.payments:
            raise Refused(404, "not_found", "no such payment")
        return self.payments[payment_id]

    def _listed(self, reference: str) -> list[dict[str, Any]]:
        if self.hidden_from_the_list:
            return []
        return [payment for payment in reversed(self.payments.values()) if payment["reference"] == reference]

    def _tell(self, event_type: str, payment: dict[str, Any], refund: dict[str, Any] | None = None) -> None:
        event = {"id": f"me_{next(self._numbers)}", "type": event_type, "created": _iso(datetime.now(UTC))}
        self.events.append(_copy({**event, "payment": payment, "refund": refund}))


class _Handler(BaseHTTPRequestHandler):
    meridian: Meridian

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self._answer(lambda: self.meridian.get(parts.path, parse_qs(parts.query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.meridian.requests.append({"path": self.path, "key": self._key(), "body": json.loads(body)})
        self._answer(lambda: self.meridian.post(self.path, self._key(), body))

    def _key(self) -> str:
        return str(self.headers.get("idempotency-key") or "")

    def _answer(self, make: Any) -> None:
        try:
            if self.headers.get("authorization") != f"Bearer {self.meridian.api_key}":
                raise Refused(401, "unauthorised", "no such key")
            answer = make()
        except Refused as refusal:
            answer = refusal.answer
        if answer is None:
            self.close_connection = True
            return
        status, body = answer
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        if status == 429:
            self.send_header("retry-after", "2")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def _is_amount(value: object) -> bool:
    return type(value) is int and value > 0


def _copy(value: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(json.dumps(value)))


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
