"""Nodes as the package's API shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["Node"]


class Node:
    """The id of a node or a key, and the address if it is a node's."""

    def __init__(self, node_id: bytes, ip: str | None = None, port: int | None = None) -> None:
        self.id = node_id
        self.ip = ip
        self.port = port
        self.long_id = int.from_bytes(node_id, "big")

    def same_home_as(self, node: Node) -> bool:
        """Returns whether the other node has the same address."""
        return (self.ip, self.port) == (node.ip, node.port)

    def distance_to(self, node: Node) -> int:
        """Returns the distance by the exclusive or of the ids."""
        return self.long_id ^ node.long_id

    def __iter__(self) -> Iterator[Any]:
        yield from (self.id, self.ip, self.port)

    def __repr__(self) -> str:
        return repr([self.long_id, self.ip, self.port])

    def __str__(self) -> str:
        return f"{self.ip}:{self.port}"
