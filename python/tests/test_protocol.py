"""`RPCProtocol` has the API of `rpcudp` 5.0.1."""

import asyncio
import gc
import logging
import socket
import time
import types
import weakref

import pytest
from conftest import run_on, serving

from rpcudp_fast import _hooks
from rpcudp_fast.protocol import RPCProtocol, local_addr, stats


class Greeter(RPCProtocol):
    def __init__(self):
        RPCProtocol.__init__(self, wait_timeout=2)
        self.ended = []

    def rpc_sayhi(self, sender, name):
        return f"Hello {name}, you live at {sender[0]}:{sender[1]}"

    async def rpc_sayhi_slowly(self, sender, name):
        await asyncio.sleep(0.05)
        return self.rpc_sayhi(sender, name)

    async def rpc_sleep(self, sender, seconds):
        try:
            await asyncio.sleep(seconds)
        finally:
            self.ended.append(seconds)

    def rpc_fail(self, sender):
        raise ValueError("it failed")

    def rpc_unencodable(self, sender):
        return [1j]

    def rpc_future(self, sender):
        future = asyncio.get_running_loop().create_future()
        future.set_result("from a future")
        return future

    rpc_constant = 7


def test_functions_and_coroutines_are_called_with_the_sender(run):
    async def main():
        async with serving(Greeter) as (_, address), serving(RPCProtocol) as (client, own):
            expected = (True, f"Hello Snake, you live at 127.0.0.1:{own[1]}")
            assert await client.sayhi(address, "Snake") == expected
            assert await client.sayhi_slowly(address, "Snake") == expected
            assert await client.future(address) == (True, "from a future")

    run(main())


def test_a_protocol_calls_itself_and_its_caller(run):
    class Asking(Greeter):
        async def rpc_ask(self, sender):
            return await self.sayhi(sender, "you")

    async def main():
        async with serving(Asking) as (one, one_addr), serving(Greeter) as (_, other):
            async with serving(Asking) as (two, _):
                ok, (was_ok, text) = await two.ask(one_addr)
                assert ok and was_ok and text.startswith("Hello you")
            assert (await one.sayhi(one_addr, "me"))[0]
            assert (await one.sayhi(other, "you"))[0]

    run(main())


def test_failures_are_false_and_none_and_the_server_works_on(run, caplog):
    async def main():
        async with serving(Greeter) as (server, address), serving(Greeter) as (client, _):
            for name in ("fail", "unencodable", "missing", "constant"):
                assert await getattr(client, name)(address) == (False, None), name
            assert await client.sayhi(address) == (False, None)
            assert await client.sayhi(address, "x", "too many") == (False, None)
            assert (await client.sayhi(address, "x"))[0]

    with caplog.at_level(logging.WARNING, "rpcudp"):
        run(main())
    text = caplog.text
    assert "ValueError: it failed" in text and "Traceback" in text
    assert "the value of `rpc_unencodable` cannot be sent: [0] is a complex" in text
    assert "Greeter has no callable method rpc_missing; ignoring request" in text
    assert "Greeter has no callable method rpc_constant; ignoring request" in text
    assert "missing 1 required positional argument: 'name'" in text


def test_unknown_methods_are_logged_at_most_ten_times_a_second(run, caplog, monkeypatch):
    now = time.monotonic() + 1_000

    async def main():
        nonlocal now
        async with serving(Greeter) as (client, address):
            for _ in range(2):
                for number in range(20):
                    assert await getattr(client, f"missing_{number}")(address) == (False, None)
                now += 1

    monkeypatch.setattr(_hooks, "time", types.SimpleNamespace(monotonic=lambda: now))
    # The other event loop's test may have used up this second's lines.
    monkeypatch.setattr(_hooks, "_UNKNOWN", _hooks._LineLimit(_hooks.MAX_UNKNOWN_LINES))
    with caplog.at_level(logging.WARNING, "rpcudp"):
        run(main())
    assert sum("has no callable method" in record.getMessage() for record in caplog.records) == 20


def test_wait_timeout_ends_a_call(run, caplog):
    async def main():
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        silent.bind(("127.0.0.1", 0))
        async with serving(lambda: RPCProtocol(wait_timeout=0.1)) as (client, _):
            started = time.monotonic()
            assert await client.sayhi(silent.getsockname(), "x") == (False, None)
            assert time.monotonic() - started >= 0.1
            assert client._wait_timeout == 0.1
            client._wait_timeout = 0.05
            assert await client.sayhi(silent.getsockname(), "x") == (False, None)
        silent.close()

    with caplog.at_level(logging.ERROR, "rpcudp"):
        run(main())
    assert "Did not receive reply to sayhi" in caplog.text


def test_a_closed_port_is_no_response(run):
    async def main():
        unused = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        unused.bind(("127.0.0.1", 0))
        address = unused.getsockname()
        unused.close()
        async with serving(RPCProtocol) as (client, _):
            assert await client.sayhi(address, "x") == (False, None)

    run(main())


def test_attributes_are_those_of_the_class_or_methods_of_peers():
    protocol = Greeter()
    assert protocol.anything is protocol.anything
    assert repr(protocol.anything) == "<remote method anything>"
    for name in ("_private", "rpc_missing", "__deepcopy__"):
        with pytest.raises(AttributeError, match=name):
            getattr(protocol, name)
    assert protocol.transport is None


def test_a_call_before_connecting_says_so():
    with pytest.raises(RuntimeError, match="create_datagram_endpoint"):
        RPCProtocol().sayhi(("127.0.0.1", 1), "x")


def test_close_frees_the_port_and_ends_calls(run):
    async def main():
        loop = asyncio.get_running_loop()
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        silent.bind(("127.0.0.1", 0))
        transport, protocol = await loop.create_datagram_endpoint(Greeter, local_addr=("127.0.0.1", 0))
        address = local_addr(protocol)
        pending = protocol.sayhi(silent.getsockname(), "x")
        transport.close()
        assert await asyncio.wait_for(pending, 1) == (False, None)
        assert transport.is_closing()
        with pytest.raises(ConnectionError, match="closed"):
            await protocol.sayhi(address, "x")
        for _ in range(20):
            # asyncio closes a transport in the next iteration of the loop.
            await asyncio.sleep(0)
            transport, protocol = await loop.create_datagram_endpoint(Greeter, local_addr=address)
            assert (await protocol.sayhi(address, "x"))[0]
            transport.close()
        silent.close()

    run(main())


def test_many_calls_at_once_all_get_their_response(run):
    async def main():
        async with serving(Greeter) as (_, address), serving(RPCProtocol) as (client, _):
            for _ in range(5):
                results = await asyncio.gather(*(client.sayhi(address, str(n)) for n in range(500)))
                assert [text.split(",")[0] for ok, text in results] == [f"Hello {n}" for n in range(500)]
            counters = stats(client)
            assert counters["calls"]["completed"] == counters["calls"]["started"] == 2_500
            assert counters["calls"]["in_flight"] == 0

    run(main())


def test_a_cancelled_call_is_removed_and_its_handler_is_cancelled(run):
    async def main():
        async with serving(Greeter) as (server, address), serving(RPCProtocol) as (client, _):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.sleep(address, 20), 0.1)
            for _ in range(100):
                if server.ended:
                    break
                await asyncio.sleep(0.02)
            assert server.ended == [20]
            assert stats(client)["calls"]["in_flight"] == 0
            assert stats(client)["calls"]["cancelled"] == 1
            assert (await client.sayhi(address, "x"))[0]

    run(main())


def test_ipv6_addresses_have_four_parts(run):
    async def main():
        async with serving(Greeter, "::1") as (_, address), serving(Greeter, "::1") as (client, own):
            ok, text = await client.sayhi(address, "x")
            assert ok and text == f"Hello x, you live at ::1:{own[1]}"
            assert (await client.sayhi(address[:2], "x"))[0]

    run(main())


def test_host_names_are_resolved_and_malformed_addresses_are_errors(run):
    async def main():
        async with serving(Greeter) as (client, (_, port)):
            assert (await client.sayhi(["127.0.0.1", port], "x"))[0]
            with pytest.raises(TypeError, match="an address is a tuple"):
                await client.sayhi("127.0.0.1", "x")
            with pytest.raises(ValueError, match="a port is an int"):
                await client.sayhi(("127.0.0.1", 70_000), "x")
            with pytest.raises(OSError):
                await client.sayhi(("no such host", port), "x")

    run(main())


def test_protocols_on_several_loops_one_after_another(run):
    async def main():
        async with serving(Greeter) as (client, address):
            assert (await client.sayhi(address, "x"))[0]

    for _ in range(3):
        run(main())


def test_a_loop_that_is_closed_without_closing_its_transports_frees_them():
    def abandon():
        loop = asyncio.new_event_loop()
        make = loop.create_datagram_endpoint(Greeter, local_addr=("127.0.0.1", 0))
        transport, protocol = loop.run_until_complete(make)
        protocol.sayhi(("127.0.0.1", 9), "x")
        loop.close()
        return weakref.ref(protocol)

    with pytest.warns(ResourceWarning):
        protocol = abandon()
        for _ in range(3):
            gc.collect()
    assert protocol() is None


def test_an_event_loop_without_readers_is_woken_by_a_thread():
    class NoReaders(asyncio.SelectorEventLoop):
        def add_reader(self, fd, callback, *args):
            raise NotImplementedError

    async def main():
        async with serving(Greeter) as (client, address):
            for _ in range(20):
                results = await asyncio.gather(*(client.sayhi(address, "x") for _ in range(50)))
                assert all(ok for ok, _ in results)

    loop = NoReaders()
    loop.run_until_complete(asyncio.wait_for(main(), 30))
    loop.close()


def test_debug_logs_show_calls_and_responses(run, caplog):
    async def main():
        async with serving(Greeter) as (client, address):
            await client.sayhi(address, "x")

    with caplog.at_level(logging.DEBUG, "rpcudp"):
        run(main())
    assert "calling remote function sayhi" in caplog.text
    assert "received response Hello x" in caplog.text


def test_remote_addr_is_refused_with_the_reason(caplog):
    async def main():
        loop = asyncio.get_running_loop()
        errors = []
        loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))
        transport, protocol = await loop.create_datagram_endpoint(Greeter, remote_addr=("127.0.0.1", 9))
        assert "leave out `remote_addr`" in str(errors[0])
        transport.close()

    run_on("asyncio", main())
