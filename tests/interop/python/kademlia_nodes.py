"""Runs nodes of the package `kademlia`, unmodified, in one process.

A test writes an instruction to a line of stdin and reads its result from a line of stdout:

    {"id": 1, "method": "get", "arguments": [0, "key"]}
    {"finished": {"id": 1, "result": "int 7"}}

Nodes have numbers. Values are sent as Python literals and returned as descriptions that name their types, as in
`peer.py`. Messages for people go to stderr.
"""

import asyncio
import json
import logging
import os
import sys
import threading
import time
import traceback
from importlib.metadata import version

from kademlia.network import Server
from kademlia.utils import digest

from peer import describe, read


class Nodes:
    """The nodes, and the methods that a test may call."""

    def __init__(self):
        self._servers = []

    async def listen(self, host, id_len=20):
        """Starts a node. Returns its number and port."""
        server = Server(node_id=os.urandom(id_len))
        await server.listen(0, host)
        return self._add(server)

    async def bootstrap(self, number, addrs):
        """Bootstraps a node. Returns the number of neighbours that it found."""
        return len(await self._servers[number].bootstrap([tuple(addr) for addr in addrs]))

    async def set(self, number, key, literal):
        return describe(await self._servers[number].set(key, read(literal)))

    async def set_digest(self, number, key, literal):
        """Sets a value of any type. Returns the milliseconds that it took."""
        started = time.monotonic()
        await self._servers[number].set_digest(digest(key), read(literal))
        return round((time.monotonic() - started) * 1000)

    async def store(self, number, addr, key, literal):
        """Sends one `store` request. Returns the response, or a text if none arrived."""
        server = self._servers[number]
        arrived, response = await server.protocol.store(tuple(addr), server.node.id, digest(key), read(literal))
        return describe(response) if arrived else "no response"

    async def contact_count(self, number):
        return sum(len(bucket) for bucket in self._servers[number].protocol.router.buckets)

    async def get(self, number, key):
        return describe(await self._servers[number].get(key))

    async def get_all(self, lookups):
        """Gets the values of pairs of a node and a key, eight at a time."""
        slots = asyncio.Semaphore(8)

        async def get(number, key):
            async with slots:
                return await self.get(number, key)

        return await asyncio.gather(*(get(number, key) for number, key in lookups))

    async def stored(self, number, key):
        """Returns the value that the node itself stores under a key."""
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


def send(kind, value):
    print(json.dumps({kind: value}), flush=True)


async def execute(nodes, instruction):
    try:
        result = await getattr(nodes, instruction["method"])(*instruction["arguments"])
        send("finished", {"id": instruction["id"], "result": result})
    except BaseException:
        # asyncio would only log the exception. The test notices the end of the process, and shows stderr.
        traceback.print_exc()
        os._exit(1)


def read_instructions(loop, nodes):
    for line in sys.stdin:
        asyncio.run_coroutine_threadsafe(execute(nodes, json.loads(line)), loop)
    # The test has ended.
    os._exit(0)


async def main():
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR)
    send("ready", f"kademlia {version('kademlia')}")
    threading.Thread(target=read_instructions, args=(asyncio.get_running_loop(), Nodes()), daemon=True).start()
    await asyncio.Event().wait()


asyncio.run(main())
