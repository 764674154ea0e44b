"""Values have the types and the bytes of `u-msgpack-python`."""

import datetime
import math

import pytest
import umsgpack
from conftest import serving
from rpcudp.protocol import RPCProtocol as Original

import rpcudp_fast
from rpcudp_fast.protocol import RPCProtocol

UTC = datetime.timezone.utc
VALUES = [
    None,
    True,
    False,
    0,
    127,
    128,
    -1,
    -32,
    -33,
    2**31,
    -(2**31),
    2**63 - 1,
    -(2**63),
    2**64 - 1,
    0.0,
    1.5,
    -math.inf,
    1e300,
    "",
    "text",
    "grüße 🦀",
    "x" * 300,
    b"",
    b"\x00\xff",
    b"x" * 300,
    [],
    [1, "two", b"three", None, [4.0]],
    list(range(20)),
    {},
    {"a": 1, b"b": [2], 3: "c", None: None, True: False, 1.5: -1},
    {(1, 2): "tuple", ("a", ("b",)): "nested"},
    {"nested": {"deep": [{"er": b"\x01"}]}},
    datetime.datetime(2018, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    datetime.datetime(1969, 7, 20, 20, 17, 40, tzinfo=UTC),
    datetime.datetime(2, 1, 1, tzinfo=UTC),
    datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.timezone(datetime.timedelta(hours=-5))),
]


class Echo(RPCProtocol):
    def rpc_echo(self, sender, value):
        return value

    def rpc_kind(self, sender, value):
        return type(value).__name__


class OriginalEcho(Original):
    def rpc_echo(self, sender, value):
        return value


def equal(a, b):
    return type(a) is type(b) and (a == b) and (not isinstance(a, list) or all(map(equal, a, b)))


@pytest.mark.parametrize("server", [Echo, OriginalEcho])
@pytest.mark.parametrize("client", [Echo, OriginalEcho])
def test_every_value_arrives_as_it_was_sent(run, client, server):
    async def main():
        async with serving(client) as (calling, _), serving(server) as (_, address):
            for value in VALUES:
                ok, echoed = await calling.echo(address, value)
                assert ok and equal(echoed, value), (value, echoed)

    run(main())


def test_a_tuple_arrives_as_a_list_and_a_datetime_without_zone_in_utc(run):
    async def main():
        async with serving(Echo) as (calling, address):
            assert await calling.echo(address, (1, (2,))) == (True, [1, [2]])
            naive = datetime.datetime(2020, 2, 3, 4, 5, 6)
            assert await calling.echo(address, naive) == (True, naive.replace(tzinfo=UTC))
            ok, value = await calling.echo(address, math.nan)
            assert ok and math.isnan(value)

    run(main())


def test_subclasses_are_sent_as_their_base(run):
    class Text(str):
        pass

    class Number(int):
        pass

    async def main():
        async with serving(Echo) as (calling, address):
            assert await calling.echo(address, [Text("a"), Number(7)]) == (True, ["a", 7])

    run(main())


def test_extension_values_are_those_of_both_packages(run):
    async def main():
        async with serving(Echo) as (calling, _), serving(OriginalEcho) as (original, address):
            for ext in (rpcudp_fast.Ext(5, b"\x01"), umsgpack.Ext(-7, b"abc")):
                ok, echoed = await calling.echo(address, ext)
                assert ok and isinstance(echoed, rpcudp_fast.Ext)
                assert (echoed.type, echoed.data) == (ext.type, ext.data)
                assert echoed == ext and hash(echoed) == hash(rpcudp_fast.Ext(ext.type, ext.data))
            assert repr(rpcudp_fast.Ext(5, b"\x01")) == "Ext(5, b'\\x01')"
            with pytest.raises(ValueError, match="128"):
                rpcudp_fast.Ext(128, b"")

    run(main())


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1, 2}, "cannot be sent: it is a set, which msgpack does not have"),
        ([1, {"a": [0, 1j]}], r": \[1\]\['a'\]\[1\] is a complex"),
        (2**64, "is an int of more than 64 bits"),
        (-(2**63) - 1, "is an int of more than 64 bits"),
        ({"key": {frozenset(): 1}}, r": \['key'\]\(key frozenset\(\)\) is a frozenset"),
        ("\ud800", "it contains a surrogate"),
        (bytearray(b"x"), "is a bytearray"),
        (object, "is a type"),
    ],
)
def test_a_value_that_msgpack_lacks_is_a_type_error_that_names_it(run, value, message):
    async def main():
        async with serving(Echo) as (calling, address):
            with pytest.raises(TypeError, match=message):
                await calling.echo(address, value)
            with pytest.raises(TypeError, match="argument 2 of `echo` cannot be sent"):
                await calling.call(address, "echo", 1, value)

    run(main())


def test_a_list_that_contains_itself_is_an_error(run):
    async def main():
        async with serving(Echo) as (calling, address):
            loop = []
            loop.append(loop)
            with pytest.raises(ValueError, match="30"):
                await calling.echo(address, loop)

    run(main())


def test_a_request_of_8192_bytes_is_sent_and_a_larger_one_is_malformed(run):
    async def main():
        async with serving(Echo) as (calling, address):
            overhead = len(umsgpack.packb(["echo", ["x" * 8_000]])) - 8_000
            fits = "x" * (8_192 - overhead)
            assert await calling.echo(address, fits) == (True, fits)
            for call in (calling.echo, lambda *args: calling.call(args[0], "echo", *args[1:])):
                with pytest.raises(rpcudp_fast.MalformedMessage, match="8,193 bytes, and 8,192 are allowed"):
                    await call(address, fits + "x")

    run(main())
