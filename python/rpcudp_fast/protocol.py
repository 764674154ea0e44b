"""The protocol of `rpcudp` 5.0.1 on an engine in Rust."""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from . import _engine, _hooks
from ._engine import Engine, RemoteMethod, forked

__all__ = ["RPCProtocol", "local_addr", "rpc", "stats"]

_F = TypeVar("_F", bound=Callable[..., Any])

# The engine's threads do not exist in a child.
os.register_at_fork(after_in_child=forked)


def rpc(*, at_most_once: bool = False) -> Callable[[_F], _F]:
    """
    Declares how a method behaves under loss.

    Args:
        at_most_once: a duplicate of a request gets the stored response of the first, so that callers may
            retransmit a request whose method is not idempotent
    """

    def mark(method: _F) -> _F:
        method._rpcudp_at_most_once = at_most_once  # type: ignore[attr-defined]
        return method

    return mark


class RPCProtocol(asyncio.DatagramProtocol):
    """
    A protocol that calls methods of peers, and serves its own methods that begin with `rpc_`.

    Pass it to `loop.create_datagram_endpoint`. `await protocol.name(address, *args)` calls the method `name` of the
    peer at `(host, port)`, and returns `(True, value)`, or `(False, None)` if no response arrives in time. `call`
    raises an exception instead that gives the reason.
    """

    transport: asyncio.DatagramTransport | None

    def __init__(
        self,
        wait_timeout: float = 5,
        *,
        trusted_network: bool = False,
        max_handlers: int = 1024,
        handler_timeout: float = 60,
        max_calls: int = 1 << 20,
        busy_poll: bool = True,
    ) -> None:
        """
        Creates a protocol.

        Args:
            wait_timeout: the time to wait for a response, in seconds
            trusted_network: whether every address may send requests without limits, because none can be forged
            max_handlers: the number of requests that are handled at a time; others are refused
            handler_timeout: the time that a coroutine may run if its caller does not wait longer, in seconds
            max_calls: the number of calls in flight
            busy_poll: whether the event loop's thread polls for a response for up to 100 us, while one or two calls are
                in flight and responses come within that time
        """
        self.transport = None
        self._limits = (trusted_network, max_handlers, handler_timeout, max_calls)
        self._busy_poll = busy_poll
        self._engine = Engine(_hooks, wait_timeout)
        self._watch: _Watch | None = None

    @property
    def _wait_timeout(self) -> float:
        return self._engine.wait_timeout

    @_wait_timeout.setter
    def _wait_timeout(self, timeout: float) -> None:
        self._engine.wait_timeout = timeout

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Gives the transport's socket to the engine."""
        self.transport = transport  # type: ignore[assignment]
        if transport.get_extra_info("peername") is not None:
            raise ValueError("a protocol calls many peers: leave out `remote_addr`")
        loop = asyncio.get_running_loop()
        engine = self._engine
        _give_socket(transport.get_extra_info("socket"), engine.channel())
        node = self._node_options()
        poll = functools.partial(engine.poll, self) if self._busy_poll and node is None else None
        fd = engine.connect(loop, type(self).__name__, self._methods(), self._limits, node, poll)
        self._watch = _Watch(loop, fd, engine.drain, self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Closes the engine's socket. Every call that is in flight ends."""
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
        self._engine.close(self)

    def call(
        self,
        address: tuple[Any, ...],
        method: str,
        /,
        *args: Any,
        timeout: float | None = None,
        retransmit: bool = False,
        wait_for_ready: bool = False,
    ) -> Awaitable[Any]:
        """
        Calls a method, and returns its value.

        Args:
            address: the peer's `(host, port)`
            method: the name, without `rpc_`
            args: the arguments
            timeout: the time to wait for a response, in seconds, instead of the protocol's
            retransmit: whether a lost request is sent again until the timeout; the method may run several times
                unless the peer declares it with `@rpc(at_most_once=True)`
            wait_for_ready: whether to send the request again if the peer is unreachable, busy or closing

        Raises:
            Timeout, Unreachable, Refused, RemoteError: see `exceptions`
            MalformedMessage: the name and the arguments have more than 8,192 bytes
            TypeError: an argument has a type that msgpack does not have
        """
        return self._engine.call(address, method, args, timeout, retransmit, wait_for_ready)

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("_", "rpc_")):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        # The next access finds the attribute of the instance.
        method = self.__dict__[name] = RemoteMethod(self._engine, name)
        return method

    def _node_options(self) -> _engine.NodeOptions | None:
        """Returns the options of the Kademlia node to which the protocol belongs, if it does."""
        return None

    def _methods(self) -> list[tuple[str, bool, str | None]]:
        """Returns the name, the delivery and the documentation of each handler of the class."""
        methods = []
        for attribute in dir(type(self)):
            function = inspect.getattr_static(self, attribute)
            if attribute.startswith("rpc_") and callable(getattr(self, attribute, None)):
                function = inspect.unwrap(getattr(function, "__func__", function))
                is_at_most_once = getattr(function, "_rpcudp_at_most_once", False)
                methods.append((attribute.removeprefix("rpc_"), is_at_most_once, inspect.getdoc(function)))
        return methods


def stats(protocol: RPCProtocol) -> dict[str, dict[str, int]]:
    """Returns the counters of a connected protocol: of its calls, its requests, its datagrams, and of dropped ones."""
    return protocol._engine.stats()


def local_addr(protocol: RPCProtocol) -> tuple[Any, ...]:
    """Returns the address that a connected protocol is bound to, on every event loop."""
    return protocol._engine.local_addr()


def _give_socket(transport_socket: Any, channel_fd: int) -> None:
    """
    Passes the socket to the engine, and leaves another one in its place that receives nothing.

    The transport goes on with that: it is closed as before, and event loops need no feature for it. asyncio and
    uvloop begin to receive after `connection_made`, so no datagram is lost. uvloop asks the other socket for
    `get_extra_info("sockname")`, and `local_addr` returns the address instead.
    """
    fd = transport_socket.fileno()
    with socket.socket(fileno=os.dup(channel_fd)) as channel:
        socket.send_fds(channel, [b"\0"], [fd])
    with socket.socket(transport_socket.family, socket.SOCK_DGRAM) as placeholder:
        os.dup2(placeholder.fileno(), fd, inheritable=False)


class _Watch:
    """Calls a function of the engine on the event loop when a file descriptor becomes readable."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int, drain: Callable[[Any], None], protocol: Any) -> None:
        self._loop = loop
        self._fd: int | None = fd
        try:
            loop.add_reader(fd, drain, protocol)
        except NotImplementedError:
            # An event loop without readers, such as Windows's: a thread waits instead, once for each batch.
            self._fd = None
            self._stopped = threading.Event()
            self._drained = threading.Event()
            thread = threading.Thread(target=self._run, args=(fd, drain, protocol), daemon=True, name="rpcudp watch")
            thread.start()

    def stop(self) -> None:
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
        else:
            self._stopped.set()
            self._drained.set()

    def _run(self, fd: int, drain: Callable[[Any], None], protocol: Any) -> None:
        import select

        def drain_and_go_on() -> None:
            if not self._stopped.is_set():
                drain(protocol)
            self._drained.set()

        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while not self._stopped.is_set():
            if not poll.poll(1_000):
                continue
            self._drained.clear()
            try:
                self._loop.call_soon_threadsafe(drain_and_go_on)
            except RuntimeError:
                # The event loop is closed.
                return
            self._drained.wait()
