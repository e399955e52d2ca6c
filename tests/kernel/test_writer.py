"""The writer: group commit, units undone alone, answers only after durability; on both dialects."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import event, func, insert, select
from sqlalchemy.exc import IntegrityError
from tests.kernel.conftest import child, probe

from shuyuan.kernel import db, outbox


def add(number: int, *, fail: bool = False) -> Callable[[db.UnitOfWork], int]:
    def unit(uow: db.UnitOfWork) -> int:
        uow.conn.execute(insert(probe).values(id=number, text=f"row {number}"))
        if fail:
            raise ValueError(f"unit {number}")
        return number

    return unit


def ids(database: db.Database) -> list[int]:
    with database.read() as conn:
        return list(conn.execute(select(probe.c.id).order_by(probe.c.id)).scalars())


@contextmanager
def writer_held(database: db.Database) -> Iterator[None]:
    """The writer is busy inside; what is submitted meanwhile becomes one group afterwards."""
    entered, release = threading.Event(), threading.Event()

    def wait(_uow: db.UnitOfWork) -> None:
        entered.set()
        assert release.wait(30)

    holding = database._writer.submit(wait)
    assert entered.wait(30)
    try:
        yield
    finally:
        release.set()
        holding.result(30)


def commits(database: db.Database) -> list[None]:
    seen: list[None] = []
    event.listen(database.engine, "commit", lambda _conn: seen.append(None))
    return seen


def test_units_that_wait_together_are_committed_together(probed: db.Database) -> None:
    with writer_held(probed):
        futures = [probed._writer.submit(add(n)) for n in range(10)]
        seen = commits(probed)
    assert [future.result(30) for future in futures] == list(range(10))
    assert len(seen) == 2, "the one that held the writer, then the group"


def test_a_failing_unit_is_undone_alone(probed: db.Database) -> None:
    with writer_held(probed):
        futures: list[Future[int]] = [probed._writer.submit(add(n, fail=n == 2)) for n in range(5)]
    with pytest.raises(ValueError, match="unit 2"):
        futures[2].result(30)
    assert [futures[n].result(30) for n in (0, 1, 3, 4)] == ids(probed) == [0, 1, 3, 4]


def test_a_unit_the_database_refuses_is_undone_alone(probed: db.Database) -> None:
    with writer_held(probed):
        futures: list[Future[int]] = [probed._writer.submit(add(n)) for n in (1, 1, 2)]
    with pytest.raises(IntegrityError):
        futures[1].result(30)
    assert [futures[0].result(30), futures[2].result(30)] == ids(probed) == [1, 2]


def test_a_failed_commit_fails_every_unit_in_it_and_the_writer_goes_on(probed: db.Database) -> None:
    told: list[str] = []

    def orphan(uow: db.UnitOfWork) -> None:  # refused only at the commit: the constraint is deferred
        uow.conn.execute(insert(child).values(id=1, parent=99))
        uow.after_commit(lambda: told.append("orphan"))

    with writer_held(probed):
        good, bad = probed._writer.submit(add(1)), probed._writer.submit(orphan)
    for future in (good, bad):
        with pytest.raises(IntegrityError):
            future.result(30)
    assert ids(probed) == []
    assert told == []
    assert probed.write(add(2)) == 2


def test_nobody_hears_of_success_before_the_commit(probed: db.Database) -> None:
    order: list[str] = []
    event.listen(probed.engine, "commit", lambda _conn: order.append(f"commit, done={future.done()}"))

    def unit(uow: db.UnitOfWork) -> None:
        uow.conn.execute(insert(probe).values(id=1))
        uow.after_commit(lambda: order.append(f"after, others see {ids(probed)}, done={future.done()}"))

    with writer_held(probed):
        future = probed._writer.submit(unit)
    future.result(30)
    assert order[-2:] == ["commit, done=False", "after, others see [1], done=False"]


def test_a_failing_after_commit_action_harms_nobody(probed: db.Database) -> None:
    def fail() -> None:
        raise OSError("after the commit")

    probed.write(lambda uow: uow.after_commit(fail))
    assert probed.write(add(1)) == 1


def test_writing_inside_a_unit_is_refused(probed: db.Database) -> None:
    with pytest.raises(RuntimeError, match="pass the uow down"):
        probed.write(lambda _uow: probed.write(add(1)))
    assert ids(probed) == []


def test_two_hundred_threads_write_and_nothing_is_lost(probed: db.Database) -> None:
    with ThreadPoolExecutor(200) as pool:
        done = list(pool.map(lambda n: probed.write(add(n)), range(600)))
    assert done == list(range(600))
    with probed.read() as conn:
        assert conn.execute(select(func.count()).select_from(probe)).scalar_one() == 600


def test_coroutines_await_durability(probed: db.Database) -> None:
    async def many() -> list[int]:
        return await asyncio.gather(*(probed.write_async(add(n)) for n in range(20)))

    assert asyncio.run(many()) == list(range(20))
    assert ids(probed) == list(range(20))


def test_a_caller_who_gives_up_waiting_does_not_stop_the_writer(probed: db.Database) -> None:
    async def give_up() -> None:
        waiting = asyncio.create_task(probed.write_async(add(1)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    with writer_held(probed):
        asyncio.run(give_up())
    assert probed.write(add(2)) == 2
    assert ids(probed) == [2], "a unit that was given up before it began is not run"


def test_a_caller_who_gives_up_while_the_unit_runs_does_not_stop_it(probed: db.Database) -> None:
    entered, release = threading.Event(), threading.Event()

    def slow(uow: db.UnitOfWork) -> None:
        uow.conn.execute(insert(probe).values(id=1))
        entered.set()
        assert release.wait(30)

    async def give_up() -> None:
        waiting = asyncio.create_task(probed.write_async(slow))
        await asyncio.to_thread(entered.wait, 30)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        release.set()

    asyncio.run(give_up())
    assert probed.write(add(2)) == 2
    assert ids(probed) == [1, 2]


def test_closing_finishes_what_is_queued_and_refuses_more(probed: db.Database) -> None:
    with writer_held(probed):
        queued: list[Future[int]] = [probed._writer.submit(add(n)) for n in range(3)]
        closing = threading.Thread(target=probed._writer.close)
        closing.start()
    closing.join()
    assert [future.result(0) for future in queued] == [0, 1, 2]
    with pytest.raises(RuntimeError, match="closed"):
        probed.write(add(4))


def test_a_read_is_one_snapshot_and_keeps_nothing(probed: db.Database) -> None:
    with probed.read() as conn:
        count = select(func.count()).select_from(probe)
        assert conn.execute(count).scalar_one() == 0
        probed.write(add(1))
        assert conn.execute(count).scalar_one() == 0, "what was written since is not in this snapshot"
    assert ids(probed) == [1]
    with probed.read() as conn:
        assert conn.execute(count).scalar_one() == 1


def test_what_is_written_through_a_read_is_rolled_back(probed: db.Database) -> None:
    with probed.read() as conn:
        conn.execute(insert(probe).values(id=1))
    assert ids(probed) == []


def test_times_have_a_zone_and_come_back_in_utc(probed: db.Database) -> None:
    told = datetime(2026, 9, 1, 8, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    row = {"school_id": "s", "kind": "k", "payload": {}, "tries": 0}
    probed.write(lambda uow: uow.conn.execute(insert(outbox.event).values(**row, at=told)))
    with probed.read() as conn:
        found = conn.execute(select(outbox.event.c.at)).scalar_one()
    assert (found, found.tzinfo) == (told, UTC)
    with pytest.raises(Exception, match="no time zone"):
        probed.write(lambda uow: uow.conn.execute(insert(outbox.event).values(**row, at=datetime(2026, 9, 1))))
