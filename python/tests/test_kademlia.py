"""`kademlia.Server` has the API of `kademlia` 2.2.3."""

import asyncio
import contextlib
import logging
import pickle

import pytest
from kademlia.network import Server as Original

import rpcudp_fast
from rpcudp_fast.kademlia import ForgetfulStorage, IStorage, KademliaProtocol, Node, Server, digest
from rpcudp_fast.kademlia.network import Server as AlsoServer

VALUES = [7, -1, 2**64 - 1, 1.5, True, False, "text", "", b"\x00\xff", "é" * 4_000]


def address_of(server):
    if isinstance(server, Server):
        return rpcudp_fast.local_addr(server.protocol)
    return server.transport.get_extra_info("sockname")


async def until(condition):
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the condition did not come true")


@contextlib.asynccontextmanager
async def network(*makers):
    """Gives nodes of one network, of which each is joined through the first."""
    servers = []
    try:
        for make in makers:
            server = make()
            await server.listen(0, "127.0.0.1")
            servers.append(server)
            if len(servers) > 1:
                await server.bootstrap([address_of(servers[0])])
                # A node of ours pings a new one before it knows it.
                await until(lambda: len(servers[0].bootstrappable_neighbors()) >= len(servers) - 1)
        yield servers
    finally:
        for server in servers:
            server.stop()
        await asyncio.sleep(0)


def test_values_of_every_type_are_found_by_every_node_of_a_mixed_network(run):
    async def main():
        async with network(Server, Original, Server, Original, Server) as servers:
            for number, setter in enumerate(servers):
                for index, value in enumerate(VALUES):
                    assert await setter.set(f"{number} {index}", value), (number, value)
            for number in range(len(servers)):
                for index, value in enumerate(VALUES):
                    for getter in servers:
                        found = await getter.get(f"{number} {index}")
                        assert type(found) is type(value) and found == value, (getter, value, found)

    run(main())


def test_bootstrap_returns_the_closest_nodes(run):
    async def main():
        async with network(Server, Server, Server) as (first, second, third):
            nodes = await third.bootstrap([address_of(first)])
            assert all(isinstance(node, Node) for node in nodes)
            assert {node.id for node in nodes} == {first.node.id, second.node.id}
            assert sorted(third.bootstrappable_neighbors()) == sorted([address_of(first), address_of(second)])
            assert await third.bootstrap([]) == []
            node = await third.bootstrap_node(address_of(first))
            assert (node.id, node.ip, node.port) == (first.node.id, *address_of(first))
        alone = Server()
        await alone.listen(0, "127.0.0.1")
        assert await alone.bootstrap([("127.0.0.1", 9)]) == []
        with pytest.raises(ValueError, match="no node can be at"):
            await alone.bootstrap([("0.0.0.0", 1)])
        alone.stop()

    run(main())


def test_many_values_are_set_and_found_at_once(run):
    async def main():
        async with network(*[Server] * 8) as servers:
            values = {f"key {number}": number for number in range(500)}
            assert await servers[1].set_many(values) == [True] * 500
            assert await servers[5].get_many(values) == list(values.values())
            assert await servers[5].get_many(["missing", "key 7"]) == [None, 7]
            assert await servers[5].get_many([]) == []

    run(main())


def test_a_node_without_neighbours_sets_and_finds_nothing(run, caplog):
    async def main():
        alone = Server()
        await alone.listen(0, "127.0.0.1")
        assert await alone.get("key") is None
        assert await alone.set("key", 1) is False
        assert await alone.get_many(["key"]) == [None]
        alone.stop()

    with caplog.at_level(logging.WARNING, "kademlia"):
        run(main())
    assert "There are no known neighbors to get key key" in caplog.text


def test_values_that_cannot_be_stored_are_errors(run):
    async def main():
        async with network(Server, Server) as (_, server):
            for value in (None, [1], {"a": 1}, (1,)):
                with pytest.raises(TypeError, match="Value must be of type"):
                    await server.set("key", value)
            with pytest.raises(TypeError, match="64 bits"):
                await server.set("key", 2**64)
            with pytest.raises(ValueError, match="8140"):
                await server.set("key", b"x" * 9_000)
            with pytest.raises(ValueError, match="20 bytes"):
                await server.set_digest(b"short", 1)
            assert await server.set_digest(digest("key"), 2) is True
            assert await server.get("key") == 2

    run(main())


def test_a_state_is_saved_and_loaded_by_both_packages(run, tmp_path):
    async def main():
        async with network(Server, Server) as (first, second):
            path = tmp_path / "state"
            second.save_state_regularly(path, 0.05)
            assert await first.set("key", "value")
            state = pickle.loads(path.read_bytes())
            assert state == {
                "ksize": 20,
                "alpha": 3,
                "id": second.node.id,
                "neighbors": [address_of(first)],
            }
            path.unlink()
            await asyncio.sleep(0.2)
            assert path.exists()
            second.stop()
            loaded = await Server.load_state(path, 0, "127.0.0.1")
            assert loaded.node.id == second.node.id
            assert await loaded.get("key") == "value"
            loaded.stop()
            original = await Original.load_state(path, 0, "127.0.0.1")
            assert original.node.id == second.node.id
            original.stop()

    run(main())


def test_a_storage_of_the_program_is_read_at_the_start_and_written_in_batches(run):
    batches = []

    class Protocol(KademliaProtocol):
        def _store_changes(self, changes):
            batches.append(len(changes))
            super()._store_changes(changes)

    class Storing(Server):
        protocol_class = Protocol

    storage = ForgetfulStorage()
    storage[digest("before")] = "stored before"

    async def main():
        async with network(Server, lambda: Storing(storage=storage)) as (other, server):
            assert await server.get("before") == "stored before"
            values = {f"key {number}": number for number in range(200)}
            assert all(await other.set_many(values))
            await until(lambda: len(dict(storage)) == 201)
            assert {digest(key): value for key, value in values.items()}.items() <= dict(storage).items()
            assert sum(batches) >= 200 > len(batches)

    run(main())


def test_a_storage_that_raises_is_logged_and_the_node_works_on(run, caplog):
    class Full(ForgetfulStorage):
        def __setitem__(self, key, value):
            raise OSError("the disk is full")

    async def main():
        async with network(Server, lambda: Server(storage=Full())) as (other, server):
            await other.set("key", 1)
            await asyncio.sleep(0.1)
            assert await server.get("key") == 1

    run(main())
    assert "the disk is full" in caplog.text


def test_the_nodes_own_values_can_be_read(run):
    async def main():
        async with network(Server, Server) as (first, second):
            assert first.storage.get(b"x" * 20) is None
            await second.set("key", "value")
            assert first.storage.get(digest("key")) == first.storage[digest("key")] == "value"
            assert list(first.storage) == [(digest("key"), "value")]
            with pytest.raises(KeyError):
                first.storage[digest("other")]

    run(main())


def test_a_subclass_of_the_protocol_serves_its_own_methods(run):
    class Talking(KademliaProtocol):
        def rpc_greet(self, sender, name):
            return f"Hello {name}"

    class TalkingServer(Server):
        protocol_class = Talking

    async def main():
        async with network(TalkingServer, TalkingServer) as (first, second):
            assert isinstance(second.protocol, Talking)
            assert await second.protocol.greet(address_of(first), "Ada") == (True, "Hello Ada")
            assert await second.protocol.ping(address_of(first), second.node.id) == (True, first.node.id)
            assert await second.protocol.stun(address_of(first)) == (True, list(address_of(second)))

    run(main())


def test_a_protocol_that_overrides_a_method_of_kademlia_is_an_error():
    with pytest.raises(TypeError, match="rpc_store"):

        class Overriding(KademliaProtocol):
            def rpc_store(self, sender, nodeid, key, value):
                return True


def test_stop_ends_operations_and_frees_the_port(run):
    async def main():
        async with network(Server, Server) as (first, second):
            port = address_of(second)[1]
            await second.set("key", 1)
            pending = asyncio.ensure_future(second.get_many([f"{n}" for n in range(1_000)]))
            await asyncio.sleep(0)
            second.stop()
            with contextlib.suppress(rpcudp_fast.Closed):
                await asyncio.wait_for(pending, 5)
            with pytest.raises(RuntimeError, match="stopped"):
                await second.get("other")
            again = Server()
            await again.listen(port, "127.0.0.1")
            again.stop()

    run(main())


def test_a_cancelled_lookup_ends(run):
    async def main():
        async with network(Server, Server) as (_, server):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(server.get_many([str(n) for n in range(100_000)], at_once=1), 0.05)
            assert await server.set("key", 1)

    run(main())


def test_a_server_that_does_not_listen_says_so():
    async def main():
        with pytest.raises(RuntimeError, match="await `listen`"):
            await Server().set("key", 1)

    asyncio.run(main())


def test_names_are_those_of_the_original():
    assert AlsoServer is Server
    assert issubclass(ForgetfulStorage, IStorage)
    server = Server(node_id=b"\x01" * 20)
    assert (server.ksize, server.alpha, server.protocol, server.transport) == (20, 3, None, None)
    assert server.node.long_id == int("01" * 20, 16)
    node = Node(b"\x00" * 19 + b"\x03", "127.0.0.1", 5)
    assert tuple(node) == (node.id, "127.0.0.1", 5) and str(node) == "127.0.0.1:5"
    assert node.distance_to(Node(b"\x00" * 19 + b"\x01")) == 2
    assert node.same_home_as(Node(b"x", "127.0.0.1", 5))
