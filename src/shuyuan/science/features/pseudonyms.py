"""What stands for a person in a table, and so in a fitted model: a keyed hash, never a name, number or address.

Who has no key cannot go back, nor try every pupil number of a school. Under one key a person has one pseudonym.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

MARK = "p-"
MARKED_SINCE = datetime(2026, 11, 22, tzinfo=UTC)  # tables read before hold some without the mark
UNMARKED = "[0-9a-f]{24}"  # other things look so too, the identifiers of some databases among them
_ONE, _UNMARKED = re.compile(MARK + UNMARKED), re.compile(UNMARKED)


def of(key: bytes, person: str) -> str:
    """The pseudonym of a person; one that is a pseudonym already stays.

    >>> of(b"key", "s1") == of(b"key", of(b"key", "s1")), of(b"key", "s1") == of(b"other", "s1")
    (True, False)
    """
    if is_one(person):
        return person
    return MARK + keyed(key, "person", person)


def keyed(key: bytes, kind: str, said: str) -> str:
    """24 hex digits of a keyed hash. kind: what `said` is, so that a number and an address are never the same."""
    return hmac.new(key, f"{kind}\0{said}".encode(), hashlib.sha256).hexdigest()[:24]


def is_one(word: str, read_at: datetime | None = None) -> bool:
    """Whether a word has the form of a pseudonym. read_at: of the table it stands in; None: now.

    >>> is_one("507f1f77bcf86cd799439011"), is_one("p-507f1f77bcf86cd799439011")
    (False, True)
    """
    was_unmarked = read_at is not None and read_at < MARKED_SINCE
    return bool(_ONE.fullmatch(word) or (was_unmarked and _UNMARKED.fullmatch(word)))


def raw(features: Mapping[str, Any], persons: Iterable[str]) -> tuple[str, ...]:  # Any: JSON
    """Which of the columns `persons` stand in features.json with words that are no pseudonyms.

    >>> raw({"columns": [{"name": "who", "kind": "identifier", "state": {"known": ["s1"]}}]}, ["who"])
    ('who',)
    """
    asked = set(persons)
    found = (one for one in features.get("columns", ()) if one["name"] in asked)
    return tuple(one["name"] for one in found if not all(map(is_one, one.get("state", {}).get("known", ()))))
