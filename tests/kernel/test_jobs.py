"""Rounds: one member after the other, aside of everything else, and nobody's failure is another's."""

import threading

from shuyuan.kernel import jobs

LONG_S = 10.0


def test_who_fails_leaves_the_next_one_their_turn() -> None:
    seen: list[str] = []

    def work(member: str) -> None:
        seen.append(member)
        if member == "a":
            raise ValueError(member)

    jobs.Round("look", lambda: ["a", "b"], work, jobs.Aside("look", threading.Event())).go()
    assert seen == ["a", "b"]


def test_a_round_is_never_made_twice_at_a_time_and_nobody_waits_for_it() -> None:
    seen: list[str] = []
    going, done = threading.Event(), threading.Event()

    def work(member: str) -> None:
        seen.append(member)
        going.set()
        done.wait(LONG_S)

    aside = jobs.Aside("look", threading.Event())
    made = jobs.Round("look", lambda: ["a"], work, aside)
    aside.begin(made.go)
    assert going.wait(LONG_S)
    aside.begin(made.go)
    assert seen == ["a"]
    done.set()
    assert aside.ends_within(LONG_S)
    aside.begin(made.go)
    assert aside.ends_within(LONG_S)
    assert seen == ["a", "a"]


def test_a_round_stops_between_two_members_and_outlives_a_list_that_cannot_be_read() -> None:
    stop, seen = threading.Event(), list[str]()

    def work(member: str) -> None:
        seen.append(member)
        stop.set()

    jobs.Round("look", lambda: ["a", "b"], work, jobs.Aside("look", stop)).go()
    assert seen == ["a"]

    def gone() -> list[str]:
        raise RuntimeError("the database is closed")

    aside = jobs.Aside("look", threading.Event())
    aside.begin(jobs.Round("look", gone, work, aside).go)
    assert aside.ends_within(LONG_S)
    assert seen == ["a"]


def test_what_goes_on_aside_is_asked_to_stop_and_waited_for_when_everything_stops() -> None:
    scheduler, going, ended = jobs.Scheduler(), threading.Event(), list[str]()
    aside = scheduler.aside("long")

    def work() -> None:
        going.set()
        while not jobs.is_stopping():  # as deep in the work as one likes
            pass
        ended.append("by itself" if aside.is_stopping else "too early")

    assert aside.begin(work)
    assert going.wait(LONG_S)
    assert not aside.begin(work)
    scheduler.close()
    assert ended == ["by itself"]
    assert not aside.begin(work)
    assert not jobs.is_stopping(), "what does not go on aside ends by itself"


def test_the_first_run_may_come_sooner_than_one_period() -> None:
    done, never = threading.Event(), list[str]()
    scheduler = jobs.Scheduler()
    scheduler.every(3600.0, "soon", done.set, first_s=0.0)
    scheduler.every(3600.0, "later", lambda: never.append("run"))
    scheduler.start()
    assert done.wait(LONG_S)
    scheduler.close()
    assert never == []
