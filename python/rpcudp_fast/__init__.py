"""
Python's `rpcudp` and `kademlia` on an engine in Rust.

`protocol.RPCProtocol` has the API of `rpcudp` 5.0.1. `kademlia.Server` has that of `kademlia` 2.2.3.
"""

from ._engine import Ext
from .exceptions import (
    BadResponse,
    CallError,
    Closed,
    MalformedMessage,
    Refused,
    RemoteError,
    SendError,
    Timeout,
    TooManyCalls,
    Unreachable,
)
from .group import Group, QuorumError
from .protocol import RPCProtocol, local_addr, rpc, stats

__all__ = [
    "BadResponse",
    "CallError",
    "Closed",
    "Ext",
    "Group",
    "MalformedMessage",
    "QuorumError",
    "RPCProtocol",
    "Refused",
    "RemoteError",
    "SendError",
    "Timeout",
    "TooManyCalls",
    "Unreachable",
    "local_addr",
    "rpc",
    "stats",
]
