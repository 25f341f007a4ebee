"""Who a customer is at each gateway account: made there when something is first to be kept for them."""

from __future__ import annotations

from datetime import datetime

import structlog

from orchestrator import clock_port
from orchestrator.customers import store
from orchestrator.gateways import connections
from orchestrator.gateways.credentials import Shopper
from orchestrator.gateways.facets import CustomerOrder
from orchestrator.ids import new_id
from routing.outcomes import OutcomeKind

log = structlog.get_logger()


async def ensure(customer_id: str, account_id: str) -> str:
    """The gateway's name of the customer, made where there is none; `` where the gateway cannot say so now.

    Two who ask at once, and a lost answer, get the same one: the key is made of the two ids.
    """
    known = await store.gateway_customer(customer_id, account_id)
    person = await store.customer(customer_id)
    if known or person is None:
        return known
    try:
        connection = await connections.connect(account_id)
    except Exception as error:  # an account that cannot be opened keeps nothing, and does not stop the others
        log.exception("gateway_customer.not_made", account=account_id)
        del error
        return ""
    methods = connection.gateway.facets.methods
    if methods is None:
        return ""
    shopper = Shopper(email=person.email, name=person.name, country=person.country or "", locale=person.locale)
    order = CustomerOrder(f"{customer_id}_{account_id[-12:]}", customer_id, shopper)
    answer = await connection.ask(lambda _: methods.save_customer(order))
    if answer.kind is not OutcomeKind.APPROVED or not answer.value:
        log.warning("gateway_customer.not_made", account=account_id, detail=answer.detail)
        return ""
    await learn(customer_id, account_id, answer.value, clock_port.now())
    return answer.value


async def learn(customer_id: str, account_id: str, name: str, now: datetime) -> None:
    """Keep the name that the gateway gives the customer: some give it with the first credential only."""
    if name and await store.gateway_customer(customer_id, account_id) != name:
        await store.put_gateway_customer(new_id("gwc"), customer_id, account_id, name, now)
