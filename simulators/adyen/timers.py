"""What the simulated Adyen does when the clock reaches a timer, by the name of the handler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulators.adyen import authorisations, checkouts, disputes, modifications, redirects
from simulators.world import World

HANDLERS: Mapping[str, Callable[[World, dict[str, Any]], None]] = {
    "settle_pending": authorisations.settle_pending,
    "capture_delayed": authorisations.capture_delayed,
    "expire": authorisations.expire,
    "fail_modification": modifications.fail_modification,
    "close_offer": redirects.close_offer,
    "expire_checkout": checkouts.expire_checkout,
    "open_planned_dispute": disputes.open_planned_dispute,
    "end_defence": disputes.end_defence,
    "reverse_chargeback": disputes.reverse_chargeback,
    "end_issuer_time": disputes.end_issuer_time,
}
