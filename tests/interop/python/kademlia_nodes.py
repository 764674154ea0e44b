"""Nodes of the package `kademlia`, unmodified, as many as a test asks for, all in this process.

A test writes an order to a line of stdin and reads what came of it from a line of stdout:

    {"id": 1, "method": "get", "arguments": [0, "key"]}
    {"ended": {"id": 1, "result": "int 7"}}

Nodes are called by their numbers. Values travel as Python literals and come back as descriptions that name their types,
as in `peer.py`. Whatever is to be said to people goes to stderr.
"""

import asyncio
import json
import logging
import os
import sys
import threading
import traceback
from importlib.metadata import version

from kademlia.network import Server
from kademlia.utils import digest

from peer import describe, read


class Nodes:
    """What a test can have done."""

    def __init__(self):
        self._servers = []

    async def listen(self, host):
        """Starts a node; gives its number and port."""
        server = Server()
        await server.listen(0, host)
        return self._add(server)

    async def bootstrap(self, number, addrs):
        """Bootstraps a node; gives how many nodes it found near itself."""
        return len(await self._servers[number].bootstrap([tuple(addr) for addr in addrs]))

    async def set(self, number, key, literal):
        return describe(await self._servers[number].set(key, read(literal)))

    async def get(self, number, key):
        return describe(await self._servers[number].get(key))

    async def get_all(self, asked):
        """Gets many, each from a node of its own, a few at once."""
        places = asyncio.Semaphore(8)

        async def get(number, key):
            async with places:
                return await self.get(number, key)

        return await asyncio.gather(*(get(number, key) for number, key in asked))

    async def stored(self, number, key):
        """What the node itself has stored under a key."""
        return describe(self._servers[number].storage.get(digest(key)))

    async def save_state(self, number, path):
        self._servers[number].save_state(path)

    async def load_state(self, path, host):
        return self._add(await Server.load_state(path, 0, host))

    async def stop(self, number):
        self._servers[number].stop()

    def _add(self, server):
        self._servers.append(server)
        return [len(self._servers) - 1, server.transport.get_extra_info("sockname")[1]]


def say(what, value):
    print(json.dumps({what: value}), flush=True)


async def obey(nodes, order):
    try:
        result = await getattr(nodes, order["method"])(*order["arguments"])
        say("ended", {"id": order["id"], "result": result})
    except BaseException:
        # Nobody would hear of it: the test sees that the process is gone, and shows why.
        traceback.print_exc()
        os._exit(1)


def take_orders(loop, nodes):
    for line in sys.stdin:
        asyncio.run_coroutine_threadsafe(obey(nodes, json.loads(line)), loop)
    # The test is gone.
    os._exit(0)


async def main():
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR)
    say("ready", f"kademlia {version('kademlia')}")
    threading.Thread(target=take_orders, args=(asyncio.get_running_loop(), Nodes()), daemon=True).start()
    await asyncio.Event().wait()


asyncio.run(main())
