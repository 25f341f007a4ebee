"""Routes that no payer and no payment needs: disputes, webhook registration, reports."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from simulators.asgi import App, Request, Response, json_response
from simulators.disputes import Dispute, charge_of
from simulators.paypal import dispute_resources, dispute_search, disputes, notifications, reporting
from simulators.paypal.serving import Call, Serving, files_of
from simulators.paypal.state import State
from simulators.paypal.wire import Json, link
from simulators.world import World

_DISPUTES = "/v1/customer/disputes"
_WEBHOOKS = "/v1/notifications/webhooks"

Verb = Callable[[World, Dispute, Json], None]
WithFiles = Callable[[World, Dispute, Json, list[str]], None]


class BackOffice:
    """Routes bound to one world."""

    def __init__(self, world: World, state: State, serving: Serving, app: App) -> None:
        self._world, self._state, self._serving = world, state, serving
        get, post = partial(app.route, "GET"), partial(app.route, "POST")
        get(_DISPUTES, self._search_disputes)
        get(f"{_DISPUTES}/{{id}}", self._show_dispute)
        for name, verb in _VERBS.items():
            post(f"{_DISPUTES}/{{id}}/{name}", partial(self._act, verb))
        for name, with_files in _WITH_FILES.items():
            post(f"{_DISPUTES}/{{id}}/{name}", partial(self._act_with_files, with_files))
        post(_WEBHOOKS, self._create_webhook)
        get(_WEBHOOKS, self._list_webhooks)
        get(f"{_WEBHOOKS}/{{id}}", self._show_webhook)
        app.route("PATCH", f"{_WEBHOOKS}/{{id}}", self._patch_webhook)
        app.route("DELETE", f"{_WEBHOOKS}/{{id}}", self._delete_webhook)
        get(f"{_WEBHOOKS}/{{id}}/event-types", self._webhook_types)
        get(f"{_WEBHOOKS}-event-types", self._types)
        get(f"{_WEBHOOKS}-events", self._events)
        get(f"{_WEBHOOKS}-events/{{id}}", self._event)
        post(f"{_WEBHOOKS}-events/{{id}}/resend", self._resend)
        post("/v1/notifications/verify-webhook-signature", self._verify)
        get("/v1/reporting/transactions", self._transactions)
        get("/v1/reporting/balances", self._balances)

    # disputes

    async def _search_disputes(self, request: Request) -> Response:
        def work(call: Call) -> Response:
            return json_response(dispute_search.search(self._world, self._state, call.account, request.query))

        return await self._serving.serve(request, "dispute", work)

    async def _show_dispute(self, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            it = disputes.dispute_of(self._world, call.account, id)
            return json_response(dispute_resources.dispute(it, charge_of(self._world, it), self._state))

        return await self._serving.serve(request, "dispute", work)

    async def _act(self, verb: Verb, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            verb(self._world, disputes.dispute_of(self._world, call.account, id), call.object())
            return self._acted(id)

        return await self._serving.serve(request, "dispute", work)

    async def _act_with_files(self, verb: WithFiles, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            it = disputes.dispute_of(self._world, call.account, id)
            verb(self._world, it, call.object(), files_of(request))
            return self._acted(id)

        return await self._serving.serve(request, "dispute", work)

    def _acted(self, id: str) -> Response:
        return json_response({"links": [link(f"{self._state.base_url}{_DISPUTES}/{id}", "self", "GET")]})

    # webhooks

    async def _create_webhook(self, request: Request) -> Response:
        def work(call: Call) -> Response:
            made = notifications.create(self._world, call.account, call.object())
            return json_response(notifications.show(made, self._state), 201)

        return await self._serving.serve(request, "endpoint", work)

    async def _list_webhooks(self, request: Request) -> Response:
        def work(call: Call) -> Response:
            return json_response(notifications.listed(self._world, call.account, self._state))

        return await self._serving.serve(request, "endpoint", work)

    async def _show_webhook(self, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            found = notifications.endpoint_of(self._world, call.account, id)
            return json_response(notifications.show(found, self._state))

        return await self._serving.serve(request, "endpoint", work)

    async def _patch_webhook(self, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            changed = notifications.patch(self._world, call.account, id, call.body)
            return json_response(notifications.show(changed, self._state))

        return await self._serving.serve(request, "endpoint", work)

    async def _delete_webhook(self, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            notifications.delete(self._world, call.account, id)
            return Response(204)

        return await self._serving.serve(request, "endpoint", work)

    async def _webhook_types(self, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            found = notifications.endpoint_of(self._world, call.account, id)
            return json_response(notifications.types(found.events or frozenset({"*"})))

        return await self._serving.serve(request, "endpoint", work)

    async def _types(self, request: Request) -> Response:
        return await self._serving.serve(request, "endpoint", lambda call: json_response(notifications.types()))

    async def _events(self, request: Request) -> Response:
        def work(call: Call) -> Response:
            return json_response(notifications.events(self._state, call.account, request.query))

        return await self._serving.serve(request, "endpoint", work)

    async def _event(self, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            return json_response(notifications.event(self._state, call.account, id))

        return await self._serving.serve(request, "endpoint", work)

    async def _resend(self, request: Request, id: str) -> Response:
        def work(call: Call) -> Response:
            return json_response(notifications.resend(self._world, self._state, call.account, id), 202)

        return await self._serving.serve(request, "endpoint", work)

    async def _verify(self, request: Request) -> Response:
        def work(call: Call) -> Response:
            body = call.object()
            return json_response(notifications.verify(self._state, call.account, self._world, request.body, body))

        return await self._serving.serve(request, "endpoint", work)

    # reports

    async def _transactions(self, request: Request) -> Response:
        def work(call: Call) -> Response:
            return json_response(reporting.search(self._world, self._state, call.account, request.query))

        return await self._serving.serve(request, "report", work)

    async def _balances(self, request: Request) -> Response:
        def work(call: Call) -> Response:
            return json_response(reporting.balances(self._world, self._state, call.account, request.query))

        return await self._serving.serve(request, "report", work)


_VERBS: dict[str, Verb] = {
    "accept-claim": disputes.accept_claim,
    "escalate": disputes.escalate,
    "send-message": disputes.send_message,
    "adjudicate": disputes.adjudicate,
    "require-evidence": disputes.require_evidence,
}
_WITH_FILES: dict[str, WithFiles] = {
    "provide-evidence": disputes.provide_evidence,
    "appeal": disputes.appeal,
}
