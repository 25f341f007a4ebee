"""What a run compares reports with besides the ledger: the fees by contract, and how we have each attempt recorded."""

from __future__ import annotations

from orchestrator.gateways import store as gateways
from orchestrator.payments import store as payments
from orchestrator.reconciliation.breaks import FeeModel


async def contract_fees(merchant_id: str) -> dict[str, FeeModel]:
    """The fee model of each gateway account that has one; an account without is not checked for fees."""
    return {
        account.id: FeeModel(account.fees.bps, account.fees.fixed_minor)
        for account in await gateways.accounts_of(merchant_id)
        if account.fees.bps or account.fees.fixed_minor
    }


async def uncaptured_attempts(merchant_id: str) -> dict[str, str]:
    """Attempts that we hold for something else than captured: a settled line for one is a status mismatch."""
    return await payments.uncaptured_attempts(merchant_id)
