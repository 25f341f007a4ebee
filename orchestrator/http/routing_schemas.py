"""Routing as the API shows and takes it: rule sets, policies, what operators say of accounts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from orchestrator.http.schemas import Input
from routing.account_store import Forced, MaintenanceWindow, Override
from routing.differences import Change, Difference
from routing.linter import Finding, Kind
from routing.store import PolicyVersion, RuleSetState, RuleSetVersion

RULES_MAX = 1_000
Moment = Annotated[datetime, Meta(tz=True)]
Reason = Annotated[str, Meta(min_length=1, max_length=500, examples=["Card payments time out."])]


class RuleSetInput(Input):
    """Rules in order, the first that holds wins, and the action when none does; see the guide to routing rules."""

    rules: Annotated[list[dict[str, Any]], Meta(max_length=RULES_MAX)]
    default: dict[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        return {"rules": self.rules} | ({} if self.default is None else {"default": self.default})


class ActivateRuleSet(Input):
    """When the draft is to come in force: at once when left out."""

    activate_at: Moment | None = None


class FindingBody(msgspec.Struct, kw_only=True):
    """Something that is probably wrong with the rules, and where: `rules[2].then.split`. `rule` is the rule's name."""

    kind: Kind
    path: str
    rule: str
    message: str


class LintBody(msgspec.Struct, kw_only=True):
    """What the linter says of a document; no findings is all well."""

    object: str = "rule_set_lint"
    findings: list[FindingBody]


class RuleSetBody(msgspec.Struct, kw_only=True):
    """One version of the merchant's rules, by the names of its rules in order. Its document never changes.

    `activate_at`: when a draft comes in force by itself. `restores`: the earlier version whose document it repeats.
    """

    id: str
    object: str = "rule_set"
    version: int
    state: RuleSetState
    rules: list[str]
    created_at: datetime
    activated_at: datetime | None
    activate_at: datetime | None
    restores: int | None


class RuleSetDetailBody(RuleSetBody, kw_only=True):
    """A version with its document. `findings` are the linter's when it was created, null otherwise."""

    document: dict[str, Any]
    findings: list[FindingBody] | None = None


class DifferenceBody(msgspec.Struct, kw_only=True):
    """One rule that differs, as it was and as it is. Places count from 1; the default action has none."""

    rule: str
    change: Change
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    place_before: int | None
    place_after: int | None


class RuleSetDiffBody(msgspec.Struct, kw_only=True):
    """What a version changes against another."""

    object: str = "rule_set_diff"
    differences: list[DifferenceBody]


class RoutingPolicyInput(Input):
    """How payments are ordered and fail over where no rule says otherwise; see the guide to routing rules.

    `not_after`: reasons of declines after which nothing is tried elsewhere. `merchant_initiated`: whether charges
    without the customer may be. `strategy` is as in a rule: a name, or an object of its name with its numbers.
    """

    max_attempts: int | None = None
    max_issuer_declines: int | None = None
    total_deadline_s: int | None = None
    not_after: Annotated[list[Annotated[str, Meta(max_length=60)]], Meta(max_length=100)] | None = None
    merchant_initiated: bool | None = None
    strategy: str | dict[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}


class RoutingPolicyBody(msgspec.Struct, kw_only=True):
    """The routing policy in force; version 0 is what holds where nothing was set."""

    object: str = "routing_policy"
    version: int
    policy: dict[str, Any]
    created_at: datetime | None


class OverrideInput(Input):
    """`off`: the account takes no new payments. `on`: it does, and its circuit breaker is not asked."""

    forced: Forced
    reason: Reason
    until: Moment | None = None


class OverrideBody(msgspec.Struct, kw_only=True):
    """An operator's word on an account; without `until` it holds until it is taken back."""

    object: str = "gateway_account_override"
    gateway_account_id: str
    forced: Forced
    reason: str
    actor: str
    until: datetime | None
    set_at: datetime


class MaintenanceInput(Input):
    """A time in which the account takes no new payments."""

    starts_at: Moment
    ends_at: Moment
    note: Annotated[str, Meta(max_length=500)] = ""


class MaintenanceBody(msgspec.Struct, kw_only=True):
    """A maintenance window of an account."""

    id: str
    object: str = "maintenance_window"
    gateway_account_id: str
    starts_at: datetime
    ends_at: datetime
    note: str
    actor: str
    created_at: datetime


def rule_set_body(found: RuleSetVersion) -> RuleSetBody:
    return RuleSetBody(**_shared(found))


def rule_set_detail(found: RuleSetVersion, findings: Sequence[Finding] | None = None) -> RuleSetDetailBody:
    told = None if findings is None else finding_bodies(findings)
    return RuleSetDetailBody(**_shared(found), document=found.document, findings=told)


def _shared(found: RuleSetVersion) -> dict[str, Any]:
    return {
        "id": found.id,
        "version": found.version,
        "state": found.state,
        "rules": [rule["name"] for rule in found.document["rules"]],
        "created_at": found.created_at,
        "activated_at": found.activated_at,
        "activate_at": found.activate_at,
        "restores": found.restores,
    }


def finding_bodies(findings: Sequence[Finding]) -> list[FindingBody]:
    return [FindingBody(kind=it.kind, path=it.path, rule=it.rule, message=it.message) for it in findings]


def difference_body(found: Difference) -> DifferenceBody:
    return DifferenceBody(
        rule=found.rule,
        change=found.change,
        before=dict(found.before) if found.before is not None else None,
        after=dict(found.after) if found.after is not None else None,
        place_before=found.place_before,
        place_after=found.place_after,
    )


def policy_body(found: PolicyVersion) -> RoutingPolicyBody:
    return RoutingPolicyBody(version=found.version, policy=found.document, created_at=found.created_at)


def override_body(word: Override) -> OverrideBody:
    return OverrideBody(
        gateway_account_id=word.account_id,
        forced=word.forced,
        reason=word.reason,
        actor=word.actor,
        until=word.until,
        set_at=word.set_at,
    )


def maintenance_body(found: MaintenanceWindow) -> MaintenanceBody:
    return MaintenanceBody(
        id=found.id,
        gateway_account_id=found.account_id,
        starts_at=found.starts_at,
        ends_at=found.ends_at,
        note=found.note,
        actor=found.actor,
        created_at=found.created_at,
    )
