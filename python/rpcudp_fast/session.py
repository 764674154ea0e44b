"""Sessions at an endpoint in Rust, as `docs/wire.md` specifies them."""

from __future__ import annotations

import asyncio
import os
from types import TracebackType
from typing import Any, TypeAlias

from .exceptions import CallError, RemoteError
from .protocol import RPCProtocol

__all__ = ["JoinError", "Session", "join"]

Address: TypeAlias = "tuple[Any, ...]"

VERSION = 1

# The texts of the reasons for which a session ends, by code.
REASONS = {
    1: "the peer left",
    2: "the lease expired",
    3: "evicted",
    4: "refused",
    5: "the server closes",
}


class JoinError(Exception):
    """The endpoint gave no session."""


class Session:
    """
    A lease that a protocol holds at an endpoint, made by `join`.

    It is kept in the background until `leave`, until the endpoint ends it, or until the endpoint has not responded for
    as long as the lease. `async with` leaves it at the end of the block.
    """

    address: Address
    """The address of the endpoint."""
    position: int
    """The place in line; 0 if the session is that of a member."""

    def __init__(self, protocol: RPCProtocol, address: Address, place: tuple[bytes, int, int], sent_at: float) -> None:
        """Not to be called: `join` creates sessions."""
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._session, lease, self.position = place
        self.address = address
        self._is_member = False
        # Done when the session is that of a member, and when it ends.
        self._turn: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self._renew(lease, sent_at)
        self._number = 0
        _sessions_of(protocol)[self._session] = self
        self._keeping = asyncio.ensure_future(self._keep())

    async def joined(self) -> None:
        """Waits until the session is that of a member. Raises `JoinError` if it ends before."""
        if not self._is_member:
            await asyncio.shield(self._turn)
        if not self._is_member:
            raise JoinError(self._ended.result())

    async def ended(self) -> str:
        """Waits until the session has ended, and returns the reason."""
        return await asyncio.shield(self._ended)

    @property
    def has_ended(self) -> bool:
        """Whether the session has ended."""
        return self._ended.done()

    async def leave(self) -> None:
        """Ends the session. The endpoint learns it at once if it can be reached, and at the end of the lease if not."""
        if self._end(REASONS[1]):
            try:
                await self._protocol.call(self.address, "rpc.leave", self._session, retransmit=True)
            except CallError:
                pass

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.leave()

    def _renew(self, lease: int, sent_at: float) -> None:
        # The session ends here a little before it ends at the endpoint.
        self._lease = lease / 1_000
        self._expires_at = sent_at + self._lease * 19 / 20
        if self.position == 0:
            self._become_member()

    def _become_member(self) -> None:
        self.position = 0
        self._is_member = True
        if not self._turn.done():
            self._turn.set_result(None)

    async def _keep(self) -> None:
        token, is_challenged = None, False
        while True:
            remaining = self._expires_at - self._loop.time()
            if remaining <= 0:
                self._end(REASONS[2])
                return
            if not is_challenged:
                await asyncio.sleep(min(self._lease / 3, remaining))
            self._number += 1
            sent_at = self._loop.time()
            timeout = max(0.0, min(self._lease / 3, self._expires_at - sent_at))
            was_challenged, is_challenged = is_challenged, False
            arguments = (self._number,) if token is None else (self._number, token)
            try:
                lease, position = await self._protocol.call(
                    self.address, "rpc.keep", self._session, *arguments, timeout=timeout, retransmit=True
                )
            except RemoteError as error:
                self._end(_reason(error.value))
                return
            except CallError:
                # The endpoint may be back before the end of the lease.
                continue
            if lease is None:
                # This side has another address: the token repeats the request from there, at once if it is the first.
                token, is_challenged = position, not was_challenged
                continue
            token, self.position = None, position
            self._renew(lease, sent_at)

    def _end(self, reason: str) -> bool:
        """Ends the session. Returns whether it had not ended before."""
        if self._ended.done():
            return False
        self._ended.set_result(reason)
        if not self._turn.done():
            self._turn.set_result(None)
        _sessions_of(self._protocol).pop(self._session, None)
        if asyncio.current_task() is not self._keeping:
            self._keeping.cancel()
        return True

    def __repr__(self) -> str:
        return f"<session at {self.address}>"


async def join(
    protocol: RPCProtocol,
    address: Address,
    pool: str = "",
    *,
    methods: list[tuple[str, int]] | None = None,
    timeout: float | None = None,
) -> Session:
    """
    Joins an endpoint.

    Args:
        protocol: the protocol that holds the session
        address: the endpoint's `(host, port)`
        pool: the pool of sessions
        methods: the wire names that the endpoint must serve, each with its fingerprint
        timeout: the time to wait for a response, in seconds, instead of the protocol's

    Raises:
        JoinError: the endpoint refuses
        Timeout, Unreachable, Refused: see `exceptions`
    """
    loop = asyncio.get_running_loop()
    address = tuple(address)
    key, token = int.from_bytes(os.urandom(8), "big"), None
    required = [list(method) for method in methods or []]
    # The second request repeats the first with the token that the endpoint may ask for.
    for _ in range(2):
        sent_at = loop.time()
        try:
            place = await protocol.call(
                address, "rpc.join", VERSION, pool, key, required, token, timeout=timeout, retransmit=True
            )
        except RemoteError as error:
            raise JoinError(_refusal(error.value)) from error
        if place[0] is not None:
            return Session(protocol, address, tuple(place), sent_at)
        token = place[1]
    raise JoinError("the endpoint asks for a token again and again")


def _refusal(value: Any) -> str:
    match value:
        case [0, version]:
            return f"the endpoint has version {version} of sessions, and this package {VERSION}"
        case [1]:
            return "the endpoint has no such pool"
        case [2, capacity, line]:
            return f"all {capacity} places are taken, and {line} in line"
        case [3, missing, changed]:
            return f"the endpoint does not serve {missing}, and has changed {[name for name, _ in changed]}"
        case [4, reason]:
            return _reason(reason)
        case _:
            return f"the endpoint refused: {value!r}"


def _reason(value: Any) -> str:
    match value:
        case [int(code), str(text)]:
            reason = REASONS.get(code, f"reason {code}")
            return f"{reason}: {text}" if text else reason
        case _:
            return f"the endpoint gave the reason {value!r}"


def _sessions_of(protocol: RPCProtocol) -> dict[bytes, Session]:
    """Returns the sessions of a protocol, which from then on serves what endpoints tell of them."""
    sessions: dict[bytes, Session] | None = protocol.__dict__.get("_sessions")
    if sessions is None:
        sessions = protocol.__dict__["_sessions"] = {}

        def joined(sender: Address, session: bytes) -> None:
            if (found := sessions.get(session)) is not None and sender[:2] == found.address[:2]:
                found._become_member()

        def ended(sender: Address, session: bytes, reason: Any) -> None:
            if (found := sessions.get(session)) is not None and sender[:2] == found.address[:2]:
                found._end(_reason(reason))

        protocol.__dict__["rpc_rpc.joined"] = joined
        protocol.__dict__["rpc_rpc.ended"] = ended
    return sessions
