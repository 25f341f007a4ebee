"""Cards that a merchant's program brings, under the eyes of the defence against card testing (docs/abuse.md).

The address is that of the merchant's server and says nothing; a card that is declined again and again does, and many
small amounts that are declined. A kept method is no stolen card that somebody tries.
"""

from currency.money import Money
from orchestrator.abuse import service as abuse
from orchestrator.abuse.rules import Decision
from orchestrator.abuse.service import Try
from orchestrator.payments.instruments import Card, Instrument, NetworkToken, instrument_fingerprint


def try_of(merchant_id: str, amount: Money | None, instrument: Instrument | None) -> Try | None:
    """What is counted; None for what is no card. Without `amount` a card is to be kept."""
    if not isinstance(instrument, Card | NetworkToken):
        return None
    return Try(merchant_id, amount, ip="", card=fingerprint_of(instrument))


async def admitted(tried: Try | None) -> bool:
    """Whether the cardholder is to be seen. Raises TooManyTries where the card is not to be tried."""
    return tried is not None and (await abuse.admit(tried)).decision is Decision.CHALLENGE


async def tell(tried: Try | None, *, declined: bool) -> None:
    """What became of the try."""
    if tried is not None and declined:
        await abuse.declined(tried)


def fingerprint_of(card: Card | NetworkToken) -> str:
    """The same for a card that is typed in again, for which the vault gives another token."""
    if isinstance(card, NetworkToken) or not card.bin:
        return instrument_fingerprint(card)
    return f"{card.bin}/{card.last4}/{card.expiry_month}/{card.expiry_year}"
