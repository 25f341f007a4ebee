"""Routes of gateway accounts. Credentials go in and never come out."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from orchestrator.gateways import accounts, connections, registry, store
from orchestrator.gateways.store import Capabilities, Fees, GatewayAccountRow
from orchestrator.http import queries
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import Page
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import CountryCode, CurrencyCode, Input, require_currency
from orchestrator.settings import get_settings
from routing.facts import Region

SCOPE = "operate"
Word = Annotated[str, Meta(max_length=40, pattern=r"^[a-z0-9_]+$(?!\n)")]
Bps = Annotated[int, Meta(ge=0, le=10_000)]
FixedMinor = Annotated[dict[CurrencyCode, Annotated[int, Meta(ge=0, le=1_000_000)]], Meta(max_length=300)]
Credentials = Annotated[
    dict[Annotated[str, Meta(max_length=60)], Annotated[str, Meta(max_length=4_000)]],
    Meta(max_length=20, examples=[{"secret_key": "sk_test_…"}]),
]


class CapabilitiesInput(Input):
    """What the account may be asked for. An empty list means no limit."""

    currencies: Annotated[list[CurrencyCode], Meta(max_length=300)] = msgspec.field(default_factory=list)
    countries: Annotated[list[CountryCode], Meta(max_length=300)] = msgspec.field(default_factory=list)
    brands: Annotated[list[Word], Meta(max_length=50)] = msgspec.field(default_factory=list)
    methods: Annotated[list[Word], Meta(max_length=50)] = msgspec.field(default_factory=list)


class FeeRuleInput(Input):
    """A row of the price list for some payments. Empty lists fit everything; `regions` are of the card's issuer."""

    bps: Bps = 0
    fixed_minor: FixedMinor = msgspec.field(default_factory=dict)
    brands: Annotated[list[Word], Meta(max_length=50)] = msgspec.field(default_factory=list)
    regions: Annotated[list[Region], Meta(max_length=10)] = msgspec.field(default_factory=list)
    currencies: Annotated[list[CurrencyCode], Meta(max_length=300)] = msgspec.field(default_factory=list)
    methods: Annotated[list[Word], Meta(max_length=50)] = msgspec.field(default_factory=list)


class FeesInput(Input):
    """What the account charges by contract: hundredths of a percent, and a fixed part in minor units by currency.

    The first of `rules` that fits counts in place of both. `fx_markup_bps` comes on top of payments in another currency
    than `settlement_currency`; `declined_minor` is the price of a declined try.
    """

    bps: Bps = 0
    fixed_minor: FixedMinor = msgspec.field(default_factory=dict)
    rules: Annotated[list[FeeRuleInput], Meta(max_length=100)] = msgspec.field(default_factory=list)
    settlement_currency: CurrencyCode | None = None
    fx_markup_bps: Bps = 0
    declined_minor: FixedMinor = msgspec.field(default_factory=dict)

    def currencies(self) -> Iterator[tuple[str, str]]:
        """Every currency that is named, with its field."""
        for name in ("fixed_minor", "declined_minor"):
            yield from ((code, f"fees.{name}.{code}") for code in getattr(self, name))
        if self.settlement_currency is not None:
            yield self.settlement_currency, "fees.settlement_currency"
        for index, rule in enumerate(self.rules):
            yield from ((code, f"fees.rules[{index}].fixed_minor.{code}") for code in rule.fixed_minor)
            yield from ((code, f"fees.rules[{index}].currencies") for code in rule.currencies)


class AddGatewayAccount(Input):
    """One set of credentials at a gateway. `credentials` are sealed at once and never shown."""

    gateway: Annotated[str, Meta(max_length=20, examples=["stripe"])]
    label: Annotated[str, Meta(min_length=1, max_length=100, examples=["Stripe Europe"])]
    credentials: Credentials
    mode: Literal["test", "live"] = "test"
    priority: Annotated[int, Meta(ge=0, le=10_000, description="Lower goes first.")] = 100
    capabilities: CapabilitiesInput = msgspec.field(default_factory=CapabilitiesInput)
    fees: FeesInput = msgspec.field(default_factory=FeesInput)
    verify: Annotated[
        bool, Meta(description="Try the credentials with one harmless call first; false adds them unseen.")
    ] = True


class ChangeGatewayAccount(Input):
    """What is given is set; `capabilities`, `fees` and `credentials` as a whole.

    New credentials must be of the same account at the gateway: what was begun with the old is settled with the new.
    """

    label: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    priority: Annotated[int, Meta(ge=0, le=10_000, description="Lower goes first.")] | None = None
    enabled: bool | None = None
    capabilities: CapabilitiesInput | None = None
    fees: FeesInput | None = None
    credentials: Credentials | None = None
    verify: Annotated[bool, Meta(description="Try new credentials with one harmless call first.")] = True


class AccountCheckBody(msgspec.Struct, kw_only=True):
    """What a harmless call to the gateway came to: `problem` is empty when all is well.

    `notes` are what an operator must arrange with the gateway.
    """

    object: str = "gateway_account_check"
    ok: bool
    problem: str
    notes: list[str]


class GatewayAccountBody(msgspec.Struct, kw_only=True):
    """A gateway account, without its credentials. Have the gateway send its webhooks to `webhook_url`."""

    id: str
    object: str = "gateway_account"
    gateway: str
    label: str
    mode: str
    priority: int
    enabled: bool
    capabilities: Capabilities
    fees: Fees
    webhook_url: str
    created_at: datetime


@post(
    "/gateway-accounts",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["gateway accounts"],
    summary="Add a gateway account",
)
async def add_account(request: ApiRequest, data: JSONBody[AddGatewayAccount]) -> Response[GatewayAccountBody]:
    """Add an account; routing uses it from now on."""
    merchant_id = merchant_of(request)
    _require_currencies(data.capabilities, data.fees)

    async def work(idempotency_id: str) -> GatewayAccountBody:
        if data.verify:
            await accounts.check(data.gateway, data.credentials, mode=data.mode)
        row = await accounts.add(
            merchant_id,
            data.gateway,
            data.label,
            data.credentials,
            mode=data.mode,
            priority=data.priority,
            capabilities=msgspec.to_builtins(data.capabilities),
            fees=msgspec.to_builtins(data.fees),
            idempotency_id=idempotency_id,
        )
        return _body(row)

    async def rebuild(account_id: str) -> GatewayAccountBody:
        return _body(await accounts.get(merchant_id, account_id))

    return await answer_once(request, work, rebuild)


@get(
    "/gateway-accounts",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    tags=["gateway accounts"],
    summary="List gateway accounts",
)
async def list_accounts(
    request: ApiRequest,
    gateway: Annotated[str | None, QueryParameter(name="gateway", max_length=20)] = None,
    mode: Annotated[Literal["test", "live"] | None, QueryParameter(name="mode")] = None,
    enabled: Annotated[bool | None, QueryParameter(name="enabled")] = None,
) -> Page[GatewayAccountBody]:
    """All accounts that fit, first priority first."""
    wanted = {"gateway": gateway, "mode": mode, "enabled": enabled}.items()
    rows = await store.accounts_of(merchant_of(request))
    found = [row for row in rows if all(value in (None, getattr(row, name)) for name, value in wanted)]
    return Page(data=[_body(row) for row in found], has_more=False)


@get(
    "/gateway-accounts/{account_id:str}",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    tags=["gateway accounts"],
    summary="Get a gateway account",
)
async def get_account(request: ApiRequest, account_id: FromPath[str]) -> GatewayAccountBody:
    """The account, without its credentials."""
    return _body(await accounts.get(merchant_of(request), account_id))


@patch(
    "/gateway-accounts/{account_id:str}",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    tags=["gateway accounts"],
    summary="Change a gateway account",
)
async def change_account(
    request: ApiRequest, account_id: FromPath[str], data: JSONBody[ChangeGatewayAccount]
) -> GatewayAccountBody:
    """Change what is given. New credentials are tried first, and in use everywhere within seconds."""
    _require_currencies(data.capabilities, data.fees)
    row = await accounts.change(
        merchant_of(request),
        account_id,
        label=data.label,
        priority=data.priority,
        enabled=data.enabled,
        capabilities=msgspec.to_builtins(data.capabilities),
        fees=msgspec.to_builtins(data.fees),
        credentials=data.credentials,
        verify=data.verify,
    )
    return _body(row)


@delete(
    "/gateway-accounts/{account_id:str}",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    tags=["gateway accounts"],
    summary="Delete a gateway account",
)
async def delete_account(request: ApiRequest, account_id: FromPath[str]) -> None:
    """Delete an account that was never used. One with payments, kept cards or messages is disabled instead."""
    await accounts.delete(merchant_of(request), account_id, queries.account_is_used)


@get(
    "/gateway-accounts/{account_id:str}/check",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    tags=["gateway accounts"],
    summary="Check a gateway account",
)
async def check_account(request: ApiRequest, account_id: FromPath[str]) -> AccountCheckBody:
    """Make one harmless call to the gateway with the account's credentials."""
    row = await accounts.get(merchant_of(request), account_id)
    problem = await (await connections.connect(row.id)).probe()
    return AccountCheckBody(ok=not problem, problem=problem, notes=list(registry.kind_of(row.gateway).setup_notes))


@post(
    "/gateway-accounts/{account_id:str}/enable",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["gateway accounts"],
    summary="Enable a gateway account",
)
async def enable_account(request: ApiRequest, account_id: FromPath[str]) -> Response[GatewayAccountBody]:
    """Take the account back into routing."""
    return await _switch(request, account_id, True)


@post(
    "/gateway-accounts/{account_id:str}/disable",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    tags=["gateway accounts"],
    summary="Disable a gateway account",
)
async def disable_account(request: ApiRequest, account_id: FromPath[str]) -> Response[GatewayAccountBody]:
    """Take the account out of routing. What it has under way is finished."""
    return await _switch(request, account_id, False)


async def _switch(request: ApiRequest, account_id: str, enabled: bool) -> Response[GatewayAccountBody]:
    merchant_id = merchant_of(request)

    async def work(_: str) -> GatewayAccountBody:
        await accounts.switch(merchant_id, account_id, enabled)
        return _body(await accounts.get(merchant_id, account_id))

    return await answer_once(request, work, status=200)


def _require_currencies(capabilities: CapabilitiesInput | None, fees: FeesInput | None) -> None:
    for index, currency in enumerate(capabilities.currencies if capabilities else ()):
        require_currency(currency, f"capabilities.currencies[{index}]")
    for currency, field in fees.currencies() if fees else ():
        require_currency(currency, field)


def _body(row: GatewayAccountRow) -> GatewayAccountBody:
    return GatewayAccountBody(
        id=row.id,
        gateway=row.gateway,
        label=row.label,
        mode=row.mode,
        priority=row.priority,
        enabled=row.enabled,
        capabilities=row.capabilities,
        fees=row.fees,
        webhook_url=f"{get_settings().public_url}/webhooks/{row.id}",
        created_at=row.created_at,
    )


ROUTES = [
    add_account,
    list_accounts,
    get_account,
    change_account,
    delete_account,
    check_account,
    enable_account,
    disable_account,
]
