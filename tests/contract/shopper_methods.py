"""Other ways to pay than by card: bank accounts, iDEAL and the PayPal wallet, with the vendors' test values."""

from __future__ import annotations

from datetime import UTC, datetime

from orchestrator.gateways.credentials import IdealCredential, Mandate, PayPalWalletCredential, SepaDebitCredential

# https://docs.stripe.com/payments/sepa-debit/accept-a-payment ("Test your integration"); Adyen takes any valid IBAN.
IBAN_PAYS = "DE89370400440532013000"
IBAN_FAILS = "DE62370400440532013001"
IBAN_WITHOUT_FUNDS = "DE65370400440002222227"
IBAN_RETURNS = "DE35370400440532013002"
REFUSED_OWNER = "DECLINED"  # https://docs.adyen.com/development-resources/testing/result-codes
IBANS = (IBAN_PAYS, IBAN_FAILS, IBAN_WITHOUT_FUNDS, IBAN_RETURNS)


def debit(iban: str = IBAN_PAYS, holder: str = "Ada Lovelace") -> SepaDebitCredential:
    mandate = Mandate("mnd_1", datetime(2026, 11, 1, 12, tzinfo=UTC), "203.0.113.7", "Mozilla/5.0")
    return SepaDebitCredential(iban, holder, "ada@example.com", mandate)


def ideal() -> IdealCredential:
    return IdealCredential("Ada Lovelace")


def wallet() -> PayPalWalletCredential:
    return PayPalWalletCredential()
