"""Looks up keys in a swarm of nodes in one process, with one of the packages. Prints figures as JSON. Run by compare.py."""

import argparse
import asyncio
import json
import logging
import random
import time

NODE_COUNT = 50
# The keys of one `get_many`, and the nodes that call it at the same time: more lookups at once from one node overflow
# the receive buffer of the original, which then waits for timeouts.
MANY, SERVERS = 128, 8
# As many lookups at once as `get_many` makes by default.
AT_ONCE = 64


def local_addr(server):
    if options.package == "rpcudp":
        return server.transport.get_extra_info("sockname")
    return server.protocol._engine.local_addr()


async def swarm(server_class):
    servers = []
    for _ in range(NODE_COUNT):
        server = server_class()
        await server.listen(0, "127.0.0.1")
        if servers:
            await server.bootstrap([local_addr(random.choice(servers))])
        servers.append(server)
    return servers


async def main():
    if options.package == "rpcudp":
        from kademlia.network import Server
    else:
        from rpcudp_fast.kademlia import Server
    servers = await swarm(Server)
    count = 0
    end = time.perf_counter() + options.seconds

    # No node has the keys, so a lookup asks until it has reached the closest nodes.
    async def look_up():
        nonlocal count
        while time.perf_counter() < end:
            assert await random.choice(servers).get(random.random()) is None
            count += 1

    async def get_many():
        nonlocal count
        while time.perf_counter() < end:
            keys, server = [random.random() for _ in range(MANY)], random.choice(servers)
            if options.package == "rpcudp_fast":
                assert await server.get_many(keys, at_once=AT_ONCE // SERVERS) == [None] * MANY
            else:
                parts = (keys[start :: AT_ONCE // SERVERS] for start in range(AT_ONCE // SERVERS))
                await asyncio.gather(*(look_up_some(server, part) for part in parts))
            count += MANY

    async def look_up_some(server, keys):
        for key in keys:
            assert await server.get(key) is None

    began = time.perf_counter()
    if options.mode == "lookup":
        await asyncio.gather(*(look_up() for _ in range(AT_ONCE)))
    else:
        await asyncio.gather(*(get_many() for _ in range(SERVERS)))
    print(json.dumps({"rate": count / (time.perf_counter() - began)}), flush=True)
    for server in servers:
        server.stop()


parser = argparse.ArgumentParser()
parser.add_argument("package", choices=["rpcudp", "rpcudp_fast"])
parser.add_argument("mode", choices=["lookup", "get_many"])
parser.add_argument("--uvloop", action="store_true")
parser.add_argument("--seconds", type=float, default=3)
options = parser.parse_args()
logging.disable(logging.CRITICAL)
run = asyncio.run
if options.uvloop:
    import uvloop

    run = uvloop.run
run(main())
