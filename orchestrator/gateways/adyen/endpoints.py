"""Our webhook address at Adyen, by the Management API.

The key needs the role "Management API—Webhooks read and write"
(https://docs.adyen.com/development-resources/webhooks/configure-and-manage). Token life cycle webhooks are of another
kind and are added in Adyen's Customer Area.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from orchestrator.gateways.adyen.clients import AdyenServices
from orchestrator.gateways.adyen.mapping import GATEWAY, error_answer, object_of
from orchestrator.gateways.adyen.webhooks import EVENTS
from orchestrator.gateways.answers import answer_from, answer_of, outcome_of
from orchestrator.gateways.facets import Answer, Endpoint
from orchestrator.gateways.transport import Reply, record
from routing.outcomes import OutcomeKind

PAGE_SIZE = 100
MAX_PAGES = 10  # of an account's webhooks; Adyen allows far fewer


class AdyenEndpoints:
    """Register, read and remove. `basic_auth` (user, password) is what Adyen shall send along."""

    def __init__(
        self, services: AdyenServices, merchant_account: str, basic_auth: tuple[str, str] | None = None
    ) -> None:
        self._api = services.webhooks
        self._merchant = quote(merchant_account, safe="")
        self._basic_auth = basic_auth

    def register(self, url: str, idempotency_key: str) -> Answer[Endpoint]:
        """Take the webhook of this address that is there already, else add one; then make it a new HMAC key.

        Repeated after a lost answer it finds what it made. The key replaces the one before, which Adyen goes on using
        for a while: keep both.
        """
        found = self._find(url)
        if found.kind is not OutcomeKind.APPROVED:
            return found
        made = found if found.value is not None else self._create(url, idempotency_key)
        if made.kind is not OutcomeKind.APPROVED or made.value is None:
            return made
        endpoint = made.value
        keyed: Answer[str] = answer_of(
            record(lambda: self._api.generate_hmac_key(self._merchant, endpoint.endpoint_id)), GATEWAY, _read_key
        )
        if keyed.kind is not OutcomeKind.APPROVED or keyed.value is None:
            return replace(answer_from(outcome_of(keyed)), value=endpoint)
        return replace(made, value=replace(endpoint, secrets={"hmac_key": keyed.value}), exchange=keyed.exchange)

    def fetch(self, endpoint_id: str) -> Answer[Endpoint]:
        return self._endpoint(lambda: self._api.get_webhook(self._merchant, quote(endpoint_id, safe="")))

    def enable(self, endpoint_id: str) -> Answer[Endpoint]:
        request = {"active": True}
        return self._endpoint(lambda: self._api.update_webhook(request, self._merchant, quote(endpoint_id, safe="")))

    def remove(self, endpoint_id: str) -> Answer[None]:
        """One that is not there any more is APPROVED."""
        tape = record(lambda: self._api.remove_webhook(self._merchant, quote(endpoint_id, safe="")))
        return answer_of(tape, GATEWAY, _read_removed)

    def _create(self, url: str, idempotency_key: str) -> Answer[Endpoint]:
        request: dict[str, Any] = {
            "type": "standard",
            "url": url,
            "active": True,
            "communicationFormat": "json",
            "description": "Clearway",
            "additionalSettings": {"includeEventCodes": sorted({*EVENTS, "CANCEL_OR_REFUND"})},
        }
        if self._basic_auth is not None:
            request |= {"username": self._basic_auth[0], "password": self._basic_auth[1]}
        return self._endpoint(
            lambda: self._api.set_up_webhook(request, self._merchant, idempotency_key=idempotency_key)
        )

    def _find(self, url: str) -> Answer[Endpoint]:
        """APPROVED with the standard webhook of this address, or without a value where there is none."""
        for page in range(1, MAX_PAGES + 1):
            query = {"pageNumber": page, "pageSize": PAGE_SIZE}
            listed: Answer[tuple[tuple[str, Endpoint], ...]] = answer_of(
                record(lambda query=query: self._api.list_all_webhooks(self._merchant, query_parameters=query)),  # type: ignore[misc]
                GATEWAY,
                _read_list,
            )
            if listed.kind is not OutcomeKind.APPROVED or listed.value is None:
                return answer_from(outcome_of(listed))
            found = next((one for type_, one in listed.value if type_ == "standard" and one.url == url), None)
            if found is not None or len(listed.value) < PAGE_SIZE:
                return Answer(OutcomeKind.APPROVED, found)
        return Answer(OutcomeKind.APPROVED)

    def _endpoint(self, send: Callable[[], object]) -> Answer[Endpoint]:
        return answer_of(record(send), GATEWAY, lambda reply: error_answer(reply) or _approved(object_of(reply)))


def _approved(body: dict[str, Any]) -> Answer[Endpoint]:
    return Answer(OutcomeKind.APPROVED, _read_endpoint(body))


def _read_endpoint(body: dict[str, Any]) -> Endpoint:
    return Endpoint(str(body["id"]), str(body["url"]), body["active"] is True)


def _read_list(reply: Reply) -> Answer[tuple[tuple[str, Endpoint], ...]]:
    """One page, each with its type."""
    if error := error_answer(reply):
        return error
    listed = object_of(reply).get("data") or ()
    return Answer(OutcomeKind.APPROVED, tuple((str(one["type"]), _read_endpoint(one)) for one in listed))


def _read_key(reply: Reply) -> Answer[str]:
    return error_answer(reply) or Answer(OutcomeKind.APPROVED, str(object_of(reply)["hmacKey"]))


def _read_removed(reply: Reply) -> Answer[None]:
    if reply.status not in (204, 404):
        return error_answer(reply) or Answer(OutcomeKind.UNKNOWN, detail=f"HTTP {reply.status} where 204 was expected")
    return Answer(OutcomeKind.APPROVED)
