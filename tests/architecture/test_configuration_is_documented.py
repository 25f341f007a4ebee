"""docs/configuration.md names every setting, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from orchestrator.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
ONLY_PAYPAL = {"CLEARWAY_STRIPE__CERT_HOSTS", "CLEARWAY_ADYEN__CERT_HOSTS"}


def variables(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from variables(field.annotation, f"{prefix}{name.upper()}__")
        else:
            yield str(field.validation_alias or f"{prefix}{name.upper()}")


def test_every_setting_is_documented_and_every_documented_setting_exists() -> None:
    documented = set(re.findall(r"`([A-Z][A-Z_]+_[A-Z_]+)`", PAGE.read_text()))
    assert documented == set(variables(Settings, "CLEARWAY_")) - ONLY_PAYPAL
