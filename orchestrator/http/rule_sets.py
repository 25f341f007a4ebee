"""Routes of rule sets: versions of the merchant's routing rules."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from orchestrator.errors import NotFound
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.routing_schemas import (
    ActivateRuleSet,
    RuleSetBody,
    RuleSetDetailBody,
    RuleSetDiffBody,
    RuleSetInput,
    difference_body,
    rule_set_body,
    rule_set_detail,
)
from orchestrator.payments import rule_versions
from routing import store
from routing.store import RuleSetState

SCOPE = "operate"


@post(
    "/rule-sets",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["routing"],
    summary="Create a rule set",
)
async def create_rule_set(request: ApiRequest, data: JSONBody[RuleSetInput]) -> Response[RuleSetDetailBody]:
    """Store rules as the next version, a draft, with what the linter says of them. Nothing changes by it."""
    merchant_id = merchant_of(request)

    async def work(_: str) -> RuleSetDetailBody:
        made = await rule_versions.draft(merchant_id, data.document())
        return rule_set_detail(made, await rule_versions.lint(merchant_id, made.document))

    return await answer_once(request, work)


@get("/rule-sets", guards=[needs(SCOPE)], responses=PROBLEMS, tags=["routing"], summary="List rule sets")
async def list_rule_sets(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    rule_set_state: Annotated[RuleSetState | None, QueryParameter(name="state")] = None,
) -> Page[RuleSetBody]:
    """The merchant's versions, newest first."""
    size = page_size(limit)
    found = await store.rule_set_versions(
        merchant_of(request), limit=size + 1, before_id=starting_after, state=rule_set_state
    )
    return page([rule_set_body(one) for one in found], size)


@get(
    "/rule-sets/active", guards=[needs(SCOPE)], responses=PROBLEMS, tags=["routing"], summary="Get the active rule set"
)
async def get_active(request: ApiRequest) -> RuleSetDetailBody:
    """The version in force; 404 while there is none and the policy's strategy alone decides."""
    found = await store.rule_set_versions(merchant_of(request), limit=1, state=RuleSetState.ACTIVE)
    if not found:
        raise NotFound("rule set", "active")
    return rule_set_detail(found[0])


@get(
    "/rule-sets/{rule_set_id:str}",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    tags=["routing"],
    summary="Get a rule set",
)
async def get_rule_set(request: ApiRequest, rule_set_id: FromPath[str]) -> RuleSetDetailBody:
    """One version with its document."""
    return rule_set_detail(await rule_versions.get(merchant_of(request), rule_set_id))


@get(
    "/rule-sets/{rule_set_id:str}/diff",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    tags=["routing"],
    summary="Compare two rule sets",
)
async def diff_rule_sets(
    request: ApiRequest,
    rule_set_id: FromPath[str],
    against: Annotated[str, QueryParameter(name="against", max_length=40, description="The id of the other version.")],
) -> RuleSetDiffBody:
    """What the version changes against another, rule by rule."""
    found = await rule_versions.compare(merchant_of(request), rule_set_id, against)
    return RuleSetDiffBody(differences=[difference_body(one) for one in found])


@post(
    "/rule-sets/{rule_set_id:str}/activate",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["routing"],
    summary="Activate a rule set",
)
async def activate_rule_set(
    request: ApiRequest, rule_set_id: FromPath[str], data: JSONBody[ActivateRuleSet | None] = None
) -> Response[RuleSetDetailBody]:
    """Put the draft in force for payments from now on, or at a time, and retire the version before then."""
    merchant_id, at = merchant_of(request), data.activate_at if data else None

    async def work(_: str) -> RuleSetDetailBody:
        if at is not None:
            return rule_set_detail(await rule_versions.schedule(merchant_id, rule_set_id, at))
        return rule_set_detail(await rule_versions.activate(merchant_id, rule_set_id))

    async def rebuild(_: str) -> RuleSetDetailBody:
        return rule_set_detail(await rule_versions.get(merchant_id, rule_set_id))

    return await answer_once(request, work, rebuild, status=200)


@post(
    "/rule-sets/{rule_set_id:str}/unschedule",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["routing"],
    summary="Unschedule a rule set",
)
async def unschedule_rule_set(request: ApiRequest, rule_set_id: FromPath[str]) -> Response[RuleSetDetailBody]:
    """Let the draft not come in force by itself any more."""
    merchant_id = merchant_of(request)

    async def work(_: str) -> RuleSetDetailBody:
        return rule_set_detail(await rule_versions.schedule(merchant_id, rule_set_id, None))

    return await answer_once(request, work, status=200)


@post(
    "/rule-sets/{rule_set_id:str}/restore",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["routing"],
    summary="Restore a rule set",
)
async def restore_rule_set(request: ApiRequest, rule_set_id: FromPath[str]) -> Response[RuleSetDetailBody]:
    """Roll back: the document of a retired version is in force again at once, as the newest version."""
    merchant_id = merchant_of(request)

    async def work(_: str) -> RuleSetDetailBody:
        return rule_set_detail(await rule_versions.restore(merchant_id, rule_set_id))

    return await answer_once(request, work)


ROUTES = [
    create_rule_set,
    list_rule_sets,
    get_active,
    get_rule_set,
    diff_rule_sets,
    activate_rule_set,
    unschedule_rule_set,
    restore_rule_set,
]
