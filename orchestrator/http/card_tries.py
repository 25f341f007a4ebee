"""Cards that a merchant's program brings, under the eyes of the defence against card testing (docs/abuse.md).

The address is that of the merchant's server and says nothing; a card that is declined again and again does, and many
small amounts that are declined. A kept method is no stolen card that somebody tries.
"""

from typing import assert_never

from orchestrator.abuse import service as abuse
from orchestrator.abuse.rules import Decision, Verdict
from orchestrator.abuse.service import Try
from orchestrator.payments import late_declines
from orchestrator.payments.late_declines import Answer, fingerprint_of, try_of

__all__ = ["admitted", "fingerprint_of", "is_suspected", "tell", "try_of"]


async def admitted(tried: Try | None) -> Verdict:
    """What to make of the card. Raises TooManyTries where it is not to be tried."""
    return await abuse.admit(tried) if tried is not None else Verdict()


def is_suspected(verdict: Verdict) -> bool:
    """Whether the cardholder is to be seen."""
    return verdict.decision is Decision.CHALLENGE


async def tell(tried: Try | None, verdict: Verdict, answer: Answer, about_id: str, round_: int = 1) -> None:
    """What became of the try, for that payment or set-up; where nothing did yet, it will be looked for."""
    if tried is None:
        return
    match answer:
        case Answer.UNDECIDED:
            await late_declines.look_later(tried, about_id, round_)
        case Answer.DECLINED:
            await abuse.declined(tried)
        case Answer.OTHER if verdict.watched:
            await abuse.passed(tried)
        case Answer.OTHER:
            pass
        case _:
            assert_never(answer)
