"""Nodes of a network."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .node import Node
from .protocol import KademliaProtocol
from .storage import IStorage, NodeStorage
from .utils import digest

if TYPE_CHECKING:
    from .._engine import Value

__all__ = ["Server"]

# The name in kademlia 2.2.3, so that a program's configuration of logs applies.
LOG = logging.getLogger("kademlia.network")

VALUE_TYPES = (int, float, bool, str, bytes)


class Server:
    """A node of a Kademlia network, which stores values at other nodes and finds them."""

    protocol_class: type[KademliaProtocol] = KademliaProtocol

    def __init__(
        self,
        ksize: int = 20,
        alpha: int = 3,
        node_id: bytes | None = None,
        storage: IStorage | None = None,
        *,
        limits_subnets: bool = True,
    ) -> None:
        """
        Creates a node that is not part of a network yet.

        Args:
            ksize: the number of nodes that store each value
            alpha: the number of requests of a lookup that are in flight
            node_id: the 20 bytes of the node's id, instead of random ones
            storage: a storage for values, instead of the node's memory
            limits_subnets: whether the contacts and values of one subnet are limited; leave it out on the open
                internet, and pass `False` if all nodes are yours and in one subnet
        """
        self.ksize = ksize
        self.alpha = alpha
        self.storage: IStorage | NodeStorage = NodeStorage() if storage is None else storage
        self.node = Node(os.urandom(20) if node_id is None else node_id)
        self.transport: asyncio.DatagramTransport | None = None
        self.protocol: KademliaProtocol | None = None
        self.save_state_loop: asyncio.TimerHandle | None = None
        self._limits_subnets = limits_subnets
        self._loop: asyncio.AbstractEventLoop

    def stop(self) -> None:
        """Leaves the network, and closes the node's socket."""
        if self.transport is not None:
            self.transport.close()
        if self.save_state_loop is not None:
            self.save_state_loop.cancel()

    async def listen(self, port: int, interface: str = "0.0.0.0") -> None:
        """Binds the node to a port. The interface `::` serves IPv6, and IPv4 as the system is configured."""
        self._loop = loop = asyncio.get_running_loop()
        self.transport, self.protocol = await loop.create_datagram_endpoint(
            self._create_protocol, local_addr=(interface, port)
        )
        LOG.info("Node %i listening on %s:%i", self.node.long_id, interface, port)

    async def bootstrap(self, addrs: Iterable[tuple[Any, ...]]) -> list[Node]:
        """
        Joins a network through the nodes at these addresses, of which each is a `(host, port)`.

        Returns the nodes closest to this one; none if no address responds.
        """
        addresses = [tuple(address) for address in addrs]
        LOG.debug("Attempting to bootstrap node with %i initial contacts", len(addresses))
        if not addresses:
            return []
        contacts = await self._connected()._engine.bootstrap(addresses)
        return [Node(*contact) for contact in contacts]

    async def bootstrap_node(self, addr: tuple[Any, ...]) -> Node | None:
        """Returns the node at an address, or `None` if none responds."""
        ok, node_id = await self._connected().ping(addr, self.node.id)
        return Node(node_id, addr[0], addr[1]) if ok else None

    def bootstrappable_neighbors(self) -> list[tuple[str, int]]:
        """Returns addresses of neighbours, to bootstrap from them later."""
        contacts = self._connected()._engine.neighbors(self.node.id, self.ksize)
        return [(host, port) for _, host, port in contacts]

    async def get(self, key: object) -> Value | None:
        """Returns the value under a key, or `None` if the network has none."""
        LOG.info("Looking up key %s", key)
        dkey = digest(key)
        stored = self.storage.get(dkey)
        if stored is not None:
            return stored
        engine = self._connected()._engine
        if engine.contact_count() == 0:
            LOG.warning("There are no known neighbors to get key %s", key)
            return None
        return (await engine.get_many([dkey], 1))[0]

    async def get_many(self, keys: Iterable[object], *, at_once: int = 64) -> list[Value | None]:
        """
        Returns the value under each key, or `None`.

        Args:
            keys: the keys
            at_once: the number of lookups at a time
        """
        return await self._connected()._engine.get_many([digest(key) for key in keys], at_once)

    async def set(self, key: object, value: Value) -> bool:
        """
        Stores a value under a key in the network. Returns whether another node has stored it.

        Raises:
            TypeError: the value is no int, float, bool, str or bytes
            ValueError: the value has more than 8,140 bytes
        """
        LOG.info("setting '%s' = '%s' on network", key, value)
        return await self.set_digest(digest(key), value)

    async def set_digest(self, dkey: bytes, value: Value) -> bool:
        """Stores a value under the 20 bytes of a key's SHA-1. Otherwise like `set`."""
        check(value)
        engine = self._connected()._engine
        if engine.contact_count() == 0:
            LOG.warning("There are no known neighbors to set key %s", dkey.hex())
            return False
        return (await engine.set_many([(dkey, value)], 1))[0] > 0

    async def set_many(self, values: Mapping[Any, Value], *, at_once: int = 64) -> list[bool]:
        """
        Stores the value of each key. Returns for each whether another node has stored it.

        Args:
            values: the keys and their values
            at_once: the number of values that are stored at a time
        """
        for value in values.values():
            check(value)
        digests = [(digest(key), value) for key, value in values.items()]
        return [count > 0 for count in await self._connected()._engine.set_many(digests, at_once)]

    def save_state(self, fname: str | os.PathLike[str]) -> None:
        """Saves the node's id, parameters and neighbours to a file, in the format of `kademlia`."""
        LOG.info("Saving state to %s", fname)
        state = {
            "ksize": self.ksize,
            "alpha": self.alpha,
            "id": self.node.id,
            "neighbors": self.bootstrappable_neighbors(),
        }
        if not state["neighbors"]:
            LOG.warning("No known neighbors, so not writing to cache.")
            return
        with open(fname, "wb") as file:
            pickle.dump(state, file)

    @classmethod
    async def load_state(cls, fname: str | os.PathLike[str], port: int, interface: str = "0.0.0.0") -> Server:
        """
        Returns a node with a saved state, which listens and has joined its network.

        The file is a pickle, as in `kademlia`: load only one that you have saved.
        """
        LOG.info("Loading state from %s", fname)
        with open(fname, "rb") as file:
            state = pickle.load(file)
        server = cls(state["ksize"], state["alpha"], state["id"])
        await server.listen(port, interface)
        if state["neighbors"]:
            await server.bootstrap(state["neighbors"])
        return server

    def save_state_regularly(self, fname: str | os.PathLike[str], frequency: float = 600) -> None:
        """Saves the state now, and again after each `frequency` seconds."""
        self.save_state(fname)
        self.save_state_loop = self._loop.call_later(frequency, self.save_state_regularly, fname, frequency)

    def _create_protocol(self) -> KademliaProtocol:
        protocol = self.protocol_class(self.node, self.storage, self.ksize)
        protocol.alpha = self.alpha
        protocol.limits_subnets = self._limits_subnets
        return protocol

    def _connected(self) -> KademliaProtocol:
        if self.protocol is None:
            raise RuntimeError("the node does not listen: await `listen` first")
        return self.protocol


def check(value: object) -> None:
    """Raises `TypeError` if a value cannot be stored."""
    if type(value) not in VALUE_TYPES:
        raise TypeError("Value must be of type int, float, bool, str, or bytes")
