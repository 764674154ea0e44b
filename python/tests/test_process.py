"""Processes end, are interrupted and fork without a hang."""

import signal
import sys
import textwrap
import time

import conftest

PRELUDE = """
import asyncio, os, signal, sys, threading
from rpcudp_fast import RPCProtocol

class Greeter(RPCProtocol):
    def rpc_sayhi(self, sender, name):
        return "Hello " + name

async def open():
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Greeter, local_addr=("127.0.0.1", 0))
    return transport, protocol, transport.get_extra_info("sockname")
"""


def start(program):
    return conftest.start([sys.executable, "-c", PRELUDE + textwrap.dedent(program)])


def output_of(program):
    process = start(program)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    return out


def test_the_interpreter_exits_with_an_open_protocol_and_calls_in_flight():
    program = """
    async def main():
        global kept
        kept = await open()
        await kept[1].sayhi(kept[2], "x")
        kept[1].sayhi(("127.0.0.1", 9), "x")
        print("done", flush=True)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    """
    assert output_of(program) == "done\n"


def test_ctrl_c_ends_a_server():
    program = """
    async def main():
        transport, protocol, address = await open()
        print("serving", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            transport.close()
            print("closed", flush=True)
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    """
    process = start(program)
    assert process.stdout.readline() == "serving\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert out == "closed\ninterrupted\n", err


def test_sigterm_ends_a_server():
    process = start("""
    async def main():
        kept = await open()
        print("serving", flush=True)
        await asyncio.Event().wait()
    asyncio.run(main())
    """)
    assert process.stdout.readline() == "serving\n"
    process.terminate()
    assert process.wait(timeout=30) == -signal.SIGTERM


def test_a_keyboard_interrupt_in_a_handler_ends_the_program():
    program = """
    class Interrupted(Greeter):
        def rpc_interrupt(self, sender):
            raise KeyboardInterrupt
    async def main():
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(Interrupted, local_addr=("127.0.0.1", 0))
        await protocol.interrupt(transport.get_extra_info("sockname"))
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("interrupted")
    """
    assert output_of(program) == "interrupted\n"


def test_a_protocol_of_the_parent_raises_in_a_forked_child_and_a_new_one_works():
    program = """
    async def main():
        global kept
        transport, protocol, address = kept = await open()
        assert (await protocol.sayhi(address, "x"))[0]
        child = os.fork()
        if child == 0:
            code = 1
            try:
                protocol.sayhi(address, "x")
            except RuntimeError as error:
                code = 0 if "after a fork" in str(error) else 2
            if code == 0:
                def in_child():
                    async def again():
                        transport, protocol, own = await open()
                        assert (await protocol.sayhi(own, "x"))[0]
                        # The parent's server still responds.
                        assert (await protocol.sayhi(address, "x"))[0]
                    asyncio.run(again())
                thread = threading.Thread(target=in_child)
                thread.start()
                thread.join()
            os._exit(code)
        while True:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                break
            await asyncio.sleep(0.01)
        assert os.waitstatus_to_exitcode(status) == 0, status
        assert (await protocol.sayhi(address, "x"))[0]
        transport.close()
        print("done")
    asyncio.run(main())
    """
    assert output_of(program) == "done\n"


def test_a_forked_child_exits_with_the_protocols_of_its_parent():
    program = """
    loop = asyncio.new_event_loop()
    transport, protocol, address = loop.run_until_complete(open())

    async def calls():
        return [protocol.sayhi(address, "x") for _ in range(50)]

    async def results(futures):
        assert all(ok for ok, _ in await asyncio.gather(*futures))

    for _ in range(10):
        # The engine's threads may hold locks at the time of the fork.
        futures = loop.run_until_complete(calls())
        if os.fork() == 0:
            sys.exit(0)
        loop.run_until_complete(results(futures))
    for _ in range(10):
        pid, status = os.wait()
        assert status == 0, status
    print("done")
    """
    assert output_of(program) == "done\n"
