"""What the Python peers have in common: the methods that they serve, and how a test talks to them.

A test writes a JSON object to a line of stdin and reads JSON objects from the lines of stdout:

    {"id": 1, "to": ["127.0.0.1", 4567], "method": "add", "arguments": [["1", "2"]], "at_once": 1}
    {"ended": {"id": 1, "calls": [{"answered": "int 3"}]}}

Arguments travel as Python literals and values as descriptions that name every type, because that is what the tests are
about and JSON knows neither bytes nor NaN. Stdout is for these lines alone; whatever is to be said to people goes to
stderr.
"""

import argparse
import ast
import json
import os
import sys
import threading
import traceback
from importlib.metadata import version
from itertools import cycle, islice


def describe(value):
    """The value with the name of each type in it: `list [int 1, bytes b'a']`."""
    kind = type(value).__name__
    if value is None:
        return "None"
    if isinstance(value, dict):
        return f"{kind} {{{', '.join(f'{describe(k)}: {describe(v)}' for k, v in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"{kind} [{', '.join(map(describe, value))}]"
    return f"{kind} {value!r}"


def read(literal):
    """The value of a Python literal; `nan`, which has none in Python, is one here."""
    return float("nan") if literal == "nan" else ast.literal_eval(literal)


def blob(size):
    """So many bytes that are not all the same: the alphabet, again and again."""
    return bytes(islice(cycle(b"abcdefghijklmnopqrstuvwxyz"), size))


class Methods:
    """What every peer serves, beside what its own event loop calls for. `Peer` in Rust is the same contract."""

    # The packages take every name that does not begin with an underscore for a remote method.
    _console = None

    async def _sleep(self, seconds):
        raise NotImplementedError

    def rpc_sayhi(self, sender, name):
        """What the packages' own example serves."""
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
            raise RuntimeError("the caller does not answer")
        return total

    def rpc_describe(self, sender, value):
        return describe(value)

    def rpc_make(self, sender, literal):
        return read(literal)

    def rpc_note(self, sender, text):
        self._console.say("noted", text)
        return "an answer that a oneway caller does not wait for"

    async def rpc_note_slowly(self, sender, text, seconds):
        self._console.say("noted", text)
        await self._sleep(seconds)
        return text


class Console:
    """The lines between a test and its peer."""

    def __init__(self, spawn, gather):
        """
        Args:
            spawn: starts a coroutine on the event loop, from any thread
            gather: waits for several coroutines at once
        """
        self._spawn = spawn
        self._gather = gather

    def say(self, what, value):
        print(json.dumps({what: value}), flush=True)

    def open(self, protocol, package, port):
        """Says that the peer is there, and takes orders from now on."""
        self.say("ready", {"port": port, "package": f"{package} {version(package)}"})
        threading.Thread(target=self._listen, args=(protocol,), daemon=True).start()

    def _listen(self, protocol):
        for line in sys.stdin:
            self._spawn(self._obey(protocol, json.loads(line)))
        # The test is gone.
        os._exit(0)

    async def _obey(self, protocol, order):
        try:
            to, method, at_once = tuple(order["to"]), order["method"], order["at_once"]
            arguments = [[read(literal) for literal in call] for call in order["arguments"]]
            calls = []
            for start in range(0, len(arguments), at_once):
                wave = arguments[start : start + at_once]
                calls += await self._gather([call(protocol, to, method, each) for each in wave])
            self.say("ended", {"id": order["id"], "calls": calls})
        except BaseException:
            # Nobody would hear of it: the test sees that the peer is gone, and shows why.
            traceback.print_exc()
            os._exit(1)


async def call(protocol, to, method, arguments):
    """Calls a remote method as the packages' documentation says, and says what came of it."""
    try:
        result = await getattr(protocol, method)(to, *arguments)
    except Exception as error:
        return {"raised": {"kind": type(error).__name__, "message": str(error)}}
    if type(result) is not tuple or len(result) != 2:
        raise AssertionError(f"not what the package promises: {result!r}")
    if result == (False, None):
        return "timed_out"
    ok, value = result
    if ok is not True:
        raise AssertionError(f"not what the package promises: {result!r}")
    return {"answered": describe(value)}


def options():
    """What the test asked for on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--wait-timeout", type=float, required=True)
    parser.add_argument("--verbose", action="store_true", help="log what the package says at level DEBUG")
    parser.add_argument("--no-shim", action="store_true", help="leave asyncio as this Python has it")
    parser.add_argument("--max-packet-size", type=int, help="for Twisted: not its default, which is 8192")
    return parser.parse_args()
