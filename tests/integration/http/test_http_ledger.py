"""The ledger over HTTP: accounts, journals and their filters, the CSV export, the verification."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from http_driving import Api, merchant_api

from currency.money import Money
from orchestrator.db import fetch, transaction
from orchestrator.ledger import service as ledger
from orchestrator.ledger import verification
from orchestrator.ledger.service import AccountKey, AccountKind, Entry, JournalKind, References

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
CLEARING, SALES = AccountKey(AccountKind.GATEWAY_CLEARING, "ga_1"), AccountKey(AccountKind.SALES)
FEES = AccountKey(AccountKind.FEES, "ga_1")


async def post(api: Api, key: str, entry: Entry, kind: JournalKind, at: datetime = NOON, memo: str = "") -> None:
    async with transaction():
        references = References(gateway_account_id="ga_1", payment_id=f"pay_{key}")
        await ledger.post(key, [entry], merchant_id=api.merchant_id, kind=kind, at=at, memo=memo, references=references)


@pytest.fixture
def entry() -> Entry:
    return Entry(CLEARING, SALES, Money(1050, "EUR"))


async def test_accounts_have_their_balances_now_and_at_a_time(api: Api, entry: Entry) -> None:
    await post(api, "1", entry, JournalKind.PAYMENT)
    await post(api, "2", entry, JournalKind.PAYMENT, NOON + timedelta(days=1))
    now = (await api.get("/v1/ledger/accounts")).json()["data"]
    assert [(row["kind"], row["normal_side"], row["balance"]) for row in now] == [
        ("gateway_clearing", "debit", {"amount": 2100, "currency": "EUR"}),
        ("sales", "credit", {"amount": -2100, "currency": "EUR"}),
    ]
    then = (await api.get("/v1/ledger/accounts", params={"as_of": "2026-03-10T13:00:00Z"})).json()["data"]
    assert [row["balance"]["amount"] for row in then] == [1050, -1050]


async def test_journals_are_found_by_each_filter(api: Api, entry: Entry) -> None:
    await post(api, "1", entry, JournalKind.PAYMENT)
    fee = Entry(FEES, CLEARING, Money(50, "EUR"))
    await post(api, "2", fee, JournalKind.FEE, NOON + timedelta(hours=2))

    async def keys(**params: str) -> list[str]:
        return [row["journal_key"] for row in (await api.get("/v1/ledger/journals", params=params)).json()["data"]]

    (fees,) = [row for row in (await api.get("/v1/ledger/accounts")).json()["data"] if row["kind"] == "fees"]
    assert await keys() == ["2", "1"]
    assert await keys(payment_id="pay_1") == ["1"]
    assert await keys(kind="fee") == ["2"]
    assert await keys(account="gateway_clearing") == ["2", "1"]
    assert await keys(account_id=fees["id"]) == ["2"]
    assert await keys(since="2026-03-10T13:00:00Z") == ["2"]
    assert await keys(until="2026-03-10T13:00:00") == ["1"]


async def test_journals_come_by_pages_and_only_ones_own(api: Api, other: Api, entry: Entry) -> None:
    for number in range(3):
        await post(api, str(number), entry, JournalKind.PAYMENT)
    await post(other, "foreign", entry, JournalKind.PAYMENT)
    first = (await api.get("/v1/ledger/journals", params={"limit": 2})).json()
    assert [row["journal_key"] for row in first["data"]] == ["2", "1"]
    rest = (await api.get("/v1/ledger/journals", params={"limit": 2, "starting_after": first["next_cursor"]})).json()
    assert [row["journal_key"] for row in rest["data"]] == ["0"]
    assert not rest["has_more"]


async def test_the_export_has_a_line_for_each_transfer_and_no_formulas(
    api: Api, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.ledger.journals.EXPORT_PAGE", 2)
    for number in range(5):
        await post(api, str(number), entry, JournalKind.PAYMENT, memo="=HYPERLINK(1)")
    answer = await api.get("/v1/ledger/journals.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="journals.csv"'
    rows = list(csv.DictReader(StringIO(answer.text)))
    assert [row["journal_key"] for row in rows] == ["4", "3", "2", "1", "0"]
    assert (rows[0]["debit"], rows[0]["credit"], rows[0]["amount"], rows[0]["currency"], rows[0]["memo"]) == (
        "gateway_clearing",
        "sales",
        "10.50",
        "EUR",
        "'=HYPERLINK(1)",
    )


async def test_the_last_verification_shows_what_concerns_the_merchant(api: Api, other: Api, entry: Entry) -> None:
    assert (await api.get("/v1/ledger/verification")).status_code == 404
    await post(api, "capture:op_nowhere", entry, JournalKind.INVOICE)
    async with transaction() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("DELETE FROM ledger_transfer")
    await verification.run([])
    mine = (await api.get("/v1/ledger/verification")).json()
    assert not mine["ok"]
    assert {(row["check"], row["subject"]) for row in mine["findings"]} >= {("journals", "capture:op_nowhere")}
    assert {row["name"]: row["findings"] for row in mine["checks"]}["journals"] == 1
    theirs = (await other.get("/v1/ledger/verification")).json()
    assert (theirs["ok"], theirs["findings"]) == (True, [])


async def test_a_key_without_the_scope_reads_no_ledger(client: Any) -> None:
    outsider = await merchant_api(client, "Outsider", scopes=("payments:read",))
    for path in ("accounts", "journals", "journals.csv", "verification"):
        assert (await outsider.get(f"/v1/ledger/{path}")).status_code == 403


async def test_open_invoices_are_what_customers_owe(api: Api) -> None:
    draft = {
        "currency": "EUR",
        "buyer": {"name": "Beta", "country": "DE"},
        "lines": [{"description": "a", "quantity": "1", "unit_price": "10", "tax": {"kind": "zero"}}],
    }
    made = (await api.post("/v1/invoices", draft)).json()
    await api.post(f"/v1/invoices/{made['id']}/finalize", {"send": False})
    assert (await verification.run([])).findings == []
    await fetch("UPDATE invoice SET paid_minor = paid_minor + 1 WHERE id = $1", made["id"])
    assert [finding.check for finding in (await verification.run([])).findings] == ["receivable", "settled"]
