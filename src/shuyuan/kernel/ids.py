"""Opaque identifiers: 26 characters, sortable by creation time (ULID layout, lower-case Crockford base 32)."""

import os
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]  # two letters at a time
_RANDOM_BYTES, _AT_ONCE = 10, 256  # one question to the system for so many ids
LENGTH = 26
_pool: list[bytes] = []
os.register_at_fork(after_in_child=_pool.clear)


def new_id() -> str:
    """Return a fresh id: 48 bits of milliseconds, 80 random bits.

    >>> first, second = new_id(), new_id()
    >>> len(first), first != second, first[:10] <= second[:10]
    (26, True, True)
    """
    value = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(_random())
    return "".join([_PAIRS[(value >> shift) & 1023] for shift in range(120, -1, -10)])


def _random() -> bytes:
    try:
        return _pool.pop()
    except IndexError:
        fresh = os.urandom(_RANDOM_BYTES * _AT_ONCE)
        _pool.extend(fresh[at : at + _RANDOM_BYTES] for at in range(_RANDOM_BYTES, len(fresh), _RANDOM_BYTES))
        return fresh[:_RANDOM_BYTES]
