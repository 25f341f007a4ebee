"""A process of its own that issues drafts at once, a number a line; with `hold` it stops in the middle of one. With
`batch` it works at a batch as a worker does."""

from __future__ import annotations

import asyncio
import sys


async def main(how: str, merchant_id: str, ids: list[str]) -> None:
    from orchestrator import db
    from orchestrator.billing import batches, service

    await db.start_pool(10)
    if how == "hold":
        async with db.transaction():
            issued = await service.finalize_within(merchant_id, ids[0], send_mail=False)
            print(issued.number, flush=True)
            await asyncio.Event().wait()

    async def issue(invoice_id: str) -> None:
        issued = await service.finalize(merchant_id, invoice_id, send_mail=False)
        print(issued.number, flush=True)

    print("ready", flush=True)
    if how == "batch":
        await batches.work(ids[0])
    else:
        await asyncio.gather(*(issue(invoice_id) for invoice_id in ids))
    await db.close_pool()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
