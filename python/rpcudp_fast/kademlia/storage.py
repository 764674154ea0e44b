"""Storages of a node."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._engine import Engine, Value

__all__ = ["ForgetfulStorage", "IStorage"]


class IStorage(ABC):
    """
    The interface of a storage that a program passes to `Server`.

    The node reads all values when it starts, and serves them from its own memory. It writes changes on the event
    loop, many at a time. A value that expires is removed with `del storage[key]`, if the class has `__delitem__`.
    """

    @abstractmethod
    def __setitem__(self, key: bytes, value: Value) -> None:
        """Stores a value."""

    @abstractmethod
    def __getitem__(self, key: bytes) -> Value:
        """Returns a value. Raises `KeyError` if there is none."""

    @abstractmethod
    def get(self, key: bytes, default: Value | None = None) -> Value | None:
        """Returns a value, or the default if there is none."""

    @abstractmethod
    def iter_older_than(self, seconds_old: float) -> Iterable[tuple[bytes, Value]]:
        """Returns the keys and values that were stored longer ago than that. The node does not call it."""

    @abstractmethod
    def __iter__(self) -> Iterator[tuple[bytes, Value]]:
        """Iterates over the keys and values."""


class ForgetfulStorage(IStorage):
    """A storage in memory that forgets values after a while, a week by default."""

    def __init__(self, ttl: float = 604_800) -> None:
        self.data: OrderedDict[bytes, tuple[float, Value]] = OrderedDict()
        self.ttl = ttl

    def __setitem__(self, key: bytes, value: Value) -> None:
        self.data.pop(key, None)
        # The newest is the last.
        self.data[key] = (time.monotonic(), value)
        self.cull()

    def __delitem__(self, key: bytes) -> None:
        del self.data[key]

    def cull(self) -> None:
        """Removes the values that are too old."""
        for key, _ in self.iter_older_than(self.ttl):
            del self.data[key]

    def get(self, key: bytes, default: Value | None = None) -> Value | None:
        self.cull()
        return self.data[key][1] if key in self.data else default

    def __getitem__(self, key: bytes) -> Value:
        self.cull()
        return self.data[key][1]

    def iter_older_than(self, seconds_old: float) -> list[tuple[bytes, Value]]:
        latest = time.monotonic() - seconds_old
        older = []
        for key, (stored_at, value) in self.data.items():
            if stored_at > latest:
                break
            older.append((key, value))
        return older

    def __iter__(self) -> Iterator[tuple[bytes, Value]]:
        self.cull()
        return iter([(key, value) for key, (_, value) in self.data.items()])

    def __repr__(self) -> str:
        self.cull()
        return repr(self.data)


class NodeStorage:
    """The values that a node without a storage of the program's stores itself, to read."""

    def __init__(self) -> None:
        self._engine: Engine | None = None

    def __getitem__(self, key: bytes) -> Value:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def get(self, key: bytes, default: Value | None = None) -> Value | None:
        value = None if self._engine is None else self._engine.stored(key)
        return default if value is None else value

    def __iter__(self) -> Iterator[tuple[bytes, Value]]:
        return iter([] if self._engine is None else self._engine.stored_items())
