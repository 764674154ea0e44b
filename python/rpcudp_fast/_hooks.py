"""The functions of Python that the engine calls."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Callable
from types import CoroutineType
from typing import Any

from .exceptions import Refused, Timeout, make_error

__all__ = [
    "CoroutineType",
    "create_task",
    "is_awaitable",
    "is_debug",
    "log_call",
    "log_exception",
    "log_failure",
    "log_response",
    "log_unknown",
    "make_error",
    "store_changes",
]

# The name in rpcudp 5.0.1, so that a program's configuration of logs applies.
LOG = logging.getLogger("rpcudp.protocol")

# The length of an exception's text that its caller gets.
MAX_TEXT_LEN = 1_000

# The lines a second about requests for unknown methods, which any host can send.
MAX_UNKNOWN_LINES = 10


def create_task(awaitable: Any, on_done: Callable[[asyncio.Future[Any]], None]) -> asyncio.Future[Any]:
    task: asyncio.Future[Any] = asyncio.ensure_future(awaitable)
    task.add_done_callback(on_done)
    return task


def is_awaitable(value: object) -> bool:
    return inspect.isawaitable(value)


def is_debug() -> bool:
    return LOG.isEnabledFor(logging.DEBUG)


def log_call(method: str, address: tuple[Any, ...]) -> None:
    LOG.debug("calling remote function %s on %s", method, address)


def log_response(method: str, peer: tuple[Any, ...], value: object) -> None:
    LOG.debug("received response %s to %s from %s", value, method, peer)


def log_failure(method: str, peer: tuple[Any, ...], error: Exception) -> None:
    if isinstance(error, Timeout):
        LOG.error("Did not receive reply to %s: %s", method, error)
    elif isinstance(error, Refused):
        LOG.warning("%s", error)
    else:
        LOG.error("The call of %s on %s failed: %s", method, peer, error)


class _LineLimit:
    """Allows a number of lines in each second."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._second = 0
        self._count = 0

    def allows(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        return self._count <= self._per_second


_UNKNOWN = _LineLimit(MAX_UNKNOWN_LINES)


def log_unknown(protocol: object, method: str) -> None:
    if _UNKNOWN.allows():
        LOG.warning("%s has no callable method rpc_%.100s; ignoring request", type(protocol).__name__, method)


def log_exception(method: str, sender: tuple[Any, ...], error: BaseException) -> tuple[str, str]:
    """Logs the exception of a handler. Returns the name and the text that the caller gets."""
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        raise error
    LOG.error("rpc_%s raised an exception for %s", method, sender, exc_info=error)
    try:
        text = str(error)[:MAX_TEXT_LEN]
        text.encode()
    except Exception:
        text = ""
    return type(error).__name__, text


def store_changes(protocol: Any, changes: list[tuple[bytes, Any]]) -> None:
    protocol._store_changes(changes)
