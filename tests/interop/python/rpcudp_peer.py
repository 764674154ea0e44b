"""A peer on the package `rpcudp`, or on this repository's `rpcudp_fast` with `--fast`, with asyncio."""

import asyncio
import inspect
import logging
import sys

from peer import Console, Methods, options

OPTIONS = options()

if not hasattr(asyncio, "coroutine") and not OPTIONS.no_shim:
    # rpcudp 4.0.0 passes each handler that is not a coroutine function through `asyncio.coroutine`, which Python 3.11
    # removed, so it serves only coroutines there. This shim does the same as the removed function: the coroutine calls
    # the ordinary function, and awaits the result if it is awaitable. The package itself is unmodified. Version 5.0.1
    # does not use the function.
    def coroutine(function):
        async def run(*args):
            result = function(*args)
            return await result if inspect.isawaitable(result) else result

        return run

    asyncio.coroutine = coroutine

if OPTIONS.fast:
    from rpcudp_fast.protocol import RPCProtocol
else:
    from rpcudp.protocol import RPCProtocol  # the package needs the shim


class Peer(Methods, RPCProtocol):
    def __init__(self, console):
        RPCProtocol.__init__(self, OPTIONS.wait_timeout)
        self._console = console

    async def _sleep(self, seconds):
        await asyncio.sleep(seconds)


async def gather(coroutines):
    return await asyncio.gather(*coroutines)


async def main():
    logging.basicConfig(stream=sys.stderr, level=logging.DEBUG if OPTIONS.verbose else logging.WARNING)
    loop = asyncio.get_running_loop()
    console = Console(lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop), gather)
    transport, protocol = await loop.create_datagram_endpoint(lambda: Peer(console), local_addr=(OPTIONS.host, 0))
    console.open(protocol, "rpcudp_fast" if OPTIONS.fast else "rpcudp", transport.get_extra_info("sockname")[1])
    await asyncio.Event().wait()


asyncio.run(main())
