"""The scenes of payments: routing, failover, declines, a lost answer, strong authentication, webhooks, a refund."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.demo import seed
from orchestrator.demo.browser import Browser
from orchestrator.demo.checks import StoryFailed, until
from orchestrator.demo.stage import Payment, Scene, Stage, path_of, shown, ways
from orchestrator.demo.world import AMEX, CHALLENGED, MASTERCARD, STOLEN, VISA

UNAUTHORIZED = 401
ASKED = ("look_up", "resend")


@dataclass(frozen=True, slots=True)
class _Order:
    """A payment that should go the way of one rule."""

    name: str
    minor: int
    currency: str
    country: str
    number: str
    rule: str
    gateway: str


ORDERS = (
    _Order("tuning forks", 12_900, "EUR", "DE", VISA, seed.EUROS, "adyen"),
    _Order("a metronome", 5_990, "USD", "US", VISA, seed.DOLLARS, "stripe"),
    _Order("a set of strings", 4_200, "GBP", "GB", MASTERCARD, seed.POUNDS, "paypal"),
    _Order("a shakuhachi", 12_800, "JPY", "JP", VISA, seed.YEN, "adyen"),
    _Order("an oud", 24_500, "KWD", "KW", VISA, seed.GULF, "adyen"),
    _Order("a concert harp", 1_480_000, "EUR", "FR", VISA, seed.LARGE_EUROS, "stripe"),
    _Order("a music stand", 8_900, "EUR", "IT", AMEX, seed.AMEX_AT_STRIPE, "stripe"),
)
FORKS, METRONOME, STRINGS, SHAKUHACHI, OUD, HARP, STAND = (order.name for order in ORDERS)


def routed_by_rule(stage: Stage) -> str:
    """Five currencies, and rules on region, amount and brand."""
    made = [(order, _placed(stage, order)["id"]) for order in ORDERS]
    told = []
    for order, payment_id in made:
        done = stage.captured(order.name, payment_id, order.gateway)
        stage.checks.equal(f"{order.name}: rule", (done["route"] or {}).get("rule"), order.rule)
        told.append(ways(done))
    return ", ".join(told)


def _placed(stage: Stage, order: _Order) -> Payment:
    return stage.pay(order.name, order.minor, order.currency, number=order.number, country=order.country)


def gateway_down(stage: Stage) -> str:
    """The socket is closed; the vault says that it did not reach it. The shopper sees success."""
    with stage.world.outage("adyen"):
        payment = stage.pay("a cello bow", 21_900, "EUR")
        stage.checks.equal("a cello bow: what the shopper sees while Adyen is down", payment["status"], "captured")
    done = stage.captured("a cello bow", payment["id"], "adyen", "stripe")
    stage.checks.equal("a cello bow: the first attempt", done["attempts"][0]["status"], "not_reached")
    return f"{ways(done)}, the same card, one charge"


def soft_decline(stage: Stage) -> str:
    stage.world.misbehave("adyen", "confirm", "decline", reason="do_not_honor", times=1)
    done = stage.captured("a drum key", stage.pay("a drum key", 3_450, "EUR")["id"], "adyen", "stripe")
    stage.checks.equal("a drum key: the first attempt", done["attempts"][0]["status"], "declined")
    return f"{ways(done)}, approved there"


def stolen_card(stage: Stage) -> str:
    """At Stripe, whose codes tell a stolen card from a blocked one."""
    payment = stage.pay("a stolen card", 99_900, "USD", number=STOLEN, country="US")
    stage.checks.equal("stolen card: status", payment["status"], "failed")
    stage.checks.equal("stolen card: gateways tried", path_of(payment), ["stripe"])
    stage.checks.equal("stolen card: reason", (payment["failure"] or {}).get("reason"), "stolen_card")
    stage.checks.equal("stolen card: charges", stage.world.charges(payment["id"]), [])
    return f"{ways(payment)}: refused, and tried nowhere else"


def lost_reply(stage: Stage) -> str:
    """Stripe charges, and neither its answer nor its webhook arrives in time: only asking can tell."""
    stage.world.misbehave("stripe", "confirm", "lose_reply", times=1)
    with stage.world.webhooks("stripe", "hold"):
        payment = stage.pay("a viola", 64_000, "USD", country="US")
        done = stage.captured("a viola", payment["id"], "stripe")
    asked = [o for o in stage.timeline(done["id"])["operations"] if o["kind"] == "confirm" and o["settled_by"] in ASKED]
    stage.checks.equal("a viola: unknown outcomes settled by asking Stripe", len(asked), 1)
    stage.checks.equal("a viola: charges at all gateways", len(stage.world.charges(done["id"])), 1)
    return f"{ways(done)}: unknown, asked, found; charged once"


def strong_authentication(stage: Stage) -> str:
    """3-D Secure, as a browser goes through it: the bank's page, the password, back to us."""
    payment = stage.pay("a grand piano stool", 31_500, "EUR", number=CHALLENGED)
    stage.checks.equal("3-D Secure: status before", payment["status"], "requires_action")
    stage.checks.equal("3-D Secure: charges before", stage.world.kept(payment["id"]), [])
    action = payment["next_action"]
    if not action:
        raise StoryFailed("the payment names no page to authenticate on")
    with Browser() as browser:
        back = browser.pass_challenge(action["url"])
    stage.checks.that(f"3-D Secure: the shopper is back at us, not at {back.url}", back.url.startswith(stage.api.url))
    done = stage.captured("3-D Secure", payment["id"], "adyen")
    return f"{ways(done)}: challenged, password given, charged"


def late_webhooks(stage: Stage) -> str:
    with stage.world.webhooks("adyen", "hold"):
        payment = stage.pay("a trumpet mute", 2_750, "EUR")
        before = payment["status"]
        stage.checks.equal("late webhook: status before it came", before, "authorised")
        until("Adyen's webhooks are held", lambda: _held(stage, "adyen") >= 2)
        stage.world.release_webhooks("adyen")
        done = stage.captured("late webhook", payment["id"], "adyen")
    return f"{ways(done)}: {before} until the webhook came, then {done['status']}"


def duplicate_webhooks(stage: Stage) -> str:
    before = stage.api.get("/webhook-messages/summary")["duplicates"]
    with stage.world.webhooks("stripe", "duplicate"), stage.world.webhooks("adyen", "duplicate"):
        dollars = stage.pay("a kazoo", 1_250, "USD", country="US")
        euros = stage.pay("a triangle", 1_850, "EUR")
        stage.captured("duplicate webhooks at Stripe", dollars["id"], "stripe")
        stage.captured("duplicate webhooks at Adyen", euros["id"], "adyen")
        until("all webhooks have arrived", stage.world.is_quiet)
    again = stage.api.get("/webhook-messages/summary")["duplicates"] - before
    stage.checks.that(f"duplicate webhooks: recognised, found {again}", again >= 2)
    for payment in (dollars, euros):
        booked = [t for t in stage.timeline(payment["id"])["transfers"] if t["kind"] == "payment"]
        stage.checks.equal("duplicate webhooks: transfers booked", len(booked), 1)
    return f"{again} came again, each had its effect once"


def reversed_webhooks(stage: Stage) -> str:
    with stage.world.webhooks("adyen", "reverse"):
        payment = stage.pay("a glockenspiel", 9_400, "EUR")
        until("Adyen's webhooks are held", lambda: _held(stage, "adyen") >= 2)
        stage.world.release_webhooks("adyen")
        done = stage.captured("webhooks out of order", payment["id"], "adyen")
        until("all webhooks have arrived", stage.world.is_quiet)
    return f"{ways(done)}: capture told before authorisation, {done['status']} once"


def forged_webhooks(stage: Stage) -> str:
    before = stage.api.get("/webhook-messages/summary")["rejected"]
    statuses = {a.gateway: stage.world.forge_webhook(a.gateway, a.name) for a in stage.shop.accounts.values()}
    stage.checks.equal("forged webhooks: answers", statuses, dict.fromkeys(statuses, UNAUTHORIZED))
    rejected = stage.api.get("/webhook-messages/summary")["rejected"] - before
    stage.checks.equal("forged webhooks: counted", rejected, len(statuses))
    return f"{rejected} with wrong signatures, all refused with {UNAUTHORIZED}"


def partial_refund(stage: Stage) -> str:
    payment_id = stage.payments[FORKS]
    refund = stage.api.post(f"/payments/{payment_id}/refunds", {"amount": 2_900, "reason": "one fork came bent"})

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = stage.api.get(f"/refunds/{refund['id']}")
        return found if found["status"] != "pending" else None

    done = until("the refund is done", look)
    stage.checks.equal("partial refund: status", done["status"], "succeeded")
    given = sum(charge["refunded_minor"] for charge in stage.world.charges(payment_id))
    stage.checks.equal("partial refund: given back at the gateway", given, 2_900)
    payment = stage.payment(payment_id)
    stage.checks.equal("partial refund: on the payment", payment["amount_refunded"]["amount"], 2_900)
    return f"{shown(done['amount'])} of {shown(payment['amount'])} given back at Adyen"


def _held(stage: Stage, gateway: str) -> int:
    return sum(d["state"] == "held" and d["gateway"] == gateway for d in stage.world.deliveries())


SCENES = (
    Scene("Five currencies, routed by rule", routed_by_rule),
    Scene("Adyen refuses connections", gateway_down),
    Scene("A soft decline", soft_decline),
    Scene("A stolen card", stolen_card),
    Scene("Stripe charges, its reply is lost", lost_reply),
    Scene("3-D Secure", strong_authentication),
    Scene("Webhooks come late", late_webhooks),
    Scene("Webhooks come twice", duplicate_webhooks),
    Scene("Webhooks come out of order", reversed_webhooks),
    Scene("Webhooks are forged", forged_webhooks),
    Scene("A partial refund", partial_refund),
)
