"""Logs of web and worker processes: text for people, or one JSON object a line for machines."""

import logging
from contextvars import ContextVar
from typing import Literal

from pythonjsonlogger.json import JsonFormatter

Format = Literal["text", "json"]

TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"
NOISY = ("botocore", "httpcore", "httpx", "pymongo", "urllib3")
"""Libraries that log each of their requests, addresses and all."""
SERVER = ("uvicorn", "uvicorn.error", "uvicorn.access")

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The request that is being answered; empty outside of one."""


class _Request(logging.Filter):
    """Adds the request to what is logged while it is answered."""

    def filter(self, record: logging.LogRecord) -> bool:
        identifier = request_id.get()
        if identifier:
            record.request_id = identifier
        return True


def configure(form: str) -> None:
    """Send everything that is logged to the standard error stream in this form; safe to call again."""
    handler = logging.StreamHandler()
    handler.addFilter(_Request())
    handler.setFormatter(_json() if form == "json" else logging.Formatter(TEXT))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in SERVER:  # the server has handlers of its own, which know no JSON
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def _json() -> logging.Formatter:
    """Time (UTC), level, logger, message; what a record carries beside them, and its exception, as further fields."""
    return JsonFormatter(
        "{levelname}{name}{message}",
        style="{",
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp="time",
    )
