"""Our address as it is registered at a gateway: register it, ask whether it is still on, and switch it on again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from msgspec import structs

from orchestrator import clock_port
from orchestrator.access import secrets
from orchestrator.db import transaction
from orchestrator.errors import ClearwayError, Conflict
from orchestrator.events import EventType
from orchestrator.gateways import accounts, connections, registry
from orchestrator.gateways import store as account_store
from orchestrator.gateways.base import Gateway
from orchestrator.gateways.facets import Answer, Endpoint, Endpoints
from orchestrator.gateways.store import GatewayAccountRow
from orchestrator.notifications import service as notifications
from orchestrator.settings import get_settings
from orchestrator.webhooks import watch_store
from orchestrator.webhooks.watch_store import WatchRow
from routing.outcomes import OutcomeKind

Question = Callable[[Gateway], Answer[Endpoint]]

CHECKS_MAX = 20  # gateways asked in one go
PROBLEM_CHARS_MAX = 300
log = structlog.get_logger()


class EndpointUnknown(ClearwayError):
    """Nothing is known of an endpoint at the gateway."""

    status = 409
    code = "webhook_endpoint_unknown"

    def __init__(self) -> None:
        super().__init__("No webhook endpoint of this account is known. Register it, or name its `endpoint_id`.")


class EndpointRefused(ClearwayError):
    """The gateway did not do it, or did not answer."""

    status = 502
    code = "webhook_endpoint_refused"


def address_of(account_id: str) -> str:
    """Where the account's gateway is to send its webhooks."""
    return f"{get_settings().public_url}/webhooks/{account_id}"


async def register(merchant_id: str, account_id: str, idempotency_key: str) -> WatchRow:
    """Have the gateway send its webhooks to us, and keep the secret that it gives: the one before still counts.

    Raises NotFound, Conflict where the gateway's API cannot do it, EndpointRefused.
    """
    account = await accounts.get(merchant_id, account_id)
    url = address_of(account_id)
    answer = await _asked(account, lambda gateway: _facet(gateway).register(url, idempotency_key))
    endpoint = _value(answer)
    async with transaction():
        row = await account_store.lock(account_id)
        assert row is not None
        await account_store.update(account_id, {"sealed_credentials": _with_secrets(row, endpoint)})
        return await _keep(row, endpoint, "", clock_port.now())


async def enable(merchant_id: str, account_id: str, endpoint_id: str = "") -> WatchRow:
    """Have the gateway send again. Raises NotFound, EndpointUnknown, Conflict, EndpointRefused."""
    account, named = await _known(merchant_id, account_id, endpoint_id)
    endpoint = _value(await _asked(account, lambda gateway: _facet(gateway).enable(named)))
    async with transaction():
        return await _keep(account, endpoint, "", clock_port.now())


async def check(merchant_id: str, account_id: str, endpoint_id: str = "") -> WatchRow:
    """Ask the gateway whether it sends to us. Raises NotFound, EndpointUnknown, Conflict."""
    account, named = await _known(merchant_id, account_id, endpoint_id)
    return await _check(account, named)


async def look(now: datetime) -> None:
    """Ask about the endpoints that were not asked about for the named time."""
    before = now - timedelta(seconds=get_settings().limits.webhook_endpoint_check_s)
    for row in await watch_store.due_for_check(before, CHECKS_MAX):
        account = await account_store.account(row.gateway_account_id)
        try:
            if account is not None:
                await _check(account, row.endpoint_id)
        except Exception:  # one account's credentials or adapter: the others are asked all the same
            log.exception("webhooks.endpoint_not_checked", account=row.gateway_account_id)
            async with transaction():
                await watch_store.set_endpoint(structs.replace(row, endpoint_checked_at=now))


async def _check(account: GatewayAccountRow, endpoint_id: str) -> WatchRow:
    answer = await _asked(account, lambda gateway: _facet(gateway).fetch(endpoint_id))
    now = clock_port.now()
    async with transaction():
        if answer.kind is OutcomeKind.APPROVED and answer.value is not None:
            return await _keep(account, answer.value, "", now)
        if answer.kind is OutcomeKind.DECLINED:  # it says that there is none
            return await _keep(account, Endpoint(endpoint_id, "", enabled=False), _reason(answer), now)
        known = await watch_store.watch(account.id)  # no answer says nothing about the endpoint
        row = structs.replace(known, endpoint_id=endpoint_id, endpoint_problem=_reason(answer), endpoint_checked_at=now)
        await watch_store.set_endpoint(row)
        return row


async def _keep(account: GatewayAccountRow, endpoint: Endpoint, problem: str, now: datetime) -> WatchRow:
    """Keep what the gateway told, in the caller's transaction; an endpoint that is off is an incident, once."""
    url = address_of(account.id)
    elsewhere = bool(endpoint.url) and endpoint.url != url
    if elsewhere:
        problem = f"it sends to {endpoint.url}, not to {url}"
    elif not endpoint.enabled and not problem:
        problem = "the gateway switched it off"
    row = WatchRow(
        account.id,
        endpoint_id=endpoint.endpoint_id,
        endpoint_enabled=endpoint.enabled and not elsewhere,
        endpoint_problem=problem[:PROBLEM_CHARS_MAX],
        endpoint_checked_at=now,
    )
    was_on = await watch_store.set_endpoint(row)
    if row.endpoint_enabled is False and was_on is not False:
        facts = {"gateway": account.gateway, "label": account.label, "endpoint_id": row.endpoint_id}
        facts["problem"] = row.endpoint_problem
        await notifications.record(EventType.GATEWAY_ENDPOINT_DISABLED, account.merchant_id, account.id, facts, now)
    return await watch_store.watch(account.id)


async def _known(merchant_id: str, account_id: str, endpoint_id: str) -> tuple[GatewayAccountRow, str]:
    account = await accounts.get(merchant_id, account_id)
    named = endpoint_id or (await watch_store.watch(account_id)).endpoint_id
    if not named:
        raise EndpointUnknown
    return account, named


async def _asked(account: GatewayAccountRow, question: Question) -> Answer[Endpoint]:
    connection = await connections.connect(account.id)
    if connection.gateway.facets.endpoints is None:
        raise Conflict(f"{account.gateway} has no API for webhook endpoints. Set it up in the gateway's dashboard.")
    return await connection.ask(question)


def _facet(gateway: Gateway) -> Endpoints:
    assert gateway.facets.endpoints is not None
    return gateway.facets.endpoints


def _value(answer: Answer[Endpoint]) -> Endpoint:
    if answer.kind is not OutcomeKind.APPROVED or answer.value is None:
        raise EndpointRefused(f"The gateway did not do it: {_reason(answer)}.")
    return answer.value


def _reason(answer: Answer[Endpoint]) -> str:
    code = answer.decline.gateway_code if answer.decline else ""
    return " ".join(filter(None, (answer.kind.value, code, answer.detail)))[:PROBLEM_CHARS_MAX]


def _with_secrets(row: GatewayAccountRow, endpoint: Endpoint) -> str:
    """The account's credentials with the endpoint's secrets, sealed. What was signed before may still be on its way."""
    credentials = secrets.unseal(row.sealed_credentials)
    names = {field.name for field in registry.kind_of(row.gateway).credential_fields}
    for name, value in endpoint.secrets.items():
        before = credentials.get(name)
        if before and before != value and f"{name}_previous" in names:
            credentials[f"{name}_previous"] = before
        credentials[name] = value
    return secrets.seal(credentials)
