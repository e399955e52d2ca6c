"""The outbox: with the commit, in order, at least once, across restarts; failures retried, then parked."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from shuyuan.kernel import clock, db, outbox


def emit(database: db.Database, box: outbox.Outbox, *numbers: int, subject: str | None = None) -> None:
    for n in numbers:
        database.write(
            lambda uow, n=n: box.emit(  # type: ignore[misc]
                uow, "counted", school_id="s", subject_id=subject, n=n
            )
        )


def collecting(box: outbox.Outbox, fails: Callable[[int], bool] = lambda n: False) -> list[int]:
    """Subscribe a handler that notes each number, and raises first where `fails`."""
    seen: list[int] = []

    def handle(event: outbox.Event) -> None:
        if fails(event.payload["n"]):
            raise ValueError("not now")
        seen.append(event.payload["n"])

    box.subscribe("counted", handle)
    return seen


@pytest.fixture
def box(database: db.Database) -> outbox.Outbox:
    return outbox.Outbox(database)


def test_events_come_once_and_in_order(database: db.Database, box: outbox.Outbox) -> None:
    seen = collecting(box)
    emit(database, box, *range(450))  # more than two batches
    assert box.backlog() == 450
    assert box.drain() == 450
    assert seen == list(range(450))
    assert (box.drain(), box.backlog()) == (0, 0)


def test_an_undone_unit_emits_nothing(database: db.Database, box: outbox.Outbox) -> None:
    def unit(uow: db.UnitOfWork) -> None:
        box.emit(uow, "counted", school_id="s", n=1)
        raise ValueError("changed my mind")

    with pytest.raises(ValueError, match="changed my mind"):
        database.write(unit)
    assert box.backlog() == 0


def test_an_event_says_what_happened(database: db.Database, box: outbox.Outbox) -> None:
    told: list[outbox.Event] = []
    box.subscribe("counted", told.append)
    emit(database, box, 7, subject="learner")
    box.drain()
    assert [(e.kind, e.school_id, e.subject_id, e.payload) for e in told] == [("counted", "s", "learner", {"n": 7})]


def test_every_subscriber_hears_and_unheard_kinds_do_not_pile_up(database: db.Database, box: outbox.Outbox) -> None:
    first, second = collecting(box), collecting(box)
    emit(database, box, 1)
    database.write(lambda uow: box.emit(uow, "of no interest", school_id="s"))
    box.drain()
    assert (first, second, box.backlog()) == ([1], [1], 0)


def test_the_background_thread_delivers_after_the_commit(database: db.Database, box: outbox.Outbox) -> None:
    arrived = threading.Event()
    box.subscribe("counted", lambda event: arrived.set())
    box.start()
    emit(database, box, 1)
    assert arrived.wait(30)
    box.close()


def test_what_an_earlier_process_left_is_delivered(database: db.Database, box: outbox.Outbox) -> None:
    emit(database, box, 1, 2)
    later = outbox.Outbox(database)
    seen = collecting(later)
    later.start()
    wait_until(lambda: seen == [1, 2])
    later.close()


def test_a_crash_between_handling_and_marking_brings_the_event_again(
    database: db.Database, box: outbox.Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = collecting(box)
    emit(database, box, 1)
    with monkeypatch.context() as crash:
        crash.setattr(outbox.Outbox, "_mark", lambda self, seqs: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            box.drain()
    assert (outbox.Outbox(database).backlog(), box.drain(), seen) == (1, 1, [1, 1])


def test_a_learners_later_events_wait_behind_a_failed_one_and_others_go_on(
    database: db.Database, box: outbox.Outbox
) -> None:
    broken = {1}
    seen = collecting(box, lambda n: n in broken)
    emit(database, box, 1, 2, subject="anna")
    emit(database, box, 3, subject="ben")
    emit(database, box, 4, subject="anna")
    emit(database, box, 5)
    assert (box.drain(), seen) == (2, [3, 5])
    broken.clear()
    assert (box.drain(), seen) == (3, [3, 5, 1, 2, 4])


def test_a_handler_that_always_fails_is_parked_and_holds_nobody_back(database: db.Database, box: outbox.Outbox) -> None:
    seen = collecting(box, lambda n: n == 1)
    emit(database, box, 1, 2, subject="anna")
    for _ in range(outbox.MAX_TRIES):
        assert seen == []
        box.drain()
    assert box.drain() == 1
    assert (seen, box.backlog()) == ([2], 0)
    with database.read() as conn:
        parked = conn.execute(select(outbox.event).where(outbox.event.c.delivered_at.is_(None))).all()
    assert [(row.payload["n"], row.tries) for row in parked] == [(1, outbox.MAX_TRIES)]


def test_a_busy_queue_does_not_use_up_the_tries_of_a_failed_event(
    database: db.Database, box: outbox.Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "FIRST_PAUSE_S", 60.0)
    seen = collecting(box, lambda n: n == 0)
    box.start()
    for n in range(30):
        emit(database, box, n)
        wait_until(lambda n=n: n in seen or n == 0)  # type: ignore[misc]
    box.close()
    with database.read() as conn:
        tries = conn.execute(select(outbox.event.c.tries).order_by(outbox.event.c.seq).limit(1)).scalar_one()
    assert tries <= 1


def test_a_failed_event_is_tried_again_by_itself(
    database: db.Database, box: outbox.Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "FIRST_PAUSE_S", 0.01)
    failures = iter([True, True])
    seen = collecting(box, lambda n: next(failures, False))
    box.start()
    emit(database, box, 1)
    wait_until(lambda: seen == [1])
    box.close()


def wait_until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_only_what_was_delivered_long_ago_is_forgotten(database: db.Database) -> None:
    box = outbox.Outbox(database)
    for kind in ("old", "new", "waiting"):
        database.write(lambda uow, kind=kind: box.emit(uow, kind, school_id="s"))  # type: ignore[misc]
    week = timedelta(days=outbox.KEPT_DAYS)
    for kind, at in (("old", clock.now() - week - timedelta(hours=1)), ("new", clock.now())):
        database.write(
            lambda uow, kind=kind, at=at: uow.conn.execute(  # type: ignore[misc]
                update(outbox.event).where(outbox.event.c.kind == kind).values(delivered_at=at)
            )
        )
    assert box.prune() == 1
    with database.read() as conn:
        assert sorted(conn.execute(select(outbox.event.c.kind)).scalars()) == ["new", "waiting"]
    assert box.parked() == 0
