"""How each gateway tries a webhook again: its pauses, when it gives up, and what it holds back meanwhile. All data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

_MINUTE_S, _HOUR_S = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class Habit:
    """`pauses_s` follow the failed tries, the last one over and over, until the event is older than `lasts`.

    `in_line`: after `at_once` failed tries the event goes to the endpoint's queue, of which only the earliest is tried.
    `disables`: an endpoint that took nothing during all that time is switched off.
    """

    pauses_s: tuple[float, ...]
    lasts: timedelta
    most_tries: int | None = None
    in_line: bool = False
    at_once: int = 1
    disables: bool = False

    def pause_after(self, tries: int, age: timedelta) -> timedelta | None:
        """Until the next try, None where there is none."""
        pause = timedelta(seconds=self.pauses_s[min(tries, len(self.pauses_s)) - 1])
        is_last = tries == self.most_tries or age + pause > self.lasts
        return None if is_last else pause


HABITS = {
    # docs.stripe.com/webhooks: "up to three days with an exponential back off", then it may disable the endpoint. How
    # long the pauses are it does not say; ours begin at five seconds and double up to twelve hours.
    "stripe": Habit((*(5.0 * 2**n for n in range(14)), 12 * _HOUR_S), timedelta(days=3), disables=True),
    # docs.adyen.com/development-resources/webhooks/troubleshoot: the queue and its pauses, for 30 days;
    # hookdeck.com/webhooks/platforms/how-to-solve-adyen-webhook-timeout-errors: three tries at once before it.
    "adyen": Habit(
        (
            *(0.0, 0.0, 2 * _MINUTE_S, 5 * _MINUTE_S, 10 * _MINUTE_S, 15 * _MINUTE_S, 30 * _MINUTE_S),
            *(1 * _HOUR_S, 2 * _HOUR_S, 4 * _HOUR_S, 8 * _HOUR_S),
        ),
        timedelta(days=30),
        in_line=True,
        at_once=3,
    ),
    # developer.paypal.com/api/rest/webhooks: up to 25 times over three days. Its pauses are not published either; ours
    # begin at one second and grow by the factor that spreads 25 tries over three days.
    "paypal": Habit(tuple(round(1.651**n, 1) for n in range(24)), timedelta(days=3), most_tries=25),
}
