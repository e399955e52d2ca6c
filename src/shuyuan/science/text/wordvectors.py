"""Texts as vectors of their words: what two of them share, without any model.

A word's place is a hash of it (Weinberger et al. 2009, ICML), its weight falls with the number of texts it is in.
"""

import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shuyuan.science.text.terms import terms

WIDTH = 2048
_SIGN = 1 << 31


def of(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """(texts, WIDTH) rows of length one, or zero for a text without words. Rare words are those rare among `texts`.

    >>> one, same, other = of(["like terms", "Like terms!", "the Nile"])
    >>> float(one @ same.T) > 0.99, float(one @ other.T)
    (True, 0.0)
    """
    bags = [Counter(terms(text)) for text in texts]
    texts_with = Counter(word for bag in bags for word in bag)
    found = np.zeros((len(texts), WIDTH))
    for row, bag in enumerate(bags):
        for word, count in bag.items():
            place = zlib.crc32(word.encode())
            weight = np.log1p(count) * np.log1p(len(bags) / texts_with[word])
            found[row, place % WIDTH] += weight if place & _SIGN else -weight
    size = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.where(size == 0.0, 1.0, size))
