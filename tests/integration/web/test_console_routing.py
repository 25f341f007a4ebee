"""The console's routing rules: versions, findings and differences are there to be read, and nobody else's are."""

from __future__ import annotations

import pytest
from console_people import signed_in
from payment_shop import Shop

from orchestrator.access import service as access
from orchestrator.access.scopes import Role
from orchestrator.payments import rule_versions

pytestmark = pytest.mark.asyncio(loop_scope="session")
EUROS = {"name": "euros <b>", "when": {"currency": ["EUR"]}, "then": {"accounts": ["stripe"]}}
BEHIND = {"name": "behind", "when": {"all": [{"currency": ["EUR"]}, {"country": ["DE"]}]}, "then": {}}


async def test_versions_are_listed_with_what_is_in_force(shop: Shop) -> None:
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        assert "No rules yet" in await operator.opens("/console/routing")
        first = await rule_versions.draft(shop.merchant_id, {"rules": [EUROS]})
        await rule_versions.activate(shop.merchant_id, first.id)
        await rule_versions.draft(shop.merchant_id, {"rules": []})
        html = await operator.opens("/console/routing")
    assert html.index("Version 2") < html.index("Version 1")
    assert "Active" in html
    assert "Draft" in html


async def test_a_version_shows_its_rules_what_the_linter_says_and_what_it_changes(shop: Shop) -> None:
    first = await rule_versions.draft(shop.merchant_id, {"rules": [EUROS]})
    await rule_versions.activate(shop.merchant_id, first.id)
    second = await rule_versions.draft(shop.merchant_id, {"rules": [EUROS, BEHIND]})
    third = await rule_versions.draft(shop.merchant_id, {"rules": [BEHIND, EUROS]})
    async with signed_in(shop.merchant_id, Role.VIEWER) as viewer:
        html = await viewer.opens(f"/console/routing/{second.id}")
        assert "euros &lt;b&gt;" in html
        assert "every payment that fits it fits an earlier rule, which wins" in html
        assert "Added" in html
        moved = await viewer.opens(f"/console/routing/{third.id}?against={second.id}")
        assert "from 2 to 1" in moved
        assert "Nothing to be said" not in html


async def test_another_merchants_rules_are_not_there(shop: Shop) -> None:
    other = await access.create_merchant("Another Shop", {})
    theirs = await rule_versions.draft(other.id, {"rules": [EUROS]})
    ours = await rule_versions.draft(shop.merchant_id, {"rules": []})
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        for path in (f"/console/routing/{theirs.id}", f"/console/routing/{ours.id}?against={theirs.id}"):
            assert (await operator.visitor.open(path)).status_code == 404
