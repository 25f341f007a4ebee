"""The console's routing rules, to be read: versions, one version's rules, findings, and what differs between two."""

import json
from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from orchestrator.access.scopes import Scope
from orchestrator.payments import rule_versions
from orchestrator.web.console_desk import asked, cursor, older_url, open_desk
from orchestrator.web.console_routing_views import ChangeLine, RuleLine, RuleSetsView, RuleSetView
from routing import store
from routing.rules import DEFAULT_RULE
from routing.store import RuleSetState, RuleSetVersion

PLACE = "/console/routing"
ROWS = 25
COMPARED_WITH = 50  # the newest versions, to choose from


@get(PLACE)
async def rule_sets_page(request: Request[Any, Any, Any]) -> Response[str]:
    """All versions, newest first. Raises LoginNeeded, Forbidden."""
    desk = await open_desk(request, Scope.OPERATE_READ)
    found = await store.rule_set_versions(desk.merchant_id, limit=ROWS + 1, before_id=cursor(request, "rs"))
    shown = tuple(found[:ROWS])
    return desk.page(RuleSetsView(desk.shell, shown, older_url(PLACE, shown[-1].id, {}) if len(found) > ROWS else ""))


@get(f"{PLACE}/{{rule_set_id:str}}")
async def rule_set_page(request: Request[Any, Any, Any], rule_set_id: FromPath[str]) -> Response[str]:
    """One version; compared with `?against=`, else with the one in force. Raises NotFound."""
    desk = await open_desk(request, Scope.OPERATE_READ)
    row = await rule_versions.get(desk.merchant_id, rule_set_id)
    versions = await store.rule_set_versions(desk.merchant_id, limit=COMPARED_WITH)
    others = tuple(version for version in versions if version.id != row.id)
    against = await _against(desk.merchant_id, asked(request, "against", r"rs_[0-9a-f]{1,36}"), others)
    changes = await rule_versions.compare(desk.merchant_id, row.id, against.id) if against else []
    view = RuleSetView(
        desk.shell,
        row,
        _rules(row.document),
        tuple(await rule_versions.lint(desk.merchant_id, row.document)),
        others,
        against,
        tuple(ChangeLine(one, _words(one.before), _words(one.after)) for one in changes),
    )
    return desk.page(view)


async def _against(merchant_id: str, wanted: str, others: tuple[RuleSetVersion, ...]) -> RuleSetVersion | None:
    """Raises NotFound for a version that is not the merchant's."""
    if wanted:
        return await rule_versions.get(merchant_id, wanted)
    return next((one for one in others if one.state is RuleSetState.ACTIVE), others[0] if others else None)


def _rules(document: Mapping[str, Any]) -> tuple[RuleLine, ...]:
    lines = [
        RuleLine(str(place), rule["name"], _words(rule.get("when")), _words(rule.get("then")))
        for place, rule in enumerate(document["rules"], 1)
    ]
    return (*lines, RuleLine("", DEFAULT_RULE, "", _words(document.get("default") or {})))


def _words(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) if value is not None else ""


ROUTES = [rule_sets_page, rule_set_page]
