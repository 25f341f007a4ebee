"""Whether a try to pay may go on: counted before it is made, and again when it was declined.

Fails open: where the counters do not answer in time, payments go on and a warning is logged. The gateways' own defences
are still there, and a shop that cannot sell has lost more than a tester of cards could win in that time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import asyncpg

from currency.currencies import EXPONENTS
from currency.money import Money
from orchestrator import clock_port
from orchestrator.abuse import store
from orchestrator.abuse.rules import Decision, Subject, Verdict, configured, judge
from orchestrator.access.secrets import sign
from orchestrator.db import transaction
from orchestrator.errors import ClearwayError
from orchestrator.events import EventType
from orchestrator.log import logger
from orchestrator.notifications.service import record
from orchestrator.settings import Abuse, get_settings

PATIENCE_S = 2.0
# Tries of one address that this process counts at the same moment. Nobody pays so often at once; whoever does is not to
# slow the counters down so far that they are passed by.
AT_ONCE_MAX = 10
AT_ONCE_RETRY_S = 60
IPV6_PREFIX = 64  # one customer's network: addresses within it cost nothing
KEPT_FOR = timedelta(hours=25)
_NO_ANSWER = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
_log = logger(__name__)
_counting: Counter[str] = Counter()


class TooManyTries(ClearwayError):
    """Somebody tried too much. The words are the same for all rules: they tell a tester of cards nothing."""

    status = 429
    code = "too_many_tries"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            "This cannot be paid just now. Please try again later, or ask the merchant for another way to pay.",
            retry_after_s=retry_after_s,
        )


@dataclass(frozen=True, slots=True)
class Try:
    """A try to pay or to save a card. `card` is a fingerprint of the credential; `device` the id in its cookie.

    Without `ip` it came from a merchant's program: its address is the merchant's server, which every shopper shares, so
    that only card and merchant are counted.
    """

    merchant_id: str
    amount: Money | None
    ip: str
    device: str = ""
    card: str = ""

    @property
    def by_program(self) -> bool:
        return not self.ip

    @property
    def small(self) -> bool:
        """Saving a card costs nothing, which is as small as it gets."""
        if self.amount is None:
            return True
        limit = get_settings().abuse.small_amount_minor
        digits = int(EXPONENTS.get(self.amount.currency, 2))
        return bool(self.amount.minor <= limit * 10 ** max(digits - 2, 0))


async def admit(tried: Try) -> Verdict:
    """Count the try, and say whether it may be made. Raises TooManyTries where it is blocked.

    A `challenge` is the caller's to pass on: the payment is to be authenticated.
    """
    settings = get_settings().abuse
    if not _is_counted(tried):
        return Verdict()
    verdict = await _counted(tried, settings) if tried.by_program else await _one_of_few(tried, settings)
    if settings.mode == "observe":
        return Verdict(watched=verdict.watched)
    if verdict.decision is Decision.BLOCK:
        raise TooManyTries(verdict.retry_after_s)
    return verdict


async def _one_of_few(tried: Try, settings: Abuse) -> Verdict:
    """Counted, unless AT_ONCE_MAX tries of the address are being counted. Raises TooManyTries."""
    network = _network_of(tried.ip)
    if settings.mode == "enforce" and _counting[network] >= AT_ONCE_MAX:
        raise TooManyTries(AT_ONCE_RETRY_S)
    _counting[network] += 1
    try:
        return await _counted(tried, settings)
    finally:
        _counting[network] -= 1
        if not _counting[network]:
            del _counting[network]


async def _counted(tried: Try, settings: Abuse) -> Verdict:
    minute, verdict = _minute(), Verdict()
    subjects = _subjects(tried)
    keys = [key for _, key in subjects]
    sightings = [f"{key}+{_hash(tried.card)}" if _counts_cards(of) and tried.card else "" for of, key in subjects]
    rules, attack = configured(settings.rules)
    with _failing_open():  # what was judged by then holds
        async with asyncio.timeout(PATIENCE_S):
            found = await store.count(keys, sightings, minute, small=tried.small)
            counts = {of: found.get(key, []) for of, key in subjects}
            verdict = judge(counts, minute, small=tried.small, rules=rules, attack=attack, by_program=tried.by_program)
            if verdict.decision is Decision.BLOCK:
                await store.blocked(keys, minute, small=tried.small)
            if verdict.decision is not Decision.ALLOW:
                await _tell(tried, verdict, minute)
    return verdict


async def declined(tried: Try) -> None:
    """The try that was admitted was declined."""
    await _told(tried, passed=False)


async def passed(tried: Try) -> None:
    """The try of a card that is watched was answered, and not with a decline."""
    await _told(tried, passed=True)


async def _told(tried: Try, *, passed: bool) -> None:
    if not _is_counted(tried):
        return
    with _failing_open():
        async with asyncio.timeout(PATIENCE_S):
            await _tell_counters([key for _, key in _subjects(tried)], small=tried.small, passed=passed)


async def keep(tried: Try, payment_id: str, round_: int) -> None:
    """The try has no answer yet: whoever learns of it tells `answered`."""
    if _is_counted(tried):
        with _failing_open():
            async with asyncio.timeout(PATIENCE_S):
                keys = [key for _, key in _subjects(tried)]
                await store.keep(payment_id, round_, keys, _minute(), small=tried.small)


async def answered(payment_id: str, round_: int, *, declined: bool) -> None:
    """The answer to a try that was kept, counted once whoever tells of it."""
    with _failing_open():
        async with asyncio.timeout(PATIENCE_S):
            if kept := await store.take(payment_id, round_):
                await _tell_counters(kept[0], small=kept[1], passed=not declined)


async def _tell_counters(keys: list[str], *, small: bool, passed: bool) -> None:
    if not passed:
        await store.declined(keys, _minute(), small=small)
        return
    for key in keys:
        if key.startswith(f"{Subject.CARD}:"):
            await store.passed(key, _minute())


def _is_counted(tried: Try) -> bool:
    settings = get_settings().abuse
    return settings.mode != "off" and not _is_allowed(tried.ip, settings.allow)


@contextmanager
def _failing_open() -> Iterator[None]:
    try:
        yield
    except _NO_ANSWER as error:
        _log.warning("abuse.not_counted", error=f"{type(error).__name__}: {error}")


async def purge() -> None:
    """Forget what no rule looks at any more."""
    await store.purge(_minute() - int(KEPT_FOR.total_seconds()) // 60)


async def verdicts_of_last_hour() -> list[tuple[str, str, int]]:
    """Decision, rule and how often."""
    return await store.verdicts(_minute() - 60)


async def _tell(tried: Try, verdict: Verdict, minute: int) -> None:
    """Tally, and tell of a block the 1st, 10th, 100th … time in a minute: an attack is not to flood who listens."""
    times = await store.tally(f"{verdict.decision}:{verdict.rule}:{tried.merchant_id}", minute)
    if verdict.decision is Decision.BLOCK and times in _TOLD:
        data = {"rule": verdict.rule, "blocked_in_this_minute": times, "mode": get_settings().abuse.mode}
        async with transaction():
            now = clock_port.now()
            await record(EventType.ABUSE_BLOCKED, tried.merchant_id, tried.merchant_id, data, now)


_TOLD = frozenset(10**power for power in range(7))


def _subjects(tried: Try) -> list[tuple[Subject, str]]:
    """The counters that a try belongs to; who comes without a device's cookie is counted by address for it."""
    values = {Subject.CARD: tried.card}
    if not tried.by_program:
        values[Subject.IP] = _network_of(tried.ip)
        values[Subject.DEVICE] = tried.device or f"without:{_network_of(tried.ip)}"
    if tried.small or not tried.by_program:  # only small amounts say something of a merchant; its row is everybody's
        values[Subject.MERCHANT] = tried.merchant_id
    return [(of, f"{of}:{_hash(value)}") for of, value in values.items() if value]


def _counts_cards(of: Subject) -> bool:
    return of in (Subject.IP, Subject.DEVICE)


def _hash(value: str) -> str:
    """Keyed, so that the counters tell nobody which address or card it was (GDPR, Art. 4 (5))."""
    return sign("abuse", value)[:32]


def _network_of(ip: str) -> str:
    try:
        address = ip_address(ip)
    except ValueError:
        return ip[:45]
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)


def _is_allowed(ip: str, allow: str) -> bool:
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    return any(address in network for network in _networks(allow))


def _networks(allow: str) -> list[IPv4Network | IPv6Network]:
    return [ip_network(part.strip(), strict=False) for part in allow.split(",") if part.strip()]


def _minute() -> int:
    return int(clock_port.now().timestamp()) // 60
