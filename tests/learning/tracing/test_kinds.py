"""A net in use, and a version that is tried: kept answer by answer, equal to a replay, and never slower by history."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select, text
from tests.learning.assessment.world import ITEMS_OF_POINT, A, B, World
from tests.learning.tracing.test_tracing import states
from tests.science.tracing.serving import nets
from tests.statements import noted

from shuyuan.identity.interface import Principal
from shuyuan.kernel import ids
from shuyuan.learning.tracing.champion import PRIOR_VERSION, digest
from shuyuan.learning.tracing.interface import MINIMUM_EVIDENCE
from shuyuan.learning.tracing.tables import memory
from shuyuan.science.tracing import online, serving

ITEMS = [f"{point}-{at:02d}" for point in (A, B) for at in range(ITEMS_OF_POINT)]
NET = serving.write(nets.arrays(ITEMS, [A, B]))


def adopt(world: World, raw: bytes = NET, version: str = "net-1") -> None:
    world.database.write(lambda uow: world.tracing.adopt(uow, world.school, version, raw))
    world.tracing.rebuild(world.school)


def remembered(world: World) -> list[tuple[Any, ...]]:
    with world.database.read() as conn:
        rows = conn.execute(select(memory).order_by(memory.c.learner_id, memory.c.version, memory.c.key))
        return [tuple(row) for row in rows]


def replayed(world: World, pupil: Principal, raw: bytes) -> np.ndarray:
    """What a tracer would have said before each answer of a pupil."""
    rows = [
        online.Answer("one", one.item_id, one.points, one.correct, (one.counted_at or one.at).timestamp())
        for one in world.records.evidence(pupil, pupil.account_id)
    ]
    return serving.replay(serving.read(raw), online.Interactions.of(rows))


def said(world: World, pupil: Principal) -> list[float]:
    return [one.p_before or 0.0 for one in world.records.evidence(pupil, pupil.account_id)]


def test_a_net_in_use_says_before_each_answer_what_a_replay_of_all_of_them_says(world: World) -> None:
    pupil = world.pupils[0]
    adopt(world)
    world.practise(pupil, A, "+-+-++")
    world.later(days=2)
    world.practise(pupil, B, "--+-")
    world.practise(pupil, A, "+++")
    np.testing.assert_allclose(said(world, pupil), replayed(world, pupil, NET), rtol=0, atol=1e-12)
    assert len(set(np.round(said(world, pupil) - replayed(world, pupil, kalman()), 6))) > 1  # the net has its say
    expected = world.tracing.predict(pupil, pupil.account_id, f"{B}-05", [B])
    attempt = world.start(pupil, [f"{B}-05"])
    world.answer(pupil, attempt.id, f"{B}-05", right=True)
    assert said(world, pupil)[-1] == pytest.approx(expected, abs=1e-6)


def test_what_a_net_remembers_is_rebuilt_from_the_records_to_the_last_bit(world: World) -> None:
    adopt(world)
    for pupil, marks in zip(world.pupils, ("+-+-++", "--+", "+"), strict=False):
        world.practise(pupil, A, marks)
        world.later(days=3)
        world.practise(pupil, B, marks[::-1])
    kept = states(world), remembered(world)
    assert len(kept[1]) == 3 + 3 * 2 + 2 * (6 + 3 + 1)  # learners, points, items
    world.database.write(lambda uow: uow.conn.execute(text("UPDATE tracing_state SET mean = 9")))
    assert world.tracing.rebuild(world.school) == 2 * (6 + 3 + 1)
    assert (states(world), remembered(world)) == kept


def test_mastery_is_read_alike_under_both_kinds_and_no_level_is_shown_below_five_answers(world: World) -> None:
    pupil = world.pupils[0]
    adopt(world)
    told = world.practise(pupil, A, "-+++++++")
    by_net = world.tracing.of_learner(pupil, pupil.account_id, [A])[A]
    assert [one.after[A].level for one in told][: MINIMUM_EVIDENCE - 1] == [None] * (MINIMUM_EVIDENCE - 1)
    assert by_net.level is not None
    assert all(one.after[A].p > one.before[A].p for one in told[1:])  # whatever the net foretells
    adopt(world, kalman(), "kalman-2")
    again = world.tracing.of_learner(pupil, pupil.account_id, [A])[A]
    assert (again.p, again.uncertainty, again.n) == pytest.approx((by_net.p, by_net.uncertainty, by_net.n))
    assert remembered(world) == []  # nothing stays of a net that serves no longer


def test_until_its_states_are_made_a_new_net_leaves_its_kalman_step_alone_to_foretell(world: World) -> None:
    pupil, new = world.pupils[0], world.pupils[1]
    world.practise(pupil, A, "+-+")
    world.database.write(lambda uow: world.tracing.adopt(uow, world.school, "net-1", NET))
    world.practise(pupil, A, "+")
    world.practise(new, A, "+-")
    assert {row[0] for row in remembered(world)} == {new.account_id}  # whom nobody had seen starts with the net
    known = world.tracing.predict(pupil, pupil.account_id, f"{A}-03", [A])
    assert world.tracing.rebuild(world.school) == 6
    assert {row[0] for row in remembered(world)} == {new.account_id, pupil.account_id}
    assert world.tracing.predict(pupil, pupil.account_id, f"{A}-03", [A]) != known
    np.testing.assert_allclose(said(world, new), replayed(world, new, NET), rtol=0, atol=1e-12)


def test_a_rebuild_catches_up_with_what_was_answered_meanwhile_and_reads_nothing_else_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pupil, other = world.pupils[:2]
    adopt(world)
    for one in (pupil, other):
        world.practise(one, A, "+-+-")
    rebuilding, read = world.tracing._rebuilding, list[int]()
    before, evidence_of = rebuilding._before, world.records.evidence_of

    def meanwhile(school_id: str, learner_id: str, by: Any) -> Any:  # Any: as `Rebuilding` has them
        made = before(school_id, learner_id, by)
        one = pupil if learner_id == pupil.account_id else other
        (last, *_) = world.records.of_learner(one, learner_id)
        world.practise(one, A, "+")
        if one is other:  # a clock that was put back
            late = replace(last, id=ids.new_id(), client_key="late", at=last.at - timedelta(days=9), counted_at=None)
            world.database.write(lambda uow: world.records.append(uow, late))
        return made

    def counted(*asked: Any, **told: Any) -> Any:  # Any: of the verb
        found = evidence_of(*asked, **told)
        read.append(len(found[0]))
        return found

    monkeypatch.setattr(rebuilding, "_before", meanwhile)
    monkeypatch.setattr(world.records, "evidence_of", counted)
    assert world.tracing.rebuild(world.school) == 5 + 6
    assert sorted(read) == [1, 1, 6]
    monkeypatch.undo()
    kept = states(world), remembered(world)
    world.tracing.rebuild(world.school)
    assert (states(world), remembered(world)) == kept


def test_an_answer_reads_and_writes_as_many_rows_after_a_long_history_as_after_a_short_one(world: World) -> None:
    pupil = world.pupils[0]
    adopt(world)
    begin_canary(world, [pupil], kalman())
    world.practise(pupil, A, "+")
    early = statements(world, lambda: trace(world, pupil, 0))
    for turn in range(200):
        trace(world, pupil, turn)
    late = statements(world, lambda: trace(world, pupil, 0))
    assert early == late
    assert sum(rows for _, rows in late) < 20


def test_weights_that_are_not_those_of_their_hash_are_not_served(world: World) -> None:
    adopt(world)
    world.database.write(lambda uow: uow.conn.execute(text("UPDATE tracing_adopted SET sha256 = 'other'")))
    fresh = World(world.database, world.records._vault)
    assert fresh.tracing.version(world.school) == PRIOR_VERSION
    assert world.tracing.version(world.school) == "net-1"


@pytest.mark.parametrize("raw", [NET, serving.write(online.Params(bias=0.4).to_arrays())], ids=["net", "kalman"])
def test_a_canary_foretells_its_learners_unseen_and_serves_nobody(world: World, raw: bytes) -> None:
    tried, other = world.pupils[:2]
    world.practise(tried, A, "+-+-")
    begin_canary(world, [tried], raw)
    for pupil in (tried, other):
        world.practise(pupil, B, "--+")
    assert said(world, tried)[-3:] == pytest.approx(replayed(world, tried, PRIOR)[-3:])
    told = world.tracing.foretold(world.school, "try-1")
    assert [(one.learner_id, one.correct) for one in told] == [(tried.account_id, mark == "+") for mark in "--+"]
    assert [one.p_in_use for one in told] == said(world, tried)[-3:]
    np.testing.assert_allclose([one.p_tried for one in told], replayed(world, tried, raw)[-3:], rtol=0, atol=1e-9)
    world.database.write(lambda uow: world.tracing.end_canary(uow, world.school))
    assert world.tracing.foretold(world.school, "try-1") == []
    world.practise(tried, B, "+")
    assert world.tracing.foretold(world.school, "try-1") == []
    world.tracing.tidy(world.school)
    assert remembered(world) == []


def test_who_leaves_a_canary_is_foretold_no_longer_and_nothing_of_it_stays(world: World) -> None:
    gone, stays = world.pupils[:2]
    begin_canary(world, [gone, stays], NET)
    for pupil in (gone, stays):
        world.practise(pupil, A, "+-")

    def keep(uow: Any) -> int | None:  # Any: a unit of work
        return world.tracing.keep_in_canary(uow, world.school, frozenset({stays.account_id, "another"}))

    assert [world.database.write(keep), world.database.write(keep)] == [1, None]
    world.practise(gone, A, "+")
    fresh = World(world.database, world.records._vault)
    assert fresh.tracing.fill_canary(world.school) == 0
    assert {one.learner_id for one in world.tracing.foretold(world.school, "try-1")} == {stays.account_id}
    assert {row[0] for row in remembered(world)} == {stays.account_id}


def test_who_leaves_while_a_canary_s_states_are_made_is_left_out_and_nobody_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    whose = sorted(pupil.account_id for pupil in world.pupils[:3])
    for pupil in world.pupils[:3]:
        world.practise(pupil, A, "+-")
    world.database.write(lambda uow: world.tracing.begin_canary(uow, world.school, "try-1", NET, whose))
    before, kept = world.tracing._rebuilding._before, frozenset(whose[1:])

    def meanwhile(*asked: Any) -> Any:  # Any: as `Rebuilding` has them
        world.database.write(lambda uow: world.tracing.keep_in_canary(uow, world.school, kept))
        return before(*asked)

    monkeypatch.setattr(world.tracing._rebuilding, "_before", meanwhile)
    world.tracing.fill_canary(world.school)
    assert {row[0] for row in remembered(world)} == kept


def test_stored_weights_that_cannot_be_read_stop_no_answer(world: World) -> None:
    pupil, raw = world.pupils[0], b"of another release"
    adopt(world)
    begin_canary(world, [pupil], kalman())
    given = {"raw": raw, "sha256": digest(raw)}
    for table in ("tracing_adopted", "tracing_canary"):
        broken = text(f"UPDATE {table} SET arrays = :raw, sha256 = :sha256").bindparams(**given)
        world.database.write(partial(execute, broken))
    world.tracing = World(world.database, world.records._vault).tracing
    trace(world, pupil, 0)
    assert world.tracing.version(world.school) == PRIOR_VERSION


def test_a_canary_waits_for_the_history_of_a_learner_and_is_finished_after_a_crash(world: World) -> None:
    pupil = world.pupils[0]
    world.practise(pupil, A, "+-+-")
    world.database.write(lambda uow: world.tracing.begin_canary(uow, world.school, "try-1", NET, [pupil.account_id]))
    world.practise(pupil, A, "+")
    assert world.tracing.foretold(world.school, "try-1") == []
    fresh = World(world.database, world.records._vault)
    fresh.tracing.finish_rebuild(world.school)
    world.practise(pupil, A, "-")
    (told,) = world.tracing.foretold(world.school, "try-1")
    assert told.p_tried == pytest.approx(replayed(world, pupil, NET)[-1], abs=1e-9)


def test_a_canary_that_is_promoted_keeps_what_it_remembers(world: World) -> None:
    pupil = world.pupils[0]
    world.practise(pupil, A, "+-+")
    begin_canary(world, [pupil], NET)
    world.practise(pupil, A, "-")

    def promote(uow: Any) -> None:  # Any: a unit of work
        world.tracing.adopt(uow, world.school, "try-1", NET)
        world.tracing.end_canary(uow, world.school)

    world.database.write(promote)
    world.practise(pupil, A, "+")
    assert said(world, pupil)[-1] == pytest.approx(replayed(world, pupil, NET)[-1], abs=1e-9)
    kept = remembered(world)
    world.tracing.rebuild(world.school)
    assert remembered(world) == kept


PRIOR = serving.write(online.Params().to_arrays())


def kalman() -> bytes:
    """The step that `NET` stands on, alone."""
    return serving.write(serving.read(NET).params.to_arrays())


def execute(statement: Any, uow: Any) -> None:  # Any: SQLAlchemy's
    uow.conn.execute(statement)


def begin_canary(world: World, pupils: list[Principal], raw: bytes) -> None:
    whose = [one.account_id for one in pupils]
    world.database.write(lambda uow: world.tracing.begin_canary(uow, world.school, "try-1", raw, whose))
    assert world.tracing.fill_canary(world.school) == len(pupils)
    world.tracing.fill_canary(world.school)


def trace(world: World, pupil: Principal, turn: int) -> None:
    """One answer's mastery, without the answer."""
    item = ITEMS[turn % len(ITEMS)]
    asked: dict[str, Any] = {"school_id": world.school, "learner_id": pupil.account_id, "points": [item[:-3]]}
    world.database.write(
        lambda uow: world.tracing.update(uow, **asked, item_id=item, correct=turn % 3 > 0, at=world.clock())
    )


def statements(world: World, work: Callable[[], None]) -> list[tuple[str, int]]:
    """What is sent to the database on the way, and how many rows each writes."""
    with noted(world.database) as seen:
        work()
    with world.database.read() as conn:
        assert conn.execute(select(func.count()).select_from(memory)).scalar_one()
    return seen
