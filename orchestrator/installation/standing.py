"""Whether the database that we see is the one that we left: the decision, from what both sides remember. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.installation.store import InstallationRow, Kept


@dataclass(frozen=True, slots=True)
class Standing:
    """`frozen_because`: no money operation of any account. `stranger_because`: none of a live account."""

    frozen_because: str = ""
    stranger_because: str = ""


def standing(row: InstallationRow | None, kept: Kept, seen_mark: int) -> Standing:
    """`kept` is what the file or the environment says, `seen_mark` the highest that this process has seen itself.

    A database that belongs to nobody yet is anybody's: the clock binds it within seconds of its first start.
    """
    if row is None:
        return Standing()
    if row.frozen_at is not None:
        return Standing(row.frozen_because)
    if not kept.id:
        return Standing(
            stranger_because=f"the database belongs to installation {row.id}, and this process does not know its own. "
            f"If this is that installation, set CLEARWAY_INSTALLATION_ID={row.id}"
        )
    if kept.id != row.id:
        return Standing(
            stranger_because=f"the database belongs to installation {row.id}, and this is {kept.id}: it is a copy"
        )
    return Standing(_moved(row) or _set_back(row, max(kept.mark, seen_mark)))


def _moved(row: InstallationRow) -> str:
    if row.cluster == row.present_cluster:
        return ""
    return f"the database was restored or copied: it is at {row.present_cluster} and was bound at {row.cluster}"


def _set_back(row: InstallationRow, highest: int) -> str:
    if row.mark >= highest:
        return ""
    return f"the database is older than it was: it stands at mark {row.mark} and had reached {highest}"
