"""The simulators by name: their applications, and what the kernel asks of a gateway (signatures, timers, disputes)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from simulators.adyen import app as adyen
from simulators.adyen import disputes as adyen_disputes
from simulators.adyen import timers as adyen_timers
from simulators.adyen import webhooks as adyen_webhooks
from simulators.asgi import ASGIApp
from simulators.disputes import Dispute, DisputeKind
from simulators.mail import server as mail
from simulators.paypal import app as paypal
from simulators.paypal import disputes as paypal_disputes
from simulators.paypal import timers as paypal_timers
from simulators.paypal import webhooks as paypal_webhooks
from simulators.stripe import app as stripe
from simulators.stripe import disputes as stripe_disputes
from simulators.stripe import timers as stripe_timers
from simulators.stripe import webhooks as stripe_webhooks
from simulators.vault import app as vault
from simulators.vault import timers as vault_timers
from simulators.vies import app as vies
from simulators.world import Charge, Endpoint, Signed, World

Signer = Callable[[World, Endpoint, bytes], Signed]
Forger = Callable[[World, Endpoint], Signed]
TimerHandler = Callable[[World, dict[str, Any]], Coroutine[Any, Any, None] | None]
"""Gateways' handlers are plain functions; the kernel has one that opens a port."""
OpenDispute = Callable[[World, Charge, str, DisputeKind, int], Dispute]
DecideDispute = Callable[[World, Dispute, bool], None]

APPS: Mapping[str, Callable[[World], ASGIApp]] = {
    "stripe": stripe.create_app,
    "adyen": adyen.create_app,
    "paypal": paypal.create_app,
    "vault": vault.create_app,
    "mail": mail.create_app,
    "vies": vies.create_app,
}
"""By the name of the port, as the options and the outage switch have it."""

SIGNERS: Mapping[str, Signer] = {
    "stripe": stripe_webhooks.sign,
    "adyen": adyen_webhooks.sign,
    "paypal": paypal_webhooks.sign,
}
"""Makes the message for an endpoint; called once per try, since a signature may carry the time of sending."""

FORGERS: Mapping[str, Forger] = {
    "stripe": stripe_webhooks.forged,
    "adyen": adyen_webhooks.forged,
    "paypal": paypal_webhooks.forged,
}
"""A plausible message with a signature that is wrong."""

HANDLERS: Mapping[str, Mapping[str, TimerHandler]] = {
    "stripe": stripe_timers.HANDLERS,
    "adyen": adyen_timers.HANDLERS,
    "paypal": paypal_timers.HANDLERS,
    "vault": vault_timers.HANDLERS,
}
"""What `World.at` names: by gateway and handler."""

OPEN_DISPUTE: Mapping[str, OpenDispute] = {
    "stripe": stripe_disputes.open_dispute,
    "adyen": adyen_disputes.open_dispute,
    "paypal": paypal_disputes.open_dispute,
}

DECIDE_DISPUTE: Mapping[str, DecideDispute] = {
    "stripe": stripe_disputes.decide,
    "adyen": adyen_disputes.decide,
    "paypal": paypal_disputes.decide,
}
