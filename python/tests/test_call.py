"""`RPCProtocol.call` raises the reason of a failure."""

import asyncio
import contextlib
import os
import socket
import time

import pytest
from conftest import serving
from rpcudp.protocol import RPCProtocol as Original

import rpcudp_fast
from rpcudp_fast import RPCProtocol, Refused, RemoteError, Timeout, Unreachable, rpc, stats


class Account(RPCProtocol):
    def __init__(self, **options):
        super().__init__(**options)
        self.balance = 100

    @rpc(at_most_once=True)
    def rpc_withdraw(self, sender, amount):
        """Withdraws money."""
        if amount > self.balance:
            raise ValueError(f"{amount - self.balance} are missing")
        self.balance -= amount
        return self.balance

    @rpc(at_most_once=True)
    async def rpc_withdraw_slowly(self, sender, amount):
        await asyncio.sleep(0.3)
        return self.rpc_withdraw(sender, amount)

    async def rpc_fail(self, sender):
        raise KeyError("é")

    async def rpc_sleep(self, sender, seconds):
        await asyncio.sleep(seconds)
        return seconds

    def rpc_block(self, sender, seconds):
        time.sleep(seconds)

    def rpc_long_text(self, sender):
        raise RuntimeError("x" * 100_000)

    def rpc_surrogate(self, sender):
        raise RuntimeError("\ud800")


def test_the_value_is_returned(run):
    async def main():
        async with serving(Account) as (account, address):
            assert await account.call(address, "withdraw", 30) == 70
            assert await account.call(address, "sleep", 0.01, timeout=5, retransmit=True) == 0.01

    run(main())


def test_an_exception_of_a_handler_reaches_its_caller_by_name_and_text(run):
    async def main():
        async with serving(Account) as (account, address):
            with pytest.raises(RemoteError, match="ValueError: 900 are missing") as raised:
                await account.call(address, "withdraw", 1_000)
            error = raised.value
            assert (error.name, error.text, error.did_run) == ("ValueError", "900 are missing", "yes")
            assert error.value == {"name": "ValueError", "text": "900 are missing"}
            with pytest.raises(RemoteError) as raised:
                await account.call(address, "fail")
            assert (raised.value.name, raised.value.text) == ("KeyError", "'é'")
            with pytest.raises(RemoteError) as raised:
                await account.call(address, "long_text")
            assert len(raised.value.text) == 1_000
            with pytest.raises(RemoteError, match="RuntimeError"):
                await account.call(address, "surrogate")

    run(main())


def test_timeout_unreachable_and_refusal_are_exceptions_of_their_own(run):
    async def main():
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        silent.bind(("127.0.0.1", 0))
        async with serving(Account) as (account, address):
            with pytest.raises(Timeout, match="no response") as raised:
                await account.call(silent.getsockname(), "x", timeout=0.05)
            assert isinstance(raised.value, TimeoutError) and raised.value.is_retryable
            assert raised.value.did_run == "maybe" and raised.value.method == "x"
            assert raised.value.peer == silent.getsockname()
            closed = silent.getsockname()
            silent.close()
            with pytest.raises(Unreachable, match="unreachable") as raised:
                await account.call(closed, "x", timeout=2)
            assert isinstance(raised.value, ConnectionError) and raised.value.did_run == "no"
            with pytest.raises(Refused) as raised:
                await account.call(address, "missing")
            assert raised.value.reason == "unknown_method" and raised.value.did_run == "no"

    run(main())


def test_an_original_server_that_raises_is_a_timeout(run):
    class Failing(Original):
        def rpc_fail(self, sender):
            raise ValueError

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        async with serving(Failing) as (_, address), serving(RPCProtocol) as (client, _):
            with pytest.raises(Timeout):
                await client.call(address, "fail", timeout=0.1)

    run(main())


def test_at_most_once_runs_a_retransmitted_request_once(run):
    async def main():
        async with serving(Account) as (account, address):
            # The same datagram arrives five times.
            duplicates = await asyncio.to_thread(send_copies, address, b"\x92\xa8withdraw\x91\x0a", 0.1)
            assert len(duplicates) == 5 and len(set(duplicates)) == 1
            assert account.balance == 90
            # Copies that arrive while the method runs are dropped.
            assert len(await asyncio.to_thread(send_copies, address, b"\x92\xafwithdraw_slowly\x91\x0a", 0)) == 1
            assert account.balance == 80
            assert stats(account)["requests"]["replayed"] == 4

    run(main())


def send_copies(address, body, interval):
    """Sends a request five times. Returns the responses."""
    datagram = b"\x00" + os.urandom(20) + body
    responses = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(1)
        for _ in range(5):
            sender.sendto(datagram, address)
            time.sleep(interval)
        with contextlib.suppress(TimeoutError):
            while True:
                responses.append(sender.recv(100))
    return [response for response in responses if response[:1] == b"\x01"]


def test_requests_beyond_the_limit_are_refused_as_busy(run):
    async def main():
        async with serving(lambda: Account(max_handlers=4)) as (_, address), serving(RPCProtocol) as (client, _):
            calls = [client.call(address, "sleep", 0.2, timeout=2) for _ in range(20)]
            results = await asyncio.gather(*calls, return_exceptions=True)
            done = [result for result in results if result == 0.2]
            busy = [result for result in results if isinstance(result, Refused) and result.reason == "busy"]
            assert len(done) == 4 and len(busy) == 16, results

    run(main())


def test_calls_beyond_the_limit_are_errors(run):
    async def main():
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        silent.bind(("127.0.0.1", 0))
        async with serving(lambda: RPCProtocol(max_calls=2)) as (client, _):
            calls = [client.call(silent.getsockname(), "x", timeout=0.1) for _ in range(3)]
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(result) for result in results] == [Timeout, Timeout, rpcudp_fast.TooManyCalls]
        silent.close()

    run(main())


def test_a_handler_that_takes_too_long_is_cancelled(run):
    async def main():
        async with serving(lambda: Account(handler_timeout=0.1)) as (_, address), serving(RPCProtocol) as (client, _):
            started = time.monotonic()
            with pytest.raises((Refused, Timeout)):
                await client.call(address, "sleep", 20, timeout=1.5)
            assert time.monotonic() - started < 10

    run(main())


def test_invalid_options_name_the_option(run):
    async def main():
        async with serving(RPCProtocol) as (client, address):
            with pytest.raises(ValueError, match="`timeout`"):
                client.call(address, "x", timeout=-1)
        with pytest.raises(ValueError, match="`wait_timeout`"):
            RPCProtocol(wait_timeout=-1)

    run(main())


def test_wait_for_ready_outlasts_a_restart(run):
    async def main():
        async with serving(Account) as (_, address):
            pass
        async with serving(RPCProtocol) as (client, _):
            call = client.call(address, "sleep", 0, timeout=10, wait_for_ready=True)
            await asyncio.sleep(0.2)
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(Account, local_addr=address)
            assert await call == 0
            transport.close()

    run(main())
