"""Looks up random ids in a swarm of Python's `kademlia` on loopback, and prints lookups per second as JSON."""

import argparse
import asyncio
import json
import logging
import os
import random
import time

from kademlia.crawling import NodeSpiderCrawl
from kademlia.network import Server
from kademlia.node import Node
from kademlia.protocol import KademliaProtocol


async def main(options):
    servers = []
    for _ in range(options.nodes):
        server = Server()
        await server.listen(0, "127.0.0.1")
        if servers:
            bootstrap_node = random.choice(servers)
            await server.bootstrap([bootstrap_node.transport.get_extra_info("sockname")])
        servers.append(server)

    count = request_count = 0
    find_node = KademliaProtocol.call_find_node

    async def counted_find_node(*arguments):
        # Counting takes a thousandth of a call's time.
        nonlocal request_count
        request_count += 1
        return await find_node(*arguments)

    KademliaProtocol.call_find_node = counted_find_node
    started = time.monotonic()

    async def look_up():
        nonlocal count
        while time.monotonic() - started < options.seconds:
            server, node = random.choice(servers), Node(os.urandom(20))
            # The same lookup as in the package's `set`.
            nearest = server.protocol.router.find_neighbors(node)
            spider = NodeSpiderCrawl(server.protocol, node, nearest, server.ksize, server.alpha)
            found = await spider.find()
            assert len(found) == server.ksize, f"found {len(found)}"
            count += 1

    await asyncio.gather(*(look_up() for _ in range(options.at_once)))
    elapsed = time.monotonic() - started
    lookups = {"count": count, "per_second": count / elapsed, "mean_requests": request_count / count}
    print(json.dumps({"lookups": lookups}))
    for server in servers:
        server.stop()


parser = argparse.ArgumentParser()
parser.add_argument("--nodes", type=int, default=50)
parser.add_argument("--at-once", type=int, default=32)
parser.add_argument("--seconds", type=float, default=8)
logging.disable(logging.CRITICAL)
asyncio.run(main(parser.parse_args()))
