"""Datagrams of strangers raise nothing into the program, and a program that stalls stays within its limits."""

import asyncio
import logging
import os
import random
import socket
import time

import pytest
from conftest import serving

from rpcudp_fast import BadResponse, Refused, RPCProtocol, Timeout, stats


class Echo(RPCProtocol):
    def rpc_echo(self, sender, value):
        return value

    def rpc_block(self, sender, seconds):
        time.sleep(seconds)

    async def rpc_pause(self, sender, seconds):
        await asyncio.sleep(seconds)
        return seconds


def test_malformed_datagrams_are_dropped(run, caplog):
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    raised = []

    def request(body):
        return b"\x00" + os.urandom(20) + body

    datagrams = [request(b"\x92\xa4echo\x91" + body) for body in (
        b"\xc1",  # no msgpack
        b"\xa1\xff",  # a str that is no UTF-8
        b"\x81\x80\x01",  # a map as a key
        b"\x82\x01\x01\x01\x02",  # a key twice
        b"\x81\x91\x80\x01",  # a list with a map as a key
        b"\xc7\x05\xff12345",  # a timestamp of five bytes
        b"\xc7\x0c\xff\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff",  # a timestamp in the far future
        b"\xdd\xff\xff\xff\xff",  # a list that claims four billion elements
        b"\x91" * 200 + b"\x01",  # 200 levels
        b"",
    )]  # fmt: skip
    datagrams += [request(b"\x92\xa1\xff\x90"), request(b"\x92\xa0\x90"), request(b"\x92\xab__class__.x\x90"), b"", b"\x00"]
    datagrams += [rng.randbytes(rng.randrange(200)) for _ in range(2_000)]
    datagrams += [request(b"\x92\xa4echo\x91" + rng.randbytes(rng.randrange(100))) for _ in range(2_000)]

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
        async with serving(Echo) as (_, address), serving(RPCProtocol) as (client, _):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                for start in range(0, len(datagrams), 50):
                    for datagram in datagrams[start : start + 50]:
                        stranger.sendto(datagram, address)
                    assert await client.echo(address, start) == (True, start), f"seed {seed}"

    with caplog.at_level(logging.ERROR):
        run(main())
    assert not raised and not caplog.records, (seed, raised, caplog.text)


def test_a_response_that_python_does_not_have_is_an_error_of_its_call(run):
    async def respond(body, call):
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            server.settimeout(5)

            def serve():
                request, sender = server.recvfrom(10_000)
                server.sendto(b"\x01" + request[1:21] + body, sender)

            served = loop.run_in_executor(None, serve)
            result = await asyncio.gather(call(server.getsockname()), return_exceptions=True)
            await served
            return result[0]

    async def main():
        async with serving(RPCProtocol) as (client, _):
            for body in (b"\x81\x80\x01", b"\x82\x01\x01\x01\x02", b"\xa1\xff"):
                error = await respond(body, lambda address: client.call(address, "x", timeout=2))
                assert isinstance(error, BadResponse) and error.did_run == "yes", error
                assert await respond(body, lambda address: client.x(address)) == (False, None)
            # A body that is no msgpack is no response.
            error = await respond(b"\xc1", lambda address: client.call(address, "x", timeout=0.2))
            assert isinstance(error, (BadResponse, Timeout)), error

    run(main())


def test_a_blocked_event_loop_holds_its_limits_and_goes_on(run):
    async def main():
        async with serving(lambda: Echo(max_handlers=16)) as (server, address), serving(RPCProtocol) as (client, _):
            # One loop runs both, so the block holds back all responses as well.
            calls = [client.call(address, "block", 0.5, timeout=10)]
            calls += [client.call(address, "pause", 0.2, timeout=10) for _ in range(200)]
            results = await asyncio.gather(*calls, return_exceptions=True)
            done = [result for result in results if result in (None, 0.2)]
            busy = [result for result in results if isinstance(result, Refused)]
            assert len(done) == 16 and {error.reason for error in busy} == {"busy"}, results
            assert len(done) + len(busy) == 201
            assert await client.echo(address, 1) == (True, 1)
            assert stats(server)["requests"]["running"] == 0

    run(main())


def test_exceptions_in_a_storm_lose_no_call(run, caplog):
    class Failing(RPCProtocol):
        def rpc_fail(self, sender, number):
            raise ValueError(number)

        async def rpc_fail_later(self, sender, number):
            await asyncio.sleep(0)
            raise ValueError(number)

    async def main():
        async with serving(Failing) as (_, address), serving(RPCProtocol) as (client, _):
            names = ["fail", "fail_later"] * 500
            calls = [client.call(address, name, number, timeout=20) for number, name in enumerate(names)]
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert [error.text for error in results] == [str(number) for number in range(1_000)]

    with caplog.at_level(logging.CRITICAL):
        run(main())


def test_calls_from_a_closed_loop_are_errors():
    async def open_protocol():
        loop = asyncio.get_running_loop()
        return await loop.create_datagram_endpoint(RPCProtocol, local_addr=("127.0.0.1", 0))

    loop = asyncio.new_event_loop()
    transport, protocol = loop.run_until_complete(open_protocol())
    transport.close()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    with pytest.raises(ConnectionError):
        protocol.echo(("127.0.0.1", 9), 1)
