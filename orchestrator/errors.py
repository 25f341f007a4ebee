"""Refusals that a caller can act on: each has a stable code, an HTTP status, and names the field where there is one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that was refused: where (a JSON path such as `amount.currency`) and what to do about it."""

    field: str
    message: str


class ClearwayError(Exception):
    """Base of every refusal. `code` is stable and listed in docs/errors.md; `detail` is for people."""

    status = 400
    code = "bad_request"

    def __init__(self, detail: str, *, errors: tuple[FieldError, ...] = (), **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.extra = extra


class InvalidField(ClearwayError):
    status = 422
    code = "invalid_field"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}", errors=(FieldError(field, message),))


class NotFound(ClearwayError):
    status = 404
    code = "not_found"

    def __init__(self, kind: str, object_id: str) -> None:
        super().__init__(f"There is no {kind} {object_id!r} here. Check the id and the API key's merchant.")


class Conflict(ClearwayError):
    """The object is not in a state that allows this."""

    status = 409
    code = "conflict"


class Unauthorized(ClearwayError):
    status = 401
    code = "unauthorized"


class Forbidden(ClearwayError):
    status = 403
    code = "forbidden"


class Busy(ClearwayError):
    """There is no room for this now; nothing was begun. Try again soon."""

    status = 503
    code = "busy"
