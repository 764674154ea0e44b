"""The exceptions of calls."""

from __future__ import annotations

from typing import Any

__all__ = [
    "BadResponse",
    "CallError",
    "Closed",
    "MalformedMessage",
    "Refused",
    "RemoteError",
    "SendError",
    "Timeout",
    "TooManyCalls",
    "Unreachable",
]


class MalformedMessage(Exception):
    """A request that cannot be sent: its method name and arguments have more than 8,192 bytes."""


class CallError(Exception):
    """A call that ended without a value. The other exceptions of calls are its subclasses."""

    method: str | None
    """The name of the method."""
    peer: tuple[Any, ...] | None
    """The address of the peer."""
    did_run: str
    """Whether the method ran: `"no"`, `"maybe"` or `"yes"`. Check it before you repeat a call that is not idempotent."""
    is_retryable: bool
    """Whether the same call may succeed later."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.method = None
        self.peer = None
        self.did_run = "maybe"
        self.is_retryable = False


class Timeout(CallError, TimeoutError):
    """No response arrived in time."""


class Unreachable(CallError, ConnectionError):
    """No program receives at the address."""


class Refused(CallError):
    """The peer refused the request. Peers in Python do not refuse; they do not respond."""

    reason: str
    """`"unknown_method"`, `"malformed_arguments"`, `"busy"`, `"closing"`, `"panicked"`, `"stopped"`, `"rejected"`,
    `"response_too_large"`, `"response_unencodable"`, `"already_ran"` or `"other"`."""
    text: str
    """The peer's explanation."""


class RemoteError(CallError):
    """The method of the peer raised an exception, or returned an error."""

    name: str | None
    """The name of the exception's class, if the peer is in Python."""
    text: str
    """The text of the exception."""
    value: Any
    """The error as it was sent: `{"name": ..., "text": ...}` by a peer in Python, and any value by others."""


class BadResponse(CallError):
    """The response is no value that Python has, such as a map with a map as a key."""


class TooManyCalls(CallError):
    """The protocol has as many calls in flight as its `max_calls`."""


class Closed(CallError, ConnectionError):
    """The protocol was closed."""


class SendError(CallError, OSError):
    """The system did not send the request."""


_CLASSES: dict[str, type[CallError]] = {
    each.__name__: each
    for each in (BadResponse, Closed, Refused, RemoteError, SendError, Timeout, TooManyCalls, Unreachable)
}


def make_error(kind: str, message: str, **details: Any) -> Exception:
    """Makes the exception of a call. Called by the engine."""
    if kind == "TooLarge":
        limit = details["limit"]
        return MalformedMessage(f"the method's name and arguments have {details['size']:,} bytes, and {limit:,} are allowed")
    if kind == "Unencodable":
        return ValueError(message)
    if kind == "RemoteError":
        value = details["value"]
        is_exception = isinstance(value, dict) and isinstance(value.get("name"), str) and isinstance(value.get("text"), str)
        details["name"] = value["name"] if is_exception else None
        details["text"] = value["text"] if is_exception else str(value)
        message = f"{details['name']}: {details['text']}" if is_exception else details["text"]
    error = _CLASSES[kind](message)
    for name, detail in details.items():
        setattr(error, name, detail)
    return error
