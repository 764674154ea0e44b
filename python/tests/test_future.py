"""The object that a call returns is a future of asyncio in all but its class, and polling is worth its time."""

import asyncio
import concurrent.futures
import contextvars
import functools
import gc
import importlib
import socket
import threading
import time
import weakref

import pytest
from conftest import serving

import rpcudp_fast
from rpcudp_fast import RPCProtocol, Timeout


class Server(RPCProtocol):
    def rpc_double(self, sender, number):
        return 2 * number

    async def rpc_sleep(self, sender, seconds):
        await asyncio.sleep(seconds)
        return seconds

    def rpc_fail(self, sender):
        raise ValueError("no")


def test_a_call_is_a_future_of_asyncio(run):
    async def main():
        loop = asyncio.get_running_loop()
        async with serving(Server) as (client, address):
            call = client.call(address, "double", 2)
            assert isinstance(call, asyncio.Future) and asyncio.isfuture(call)
            assert asyncio.ensure_future(call) is call and call.get_loop() is loop
            assert not call.done() and not call.cancelled() and repr(call) == "<call of double pending>"
            with pytest.raises(asyncio.InvalidStateError):
                call.result()
            with pytest.raises(asyncio.InvalidStateError):
                call.exception()
            assert await call == 4
            assert call.done() and call.result() == 4 and call.exception() is None
            # A second await returns the value again.
            assert await call == 4
            assert repr(call) == "<call of double finished>"

    run(main())


def test_the_functions_of_asyncio_take_calls(run):
    async def main():
        async with serving(Server) as (client, address):

            def double(number):
                return client.call(address, "double", number)

            assert await asyncio.gather(*map(double, range(5))) == [0, 2, 4, 6, 8]
            done, pending = await asyncio.wait({double(1), double(2)})
            assert not pending and sorted(call.result() for call in done) == [2, 4]
            first, rest = await asyncio.wait(
                {double(1), client.call(address, "sleep", 20)}, return_when=asyncio.FIRST_COMPLETED
            )
            assert [call.result() for call in first] == [2]
            assert all(call.cancel() for call in rest)
            assert sorted([await call for call in asyncio.as_completed([double(1), double(2)])]) == [2, 4]
            assert await asyncio.wait_for(double(3), 5) == 6
            assert await asyncio.shield(double(4)) == 8
            results = await asyncio.gather(double(1), client.call(address, "fail"), return_exceptions=True)
            assert results[0] == 2 and isinstance(results[1], rpcudp_fast.RemoteError)
            cancelled = client.call(address, "sleep", 20)
            assert cancelled.cancel("why")
            results = await asyncio.gather(double(1), cancelled, return_exceptions=True)
            assert results[0] == 2 and isinstance(results[1], asyncio.CancelledError)
            with pytest.raises(asyncio.CancelledError):
                await asyncio.gather(double(1), cancelled)
            task = asyncio.ensure_future(asyncio.wait_for(asyncio.gather(client.call(address, "sleep", 20)), 20))
            await asyncio.sleep(0.01)
            assert task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.call(address, "sleep", 20), 0.01)

    run(main())


def test_an_event_loop_runs_until_a_call_has_ended(run):
    loop = asyncio.new_event_loop() if run.loop == "asyncio" else importlib.import_module("uvloop").new_event_loop()
    make = loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    transport, client = loop.run_until_complete(make)
    address = rpcudp_fast.local_addr(client)
    assert loop.run_until_complete(client.call(address, "double", 2)) == 4
    with pytest.raises(rpcudp_fast.RemoteError):
        loop.run_until_complete(client.call(address, "fail"))
    call = client.call(address, "sleep", 20)
    loop.call_later(0.01, call.cancel)
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(call)
    transport.close()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def test_several_tasks_await_one_call(run):
    async def main():
        async with serving(Server) as (client, address):
            for method, argument, expected in [("double", 2, 4), ("sleep", 0.01, 0.01)]:
                call = client.call(address, method, argument)

                async def wait(call=call):
                    return await call

                assert await asyncio.gather(*(wait() for _ in range(5))) == [expected] * 5
            call = client.call(address, "fail")

            async def fail():
                with pytest.raises(rpcudp_fast.RemoteError):
                    await call

            await asyncio.gather(*(fail() for _ in range(5)))

    run(main())


def test_callbacks_run_in_their_contexts_and_can_be_removed(run):
    variable = contextvars.ContextVar("variable", default="none")

    async def main():
        loop = asyncio.get_running_loop()
        reported = []
        loop.set_exception_handler(lambda _, context: reported.append(context))
        async with serving(Server) as (client, address):
            seen = []

            def note(name, call):
                seen.append((name, variable.get(), call.result()))

            def fail(call):
                raise RuntimeError("a callback")

            removed = functools.partial(note, "removed")
            context = contextvars.copy_context()
            context.run(variable.set, "other")
            call = client.call(address, "double", 1)
            variable.set("mine")
            call.add_done_callback(functools.partial(note, "first"))
            call.add_done_callback(fail)
            call.add_done_callback(removed)
            call.add_done_callback(removed)
            call.add_done_callback(functools.partial(note, "second"), context=context)
            assert call.remove_done_callback(removed) == 2 and call.remove_done_callback(removed) == 0
            assert not seen
            await call
            assert seen == [("first", "mine", 2), ("second", "other", 2)]
            assert [str(context["exception"]) for context in reported] == ["a callback"]
            # A callback of a call that has ended runs soon.
            call.add_done_callback(functools.partial(note, "late"))
            assert len(seen) == 2
            await asyncio.sleep(0)
            assert seen[2:] == [("late", "mine", 2)]

    run(main())


def test_a_cancelled_call_raises_what_a_future_does(run):
    async def main():
        async with serving(Server) as (client, address):
            call = client.call(address, "sleep", 20)
            assert call.cancel("why") and not call.cancel()
            assert call.cancelled() and call.done() and repr(call) == "<call of sleep cancelled>"
            for wait in (call.result, call.exception):
                with pytest.raises(asyncio.CancelledError, match="why"):
                    wait()
            with pytest.raises(asyncio.CancelledError, match="why"):
                await call

            async def wait():
                await client.call(address, "sleep", 20)

            task = asyncio.ensure_future(wait())
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # The handlers were cancelled as well.
            for _ in range(200):
                if rpcudp_fast.stats(client)["requests"]["running"] == 0:
                    return
                await asyncio.sleep(0.01)
            raise AssertionError(rpcudp_fast.stats(client))

    run(main())


def test_an_exception_that_is_never_read_is_reported(run):
    async def main():
        reported = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        async with serving(Server) as (client, address):
            for read in (lambda call: None, lambda call: call.exception()):
                call = client.call(address, "fail")
                await asyncio.wait({call})
                read(call)
                del call
                gc.collect()
            assert [str(context["exception"]) for context in reported] == ["ValueError: no"]
            assert "`fail` was never retrieved" in reported[0]["message"]

    run(main())


def test_calls_and_their_tasks_are_freed(run):
    async def main():
        async with serving(Server) as (client, address):
            freed = []

            async def wait():
                call = client.call(address, "double", 1)
                freed.append(weakref.ref(call))
                # A cycle of the call, its callback and the callback's cell.
                call.add_done_callback(lambda _: call)
                return await call

            await asyncio.gather(*(wait() for _ in range(100)))
            lost = client.call(address, "sleep", 20)
            lost.add_done_callback(lambda _, lost=lost: lost)
            freed.append(weakref.ref(lost))
            lost.cancel()
            del lost
            await asyncio.sleep(0)
            gc.collect()
            assert [call() for call in freed] == [None] * 101

    run(main())


def test_a_task_that_ends_the_program_does_not_hold_up_others():
    # Both tasks are woken by one callback of the event loop.
    async def main():
        async with serving(Server) as (client, address):

            async def stop():
                await client.call(address, "double", 1)
                raise SystemExit(7)

            async def go_on():
                await client.call(address, "double", 2)
                results.append("done")

            tasks = [asyncio.ensure_future(task()) for task in [stop, go_on] for _ in range(5)]
            await asyncio.wait(tasks)

    results = []
    with pytest.raises(SystemExit):
        asyncio.run(main())


class CountingLoop(asyncio.SelectorEventLoop):
    """Counts the callbacks by which the event loop polls."""

    poll_count = 0

    def call_soon(self, callback, *args, context=None):
        function = getattr(callback, "func", None)
        self.poll_count += getattr(function, "__name__", "") == "poll"
        return super().call_soon(callback, *args, context=context)


def count_polls(main):
    loop = CountingLoop()
    try:
        return loop.run_until_complete(asyncio.wait_for(main(loop), 30))
    finally:
        loop.close()


def test_long_round_trips_are_not_polled_for():
    async def main(loop):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            async with serving(RPCProtocol) as (client, _):
                for _ in range(300):
                    with pytest.raises(Timeout):
                        await client.call(silent.getsockname(), "x", timeout=0.002)
        # Polls after 1, 3, 7, 15 and so on calls: at most 9 times for 100 us, in slices and parts of slices.
        return loop.poll_count

    assert 1 <= count_polls(main) < 100


def test_many_calls_are_not_polled_for():
    async def main(loop):
        async with serving(Server) as (client, address):
            # Three calls are always in flight.
            waiting = [client.call(address, "sleep", 20) for _ in range(3)]
            loop.poll_count = 0
            for _ in range(20):
                await asyncio.gather(*(client.call(address, "double", number) for number in range(50)))
            assert all(call.cancel() for call in waiting)
        return loop.poll_count

    assert count_polls(main) == 0


def test_polling_can_be_switched_off():
    async def main(loop):
        async with serving(lambda: Server(busy_poll=False)) as (client, address):
            for number in range(100):
                assert await client.call(address, "double", number) == 2 * number
        return loop.poll_count

    assert count_polls(main) == 0


def test_other_callbacks_run_while_a_call_is_polled_for(run):
    async def main():
        loop = asyncio.get_running_loop()
        count, calls, is_over = 0, 0, False

        def spin():
            nonlocal count
            count += 1
            if not is_over:
                loop.call_soon(spin)

        async with serving(Server) as (client, address):
            loop.call_soon(spin)
            for number in range(200):
                before = count
                assert await client.call(address, "double", number) == 2 * number
                calls += count > before
            timer = loop.create_future()
            loop.call_later(0.01, timer.set_result, None)
            while not timer.done():
                await client.call(address, "double", 1)
            is_over = True
            assert calls == 200

    run(main())


def test_a_call_is_cancelled_while_it_is_polled_for(run):
    async def main():
        async with serving(Server) as (client, address):
            for _ in range(100):
                call = client.call(address, "sleep", 20)
                await asyncio.sleep(0)
                assert call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                assert await client.call(address, "double", 1) == 2

    run(main())


def test_calls_on_several_loops_are_polled_for_at_once():
    async def main():
        async with serving(Server) as (client, address):
            for number in range(300):
                assert await client.call(address, "double", number) == 2 * number

    async def threads():
        await asyncio.gather(*(asyncio.to_thread(asyncio.run, main()) for _ in range(4)))

    asyncio.run(asyncio.wait_for(threads(), 30))


def test_a_protocol_is_closed_while_it_polls(run):
    async def main():
        loop = asyncio.get_running_loop()
        async with serving(Server) as (_, address):
            for _ in range(50):
                transport, client = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
                call = client.call(address, "sleep", 20)
                transport.close()
                with pytest.raises(rpcudp_fast.Closed):
                    await call

    run(main())


def test_a_closed_protocol_is_freed_without_the_garbage_collector(run):
    async def main():
        loop = asyncio.get_running_loop()
        gc.collect()
        gc.disable()
        try:
            async with serving(Server) as (_, address):
                transport, client = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
                assert await client.call(address, "double", 1) == 2
                assert await client.double(address, 2) == (True, 4)
                freed = weakref.ref(client)
                transport.close()
                del transport, client
                for _ in range(10):
                    await asyncio.sleep(0.01)
                assert freed() is None
        finally:
            gc.enable()

    run(main())


def test_a_task_that_blocks_holds_up_no_request_of_another(run):
    noted, second, ready = [], [], concurrent.futures.Future()

    class Notes(RPCProtocol):
        def rpc_note(self, sender, number):
            noted.append(number)

    def serve(is_over):
        async def main():
            async with serving(Notes) as (_, address):
                ready.set_result(address)
                while not is_over.is_set():
                    await asyncio.sleep(0.001)

        asyncio.run(main())

    async def main():
        is_over = threading.Event()
        server = asyncio.ensure_future(asyncio.to_thread(serve, is_over))
        address = await asyncio.wrap_future(ready)
        async with serving(RPCProtocol) as (client, _):

            async def call_twice(number):
                await client.call(address, "note", number)
                second.append(100 + number)
                await client.call(address, "note", 100 + number)

            async def block():
                await client.call(address, "note", -1)
                # The requests of the tasks before this one leave although this one blocks the event loop.
                expected, end = set(second), time.monotonic() + 20
                while not expected.issubset(noted) and time.monotonic() < end:
                    time.sleep(0.001)
                return expected.issubset(noted)

            *_, has_left = await asyncio.gather(*(call_twice(number) for number in range(10)), block())
            is_over.set()
            await server
            assert has_left

    run(main())
