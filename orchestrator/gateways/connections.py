"""Gateway accounts, connected: one client, one thread budget and one breaker each, ready to be awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from orchestrator import clock_port
from orchestrator.access import secrets
from orchestrator.gateways import health, registry, store
from orchestrator.gateways.base import (
    Gateway,
    Lookup,
    LookupResult,
    OperationCall,
    OperationKind,
    WebhookMessage,
)
from orchestrator.gateways.credentials import SavedCredential, method_of
from orchestrator.gateways.facets import Answer
from orchestrator.gateways.limiter import AccountBusy, AccountThreads
from orchestrator.gateways.store import GatewayAccountRow
from orchestrator.installation import service as installation
from orchestrator.settings import get_settings
from routing.account_store import EVERY_METHOD
from routing.outcomes import Outcome, OutcomeKind

log = structlog.get_logger()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Connection:
    """One gateway account as an awaitable thing. It never raises for what a gateway or the network does."""

    account: GatewayAccountRow
    gateway: Gateway
    threads: AccountThreads

    @property
    def resend_window_s(self) -> int:
        return self.gateway.resend_window_s

    async def perform(self, call: OperationCall) -> Outcome:
        """Send the operation, and let the account's breaker know how it went."""
        try:
            outcome = await self.threads.run(self.gateway.perform, call)
            if outcome.retry_after_s:
                self.threads.pause(outcome.retry_after_s)
        except AccountBusy as busy:
            outcome = Outcome(OutcomeKind.NOT_REACHED, detail=str(busy))
        except Exception as error:  # a mistake in an adapter: it may have happened after sending
            outcome = Outcome(OutcomeKind.UNKNOWN, detail=f"{type(error).__name__}: {error}")
        if outcome.vault_failed:
            return outcome
        try:
            await health.note(self.account.id, outcome.kind, clock_port.now(), _method_of(call))
        except Exception:  # what the gateway did is worth more than the count of it
            log.exception("health.not_noted", account=self.account.id)
        return outcome

    async def look_up(self, call: OperationCall) -> LookupResult:
        """Ask what became of the operation; UNAVAILABLE where the question could not even be put."""
        try:
            return await self.threads.run(self.gateway.look_up, call)
        except Exception as error:  # too many calls, or a mistake in an adapter: nothing is proven by it
            return LookupResult(Lookup.UNAVAILABLE, detail=f"{type(error).__name__}: {error}")

    async def ask(self, question: Callable[[Gateway], Answer[T]]) -> Answer[T]:
        """Call one of the gateway's facets: `connection.ask(lambda g: g.facets.disputes.fetch(id))`.

        UNKNOWN where the adapter itself failed; NOT_REACHED where the account is busy, so that nothing was sent.
        """
        try:
            answer = await self.threads.run(question, self.gateway)
        except AccountBusy as busy:
            return Answer(OutcomeKind.NOT_REACHED, detail=str(busy))
        except Exception as error:  # a mistake in an adapter: it may have happened after sending
            log.exception("gateway.adapter_failed", account=self.account.id)
            return Answer(OutcomeKind.UNKNOWN, detail=f"{type(error).__name__}: {error}")
        if answer.retry_after_s:
            self.threads.pause(answer.retry_after_s)
        return answer

    async def verify_webhook(self, headers: dict[str, str], body: bytes) -> list[WebhookMessage]:
        """Raises WebhookRejected. In the account's threads where a certificate may have to be fetched."""
        if registry.kind_of(self.account.gateway).checks_webhooks_alone:
            return self.gateway.verify_webhook(headers, body)
        return await self.threads.run_in_pause(self.gateway.verify_webhook, headers, body)

    async def probe(self) -> str:
        return await self.threads.run(self.gateway.probe)


def _method_of(call: OperationCall) -> str:
    """The way to pay that the call is about, as routing names it; `` for what is sent without the credential."""
    if call.credential is None:
        return EVERY_METHOD
    if isinstance(call.credential, SavedCredential):
        return call.credential.method.value
    return method_of(call.credential).value


LOOK_AGAIN_S = 1.0  # new credentials are in use this soon; a payment's calls in between need not ask for them

_connections: dict[str, Connection] = {}
_read_at: dict[str, float] = {}
_lock = asyncio.Lock()


async def connect(account_id: str) -> Connection:
    """The connection of an account; made once for each version of its credentials in this process.

    Raises LookupError, and NotOurs for a live account in a copy of another installation's database.
    """
    if time.monotonic() - _read_at.get(account_id, float("-inf")) < LOOK_AGAIN_S:
        return _connections[account_id]
    row = await store.account(account_id)
    if row is None:
        raise LookupError(f"gateway account {account_id} does not exist")
    await installation.require_bound(row.mode)
    known = _connections.get(account_id)
    if known is not None and known.account == row:
        _read_at[account_id] = time.monotonic()
        return known
    async with _lock:
        known = _connections.get(account_id)
        if known is not None and known.account == row:  # made while we waited
            return known
        settings = get_settings()
        gateway = registry.build_gateway(
            row.gateway,
            secrets.unseal(row.sealed_credentials),
            registry.endpoints_from(settings, row.gateway, row.mode),
            registry.vault_from(settings),
        )
        threads = (
            known.threads if known else AccountThreads(account_id, max_calls=settings.limits.gateway_concurrency_max)
        )
        _connections[account_id] = Connection(row, gateway, threads)
        _read_at[account_id] = time.monotonic()
        if known is not None:
            known.gateway.close()  # its idle connections; calls under way end by themselves
        return _connections[account_id]


def steps_by_gateway() -> dict[str, tuple[OperationKind, ...]]:
    """Each gateway's steps of an authorisation."""
    return {name: kind.authorise_steps for name, kind in registry.KINDS.items()}


def close_all() -> None:
    """Let go of every client and thread of this process."""
    for connection in _connections.values():
        connection.threads.close()
        connection.gateway.close()
    _connections.clear()
    _read_at.clear()
