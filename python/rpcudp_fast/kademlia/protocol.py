"""The protocol of a node."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from ..protocol import RPCProtocol
from .node import Node
from .storage import IStorage, NodeStorage

if TYPE_CHECKING:
    from .._engine import NodeOptions, Value

__all__ = ["KademliaProtocol"]

# The name in kademlia 2.2.3, so that a program's configuration of logs applies.
LOG = logging.getLogger("kademlia.protocol")

# The methods of a node, which the engine serves.
SERVED_BY_ENGINE = ("rpc_stun", "rpc_ping", "rpc_store", "rpc_find_node", "rpc_find_value")


class KademliaProtocol(RPCProtocol):
    """
    The protocol of a node: it serves the methods of Kademlia in the engine, and those of a subclass in Python.

    `Server` creates it, by way of its attribute `protocol_class`.
    """

    def __init__(self, source_node: Node, storage: IStorage | NodeStorage, ksize: int) -> None:
        super().__init__()
        self.source_node = source_node
        self.storage = storage
        self.ksize = ksize
        self.alpha = 3
        self.limits_subnets = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in SERVED_BY_ENGINE:
            if name in cls.__dict__:
                raise TypeError(f"`{cls.__name__}.{name}` would have no effect: the engine serves the methods of Kademlia")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if isinstance(self.storage, NodeStorage):
            self.storage._engine = self._engine

    def _node_options(self) -> NodeOptions:
        stored = None if isinstance(self.storage, NodeStorage) else list(self.storage)
        return self.source_node.id, self.ksize, self.alpha, self.limits_subnets, stored

    def _store_changes(self, changes: list[tuple[bytes, Value | None]]) -> None:
        """Writes changes of the node's records to the program's storage. Called by the engine."""
        for key, value in changes:
            try:
                if value is not None:
                    self.storage[key] = value  # type: ignore[index]
                elif hasattr(self.storage, "__delitem__") and self.storage.get(key) is not None:
                    del self.storage[key]
            except Exception:
                LOG.exception("the storage did not take a change of %s", key.hex())
