"""Webhook endpoints registered by API, and the events that were told (docs.stripe.com/api/webhook_endpoints)."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from simulators.stripe.calls import Call
from simulators.stripe.errors import StripeError, invalid
from simulators.stripe.event_names import EVENT_NAMES
from simulators.stripe.form import Form, flag, listed, metadata, only, required, text
from simulators.stripe.objects import new_id, unix
from simulators.stripe.paging import page
from simulators.stripe.state import table
from simulators.world import Endpoint, World

_MOST_ENDPOINTS = 16  # docs.stripe.com/webhooks
_EVENTS_LAST = timedelta(days=30)  # docs.stripe.com/api/events


class WebhookEndpoints:
    def __init__(self, world: World) -> None:
        self._world = world
        self._table = table(world, "webhook_endpoint")

    def create(self, call: Call) -> dict[str, Any]:
        """The signing secret is told here and never again."""
        only(call.form, "api_version", "connect", "description", "enabled_events", "metadata", "url")
        form, id, secret = call.form, new_id("we"), "whsec_" + secrets.token_urlsafe(24)
        if len(self._table.of(call.account)) >= _MOST_ENDPOINTS:
            message = "You have reached the maximum of 16 test webhook endpoints."
            raise StripeError(400, message)
        shown: dict[str, Any] = {
            "id": id,
            "object": "webhook_endpoint",
            "api_version": text(form, "api_version") or None,
            "application": None,
            "created": unix(self._world.clock.now()),
            "description": text(form, "description") or None,
            "enabled_events": _events(form),
            "livemode": False,
            "metadata": metadata(form),
            "status": "enabled",
            "url": _url(form),
        }
        self._table.add(call.account, shown)
        known = {"signing_secret": secret, "api_version": text(form, "api_version")}
        events = frozenset(shown["enabled_events"])
        self._world.register_endpoint(Endpoint("stripe", call.account, shown["url"], known, id, events))
        return {**shown, "secret": secret}

    def update(self, call: Call) -> dict[str, Any]:
        only(call.form, "description", "disabled", "enabled_events", "metadata", "url")
        shown, form = self._shown(call), call.form
        endpoint = self._endpoint(call)
        if "enabled_events" in form:
            shown["enabled_events"] = _events(form)
            endpoint.events = frozenset(shown["enabled_events"])
        if "url" in form:
            shown["url"] = endpoint.url = _url(form)
        if "disabled" in form:
            endpoint.enabled = not flag(form, "disabled")
        if "description" in form:
            shown["description"] = text(form, "description") or None
        shown["metadata"] = metadata(form, shown["metadata"])
        return self._shown(call)

    def retrieve(self, call: Call) -> dict[str, Any]:
        return self._shown(call)

    def list_all(self, call: Call) -> dict[str, Any]:
        rows = [self._with_status(call.account, shown) for shown in self._table.of(call.account)]
        return page("/v1/webhook_endpoints", rows, call.form)

    def delete(self, call: Call) -> dict[str, Any]:
        self._table.find(call.account, call.id)
        self._table.remove(call.id)
        self._world.remove_endpoint("stripe", call.account, call.id)
        return {"id": call.id, "object": "webhook_endpoint", "deleted": True}

    def events(self, call: Call) -> dict[str, Any]:
        form, kinds = call.form, [str(kind) for kind in listed(call.form, "types")]
        kinds = kinds or ([text(form, "type")] if text(form, "type") else [])
        rows = [event for event in self._recent(call.account) if not kinds or _is_of(event["type"], kinds)]
        return page("/v1/events", rows, form)

    def event(self, call: Call) -> dict[str, Any]:
        event = table(self._world, "event").find(call.account, call.id)
        if event not in self._recent(call.account):
            raise StripeError(404, f"No such event: '{call.id}'", code="resource_missing", param="id")
        return event

    def _recent(self, account: str) -> list[dict[str, Any]]:
        since = unix(self._world.clock.now() - _EVENTS_LAST)
        return [event for event in table(self._world, "event").of(account) if event["created"] >= since]

    def _shown(self, call: Call) -> dict[str, Any]:
        return self._with_status(call.account, self._table.find(call.account, call.id))

    def _with_status(self, account: str, shown: dict[str, Any]) -> dict[str, Any]:
        """An endpoint that fails for days is switched off by Stripe."""
        for endpoint in self._world.endpoints_of("stripe", account):
            if endpoint.id == shown["id"]:
                shown["status"] = "enabled" if endpoint.enabled else "disabled"
        return shown

    def _endpoint(self, call: Call) -> Endpoint:
        return next(e for e in self._world.endpoints_of("stripe", call.account) if e.id == call.id)


def _events(form: Form) -> list[str]:
    names = [str(name) for name in listed(form, "enabled_events")]
    if not names:
        raise invalid("Missing required param: enabled_events.", "enabled_events", "parameter_missing")
    for name in names:
        if name != "*" and name not in EVENT_NAMES:
            raise invalid(f"Invalid enabled_events: {name} is not an event type", "enabled_events")
    if "*" in names and len(names) > 1:
        raise invalid("The wildcard `*` must be the only enabled event.", "enabled_events")
    return names


def _url(form: Form) -> str:
    url = required(form, "url")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise invalid("Invalid URL: An explicit scheme (such as https) must be provided.", "url", "url_invalid")
    return url


def _is_of(kind: str, wanted: list[str]) -> bool:
    return any(kind == name or (name.endswith(".*") and kind.startswith(name[:-1])) for name in wanted)
