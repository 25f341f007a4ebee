"""Refusals of the reconciliation verbs. An unreadable file is not one: it is a file in state `failed`."""

from orchestrator.errors import ClearwayError


class FileTooLarge(ClearwayError):
    """More bytes than one import takes."""

    status = 413
    code = "settlement_file_too_large"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"The file has {size} bytes, one import takes {limit}. Ask the gateway for reports of shorter periods."
        )
