"""A balance platform, as far as paying others goes: their balance accounts, account holders, and transfers to them.

docs.adyen.com/api-explorer/balanceplatform/2 and …/transfers/4. A recipient is an account of the control API's POST
/accounts named like a balance account (BA…), with credentials `platform` (the merchant account) and `payouts`
("enabled", or anything else for one that may not be paid).
"""

from __future__ import annotations

from typing import Any

from simulators.adyen.management import problem
from simulators.adyen.state import state_of
from simulators.adyen.wire import RequestRefused, from_adyen, new_reference
from simulators.asgi import Response, json_response
from simulators.world import World

Body = dict[str, Any]


def balance_account(world: World, account: str, id: str, body: Body, declined_for: str | None) -> Response:
    """GET /balanceAccounts/{id}."""
    _recipient(world, account, id)
    return json_response(
        {
            "id": id,
            "accountHolderId": _holder_of(id),
            "defaultCurrencyCode": "EUR",
            "timeZone": "Europe/Amsterdam",
            "balances": [{"available": 0, "balance": 0, "currency": "EUR", "pending": 0, "reserved": 0}],
            "status": "active",
        }
    )


def account_holder(world: World, account: str, id: str, body: Body, declined_for: str | None) -> Response:
    """GET /accountHolders/{id}: what it may do."""
    held = _recipient(world, account, "BA" + id.removeprefix("AH"))
    may = held.get("payouts") == "enabled"
    capability = {
        "allowed": may,
        "enabled": True,
        "requested": True,
        "verificationStatus": "valid" if may else "invalid",
    }
    names = (
        "receiveFromPlatformPayments",
        "receiveFromBalanceAccount",
        "sendToBalanceAccount",
        "sendToTransferInstrument",
    )
    return json_response(
        {
            "id": id,
            "balancePlatform": account,
            "legalEntityId": "LE" + id.removeprefix("AH"),
            "capabilities": dict.fromkeys(names, capability),
            "status": "active",
        }
    )


def transfer(world: World, account: str, body: Body, declined_for: str | None) -> Response:
    """POST /transfers of category internal: from one balance account to another. Answered 202."""
    from_adyen(body.get("amount"))
    recipient = str((body.get("counterparty") or {}).get("balanceAccountId", ""))
    if body.get("category") != "internal" or not body.get("balanceAccountId"):
        raise RequestRefused(problem(422, "", "category internal and balanceAccountId are needed"))
    held = _recipient(world, account, recipient)
    refused = bool(declined_for) or held.get("payouts") != "enabled"
    echoed: Body = {name: body[name] for name in ("amount", "category", "description", "reference") if name in body}
    answer: Body = {
        **echoed,
        "id": new_reference(),
        "balanceAccount": {"id": body["balanceAccountId"]},
        "accountHolder": {"id": _holder_of(str(body["balanceAccountId"]))},
        "counterparty": {"balanceAccountId": recipient},
        "direction": "outgoing",
        "reason": "counterpartyAccountBlocked" if refused else "approved",
        "status": "refused" if refused else "authorised",
    }
    state_of(world).transfers[answer["id"]] = (account, answer)
    return json_response(answer, 202)


def get_transfer(world: World, account: str, id: str, body: Body, declined_for: str | None) -> Response:
    """GET /transfers/{id}."""
    owner, shown = state_of(world).transfers.get(id, ("", {}))
    if owner != account:
        raise RequestRefused(problem(404, "30_112", "Transfer not found"))
    return json_response(shown)


def transfers(world: World, account: str, query: Body, declined_for: str | None) -> Response:
    """GET /transfers: all of the account's, on one page."""
    return json_response({"data": [shown for owner, shown in state_of(world).transfers.values() if owner == account]})


def _recipient(world: World, account: str, id: str) -> dict[str, str]:
    held = world.accounts.get(("adyen", id), {})
    own = world.accounts.get(("adyen", account), {}).get("balance_account")
    if id and id == own:
        return {"payouts": "enabled"}
    if held.get("platform") != account:
        raise RequestRefused(problem(404, "30_112", "Balance account not found"))
    return held


def _holder_of(balance_account_id: str) -> str:
    return "AH" + balance_account_id.removeprefix("BA")
