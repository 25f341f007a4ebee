"""The state diagrams of the docs, drawn from the tables by which payments move.

`python -m orchestrator.payments.diagram` prints them.
"""

from __future__ import annotations

from collections import defaultdict

from orchestrator.payments.records import AttemptStatus, PaymentStatus
from orchestrator.payments.states import ATTEMPT_AFTER, ATTEMPT_AFTER_VOID, TRANSITIONS

_BORN = (PaymentStatus.REQUIRES_PAYMENT_METHOD, PaymentStatus.PROCESSING)


def payment_diagram() -> str:
    """How a payment's status may change, as a Mermaid state diagram."""
    arrows = [f"    [*] --> {status.value}" for status in _BORN]
    for status, followers in TRANSITIONS.items():
        arrows += [f"    {status.value} --> {other.value}" for other in PaymentStatus if other in followers]
    return _drawn(arrows)


def attempt_diagram() -> str:
    """What each outcome of an operation makes of its attempt, as a Mermaid state diagram."""
    reasons: dict[AttemptStatus, list[str]] = defaultdict(list)
    for (kind, outcome), status in ATTEMPT_AFTER.items():
        reasons[status].append(f"{kind.value} {outcome.value}")
    start = AttemptStatus.STARTED.value
    leading = [status for status in AttemptStatus if reasons[status]]
    arrows = [f"    {start} --> {status.value} : {', '.join(reasons[status])}" for status in leading]
    arrows += [f"    {was.value} --> {then.value} : void approved" for was, then in ATTEMPT_AFTER_VOID.items()]
    return _drawn([f"    [*] --> {start}", *arrows])


def _drawn(arrows: list[str]) -> str:
    return "\n".join(["```mermaid", "stateDiagram-v2", *arrows, "```"])


if __name__ == "__main__":
    print(payment_diagram(), attempt_diagram(), sep="\n\n")
