"""What somebody asked for goes on aside, one at a time for each school, and what it came to is told."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from shuyuan.kernel import errors, jobs
from shuyuan.kernel.errands import Errands

LONG_S = 10.0
AT = datetime(2031, 5, 7, tzinfo=UTC)


@pytest.fixture
def scheduler() -> Iterator[jobs.Scheduler]:
    made = jobs.Scheduler()
    yield made
    made.close()


def ended(errands: Errands, name: str, owner: str) -> None:
    assert errands._asides[name, owner].ends_within(LONG_S)


def test_one_at_a_time_for_each_name_and_school_and_what_it_came_to_is_told(scheduler: jobs.Scheduler) -> None:
    errands, going, done = Errands(scheduler, clock=lambda: AT), threading.Event(), threading.Event()

    def work() -> str:
        going.set()
        assert done.wait(LONG_S)
        return "fitted"

    assert errands.begin("fit", "hill", work)
    assert going.wait(LONG_S)
    assert errands.since("fit", "hill") is not None
    assert errands.last("fit", "hill") is None
    assert not errands.begin("fit", "hill", work)
    with errands.take("fit", "hill") as free, errands.take("fit", "lake") as elsewhere:
        assert (free, elsewhere) == (False, True)
    assert errands.begin("other", "hill", lambda: "done")
    ended(errands, "other", "hill")
    done.set()
    ended(errands, "fit", "hill")
    assert errands.since("fit", "hill") is None
    last = errands.last("fit", "hill")
    assert last is not None
    assert (last.came_to, last.failure, last.ended_at) == ("fitted", None, AT)
    assert errands.begin("fit", "hill", lambda: "again"), "who is done may begin anew at once"
    ended(errands, "fit", "hill")


def test_a_failure_is_kept_in_words_and_a_defect_too(scheduler: jobs.Scheduler) -> None:
    errands = Errands(scheduler)

    def late() -> None:
        raise errors.Unavailable("learning took more than 900 s", fix="try when there is less to do")

    def wrong() -> None:
        raise ZeroDivisionError

    for name, work, said in (("late", late, "took more than 900 s"), ("wrong", wrong, "broke off by a defect")):
        assert errands.begin(name, "hill", work)
        ended(errands, name, "hill")
        last = errands.last(name, "hill")
        assert last is not None
        assert last.failure is not None
        assert said in last.failure.message
        assert last.failure.fix


def test_a_round_and_an_errand_are_never_at_the_same_school_at_once(scheduler: jobs.Scheduler) -> None:
    errands, seen = Errands(scheduler), list[str]()

    def work(school: str) -> None:
        seen.append(school)
        assert errands.since("fit", school) is not None
        assert not errands.begin("fit", school, lambda: seen.append("twice"))

    around = jobs.Round("fit", lambda: ["hill", "lake"], work, scheduler.aside("fit"), scheduler.in_hand)
    with errands.take("fit", "hill"):
        around.go()
    assert seen == ["lake"]


def test_nothing_begins_when_everything_stops() -> None:
    scheduler = jobs.Scheduler()
    errands = Errands(scheduler)
    scheduler.close()
    assert not errands.begin("fit", "hill", lambda: None)
    assert errands.since("fit", "hill") is None


def test_work_whose_thread_cannot_start_is_nobody_s(scheduler: jobs.Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    errands = Errands(scheduler)

    def no_more_threads(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", no_more_threads)
        with pytest.raises(RuntimeError):
            errands.begin("fit", "hill", lambda: "never")
    assert errands.since("fit", "hill") is None
    assert errands.begin("fit", "hill", lambda: "done")
    ended(errands, "fit", "hill")
