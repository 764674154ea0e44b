"""A player of the example `lobby`, on the package `rpcudp` as it is on PyPI.

    pip install rpcudp==5.0.1
    cargo run --example lobby -- 127.0.0.1:7000
    python examples/lobby.py 127.0.0.1:7000

It joins, is called back with every line that a player says, keeps its session alive, and leaves.
"""

import asyncio
import os
import sys

from rpcudp.protocol import RPCProtocol


class Player(RPCProtocol):
    def __init__(self):
        super().__init__()
        self.heard = asyncio.Event()

    def rpc_said(self, sender, name, text):
        print(f"heard {name}: {text}", flush=True)
        self.heard.set()

    def rpc_started(self, sender, game):
        print(f"game {game} has started", flush=True)


# Names with a dot cannot be written as methods.
def rpc_joined(self, sender, session):
    print("it is my turn", flush=True)


def rpc_ended(self, sender, session, reason):
    print(f"the session has ended: {reason}", flush=True)


setattr(Player, "rpc_rpc.joined", rpc_joined)
setattr(Player, "rpc_rpc.ended", rpc_ended)


async def join(protocol, address, pool=""):
    """Returns the session, the lease in seconds, and the position in line."""
    call = getattr(protocol, "rpc.join")
    key = int.from_bytes(os.urandom(8), "big")
    answered, place = await call(address, 1, pool, key, [], None)
    if answered and place[0] is None:
        # The server wants to see that this address receives: the token repeats the request.
        answered, place = await call(address, 1, pool, key, [], place[1])
    if not answered:
        raise SystemExit("the server refused, or is not there")
    session, lease, position = place
    return session, lease / 1000, position


async def main():
    host, port = sys.argv[1].rsplit(":", 1)
    address = (host, int(port))
    loop = asyncio.get_running_loop()
    _, player = await loop.create_datagram_endpoint(Player, local_addr=("127.0.0.1", 0))

    session, lease, position = await join(player, address)
    print(f"joined, at position {position}, for {lease:g} s", flush=True)
    answered, place = await getattr(player, "rpc.keep")(address, session)
    print(f"kept: {answered}, at position {place[1]}", flush=True)

    answered, count = await player.say(address, "Hello from Python")
    print(f"{count} players heard it", flush=True)
    await asyncio.wait_for(player.heard.wait(), 5)

    answered, _ = await getattr(player, "rpc.leave")(address, session)
    print(f"left: {answered}", flush=True)


asyncio.run(main())
