"""A gateway that hangs slows no other: the product's own connections and threads over real HTTP.

Ordering is asserted, not time: whatever another account is asked is answered while every hung call is still out.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import requests
from simulated_accounts import Account
from test_contract_saved_methods import customer_order, kept
from verb_calls import Connect

from orchestrator.gateways.base import Gateway
from orchestrator.gateways.connections import Connection
from orchestrator.gateways.facets import Answer
from orchestrator.gateways.limiter import AccountThreads
from orchestrator.gateways.store import Capabilities, Fees, GatewayAccountRow
from routing.outcomes import OutcomeKind

Question = Callable[[Gateway], Answer[object]]

CALLS = 20
AT_ONCE = 8  # of one account; the rest of its calls waits in its own queue
READ_TIMEOUT_S = 60  # of the hung ones: longer than anything here takes


@dataclass
class Diary:
    """What happened, in order; threads write it."""

    lines: list[str] = field(default_factory=list)
    written: threading.Condition = field(default_factory=threading.Condition)

    def note(self, line: str) -> None:
        with self.written:
            self.lines.append(line)
            self.written.notify_all()

    def wait_for(self, line: str, times: int) -> bool:
        with self.written:
            return self.written.wait_for(lambda: self.lines.count(line) >= times, timeout=90)


def connection_of(account: Account) -> Connection:
    row = GatewayAccountRow(
        id=f"gwa_{secrets.token_hex(8)}",
        merchant_id="mer_1",
        gateway=account.gateway.name,
        label="",
        mode="test",
        priority=1,
        enabled=True,
        capabilities=Capabilities(),
        fees=Fees(),
        sealed_credentials="",
        created_at=datetime.now(UTC),
    )
    return Connection(row, account.gateway, AccountThreads(row.id, max_calls=AT_ONCE))


def noted(
    diary: Diary, name: str, question: Callable[[Gateway], Answer[object]]
) -> Callable[[Gateway], Answer[object]]:
    def ask(gateway: Gateway) -> Answer[object]:
        diary.note(f"{name} asked")
        answer = question(gateway)
        diary.note(f"{name} answered")
        return answer

    return ask


def save_a_customer(gateway: Gateway) -> Answer[object]:
    assert gateway.facets.methods is not None
    return gateway.facets.methods.save_customer(customer_order())  # type: ignore[return-value]


async def test_calls_to_other_accounts_are_answered_while_one_gateway_hangs(connect: Connect) -> None:
    hung = connect("stripe", read_timeout_s=READ_TIMEOUT_S)
    others = {"the same gateway": connect("stripe"), "another gateway": connect("adyen")}
    method, diary = kept(others["another gateway"]), Diary()
    questions: dict[str, Question] = {
        "the same gateway": save_a_customer,
        "another gateway": lambda gateway: gateway.facets.methods.saved(method.gateway_customer),  # type: ignore[union-attr]
    }
    hung.trouble("hang", seconds=0, times=CALLS)
    stuck = connection_of(hung)
    hanging = [asyncio.create_task(stuck.ask(noted(diary, "hung", save_a_customer))) for _ in range(CALLS)]
    try:
        assert await asyncio.to_thread(diary.wait_for, "hung asked", AT_ONCE)
        for name, account in others.items():
            connection = connection_of(account)
            answers = await asyncio.gather(*(connection.ask(noted(diary, name, questions[name])) for _ in range(CALLS)))
            assert [answer.kind for answer in answers] == [OutcomeKind.APPROVED] * CALLS
            connection.threads.close()
        assert "hung answered" not in diary.lines, "they came back before the others: nothing is shown by this"
        assert diary.lines.count("hung asked") == AT_ONCE, "one account has more threads than its own"
    finally:
        let_go(hung)
    ended = await asyncio.gather(*hanging)
    stuck.threads.close()
    assert sum(answer.kind is OutcomeKind.UNKNOWN for answer in ended) >= AT_ONCE
    assert {answer.kind for answer in ended} <= {OutcomeKind.UNKNOWN, OutcomeKind.NOT_REACHED, OutcomeKind.APPROVED}


def let_go(account: Account) -> None:
    """The gateway drops every connection that it holds, and is there again, as it should be."""
    requests.delete(account.world.urls["control"] + "/scenarios", timeout=20)
    account.world.post("/outage", gateway=account.gateway.name, on=True)
    account.world.post("/outage", gateway=account.gateway.name, on=False)
