"""Structured logs of the whole process: ours and those of uvicorn, Litestar and Dramatiq, in one format."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import Processor

# Loggers that say at "info" what nobody asked for.
QUIET = ("asyncio", "pika", "httpx2", "urllib3", "fontTools", "weasyprint", "uvicorn.access")


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
    renderer: Processor = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    handler = logging.StreamHandler(sys.stderr)
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove_meta, renderer])
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    if process:
        structlog.contextvars.bind_contextvars(process=process)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger: `logger(__name__).info("payment.captured", payment_id=…)`. Never pass it card data or credentials."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound
