"""One measured figure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Better(StrEnum):
    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True, slots=True)
class Result:
    """`ours` and `baseline` in `unit`; `goal` bounds their ratio, from above when lower is better."""

    name: str
    ours: float
    baseline: float
    unit: str
    goal: float
    better: Better

    @property
    def ratio(self) -> float:
        return self.ours / self.baseline

    @property
    def met(self) -> bool:
        return self.ratio <= self.goal if self.better is Better.LOWER else self.ratio >= self.goal

    @property
    def goal_text(self) -> str:
        return f"ratio {'≤' if self.better is Better.LOWER else '≥'} {self.goal:g}"

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "ours": round(self.ours, 3),
            "baseline": round(self.baseline, 3),
            "ratio": round(self.ratio, 3),
            "unit": self.unit,
            "goal": self.goal_text,
            "met": self.met,
        }
