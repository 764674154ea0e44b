"""Calls to several peers."""

import asyncio
import contextlib
import socket

import pytest
from conftest import serving

from rpcudp_fast import Group, QuorumError, RemoteError, RPCProtocol, Timeout, Unreachable, stats


class Replica(RPCProtocol):
    def __init__(self, value):
        super().__init__()
        self.value = value
        self.cancelled = 0

    def rpc_get(self, sender):
        return self.value

    def rpc_fail(self, sender):
        raise ValueError(self.value)

    async def rpc_wait(self, sender):
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


@contextlib.asynccontextmanager
async def replicas(*values):
    """Gives a client, the replicas and their addresses."""
    async with contextlib.AsyncExitStack() as stack:
        client, _ = await stack.enter_async_context(serving(RPCProtocol))
        served = [await stack.enter_async_context(serving(lambda value=value: Replica(value))) for value in values]
        yield client, [replica for replica, _ in served], [address for _, address in served]


def closed_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()


def test_a_call_goes_to_one_peer_and_past_those_that_do_not_run_it(run):
    async def main():
        async with replicas(1, 1, 1) as (client, served, addresses):
            group = Group(client, [closed_address(), *addresses])
            assert [await group.call("get", timeout=2) for _ in range(40)] == [1] * 40
            counts = [stats(replica)["requests"]["received"] for replica in served]
            assert sum(counts) == 40 and all(counts)
            with pytest.raises(RemoteError):
                await group.call("fail")
            gone = Group(client, [closed_address(), closed_address()])
            with pytest.raises(Unreachable):
                await gone.call("get", timeout=2)

    run(main())


def test_all_yields_the_result_of_each_peer(run):
    async def main():
        async with replicas(1, 2) as (client, _, addresses):
            group = Group(client, [*addresses, closed_address()])
            results = {peer: value async for peer, value in group.all("get", timeout=2)}
            assert [results[address] for address in addresses] == [1, 2]
            assert isinstance(results[group.peers[-1]], Unreachable)

    run(main())


def test_leaving_all_early_cancels_the_other_calls(run):
    async def main():
        async with replicas(1, 2) as (client, served, addresses):
            results = Group(client, addresses).all("wait", timeout=0.1)
            with pytest.raises(StopAsyncIteration):
                while True:
                    peer, error = await anext(results)
                    assert isinstance(error, Timeout)
            task = asyncio.ensure_future(anext(Group(client, addresses).all("wait")))
            await asyncio.sleep(0.1)
            task.cancel()
            for _ in range(200):
                if all(replica.cancelled for replica in served):
                    break
                await asyncio.sleep(0.02)
            assert all(replica.cancelled for replica in served)
            assert stats(client)["calls"]["in_flight"] == 0

    run(main())


def test_a_quorum_returns_the_value_that_enough_peers_agree_on(run):
    async def main():
        async with replicas("old", "new", "new") as (client, _, addresses):
            group = Group(client, addresses)
            assert await group.quorum(2, "get", timeout=2) == "new"
            with pytest.raises(QuorumError, match="[12] of 3 peers agree") as raised:
                await group.quorum(3, "get", timeout=2)
            assert raised.value.needed == 3
            with pytest.raises(QuorumError, match="0 of 1 peers agree, after 3 responses"):
                await group.quorum(1, "fail", timeout=2)
        async with replicas(1, True, [1]) as (client, _, addresses):
            with pytest.raises(QuorumError, match="1 of 2 peers agree"):
                await Group(client, addresses).quorum(2, "get", timeout=2)

    run(main())


def test_a_group_without_peers_is_an_error():
    with pytest.raises(ValueError, match="at least one peer"):
        Group(RPCProtocol(), [])
