"""An account at a real sandbox for the contract cases: what cannot be ordered there skips the case with the reason."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NoReturn

import pytest
from live_wire import EXPIRY, READ_TIMEOUT_S, TEST_CARDS, SandboxTap, adapters_vault, token_of
from simulated_accounts import APPROVED_CARD, CHALLENGED_CARD, DECLINED_CARD, Account, World

from orchestrator.gateways.base import Gateway, OperationCall, OperationKind
from orchestrator.gateways.credentials import CardCredential
from orchestrator.gateways.facets import Answer
from orchestrator.gateways.kinds import GatewayEndpoints
from orchestrator.gateways.registry import build_gateway
from orchestrator.live_sandbox import NO_CVC, VAULT, Plan
from routing.outcomes import Outcome, OutcomeKind

RETURN_URL = "https://example.com/clearway-sandbox-return"
DESCRIPTION = "Clearway sandbox check"
# The cases' numbers, which are Stripe's, by what they are for.
_KINDS = {
    APPROVED_CARD: "approved",
    DECLINED_CARD: "declined",
    CHALLENGED_CARD: "challenged",
    "4000000000007726": "refunded later",
}
_ORDERED = {
    "/scenarios": "misbehaviour is ordered at the simulators only",
    "/settle": "a settlement cannot be ordered",
    "/disputes": "a dispute cannot be ordered",
    "/vault/destinations": "forwarding needs a destination that the vendor has opened",
}
# What Adyen takes before it has told of the capture: its answer to a modification is `received` either way.
_NOT_AWAITED = frozenset({"payment.captured", "refund.succeeded"})


def not_possible(reason: str) -> NoReturn:
    """Ends the case: it is neither passed nor failed."""
    pytest.skip(reason)


def no_shopper(*_: object, **__: object) -> NoReturn:
    """In place of the shopper who answers a simulated page."""
    not_possible("a person has to answer the bank's page in a browser")


@dataclass
class LiveWorld(World):
    """What the cases ask of the simulators' control, as far as a sandbox has it."""

    gateway: str = ""
    plan: Plan | None = None
    tap: SandboxTap | None = None

    def post(self, path: str, **body: Any) -> Any:
        assert self.plan is not None
        assert self.tap is not None
        if path != "/accounts":
            not_possible(next((why for known, why in _ORDERED.items() if path.startswith(known)), f"no {path} there"))
        recipient = self.plan.accounts[self.gateway].recipient
        if not recipient:
            not_possible(f"CLEARWAY_SANDBOX_{self.gateway.upper()}_RECIPIENT is not set")
        self.tap.aliases[str(body["account"])] = recipient
        return {}

    def get(self, path: str) -> Any:
        if path == "/clock":
            return {"now": datetime.now(UTC).isoformat()}
        return not_possible("the simulators' books are read, and a sandbox has none")

    def tokenise(self, number: str, *, brand: str = "visa", holder: str = "") -> CardCredential:
        """A stand-in's token, which the tap replaces by the vendor's own test card; or the user's vault's."""
        assert self.plan is not None
        kind, (month, year) = _KINDS.get(number, ""), EXPIRY
        card, vault = TEST_CARDS[self.gateway].get(kind), self.plan.vault
        if card is None:
            not_possible(f"no test card of {self.gateway}'s list stands for …{number[-4:]}")
        token = vault.tokens.get(kind, "") if vault else token_of(kind)
        if not token:
            not_possible(f"{VAULT}TOKEN_{kind.upper()} is not set")
        keeps_cvc = vault is None or vault.settings.cvc_expression != NO_CVC
        last4, holder = card.number[-4:] or "4242", holder or card.holder
        return CardCredential(token, brand, last4, month, year, holder=holder, has_cvc=keeps_cvc)


class LiveReceived:
    """The place of the receiver of webhooks: an address is registered, nothing is heard."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._unique = secrets.token_hex(4)

    @property
    def url(self) -> str:
        if not self._base:
            not_possible("CLEARWAY_SANDBOX_WEBHOOK_URL is not set")
        return f"{self._base}/clearway-sandbox-{self._unique}"


@dataclass
class LiveAccount(Account):
    """One test account at a sandbox, and its adapter."""

    def call(self, kind: OperationKind, **given: Any) -> OperationCall:
        return super().call(kind, **({"description": DESCRIPTION, "return_url": RETURN_URL} | given))

    def trouble(self, behaviour: str, operation: str = "*", **more: Any) -> None:
        not_possible(_ORDERED["/scenarios"])

    def lock_out(self) -> None:
        assert isinstance(self.tap, SandboxTap)
        self.tap.spoiled = True

    def told(self, kind: str, **facts: object) -> Any:
        if self.gateway.name != "adyen" or kind not in _NOT_AWAITED:
            not_possible("told by webhook, which is not listened to here")

    def passed(self) -> Any:
        assert isinstance(self.tap, SandboxTap)
        return list(self.tap.crossed)


def live_account(gateway: str, plan: Plan, tap: SandboxTap, read_timeout_s: float = 0) -> LiveAccount:
    """The adapter as the product builds it, in test mode, behind the tap. Nothing is called yet."""
    adapter = build_gateway(
        gateway,
        plan.accounts[gateway].credentials,
        GatewayEndpoints(base_url=tap.url, live=False, read_timeout_s=max(read_timeout_s, READ_TIMEOUT_S)),
        adapters_vault(plan.vault),
    )
    world = LiveWorld({}, gateway, plan, tap)
    return LiveAccount(gateway, adapter, world, LiveReceived(plan.webhook_url), tap)  # type: ignore[arg-type]


@dataclass
class Leftovers:
    """What a case leaves at the gateway that disturbs: kept cards and webhook addresses. `seen` gets every token."""

    seen: set[str]
    methods: dict[str, str] = field(default_factory=dict)  # tokens and whose they are
    endpoints: list[str] = field(default_factory=list)
    unsure: set[str] = field(default_factory=set)  # customers of whom the answer was not waited for

    def watch(self, gateway: Any) -> None:
        """Note what the adapter's calls make from now on."""
        facets, perform = gateway.facets, gateway.perform
        gateway.facets = replace(
            facets,
            methods=facets.methods and _Watched(facets.methods, self._note, self._unsure_of),
            endpoints=facets.endpoints and _Watched(facets.endpoints, self._note, self._unsure_of),
        )

        def noted(call: OperationCall) -> Outcome:
            try:
                outcome: Outcome = perform(call)
            except BaseException:
                self._unsure_of(call)
                raise
            if token := outcome.gateway_token:
                self.seen.add(token)
                self.methods[token] = outcome.gateway_customer or call.gateway_customer
            return outcome

        gateway.perform = noted

    def remove(self, gateway: Gateway) -> Iterator[str]:
        """Tidy up; yields what could not be removed, as a sentence."""
        while self.endpoints:
            made = self.endpoints.pop()
            assert gateway.facets.endpoints is not None
            if gateway.facets.endpoints.remove(made).kind is not OutcomeKind.APPROVED:
                yield f"{gateway.name}: the webhook endpoint {made} could not be removed"
        while self.unsure:
            assert gateway.facets.methods is not None
            for method in gateway.facets.methods.saved(self.unsure.pop()).value or ():
                self.methods[method.gateway_token] = method.gateway_customer
        while self.methods:
            token, customer = self.methods.popitem()
            assert gateway.facets.methods is not None
            done = gateway.facets.methods.detach(token, customer, f"op_{secrets.token_hex(8)}")
            if done.kind is not OutcomeKind.APPROVED:
                yield f"{gateway.name}: a kept test card of {customer} could not be detached: {done.detail}"

    def _unsure_of(self, asked: object) -> None:
        """Ctrl-C came before the answer: what the customer has there is looked up when tidying."""
        if customer := getattr(asked, "gateway_customer", ""):
            self.unsure.add(customer)

    def _note(self, answer: Any) -> None:
        value = answer.value if isinstance(answer, Answer) else None
        if token := getattr(value, "gateway_token", ""):
            self.seen.add(token)
            self.methods[token] = value.gateway_customer
        if endpoint := getattr(value, "endpoint_id", ""):
            self.endpoints.append(endpoint)


class _Watched:
    """A facet whose answers are shown to somebody, and questions that nobody waited to see answered."""

    def __init__(self, facet: Any, note: Callable[[Any], None], unanswered: Callable[[Any], None]) -> None:
        self._facet, self._note, self._unanswered = facet, note, unanswered

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._facet, name)

        def call(*given: Any, **named: Any) -> Any:
            try:
                answer = inner(*given, **named)
            except BaseException:
                self._unanswered(next(iter(given), None))
                raise
            self._note(answer)
            return answer

        return call if callable(inner) else inner
