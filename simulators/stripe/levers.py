"""What happens to Stripe from outside and no API call does: levers of the simulation, below /simulator."""

from __future__ import annotations

import json
from typing import Any

from simulators.asgi import Request, Response, json_response
from simulators.payouts import payouts_of
from simulators.stripe import payouts
from simulators.stripe.balance import payout_shown
from simulators.stripe.customers import PaymentMethods
from simulators.stripe.errors import StripeError, missing_resource
from simulators.world import World


class Levers:
    def __init__(self, world: World) -> None:
        self._world = world

    async def renew_card(self, request: Request, id: str) -> Response:
        """The card networks tell of a saved card's new expiry, and number: {exp_month, exp_year, number?}."""
        try:
            return json_response(PaymentMethods(self._world).renew_card(id, _json(request)))
        except StripeError as error:
            return error.response()

    async def fail_payout(self, request: Request, id: str) -> Response:
        """The bank sends a payout back, which may be days after it was paid."""
        payout = payouts_of(self._world).get(id)
        if payout is None or payout.gateway != "stripe":
            return missing_resource("payout", id).response()
        payouts.fail(self._world, payout)
        return json_response(payout_shown(payout))


def _json(request: Request) -> dict[str, Any]:
    try:
        sent = json.loads(request.body)
    except ValueError:
        raise StripeError(400, "The body must be JSON.") from None
    return sent if isinstance(sent, dict) else {}
