"""The books on the control API: charges by reference, disputes that move money, payouts, stored credentials."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from sim_driving import Simulators

from simulators.disputes import Dispute, DisputeKind, disputes_of, reinstate, withdraw
from simulators.fields import Fields
from simulators.issuer import region_of
from simulators.ledger_view import LedgerView
from simulators.methods import StoredMethod, methods_of
from simulators.payouts import Movement, Payout, payouts_of
from simulators.settlement import settle
from simulators.world import Card, Charge, World

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def charge(world: World) -> Charge:
    """5000 captured."""
    made = world.add_charge(Charge("stripe", "shop", "ch_1", "att_1", "pay_1", 5000, "EUR", NOW))
    world.capture(made, 5000)
    return made


async def seen(world: World, path: str, tmp_path: Any, **query: str) -> Any:
    routes = {route: verb for method, route, verb in LedgerView(world, settle, tmp_path).routes() if method == "GET"}
    return await routes[path](Fields(dict(query)))


def test_a_dispute_moves_the_balance_and_back(world: World, charge: Charge) -> None:
    dispute = Dispute("dp_1", "stripe", "shop", "ch_1", 2000, "EUR", "fraudulent", DisputeKind.CHARGEBACK, NOW, NOW)
    book = world.book("stripe", "shop", "EUR")
    withdraw(world, dispute, 2000, fee_minor=1500)
    assert (book.disputed_minor, book.dispute_fees_minor, book.balance_minor) == (2000, 1500, 1500)
    reinstate(world, dispute, fee_minor=500)
    assert (book.disputed_minor, book.dispute_fees_minor, book.balance_minor) == (0, 1000, 4000)
    assert (dispute.withdrawn_minor, dispute.fee_minor) == (0, 1000)
    assert [(e.kind, e.minor, e.id) for e in charge.events[-2:]] == [
        ("dispute_withdrawn", 2000, "dp_1"),
        ("dispute_reinstated", 2000, "dp_1"),
    ]


async def test_charges_are_found_by_attempt_or_payment(world: World, charge: Charge, tmp_path: Any) -> None:
    world.add_charge(Charge("adyen", "shop", "PSP", "att_2", "pay_1", 5000, "EUR", NOW))
    assert [row["id"] for row in await seen(world, "/charges", tmp_path, reference="att_1")] == ["ch_1"]
    assert [row["id"] for row in await seen(world, "/charges", tmp_path, reference="pay_1")] == ["ch_1", "PSP"]
    assert [row["id"] for row in await seen(world, "/charges", tmp_path, gateway="adyen")] == ["PSP"]
    assert await seen(world, "/charges", tmp_path, reference="att_3") == []


async def test_payouts_show_what_makes_them_up(world: World, tmp_path: Any) -> None:
    lines = (Movement("ch_1", 1, "captured", 5000, 100),)
    payouts_of(world)["po_1"] = Payout("po_1", "stripe", "shop", "EUR", 4900, NOW, NOW, lines)
    [shown] = await seen(world, "/payouts", tmp_path)
    assert (shown["minor"], shown["status"], shown["movements"][0]["fee_minor"]) == (4900, "pending", 100)
    assert [payout.id for payout in payouts_of(world).of("stripe", "shop")] == ["po_1"]
    assert payouts_of(world).of("stripe", "other") == []


async def test_stored_cards_are_shown_without_their_number(world: World, tmp_path: Any) -> None:
    methods = methods_of(world)
    kept = methods.add(StoredMethod("pm_1", "stripe", "shop", "cus_1", NOW, card=Card("4242424242424242", 3, 2031)))
    [shown] = await seen(world, "/methods", tmp_path)
    assert (shown["card"]["last4"], shown["card"]["brand"]) == ("4242", "visa")
    assert "42424242" not in str(shown)
    assert methods.find("stripe", "shop", "pm_1") is kept
    assert methods.find("stripe", "other", "pm_1") is None
    kept.detached = NOW
    assert methods.find("stripe", "shop", "pm_1") is None
    assert methods.of_customer("stripe", "shop", "cus_1") == []


@pytest.mark.parametrize(
    ("issuer", "merchant", "region"),
    [("DE", "DE", "domestic"), ("FR", "DE", "eea"), ("US", "DE", "international"), ("GB", "DE", "international")],
)
def test_a_cards_region_is_told_by_its_issuers_country(issuer: str, merchant: str, region: str) -> None:
    assert region_of(issuer, merchant) == region


# over HTTP


class Disputed:
    """A Stripe account with one captured charge of 5000."""

    def __init__(self, simulators: Simulators) -> None:
        self.simulators = simulators
        self.account = simulators.register("stripe", {"secret_key": f"sk_test_{secrets.token_hex(8)}"})
        order = {"gateway": "stripe", "account": self.account}
        self.charge = simulators.post("/charges/foreign", **order, amount_minor=5000, currency="EUR")["id"]

    def open(self, **more: Any) -> Any:
        return self.simulators.post("/disputes", gateway="stripe", account=self.account, charge=self.charge, **more)

    @property
    def disputed_minor(self) -> int:
        [book] = [book for book in self.simulators.get("/books") if book["account"] == self.account]
        return int(book["disputed_minor"])


def refused(simulators: Simulators, path: str, **body: Any) -> dict[str, Any]:
    answer = requests.post(simulators.urls["control"] + path, json=body, timeout=10)
    assert answer.status_code == 422
    told: dict[str, Any] = answer.json()
    return told


def test_the_books_are_asked_about_disputes(world: World) -> None:
    assert disputes_of(world) is disputes_of(world)
    assert disputes_of(world).of("stripe", "shop") == []


@pytest.mark.parametrize(("outcome", "left"), [("won", 0), ("lost", 2000)])
def test_a_chargeback_is_opened_and_decided(simulators: Simulators, outcome: str, left: int) -> None:
    disputed = Disputed(simulators)
    dispute = disputed.open(minor=2000, reason="not_received")
    assert disputed.disputed_minor == 2000
    assert dispute["id"] in [d["id"] for d in simulators.get("/disputes")]
    decided = simulators.post(f"/disputes/{dispute['id']}/decide", outcome=outcome)
    assert (decided["state"], disputed.disputed_minor) == (outcome, left)
    again = refused(simulators, f"/disputes/{dispute['id']}/decide", outcome=outcome)
    assert again["field"] == "id"


def test_an_inquiry_takes_no_money(simulators: Simulators) -> None:
    disputed = Disputed(simulators)
    assert disputed.open(kind="inquiry")["minor"] == 5000
    assert disputed.disputed_minor == 0


def test_a_dispute_that_cannot_be_is_refused(simulators: Simulators) -> None:
    disputed = Disputed(simulators)
    order = {"gateway": "stripe", "account": disputed.account}
    assert refused(simulators, "/disputes", **order, charge="ch_none")["field"] == "charge"
    assert refused(simulators, "/disputes", **order, reference="att_none")["field"] == "reference"
    assert refused(simulators, "/disputes", **order, charge=disputed.charge, minor=5001)["field"] == "minor"
    told = refused(simulators, "/disputes", **order, charge=disputed.charge, reason="a whim")
    assert (told["field"], "fraudulent" in told["allowed"]) == ("reason", True)
