"""Routes of routing itself: the policy, the linter, trying out one payment, replaying past ones."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from orchestrator import clock_port
from orchestrator.errors import InvalidField
from orchestrator.gateways.credentials import Method
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.csv_answers import csv_answer
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import CreatedFrom, CreatedTo, moment
from orchestrator.http.payment_schemas import RouteBody, route_body
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.routing_schemas import (
    LintBody,
    Moment,
    RoutingPolicyBody,
    RoutingPolicyInput,
    RuleSetInput,
    finding_bodies,
    policy_body,
)
from orchestrator.http.schemas import CountryCode, Input, Metadata, MoneyInput
from orchestrator.payments import route_chart, route_replay, route_settings, routes, rule_versions
from orchestrator.payments.route_replay import Replay, Share
from routing import store
from routing.facts import PaymentFacts
from routing.rules import RuleSet, parse_rule_set

SCOPE = "operate"
REPLAY_DEFAULT = 1_000
REPLAY_SPAN = timedelta(days=30)  # looked back where no time is given
ReplayLimit = Annotated[int, QueryParameter(name="limit", ge=1, le=route_replay.PAYMENTS_MAX)]
_Word = Annotated[str, Meta(max_length=40, pattern=r"^[a-z0-9_]+$(?!\n)")]


MerchantCategory = Annotated[str, Meta(max_length=4, pattern=r"^[0-9]{4}$(?!\n)", examples=["5411"])]


class CategoryInput(Input):
    """The code of what the merchant sells (ISO 18245); null: not known."""

    merchant_category: MerchantCategory | None


class CategoryBody(CategoryInput, kw_only=True):
    """The code of what the merchant sells (ISO 18245); null: not known."""

    object: str = "merchant_category"


class SimulateRoute(Input):
    """The facts of a payment that is not made. What is left out is not known, as it may be of a real one.

    `payment_id` settles what is left to chance. With `rule_set_id` another version than the one in force decides.
    """

    amount: MoneyInput
    country: CountryCode | None = None
    brand: Annotated[str, Meta(max_length=40)] = ""
    bin: Annotated[str, Meta(max_length=8, pattern="^([0-9]{6,8})?$")] = ""
    issuer_country: Annotated[str, Meta(max_length=2, pattern="^([A-Z]{2})?$")] = ""
    funding: Literal["", "credit", "debit", "prepaid"] = ""
    method: Method = Method.CARD
    channel: _Word | None = None
    initiator: Literal["customer", "merchant"] = "customer"
    merchant_category: MerchantCategory | None = None
    risk_score: Annotated[int, Meta(ge=0, le=100)] | None = None
    at: Moment | None = None
    payment_id: Annotated[str, Meta(max_length=40)] = ""
    metadata: Metadata = msgspec.field(default_factory=dict)
    rule_set_id: Annotated[str, Meta(max_length=40)] | None = None

    def facts(self) -> PaymentFacts:
        return PaymentFacts(
            amount=self.amount.as_money(),
            country=self.country,
            issuer_country=self.issuer_country or None,
            brand=self.brand or None,
            bin=self.bin or None,
            funding=self.funding or None,
            method=self.method.value,
            channel=self.channel,
            customer_present=self.initiator == "customer",
            merchant_initiated=self.initiator == "merchant",
            merchant_category=self.merchant_category,
            risk_score=self.risk_score,
            at=self.at or clock_port.now(),
            metadata=self.metadata,
            seed=self.payment_id,
        )


class ReplayRoutes(Input):
    """Which rules, by the id of a version or as a document, and which payments; the last 30 days when left out."""

    rule_set_id: Annotated[str, Meta(max_length=40)] | None = None
    rule_set: RuleSetInput | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None
    limit: Annotated[
        int, Meta(ge=1, le=route_replay.PAYMENTS_MAX, description="The newest so many payments of the time.")
    ] = REPLAY_DEFAULT


class ShareBody(msgspec.Struct, kw_only=True):
    """What an account has of the payments in one currency. `approvals`: how many are expected to be approved.

    `cost` sums the price lists in minor units; of `cost_unknown` payments an exchange rate is missing.
    """

    payments: int
    volume: int
    cost: int
    cost_unknown: int
    approvals: float


class ReplayRowBody(msgspec.Struct, kw_only=True):
    """An account's share before and after; an empty `gateway_account_id`: no account could take the payments."""

    gateway_account_id: str
    gateway: str
    currency: str
    before: ShareBody
    after: ShareBody


class ReplayMoveBody(msgspec.Struct, kw_only=True):
    """So many payments went to one account first, and would go to the other."""

    from_account_id: str
    to_account_id: str
    payments: int


class SeriesBody(msgspec.Struct, kw_only=True):
    """One row of bars: payments by account, in the order of the labels."""

    name: Literal["before", "after"]
    payments: list[int]


class ChartBody(msgspec.Struct, kw_only=True):
    """The replay as a chart's data."""

    labels: list[str]
    series: list[SeriesBody]


class ReplayBody(msgspec.Struct, kw_only=True):
    """What other rules would have done with past payments: by account and currency, by move, and by rule."""

    object: str = "routing_replay"
    payments: int
    moved: int
    rows: list[ReplayRowBody]
    moves: list[ReplayMoveBody]
    rules: dict[str, int]
    chart: ChartBody


@get("/routing/policy", guards=[needs(SCOPE)], responses=PROBLEMS, tags=["routing"], summary="Get the routing policy")
async def get_policy(request: ApiRequest) -> RoutingPolicyBody:
    """How the merchant's payments are ordered and fail over where no rule says otherwise."""
    return policy_body(await store.policy_of(merchant_of(request)))


@put("/routing/policy", guards=[needs(SCOPE)], responses=PROBLEMS, tags=["routing"], summary="Set the routing policy")
async def set_policy(request: ApiRequest, data: JSONBody[RoutingPolicyInput]) -> RoutingPolicyBody:
    """Put a policy in force as a whole: what is left out is as if nothing was set. It never laxes our own limits."""
    return policy_body(await rule_versions.set_policy(merchant_of(request), data.document()))


@get("/merchant/category", guards=[needs(SCOPE)], responses=PROBLEMS, tags=["routing"], summary="Get the category")
async def get_category(request: ApiRequest) -> CategoryBody:
    """What the merchant sells, which rules may look at."""
    return CategoryBody(merchant_category=await route_settings.category_of(merchant_of(request)))


@put("/merchant/category", guards=[needs(SCOPE)], responses=PROBLEMS, tags=["routing"], summary="Set the category")
async def put_category(request: ApiRequest, data: JSONBody[CategoryInput]) -> CategoryBody:
    """For payments from now on. The audit log keeps what was before."""
    await route_settings.set_category(merchant_of(request), data.merchant_category)
    return CategoryBody(merchant_category=data.merchant_category)


@post(
    "/routing/lint",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["routing"],
    summary="Lint routing rules",
)
async def lint(request: ApiRequest, data: JSONBody[RuleSetInput]) -> Response[LintBody]:
    """What is wrong with rules though they can be read. Nothing is stored."""
    merchant_id = merchant_of(request)

    async def work(_: str) -> LintBody:
        return LintBody(findings=finding_bodies(await rule_versions.lint(merchant_id, data.document())))

    return await answer_once(request, work, status=200)


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
    merchant_id, facts = merchant_of(request), data.facts()

    async def work(_: str) -> RouteBody:
        rules = None
        if data.rule_set_id is not None:
            rules = (await rule_versions.get(merchant_id, data.rule_set_id)).rule_set()
        return route_body(await routes.simulated(merchant_id, facts, clock_port.now(), rules))

    return await answer_once(request, work, status=200)


@post(
    "/routing/replay",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["routing"],
    summary="Replay past payments",
)
async def replay(request: ApiRequest, data: JSONBody[ReplayRoutes]) -> Response[ReplayBody]:
    """Put past payments through other rules: volume, expected cost and approvals by account. Nothing is touched."""
    merchant_id, now = merchant_of(request), clock_port.now()

    async def work(_: str) -> ReplayBody:
        rules = await _rules_of(merchant_id, data)
        until = data.created_to or now
        since = data.created_from or until - REPLAY_SPAN
        return _replay_body(await route_replay.replay(merchant_id, rules, since, until, data.limit))

    return await answer_once(request, work, status=200)


@get(
    "/rule-sets/{rule_set_id:str}/replay.csv",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    media_type="text/csv",
    tags=["routing"],
    summary="Replay past payments as CSV",
)
async def replay_csv(
    request: ApiRequest,
    rule_set_id: FromPath[str],
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    limit: ReplayLimit = REPLAY_DEFAULT,
) -> Response[str]:
    """The replay's table through a version: a line for each account and currency, amounts in minor units."""
    rows = (await _replayed(request, rule_set_id, created_from, created_to, limit)).rows
    figures = ShareBody.__struct_fields__
    header = ["gateway_account_id", "gateway", "currency"]
    header += [f"{name}_{when}" for when in ("before", "after") for name in figures]
    astuple = msgspec.structs.astuple
    lines = ((it.gateway_account_id, it.gateway, it.currency, *astuple(it.before), *astuple(it.after)) for it in rows)
    return csv_answer("replay.csv", header, lines)


@get(
    "/rule-sets/{rule_set_id:str}/replay.svg",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    media_type="image/svg+xml",
    tags=["routing"],
    summary="Replay past payments as chart",
)
async def replay_svg(
    request: ApiRequest,
    rule_set_id: FromPath[str],
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    limit: ReplayLimit = REPLAY_DEFAULT,
) -> Response[str]:
    """The replay through a version as a picture: payments by account, before and after."""
    chart = (await _replayed(request, rule_set_id, created_from, created_to, limit)).chart
    picture = route_chart.bars(chart.labels, {row.name: row.payments for row in chart.series})
    return Response(picture, media_type="image/svg+xml")


async def _replayed(
    request: ApiRequest, rule_set_id: str, created_from: datetime | None, created_to: datetime | None, limit: int
) -> ReplayBody:
    merchant_id = merchant_of(request)
    rules = (await rule_versions.get(merchant_id, rule_set_id)).rule_set()
    until = moment(created_to, "created_to") or clock_port.now()
    since = moment(created_from, "created_from") or until - REPLAY_SPAN
    return _replay_body(await route_replay.replay(merchant_id, rules, since, until, limit))


async def _rules_of(merchant_id: str, data: ReplayRoutes) -> RuleSet:
    if (data.rule_set_id is None) is (data.rule_set is None):
        raise InvalidField("rule_set_id", "or rule_set is required, and not both")
    if data.rule_set is not None:
        return parse_rule_set(data.rule_set.document())
    return (await rule_versions.get(merchant_id, str(data.rule_set_id))).rule_set()


def _replay_body(found: Replay) -> ReplayBody:
    keys = sorted({*found.before, *found.after})
    rows = [
        ReplayRowBody(
            gateway_account_id=account_id,
            gateway=found.gateways.get(account_id, ""),
            currency=currency,
            before=_share_body(found.before.get((account_id, currency), Share())),
            after=_share_body(found.after.get((account_id, currency), Share())),
        )
        for account_id, currency in keys
    ]
    labels = sorted({account_id for account_id, _ in keys})
    moves = [
        ReplayMoveBody(from_account_id=before, to_account_id=after, payments=count)
        for (before, after), count in sorted(found.moves.items())
        if before != after
    ]
    return ReplayBody(
        payments=found.payments,
        moved=sum(move.payments for move in moves),
        rows=rows,
        moves=moves,
        rules=dict(sorted(found.rules.items())),
        chart=ChartBody(
            labels=labels,
            series=[
                SeriesBody(name="before", payments=_payments_of(found.before, labels)),
                SeriesBody(name="after", payments=_payments_of(found.after, labels)),
            ],
        ),
    )


def _share_body(share: Share) -> ShareBody:
    return ShareBody(
        payments=share.payments,
        volume=share.volume_minor,
        cost=share.cost_minor,
        cost_unknown=share.cost_unknown,
        approvals=share.approvals_ppm / 1_000_000,
    )


def _payments_of(shares: dict[tuple[str, str], Share], labels: list[str]) -> list[int]:
    return [sum(share.payments for (one, _), share in shares.items() if one == label) for label in labels]


ROUTES = [get_policy, set_policy, get_category, put_category, lint, simulate, replay, replay_csv, replay_svg]
