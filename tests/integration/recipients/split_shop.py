"""A shop that shares its payments with two sellers, and what its books and the gateways' say of them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from payment_shop import CREDENTIALS, SIMULATOR_ACCOUNT, Shop, euros

from orchestrator import clock_port
from orchestrator.db import fetch
from orchestrator.gateways import accounts
from orchestrator.gateways.registry import KINDS
from orchestrator.ledger import service as ledger
from orchestrator.ledger import verification
from orchestrator.ledger.verification import Finding
from orchestrator.outbox import Later
from orchestrator.payments import service, split_transfers
from orchestrator.payments.records import PaymentRow
from orchestrator.payments.service import NewPayment
from orchestrator.recipients import service as recipients
from orchestrator.recipients import store
from orchestrator.recipients.records import SplitTransferRow
from orchestrator.recipients.service import NewRecipient
from orchestrator.recipients.shares import Wish

PAYER_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
SENDS_MAX = 20


@dataclass
class Market:
    """The shop, its sellers' ids, and their names at the gateways by (seller, gateway)."""

    shop: Shop
    ada: str
    ben: str
    names: dict[tuple[str, str], str]

    @property
    def merchant_id(self) -> str:
        return self.shop.merchant_id

    async def pay(self, minor: int, *wishes: Wish, **more: Any) -> PaymentRow:
        new = NewPayment(self.merchant_id, euros(minor), instrument=await self.shop.card(), splits=wishes, **more)
        return await service.create(new)

    async def only(self, gateway: str) -> None:
        """All gateways but this one are switched off."""
        for name, account_id in self.shop.accounts.items():
            await fetch("UPDATE gateway_account SET enabled = $2 WHERE id = $1", account_id, name == gateway)

    async def send_all(self) -> list[Later]:
        """Answer the bells of split transfers until they ask for another time."""
        later: list[Later] = []
        for _ in range(SENDS_MAX):
            due = await fetch("SELECT subject FROM outbox WHERE topic = $1 ORDER BY subject", split_transfers.TOPIC)
            later = []
            for row in due:
                answer = await split_transfers.settle(row["subject"])
                if answer is None:
                    await fetch(
                        "DELETE FROM outbox WHERE topic = $1 AND subject = $2", split_transfers.TOPIC, row["subject"]
                    )
                else:
                    later.append(answer)
            if not due or len(later) == len(due):
                return later
        raise AssertionError("the transfers never come to rest")

    async def owed(self, recipient_id: str) -> int:
        """What the seller is owed in euros by the ledger."""
        view = await recipients.get(self.merchant_id, recipient_id)
        return sum(balance.minor for balance in view.balances if balance.currency == "EUR")

    async def transfers(self, payment: PaymentRow) -> list[SplitTransferRow]:
        return await store.transfers_of_payment(payment.id)

    async def balance(self, kind: str, gateway: str = "") -> int:
        account_id = self.shop.accounts[gateway] if gateway else ""
        rows = await ledger.balances(self.merchant_id)
        return sum(r.balance_minor for r in rows if r.kind == kind and account_id in ("", r.gateway_account_id))

    async def findings(self) -> list[Finding]:
        return (await verification.run([name for name, kind in KINDS.items() if kind.splits_after_capture])).findings


async def open_market(shop: Shop) -> Market:
    adyen = {**CREDENTIALS["adyen"], "balance_platform_api_key": "platform-key", "balance_account": "BASHOP"}
    await shop.tell("/accounts", gateway="adyen", account=SIMULATOR_ACCOUNT["adyen"], credentials=adyen)
    await fetch("UPDATE gateway_account SET enabled = false WHERE id = $1", shop.accounts["adyen"])
    platform = await accounts.add(shop.merchant_id, "adyen", "Adyen platform", adyen, priority=1)
    shop.accounts["adyen"] = platform.id
    names: dict[tuple[str, str], str] = {}
    sellers = {}
    for seller in ("ada", "ben"):
        held = {}
        for gateway in ("stripe", "adyen", "paypal"):
            name = names[seller, gateway] = await onboard(shop, gateway)
            held[shop.accounts[gateway]] = name
        view = await recipients.create(NewRecipient(shop.merchant_id, seller.title(), accounts=held))
        sellers[seller] = view.recipient.id
    return Market(shop, sellers["ada"], sellers["ben"], names)


async def onboard(shop: Shop, gateway: str, **more: str) -> str:
    """A seller's account at the simulated gateway, connected to the shop's."""
    unique = secrets.token_hex(4)
    name = {
        "stripe": f"acct_{unique}",
        "adyen": f"BA{unique.upper()}",
        "paypal": "".join(secrets.choice(PAYER_ALPHABET) for _ in range(13)),
    }[gateway]
    credentials = {"platform": SIMULATOR_ACCOUNT[gateway], "payouts": "enabled", **more}
    await shop.tell("/accounts", gateway=gateway, account=name, credentials=credentials)
    return name


def now() -> Any:
    return clock_port.now()
