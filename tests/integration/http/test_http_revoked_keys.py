"""A revoked API key: it stops working within the second that is stated, and a good one goes on."""

from __future__ import annotations

import asyncio

from http_driving import Api

from orchestrator import clock_port
from orchestrator.access import service, store
from orchestrator.http import auth


async def test_a_revoked_key_is_refused_within_the_stated_time(api: Api) -> None:
    assert (await api.get("/v1/payments")).status_code == 200  # it is known to the process from now on
    caller = await service.authenticate(api.secret)
    await store.revoke_api_key(api.merchant_id, caller.key_id, clock_port.now())
    await asyncio.sleep(auth.REVOKED_WITHIN_S)
    assert (await api.get("/v1/payments")).status_code == 401


async def test_an_unknown_key_is_never_remembered_as_good(api: Api) -> None:
    secret = service.KEY_PREFIX + "0" * 48
    for _ in range(2):
        answer = await api.client.get("/v1/payments", headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == 401
