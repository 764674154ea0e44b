"""Keys."""

from __future__ import annotations

import hashlib

__all__ = ["digest"]


def digest(key: object) -> bytes:
    """Returns the 20 bytes under which a value is stored: the SHA-1 of the key, or of its text."""
    return hashlib.sha1(key if isinstance(key, bytes) else str(key).encode()).digest()
