"""Simulated learners learn as they are said to, and a trial tells ways of leading them apart."""

import numpy as np
import pytest

from shuyuan.science import simulation
from shuyuan.science.simulation import Learner, World

CHAIN = World.chain(points=4, items_each=6, seed=1)


class Always:
    """Asks the items of one point only."""

    def __init__(self, point: int) -> None:
        self.point = point

    def __call__(self, world: World, rng: np.random.Generator) -> "Always":
        self.items, self.rng = world.items_of(self.point), rng
        return self

    def next(self, now_s: float) -> int:
        return int(self.rng.choice(self.items))

    def seen(self, asked: simulation.Asked) -> None: ...


class InTurn:
    """Item after item, the points in order."""

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        self.turn, self.items = 0, len(world.point)

    def next(self, now_s: float) -> int:
        return self.turn % self.items

    def seen(self, asked: simulation.Asked) -> None:
        self.turn += 1


def test_practice_teaches_and_a_night_takes_a_little_of_it_away() -> None:
    learner = Learner(CHAIN, np.random.default_rng(1))
    start = learner.strength[0]
    for item in CHAIN.items_of(0).tolist() * 3:
        learner.answer(item)
    taught = learner.strength[0]
    learner.sleep()
    assert start < learner.strength[0] < taught
    for _ in range(500):
        learner.sleep()
    assert learner.strength[0] == pytest.approx(start, abs=0.05)


def test_what_builds_on_an_unknown_point_is_hardly_learnt() -> None:
    first, second = (Learner(CHAIN, np.random.default_rng(2)) for _ in range(2))
    before = first.strength[1]
    for item in CHAIN.items_of(1).tolist() * 2:
        first.answer(item)
    for item in CHAIN.items_of(0).tolist() * 8 + CHAIN.items_of(1).tolist() * 2:
        second.answer(item)
    assert second.strength[1] - before > 3 * (first.strength[1] - before) > 0


def test_in_a_mixed_class_some_know_the_first_points_before_they_begin() -> None:
    mixed = World.chain(points=4, items_each=6, seed=1, ahead=3)
    known = [(Learner(mixed, np.random.default_rng(seed)).knows > 0.6).tolist() for seed in range(60)]
    assert {sum(one) for one in known} == {0, 1, 2, 3}
    assert all(one == sorted(one, reverse=True) for one in known)
    with pytest.raises(ValueError, match="ahead must lie in 0 to 4"):
        World.chain(points=4, ahead=5)


def test_guesses_and_slips_bound_every_chance() -> None:
    learner = Learner(CHAIN, np.random.default_rng(3))
    learner.strength[:] = (-50, 50, 0, 0)
    assert learner.chance(int(CHAIN.items_of(0)[0])) == pytest.approx(simulation.world.GUESS)
    assert learner.chance(int(CHAIN.items_of(1)[0])) == pytest.approx(1 - simulation.world.SLIP)


def test_a_trial_tells_a_way_through_all_points_from_one_that_stays_at_the_first() -> None:
    through = simulation.trial(CHAIN, InTurn, learners=40, answers=96, seed=4)
    stays = simulation.trial(CHAIN, Always(0), learners=40, answers=96, seed=4)
    found = simulation.compare(through.gain, stays.gain)
    assert found["low"] > 0
    assert found["low"] < found["difference"] < found["high"]
    assert through.mastered.mean() > stays.mastered.mean()
    assert len(through.records) == 40 * 96
    assert through.records[12].at_s - through.records[0].at_s == simulation.trials.SECONDS_PER_DAY


def test_the_same_seed_gives_the_same_trial_and_the_same_learners_whoever_leads_them() -> None:
    one, two = (simulation.trial(CHAIN, InTurn, learners=5, answers=20, seed=6) for _ in range(2))
    assert one.records == two.records
    np.testing.assert_array_equal(one.gain, two.gain)
    nothing = simulation.compare(one.gain, two.gain)
    assert (nothing["low"], nothing["high"]) == (0, 0)


@pytest.mark.parametrize(
    ("requires", "point", "said"),
    [
        (((1,), ()), [0, 1], "point 0 builds on"),
        (((), ()), [0, 0], "every point needs an item"),
        (((),), [0, 0, 0], "3 items have a point, 2 a difficulty"),
    ],
)
def test_a_world_that_cannot_be_is_refused(requires: tuple[tuple[int, ...], ...], point: list[int], said: str) -> None:
    difficulty = np.zeros(2 if len(point) == 3 else len(point))
    with pytest.raises(ValueError, match=said):
        World(requires, np.asarray(point), difficulty)


def test_nobody_and_other_learners_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="got 0 and 5"):
        simulation.trial(CHAIN, InTurn, learners=0, answers=5)
    with pytest.raises(ValueError, match="same learners"):
        simulation.compare(np.zeros(3), np.zeros(4))
