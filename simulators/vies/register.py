"""The traders that the simulated registers know, which countries are silent, and what was asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulators.world import World

COUNTRIES = (
    *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "HR", "HU"),
    *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "XI"),
)
SECRETIVE = frozenset({"DE", "ES"})
"""They say whether a number is registered, and not whose it is."""
NOT_TOLD = "---"
ASKED_LIMIT = 10_000


@dataclass(slots=True)
class Trader:
    """`valid` is false for one whose registration has ended."""

    name: str
    address: str
    valid: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """One question that was worked: about whom, in whose name (empty: nobody's), and what it was answered."""

    vat_id: str
    requester: str
    answer: str


@dataclass(slots=True)
class Registers:
    """Every number is registered that nobody said is not. `silent` has the error of each country that does not answer,
    `most_at_once` the most questions about a country that were open at one moment."""

    traders: dict[str, Trader] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    open_now: dict[str, int] = field(default_factory=dict)
    most_at_once: dict[str, int] = field(default_factory=dict)
    requests: int = 0

    def trader(self, vat_id: str) -> Trader:
        return self.traders.get(vat_id) or Trader(f"Trader {vat_id}", f"Market Street 1\n{vat_id[:2]}-1000 Town")

    def note(self, asked: Asked) -> None:
        del self.asked[: max(0, len(self.asked) - ASKED_LIMIT + 1)]
        self.asked.append(asked)

    def begin(self, country: str) -> None:
        self.open_now[country] = self.open_now.get(country, 0) + 1
        self.most_at_once[country] = max(self.most_at_once.get(country, 0), self.open_now[country])

    def end(self, country: str) -> None:
        self.open_now[country] -= 1


def registers_of(world: World) -> Registers:
    return world.part("vies", Registers)
