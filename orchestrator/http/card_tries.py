"""Cards that a merchant's program brings, under the eyes of the defence against card testing (docs/abuse.md).

The address is that of the merchant's server and says nothing; a card that is declined again and again does, and many
small amounts that are declined. A kept method is no stolen card that somebody tries.
"""

from orchestrator.abuse import service as abuse
from orchestrator.abuse.rules import Decision
from orchestrator.abuse.service import Try
from orchestrator.payments.late_declines import fingerprint_of, try_of

__all__ = ["admitted", "fingerprint_of", "tell", "try_of"]


async def admitted(tried: Try | None) -> bool:
    """Whether the cardholder is to be seen. Raises TooManyTries where the card is not to be tried."""
    return tried is not None and (await abuse.admit(tried)).decision is Decision.CHALLENGE


async def tell(tried: Try | None, *, declined: bool) -> None:
    """What became of the try."""
    if tried is not None and declined:
        await abuse.declined(tried)
