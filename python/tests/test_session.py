"""Sessions at an endpoint: a stand-in in Python, and the example `lobby` in Rust if it is built."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from conftest import serving

from rpcudp_fast import RPCProtocol
from rpcudp_fast.session import JoinError, join

LOBBY = Path(__file__).resolve().parents[2] / "target" / "debug" / "examples" / "lobby"
SESSION = bytes(range(16))


class Endpoint(RPCProtocol):
    """Answers as an endpoint in Rust, which cannot be made to misbehave."""

    def __init__(self, position=0, lease=60_000, token=7):
        super().__init__()
        self.position, self.lease, self.token = position, lease, token
        self.kept, self.left, self.keys, self.moves, self.tokens = [], False, set(), 0, []

    def join(self, sender, version, pool, key, methods, token):
        self.keys.add(key)
        return [None, self.token] if token is None and self.token else [SESSION, self.lease, self.position]

    def keep(self, sender, session, number, token=None):
        self.kept.append(number)
        if self.moves and token != self.token:
            return [None, self.token]
        if self.moves:
            self.moves -= 1
            self.tokens.append(token)
        return [self.lease, self.position]

    def leave(self, sender, session):
        self.left = session == SESSION


for name in ("join", "keep", "leave"):
    setattr(Endpoint, f"rpc_rpc.{name}", getattr(Endpoint, name))


def test_a_session_is_kept_until_it_is_left(run):
    async def main():
        async with serving(lambda: Endpoint(lease=150)) as (endpoint, address), serving(RPCProtocol) as (player, _):
            async with await join(player, address, "pool") as session:
                assert session.position == 0 and not session.has_ended
                await session.joined()
                while len(endpoint.kept) < 4:
                    await asyncio.sleep(0.01)
                assert not session.has_ended
            assert endpoint.left and len(endpoint.keys) == 1
            assert endpoint.kept == sorted(set(endpoint.kept))
            assert await session.ended() == "the peer left"
            await session.leave()

    run(main())


def test_a_session_whose_address_changes_repeats_the_request_with_a_token(run):
    async def main():
        async with serving(lambda: Endpoint(lease=150)) as (endpoint, address), serving(RPCProtocol) as (player, _):
            async with await join(player, address) as session:
                endpoint.moves = 2
                while len(endpoint.tokens) < 2:
                    await asyncio.sleep(0.01)
                assert not session.has_ended and session.position == 0
            assert endpoint.kept == sorted(set(endpoint.kept))

    run(main())


def test_a_peer_in_line_is_told_its_turn_and_its_end(run):
    async def main():
        async with serving(lambda: Endpoint(position=3)) as (endpoint, address), serving(RPCProtocol) as (player, own):
            session = await join(player, address)
            assert session.position == 3
            waiting = asyncio.ensure_future(session.joined())
            # Another session, and another address, have no effect.
            await endpoint.call(own, "rpc.joined", b"x" * 16)
            await player.call(own, "rpc.joined", SESSION)
            assert not waiting.done()
            await endpoint.call(own, "rpc.joined", SESSION)
            await asyncio.wait_for(waiting, 5)
            await endpoint.call(own, "rpc.ended", SESSION, [3, "too loud"])
            assert await session.ended() == "evicted: too loud"
            in_line = await join(player, address)
            waiting = asyncio.ensure_future(in_line.joined())
            await endpoint.call(own, "rpc.ended", SESSION, [5, ""])
            with pytest.raises(JoinError, match="the server closes"):
                await waiting

    run(main())


def test_a_session_ends_with_its_lease_if_the_endpoint_is_gone(run):
    async def main():
        async with serving(RPCProtocol) as (player, _):
            async with serving(lambda: Endpoint(lease=200)) as (_, address):
                session = await join(player, address)
            assert await asyncio.wait_for(session.ended(), 5) == "the lease expired"

    run(main())


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([0, 2], "version 2"),
        ([1], "no such pool"),
        ([2, 5, 100], "all 5 places are taken, and 100 in line"),
        ([3, ["a"], [["b", "fn b()"]]], r"does not serve \['a'\], and has changed \['b'\]"),
        ([4, [4, "no friends"]], "refused: no friends"),
        ("?", "the endpoint refused"),
    ],
)
def test_a_refusal_says_why(value, message):
    from rpcudp_fast.session import _refusal

    with pytest.raises(JoinError, match=message):
        raise JoinError(_refusal(value))


def test_an_endpoint_that_asks_for_tokens_for_ever_is_an_error(run):
    class Asking(Endpoint):
        def join(self, *_):
            return [None, 1]

    setattr(Asking, "rpc_rpc.join", Asking.join)

    async def main():
        async with serving(Asking) as (_, address), serving(RPCProtocol) as (player, _):
            with pytest.raises(JoinError, match="token"):
                await join(player, address)

    run(main())


@pytest.mark.skipif(not LOBBY.exists(), reason="the example lobby is not built (cargo build --example lobby)")
def test_players_join_the_lobby_in_rust(run):
    class Player(RPCProtocol):
        def __init__(self):
            super().__init__()
            self.heard = asyncio.Queue()

        def rpc_said(self, sender, name, text):
            self.heard.put_nowait((name, text))

    async def main(address):
        async with serving(Player) as (player, _):
            session = await join(player, address)
            await session.joined()
            assert await player.call(address, "say", "Hello") == 1
            assert (await asyncio.wait_for(player.heard.get(), 5))[1] == "Hello"
            with pytest.raises(JoinError, match="no such pool"):
                await join(player, address, "no pool")
            await session.leave()
            assert await session.ended() == "the peer left"

    lobby = subprocess.Popen([LOBBY, "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    try:
        host, port = lobby.stdout.readline().rsplit(" ", 1)[1].strip().rsplit(":", 1)
        run(main((host, int(port))))
    finally:
        lobby.kill()
        lobby.wait()
