"""Routes of routing: rule sets, and trying out where a payment would go."""

from typing import Annotated, Any

import asyncpg
import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from orchestrator import clock_port
from orchestrator.access import audit
from orchestrator.db import transaction
from orchestrator.errors import Conflict, NotFound
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.payment_schemas import RouteBody, route_body
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import CountryCode, Input, Metadata, MoneyInput
from orchestrator.ids import new_id
from orchestrator.payments import routes
from orchestrator.payments.instruments import Card
from routing import store
from routing.rules import RuleSet
from routing.store import RuleSetState

SCOPE = "operate"


class CreateRuleSet(Input):
    """Rules in order, the first that holds wins, and the action when none does; see the guide to routing rules."""

    rules: Annotated[list[dict[str, Any]], Meta(max_length=200)]
    default: dict[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        return {"rules": self.rules} | ({} if self.default is None else {"default": self.default})


class SimulateRoute(Input):
    """The facts of a payment that is not made."""

    amount: MoneyInput
    country: CountryCode | None = None
    brand: Annotated[str, Meta(max_length=40)] = ""
    bin: Annotated[str, Meta(max_length=8, pattern="^([0-9]{6,8})?$")] = ""
    issuer_country: Annotated[str, Meta(max_length=2, pattern="^([A-Z]{2})?$")] = ""
    metadata: Metadata = msgspec.field(default_factory=dict)


class RuleSetBody(msgspec.Struct, kw_only=True):
    """One version of the merchant's rules, by the names of its rules in order."""

    id: str
    object: str = "rule_set"
    version: int
    state: RuleSetState
    rules: list[str]


@post(
    "/rule-sets",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["routing"],
    summary="Create a rule set",
)
async def create_rule_set(request: ApiRequest, data: JSONBody[CreateRuleSet]) -> Response[RuleSetBody]:
    """Store rules as the next version, a draft. Nothing changes before it is activated."""
    merchant_id = merchant_of(request)

    async def work(_: str) -> RuleSetBody:
        try:
            async with transaction():
                made = await store.insert_rule_set(new_id("rs"), merchant_id, data.document(), clock_port.now())
        except asyncpg.UniqueViolationError:
            raise Conflict("Another rule set was created at the same moment. Try again.") from None
        return _body(made, RuleSetState.DRAFT)

    return await answer_once(request, work)


@post(
    "/rule-sets/{rule_set_id:str}/activate",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["routing"],
    summary="Activate a rule set",
)
async def activate_rule_set(request: ApiRequest, rule_set_id: FromPath[str]) -> Response[RuleSetBody]:
    """Put the draft in force for payments from now on, and retire the version before."""
    merchant_id = merchant_of(request)

    async def work(_: str) -> RuleSetBody:
        async with transaction():
            await store.activate(merchant_id, rule_set_id, clock_port.now())
            await audit.record(merchant_id, audit.Action.RULE_SET_ACTIVATED, rule_set_id, clock_port.now())
        return await _active(merchant_id)

    async def rebuild(_: str) -> RuleSetBody:
        return await _active(merchant_id)

    return await answer_once(request, work, rebuild, status=200)


@get(
    "/rule-sets/active", guards=[needs(SCOPE)], responses=PROBLEMS, tags=["routing"], summary="Get the active rule set"
)
async def get_active(request: ApiRequest) -> RuleSetBody:
    """The version in force; 404 while there is none and priorities alone decide."""
    return await _active(merchant_of(request))


@post(
    "/routing/simulate",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["routing"],
    summary="Simulate routing",
)
async def simulate(request: ApiRequest, data: JSONBody[SimulateRoute]) -> Response[RouteBody]:
    """The plan that such a payment would get now, with the reasons. Nothing is stored or sent."""
    merchant_id, amount = merchant_of(request), data.amount.as_money()
    # routing looks at brand, BIN and issuer only; there is no card behind this one
    card = Card("", data.brand, "", 1, 2000, bin=data.bin, issuer_country=data.issuer_country)

    async def work(_: str) -> RouteBody:
        now = clock_port.now()
        return route_body(await routes.plan_for(merchant_id, amount, card, data.country, data.metadata, now))

    return await answer_once(request, work, status=200)


async def _active(merchant_id: str) -> RuleSetBody:
    found = await store.active_rule_set(merchant_id)
    if found is None:
        raise NotFound("rule set", "active")
    return _body(found, RuleSetState.ACTIVE)


def _body(found: RuleSet, state: RuleSetState) -> RuleSetBody:
    return RuleSetBody(id=found.id, version=found.version, state=state, rules=[rule.name for rule in found.rules])


ROUTES = [create_rule_set, activate_rule_set, get_active, simulate]
