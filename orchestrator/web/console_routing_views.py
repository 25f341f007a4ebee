"""What the console's pages of routing rules show."""

from dataclasses import dataclass

from orchestrator.web.console_views import Shell
from routing.differences import Difference
from routing.linter import Finding
from routing.store import RuleSetVersion


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule as it stands in the document, in words of JSON; the default action has no condition."""

    place: str
    name: str
    when: str
    then: str


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One rule that differs, as it was and as it is."""

    difference: Difference
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RuleSetsView:
    """All versions, newest first."""

    shell: Shell
    rows: tuple[RuleSetVersion, ...]
    next_url: str = ""


@dataclass(frozen=True, slots=True)
class RuleSetView:
    """One version: its rules, what the linter says of them today, and what it changes against another."""

    shell: Shell
    row: RuleSetVersion
    rules: tuple[RuleLine, ...]
    findings: tuple[Finding, ...]
    others: tuple[RuleSetVersion, ...]
    against: RuleSetVersion | None
    changes: tuple[ChangeLine, ...]
