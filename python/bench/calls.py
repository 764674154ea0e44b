"""Makes calls, or serves them, with one of the packages. Prints figures as JSON. Run by compare.py."""

import argparse
import asyncio
import json
import logging
import time


def protocol_of(package):
    if package == "rpcudp":
        from rpcudp.protocol import RPCProtocol
    else:
        from rpcudp_fast.protocol import RPCProtocol

    class Greeter(RPCProtocol):
        def rpc_sayhi(self, sender, name):
            return f"Hello {name}, you live at {sender[0]}:{sender[1]}"

    return Greeter


async def call(options):
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        protocol_of(options.package), local_addr=("127.0.0.1", 0)
    )
    address = ("127.0.0.1", options.port)
    assert (await protocol.sayhi_quickly(address, "Snake Plissken"))[0]
    latencies, lost = [], 0
    end = time.perf_counter() + options.seconds

    async def caller():
        nonlocal lost
        while (started := time.perf_counter()) < end:
            ok, _ = await protocol.sayhi_quickly(address, "Snake Plissken")
            latencies.append(time.perf_counter() - started)
            lost += not ok

    cpu = time.process_time()
    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(options.in_flight)))
    elapsed = time.perf_counter() - began
    cpu = time.process_time() - cpu
    latencies.sort()
    print(
        json.dumps(
            {
                # Callers that wait for a lost call have no rate, so the time is that of the measurement.
                "rate": (len(latencies) - lost) / (options.seconds if lost else elapsed),
                "lost": lost,
                "p50": latencies[len(latencies) // 2],
                "p99": latencies[len(latencies) * 99 // 100],
                "cpu": cpu / len(latencies),
            }
        )
    )
    transport.close()


async def serve(options):
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(protocol_of(options.package), local_addr=("127.0.0.1", 0))
    is_ours = options.package == "rpcudp_fast"
    print(protocol._engine.local_addr()[1] if is_ours else transport.get_extra_info("sockname")[1], flush=True)
    await asyncio.Event().wait()


parser = argparse.ArgumentParser()
parser.add_argument("role", choices=["call", "serve"])
parser.add_argument("package", choices=["rpcudp", "rpcudp_fast"])
parser.add_argument("--uvloop", action="store_true")
parser.add_argument("--port", type=int)
parser.add_argument("--in-flight", type=int)
parser.add_argument("--seconds", type=float, default=3)
options = parser.parse_args()
logging.disable(logging.CRITICAL)
run = asyncio.run
if options.uvloop:
    import uvloop

    run = uvloop.run
run({"call": call, "serve": serve}[options.role](options))
