"""The state diagram of docs/dispute-lifecycle.md, drawn from the table by which disputes move.

`python -m orchestrator.disputes.diagram` prints it.
"""

from __future__ import annotations

from orchestrator.disputes.lifecycle import TRANSITIONS
from orchestrator.gateways.facets import DisputeStatus


def dispute_diagram() -> str:
    """How a dispute's status may change, as a Mermaid state diagram. The first that is heard may be any."""
    arrows = [
        f"    {status.value} --> {other.value}"
        for status, followers in TRANSITIONS.items()
        for other in DisputeStatus
        if other in followers
    ]
    born = [f"    [*] --> {status.value}" for status in (DisputeStatus.INQUIRY, DisputeStatus.NEEDS_RESPONSE)]
    return "\n".join(["```mermaid", "stateDiagram-v2", *born, *arrows, "```"])


if __name__ == "__main__":
    print(dispute_diagram())
