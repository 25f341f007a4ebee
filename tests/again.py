"""After a run of all tests that failed: what failed is run once more, alone, when it is little.

Two cores shared by four test processes, their servers and browsers starve a test now and then. One that fails alone as
well has found something; one that then passes is named, to be mended. More than a few are never put down to that.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from rich.console import Console

FAILED = Path(".pytest_cache/v/cache/lastfailed")
STARVED_MAX = 3


def main() -> int:
    console = Console(stderr=True)
    failed = sorted(json.loads(FAILED.read_text())) if FAILED.exists() else []
    if not 0 < len(failed) <= STARVED_MAX:
        return 1
    console.print(f"\nOnce more, alone: {', '.join(failed)}", style="yellow", markup=False)
    if subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", *failed]).returncode != 0:
        return 1
    console.print(f"Failed beside others and passed alone: mend {', '.join(failed)}", style="yellow", markup=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
