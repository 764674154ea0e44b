"""Helpers of the tests. Each test runs on asyncio and, if it is installed, on uvloop."""

import asyncio
import contextlib
import importlib.util
import signal
import subprocess

import pytest

import rpcudp_fast

LOOPS = ["asyncio"] + (["uvloop"] if importlib.util.find_spec("uvloop") else [])


@pytest.fixture(params=LOOPS)
def run(request):
    """Returns a function that runs a coroutine on a new event loop, and fails if it takes more than 30 s."""

    def run(coroutine):
        return run_on(request.param, asyncio.wait_for(coroutine, 30))

    run.loop = request.param
    return run


def run_on(name, awaitable):
    async def main():
        return await awaitable

    if name == "uvloop":
        import uvloop

        return uvloop.run(main())
    return asyncio.run(main())


@contextlib.asynccontextmanager
async def serving(protocol, host="127.0.0.1"):
    """Gives a protocol and its address, and closes it in the end."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(protocol, local_addr=(host, 0))
    try:
        is_ours = isinstance(protocol, rpcudp_fast.RPCProtocol)
        yield protocol, rpcudp_fast.local_addr(protocol) if is_ours else transport.get_extra_info("sockname")
    finally:
        transport.close()
        await asyncio.sleep(0)


def start(command):
    """Starts a program that Ctrl-C interrupts, also if this one runs in the background of a shell."""
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
