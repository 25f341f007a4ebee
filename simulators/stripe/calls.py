"""A call to the API as the resources see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from simulators.asgi import Response
from simulators.stripe.form import Form


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request. `id` and `sub` are the ids in its path; `decline` is what a scenario orders."""

    account: str
    form: Form
    id: str = ""
    sub: str = ""
    decline: str | None = None


Answer = dict[str, Any] | Response
Verb = Callable[[Call], Answer | Awaitable[Answer]]
