"""A worker's process that answers the bell of one invoice's automatic charge, when all of them are told to."""

from __future__ import annotations

import asyncio
import sys

from orchestrator import db
from orchestrator.billing.automatic_charge import work as automatic_charge_work
from orchestrator.payments import answering


async def main() -> None:
    await db.start_pool(max_size=3)
    print("ready", flush=True)
    sys.stdin.readline()  # all of them begin together
    await automatic_charge_work.look(sys.argv[1])
    print("done", flush=True)
    await answering.finish_driving(20)
    await db.close_pool()


asyncio.run(main())
