"""The start waits for nobody's states, and one school that fails stops no other."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from shuyuan.kernel import jobs as kernel_jobs
from shuyuan.learning.improvement import jobs


class Office:
    """Two schools whose states wait, as `register` asks for them; those of the first fail once."""

    def __init__(self) -> None:
        self.done, self.failed, self.works = list[str](), list[str](), dict[str, Callable[[], object]]()
        self.may_begin, self.stop, self.begun = threading.Event(), threading.Event(), threading.Event()

    def schools(self) -> list[Any]:  # Any: a school
        return [SimpleNamespace(id=name) for name in ("one", "two")]

    def waits(self, school_id: str) -> bool:
        return school_id not in self.done

    def finish_rebuild(self, school_id: str) -> bool:
        self.begun.set()
        assert self.may_begin.wait(60)
        if school_id == "one" and not self.failed:
            self.failed.append(school_id)
            raise RuntimeError("the disk is full")
        self.done.append(school_id)
        return True

    def every(self, every_s: float, name: str, work: Callable[[], object], *, alone: bool) -> None:
        assert alone

    def round(self, every_s: float, name: str, members: Any, work: Any, *, aside: kernel_jobs.Aside) -> None:
        self.works[name] = kernel_jobs.Round(name, members, work, aside).go

    def aside(self, name: str) -> kernel_jobs.Aside:
        self.beside = kernel_jobs.Aside(name, self.stop)
        return self.beside

    def subscribe(self, name: str, handler: object) -> None:
        pass

    def keep_promises(self) -> int:
        return 0

    @property
    def kept(self) -> "Office":
        return self


def test_states_are_finished_beside_the_start_and_again_where_that_failed() -> None:
    office: Any = Office()
    asked = list[str]()
    improvement: Any = SimpleNamespace(
        watching=SimpleNamespace(look_if_due=asked.append),
        judge_canary=asked.append,
        turn_if_due=asked.append,
        kept=office,
    )
    jobs.register(office, office, improvement, office, office, office)
    assert office.done == []  # and the server is up
    office.may_begin.set()
    assert office.beside.ends_within(60)
    assert (office.done, office.failed, asked) == (["two"], ["one"], [])
    office.works["improvement"]()
    assert office.done == ["two", "one"]
    assert asked == ["one"] * 3 + ["two"] * 3


def test_when_everything_stops_no_further_school_begins() -> None:
    office: Any = Office()
    jobs.register(office, office, office, office, office, office)
    assert office.begun.wait(60)
    office.stop.set()
    office.may_begin.set()
    assert office.beside.ends_within(60)
    assert (office.done, office.failed) == ([], ["one"])
