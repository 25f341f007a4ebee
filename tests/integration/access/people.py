"""People at the console: making them, and signing them in by the forms that a browser would send."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from web_driving import Visitor

from orchestrator.access import totp, users
from orchestrator.access.scopes import Role

PASSWORD = "correct horse battery 9"


@dataclass
class Person:
    """A user in a browser."""

    visitor: Visitor
    merchant_id: str
    user_id: str
    email: str
    password: str = PASSWORD
    totp_secret: str = ""
    recovery_codes: list[str] = field(default_factory=list)

    async def sign_in(self, password: str | None = None) -> httpx.Response:
        page = "/console/login"
        return await self.visitor.submit(page, page, email=self.email, password=password or self.password)

    async def enter(self, code: str) -> httpx.Response:
        page = "/console/login/code"
        return await self.visitor.submit(page, page, code=code)

    async def is_in(self) -> bool:
        return (await self.visitor.open("/console/payments")).status_code == 200

    def session_cookie(self) -> str:
        return self.visitor.client.cookies.get("clearway_session") or ""

    async def set_up_totp(self) -> None:
        """By the pages, as people do."""
        await self.visitor.submit("/console/account/totp/begin", "/console/account")
        html = (await self.visitor.open("/console/account")).text
        found = re.search(r'type the secret: <span class="code">([A-Z2-7]+)</span>', html)
        assert found is not None
        self.totp_secret = found[1]
        answer = await self.visitor.submit("/console/account/totp/confirm", "/console/account", code=self.code())
        assert answer.status_code == 200, answer.text
        self.recovery_codes = re.findall(r'<li class="code">([0-9a-f-]+)</li>', answer.text)

    def code(self, steps: int = 0) -> str:
        return totp.code_at(self.totp_secret, totp.step_of(datetime.now(UTC)) + steps)


async def new_person(
    client: httpx.AsyncClient, merchant_id: str, role: Role = Role.ADMIN, email: str = "ada@acme.example"
) -> Person:
    """A user with a password, who is not signed in."""
    row, link = await users.invite(merchant_id, email, role)
    assert link is not None
    await users.accept_link(link, PASSWORD)
    return Person(Visitor(client), merchant_id, row.id, email)
