"""Whether what is pooled over the learners of a school is worth making anew.

Making it reads every answer there is, so a few more are no reason; a twentieth more is, and so is anybody who agreed or
took it back. Remembered in this process: another one makes it once more.
"""

from collections.abc import Callable
from typing import NamedTuple

from shuyuan.learning.people.interface import Profiles
from shuyuan.learning.records.interface import Records

FEWEST_NEW, SHARE_NEW = 50, 0.05  # answers; of those there were


class _Made(NamedTuple):
    answers: int
    agreed: frozenset[str]
    kept: bool


class Due:
    """When each school's was made, of whom."""

    def __init__(self, profiles: Profiles, records: Records) -> None:
        self._profiles, self._records = profiles, records
        self._last: dict[str, _Made] = {}

    def turn(self, school_id: str, renew: Callable[[str], int], is_kept: Callable[[], bool]) -> bool:
        """`renew` where it is time; whether it was. is_kept: whether there is something pooled now."""
        agreed = frozenset(self._profiles.agreed(school_id, "peers"))
        answers, last = self._records.count(school_id), self._last.get(school_id)
        same = last is not None and (last.agreed, last.kept) == (agreed, is_kept())
        if last is not None and same and answers - last.answers < max(FEWEST_NEW, SHARE_NEW * last.answers):
            return False
        renew(school_id)
        self._last[school_id] = _Made(answers, agreed, is_kept())
        return True
