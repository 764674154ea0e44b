"""Python's rpcudp, echoing: `echo.py serve`, or `echo.py call PORT IN_FLIGHT SIZE WARM_UP SECONDS`.

The server prints its port. The client prints `measuring` and `over` when the measurement begins and ends, then a line of
JSON, then the latencies in nanoseconds, 64 bits each in native byte order.
"""

import array
import asyncio
import json
import resource
import socket
import sys
import time

from rpcudp.protocol import RPCProtocol

# The length of the buffers in bytes, as for the other contenders.
BUFFER_LEN = int(sys.argv[-1])


def used_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Echo(RPCProtocol):
    async def rpc_echo(self, sender, payload):
        return payload

    async def rpc_used(self, sender):
        return used_seconds()


async def bind():
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(Echo, ("127.0.0.1", 0))
    bound = transport.get_extra_info("socket")
    for option in socket.SO_RCVBUF, socket.SO_SNDBUF:
        bound.setsockopt(socket.SOL_SOCKET, option, BUFFER_LEN)
    return protocol, bound.getsockname()[1]


def print_line(line):
    print(line, flush=True)


async def serve():
    _protocol, port = await bind()
    print_line(port)
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
            completed, response = await protocol.echo(server, payload)
            then, now = now, time.perf_counter()
            if not completed:
                failures.append("no response in time")
            elif response != payload:
                failures.append("the response differs from the request")
            elif then >= begin:
                latencies.append(int((now - then) * 1e9))
            count += 1

    async def both_used():
        completed, theirs = await protocol.used(server)
        return used_seconds() + theirs if completed else None

    async def watch():
        await asyncio.sleep(warm_up)
        before = await both_used()
        print_line("measuring")
        await asyncio.sleep(end - time.perf_counter())
        print_line("over")
        after = await both_used()
        return after - before if before is not None and after is not None else None

    watching = asyncio.ensure_future(watch())
    await asyncio.gather(*(caller(number) for number in range(in_flight)))
    cpu = await watching
    if cpu is None:
        failures.append("the server did not report its processor time")
    print_line(json.dumps({"failed": len(failures), "first": failures[0] if failures else None, "cpu": cpu or 0.0}))
    sys.stdout.buffer.write(latencies.tobytes())
    sys.stdout.flush()


if sys.argv[1] == "serve":
    asyncio.run(serve())
else:
    asyncio.run(call(*map(int, sys.argv[2:5]), *map(float, sys.argv[5:7])))
