"""What reports are held against besides the ledger: their account, its fees, and how we have each attempt recorded."""

from __future__ import annotations

from orchestrator.access import secrets
from orchestrator.gateways import store as gateways
from orchestrator.gateways.store import GatewayAccountRow
from orchestrator.payments import store as payments
from orchestrator.reconciliation.breaks import FeeModel
from orchestrator.reconciliation.lines import ReportOwner


async def contract_fees(merchant_id: str) -> dict[str, FeeModel]:
    """The fee model of each gateway account that has one; an account without is not checked for fees."""
    return {
        account.id: FeeModel(account.fees.bps, account.fees.fixed_minor)
        for account in await gateways.accounts_of(merchant_id)
        if account.fees.bps or account.fees.fixed_minor
    }


def owner_of(account: GatewayAccountRow) -> ReportOwner:
    """Whose reports may be imported for an account."""
    return ReportOwner(account.gateway, secrets.unseal(account.sealed_credentials).get("merchant_account", ""))


async def uncaptured_attempts(merchant_id: str) -> dict[str, str]:
    """Attempts that we hold for something else than captured: a settled line for one is a status mismatch."""
    return await payments.uncaptured_attempts(merchant_id)
