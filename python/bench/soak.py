#!/usr/bin/env python3
"""Calls, fails, cancels, opens and closes for a while, and checks that nothing grows.

    python3 python/bench/soak.py [--minutes 10]

Prints a line every ten seconds. Fails if memory, Python objects or file descriptors grow after the first fifth of the
time, if a call is lost, or if an error is not the expected one. Linux only, because it reads /proc.
"""

import argparse
import asyncio
import gc
import logging
import os
import random
import socket
import time
from pathlib import Path

import rpcudp_fast
from rpcudp_fast import Refused, RemoteError, RPCProtocol, rpc
from rpcudp_fast.kademlia import Server


class Peer(RPCProtocol):
    count = 0

    def rpc_echo(self, sender, value):
        return value

    async def rpc_echo_later(self, sender, value):
        await asyncio.sleep(random.random() / 100)
        return value

    @rpc(at_most_once=True)
    def rpc_count(self, sender):
        self.count += 1
        return self.count

    def rpc_fail(self, sender, text):
        raise ValueError(text)

    async def rpc_fail_later(self, sender, text):
        await asyncio.sleep(0)
        raise KeyError(text)

    async def rpc_sleep(self, sender):
        await asyncio.sleep(60)

    def rpc_unencodable(self, sender):
        return object()


VALUES = [None, 7, 1.5, "text", b"\x00" * 500, [1, [2, {"a": b"b"}]], {(1, 2): None}, "x" * 5_000]


async def open_peer():
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Peer, local_addr=("127.0.0.1", 0))
    return transport, protocol, rpcudp_fast.local_addr(protocol)


async def raises(expected, call):
    try:
        await call
    except expected:
        return
    raise AssertionError(f"the call did not end with {expected}")


class Soak:
    def __init__(self, seconds):
        self.end = time.monotonic() + seconds
        self.counts = {}
        # Never responds.
        self.silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.silent.bind(("127.0.0.1", 0))

    def goes_on(self):
        return time.monotonic() < self.end

    def count(self, name, count=1):
        self.counts[name] = self.counts.get(name, 0) + count

    async def echo(self, client, address):
        while self.goes_on():
            value = random.choice(VALUES)
            ok, echoed = await client.echo(address, value)
            assert ok and echoed == value, (ok, echoed)
            self.count("calls")

    async def echo_later(self, client, address):
        while self.goes_on():
            value = random.choice(VALUES)
            assert await client.call(address, "echo_later", value, retransmit=True) == value
            self.count("coroutines")

    async def count_calls(self, client, address):
        last = 0
        while self.goes_on():
            number = await client.call(address, "count", retransmit=True)
            assert number == last + 1, (number, last)
            last = number
            self.count("at most once")
            # The server keeps each response for a minute, so the memory depends on the rate.
            await asyncio.sleep(0.01)

    async def fail(self, client, address):
        while self.goes_on():
            await raises(RemoteError, client.call(address, "fail", "a text"))
            await raises(RemoteError, client.call(address, "fail_later", "a text"))
            await raises(RemoteError, client.call(address, "unencodable"))
            await raises(Refused, client.call(address, "missing"))
            await raises(TypeError, refused_argument(client, address))
            self.count("errors", 5)

    async def cancel(self, client, address):
        while self.goes_on():
            calls = [client.call(address, "sleep") for _ in range(20)]
            await asyncio.sleep(0.01)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            self.count("cancelled", len(calls))

    async def reopen(self, _, address):
        while self.goes_on():
            transport, protocol, own = await open_peer()
            assert (await protocol.echo(address, 1))[0]
            assert (await protocol.echo(own, 1))[0]
            # A handler of its own would run on after its end.
            pending = protocol.sleep(self.silent.getsockname())
            transport.close()
            assert await pending == (False, None)
            self.count("opened")

    async def nodes(self, *_):
        first = Server()
        await first.listen(0, "127.0.0.1")
        while self.goes_on():
            second = Server()
            await second.listen(0, "127.0.0.1")
            await second.bootstrap([rpcudp_fast.local_addr(first.protocol)])
            # The same keys again and again: the first node keeps one value of each.
            keys = [f"key {number}" for number in range(50)]
            # A node gives up on another one after two seconds, which a busy machine may take.
            self.count("values set", sum(await second.set_many({key: key for key in keys})))
            found = await second.get_many(keys)
            assert all(value in (None, key) for key, value in zip(keys, found)), found
            self.count("values found", sum(value is not None for value in found))
            second.stop()
            await asyncio.sleep(0.2)
            self.count("nodes")
        first.stop()

    async def watch(self):
        """Prints the figures. Returns those of the time after the first fifth."""
        started, seconds = time.monotonic(), self.end - time.monotonic()
        figures = []
        while self.goes_on():
            await asyncio.sleep(min(10, max(0.1, seconds / 20)))
            gc.collect()
            figure = {
                "rss_kib": rss_kib(),
                "objects": len(gc.get_objects()),
                "fds": len(os.listdir("/proc/self/fd")),
            }
            print(f"{time.monotonic() - started:6.0f} s", figure, self.counts, flush=True)
            if time.monotonic() - started > seconds / 5:
                figures.append(figure)
        return figures


async def refused_argument(client, address):
    await client.call(address, "echo", object())


def rss_kib():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


async def main(minutes):
    soak = Soak(minutes * 60)
    server_transport, _, address = await open_peer()
    client_transport, client, _ = await open_peer()
    kinds = [soak.echo] * 32 + [soak.echo_later] * 8
    kinds += [soak.count_calls, soak.fail, soak.cancel, soak.reopen, soak.nodes]
    figures, *_ = await asyncio.gather(soak.watch(), *(kind(client, address) for kind in kinds))
    client_transport.close()
    server_transport.close()
    half = len(figures) // 2
    for name, slack in (("rss_kib", 8_192), ("objects", 3_000), ("fds", 12)):
        first, second = (max(figure[name] for figure in part) for part in (figures[:half], figures[half:]))
        print(f"{name}: {first:,} at most in the first half, {second:,} in the second")
        assert second <= first * 1.02 + slack, f"{name} grows"
    print(f"{sum(soak.counts.values()):,} operations, none lost, and nothing grew")


parser = argparse.ArgumentParser()
parser.add_argument("--minutes", type=float, default=10)
logging.disable(logging.CRITICAL)
asyncio.run(main(parser.parse_args().minutes))
