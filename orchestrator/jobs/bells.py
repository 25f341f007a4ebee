"""The one actor: bells ring with a topic and a subject each, and the topic's handler looks at the subject."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import dramatiq
import structlog

from orchestrator import clock_port, outbox
from orchestrator.abuse import service as abuse
from orchestrator.access import housekeeping
from orchestrator.access import store as access
from orchestrator.approvals import service as approvals
from orchestrator.billing import applying, batches, paying, sending
from orchestrator.billing.automatic_charge import service as automatic_charge
from orchestrator.billing.automatic_charge import work as automatic_charge_work
from orchestrator.billing.reminders import policy as reminders_policy
from orchestrator.billing.reminders import service as reminders
from orchestrator.billing.transmissions import acknowledging
from orchestrator.billing.transmissions import service as transmissions
from orchestrator.checkouts import service as checkouts
from orchestrator.customers import expiries, kept_methods, mirroring
from orchestrator.disputes import booking as disputes
from orchestrator.disputes import watch
from orchestrator.fx import fetching
from orchestrator.jobs import approved
from orchestrator.jobs.mail_line import in_line
from orchestrator.notifications import deliveries
from orchestrator.notifications import service as notifications
from orchestrator.outbox import Bell, Later
from orchestrator.payments import (
    card_tries,
    driver,
    kept,
    late_declines,
    method_setups,
    route_records,
    rule_versions,
    split_transfers,
)
from orchestrator.reconciliation import books
from orchestrator.tax_ids import asking
from orchestrator.tax_ids import service as vat_ids
from orchestrator.webhooks import retention
from orchestrator.webhooks import service as webhooks
from orchestrator.webhooks import watch as webhook_watch

log = structlog.get_logger()

Handler = Callable[[str], Awaitable[Later | None]]


async def _advance_payment(payment_id: str) -> Later | None:
    await driver.drive(payment_id)
    return None


async def _beat(process: str) -> Later | None:
    """A bell from the clock that a worker answers: the proof that the way from outbox to worker is open."""
    await outbox.beat(process, clock_port.now())
    return None


async def _tidy(_: str) -> Later | None:
    await access.purge_idempotency(clock_port.now())
    await housekeeping.purge(clock_port.now())
    await deliveries.purge(clock_port.now())
    await retention.purge(clock_port.now())
    await abuse.purge()
    await card_tries.purge(clock_port.now())
    await expiries.warn(clock_port.now())
    await asking.look_around(clock_port.now())
    return None


async def _payment_moved(payment_id: str) -> Later | None:
    """What is paid by it: an invoice that is charged by itself, or a checkout session."""
    await automatic_charge_work.payment_moved(payment_id)
    return await checkouts.settle(payment_id)


async def _withdraw_outdated(invoice_id: str) -> Later | None:
    await paying.withdraw_outdated(invoice_id)
    return None


async def _watch_dispute(dispute_id: str) -> Later | None:
    """What a dispute takes is taken off the invoice that was paid with it, too. That is second: it may want a rate."""
    again = await watch.watch(dispute_id)
    await applying.look_at_dispute(dispute_id)
    return again


async def _tally(_: str) -> Later | None:
    await route_records.tally(clock_port.now())
    return None


HANDLERS: dict[str, Handler] = {
    outbox.HEARTBEAT: _beat,
    outbox.HOUSEKEEPING: _tidy,
    driver.TOPIC: _advance_payment,
    approvals.TOPIC: approved.look,
    approvals.MAIL: in_line(approved.write),
    driver.MOVED: _payment_moved,
    webhooks.TOPIC: webhooks.apply,
    outbox.WEBHOOK_WATCH: webhook_watch.watch,
    applying.PAYMENT_CAPTURED: applying.apply_payment,
    paying.OUTDATED: _withdraw_outdated,
    sending.SEND: in_line(sending.send),
    transmissions.TOPIC: transmissions.transmit,
    outbox.E_INVOICE_ANSWERS: acknowledging.collect,
    batches.TOPIC: batches.work,
    automatic_charge.TOPIC: automatic_charge_work.look,
    reminders_policy.REMIND: reminders.look,
    reminders_policy.RESCHEDULE: reminders_policy.reschedule,
    disputes.WATCH: _watch_dispute,
    fetching.TOPIC: fetching.look,
    kept_methods.DETACH: kept_methods.forget_tokens,
    kept_methods.SETTLE: method_setups.settle,
    kept_methods.SPREAD: mirroring.spread,
    kept.KEEP: kept.keep_late,
    late_declines.TOPIC: late_declines.look,
    mirroring.MIRROR: mirroring.mirror_token,
    notifications.FAN_OUT: deliveries.fan_out,
    deliveries.TOPIC: deliveries.deliver,
    route_records.TOPIC: _tally,
    rule_versions.TOPIC: rule_versions.come_into_force,
    split_transfers.TOPIC: split_transfers.settle,
    vat_ids.TOPIC: asking.look,
    books.FOLD: books.fold,
    books.VERIFY: books.verify,
}


# What else a topic has to do when its subject is given up; the row goes then. Without one the row is parked.
GIVE_UP: dict[str, Callable[[str, str], Awaitable[None]]] = {
    webhooks.TOPIC: webhooks.give_up,
    sending.SEND: sending.give_up,
}


@dramatiq.actor(actor_name="bells", max_retries=0)  # the outbox rings again; the broker need not
async def bells(rung: list[tuple[str, str, int]]) -> None:
    """Answer some bells, side by side: a message for each would cost the broker more than many an answer."""
    begun = await outbox.begin([Bell(*one) for one in rung])
    await asyncio.gather(*(_answer(bell) for bell in begun.free), _answer_alone(begun.suspects))


_one_suspect = asyncio.Lock()


async def _answer_alone(suspects: Sequence[Bell]) -> None:
    """One after the other, and no other suspects in this process meanwhile: of several that were at work when workers
    died, the one that kills them is counted and the others are not. They wait in the outbox, not in a worker's thread.
    """
    if not suspects:
        return
    if _one_suspect.locked():
        soon = clock_port.now() + timedelta(seconds=outbox.SUSPECT_PAUSE_S)
        for suspect in suspects:
            await outbox.put_off(suspect, soon)
        return
    async with _one_suspect:
        for suspect in suspects:
            begun = await outbox.begin_suspect(suspect)
            if begun is not None and begun > outbox.BEGUN_MAX:
                await _give_up(suspect, begun - 1)
            elif begun is not None:
                await _answer(suspect)


async def _give_up(rung: Bell, begun: int) -> None:
    why = f"begun {begun} times and never ended: its worker was killed, or ran out of memory or time"
    log.error("bell.parked", topic=rung.topic, subject=rung.subject, why=why)
    if rung.topic in GIVE_UP:
        await GIVE_UP[rung.topic](rung.subject, why)
        await outbox.finish(rung, None)
    else:
        await outbox.park(rung, why, clock_port.now())


async def _answer(rung: Bell) -> None:
    """What a handler raises is kept with the row, which comes again after a pause."""
    keeper = asyncio.create_task(_keep(rung))
    try:
        answer = await HANDLERS[rung.topic](rung.subject)
    except Exception as error:
        log.exception("bell.failed", topic=rung.topic, subject=rung.subject)
        await outbox.fail(rung, f"{type(error).__name__}: {error}", clock_port.now())
        return
    finally:
        keeper.cancel()
    await outbox.finish(rung, answer)


async def _keep(rung: Bell) -> None:
    """While a handler is slow (a long document, a gateway that hangs) no second worker is sent after the same thing."""
    while True:
        await asyncio.sleep(outbox.KEEP_EVERY_S)
        await outbox.keep(rung, clock_port.now())
