"""A peer on the package `storjrpcudp`, with Twisted."""

import sys

from storjrpcudp.protocol import RPCProtocol
from twisted.internet import defer, reactor, task
from twisted.python import log

from peer import Console, Methods, options

OPTIONS = options()


class Peer(Methods, RPCProtocol):
    def __init__(self, console):
        RPCProtocol.__init__(self, OPTIONS.wait_timeout)
        self.noisy = OPTIONS.verbose
        self._console = console

    async def _sleep(self, seconds):
        await task.deferLater(reactor, seconds)

    def rpc_add_deferred(self, sender, a, b):
        """The form of an asynchronous handler before Python had coroutines."""
        return task.deferLater(reactor, 0.001, lambda: a + b)


def gather(coroutines):
    return defer.gatherResults([defer.Deferred.fromCoroutine(coroutine) for coroutine in coroutines])


log.startLogging(sys.stderr, setStdout=False)
console = Console(lambda coroutine: reactor.callFromThread(defer.Deferred.fromCoroutine, coroutine), gather)
protocol = Peer(console)
settings = {} if OPTIONS.max_packet_size is None else {"maxPacketSize": OPTIONS.max_packet_size}
port = reactor.listenUDP(0, protocol, interface=OPTIONS.host, **settings)
reactor.callWhenRunning(console.open, protocol, "storjrpcudp", port.getHost().port)
reactor.run()
