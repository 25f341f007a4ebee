"""Stripe's idempotency keys (docs.stripe.com/api/idempotent_requests): the first result, whatever it is, for 24 h."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from simulators.asgi import Response
from simulators.stripe.errors import StripeError
from simulators.stripe.form import Form

LIFETIME = timedelta(hours=24)
LONGEST_KEY = 255


@dataclass(slots=True)
class Entry:
    """`response` is None while the first request is under way."""

    fingerprint: str
    made_at: datetime
    response: Response | None = None


class Keys:
    """Keys are an account's own."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Entry] = {}

    def begin(self, account: str, key: str, endpoint: str, form: Form, now: datetime) -> Response | None:
        """The response to replay, or None when this request is the first and now holds the key.

        `endpoint` is verb and path. Raises StripeError: 400 where the key came with another request, 409 while the
        first is under way.
        """
        if len(key) > LONGEST_KEY:
            raise StripeError(400, "Idempotency keys must be at most 255 characters long.", type="idempotency_error")
        fingerprint = hashlib.sha256(f"{endpoint}\n{json.dumps(form, sort_keys=True)}".encode()).hexdigest()
        entry = self._entries.get((account, key))
        if entry is None or now - entry.made_at >= LIFETIME:
            self._entries[account, key] = Entry(fingerprint, now)
            return None
        if entry.fingerprint != fingerprint:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request."
            )
            raise StripeError(400, message, type="idempotency_error")
        if entry.response is None:
            message = f"There is currently another in-progress request using this Idempotent Key: {key}"
            raise StripeError(409, message, type="invalid_request_error", code="idempotency_key_in_use")
        first = entry.response.headers.get("request-id", "")
        replayed = {**entry.response.headers, "idempotent-replayed": "true", "original-request": first}
        return Response(entry.response.status, entry.response.body, replayed)

    def keep(self, account: str, key: str, response: Response) -> None:
        if entry := self._entries.get((account, key)):
            entry.response = response

    def forget_unfinished(self, account: str, key: str) -> None:
        """Nothing was executed under the key: it is free again."""
        entry = self._entries.get((account, key))
        if entry is not None and entry.response is None:
            del self._entries[account, key]
