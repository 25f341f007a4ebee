"""A process of its own that writes a reminder and stops before its commit; it tells the letter's number."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, date, datetime, time


async def main(day: str, merchant_id: str, invoice_id: str) -> None:
    from invoicing import reminder_store
    from orchestrator import clock_port, db
    from orchestrator.billing.reminders import service as reminders

    moment = datetime.combine(date.fromisoformat(day), time(9), UTC)
    clock_port.now = lambda: moment
    await db.start_pool(2)
    async with db.transaction():
        await reminders.look_within(merchant_id, invoice_id)
        (letter,) = await reminder_store.reminders_of(invoice_id)
        print(letter.number, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
