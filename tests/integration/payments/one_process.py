"""A process of its own that carries out one verb on one payment, as an API process would: `python one_process.py …`."""

from __future__ import annotations

import asyncio
import sys

import msgspec

from orchestrator import db
from orchestrator.errors import ClearwayError
from orchestrator.payments import answering, service
from orchestrator.payments.instruments import Card
from orchestrator.refunds import service as refunds


async def carry_out(verb: str, merchant_id: str, payment_id: str, argument: str) -> str:
    match verb:
        case "pay":
            return (await service.pay(payment_id, msgspec.json.decode(argument, type=Card))).status
        case "capture":
            return (await service.capture(merchant_id, payment_id, int(argument), final=False)).status
        case "cancel":
            return (await service.cancel(merchant_id, payment_id)).status
        case "refund":
            return (await refunds.create(merchant_id, payment_id, int(argument), "")).status
    raise ValueError(verb)


async def main() -> None:
    await db.start_pool(max_size=3)
    print("ready", flush=True)
    sys.stdin.readline()  # all of them begin together
    try:
        print("done", await carry_out(*sys.argv[1:5]), flush=True)
    except ClearwayError as error:
        print("refused", error.code, flush=True)
    finally:
        await answering.finish_driving(20)
        await db.close_pool()


asyncio.run(main())
