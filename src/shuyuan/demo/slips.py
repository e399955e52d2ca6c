"""Wrong answers as a pupil might write them, where an item lists none: another word, a lost sign, a digit off."""

import random
import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

NEAREST = 3  # words about as long as the right one
_NUMBER = re.compile(r"\d+")
_SIGN = re.compile(r"(?<=\S) ([+-]) ")


def near(key: str, words: Sequence[str], seed: int) -> str:
    """A wrong answer close to `key`, the same for the same seed. words: what else the course speaks of."""
    rng = random.Random(f"{key}/{seed}")
    if _is_number(key):
        return _number(key, rng)
    if _NUMBER.search(key) or _SIGN.search(key):
        return _formula(key, rng)
    others = [word for word in words if key not in word and word not in key]
    by_length = sorted(others, key=lambda word: (abs(len(word) - len(key)), word))
    return rng.choice(by_length[:NEAREST]) if others else f"{key}?"


def _number(key: str, rng: random.Random) -> str:
    """A fraction turned over, else the last figure one or two off."""
    above, slash, below = key.partition("/")
    if not slash:
        off = rng.choice((-2, -1, 1, 2))
        return str(Decimal(key) + off * Decimal(1).scaleb(-len(key.partition(".")[2])))
    if int(above) == 0 or abs(int(above)) == abs(int(below)):
        return f"{above}/{int(below) + 1}" if int(above) else f"1/{below}"
    return f"{'-' if int(above) < 0 else ''}{below}/{abs(int(above))}"


def _formula(key: str, rng: random.Random) -> str:
    """One sign the other way round, else one number one off."""
    signs = list(_SIGN.finditer(key))
    if signs:
        chosen = rng.choice(signs)
        return f"{key[: chosen.start()]} {'-' if chosen[1] == '+' else '+'} {key[chosen.end() :]}"
    first = _NUMBER.search(key)
    assert first is not None  # asked before
    return f"{key[: first.start()]}{int(first[0]) + 1}{key[first.end() :]}"


def _is_number(key: str) -> bool:
    try:
        Fraction(key)
    except (ValueError, ZeroDivisionError):
        return False
    return True
