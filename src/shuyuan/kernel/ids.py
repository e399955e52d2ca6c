"""Opaque identifiers: 26 characters, sortable by creation time (ULID layout, lower-case Crockford base 32)."""

import os
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26


def new_id() -> str:
    """Return a fresh id: 48 bits of milliseconds, 80 random bits.

    >>> first, second = new_id(), new_id()
    >>> len(first), first != second, first[:10] <= second[:10]
    (26, True, True)
    """
    value = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10))
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))
