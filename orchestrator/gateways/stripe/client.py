"""How Stripe is called: its SDK over the account's own sessions, and its answers read alike for every facet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import stripe
from stripe import StripeClient

from currency.exponents import AmountNotRepresentable
from orchestrator.gateways.answers import answer_from, answer_of, not_representable
from orchestrator.gateways.facets import Answer
from orchestrator.gateways.stripe.mapping import read_failure
from orchestrator.gateways.stripe.params import GATEWAY
from orchestrator.gateways.transport import GatewaySession, Reply, Tape, record
from orchestrator.gateways.vault import VaultSettings
from routing.outcomes import OutcomeKind

T = TypeVar("T")

# The SDK's switch is global to the process; its header would carry timings of one account's calls in another's.
stripe.enable_telemetry = False

FILES_URL = "https://files.stripe.com"
PAGE_ROWS = 100  # the most that Stripe gives: https://docs.stripe.com/api/pagination
MAX_ROWS = 10_000  # of one list

READ_AGAIN = "the list is longer than is read"


@dataclass(frozen=True, slots=True)
class Account:
    """One Stripe account: its clients, straight and through the vault, and what they are made from."""

    secret_key: str = field(repr=False)
    session: GatewaySession
    direct: StripeClient
    through_vault: StripeClient
    vault: VaultSettings
    base_url: str = ""  # where the API is instead of Stripe's own address

    @property
    def files_url(self) -> str:
        return self.base_url or FILES_URL

    @property
    def live(self) -> bool | None:
        """Whether the key moves real money; None where it does not say: https://docs.stripe.com/keys."""
        mode = self.secret_key.partition("_")[2].partition("_")[0]
        return {"live": True, "test": False}.get(mode)


def open_account(
    secret_key: str, direct: GatewaySession, through_vault: GatewaySession, vault: VaultSettings, base_url: str
) -> Account:
    """The account's clients. `base_url` stands in for the API and for the address of files."""
    return Account(
        secret_key,
        direct,
        _client(secret_key, direct, base_url),
        _client(secret_key, through_vault, base_url),
        vault,
        base_url,
    )


def keyed(idempotency_key: str) -> Any:
    """The options of a write: https://docs.stripe.com/api/idempotent_requests."""
    return {"idempotency_key": idempotency_key}


def ask(
    send: Callable[[], object], read: Callable[[dict[str, Any]], Answer[T]], *, vault: VaultSettings | None = None
) -> Answer[T]:
    """The answer of one call. `read` gets the object; a refusal is read here. `vault` where it went through the proxy.

    An amount that Stripe cannot state is refused before any call, also when `send` finds it out.
    """
    tape = record(send)
    if not tape.exchanges and isinstance(tape.raised, AmountNotRepresentable):
        return answer_from(not_representable(GATEWAY, tape.raised))
    return answer_of(tape, GATEWAY, lambda reply: _read(reply, read), vault=vault)


def done(value: T) -> Answer[T]:
    return Answer(OutcomeKind.APPROVED, value)


def every_row(listed: Any) -> list[Any]:
    """Fetch all pages of a list, so that the tape has them."""
    return list(islice(listed.auto_paging_iter(), MAX_ROWS))


def rows_of(tape: Tape) -> list[dict[str, Any]]:
    """The rows of all pages on the tape. Raises ValueError unless every page came and the last one was the end."""
    pages = [exchange.reply for exchange in tape.exchanges]
    if not pages or any(page is None or page.status != 200 or page.body is None for page in pages):
        raise ValueError("a page of the list is missing")
    bodies = [page.body for page in pages if page is not None and page.body is not None]
    if bodies[-1]["has_more"]:
        raise ValueError(READ_AGAIN)
    return [row for body in bodies for row in body["data"]]


def ask_all(send: Callable[[], Any], read: Callable[[dict[str, Any]], T]) -> Answer[tuple[T, ...]]:
    """All rows of a list call, each as `read` has it."""
    tape = record(lambda: every_row(send()))
    return answer_of(
        tape,
        GATEWAY,
        lambda reply: _read(reply, lambda _: done(tuple(read(row) for row in rows_of(tape)))),
    )


def _read(reply: Reply, read: Callable[[dict[str, Any]], Answer[T]]) -> Answer[T]:
    if reply.status >= 400:
        failure: Answer[T] = answer_from(read_failure(reply))
        return failure
    if reply.body is None:
        raise ValueError("no JSON object")
    return read(reply.body)


def _client(secret_key: str, session: GatewaySession, base_url: str) -> StripeClient:
    addresses: Any = {"api": base_url, "files": base_url} if base_url else None
    return StripeClient(
        secret_key,
        base_addresses=addresses,
        max_network_retries=0,  # the resolver decides about re-sending, not the SDK
        http_client=stripe.RequestsClient(session=session),
    )
