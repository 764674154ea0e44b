"""The common part of the Python peers: the methods that they serve, and their connection to a test.

A test writes an instruction to a line of stdin and reads JSON objects from the lines of stdout:

    {"id": 1, "to": ["127.0.0.1", 4567], "method": "add", "arguments": [["1", "2"]], "concurrency": 1}
    {"finished": {"id": 1, "outcomes": [{"returned": "int 3"}]}}

Arguments are sent as Python literals and values are returned as descriptions that name every type, because the tests
are about types, and JSON has neither bytes nor NaN. Stdout is reserved for these lines; messages for people go to stderr.
"""

import argparse
import ast
import datetime
import json
import os
import sys
import threading
import traceback
from importlib.metadata import version
from itertools import cycle, islice


def describe(value):
    """Formats a value with the name of each type in it: `list [int 1, bytes b'a']`."""
    kind = type(value).__name__
    if value is None:
        return "None"
    if isinstance(value, dict):
        return f"{kind} {{{', '.join(f'{describe(k)}: {describe(v)}' for k, v in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"{kind} [{', '.join(map(describe, value))}]"
    return f"{kind} {value!r}"


def read(literal):
    """Returns the value of a Python literal. `nan` and ISO 8601 times, which Python lacks as literals, are accepted."""
    if literal.startswith("time "):
        return [datetime.datetime.fromisoformat(literal.removeprefix("time ")), 7]
    return float("nan") if literal == "nan" else ast.literal_eval(literal)


def blob(size):
    """Returns `size` bytes: the alphabet, repeated."""
    return bytes(islice(cycle(b"abcdefghijklmnopqrstuvwxyz"), size))


class Methods:
    """The methods that every peer serves, independent of its event loop. `Peer` in Rust is the same contract."""

    # The packages treat every name without a leading underscore as a remote method.
    _console = None

    async def _sleep(self, seconds):
        raise NotImplementedError

    def rpc_sayhi(self, sender, name):
        """The method of the packages' example."""
        return "Hello %s you live at %s:%i" % (name, sender[0], sender[1])

    def rpc_add(self, sender, a, b):
        return a + b

    async def rpc_add_later(self, sender, a, b):
        await self._sleep(0.001)
        return a + b

    def rpc_size(self, sender, data):
        return len(data)

    def rpc_blob(self, sender, size):
        return blob(size)

    def rpc_sender(self, sender):
        return sender[:2]

    def rpc_fail(self, sender, message):
        raise RuntimeError(message)

    async def rpc_fail_later(self, sender, message):
        await self._sleep(0.001)
        raise RuntimeError(message)

    async def rpc_call_back(self, sender, number):
        ok, total = await self.add(sender, number, 1)
        if not ok:
            raise RuntimeError("no response from the caller")
        return total

    def rpc_describe(self, sender, value):
        return describe(value)

    def rpc_make(self, sender, literal):
        return read(literal)

    def rpc_note(self, sender, text):
        self._console.send("noted", text)
        return "a response that a oneway caller drops"

    async def rpc_note_slowly(self, sender, text, seconds):
        self._console.send("noted", text)
        await self._sleep(seconds)
        return text


class Console:
    """The connection between a test and its peer: lines of JSON on stdin and stdout."""

    def __init__(self, spawn, gather):
        """
        Args:
            spawn: starts a coroutine on the event loop, from any thread
            gather: runs several coroutines concurrently
        """
        self._spawn = spawn
        self._gather = gather

    def send(self, kind, value):
        print(json.dumps({kind: value}), flush=True)

    def open(self, protocol, package, port):
        """Reports that the peer is ready, and executes instructions from now on."""
        self.send("ready", {"port": port, "package": f"{package} {version(package)}"})
        threading.Thread(target=self._read_instructions, args=(protocol,), daemon=True).start()

    def _read_instructions(self, protocol):
        for line in sys.stdin:
            self._spawn(self._execute(protocol, json.loads(line)))
        # The test has ended.
        os._exit(0)

    async def _execute(self, protocol, instruction):
        try:
            to, method, concurrency = tuple(instruction["to"]), instruction["method"], instruction["concurrency"]
            arguments = [[read(literal) for literal in call] for call in instruction["arguments"]]
            outcomes = []
            for start in range(0, len(arguments), concurrency):
                wave = arguments[start : start + concurrency]
                outcomes += await self._gather([call(protocol, to, method, each) for each in wave])
            self.send("finished", {"id": instruction["id"], "outcomes": outcomes})
        except BaseException:
            # The event loop would only log the exception. The test notices the end of the process, and shows stderr.
            traceback.print_exc()
            os._exit(1)


async def call(protocol, to, method, arguments):
    """Calls a remote method as the packages document it, and returns the outcome."""
    try:
        result = await getattr(protocol, method)(to, *arguments)
    except Exception as error:
        return {"raised": {"kind": type(error).__name__, "message": str(error)}}
    if type(result) is not tuple or len(result) != 2:
        raise AssertionError(f"an undocumented result: {result!r}")
    if result == (False, None):
        return "timed_out"
    ok, value = result
    if ok is not True:
        raise AssertionError(f"an undocumented result: {result!r}")
    return {"returned": describe(value)}


def options():
    """Parses the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--wait-timeout", type=float, required=True)
    parser.add_argument("--verbose", action="store_true", help="print the DEBUG log of the package")
    parser.add_argument("--no-shim", action="store_true", help="leave asyncio unchanged")
    parser.add_argument("--fast", action="store_true", help="run the package rpcudp_fast")
    parser.add_argument("--max-packet-size", type=int, help="maxPacketSize of Twisted, which is 8192 by default")
    return parser.parse_args()
