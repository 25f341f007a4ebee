"""One measured figure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Better(StrEnum):
    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True, slots=True)
class Result:
    """`ours` and `baseline` in `unit`. `goal` bounds their ratio, or `ours` itself where it is `absolute`: from above
    when lower is better. Without a goal the figure is there to be read."""

    name: str
    ours: float
    baseline: float
    unit: str
    goal: float | None
    better: Better
    absolute: bool = False

    @property
    def ratio(self) -> float:
        return self.ours / self.baseline

    @property
    def met(self) -> bool:
        if self.goal is None:
            return True
        measured = self.ours if self.absolute else self.ratio
        return measured <= self.goal if self.better is Better.LOWER else measured >= self.goal

    @property
    def goal_text(self) -> str:
        if self.goal is None:
            return "none"
        bound = f"{'≤' if self.better is Better.LOWER else '≥'} {self.goal:g}"
        return f"{bound} {self.unit}" if self.absolute else f"ratio {bound}"

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
