"""A Kademlia node with the API of `kademlia` 2.2.3, whose routing and lookups are in the engine."""

from .network import Server
from .node import Node
from .protocol import KademliaProtocol
from .storage import ForgetfulStorage, IStorage
from .utils import digest

__all__ = ["ForgetfulStorage", "IStorage", "KademliaProtocol", "Node", "Server", "digest"]
