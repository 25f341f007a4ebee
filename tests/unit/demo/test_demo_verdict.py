"""The demo's own judgement: a claim that does not hold is told, and does not stop the story."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from orchestrator.demo.api import Api
from orchestrator.demo.browser import Page
from orchestrator.demo.checks import Checks, StoryFailed, until
from orchestrator.demo.seed import Shop
from orchestrator.demo.stage import Scene, Stage
from orchestrator.demo.story import play_scene
from orchestrator.demo.summary import double_charges
from orchestrator.demo.world import World


@pytest.fixture
def stage() -> Stage:
    """Scenes of these tests look at nothing but the checks."""
    return Stage(cast(Api, None), cast(World, None), cast(Shop, None), Checks(), Path())


def played(stage: Stage, scene: Scene) -> str:
    console = Console(record=True, width=200)
    play_scene(scene, stage, console, "1/1")
    return console.export_text()


def charge(payment: str, captured: int = 1000, refunded: int = 0, voided: bool = False) -> dict[str, Any]:
    return {
        "payment_reference": payment,
        "captured_minor": captured,
        "refunded_minor": refunded,
        "voided": voided,
    }


def test_a_scene_that_goes_well_is_ticked_off(stage: Stage) -> None:
    assert played(stage, Scene("Rain", lambda _: "it rained")).startswith("✓ Rain: it rained")
    assert stage.checks.ok


def test_a_claim_that_does_not_hold_is_told_with_what_was_found(stage: Stage) -> None:
    def play(stage: Stage) -> str:
        stage.checks.equal("drops", 1, 2)
        return "it rained"

    told = played(stage, Scene("Rain", play))
    assert told.startswith("✗ Rain")
    assert "drops: expected 2, found 1" in told
    assert not stage.checks.ok


def test_a_scene_that_cannot_go_on_fails_and_ends_nothing_else(stage: Stage) -> None:
    def play(stage: Stage) -> str:
        raise StoryFailed("no cloud")

    assert "no cloud" in played(stage, Scene("Rain", play))
    assert not stage.checks.ok


def test_waiting_ends() -> None:
    with pytest.raises(StoryFailed, match="a bus"):
        until("a bus", lambda: None, timeout_s=0)


def test_two_kept_charges_of_one_payment_are_a_double_charge() -> None:
    assert double_charges([charge("pay_1"), charge("pay_1"), charge("pay_2")]) == 1


@pytest.mark.parametrize("other", [charge("pay_1", 0), charge("pay_1", 1000, 1000), charge("pay_1", voided=True)])
def test_a_charge_that_was_not_kept_is_no_double_charge(other: dict[str, Any]) -> None:
    assert double_charges([charge("pay_1"), other]) == 0


def test_charges_made_elsewhere_are_not_ours_to_count() -> None:
    assert double_charges([charge(""), charge("")]) == 0


def test_a_page_shows_its_forms_and_its_checkout() -> None:
    page = Page(
        "http://127.0.0.1/i/abc",
        '<meta name="csrf-token" content="t" data-header="x-csrftoken"><form method="post" action="/i/abc/pay">'
        '<input type="hidden" name="_csrf_token" value="t"></form><main data-checkout data-attempt-url="/pay/abc/a">',
    )
    assert page.csrf == ("x-csrftoken", "t")
    assert page.forms[0].action == "http://127.0.0.1/i/abc/pay"
    assert page.forms[0].fields == {"_csrf_token": "t"}
    assert page.checkout["attempt-url"] == "/pay/abc/a"
