"""Structured logs of the whole process: ours and those of uvicorn, Litestar and Dramatiq, in one format.

Whatever was said, and by whom, no card number leaves the process in a line (PCI DSS 4.0.1, 3.4.1 and 10).
"""

from __future__ import annotations

import logging
import sys
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from orchestrator.card_numbers import mask_card_numbers

# Loggers that say at "info" what nobody asked for.
QUIET = ("asyncio", "pika", "httpx2", "urllib3", "fontTools", "weasyprint", "uvicorn.access")
_DEPTH_MAX = 8


def configure(level: str = "info", *, json: bool = True, process: str = "") -> None:
    """Send all logs of this process to stderr, as JSON or readable lines. `process` (api, worker, …) is in each."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if json:  # the readable renderer draws exceptions itself
        shared.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    plain = structlog.dev.plain_traceback  # the default shows local variables, whatever they hold
    readable = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain)
    renderer: Processor = structlog.processors.JSONRenderer() if json else readable
    handler = _Stderr(sys.stderr)
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    # Values before they are escaped, and the whole line after: what a renderer puts together counts too.
    masked: list[Processor] = [remove_meta, _mask_values, renderer, _mask_line]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=masked))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.excepthook = _log_last_words
    if process:
        structlog.contextvars.bind_contextvars(process=process)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger: `logger(__name__).info("payment.captured", payment_id=…)`. Never pass it card data or credentials."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound


class _Stderr(logging.StreamHandler[Any]):
    """A record that cannot be written would be printed by `logging` with its arguments, as they are; not by this."""

    def handleError(self, record: logging.LogRecord) -> None:
        kind = sys.exc_info()[0]
        sys.stderr.write(f"a log line of {record.name} could not be written ({kind.__name__ if kind else 'error'})\n")


def _mask_values(_: object, __: str, event: EventDict) -> EventDict:
    return {key: value if key == "exc_info" else _masked(value) for key, value in event.items()}


def _mask_line(_: object, __: str, line: Any) -> str:
    return mask_card_numbers(str(line))


def _masked(value: object, depth: int = 0) -> object:
    """The value with card numbers masked, at any depth; an object of another kind is shown as its `repr`."""
    match value:
        case str():
            return mask_card_numbers(value)
        case None | bool():
            return value
        case int() | float():
            text = str(value)
            masked = mask_card_numbers(text)
            return value if masked is text else masked
        case dict() if depth < _DEPTH_MAX:
            return {mask_card_numbers(str(key)): _masked(inner, depth + 1) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset() if depth < _DEPTH_MAX:
            return [_masked(inner, depth + 1) for inner in value]
        case _:
            return mask_card_numbers(repr(value))


def _log_last_words(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:  # pragma: no cover - tried in a process of its own
    """What ends the process is a log line too, and not Python's own words on stderr."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logger(__name__).critical("process.failed", exc_info=(kind, error, trace))
