"""Python's rpcudp, echoing: `echo.py serve`, or `echo.py call PORT IN_FLIGHT SIZE WARM_UP SECONDS`.

The server says its port. The caller says `measuring` and `over` when it does so, then a line of JSON, then the
latencies in nanoseconds, 64 bits each in the machine's order.
"""

import array
import asyncio
import json
import resource
import socket
import sys
import time

from rpcudp.protocol import RPCProtocol

# As many bytes as the other contenders' sockets ask for.
BUFFER_LEN = int(sys.argv[-1])


def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Echo(RPCProtocol):
    async def rpc_echo(self, sender, payload):
        return payload

    async def rpc_used(self, sender):
        return used()


async def bind():
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(Echo, ("127.0.0.1", 0))
    bound = transport.get_extra_info("socket")
    for option in socket.SO_RCVBUF, socket.SO_SNDBUF:
        bound.setsockopt(socket.SOL_SOCKET, option, BUFFER_LEN)
    return protocol, bound.getsockname()[1]


def say(line):
    print(line, flush=True)


async def serve():
    _protocol, port = await bind()
    say(port)
    await asyncio.get_running_loop().create_future()


async def call(port, in_flight, size, warm_up, seconds):
    protocol, _port = await bind()
    server = ("127.0.0.1", port)
    begin = time.perf_counter() + warm_up
    end = begin + seconds
    latencies = array.array("Q")
    failures = []

    async def caller(number):
        count = 0
        now = time.perf_counter()
        while now < end:
            head = number.to_bytes(4, "big") + count.to_bytes(4, "big")
            payload = head + bytes(index * 8 % 256 for index in range(8, 16)) * ((size - 8) // 8 + 1)
            payload = payload[:size]
            answered, answer = await protocol.echo(server, payload)
            then, now = now, time.perf_counter()
            if not answered:
                failures.append("no answer in time")
            elif answer != payload:
                failures.append("the answer is not what was sent")
            elif then >= begin:
                latencies.append(int((now - then) * 1e9))
            count += 1

    async def both_used():
        answered, theirs = await protocol.used(server)
        return used() + theirs if answered else None

    async def watch():
        await asyncio.sleep(warm_up)
        before = await both_used()
        say("measuring")
        await asyncio.sleep(end - time.perf_counter())
        say("over")
        after = await both_used()
        return after - before if before is not None and after is not None else None

    watching = asyncio.ensure_future(watch())
    await asyncio.gather(*(caller(number) for number in range(in_flight)))
    cpu = await watching
    if cpu is None:
        failures.append("the server did not say what it used")
    say(json.dumps({"failed": len(failures), "first": failures[0] if failures else None, "cpu": cpu or 0.0}))
    sys.stdout.buffer.write(latencies.tobytes())
    sys.stdout.flush()


if sys.argv[1] == "serve":
    asyncio.run(serve())
else:
    asyncio.run(call(*map(int, sys.argv[2:5]), *map(float, sys.argv[5:7])))
