"""Schemathesis asks the running API whatever its OpenAPI document allows, and whatever it does not.

Bounded and the same each time; CLEARWAY_TEST_EXAMPLES has it look further. Each test is some tags of the document: to
start the program takes longer than to ask about one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from running_installation import Installation

EXAMPLES = int(os.environ.get("CLEARWAY_TEST_EXAMPLES", "10"))  # for each operation
SEED = 20261123
# `coverage` walks every bound of every field: thousands of requests, for the long run
PHASES = "examples,fuzzing" if EXAMPLES <= 20 else "examples,coverage,fuzzing"
TAGS_AT_ONCE = 6
TIME_LIMIT_S = 900 if EXAMPLES <= 20 else TAGS_AT_ONCE * 3600
# What is no good is refused also because it is too large, which comes first.
CONFIGURATION = """
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "406", "413", "422", "428", "5xx"]
"""
ENDS_THE_KEY = ("revokeAPIKey", "rotateAPIKey")  # it learns ids from answers, and would find its own
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "ignored_auth",
)


@cache
def tags() -> list[list[str]]:
    from orchestrator.app import create_app

    paths = create_app().openapi_schema.to_schema()["paths"]
    operations = [operation for path in paths.values() for operation in path.values() if isinstance(operation, dict)]
    found = sorted({tag for operation in operations for tag in operation.get("tags") or []})
    return [found[at : at + TAGS_AT_ONCE] for at in range(0, len(found), TAGS_AT_ONCE)]


@pytest.mark.slow
@pytest.mark.timeout(TIME_LIMIT_S + 60)
@pytest.mark.parametrize("some", tags(), ids=", ".join)
def test_every_answer_is_one_that_the_document_promises(
    installation: Installation, some: list[str], tmp_path: Path
) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    words = [
        *(str(Path(sys.executable).parent / "schemathesis"), "run", f"{installation.url}/schema/openapi.json"),
        *("--header", f"Authorization: {_authorization(installation)}"),
        *(word for tag in some for word in ("--include-tag", tag)),
        *("--checks", ",".join(CHECKS), "--phases", PHASES, "--continue-on-failure"),
        *("--max-examples", str(EXAMPLES), "--seed", str(SEED), "--generation-deterministic"),
        *("--no-color", "--request-timeout", "60", "--warnings", "off"),
    ]
    for operation in ENDS_THE_KEY:
        words += ["--exclude-operation-id", operation]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)
    assert done.returncode == 0, _shortened(done.stdout) + done.stderr[-2_000:]
    assert installation.api.get("/payments")["object"] == "list"  # the key is good still: not all answers were 401


def _shortened(told: str) -> str:
    """Without the middle of long lines: bodies may have megabytes."""
    return "\n".join(f"{line[:500]} … {line[-200:]}" if len(line) > 1_000 else line for line in told.splitlines())


def _authorization(installation: Installation) -> str:
    return str(installation.api._client.headers["Authorization"])
