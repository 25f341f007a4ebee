"""The arrows of the design hold, and the linter that says so really sees a broken one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from source import ROOT, files, imports, place

FRAMEWORKS = {"piccolo", "litestar", "dramatiq", "asyncio", "asyncpg", "stripe", "Adyen", "paypalserversdk", "requests"}
# These are the modules of a pure package that talk to the database; nothing pure imports them either.
IMPURE = ("tables", "store", "service", "piccolo_app", "constraints")  # or with a name before: account_store
ADAPTERS = ("stripe", "adyen", "paypal")
# (file, what is added to it, the contract that must break)
BROKEN_ARROWS = [
    ("currency/money.py", "import routing.outcomes", "packages"),
    ("orchestrator/ids.py", "import orchestrator.db", "the arrows inside orchestrator"),
    ("orchestrator/errors.py", "import Adyen", "Adyen's SDK"),
    ("orchestrator/clock_port.py", "import stripe", "Stripe's SDK"),
    ("routing/outcomes.py", "import simulators.world", "the product does not know"),
    ("simulators/world.py", "import currency.money", "the simulators do not know"),
]


def lint_imports(directory: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    environment = {**os.environ, "PYTHONPATH": str(directory), "COLUMNS": "200"}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


def copy_of_the_source(directory: Path) -> Path:
    for package in ("currency", "routing", "invoicing", "orchestrator", "simulators"):
        shutil.copytree(ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", directory)
    return directory


def test_an_untouched_copy_passes_the_import_linter(tmp_path: Path) -> None:
    done = lint_imports(copy_of_the_source(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_broken_arrow_fails_its_contract(tmp_path: Path) -> None:
    copy = copy_of_the_source(tmp_path)
    for name, line, _ in BROKEN_ARROWS:
        with (copy / name).open("a") as file:
            file.write(f"\n{line}\n")
    done = lint_imports(copy)
    broken = [line for line in done.stdout.splitlines() if line.rstrip().endswith("BROKEN") or "BROKEN (" in line]
    names = {"packages": "orchestrator -> (routing | invoicing) -> currency"}
    expected = [names.get(contract, contract) for _, _, contract in BROKEN_ARROWS]
    assert done.returncode == 1
    assert [name for name in expected if not any(line.startswith(name) for line in broken)] == []


def test_pure_modules_import_no_framework_no_sdk_and_no_store() -> None:
    pure = [
        path
        for path in files("currency/**/*.py", "routing/**/*.py", "invoicing/**/*.py")
        if not path.stem.endswith(IMPURE)
    ]
    pure += files("orchestrator/*/lifecycle.py")
    own = {"currency", "routing", "invoicing"}
    wrong = [
        f"{place(path, line)} imports {name}"
        for path in pure
        for line, name in imports(path)
        if name.split(".")[0] in FRAMEWORKS or (name.split(".")[0] in own and name.split(".")[-1].endswith(IMPURE))
    ]
    assert wrong == []


def test_adapters_do_not_know_each_other() -> None:
    wrong = []
    for own in ADAPTERS:
        others = tuple(f"orchestrator.gateways.{name}" for name in ADAPTERS if name != own)
        for path in files(f"orchestrator/gateways/{own}*.py"):
            wrong += [f"{place(path, line)} imports {name}" for line, name in imports(path) if name.startswith(others)]
    assert wrong == []


def test_controllers_have_real_annotations() -> None:
    """Litestar reads them when the app is made (library trap L3)."""
    wrong = [
        place(path, line)
        for path in files("orchestrator/http/**/*.py", "orchestrator/web/**/*.py")
        for line, name in imports(path)
        if name == "__future__.annotations"
    ]
    assert wrong == []
