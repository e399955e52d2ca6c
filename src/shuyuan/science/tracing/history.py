"""What came before each row: running sums within a key, and the place of a row among its key's rows."""

import numpy as np

from shuyuan.science.tracing.interactions import Floats, Ints


def earlier(key: Ints, value: Floats) -> Floats:
    """(N,) for each row, the sum of `value` over the rows before it that have the same key.

    >>> earlier(np.array([7, 8, 7, 7]), np.array([1.0, 5.0, 2.0, 4.0])).tolist()
    [0.0, 0.0, 1.0, 3.0]
    """
    order = np.argsort(key, kind="stable")
    grouped, sums = key[order], np.concatenate([[0.0], np.cumsum(value[order])])
    first = np.flatnonzero(np.concatenate([[True], grouped[1:] != grouped[:-1]])) if len(key) else np.zeros(0, np.int64)
    sizes = np.diff(np.concatenate([first, [len(key)]]))
    before = np.empty(len(key))
    before[order] = sums[:-1] - np.repeat(sums[first], sizes)
    return before


def ranks(key: Ints) -> Ints:
    """(N,) how many rows before this one have the same key.

    >>> ranks(np.array([7, 8, 7, 7])).tolist()
    [0, 0, 1, 2]
    """
    return earlier(key, np.ones(len(key))).astype(np.int64)
