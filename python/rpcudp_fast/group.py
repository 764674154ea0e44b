"""Calls to several peers with the same methods."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from typing import Any, TypeAlias

from .exceptions import CallError
from .protocol import RPCProtocol

__all__ = ["Group", "QuorumError"]

Address: TypeAlias = "tuple[Any, ...]"

# Seconds for which calls avoid a peer that did not run one.
AVOIDED_FOR = 5.0


class QuorumError(Exception):
    """Too few peers agree on a value."""

    needed: int
    """The number of peers that must agree."""
    responses: list[tuple[Address, Any]]
    """The address of each peer that has responded or failed, with its value or its `CallError`."""

    def __init__(self, needed: int, agreeing: int, responses: list[tuple[Address, Any]]) -> None:
        super().__init__(f"{agreeing} of {needed} peers agree, after {len(responses)} responses")
        self.needed = needed
        self.responses = responses


class Group:
    """
    Peers with the same methods.

    The options of its methods are those of `RPCProtocol.call`.
    """

    def __init__(self, protocol: RPCProtocol, peers: Iterable[Address]) -> None:
        """
        Creates a group.

        Args:
            protocol: the protocol that calls
            peers: the addresses, each a `(host, port)`
        """
        self.protocol = protocol
        self.peers: list[Address] = [tuple(peer) for peer in peers]
        if not self.peers:
            raise ValueError("a group has at least one peer")
        self._avoided_until: dict[Address, float] = {}

    async def call(self, method: str, /, *args: Any, timeout: float | None = None, retransmit: bool = False) -> Any:
        """
        Calls a method at one of the peers, and returns its value.

        A peer that did not run it, because it is unreachable, busy or closing, is followed by another one, until the
        timeout. Calls avoid such a peer for the next five seconds.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + (self.protocol._engine.wait_timeout if timeout is None else timeout)
        rest = self._in_random_order(loop.time())
        while True:
            peer = rest.pop()
            try:
                remaining = max(0.0, end - loop.time())
                return await self.protocol.call(peer, method, *args, timeout=remaining, retransmit=retransmit)
            except CallError as error:
                if error.did_run != "no" or not error.is_retryable:
                    raise
                self._avoided_until[peer] = loop.time() + AVOIDED_FOR
                if not rest:
                    raise

    async def all(
        self, method: str, /, *args: Any, timeout: float | None = None, retransmit: bool = False
    ) -> AsyncIterator[tuple[Address, Any]]:
        """
        Calls a method at all peers, and yields the address of each with its value or its `CallError`, the first
        response first. If the iterator is closed early, the other calls are cancelled.
        """
        calls = {
            asyncio.ensure_future(self.protocol.call(peer, method, *args, timeout=timeout, retransmit=retransmit)): peer
            for peer in self.peers
        }
        try:
            pending = set(calls)
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for call in done:
                    error = call.exception()
                    if error is not None and not isinstance(error, CallError):
                        raise error
                    yield calls[call], call.result() if error is None else error
        finally:
            for call in calls:
                if not call.cancel() and not call.cancelled():
                    # An exception that is never read is logged.
                    call.exception()

    async def quorum(
        self, needed: int, method: str, /, *args: Any, timeout: float | None = None, retransmit: bool = False
    ) -> Any:
        """
        Calls a method at all peers until `needed` of them agree on a value, and returns the value.

        Raises:
            QuorumError: no value can get as many votes any more
        """
        responses: list[tuple[Address, Any]] = []
        votes: list[tuple[Any, int]] = []
        results = self.all(method, *args, timeout=timeout, retransmit=retransmit)
        try:
            async for peer, value in results:
                responses.append((peer, value))
                if not isinstance(value, CallError):
                    vote(votes, value)
                    value, count = max(votes, key=lambda each: each[1])
                    if count >= needed:
                        return value
                agreeing = max((count for _, count in votes), default=0)
                if agreeing + len(self.peers) - len(responses) < needed:
                    break
        finally:
            await results.aclose()  # type: ignore[attr-defined]
        raise QuorumError(needed, max((count for _, count in votes), default=0), responses)

    def _in_random_order(self, now: float) -> list[Address]:
        """Returns the peers, the avoided ones first, to be popped."""
        peers = random.sample(self.peers, len(self.peers))
        return sorted(peers, key=lambda peer: self._avoided_until.get(peer, 0.0) <= now)


def vote(votes: list[tuple[Any, int]], value: Any) -> None:
    """Counts a value. `1` and `True` are different values."""
    for index, (other, count) in enumerate(votes):
        if type(other) is type(value) and other == value:
            votes[index] = (other, count + 1)
            return
    votes.append((value, 1))
